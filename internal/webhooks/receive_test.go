package webhooks_test

import (
	"encoding/json"
	"net/http"
	"os"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"tillway/internal/onerway"
	"tillway/internal/orders"
	"tillway/internal/webhooks"
)

func TestReceive_AnswersTheProvidersOwnCases(t *testing.T) {
	t.Parallel()

	var vectors struct {
		Secrets map[string]string `json:"secrets"`
		Cases   []struct {
			ID        string            `json:"id"`
			SecretRef string            `json:"secret_ref"`
			Headers   map[string]string `json:"headers"`
			RawBody   string            `json:"raw_body"`
			Valid     bool              `json:"expect_valid"`
			Ack       struct {
				Status int    `json:"http_status"`
				Body   string `json:"body"`
			} `json:"expected_ack"`
		} `json:"webhook_cases"`
	}
	raw, err := os.ReadFile("../onerway/testdata/vectors.json")
	require.NoError(t, err)
	require.NoError(t, json.Unmarshal(raw, &vectors))
	require.NotEmpty(t, vectors.Cases)

	for _, c := range vectors.Cases {
		t.Run(c.ID, func(t *testing.T) {
			t.Parallel()
			key := vectors.Secrets[c.SecretRef]
			require.NotEmpty(t, key)
			b := setup(t, func(cfg *webhooks.Config) { cfg.Secrets = onerway.Secrets{Current: onerway.Conceal(key)} })
			var header []string
			for name, value := range c.Headers {
				header = append(header, name, value)
			}
			got := b.deliver(t, c.RawBody, header...)
			if !c.Valid {
				require.Equal(t, http.StatusUnauthorized, got.status)
				require.Equal(t, "quarantined", b.rows(t)[0].Status)
				return
			}
			require.Equal(t, c.Ack.Status, got.status)
			require.Equal(t, c.Ack.Body, got.body)
			require.Contains(t, []string{"received", "unmatched"}, b.rows(t)[0].Status)
		})
	}
}

func TestReceive_PaysTheOrder(t *testing.T) {
	t.Parallel()

	b := setup(t)
	p := b.payment(t)
	b.acknowledged(t, saleOf(p.MerchantTxnID, "S").signed(t, secret))

	paid, err := b.orders.GetPayment(t.Context(), p.ID)
	require.NoError(t, err)
	require.Equal(t, orders.PaymentSucceeded, paid.Status)
	require.True(t, paid.Confirmed)
	require.Equal(t, transaction, paid.ProviderTransactionID)
	require.Equal(t, orders.StatusPaid, b.order(t, p).Status)
	stored := query[struct{ Status, Reason, Transaction, Order string }](t, b,
		"SELECT status, reason, transaction_id, order_id::text FROM notifications")
	require.Len(t, stored, 1)
	require.Equal(t, "applied", stored[0].Status)
	require.Equal(t, "move", stored[0].Reason)
	require.Equal(t, transaction, stored[0].Transaction)
	require.Equal(t, p.Order.UUID().String(), stored[0].Order)
}

func TestReceive_TakesThePreviousSecretWhileKeysRotate(t *testing.T) {
	t.Parallel()

	b := setup(t)
	p := b.payment(t)
	b.acknowledged(t, saleOf(p.MerchantTxnID, "S").signed(t, oldSecret))
	require.Equal(t, orders.StatusPaid, b.order(t, p).Status)
}

func TestReceive_EmptySignatureHeaderCountsAsAbsent(t *testing.T) {
	t.Parallel()

	b := setup(t)
	p := b.payment(t)
	got := b.deliver(t, saleOf(p.MerchantTxnID, "S").signed(t, secret), onerway.SignatureHeader, "")
	require.Equal(t, http.StatusOK, got.status)
	require.Equal(t, orders.StatusPaid, b.order(t, p).Status)
}

func TestReceive_TheSameTwentyTimesAtOnceIsOneEvent(t *testing.T) {
	t.Parallel()

	b := setup(t)
	p := b.payment(t)
	body := saleOf(p.MerchantTxnID, "S").signed(t, secret)
	var wg sync.WaitGroup
	for range 20 {
		wg.Go(func() { b.acknowledged(t, body) })
	}
	wg.Wait()

	stored := b.rows(t)
	require.Len(t, stored, 1)
	require.Equal(t, 20, stored[0].Deliveries)
	require.Equal(t, "applied", stored[0].Status)
	require.Equal(t, []string{
		"order.created", "payment.processing", "payment.requires_action", "payment.succeeded", "order.paid",
	}, b.events(t, p))
}

func TestReceive_RepeatInTheNextMonthChangesNothing(t *testing.T) {
	t.Parallel()

	b := setup(t)
	p := b.payment(t)
	body := saleOf(p.MerchantTxnID, "S").signed(t, secret)
	b.acknowledged(t, body)
	before := b.events(t, p)
	b.clock.Add(int64(31 * 24 * time.Hour))
	b.acknowledged(t, body)

	require.Equal(t, before, b.events(t, p))
	require.Len(t, b.rows(t), 2)
}

func TestReceive_OrderOfArrivalMeansNothing(t *testing.T) {
	t.Parallel()

	b := setup(t)
	p := b.payment(t)
	b.acknowledged(t, saleOf(p.MerchantTxnID, "S").signed(t, secret))
	before := b.events(t, p)
	for _, late := range []string{"P", "R"} {
		b.acknowledged(t, saleOf(p.MerchantTxnID, late).signed(t, secret))
	}
	require.Equal(t, before, b.events(t, p))
	require.Equal(t, orders.StatusPaid, b.order(t, p).Status)
	require.Empty(t, b.discrepancies(t))

	b.acknowledged(t, saleOf(p.MerchantTxnID, "F").with("reason", `{"respCode":"70002"}`).signed(t, secret))
	o := b.order(t, p)
	require.Equal(t, orders.StatusPaid, o.Status, "two finals disagree: the money is ours until the provider is asked")
	require.True(t, o.NeedsReview)
	require.Equal(t, []string{"status " + p.MerchantTxnID}, b.discrepancies(t))
}

func TestReceive_OtherMoneyMovesNothing(t *testing.T) {
	t.Parallel()

	for name, test := range map[string]struct{ member, value, class string }{
		"amount":   {"orderAmount", "2.70", "amount"},
		"currency": {"orderCurrency", "USD", "currency"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			b := setup(t)
			p := b.payment(t)
			b.acknowledged(t, saleOf(p.MerchantTxnID, "S").with(test.member, test.value).signed(t, secret))
			o := b.order(t, p)
			require.Equal(t, orders.StatusPending, o.Status)
			require.True(t, o.NeedsReview)
			require.Equal(t, []string{test.class + " " + p.MerchantTxnID}, b.discrepancies(t))
			require.Equal(t, "mismatch", b.rows(t)[0].Reason)
		})
	}
}

func TestReceive_KeepsWhatIsNotActedOnYet(t *testing.T) {
	t.Parallel()

	b := setup(t)
	p := b.payment(t)
	kinds := []message{
		saleOf(p.MerchantTxnID, "F").with("txnType", "BIND_CARD"),
		saleOf(p.MerchantTxnID, "I").with("notifyType", "CANCEL"),
		{"notifyType": "REFUND_AUDIT", "transactionId": transaction, "merchantNo": merchantNo, "status": "S"},
		{"notifyType": "SETTLEMENT", "transactionId": transaction, "merchantNo": merchantNo},
	}
	for _, kind := range kinds {
		b.acknowledged(t, kind.signed(t, secret))
	}
	for _, stored := range b.rows(t) {
		require.Equal(t, "received", stored.Status)
		require.Contains(t, stored.Reason, "no handling of ")
	}
	require.Len(t, b.rows(t), len(kinds))
	require.Equal(t, orders.StatusPending, b.order(t, p).Status)
	require.Empty(t, query[int64](t, b, "SELECT id FROM river_job"))
}

func TestReceive_NoCardDataAtRest(t *testing.T) {
	t.Parallel()

	const number, token = "4021937195658141", "822ba14cc565ab56887029673e244c57"
	b := setup(t)
	p := b.payment(t)
	b.acknowledged(t, saleOf(p.MerchantTxnID, "S").
		with("cardNumber", number).with("cvv", "7379").with("tokenId", token).with("note", "paid with "+number).
		with("nested", map[string]any{"deep": []any{number, 4021937195658141}}).
		with("paymentMethodDetails", `{"card":{"number":"`+number+`","cvc":"7379"}}`).with("nul", "a\x00b").
		signed(t, secret))
	b.deliver(t, saleOf(p.MerchantTxnID, "S").with("merchantTxnId", number).with("transactionId", number).unsigned(t))

	require.Equal(t, orders.StatusPaid, b.order(t, p).Status)
	dump := strings.Join(query[string](t, b, `
		SELECT notifications::text FROM notifications UNION ALL SELECT evidence::text FROM evidence
		UNION ALL SELECT payments::text FROM payments UNION ALL SELECT river_job::text FROM river_job`), "\n")
	require.Contains(t, dump, "402193******8141")
	for _, secretText := range []string{number, "7379", token} {
		require.NotContains(t, dump, secretText)
		require.NotContains(t, b.log.String(), secretText)
	}
}
