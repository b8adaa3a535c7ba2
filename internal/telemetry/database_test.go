package telemetry_test

import (
	"testing"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/stretchr/testify/require"

	"tillway/internal/postgres"
	"tillway/internal/postgres/pgtest"
	"tillway/internal/telemetry"
)

func TestDBTracer_TimesEveryRoundTrip(t *testing.T) {
	t.Parallel()

	tel := setup(t, telemetry.Options{})
	pool, err := postgres.Open(t.Context(), pgtest.Blank(t), postgres.Options{Tracer: tel.DBTracer(), MaxConns: 2})
	require.NoError(t, err)
	t.Cleanup(pool.Close)

	ctx := telemetry.WithTiming(t.Context(), time.Now)
	timing := telemetry.TimingFrom(ctx)
	_, err = pool.Exec(ctx, "select pg_sleep(0.02)")
	require.NoError(t, err)
	require.Equal(t, int64(1), timing.DBCalls())
	require.GreaterOrEqual(t, timing.DB(), 20*time.Millisecond)
	require.GreaterOrEqual(t, timing.Elapsed(), timing.DB())

	batch := &pgx.Batch{}
	batch.Queue("create temporary table n (id int)")
	batch.Queue("select 1")
	require.NoError(t, pool.SendBatch(ctx, batch).Close())
	require.Equal(t, int64(2), timing.DBCalls(), "a batch is one round trip")

	_, err = pool.Exec(ctx, "no such statement")
	require.Error(t, err)
	require.Equal(t, int64(3), timing.DBCalls(), "a failure took its time as well")

	conn, err := pool.Acquire(ctx)
	require.NoError(t, err)
	defer conn.Release()
	_, err = conn.Exec(ctx, "create temporary table copied (id int)")
	require.NoError(t, err)
	_, err = conn.CopyFrom(ctx, pgx.Identifier{"copied"}, []string{"id"}, pgx.CopyFromRows([][]any{{1}}))
	require.NoError(t, err)
	require.GreaterOrEqual(t, timing.DBCalls(), int64(5))

	_, err = pool.Exec(t.Context(), "select 1") // without Timing: nothing to add to, nothing breaks
	require.NoError(t, err)
	require.Contains(t, get(t, tel, "/metrics").Body.String(), "db_client_operation_duration_seconds")
}
