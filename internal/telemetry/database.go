package telemetry

import (
	"context"

	"github.com/exaring/otelpgx"
	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/multitracer"
	"github.com/jackc/pgx/v5/pgxpool"
)

// DBTracer returns the tracer for pgxpool.Config.ConnConfig.Tracer: it adds to the Timing of the request and makes
// spans and metrics through otelpgx. Statements appear in spans, their parameters never.
func (t *Telemetry) DBTracer() *multitracer.Tracer {
	return multitracer.New(dbTimer{}, otelpgx.NewTracer(
		otelpgx.WithTracerProvider(t.TracerProvider),
		otelpgx.WithMeterProvider(t.MeterProvider),
	))
}

// dbTimer adds the time of every call to the Timing of its context. Preparing a statement is part of the query that
// needs it and connecting is part of acquiring, so neither is counted by itself.
type dbTimer struct{}

var (
	_ pgx.QueryTracer       = dbTimer{}
	_ pgx.BatchTracer       = dbTimer{}
	_ pgx.CopyFromTracer    = dbTimer{}
	_ pgxpool.AcquireTracer = dbTimer{}
)

type dbStopKey struct{}

func startDB(ctx context.Context) context.Context {
	if TimingFrom(ctx) == nil {
		return ctx
	}
	return context.WithValue(ctx, dbStopKey{}, TrackDB(ctx))
}

func stopDB(ctx context.Context) {
	if stop, ok := ctx.Value(dbStopKey{}).(func()); ok {
		stop()
	}
}

// TraceQueryStart begins a query.
func (dbTimer) TraceQueryStart(ctx context.Context, _ *pgx.Conn, _ pgx.TraceQueryStartData) context.Context {
	return startDB(ctx)
}

// TraceQueryEnd ends a query: its rows have been read and closed.
func (dbTimer) TraceQueryEnd(ctx context.Context, _ *pgx.Conn, _ pgx.TraceQueryEndData) { stopDB(ctx) }

// TraceBatchStart begins a batch, one round trip.
func (dbTimer) TraceBatchStart(ctx context.Context, _ *pgx.Conn, _ pgx.TraceBatchStartData) context.Context {
	return startDB(ctx)
}

// TraceBatchQuery is part of the batch.
func (dbTimer) TraceBatchQuery(context.Context, *pgx.Conn, pgx.TraceBatchQueryData) {}

// TraceBatchEnd ends a batch.
func (dbTimer) TraceBatchEnd(ctx context.Context, _ *pgx.Conn, _ pgx.TraceBatchEndData) { stopDB(ctx) }

// TraceCopyFromStart begins a COPY.
func (dbTimer) TraceCopyFromStart(ctx context.Context, _ *pgx.Conn, _ pgx.TraceCopyFromStartData) context.Context {
	return startDB(ctx)
}

// TraceCopyFromEnd ends a COPY.
func (dbTimer) TraceCopyFromEnd(ctx context.Context, _ *pgx.Conn, _ pgx.TraceCopyFromEndData) {
	stopDB(ctx)
}

// TraceAcquireStart begins waiting for a connection. It counts as time of the database but not as a call.
func (dbTimer) TraceAcquireStart(ctx context.Context, _ *pgxpool.Pool, _ pgxpool.TraceAcquireStartData) context.Context {
	t := TimingFrom(ctx)
	if t == nil {
		return ctx
	}
	return context.WithValue(ctx, dbStopKey{}, t.track(&t.db))
}

// TraceAcquireEnd ends the wait.
func (dbTimer) TraceAcquireEnd(ctx context.Context, _ *pgxpool.Pool, _ pgxpool.TraceAcquireEndData) {
	stopDB(ctx)
}
