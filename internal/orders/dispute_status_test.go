package orders

import (
	"testing"

	"github.com/stretchr/testify/require"
)

// disputeTable is the truth table of NextDispute, written again: the columns are the outcomes, a cell is the new phase, or the
// verdict where the phase stays.
const disputeTable = `
from               raised first_appeal first_appeal_won first_appeal_lost second_appeal second_appeal_won second_appeal_lost accepted withdrawn unknown not_found
raised             same   first_appeal first_appeal_won first_appeal_lost second_appeal second_appeal_won second_appeal_lost accepted withdrawn stale   conflict
first_appeal       stale  same         first_appeal_won first_appeal_lost second_appeal second_appeal_won second_appeal_lost conflict withdrawn stale   conflict
first_appeal_won   stale  stale        same             conflict          second_appeal second_appeal_won second_appeal_lost conflict withdrawn stale   conflict
first_appeal_lost  stale  stale        conflict         same              second_appeal second_appeal_won second_appeal_lost conflict withdrawn stale   conflict
second_appeal      stale  stale        stale            stale             same          second_appeal_won second_appeal_lost conflict withdrawn stale   conflict
second_appeal_won  stale  stale        stale            stale             stale         same              conflict           conflict conflict  stale   conflict
second_appeal_lost stale  stale        stale            stale             stale         conflict          same               conflict conflict  stale   conflict
accepted           stale  conflict     conflict         conflict          conflict      conflict          conflict           same     conflict  stale   conflict
withdrawn          stale  stale        stale            stale             stale         conflict          conflict           conflict same      stale   same
`

func TestNextDispute_FollowsItsTruthTable(t *testing.T) {
	t.Parallel()
	requireTable(t, disputeTable, DisputePhases(), DisputeOutcomes(), NextDispute)
}

func TestDisputePhase_IsStageAndStatusInOneWord(t *testing.T) {
	t.Parallel()
	for _, phase := range DisputePhases() {
		stage, status := phase.shown(DisputeFirstAppeal)
		require.Equal(t, phase, phaseOf(stage, status))
		require.True(t, status.Valid())
		require.Equal(t, phase != PhaseRaised && phase != PhaseFirstAppeal && phase != PhaseSecondAppeal, status.Closed(), phase)
		given := phase == PhaseFirstAppealWon || phase == PhaseSecondAppealWon || phase == PhaseWithdrawn
		require.Equal(t, !given, status.takes(), phase)
	}
	require.Empty(t, phaseOf(DisputePreDispute, DisputeWarning))
}

// TestNextDispute_EndsTheSameInEveryOrder tells each case that the contract allows (§14) in every order, every step twice.
func TestNextDispute_EndsTheSameInEveryOrder(t *testing.T) {
	t.Parallel()
	for _, story := range [][]DisputePhase{
		{PhaseRaised, PhaseAccepted},
		{PhaseRaised, PhaseWithdrawn},
		{PhaseRaised, PhaseFirstAppeal, PhaseFirstAppealWon},
		{PhaseRaised, PhaseFirstAppeal, PhaseFirstAppealLost, PhaseWithdrawn},
		{PhaseRaised, PhaseFirstAppeal, PhaseFirstAppealLost, PhaseSecondAppeal, PhaseSecondAppealWon},
		{PhaseRaised, PhaseFirstAppeal, PhaseFirstAppealWon, PhaseSecondAppeal, PhaseSecondAppealLost},
	} {
		for _, order := range orderings(story) {
			at := order[0]
			for _, phase := range append(order[1:], order...) {
				to, verdict := NextDispute(at, DisputeOutcome(phase))
				require.NotEqual(t, VerdictConflict, verdict, "%s at %s in %v", phase, at, order)
				at = to
			}
			require.Equal(t, story[len(story)-1], at, "%v", order)
		}
	}
}

func orderings[T any](of []T) [][]T {
	if len(of) <= 1 {
		return [][]T{of}
	}
	var all [][]T
	for i := range of {
		rest := append(append([]T{}, of[:i]...), of[i+1:]...)
		for _, tail := range orderings(rest) {
			all = append(all, append([]T{of[i]}, tail...))
		}
	}
	return all
}
