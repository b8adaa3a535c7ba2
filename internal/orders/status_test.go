package orders

import (
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

// paymentTable is the truth table of NextPayment, written again: the columns are the outcomes, a cell is the new status, or
// the verdict where the status stays. "late:" marks money that came after the end.
const paymentTable = `
from             succeeded       authorized      declined  closed    reversed  attempt_failed   action_required  processing  unknown  never_sent  not_found
processing       succeeded       authorized      failed    canceled  canceled  requires_action  requires_action  same        unknown  failed      failed
requires_action  succeeded       authorized      failed    expired   canceled  same             same             processing  stale    stale       failed
unknown          succeeded       authorized      failed    canceled  canceled  requires_action  requires_action  processing  same     stale       failed
authorized       succeeded       same            conflict  canceled  canceled  stale            stale            stale       stale    stale       conflict
succeeded        same            stale           conflict  conflict  canceled  stale            stale            stale       stale    stale       conflict
failed           late:succeeded  late:authorized same      same      same      stale            stale            stale       stale    same        same
canceled         late:succeeded  late:authorized same      same      same      stale            stale            stale       stale    stale       same
expired          late:succeeded  late:authorized same      same      same      stale            stale            stale       stale    stale       same
`

// requireTable holds a state machine to its truth table.
func requireTable[S, O ~string](t *testing.T, table string, statuses []S, outcomes []O, next func(S, O) (S, Verdict)) {
	t.Helper()
	lines := strings.Split(strings.TrimSpace(table), "\n")
	columns := strings.Fields(lines[0])[1:]
	require.Len(t, columns, len(outcomes))
	require.Len(t, lines[1:], len(statuses))
	for _, line := range lines[1:] {
		cells := strings.Fields(line)
		require.Len(t, cells, len(columns)+1, line)
		from := S(cells[0])
		require.Contains(t, statuses, from)
		for i, cell := range cells[1:] {
			require.Contains(t, outcomes, O(columns[i]))
			wantTo, wantVerdict := from, Verdict(cell)
			if late, isLate := strings.CutPrefix(cell, "late:"); isLate {
				wantTo, wantVerdict = S(late), VerdictLate
			} else if slices.Contains(statuses, S(cell)) {
				wantTo, wantVerdict = S(cell), VerdictMove
			}
			to, verdict := next(from, O(columns[i]))
			require.Equal(t, wantTo, to, "%s × %s", from, columns[i])
			require.Equal(t, wantVerdict, verdict, "%s × %s", from, columns[i])
		}
	}
}

func TestNextPayment_FollowsItsTruthTable(t *testing.T) {
	t.Parallel()
	requireTable(t, paymentTable, PaymentStatuses(), Outcomes(), NextPayment)
}

func TestNextPayment_LeavesAPaymentOfUnknownStatusOrNewsAlone(t *testing.T) {
	t.Parallel()

	for _, from := range append(PaymentStatuses(), "of another version") {
		to, verdict := NextPayment(from, "never heard of")
		require.Equal(t, from, to)
		require.NotEqual(t, VerdictMove, verdict, "from %s", from)
	}
	to, verdict := NextPayment("of another version", OutcomeSucceeded)
	require.Equal(t, PaymentStatus("of another version"), to)
	require.Equal(t, VerdictStale, verdict)
}

// designed are the transitions of design §4. Those marked "none" have no evidence that leads to them: after a challenge has
// begun an unreadable answer says nothing new; and only a challenge that the provider closes has expired.
var designed = map[PaymentStatus]map[PaymentStatus]string{
	PaymentProcessing: {
		PaymentRequiresAction: "", PaymentUnknown: "", PaymentAuthorized: "", PaymentSucceeded: "", PaymentFailed: "",
		PaymentCanceled: "",
	},
	PaymentRequiresAction: {
		PaymentProcessing: "", PaymentSucceeded: "", PaymentAuthorized: "", PaymentFailed: "", PaymentExpired: "",
		PaymentCanceled: "", PaymentUnknown: "none",
	},
	PaymentUnknown: {
		PaymentProcessing: "", PaymentRequiresAction: "", PaymentAuthorized: "", PaymentSucceeded: "", PaymentFailed: "",
		PaymentCanceled: "", PaymentExpired: "none",
	},
	PaymentAuthorized: {PaymentSucceeded: "", PaymentCanceled: ""},
	PaymentSucceeded:  {PaymentCanceled: ""},
	PaymentFailed:     {PaymentSucceeded: "", PaymentAuthorized: ""},
	PaymentCanceled:   {PaymentSucceeded: "", PaymentAuthorized: ""},
	PaymentExpired:    {PaymentSucceeded: "", PaymentAuthorized: ""},
}

func TestNextPayment_MakesTheTransitionsOfTheDesignAndNoOther(t *testing.T) {
	t.Parallel()

	for _, from := range PaymentStatuses() {
		reached := map[PaymentStatus]bool{}
		for _, outcome := range Outcomes() {
			if to, _ := NextPayment(from, outcome); to != from {
				reached[to] = true
				require.Contains(t, designed[from], to, "%s leads from %s to %s", outcome, from, to)
			}
		}
		for to, mark := range designed[from] {
			require.Equal(t, mark == "", reached[to], "%s to %s", from, to)
		}
	}
}

func TestNextPayment_NeverTakesAFinalStatusBack(t *testing.T) {
	t.Parallel()

	for _, from := range PaymentStatuses() {
		for _, outcome := range Outcomes() {
			to, verdict := NextPayment(from, outcome)
			require.False(t, !from.Open() && to.Open(), "%s × %s is %s", from, outcome, to)
			require.Equal(t, to != from, verdict == VerdictMove || verdict == VerdictLate, "%s × %s", from, outcome)
			again, repeated := NextPayment(to, outcome)
			require.Equal(t, to, again, "%s × %s twice", from, outcome)
			require.NotContains(t, []Verdict{VerdictMove, VerdictLate}, repeated, "%s × %s twice", from, outcome)
		}
	}
}

func TestPaymentStatus_IsLiveExactlyWhileItMayHoldOrTakeMoney(t *testing.T) {
	t.Parallel()

	live := []PaymentStatus{PaymentProcessing, PaymentRequiresAction, PaymentUnknown, PaymentAuthorized, PaymentSucceeded}
	for _, s := range PaymentStatuses() {
		require.Equal(t, slices.Contains(live, s), s.Live(), "%s", s)
		require.Equal(t, slices.Contains(live[:3], s), s.Open(), "%s", s)
		require.True(t, s.Valid(), "%s", s)
	}
	require.False(t, PaymentStatus("settled").Valid())
	require.False(t, PaymentStatus("").Valid())
}

// orderModel derives an order's status the other way round: it says of each status when it holds.
func orderModel(f Facts) []Status {
	money := f.Paid > 0
	idle := !money && f.Authorized <= 0 && !f.LivePayment
	holds := map[Status]bool{
		StatusRefunded:          money && f.Refunded >= f.Paid,
		StatusPartiallyRefunded: money && f.Refunded > 0 && f.Refunded < f.Paid,
		StatusPaid:              money && f.Refunded <= 0,
		StatusAuthorized:        !money && f.Authorized > 0,
		StatusPending:           !money && f.Authorized <= 0 && f.LivePayment,
		StatusCanceled:          idle && f.Canceled,
		StatusExpired:           idle && !f.Canceled && f.Expired,
		StatusOpen:              idle && !f.Canceled && !f.Expired,
	}
	var all []Status
	for _, s := range Statuses() {
		if holds[s] {
			all = append(all, s)
		}
	}
	return all
}

// everyFacts enumerates all combinations of facts, with amounts that meet every comparison.
func everyFacts() []Facts {
	var all []Facts
	for _, paid := range []int64{0, 50, 100} {
		for _, authorized := range []int64{0, 50, 100} {
			for _, refunded := range []int64{0, 1, 50, 100} {
				for bits := range 8 {
					all = append(all, Facts{
						Paid: paid, Authorized: authorized, Refunded: refunded,
						LivePayment: bits&1 != 0, Canceled: bits&2 != 0, Expired: bits&4 != 0,
					})
				}
			}
		}
	}
	return all
}

func TestDeriveStatus_AgreesWithItsModelOnEveryCombination(t *testing.T) {
	t.Parallel()

	seen := map[Status]bool{}
	for _, f := range everyFacts() {
		require.Equal(t, []Status{DeriveStatus(f)}, orderModel(f), "%+v", f)
		seen[DeriveStatus(f)] = true
	}
	require.Len(t, seen, len(Statuses()), "a status that no facts lead to")
}

func TestStatus_OnlyAnOpenOrderIsPayableOrCancelable(t *testing.T) {
	t.Parallel()

	for _, s := range Statuses() {
		require.Equal(t, s == StatusOpen, s.Payable(), "%s", s)
		require.Equal(t, s == StatusOpen, s.Cancelable(), "%s", s)
		require.True(t, s.Valid(), "%s", s)
	}
	require.False(t, Status("shipped").Valid())
}
