package main

import (
	"bytes"
	"context"
	"encoding/json"
	"testing"

	"github.com/stretchr/testify/require"

	"tillway/internal/telemetry"
)

func TestCommands_RefuseWhatTheyDoNotKnow(t *testing.T) {
	t.Parallel()
	for _, args := range [][]string{{"nonsense"}, {"migrate", "sideways"}, {"keys", "nonsense"}, {"serve", "now"}} {
		root := newRoot()
		root.SetArgs(args)
		require.ErrorContains(t, root.ExecuteContext(t.Context()), "unknown command", args)
	}
	for _, args := range [][]string{{}, {"migrate"}, {"keys"}, {"demo", "--help"}} {
		var out bytes.Buffer
		root := newRoot()
		root.SetArgs(args)
		root.SetOut(&out)
		require.NoError(t, root.ExecuteContext(t.Context()), args)
		require.Contains(t, out.String(), "Usage:", args)
	}
}

func TestRedisLog_IsPartOfTheLog(t *testing.T) {
	t.Parallel()
	var out bytes.Buffer
	redisLog{telemetry.NewLogger(&out, nil)}.Printf(context.Background(), "dial %s: %d", "127.0.0.1:1", 7)
	var line map[string]any
	require.NoError(t, json.Unmarshal(out.Bytes(), &line), out.String())
	require.Equal(t, "WARN", line["level"])
	require.Equal(t, "dial 127.0.0.1:1: 7", line["said"])
}
