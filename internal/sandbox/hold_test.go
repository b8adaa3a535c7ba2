package sandbox

import (
	"net/http"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

func TestHold_LapsesAndNothingTellsOfIt(t *testing.T) {
	t.Parallel()
	b := setup(t, func(c *Config) { c.ClockScale = 2; withIntents(c) })
	auth, captured := b.authorized(t, "20"), b.authorized(t, "5")
	b.ended(t, "CAPTURE", captured)
	b.clock.move(36*time.Hour - time.Millisecond)
	require.Equal(t, "A", b.intentOf(t, auth))
	require.Equal(t, "20.00", b.sandbox.Summary(BookQuery{}).Totals["USD"].Authorized)
	b.clock.move(time.Millisecond)
	require.Equal(t, []any{"N", "S"}, []any{b.intentOf(t, auth), b.intentOf(t, captured)})
	require.Equal(t, "S", b.statusOf(auth), "the transaction stays what it was")
	require.Equal(t, Total{2, 2, "5.00", "0.00", 0, "0.00"}, b.sandbox.Books(BookQuery{}).Totals["USD"])
	for _, txnType := range []string{"CAPTURE", "VOID"} {
		a := b.ask(t, pathAuth, b.ends(txnType, auth))
		require.Equal(t, []string{codeRejected, "the authorization has expired"}, []string{a.RespCode, a.RespMsg})
	}
	quietly(t, func() bool { return len(b.sandbox.Deliveries(auth)) > 1 }, "no notification tells of it")

	brief := setup(t, func(c *Config) { c.AuthLifetime = time.Hour })
	late := brief.authorized(t, "20")
	brief.clock.move(59 * time.Minute)
	brief.ended(t, "CAPTURE", late)
	late = brief.authorized(t, "20")
	brief.clock.move(time.Hour)
	require.Equal(t, codeRejected, brief.ask(t, pathAuth, brief.ends("CAPTURE", late)).RespCode)
}

func TestHold_CancelAndReverseKnowIt(t *testing.T) {
	t.Parallel()
	b := setup(t)
	reverse := func(id string) int {
		return b.control(t, http.MethodPost, "/sandbox/transactions/"+id+"/reverse", "", nil)
	}
	captured := b.authorized(t, "20")
	capture := b.ended(t, "CAPTURE", captured)
	require.Equal(t, []int{http.StatusConflict, http.StatusConflict}, []int{reverse(captured), reverse(capture)})
	standing := b.authorized(t, "20")
	require.Equal(t, http.StatusOK, reverse(standing))
	require.Equal(t, codeRejected, b.ask(t, pathAuth, b.ends("CAPTURE", standing)).RespCode)

	stuck := b.stuck(t, Fault{Name: "processing", DelayMS: 3_600_000}, set("txnType", "AUTH"))
	b.clock.move(cancelFrom)
	require.Equal(t, codeRejected, b.cancels(t, capture).RespCode)
	require.Equal(t, codeSuccess, b.cancels(t, stuck).RespCode)
	b.clock.move(refundDelay)
	require.Equal(t, "CANCEL", b.nth(t, stuck, 1).fields["notifyType"])
	require.Equal(t, "the authorization has been voided", b.ask(t, pathAuth, b.ends("CAPTURE", stuck)).RespMsg)
	require.Empty(t, b.sandbox.ledger.refunds(), "a hold is released, not refunded")
}

func TestHold_IsForgottenWithItsCapture(t *testing.T) {
	t.Parallel()
	b := setup(t, func(c *Config) { c.Keep = 3 })
	b.applies(t, b.ended(t, "CAPTURE", b.authorized(t, "20")), "5")
	b.authorized(t, "7")
	for range 3 {
		b.charge(t, cardPays, "1")
	}
	require.Equal(t, Total{5, 5, "23.00", "7.00", 1, "0.00"}, b.sandbox.Books(BookQuery{}).Totals["USD"])
	l := b.sandbox.ledger
	require.Equal(t, []int{3, 3, 3, 0, 0}, []int{len(l.byID), len(l.byMerchantTxn), len(l.byPayment), len(l.endings), len(l.byOrigin)})
}
