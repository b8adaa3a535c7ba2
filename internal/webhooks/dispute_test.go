package webhooks_test

import (
	"context"
	"errors"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"tillway/internal/money"
	"tillway/internal/orders"
)

// chargebacks is the provider's list: by number, the payment's transaction. Nil does not answer.
type chargebacks struct {
	mu      sync.Mutex
	origins map[string]string
}

func (c *chargebacks) FindDispute(_ context.Context, id string) (orders.DisputeEvidence, error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.origins == nil {
		return orders.DisputeEvidence{}, errors.New("the provider does not answer")
	}
	origin, known := c.origins[id]
	if !known {
		return orders.DisputeEvidence{Source: orders.SourceQuery, Outcome: orders.DisputeOutcomeNotFound, ProviderDisputeID: id}, nil
	}
	eur, err := money.ParseCurrency("eur")
	return orders.DisputeEvidence{
		Source: orders.SourceQuery, Outcome: orders.DisputeOutcome(orders.PhaseRaised), ProviderDisputeID: id, Origin: origin,
		Amount: money.New(2700, eur),
	}, err
}

func (c *chargebacks) ListDisputes(context.Context, time.Time, time.Time, int) ([]orders.DisputeEvidence, bool, error) {
	return nil, false, nil
}

func (c *chargebacks) know(id, origin string) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.origins = map[string]string{id: origin}
}

const chargebackID = "2084000000000000401"

func chargeback(status, hint string) message {
	return message{
		"notifyType": "CHARGEBACK", "merchantNo": merchantNo, "transactionId": chargebackID, "originTransactionId": hint,
		"originMerchantTxnId": "somebody's", "importTime": "2026-05-01 10:49:40", "chargebackDate": "2026-05-01",
		"chargebackAmount": "27.00", "chargebackCurrency": "EUR", "chargebackStatus": status, "chargebackArn": "24011346121000000000001",
		"chargebackCode": "10.4", "chargebackReason": "Fraud - Card Absent", "appealDueTime": "2026-05-15 10:49:40",
	}
}

func (b *testBundle) paid(t *testing.T, transactionID string) orders.Payment {
	t.Helper()
	p := b.payment(t)
	b.takes(t, saleOf(p.MerchantTxnID, "S").with("transactionId", transactionID))
	return p
}

func TestReceive_AChargebackIsOfThePaymentThatTheProvidersRecordNames(t *testing.T) {
	t.Parallel()
	b := setup(t)
	p, other := b.paid(t, "101"), b.paid(t, "102")
	b.chargebacks.know(chargebackID, "101")
	forged := chargeback("NEW", "102") // the hint is not signed
	b.takes(t, forged)
	require.Equal(t, "unmatched", b.rows(t)[2].Status, "nothing is asked while the provider waits")
	require.Zero(t, b.order(t, p).AmountDisputed)

	b.work(t)
	require.Eventually(t, func() bool { return b.rows(t)[2].Status == "applied" }, patience, 20*time.Millisecond)
	require.EqualValues(t, 2700, b.order(t, p).AmountDisputed)
	require.True(t, b.order(t, p).NeedsReview)
	require.Zero(t, b.order(t, other).AmountDisputed)
	require.False(t, b.order(t, other).NeedsReview)

	b.takes(t, chargeback("REVOKE", "102"))
	require.Equal(t, "applied", b.rows(t)[3].Status, "of a case on record what is signed is believed at once")
	require.Zero(t, b.order(t, p).AmountDisputed)
	require.False(t, b.order(t, p).NeedsReview)
	stored := query[struct{ Order, Payment string }](t, b, "SELECT order_id::text, payment_id::text FROM notifications ORDER BY id OFFSET 3")
	require.Equal(t, []string{p.Order.UUID().String(), p.ID.UUID().String()}, []string{stored[0].Order, stored[0].Payment})
}

func TestReceive_AChargebackWithABadSignatureIsQuarantined(t *testing.T) {
	t.Parallel()
	b := setup(t)
	p := b.paid(t, "101")
	b.chargebacks.know(chargebackID, "101")
	body := chargeback("NEW", "101").signed(t, "somebody's key")
	require.Equal(t, 401, b.deliver(t, body).status)
	require.Equal(t, "quarantined", b.rows(t)[1].Status)
	require.Zero(t, b.order(t, p).AmountDisputed)
	require.Empty(t, query[int64](t, b, "SELECT id FROM river_job"))
}

func TestRetry_AChargebackThatNobodyCanPlaceIsADiscrepancy(t *testing.T) {
	t.Parallel()
	for name, know := range map[string]func(*testBundle){
		"the provider does not answer":   func(*testBundle) {},
		"it does not list it":            func(b *testBundle) { b.chargebacks.know("another", "101") },
		"it is of a payment of nobody's": func(b *testBundle) { b.chargebacks.know(chargebackID, "999") },
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			b := setup(t)
			p := b.paid(t, "101")
			know(b)
			b.takes(t, chargeback("NEW", "101"))
			b.clock.Add(int64(15 * time.Minute))
			b.work(t)
			require.Eventually(t, func() bool { return b.rows(t)[1].Status == "dead" }, patience, 20*time.Millisecond)
			require.Equal(t, []string{"missing_here " + chargebackID}, b.discrepancies(t))
			require.Equal(t, []int64{2700}, query[int64](t, b, "SELECT money_at_risk FROM discrepancies"))
			require.Zero(t, b.order(t, p).AmountDisputed, "the hint alone moves nothing")
		})
	}
}

func TestReceive_AWarningAsksForAPersonAndTakesNothing(t *testing.T) {
	t.Parallel()
	b := setup(t)
	p := b.paid(t, "101")
	b.takes(t, message{
		"notifyType": "PRE_DISPUTE", "transactionId": "7", "merchantNo": merchantNo, "timeZone": "+08:00", "originTransactionId": "101",
	})
	require.Equal(t, "applied", b.rows(t)[1].Status)
	require.True(t, b.order(t, p).NeedsReview)
	require.Zero(t, b.order(t, p).AmountDisputed)
	require.Equal(t, []string{"pre_dispute"}, query[string](t, b, "SELECT stage FROM disputes"))
}
