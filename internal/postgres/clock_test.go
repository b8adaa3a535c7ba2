package postgres_test

import (
	"context"
	"errors"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/stretchr/testify/require"

	"tillway/internal/postgres"
	"tillway/internal/postgres/pgtest"
)

// answers is a database that tells the times of a list, each after a while on the test's clock.
type answers struct {
	local *time.Time
	trip  time.Duration
	told  []time.Time
}

func (a *answers) QueryRow(context.Context, string, ...any) pgx.Row {
	*a.local = a.local.Add(a.trip)
	return a
}

func (a *answers) Scan(into ...any) error {
	if len(a.told) == 0 {
		return errors.New("connection refused")
	}
	*into[0].(*time.Time) = a.told[0] //nolint:forcetypeassert // the one thing it is asked for
	a.told = a.told[1:]
	return nil
}

func TestClock_TellsTheDatabasesTimeWhateverTheMachineThinks(t *testing.T) {
	t.Parallel()
	pool := pgtest.New(t)
	for name, wrong := range map[string]time.Duration{"right": 0, "ahead": 5 * time.Minute, "behind": -5 * time.Minute} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			clock, err := postgres.NewClock(t.Context(), pool, func() time.Time { return time.Now().Add(wrong) })
			require.NoError(t, err)
			var told time.Time
			before := clock.Now()
			require.NoError(t, pool.QueryRow(t.Context(), "SELECT clock_timestamp()").Scan(&told))
			require.WithinRange(t, told, before.Add(-2*time.Second), clock.Now().Add(2*time.Second))
			require.InDelta(t, wrong.Seconds(), clock.Ahead().Seconds(), 2)
		})
	}
}

func TestClock_RunsOnBetweenSettingsAndKeepsTheBetterOne(t *testing.T) {
	t.Parallel()
	local := time.Date(2026, 11, 26, 12, 0, 0, 0, time.UTC)
	truth := local.Add(-5 * time.Minute)
	db := &answers{local: &local, trip: 10 * time.Millisecond, told: []time.Time{truth}}
	clock, err := postgres.NewClock(t.Context(), db, func() time.Time { return local })
	require.NoError(t, err)
	require.Equal(t, truth.Add(5*time.Millisecond), clock.Now(), "half of the round trip has passed since")
	local = local.Add(time.Hour)
	require.Equal(t, truth.Add(time.Hour+5*time.Millisecond), clock.Now())

	require.Error(t, clock.Set(t.Context()), "the database is away")
	db.trip, db.told = 3*time.Second, []time.Time{truth}
	require.Error(t, clock.Set(t.Context()), "an answer that took so long says little")
	require.WithinDuration(t, truth.Add(time.Hour+3*time.Second), clock.Now(), 100*time.Millisecond)

	db.trip, db.told = 0, []time.Time{truth.Add(2 * time.Hour)}
	require.NoError(t, clock.Set(t.Context()))
	require.Equal(t, truth.Add(2*time.Hour), clock.Now(), "a database that moved is followed")
}
