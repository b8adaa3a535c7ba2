package orders

import (
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
	requireTable(t, refundTable, RefundStatuses(), RefundOutcomes(), NextRefund)
}

// approvalTable is the truth table of NextApproval, written again.
const approvalTable = `
from      approve  reject
required  approved rejected
approved  same     conflict
rejected  conflict same
`

func TestNextApproval_FollowsItsTruthTable(t *testing.T) {
	t.Parallel()
	requireTable(t, approvalTable, RefundApprovalStatuses(), RefundDecisions(), NextApproval)
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
