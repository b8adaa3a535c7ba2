package gateway

import (
	"testing"

	"github.com/stretchr/testify/require"

	"tillway/internal/orders"
)

func TestCombine(t *testing.T) {
	t.Parallel()
	const (
		paid, held, no     = orders.OutcomeSucceeded, orders.OutcomeAuthorized, orders.OutcomeDeclined
		closed, going, act = orders.OutcomeClosed, orders.OutcomeProcessing, orders.OutcomeActionRequired
		open               = orders.OutcomeUnknown
	)
	columns := []orders.Outcome{paid, held, no, closed, going, act, open}
	rows := map[string][]orders.Outcome{
		"":   {paid, held, no, closed, going, act, open},
		"S":  {paid, paid, open, open, paid, paid, paid},
		"A":  {held, held, open, open, held, held, held},
		"N":  {open, closed, no, closed, closed, closed, closed},
		"O":  {open, open, orders.OutcomeAttemptFailed, closed, open, open, open},
		"U":  {going, going, going, going, going, act, going},
		"P":  {going, going, going, going, going, act, going},
		"I":  {going, going, going, going, going, act, going},
		"R":  {going, going, going, going, act, act, act},
		"X":  {open, open, open, open, open, open, open},
		"SA": {open, open, open, open, open, open, open},
	}
	for intent, row := range rows {
		for i, transaction := range columns {
			require.Equal(t, row[i], combine(transaction, intent), "transaction %s, intent %q", transaction, intent)
		}
		require.Equal(t, intent != "X" && intent != "SA", knownIntent(intent), intent)
	}
}
