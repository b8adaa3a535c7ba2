package redistest_test

import (
	"testing"

	"github.com/redis/go-redis/v9"
	"github.com/stretchr/testify/require"

	"tillway/internal/embedded/redistest"
)

func TestNew_KeepsTestsApart(t *testing.T) {
	t.Parallel()
	first, second := redistest.New(t), redistest.New(t)
	require.NoError(t, first.Set(t.Context(), "k", "v", 0).Err())

	require.ErrorIs(t, second.Get(t.Context(), "k").Err(), redis.Nil)
}

func TestURL_NamesAnEmptyDatabaseAgainAndAgain(t *testing.T) {
	t.Parallel()
	for range 20 {
		t.Run("lease", func(t *testing.T) {
			t.Parallel()
			client := redistest.Open(t, redistest.URL(t))
			require.Zero(t, client.DBSize(t.Context()).Val())
			require.NoError(t, client.Set(t.Context(), "k", "v", 0).Err())
		})
	}
}

func TestPrivate_StopsStartsAndFlushesOnOneAddress(t *testing.T) {
	t.Parallel()
	server := redistest.Private(t)
	ctx, client := t.Context(), server.Client()
	require.NoError(t, client.Set(ctx, "k", "v", 0).Err())

	server.Flush(t)
	require.ErrorIs(t, client.Get(ctx, "k").Err(), redis.Nil)

	require.NoError(t, client.Set(ctx, "k", "v", 0).Err())
	server.Stop(t)
	require.ErrorContains(t, client.Get(ctx, "k").Err(), "connection refused")

	server.Start(t)
	require.ErrorIs(t, client.Get(ctx, "k").Err(), redis.Nil)
	require.NoError(t, redistest.Open(t, server.URL()).Ping(ctx).Err())
}
