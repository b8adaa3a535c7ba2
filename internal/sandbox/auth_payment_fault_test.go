package sandbox

import (
	"encoding/json"
	"net/http"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

// strikeEnding captures or voids a new authorization of 20, with a fault armed for it.
func (b *testBundle) strikeEnding(t *testing.T, txnType string, f Fault) (auth string, s struck) {
	t.Helper()
	auth = b.authorized(t, "20")
	f.Match.Path = pathAuth
	_, err := b.sandbox.Arm(f)
	require.NoError(t, err)
	params := b.ends(txnType, auth)
	resp, body, err := b.raw(t, pathAuth, params)
	return auth, struck{resp, string(body), err, b.sandbox.Books(BookQuery{MerchantTxnID: signedText(params["merchantTxnId"])}).Transactions}
}

// told is the answer's code and its data's status.
func (s struck) told(t *testing.T) []string {
	t.Helper()
	var e envelope
	require.NoError(t, json.Unmarshal([]byte(s.body), &e))
	return []string{e.RespCode, e.status()}
}

func TestAuthPaymentFault_TheAnswerIsLostAndTheMoneyIsTaken(t *testing.T) {
	t.Parallel()
	for _, fault := range []string{
		"lose_answer", "reset_before_answer", "cut_answer", "http_502_after_charge", "malformed_json", "bad_signature",
		"missing_signature", "unmapped_status",
	} {
		for _, txnType := range []string{"CAPTURE", "VOID"} {
			t.Run(fault+" "+txnType, func(t *testing.T) {
				t.Parallel()
				b := setup(t)
				_, s := b.strikeEnding(t, txnType, Fault{Name: fault})
				require.Len(t, s.booked, 1)
				require.Equal(t, "S", s.booked[0].Status)
				n := b.nth(t, s.booked[0].TransactionID, 1).fields
				require.Equal(t, []any{txnType, "S"}, []any{n["txnType"], n["status"]})
				require.Len(t, b.rows(t, s.booked[0].MerchantTxnID), 1)
			})
		}
	}
}

func TestAuthPaymentFault_SpoiltAnswersAreSpoilt(t *testing.T) {
	t.Parallel()
	b := setup(t)
	_, s := b.strikeEnding(t, "CAPTURE", Fault{Name: "unmapped_status"})
	require.Equal(t, []string{codeSuccess, "X"}, s.told(t))
	_, s = b.strikeEnding(t, "CAPTURE", Fault{Name: "missing_signature"})
	require.Contains(t, s.body, `"sign":null`)
	_, s = b.strikeEnding(t, "VOID", Fault{Name: "bad_signature"})
	var e envelope
	require.NoError(t, json.Unmarshal([]byte(s.body), &e))
	require.Len(t, e.Data["sign"], 64)
	require.NotEqual(t, digest(e.Data, unsignedInResponse(), DefaultSecretKey), e.Data["sign"])
}

func TestAuthPaymentFault_RefusalsBookNothing(t *testing.T) {
	t.Parallel()
	b := setup(t)
	for _, fault := range []string{"http_500", "rate_limited", "refuse_connection"} {
		auth, s := b.strikeEnding(t, "CAPTURE", Fault{Name: fault})
		require.True(t, s.err != nil || s.resp.StatusCode >= http.StatusBadRequest, fault)
		require.Empty(t, s.booked, fault)
		b.ended(t, "CAPTURE", auth)
	}
}

func TestAuthPaymentFault_ACaptureFailsAndTheHoldStands(t *testing.T) {
	t.Parallel()
	b := setup(t, withIntents)
	auth, s := b.strikeEnding(t, "CAPTURE", Fault{Name: "capture_fails"})
	require.Equal(t, []string{"70002", "F"}, s.told(t))
	require.Equal(t, []string{"CAPTURE", auth, "F", "A"}, bookedFacts(s.booked[0]))
	require.Equal(t, "70002", s.booked[0].ReasonCode)
	failed := s.booked[0].TransactionID
	n := b.nth(t, failed, 1).fields
	require.Equal(t, []any{"CAPTURE", "F", "A"}, []any{n["txnType"], n["status"], n["paymentStatus"]})
	require.JSONEq(t, `{"respCode":"70002","respMsg":"Capture declined by the bank"}`, signedText(n["reason"]))
	require.Equal(t, "A", b.intentOf(t, auth))
	require.Equal(t, Total{1, 1, "0.00", "20.00", 0, "0.00"}, b.sandbox.Books(BookQuery{}).Totals["USD"])

	b.ended(t, "VOID", auth)
	require.Equal(t, []any{"N", "N"}, []any{b.intentOf(t, auth), b.intentOf(t, failed)}, "rows of one intent agree")
}

func TestAuthPaymentFault_ACaptureTakesItsTime(t *testing.T) {
	t.Parallel()
	b := setup(t, withIntents, func(c *Config) { c.AuthLifetime = time.Minute })
	auth, s := b.strikeEnding(t, "CAPTURE", Fault{Name: "capture_processing", DelayMS: 120_000})
	require.Equal(t, []string{codeSuccess, "P"}, s.told(t))
	id := s.booked[0].TransactionID
	for _, txnType := range []string{"CAPTURE", "VOID"} {
		require.Equal(t, "a capture or void of the authorization is being processed", b.ask(t, pathAuth, b.ends(txnType, auth)).RespMsg)
	}
	b.clock.move(90 * time.Second)
	quietly(t, func() bool { return b.statusOf(id) != "P" || len(b.sandbox.Deliveries(id)) > 0 }, "not yet")
	require.Equal(t, "A", b.intentOf(t, auth), "it was asked for in time")
	require.Equal(t, "20.00", b.sandbox.Books(BookQuery{}).Totals["USD"].Authorized)
	b.clock.move(30 * time.Second)
	b.becomes(t, id, "S")
	require.Equal(t, "S", b.nth(t, id, 1).fields["paymentStatus"])
	require.Equal(t, "S", b.intentOf(t, auth))
	require.Equal(t, Total{1, 1, "20.00", "0.00", 0, "0.00"}, b.sandbox.Books(BookQuery{}).Totals["USD"])
}

func TestAuthPaymentFault_CaptureFaultsLeaveTheRestAlone(t *testing.T) {
	t.Parallel()
	b := setup(t)
	for _, fault := range []string{"capture_fails", "capture_processing"} {
		_, body, err := b.ordering(t, pathSale, fault, b.sale(cardPays, "5", set("txnType", "AUTH")))
		require.NoError(t, err)
		var e envelope
		require.NoError(t, json.Unmarshal([]byte(body), &e))
		require.Equal(t, "S", e.status(), "the metadata of a payment goes with its authorization too")
		_, body, err = b.ordering(t, pathAuth, fault, b.ends("VOID", e.id()))
		require.NoError(t, err)
		require.Contains(t, body, `"status":"S"`)

		_, body, err = b.ordering(t, pathAuth, fault+",http_502_after_charge", b.ends("CAPTURE", b.authorized(t, "5"), set("merchantTxnId", fault)))
		require.NoError(t, err)
		require.Contains(t, body, "<html>")
		require.NotEqual(t, "S", b.sandbox.Books(BookQuery{MerchantTxnID: fault}).Transactions[0].Status)
	}
}

func TestAuthPaymentFault_OutcomesAreBent(t *testing.T) {
	t.Parallel()
	t.Run("a void that fails", func(t *testing.T) {
		t.Parallel()
		b := setup(t)
		auth, s := b.strikeEnding(t, "VOID", Fault{Name: "force", Code: "20096"})
		require.Equal(t, []string{"20096", "F"}, s.told(t))
		b.ended(t, "CAPTURE", auth)
	})
	t.Run("told by status", func(t *testing.T) {
		t.Parallel()
		b := setup(t)
		_, err := b.sandbox.Arm(Fault{Name: "decline_by_status", Match: Match{Path: pathAuth}})
		require.NoError(t, err)
		_, s := b.strikeEnding(t, "CAPTURE", Fault{Name: "capture_fails"})
		require.Equal(t, []string{codeSuccess, "F"}, s.told(t))
	})
	t.Run("a void that takes its time", func(t *testing.T) {
		t.Parallel()
		b := setup(t)
		_, s := b.strikeEnding(t, "VOID", Fault{Name: "processing"})
		require.Equal(t, []string{codeSuccess, "P"}, s.told(t))
		b.becomes(t, s.booked[0].TransactionID, "S", settleDelay)
	})
	t.Run("a success after the failure", func(t *testing.T) {
		t.Parallel()
		b := setup(t)
		_, s := b.strikeEnding(t, "CAPTURE", Fault{Name: "late_success", DelayMS: 60_000})
		require.Equal(t, "F", s.booked[0].Status)
		require.Equal(t, "F", b.nth(t, s.booked[0].TransactionID, 1).fields["status"])
		b.clock.move(time.Minute)
		require.Equal(t, "S", b.nth(t, s.booked[0].TransactionID, 2).fields["status"])
	})
	t.Run("a success that comes too late", func(t *testing.T) {
		t.Parallel()
		b := setup(t)
		auth, s := b.strikeEnding(t, "CAPTURE", Fault{Name: "late_success", DelayMS: 60_000})
		b.ended(t, "VOID", auth)
		b.clock.move(2 * time.Minute)
		quietly(t, func() bool { return b.statusOf(s.booked[0].TransactionID) != "F" }, "the hold is given up")
	})
}

func TestAuthPaymentFault_NotificationsGoWrong(t *testing.T) {
	t.Parallel()
	statuses := func(t *testing.T, b *testBundle, id string, n int) []any {
		t.Helper()
		var found []any
		for i := range n {
			found = append(found, b.nth(t, id, i+1).fields["status"])
		}
		return found
	}
	cases := map[string][]any{
		"duplicate_notification": {"S", "S"}, "out_of_order": {"S", "P"}, "forged_notification": {"F", "S"},
	}
	for fault, want := range cases {
		t.Run(fault, func(t *testing.T) {
			t.Parallel()
			b := setup(t)
			_, s := b.strikeEnding(t, "CAPTURE", Fault{Name: fault})
			require.Equal(t, want, statuses(t, b, s.booked[0].TransactionID, 2))
		})
	}
	t.Run("never", func(t *testing.T) {
		t.Parallel()
		b := setup(t)
		_, s := b.strikeEnding(t, "VOID", Fault{Name: "no_notification"})
		quietly(t, func() bool { return len(b.sandbox.Deliveries(s.booked[0].TransactionID)) > 0 }, "none")
	})
	t.Run("before the answer", func(t *testing.T) {
		t.Parallel()
		b := setup(t)
		_, s := b.strikeEnding(t, "CAPTURE", Fault{Name: "notify_before_answer"})
		require.Equal(t, "S", b.sandbox.Deliveries(s.booked[0].TransactionID)[0].Status)
	})
}

func TestAuthPaymentFault_QueriesLagOrFail(t *testing.T) {
	t.Parallel()
	b := setup(t)
	_, s := b.strikeEnding(t, "CAPTURE", Fault{Name: "query_lag"})
	require.Empty(t, b.rows(t, s.booked[0].MerchantTxnID))
	b.clock.move(5 * time.Second)
	require.Len(t, b.rows(t, s.booked[0].MerchantTxnID), 1)

	_, s = b.strikeEnding(t, "VOID", Fault{Name: "query_down"})
	resp, _, err := b.raw(t, pathList, query("transactionIds", s.booked[0].TransactionID))
	require.NoError(t, err)
	require.Equal(t, http.StatusServiceUnavailable, resp.StatusCode)
}
