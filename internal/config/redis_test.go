package config_test

import (
	"testing"
	"time"

	"github.com/redis/go-redis/v9"
	"github.com/stretchr/testify/require"

	"tillway/internal/config"
)

func TestRedisOptions_ReadEveryForm(t *testing.T) {
	t.Parallel()

	tests := []struct {
		name, url string
		check     func(*testing.T, *redis.UniversalOptions)
		client    redis.UniversalClient
	}{
		{"single", "redis://user:p%40ss@h:7000/3", func(t *testing.T, o *redis.UniversalOptions) {
			t.Helper()
			require.Equal(t, []string{"h:7000"}, o.Addrs)
			require.Equal(t, "user", o.Username)
			require.Equal(t, "p@ss", o.Password)
			require.Equal(t, 3, o.DB)
			require.Nil(t, o.TLSConfig)
		}, &redis.Client{}},
		{"default port", "redis://h", func(t *testing.T, o *redis.UniversalOptions) {
			t.Helper()
			require.Equal(t, []string{"h:6379"}, o.Addrs)
		}, &redis.Client{}},
		{"TLS", "rediss://h", func(t *testing.T, o *redis.UniversalOptions) {
			t.Helper()
			require.Equal(t, "h", o.TLSConfig.ServerName)
		}, &redis.Client{}},
		{"socket", "unix:///run/redis.sock?db=2", func(t *testing.T, o *redis.UniversalOptions) {
			t.Helper()
			require.Equal(t, []string{"/run/redis.sock"}, o.Addrs)
			require.Equal(t, 2, o.DB)
		}, &redis.Client{}},
		{"cluster", "rediss://u:p@a:1, rediss://b:2", func(t *testing.T, o *redis.UniversalOptions) {
			t.Helper()
			require.Equal(t, []string{"a:1", "b:2"}, o.Addrs)
			require.Equal(t, "p", o.Password)
			require.Empty(t, o.TLSConfig.ServerName)
		}, &redis.ClusterClient{}},
		{"cluster behind one address", "redis://a:1?cluster=true", func(t *testing.T, o *redis.UniversalOptions) {
			t.Helper()
			require.True(t, o.IsClusterMode)
		}, &redis.ClusterClient{}},
		{"sentinels", "redis://a:26379?master_name=main&sentinel_password=sp,redis://b:26379", func(t *testing.T, o *redis.UniversalOptions) {
			t.Helper()
			require.Equal(t, "main", o.MasterName)
			require.Equal(t, "sp", o.SentinelPassword)
			require.Equal(t, []string{"a:26379", "b:26379"}, o.Addrs)
		}, &redis.Client{}},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			c, err := config.Load(map[string]string{"REDIS_URL": tt.url})
			require.NoError(t, err)
			options, err := c.RedisOptions()
			require.NoError(t, err)
			tt.check(t, options)

			client := redis.NewUniversalClient(options)
			t.Cleanup(func() { require.NoError(t, client.Close()) })
			require.IsType(t, tt.client, client)
		})
	}
}

func TestRedisOptions_BoundEveryWait(t *testing.T) {
	t.Parallel()

	for url, read := range map[string]time.Duration{
		"redis://h":                       500 * time.Millisecond,
		"redis://h?read_timeout=2s":       2 * time.Second,
		"redis://h?read_timeout=-1":       500 * time.Millisecond,
		"redis://h?max_retries=1000":      500 * time.Millisecond,
		"redis://a,redis://b?pool_size=3": 500 * time.Millisecond,
	} {
		options, err := config.Config{RedisURL: config.Secret(url)}.RedisOptions()
		require.NoError(t, err)
		require.Equal(t, time.Second, options.DialTimeout)
		require.Equal(t, read, options.ReadTimeout)
		require.Equal(t, 500*time.Millisecond, options.WriteTimeout)
		require.Equal(t, -1, options.MaxRetries, "a script whose answer was lost must not run twice")
		require.True(t, options.ContextTimeoutEnabled)
	}
}
