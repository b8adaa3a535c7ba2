package orders

import (
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

// refundTable is the truth table of NextRefund, written again: the columns are the outcomes, a cell is the new status, or the
// verdict where the status stays.
const refundTable = `
from       in_review  processing succeeded      declined rejected withdrawn unknown never_sent not_found
pending    in_review  same       succeeded      failed   rejected canceled  unknown same       failed
in_review  same       pending    succeeded      failed   rejected canceled  stale   stale      conflict
unknown    in_review  pending    succeeded      failed   rejected canceled  same    stale      failed
succeeded  stale      stale      same           conflict conflict conflict  stale   stale      conflict
failed     stale      stale      late:succeeded same     same     same      stale   stale      same
rejected   stale      stale      late:succeeded same     same     same      stale   stale      same
canceled   stale      stale      late:succeeded same     same     same      stale   stale      same
`

func TestNextRefund_FollowsItsTruthTable(t *testing.T) {
	t.Parallel()

	lines := strings.Split(strings.TrimSpace(refundTable), "\n")
	outcomes := strings.Fields(lines[0])[1:]
	require.Len(t, outcomes, len(RefundOutcomes()))
	require.Len(t, lines[1:], len(RefundStatuses()))
	for _, line := range lines[1:] {
		cells := strings.Fields(line)
		from := RefundStatus(cells[0])
		require.True(t, from.Valid(), line)
		for i, cell := range cells[1:] {
			wantTo, wantVerdict := from, Verdict(cell)
			if late, isLate := strings.CutPrefix(cell, "late:"); isLate {
				wantTo, wantVerdict = RefundStatus(late), VerdictLate
			} else if RefundStatus(cell).Valid() {
				wantTo, wantVerdict = RefundStatus(cell), VerdictMove
			}
			to, verdict := NextRefund(from, RefundOutcome(outcomes[i]))
			require.Equal(t, wantTo, to, "%s × %s", from, outcomes[i])
			require.Equal(t, wantVerdict, verdict, "%s × %s", from, outcomes[i])
		}
	}
}

func TestNextRefund_LeavesARefundOfUnknownStatusOrNewsAlone(t *testing.T) {
	t.Parallel()

	for _, from := range append(RefundStatuses(), "of another version") {
		to, verdict := NextRefund(from, "never heard of")
		require.Equal(t, from, to)
		require.NotEqual(t, VerdictMove, verdict)
	}
	to, verdict := NextRefund("of another version", RefundOutcomeSucceeded)
	require.Equal(t, RefundStatus("of another version"), to)
	require.Equal(t, VerdictStale, verdict)
	require.False(t, RefundStatus("paid back").Valid())
}

func TestNextRefund_NeverOpensWhatHasEnded(t *testing.T) {
	t.Parallel()

	for _, from := range RefundStatuses() {
		for _, outcome := range RefundOutcomes() {
			to, verdict := NextRefund(from, outcome)
			require.False(t, !from.Open() && to.Open(), "%s × %s is %s", from, outcome, to)
			require.Equal(t, to != from, verdict == VerdictMove || verdict == VerdictLate)
			again, _ := NextRefund(to, outcome)
			require.Equal(t, to, again, "%s × %s twice", from, outcome)
		}
	}
}
