package gateway_test

import (
	"maps"
	"slices"
	"testing"

	"github.com/stretchr/testify/require"

	"tillway/internal/onerway"
	"tillway/internal/onerway/gateway"
	"tillway/internal/orders"
	"tillway/internal/redact"
)

// A notification that could not be applied at once is read again from what was stored of it, redacted. It must tell the
// same then; and what it tells must be what its signed members say.
func FuzzNotification_TellsTheSameFromStorage(f *testing.F) {
	const id = `"transactionId":"2084000000000000011","merchantTxnId":"pay_01jb9z6e8nfx5r9w2t7yq3m4k5","merchantNo":"800209"`
	for _, body := range []string{
		`{"notifyType":"TXN","txnType":"SALE",` + id + `,"status":"S","orderAmount":"27.00","orderCurrency":"EUR","eci":"05","cardBinCountry":"DE"}`,
		`{"notifyType":"TXN","txnType":"SALE",` + id + `,"status":"F","reason":"{\"respCode\":\"20051\",\"respMsg\":\"card 4761344136141390\"}"}`,
		`{"notifyType":"TXN","txnType":"AUTH",` + id + `,"status":"S","orderAmount":27.00,"orderCurrency":"EUR","paymentMethod":"VISA"}`,
		`{"notifyType":"TXN","txnType":"SALE",` + id + `,"status":"P","paymentStatus":"S","tokenId":"t","cardNumber":"4761344136141390"}`,
		`{"notifyType":"TXN","txnType":"SALE",` + id + `,"status":["S"],"reason":{"respCode":"20000"},"nul":"\u0000"}`,
		`{"notifyType":"TXN","txnType":"SALE","transactionId":4000000000000000006,"merchantTxnId":"4761344136141390","status":"N"}`,
		`{"notifyType":"TXN","txnType":"REFUND",` + id + `,"status":"S","orderAmount":1e2,"orderCurrency":"JPY"}`, `{"notifyType":"CHARGEBACK","transactionId":"1"}`,
		`{"notifyType":"CHARGEBACK","transactionId":"1","originTransactionId":"2","chargebackStatus":"NEW","chargebackAmount":"27.00","chargebackCurrency":"EUR","appealDueTime":"2026-05-15 10:49:40"}`,
		`{"notifyType":"PRE_DISPUTE","transactionId":"1","orderAmount":"1e9","orderCurrency":"EUR","importTime":"never"}`,
	} {
		f.Add([]byte(body))
	}
	f.Fuzz(func(t *testing.T, raw []byte) {
		body := signed(raw, leftOfNotifications())
		n, err := onerway.VerifyNotification(body, "", onerway.Secrets{Current: onerway.Conceal(fuzzSecret)})
		if err != nil {
			require.Zero(t, n)
			return
		}
		g := canned{}.before(t, gateway.Transactions)
		news, err := g.News(t.Context(), n)
		if err != nil {
			require.ErrorIs(t, err, gateway.ErrNoPaymentNews)
			require.Nil(t, news)
			return
		}
		if refund, ok := news.(orders.RefundNews); ok {
			requireRefundNews(t, refund, membersOf(body))
			return
		}
		if dispute, ok := news.(orders.DisputeNews); ok {
			requireDisputeNews(t, dispute, membersOf(body))
			return
		}
		about, ok := news.(orders.PaymentNews)
		require.True(t, ok, "%T", news)
		reference, ev := about.MerchantTxnID, about.Evidence
		requireStorable(t, ev)
		members := membersOf(body)
		require.Equal(t, members.text("merchantTxnId"), reference)
		require.Equal(t, orders.SourceNotification, ev.Source)
		requireExact(t, ev.Amount, members.text("orderAmount"), members.text("orderCurrency"))
		letter, intent := members.text("status"), members.text("paymentStatus")
		switch ev.Outcome {
		case orders.OutcomeSucceeded, orders.OutcomeAuthorized:
			require.True(t, letter == "S" && intent == "" || intent == "S" || intent == "A", "%s/%s", letter, intent)
			require.NotContains(t, []string{"F", "N"}, letter)
		case orders.OutcomeDeclined:
			require.Equal(t, "F", letter)
		case orders.OutcomeReversed:
			require.Equal(t, "CANCEL S", members.text("notifyType")+" "+letter)
		case orders.OutcomeNeverSent, orders.OutcomeNotFound:
			t.Fatalf("%s, of what the provider has told", ev.Outcome)
		case orders.OutcomeClosed, orders.OutcomeActionRequired, orders.OutcomeProcessing, orders.OutcomeUnknown:
		}

		stored, err := redact.JSON(body)
		require.NoError(t, err)
		later, err := onerway.StoredNotification(stored, n.BodyDigest)
		require.NoError(t, err)
		for _, name := range slices.Sorted(maps.Keys(n.Fields)) {
			if redact.Member(name, n.Fields[name]) != n.Fields[name] {
				return // a card in it, or what looks like one: then there is something to lose
			}
		}
		again, err := g.News(t.Context(), later)
		require.NoError(t, err)
		told, ok := again.(orders.PaymentNews)
		require.True(t, ok, "%T", again)
		require.Equal(t, reference, told.MerchantTxnID)
		ev.Body, told.Evidence.Body = nil, nil
		require.Equal(t, ev, told.Evidence)
	})
}

// requireRefundNews holds news of a refund to what its message's signature covers.
func requireRefundNews(t *testing.T, news orders.RefundNews, members said) {
	t.Helper()
	require.Equal(t, members.text("merchantTxnId"), news.Name.MerchantTxnID)
	require.Equal(t, members.text("transactionId"), news.Name.ProviderTransactionID)
	ev := news.Evidence
	require.Equal(t, orders.SourceNotification, ev.Source)
	requireExact(t, ev.Amount, members.text("orderAmount"), members.text("orderCurrency"))
	letter := members.text("status")
	switch ev.Outcome {
	case orders.RefundOutcomeSucceeded:
		require.Equal(t, "S", letter)
	case orders.RefundOutcomeDeclined, orders.RefundOutcomeRejected:
		require.Equal(t, "F", letter)
	case orders.RefundOutcomeWithdrawn:
		require.Equal(t, "N", letter)
	case orders.RefundOutcomeNeverSent, orders.RefundOutcomeNotFound:
		t.Fatalf("%s, of what the provider has told", ev.Outcome)
	case orders.RefundOutcomeInReview, orders.RefundOutcomeProcessing, orders.RefundOutcomeUnknown:
	}
}

func requireDisputeNews(t *testing.T, news orders.DisputeNews, members said) {
	t.Helper()
	ev := news.Evidence
	require.Equal(t, orders.SourceNotification, ev.Source)
	require.Equal(t, members.text("transactionId"), ev.ProviderDisputeID)
	if ev.Outcome == orders.DisputeOutcomeWarned {
		require.Equal(t, "PRE_DISPUTE", members.text("notifyType"))
		return
	}
	require.Equal(t, "CHARGEBACK", members.text("notifyType"))
	require.Equal(t, members.text("originTransactionId"), ev.Origin)
	requireExact(t, ev.Amount, members.text("chargebackAmount"), members.text("chargebackCurrency"))
	if ev.Outcome.Phase() == "" {
		require.Equal(t, orders.DisputeOutcomeUnknown, ev.Outcome)
	}
}
