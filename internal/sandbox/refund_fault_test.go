package sandbox

import (
	"encoding/json"
	"net/http"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

// strikeRefund applies for a refund of a new sale of 20, with a fault armed for it.
func (b *testBundle) strikeRefund(t *testing.T, f Fault) (sale string, s struck) {
	t.Helper()
	sale = b.paid(t, "20")
	f.Match.Path = pathRefund
	_, err := b.sandbox.Arm(f)
	require.NoError(t, err)
	params := b.refund(sale, "5")
	resp, body, err := b.raw(t, pathRefund, params)
	return sale, struck{resp, string(body), err, b.sandbox.Books(BookQuery{MerchantTxnID: signedText(params["merchantTxnId"])}).Transactions}
}

func TestRefundFault_TheAnswerIsLostAndTheRefundGoesOn(t *testing.T) {
	t.Parallel()
	for _, fault := range []string{"lose_answer", "reset_before_answer", "cut_answer", "http_502_after_charge", "malformed_json"} {
		t.Run(fault, func(t *testing.T) {
			t.Parallel()
			b := setup(t)
			_, s := b.strikeRefund(t, Fault{Name: fault})
			require.Len(t, s.booked, 1)
			require.Equal(t, "I", s.booked[0].Status)
			require.True(t, s.err != nil || s.resp.StatusCode != http.StatusOK || !json.Valid([]byte(s.body)), s.body)
			b.becomes(t, s.booked[0].TransactionID, "S", refundDelay)
			require.Equal(t, "S", b.nth(t, s.booked[0].TransactionID, 1).fields["status"])
		})
	}
}

func TestRefundFault_RefusalsBookNothing(t *testing.T) {
	t.Parallel()
	b := setup(t)
	for _, fault := range []string{"http_500", "rate_limited", "refuse_connection"} {
		_, s := b.strikeRefund(t, Fault{Name: fault})
		require.True(t, s.err != nil || s.resp.StatusCode >= http.StatusBadRequest, fault)
		require.Empty(t, s.booked, fault)
	}
}

func TestRefundFault_OutcomesAreBent(t *testing.T) {
	t.Parallel()
	t.Run("rejected by the review", func(t *testing.T) {
		t.Parallel()
		b := setup(t)
		_, s := b.strikeRefund(t, Fault{Name: "refund_rejected"})
		b.becomes(t, s.booked[0].TransactionID, "F", refundDelay)
		require.Equal(t, "REFUND_AUDIT", b.nth(t, s.booked[0].TransactionID, 1).fields["notifyType"])
	})
	t.Run("failed at the bank", func(t *testing.T) {
		t.Parallel()
		b := setup(t)
		_, s := b.strikeRefund(t, Fault{Name: "refund_fails"})
		b.becomes(t, s.booked[0].TransactionID, "F", refundDelay)
		require.Equal(t, "TXN", b.nth(t, s.booked[0].TransactionID, 1).fields["notifyType"])
	})
	t.Run("waiting for a person", func(t *testing.T) {
		t.Parallel()
		b := setup(t)
		_, s := b.strikeRefund(t, Fault{Name: "refund_held"})
		b.clock.move(time.Hour)
		quietly(t, func() bool { return b.statusOf(s.booked[0].TransactionID) != "I" }, "it waits")
		b.sandbox.HoldRefunds(true)
		b.sandbox.HoldRefunds(false)
		b.clock.move(time.Hour)
		quietly(t, func() bool { return b.statusOf(s.booked[0].TransactionID) != "I" }, "automatic reviews leave it alone")
	})
	t.Run("long in processing", func(t *testing.T) {
		t.Parallel()
		b := setup(t)
		_, s := b.strikeRefund(t, Fault{Name: "processing", DelayMS: 60_000})
		b.clock.move(refundDelay)
		b.becomes(t, s.booked[0].TransactionID, "P")
		b.clock.move(59 * time.Second)
		quietly(t, func() bool { return b.statusOf(s.booked[0].TransactionID) != "P" }, "not yet")
		b.becomes(t, s.booked[0].TransactionID, "S", time.Second)
	})
	t.Run("a success after the failure", func(t *testing.T) {
		t.Parallel()
		b := setup(t)
		_, s := b.strikeRefund(t, Fault{Name: "late_success", DelayMS: 60_000})
		b.becomes(t, s.booked[0].TransactionID, "F", refundDelay)
		require.Equal(t, "F", b.nth(t, s.booked[0].TransactionID, 1).fields["status"])
		b.clock.move(time.Minute)
		require.Equal(t, "S", b.nth(t, s.booked[0].TransactionID, 2).fields["status"])
	})
	t.Run("a success that comes too late", func(t *testing.T) {
		t.Parallel()
		b := setup(t)
		sale, s := b.strikeRefund(t, Fault{Name: "late_success", DelayMS: 60_000})
		b.becomes(t, s.booked[0].TransactionID, "F", refundDelay)
		b.applies(t, sale, "20")
		b.clock.move(2 * time.Minute)
		quietly(t, func() bool { return b.statusOf(s.booked[0].TransactionID) != "F" }, "its money was given to another refund")
	})
}

func TestRefundFault_NotificationsGoWrong(t *testing.T) {
	t.Parallel()
	statuses := func(t *testing.T, b *testBundle, id string, n int) []any {
		t.Helper()
		b.becomes(t, id, "S", refundDelay)
		var all []any
		for i := range n {
			all = append(all, b.nth(t, id, i+1).fields["status"])
			b.clock.move(time.Second)
		}
		return all
	}
	for fault, want := range map[string][]any{
		"duplicate_notification": {"S", "S"}, "forged_notification": {"F", "S"}, "out_of_order": {"S", "P"}, "late_notification": {"S"},
	} {
		t.Run(fault, func(t *testing.T) {
			t.Parallel()
			b := setup(t)
			_, s := b.strikeRefund(t, Fault{Name: fault, DelayMS: 1})
			require.Equal(t, want, statuses(t, b, s.booked[0].TransactionID, len(want)))
		})
	}
	t.Run("missing", func(t *testing.T) {
		t.Parallel()
		b := setup(t)
		_, s := b.strikeRefund(t, Fault{Name: "no_notification"})
		b.becomes(t, s.booked[0].TransactionID, "S", refundDelay)
		b.clock.move(time.Hour)
		quietly(t, func() bool { return len(b.sandbox.Deliveries(s.booked[0].TransactionID)) > 0 }, "none")
	})
	t.Run("before the answer", func(t *testing.T) {
		t.Parallel()
		b := setup(t)
		_, s := b.strikeRefund(t, Fault{Name: "notify_before_answer"})
		require.Equal(t, "S", s.booked[0].Status)
		require.Contains(t, s.body, `"data":"`+s.booked[0].TransactionID+`"`)
		require.Equal(t, "S", b.sandbox.Deliveries(s.booked[0].TransactionID)[0].Status)
	})
	t.Run("not acknowledged", func(t *testing.T) {
		t.Parallel()
		b := setup(t)
		sale := b.paid(t, "20")
		b.shop.mu.Lock()
		b.shop.answer = func(string, int) (int, string) { return http.StatusInternalServerError, "" }
		b.shop.mu.Unlock()
		id := b.applies(t, sale, "5")
		b.becomes(t, id, "S", refundDelay)
		b.nth(t, id, 1)
		eventually(t, func() bool { return len(b.sandbox.Deliveries(id)) == 1 }, "the first failed")
		b.clock.move(30 * time.Minute)
		require.Equal(t, string(b.nth(t, id, 1).body), string(b.nth(t, id, 2).body))
	})
}

func TestRefundFault_QueriesLagOrFail(t *testing.T) {
	t.Parallel()
	b := setup(t)
	_, s := b.strikeRefund(t, Fault{Name: "query_lag"})
	require.Empty(t, b.rows(t, s.booked[0].MerchantTxnID))
	b.clock.move(5 * time.Second)
	require.Len(t, b.rows(t, s.booked[0].MerchantTxnID), 1)

	_, s = b.strikeRefund(t, Fault{Name: "query_down"})
	resp, _, err := b.raw(t, pathList, query("transactionIds", s.booked[0].TransactionID))
	require.NoError(t, err)
	require.Equal(t, http.StatusServiceUnavailable, resp.StatusCode)
	b.clock.move(5 * time.Second)
	require.Len(t, b.rows(t, s.booked[0].MerchantTxnID), 1)
}
