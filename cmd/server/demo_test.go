package main

import (
	"bytes"
	"context"
	"encoding/json"
	"io"
	"net/http"
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"tillway/internal/demo"
)

// The demo is the first thing that a newcomer runs, and the only place where everything runs together.
func TestDemo_PaysItsOrdersAndKeepsThem(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	t.Cleanup(func() { require.NoError(t, demo.Reset(dir)) })

	first := runDemo(t, dir, func(s demo.Summary) {
		require.Equal(t, "paid", orderStatus(t, s, s.CardOrder))
		require.Equal(t, "paid", orderStatus(t, s, s.ThreeDSOrder))
		require.Equal(t, "pending", orderStatus(t, s, s.WaitingOrder))
		for _, page := range []string{s.WaitingPage, s.CheckoutPage, s.SandboxURL + "/sandbox/review", s.APIURL + "/docs", s.SandboxURL + "/sandbox", s.AdminURL + "/metrics"} {
			require.Equal(t, http.StatusOK, get(t, page, "").StatusCode, page)
		}
		metrics, err := io.ReadAll(get(t, s.AdminURL+"/metrics", "").Body)
		require.NoError(t, err)
		require.True(t, bytes.Contains(metrics, []byte("tillway_http_request_duration_seconds_count")))
		require.False(t, bytes.Contains(metrics, []byte("http_server_")), "their server_port is what callers write in Host")
	})
	runDemo(t, dir, func(s demo.Summary) {
		require.Equal(t, first.StorefrontKey, s.StorefrontKey)
		require.Equal(t, "paid", orderStatus(t, s, first.CardOrder), "kept from the first run")
		require.NotEqual(t, first.CardOrder, s.CardOrder)
		require.Equal(t, "paid", orderStatus(t, s, s.ThreeDSOrder))
	})

	log, err := os.ReadFile(filepath.Join(dir, "server.log"))
	require.NoError(t, err)
	require.NotEmpty(t, log)
	for _, secret := range []string{"4761344136141390", "4000020951595032", first.StorefrontKey} {
		require.NotContains(t, string(log), secret)
	}
}

// runDemo runs the demo until look has looked.
func runDemo(t *testing.T, dir string, look func(demo.Summary)) demo.Summary {
	t.Helper()
	free := demo.Address{Value: "127.0.0.1:0"}
	ctx, interrupt := context.WithTimeout(t.Context(), 2*time.Minute)
	defer interrupt()
	var (
		out  bytes.Buffer
		seen demo.Summary
	)
	err := demo.Run(ctx, demo.Options{
		Dir: dir, API: free, Admin: free, Sandbox: free, Shop: free, Out: &out, Serve: serveDemo,
		Ready: func(s demo.Summary) {
			defer interrupt()
			seen = s
			look(s)
		},
	})
	require.NoError(t, err)
	require.NotEmpty(t, seen.CardOrder, "it got to its end:\n%s", out.String())
	require.Less(t, seen.Elapsed, time.Minute)
	return seen
}

func orderStatus(t *testing.T, s demo.Summary, id string) string {
	t.Helper()
	response := get(t, s.APIURL+"/v1/orders/"+id, s.StorefrontKey)
	require.Equal(t, http.StatusOK, response.StatusCode)
	var order struct {
		Status string `json:"status"`
	}
	require.NoError(t, json.NewDecoder(response.Body).Decode(&order))
	return order.Status
}

func get(t *testing.T, url, key string) *http.Response {
	t.Helper()
	request, err := http.NewRequestWithContext(t.Context(), http.MethodGet, url, nil)
	require.NoError(t, err)
	if key != "" {
		request.Header.Set("Authorization", "Bearer "+key)
	}
	client := &http.Client{Timeout: 10 * time.Second}
	response, err := client.Do(request)
	require.NoError(t, err)
	t.Cleanup(func() { _ = response.Body.Close() })
	return response
}
