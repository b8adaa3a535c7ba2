package dunning_test

import (
	"slices"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"

	"tillway/internal/subscriptions/dunning"
)

// story is one subscription's unpaid period, dealt with as a decision says. Several share a token.
type story struct {
	now       time.Time // when its next step is
	decided   dunning.Decision
	c         dunning.Case
	settling  bool // the last attempt is not settled yet
	newCard   bool // the token is another one, of its own
	own       []time.Time
	recovered bool
	endedAt   time.Time
}

// world is a token, its failed attempts, and the stories that are charged with it.
type world struct {
	policy  dunning.Policy
	failed  []time.Time
	stories []*story
}

func (w *world) failures(s *story) *[]time.Time {
	if s.newCard {
		return &s.own
	}
	return &w.failed
}

func drawPolicy(t *rapid.T) dunning.Policy {
	days := rapid.IntRange(1, dunning.MaxDays).Draw(t, "give up")
	retries := rapid.SliceOfNDistinct(rapid.IntRange(1, days), 0, min(days-1, dunning.MaxRetries), rapid.ID[int]).Draw(t, "retries")
	slices.Sort(retries)
	p := dunning.Policy{
		RetryDays: slices.DeleteFunc(retries, func(d int) bool { return d == days }), GiveUpDays: days,
		End:    rapid.SampledFrom(dunning.Ends()).Draw(t, "end"),
		DayCap: rapid.IntRange(1, dunning.SchemeDayCap).Draw(t, "day cap"), MonthCap: rapid.IntRange(1, dunning.SchemeMonthCap).Draw(t, "month cap"),
	}
	require.NoError(t, p.Validate("dunning"))
	return p
}

// charge sends an attempt, which must be one that the caps allow.
func (w *world) charge(t *rapid.T, s *story) {
	tried := w.failures(s)
	within := func(d time.Duration) (n int) {
		for _, at := range *tried {
			if s.now.Sub(at) < d {
				n++
			}
		}
		return n
	}
	if !s.c.AttemptedAt.IsZero() { // the first attempt of a period is no retry
		require.Less(t, within(24*time.Hour), w.policy.DayCap, "in a day")
		require.Less(t, within(30*24*time.Hour), w.policy.MonthCap, "in 30 days")
		require.Less(t, within(24*time.Hour), 10)
		require.Less(t, within(30*24*time.Hour), 18)
	}
	s.c.AttemptedAt = s.now
	if rapid.IntRange(0, 9).Draw(t, "outcome") == 0 {
		s.recovered, s.endedAt = true, s.now
		return
	}
	*tried = append(*tried, s.now)
	s.fails(t, rapid.SampledFrom(dunning.Failures()).Draw(t, "failure"))
	w.decide(t, s)
}

func (s *story) fails(t *rapid.T, failure dunning.Failure) {
	s.c.Failure = failure
	if failure == dunning.FailureTechnical {
		s.c.Technical++
	} else if failure != dunning.FailureUnknown {
		s.c.Technical = 0
	}
	s.settling = failure == dunning.FailureUnknown
	if s.settling {
		s.now = s.now.Add(time.Duration(rapid.IntRange(1, 100).Draw(t, "settled after")) * time.Hour)
	}
}

func (w *world) decide(t *rapid.T, s *story) {
	s.c.Now, s.c.TokenFailures = s.now, *w.failures(s)
	d := w.policy.Decide(s.c)
	counted := s.c.Failure != dunning.FailureUnknown && s.c.Failure != dunning.FailureConfiguration
	if counted && s.c.FailedAt.IsZero() {
		s.c.FailedAt = s.now
	}
	end := s.c.FailedAt.Add(time.Duration(w.policy.GiveUpDays) * day)
	require.Equal(t, d.Action == dunning.ActionGiveUp, d.End != "")
	switch d.Action {
	case dunning.ActionSettle:
		require.True(t, s.settling)
		require.Zero(t, d.At)
	case dunning.ActionAlert:
		require.Equal(t, dunning.FailureConfiguration, s.c.Failure)
		require.Equal(t, s.c.FailedAt.IsZero(), d.At.IsZero())
	case dunning.ActionRetry:
		require.True(t, d.At.After(s.now) && d.At.Before(end), "%s in %s to %s", d.At, s.now, end)
		require.True(t, d.At.After(s.c.AttemptedAt))
	case dunning.ActionAskForNewCard, dunning.ActionAskForAction:
		require.Equal(t, end, d.At)
	case dunning.ActionGiveUp:
		require.False(t, d.At.Before(s.now))
		require.False(t, d.At.Before(end))
	default:
		require.Fail(t, "no such action", d.Action)
	}
	s.decided = d
	if !d.At.IsZero() {
		s.now = d.At
	}
}

// step does what the story's decision has due.
func (w *world) step(t *rapid.T, s *story) {
	s.now = s.now.Add(time.Duration(rapid.SampledFrom([]int{0, 0, 0, 1, 300, 4000}).Draw(t, "late by minutes")) * time.Minute)
	switch {
	case s.c.AttemptedAt.IsZero():
		w.charge(t, s)
	case s.settling && rapid.Bool().Draw(t, "paid after all"):
		s.recovered, s.endedAt = true, s.now
	case s.settling:
		s.fails(t, rapid.SampledFrom(dunning.Failures()).Filter(func(f dunning.Failure) bool { return f != dunning.FailureUnknown }).Draw(t, "settled"))
		w.decide(t, s)
	case s.decided.Action == dunning.ActionGiveUp:
		s.endedAt = s.now
	case s.decided.Action == dunning.ActionRetry, s.decided.Action == dunning.ActionAlert && s.decided.At.IsZero():
		// Somebody has mended what the alert was about.
		s.c.Now, s.c.TokenFailures = s.now, *w.failures(s)
		if s.decided = w.policy.Due(s.c); s.decided.Action == dunning.ActionRetry && s.decided.At.Equal(s.now) {
			w.charge(t, s)
		} else {
			s.now = s.decided.At
		}
	case s.decided.Action == dunning.ActionAskForNewCard && !s.newCard && rapid.Bool().Draw(t, "new card"):
		s.newCard = true
		s.now = s.c.AttemptedAt.Add(time.Hour)
		w.charge(t, s)
	default:
		w.decide(t, s)
	}
}

func TestStories_EndInTimeAndWithinTheCaps(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		w := world{policy: drawPolicy(t)}
		for range rapid.IntRange(1, 4).Draw(t, "stories") {
			w.stories = append(w.stories, &story{now: first.Add(time.Duration(rapid.IntRange(0, 500).Draw(t, "begins")) * time.Hour)})
		}
		for steps := 0; ; steps++ {
			var next *story
			for _, s := range w.stories {
				if s.endedAt.IsZero() && (next == nil || s.now.Before(next.now)) {
					next = s
				}
			}
			if next == nil {
				break
			}
			require.Less(t, steps, 1000, "a story goes on and on")
			w.step(t, next)
		}
		for _, s := range w.stories {
			if !s.recovered && !s.c.FailedAt.IsZero() {
				// Late by what a worker may be late, twice, and by how long a last attempt took to settle.
				require.WithinDuration(t, s.c.FailedAt.Add(time.Duration(w.policy.GiveUpDays)*day), s.endedAt, 13*day)
			}
		}
	})
}
