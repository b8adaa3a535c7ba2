package dunning_test

import (
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"tillway/internal/subscriptions/dunning"
)

const day = 24 * time.Hour

var first = time.Date(2026, 3, 1, 9, 0, 0, 0, time.UTC)

// decisionTable is the truth table of Decide under the default policy, for a period that first failed at first. The columns are
// when the attempt at hand failed, counted from there; a cell is the action, when it is due, and "owed" where the customer owes
// the period. "new" is a period in which nothing has counted yet.
const decisionTable = `
failure        new                         0h                          24h                         25h                         240h                        335h                        336h               480h
soft           retry+24h/owed              retry+24h/owed              retry+72h/owed              retry+72h/owed              give_up+336h/owed           give_up+336h/owed           give_up+336h/owed  give_up+480h/owed
hard           ask_for_new_card+336h/owed  ask_for_new_card+336h/owed  ask_for_new_card+336h/owed  ask_for_new_card+336h/owed  ask_for_new_card+336h/owed  ask_for_new_card+336h/owed  give_up+336h/owed  give_up+480h/owed
action         ask_for_action+336h/owed    ask_for_action+336h/owed    ask_for_action+336h/owed    ask_for_action+336h/owed    ask_for_action+336h/owed    ask_for_action+336h/owed    give_up+336h/owed  give_up+480h/owed
technical      retry+0h15m                 retry+0h15m                 retry+24h15m                retry+25h15m                retry+240h15m               retry+335h15m               give_up+336h/owed  give_up+480h/owed
configuration  alert                       alert+336h                  alert+336h                  alert+336h                  alert+336h                  alert+336h                  give_up+336h/owed  give_up+480h/owed
unknown        settle                      settle                      settle                      settle                      settle                      settle                      settle             settle
`

// told writes a decision as the table does.
func told(d dunning.Decision) string {
	text := string(d.Action)
	if !d.At.IsZero() {
		after := d.At.Sub(first)
		text += fmt.Sprintf("+%dh", after/time.Hour)
		if minutes := after % time.Hour / time.Minute; minutes != 0 {
			text += fmt.Sprintf("%dm", minutes)
		}
	}
	if d.PastDue {
		text += "/owed"
	}
	return text
}

func TestDecide_FollowsItsTruthTable(t *testing.T) {
	t.Parallel()

	policy := dunning.Default()
	lines := strings.Split(strings.TrimSpace(decisionTable), "\n")
	columns := strings.Fields(lines[0])[1:]
	require.Len(t, lines[1:], len(dunning.Failures()))
	for _, line := range lines[1:] {
		cells := strings.Fields(line)
		require.Len(t, cells, len(columns)+1, line)
		failure := dunning.Failure(cells[0])
		require.Contains(t, dunning.Failures(), failure)
		for i, want := range cells[1:] {
			c := dunning.Case{Failure: failure, FailedAt: first, Technical: 1}
			if columns[i] == "new" {
				c.FailedAt = time.Time{}
				c.Now = first
			} else {
				after, err := time.ParseDuration(columns[i])
				require.NoError(t, err)
				c.Now = first.Add(after)
			}
			c.AttemptedAt = c.Now
			c.TokenFailures = []time.Time{c.Now}
			got := policy.Decide(c)
			require.Equal(t, want, told(got), "%s × %s", failure, columns[i])
			require.Equal(t, got.Action == dunning.ActionGiveUp, got.End == dunning.EndUnpaid)
		}
	}
}

func TestDecide_EndsAsThePolicySays(t *testing.T) {
	t.Parallel()

	policy := dunning.Default()
	policy.End = dunning.EndCancel
	got := policy.Decide(dunning.Case{Failure: dunning.FailureSoft, FailedAt: first, Now: first.Add(15 * day)})
	require.Equal(t, dunning.Decision{
		Action: dunning.ActionGiveUp, At: first.Add(15 * day), End: dunning.EndCancel, PastDue: true,
	}, got)
}

func TestDecide_GoesThroughThePlan(t *testing.T) {
	t.Parallel()

	policy := dunning.Default()
	now, tried := first, []time.Time{first}
	for _, d := range []int{1, 3, 5, 7, 10} {
		got := policy.Decide(dunning.Case{
			Failure: dunning.FailureSoft, FailedAt: first, AttemptedAt: now, Now: now.Add(time.Second), TokenFailures: tried,
		})
		require.Equal(t, dunning.Decision{Action: dunning.ActionRetry, At: first.Add(time.Duration(d) * day), PastDue: true}, got)
		now = got.At
		tried = append(tried, now)
	}
	got := policy.Decide(dunning.Case{
		Failure: dunning.FailureSoft, FailedAt: first, AttemptedAt: now, Now: now.Add(time.Second), TokenFailures: tried,
	})
	require.Equal(t, dunning.Decision{
		Action: dunning.ActionGiveUp, At: first.Add(14 * day), End: dunning.EndUnpaid, PastDue: true,
	}, got)
}

func TestDecide_TriesATechnicalFailureAgainTheSameDayAndThenByThePlan(t *testing.T) {
	t.Parallel()

	policy := dunning.Default()
	for technical, want := range map[int]string{
		0: "retry+0h15m", 1: "retry+0h15m", 2: "retry+1h", 3: "retry+4h", 4: "retry+24h/owed", 5: "retry+24h/owed", 99: "retry+24h/owed",
	} {
		got := policy.Decide(dunning.Case{
			Failure: dunning.FailureTechnical, FailedAt: first, AttemptedAt: first, Now: first, Technical: technical,
		})
		require.Equal(t, want, told(got), technical)
	}
}

func TestDecide_LeavesHalfADayBetweenDeclines(t *testing.T) {
	t.Parallel()

	policy := dunning.Default()
	decide := func(attempted, now time.Duration) string {
		return told(policy.Decide(dunning.Case{
			Failure: dunning.FailureSoft, FailedAt: first, AttemptedAt: first.Add(attempted), Now: first.Add(now),
		}))
	}
	require.Equal(t, "retry+72h/owed", decide(24*time.Hour-time.Second, 24*time.Hour-time.Second), "a clock that is a second behind")
	require.Equal(t, "retry+120h/owed", decide(70*time.Hour, 70*time.Hour), "a worker that was two days late")
	require.Equal(t, "retry+72h/owed", decide(24*time.Hour, 71*time.Hour), "an answer that was two days late")
}

func TestDecide_MovesARetryToWhereTheCapsAllowIt(t *testing.T) {
	t.Parallel()

	failures := func(n int, latest time.Time, step time.Duration) []time.Time {
		all := make([]time.Time, n)
		for i := range all {
			all[i] = latest.Add(-time.Duration(i) * step)
		}
		return all
	}
	for name, tc := range map[string]struct {
		failure  dunning.Failure
		failures []time.Time
		want     string
	}{
		"nine in a day":                {dunning.FailureTechnical, failures(9, first, time.Minute), "retry+0h15m"},
		"ten in a day":                 {dunning.FailureTechnical, failures(10, first, time.Hour), "retry+15h"},
		"ten in a minute":              {dunning.FailureTechnical, failures(10, first, time.Second), "retry+23h59m"},
		"ten in a day, a day before":   {dunning.FailureSoft, failures(10, first, time.Hour), "retry+24h/owed"},
		"seventeen in a month":         {dunning.FailureSoft, failures(17, first, 29*time.Hour), "retry+24h/owed"},
		"eighteen in a month":          {dunning.FailureSoft, failures(18, first, 30*time.Hour), "retry+210h/owed"},
		"eighteen, technical":          {dunning.FailureTechnical, failures(18, first, 30*time.Hour), "retry+210h/owed"},
		"eighteen in a longer time":    {dunning.FailureSoft, failures(18, first, 43*time.Hour), "retry+24h/owed"},
		"eighteen within a week":       {dunning.FailureSoft, failures(18, first, 9*time.Hour), "give_up+336h/owed"},
		"more than there should be":    {dunning.FailureSoft, failures(40, first, time.Minute), "give_up+336h/owed"},
		"a clock that is far ahead":    {dunning.FailureTechnical, failures(10, first.Add(time.Hour), 0), "retry+25h/owed"},
		"the caps do not touch a word": {dunning.FailureHard, failures(40, first, time.Minute), "ask_for_new_card+336h/owed"},
	} {
		slices.Reverse(tc.failures) // in any order
		got := dunning.Default().Decide(dunning.Case{
			Failure: tc.failure, FailedAt: first, AttemptedAt: first, Now: first, Technical: 1, TokenFailures: tc.failures,
		})
		require.Equal(t, tc.want, told(got), name)
	}
}

func TestDue_LooksAtTheCapsAgain(t *testing.T) {
	t.Parallel()

	policy := dunning.Default()
	policy.DayCap = 1
	c := dunning.Case{Failure: dunning.FailureSoft, FailedAt: first, AttemptedAt: first, Now: first.Add(day), TokenFailures: []time.Time{first}}
	require.Equal(t, "retry+24h/owed", told(policy.Due(c)))
	c.TokenFailures = append(c.TokenFailures, first.Add(20*time.Hour))
	require.Equal(t, "retry+44h/owed", told(policy.Due(c)), "another subscription used the token")
	c.Now = first.Add(14 * day)
	require.Equal(t, "give_up+336h/owed", told(policy.Due(c)), "nobody was there to charge in time")
	c.Now, c.TokenFailures = first.Add(13*day), []time.Time{first.Add(13 * day)}
	require.Equal(t, "give_up+336h/owed", told(policy.Due(c)), "the caps allow it when it is too late")
	c = dunning.Case{Failure: dunning.FailureTechnical, Technical: 1, FailedAt: first, Now: first.Add(time.Hour)}
	require.Equal(t, "retry+1h", told(policy.Due(c)))
}

func TestDecide_ShowsAPersonWhatItDoesNotKnow(t *testing.T) {
	t.Parallel()

	require.Equal(t, dunning.Decision{Action: dunning.ActionAlert}, dunning.Default().Decide(dunning.Case{Failure: "of another version", Now: first}))
	require.Equal(t, "alert+336h", told(dunning.Default().Decide(dunning.Case{Failure: "of another version", FailedAt: first, Now: first})))
}

func TestFailureOf_ReadsWhatAPaymentSays(t *testing.T) {
	t.Parallel()

	for _, tc := range []struct {
		category, declineCode string
		want                  dunning.Failure
	}{
		{"soft", "insufficient_funds", dunning.FailureSoft},
		{"soft", "", dunning.FailureSoft},
		{"soft", "recurring_not_due", dunning.FailureConfiguration},
		{"soft", "authentication_failed", dunning.FailureAction},
		{"soft", "authentication_timeout", dunning.FailureAction},
		{"hard", "authentication_rejected", dunning.FailureHard},
		{"hard", "expired_card", dunning.FailureHard},
		{"technical", "issuer_unavailable", dunning.FailureTechnical},
		{"configuration", "request_rejected", dunning.FailureConfiguration},
		{"", "", dunning.FailureHard},
		{"of another version", "x", dunning.FailureHard},
	} {
		require.Equal(t, tc.want, dunning.FailureOf(tc.category, tc.declineCode), "%s %s", tc.category, tc.declineCode)
	}
}
