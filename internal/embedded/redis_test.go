package embedded_test

import (
	"context"
	"net"
	"strconv"
	"testing"

	"github.com/redis/go-redis/v9"
	"github.com/stretchr/testify/require"

	"tillway/internal/embedded"
)

func startRedis(t *testing.T, opts embedded.RedisOptions) (*embedded.Redis, *redis.Client) {
	t.Helper()
	server, err := embedded.StartRedis(t.Context(), opts)
	require.NoError(t, err)
	t.Cleanup(func() { require.NoError(t, server.Stop(context.WithoutCancel(t.Context()))) })
	parsed, err := redis.ParseURL(server.URL())
	require.NoError(t, err)
	client := redis.NewClient(parsed)
	t.Cleanup(func() { _ = client.Close() })
	return server, client
}

func TestStartRedis_AnswersOnItsURL(t *testing.T) {
	t.Parallel()
	server, client := startRedis(t, embedded.RedisOptions{})

	require.NoError(t, client.Set(t.Context(), "k", "v", 0).Err())
	require.Equal(t, "v", client.Get(t.Context(), "k").Val())
	require.NoError(t, server.Stop(t.Context()))
	require.NoDirExists(t, server.PrivateDir())
	require.False(t, running(server.PID()))
}

func TestStartRedis_KeepsItsDataInADirectory(t *testing.T) {
	t.Parallel()
	dir := openDir(t) + "/redis"
	first, client := startRedis(t, embedded.RedisOptions{Dir: dir})
	require.NoError(t, client.Set(t.Context(), "k", "v", 0).Err())
	_, err := embedded.StartRedis(t.Context(), embedded.RedisOptions{Dir: dir})
	require.ErrorIs(t, err, embedded.ErrInUse)
	require.NoError(t, first.Stop(t.Context()))

	_, client = startRedis(t, embedded.RedisOptions{Dir: dir})
	require.Equal(t, "v", client.Get(t.Context(), "k").Val())
}

func TestStartRedis_SaysWhenItsPortIsTaken(t *testing.T) {
	t.Parallel()
	var listen net.ListenConfig
	taken, err := listen.Listen(t.Context(), "tcp", "127.0.0.1:0")
	require.NoError(t, err)
	t.Cleanup(func() { _ = taken.Close() })
	_, text, err := net.SplitHostPort(taken.Addr().String())
	require.NoError(t, err)
	port, err := strconv.Atoi(text)
	require.NoError(t, err)

	_, err = embedded.StartRedis(t.Context(), embedded.RedisOptions{Port: port})

	require.ErrorContains(t, err, "in use")
}
