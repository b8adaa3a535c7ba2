package telemetry_test

import (
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"tillway/internal/telemetry"
)

// clock is moved by hand.
type clock struct {
	mu sync.Mutex
	at time.Time
}

func newClock() *clock { return &clock{at: time.Date(2026, 1, 31, 12, 0, 0, 0, time.UTC)} }

func (c *clock) now() time.Time {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.at
}

func (c *clock) advance(d time.Duration) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.at = c.at.Add(d)
}

func TestTiming_TellsWhereTheTimeWent(t *testing.T) {
	t.Parallel()

	clock := newClock()
	ctx := telemetry.WithTiming(t.Context(), clock.now)
	clock.advance(2 * time.Millisecond)
	stop := telemetry.TrackDB(ctx)
	clock.advance(4500 * time.Microsecond)
	stop()
	clock.advance(time.Millisecond)
	stop() // twice counts once
	stop = telemetry.TrackPSP(ctx)
	clock.advance(300 * time.Millisecond)
	stop()

	timing := telemetry.TimingFrom(ctx)
	require.Equal(t, "app;dur=3.0, db;dur=4.5, psp;dur=300.0", timing.ServerTiming())
	require.Equal(t, int64(1), timing.DBCalls())
	require.Equal(t, int64(1), timing.PSPCalls())
}

func TestTiming_SumsOverlappingCalls(t *testing.T) {
	t.Parallel()

	clock := newClock()
	ctx := telemetry.WithTiming(t.Context(), clock.now)
	var started, stopped sync.WaitGroup
	proceed := make(chan struct{})
	for range 10 {
		started.Add(1)
		stopped.Go(func() {
			stop := telemetry.TrackDB(ctx)
			started.Done()
			<-proceed
			stop()
		})
	}
	started.Wait()
	clock.advance(5 * time.Millisecond)
	close(proceed)
	stopped.Wait()

	timing := telemetry.TimingFrom(ctx)
	require.Equal(t, 50*time.Millisecond, timing.DB())
	require.Equal(t, int64(10), timing.DBCalls())
	require.Equal(t, 5*time.Millisecond, timing.Elapsed())
	require.Zero(t, timing.App(), "never negative")
}

func TestTiming_IsOptional(t *testing.T) {
	t.Parallel()

	telemetry.TrackDB(t.Context())()
	telemetry.TrackPSP(t.Context())()
	timing := telemetry.TimingFrom(t.Context())
	require.Nil(t, timing)
	require.Zero(t, timing.PSPCalls()+timing.DBCalls())
	require.Equal(t, "app;dur=0.0, db;dur=0.0, psp;dur=0.0", timing.ServerTiming())
}
