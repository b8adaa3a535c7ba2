package report_test

import (
	"math/rand/v2"
	"testing"
	"time"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5/pgxpool"
	"github.com/stretchr/testify/require"

	"tillway/internal/fault"
	"tillway/internal/postgres/pgtest"
	"tillway/internal/subscriptions/calendar"
	"tillway/internal/subscriptions/lifecycle"
	"tillway/internal/subscriptions/report"
)

const day = 24 * time.Hour

type testBundle struct {
	pool   *pgxpool.Pool
	reader *report.Reader
	now    time.Time
}

func setup(t *testing.T) *testBundle {
	t.Helper()
	b := &testBundle{pool: pgtest.New(t), now: time.Date(2027, 6, 1, 0, 0, 0, 0, time.UTC)}
	b.reader = report.New(b.pool, func() time.Time { return b.now })
	return b
}

// begun is the life of a subscription that is active since a moment.
func begun(at time.Time, amount int64, interval calendar.Interval, count int64) *life {
	l := &life{id: uuid.New(), customer: uuid.New(), currency: "EUR", amount: amount, interval: interval, count: count, born: at}
	l.happens(lifecycle.HappeningBegun, at, nil)
	return l
}

func TestSummary_TellsAStory(t *testing.T) {
	t.Parallel()
	b := setup(t)
	from, to := b.now.Add(-30*day), b.now
	before, within := from.Add(-10*day), from.Add(3*day)

	steady := begun(before, 999, calendar.IntervalMonth, 1)
	steady.periods = []*period{{id: uuid.New(), start: within, charges: []string{"merchant"}, paidAt: within}}
	yearly := begun(before, 12_000, calendar.IntervalYear, 1)
	yearly.happens(lifecycle.HappeningCanceled, within, nil)
	retried := begun(before, 700, calendar.IntervalWeek, 2)
	owed := &period{id: uuid.New(), start: within, charges: []string{"merchant", "merchant", "merchant"}, paidAt: within.Add(3 * day)}
	retried.periods = []*period{owed}
	retried.happens(lifecycle.HappeningOwed, within, owed)
	retried.happens(lifecycle.HappeningPaid, owed.paidAt, owed)
	lost := begun(before, 100, calendar.IntervalDay, 1)
	gone := &period{id: uuid.New(), start: within, charges: []string{"merchant"}}
	lost.periods = []*period{gone}
	lost.happens(lifecycle.HappeningOwed, within, gone)
	lost.happens(lifecycle.HappeningGivenUp, within.Add(14*day), gone)
	lost.happens(lifecycle.HappeningCanceled, within.Add(20*day), gone)
	fresh := begun(within, 100, calendar.IntervalDay, 1)
	never := &life{id: uuid.New(), customer: uuid.New(), currency: "EUR", amount: 1, interval: calendar.IntervalDay, count: 1, born: within}
	never.happens(lifecycle.HappeningNotBegun, within, nil)
	b.record(t, []*life{steady, yearly, retried, lost, fresh, never})

	got, err := b.reader.Summary(t.Context(), from, to)
	require.NoError(t, err)
	require.Equal(t, b.now, got.AsOf)
	require.Len(t, got.Currencies, 1)
	eur := got.Currencies[0]
	require.Equal(t, "eur", eur.Currency)
	// 999 + 700 × 365/84/2 + 100 × 365/12 = 999 + 1520.83… + 3041.66… = 5561.5
	require.Equal(t, int64(5562), eur.MRR)
	require.Equal(t, map[lifecycle.Status]int64{
		"incomplete": 0, "trialing": 0, "active": 3, "past_due": 0, "unpaid": 0, "paused": 0, "canceled": 2, "expired": 1,
	}, eur.Subscriptions)
	require.Equal(t, int64(4), eur.AtStart)
	require.Equal(t, int64(1), eur.New)
	require.Equal(t, report.Churn{Total: 2, Canceled: 1, Dunning: 1}, eur.Churned)
	require.Equal(t, "0.5000", eur.ChurnRate.String())
	require.Equal(t, int64(1699), eur.CollectedRevenue)
	require.Equal(t, int64(700), eur.RecoveredRevenue)
	require.Equal(t, report.Dunning{
		Entered: 2, Recovered: report.Recovered{Total: 1, ByRetry: []report.ByRetry{{Retry: 2, Count: 1}}}, Canceled: 1,
	}, eur.Dunning)
	require.Equal(t, model([]*life{steady, yearly, retried, lost, fresh, never}, from, to), got.Currencies)
}

func TestSummary_AgreesWithTheHistoriesOfMany(t *testing.T) {
	t.Parallel()
	b := setup(t)
	r := rand.New(rand.NewPCG(7, 2027)) // the same lives each time
	var lives []*life
	for range 400 {
		lives = append(lives, live(r, b.now.Add(-time.Duration(1+r.IntN(100*24))*time.Hour), b.now))
	}
	b.record(t, lives)
	seen := report.Dunning{}
	for range 12 {
		from := b.now.Add(-time.Duration(1+r.IntN(110*24)) * time.Hour)
		to := from.Add(time.Duration(1+r.IntN(60*24)) * time.Hour)
		got, err := b.reader.Summary(t.Context(), from, to)
		require.NoError(t, err)
		require.Equal(t, model(lives, from, to), got.Currencies, "from %s to %s", from, to)
		for _, c := range got.Currencies {
			d := c.Dunning
			require.Equal(t, d.Entered, d.Recovered.Total+d.Unpaid+d.Canceled+d.Expired+d.Paused+d.Open)
			seen.Recovered.ByNewCard += d.Recovered.ByNewCard
			seen.Recovered.ByRetry = append(seen.Recovered.ByRetry, d.Recovered.ByRetry...)
			seen.Unpaid, seen.Canceled, seen.Expired = seen.Unpaid+d.Unpaid, seen.Canceled+d.Canceled, seen.Expired+d.Expired
			seen.Paused, seen.Open = seen.Paused+d.Paused, seen.Open+d.Open
		}
	}
	for _, n := range []int64{
		seen.Recovered.ByNewCard, int64(len(seen.Recovered.ByRetry)), seen.Unpaid, seen.Canceled, seen.Expired, seen.Paused, seen.Open,
	} {
		require.NotZero(t, n, "the lives are too few to show everything: %+v", seen)
	}
}

func TestSummary_FollowsChangesOfPrice(t *testing.T) {
	t.Parallel()
	b := setup(t)
	l := begun(b.now.Add(-day), 1000, calendar.IntervalMonth, 1)
	b.record(t, []*life{l})
	for _, change := range []struct {
		set string
		mrr int64
	}{
		{"amount = 1200", 1200},
		{"interval_count = 2", 600},
		{"interval_unit = 'year', interval_count = 1", 100},
		{"status = 'paused', paused_at = now(), version = version + 1", 0},
	} {
		_, err := b.pool.Exec(t.Context(), "UPDATE subscriptions SET "+change.set)
		require.NoError(t, err)
		got, err := b.reader.Summary(t.Context(), b.now.Add(-2*day), b.now)
		require.NoError(t, err)
		require.Equal(t, change.mrr, got.Currencies[0].MRR, change.set)
	}
	_, err := b.pool.Exec(t.Context(), "DELETE FROM subscriptions")
	require.NoError(t, err)
	got, err := b.reader.Summary(t.Context(), b.now, b.now.Add(day))
	require.NoError(t, err)
	require.Empty(t, got.Currencies)
}

func TestSummary_RefusesRangesThatAreNone(t *testing.T) {
	t.Parallel()
	b := setup(t)
	for name, c := range map[string]struct{ from, to time.Time }{
		"empty":     {b.now, b.now},
		"backwards": {b.now, b.now.Add(-time.Second)},
		"too long":  {b.now.Add(-366*day - time.Second), b.now},
	} {
		_, err := b.reader.Summary(t.Context(), c.from, c.to)
		require.Equal(t, fault.Invalid, fault.KindOf(err), name)
	}
}

func TestMoves_AreAppendOnly(t *testing.T) {
	t.Parallel()
	b := setup(t)
	b.record(t, []*life{begun(b.now, 1, calendar.IntervalDay, 1)})
	for _, statement := range []string{"UPDATE subscription_moves SET currency = 'USD'", "DELETE FROM subscription_moves"} {
		_, err := b.pool.Exec(t.Context(), statement)
		require.ErrorContains(t, err, "append-only", statement)
	}
}
