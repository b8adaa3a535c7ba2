package telemetry

import (
	"context"
	"strconv"
	"sync/atomic"
	"time"
)

type timingKey struct{}

// Timing measures where the time of one request or job goes. All methods are safe for concurrent use and on nil.
//
// Times are sums: two queries of 5 ms side by side count 10 ms, as they cost the database. So DB and PSP together may
// exceed Elapsed where calls overlap; App is then zero, never negative.
type Timing struct {
	now   func() time.Time
	start time.Time

	db, psp           atomic.Int64 // nanoseconds
	dbCalls, pspCalls atomic.Int64
}

// WithTiming returns a context whose database and provider calls are timed, from now on.
func WithTiming(ctx context.Context, now func() time.Time) context.Context {
	return context.WithValue(ctx, timingKey{}, &Timing{now: now, start: now()})
}

// TimingFrom returns the Timing of ctx, or nil.
func TimingFrom(ctx context.Context) *Timing {
	t, _ := ctx.Value(timingKey{}).(*Timing)
	return t
}

// TrackDB starts timing a call to the database and returns what ends it; ending twice counts once. DBTracer calls it
// for everything that goes through pgx.
func TrackDB(ctx context.Context) (stop func()) {
	t := TimingFrom(ctx)
	if t == nil {
		return func() {}
	}
	t.dbCalls.Add(1)
	return t.track(&t.db)
}

// TrackPSP starts timing a call to the provider and returns what ends it; ending twice counts once. PSPTransport calls
// it for every request.
func TrackPSP(ctx context.Context) (stop func()) {
	t := TimingFrom(ctx)
	if t == nil {
		return func() {}
	}
	t.pspCalls.Add(1)
	return t.track(&t.psp)
}

func (t *Timing) track(total *atomic.Int64) func() {
	var stopped atomic.Bool
	start := t.now()
	return func() {
		if stopped.CompareAndSwap(false, true) {
			total.Add(int64(t.now().Sub(start)))
		}
	}
}

// Elapsed returns the time since the start.
func (t *Timing) Elapsed() time.Duration {
	if t == nil {
		return 0
	}
	return t.now().Sub(t.start)
}

// DB returns the time spent in the database by calls that have ended, waiting for a connection included.
func (t *Timing) DB() time.Duration {
	if t == nil {
		return 0
	}
	return time.Duration(t.db.Load())
}

// PSP returns the time spent at the provider by calls that have ended.
func (t *Timing) PSP() time.Duration {
	if t == nil {
		return 0
	}
	return time.Duration(t.psp.Load())
}

// App returns what is left of Elapsed.
func (t *Timing) App() time.Duration {
	return max(0, t.Elapsed()-t.DB()-t.PSP())
}

// DBCalls returns how many calls to the database were begun.
func (t *Timing) DBCalls() int64 {
	if t == nil {
		return 0
	}
	return t.dbCalls.Load()
}

// PSPCalls returns how many calls to the provider were begun.
func (t *Timing) PSPCalls() int64 {
	if t == nil {
		return 0
	}
	return t.pspCalls.Load()
}

// ServerTiming returns the value of the Server-Timing header (W3C Server Timing), in milliseconds.
func (t *Timing) ServerTiming() string {
	value := make([]byte, 0, 48)
	value = strconv.AppendFloat(append(value, "app;dur="...), milliseconds(t.App()), 'f', 1, 64)
	value = strconv.AppendFloat(append(value, ", db;dur="...), milliseconds(t.DB()), 'f', 1, 64)
	value = strconv.AppendFloat(append(value, ", psp;dur="...), milliseconds(t.PSP()), 'f', 1, 64)
	return string(value)
}

func milliseconds(d time.Duration) float64 {
	return float64(d.Microseconds()) / 1000
}
