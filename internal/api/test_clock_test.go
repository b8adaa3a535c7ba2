package api_test

import (
	"net/http"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"tillway/internal/api"
	"tillway/internal/apikeys"
)

func TestTestClock_IsReadAndMoved(t *testing.T) {
	t.Parallel()
	b := setup(t)
	read := b.do(t, request{method: "GET", path: "/v1/test_clock", as: apikeys.RoleAdmin})
	require.Equal(t, http.StatusOK, read.status, read.body)
	require.Equal(t, "test_clock", read.str("object"))
	require.Equal(t, false, read.at("livemode"))
	require.InDelta(t, 0, read.at("offset_seconds"), 0)
	require.InDelta(t, time.Now().Unix(), read.at("now"), 5)
	require.ElementsMatch(t, []string{"self", "test_clock:advance"}, read.rels())

	move := request{
		method: "POST", path: "/v1/test_clock", as: apikeys.RoleAdmin, key: "day", body: object{"advance_seconds": 86_400},
	}
	for range 2 {
		moved := b.do(t, move)
		require.Equal(t, http.StatusOK, moved.status, moved.body)
		require.InDelta(t, 86_400, moved.at("offset_seconds"), 0, "a repeated key moves nothing")
		require.InDelta(t, time.Now().Unix()+86_400, moved.at("now"), 5)
	}
	require.NoError(t, b.redis.FlushDB(t.Context()).Err())
	repeated := b.do(t, move)
	require.Equal(t, "true", repeated.header.Get("Idempotent-Replayed"), "the clock itself knows the key")
	require.InDelta(t, 86_400, repeated.at("offset_seconds"), 0)

	require.NoError(t, b.redis.FlushDB(t.Context()).Err())
	move.body = object{"advance_seconds": 1}
	require.Equal(t, "idempotency_key_reused", b.do(t, move).str("error.code"))

	to := time.Now().Unix() + 3*86_400
	set := b.do(t, request{method: "POST", path: "/v1/test_clock", as: apikeys.RoleAdmin, body: object{"now": to}})
	require.Equal(t, http.StatusOK, set.status, set.body)
	require.InDelta(t, to, set.at("now"), 1)
}

func TestTestClock_RefusesWhatIsNoStepForward(t *testing.T) {
	t.Parallel()
	b := setup(t)
	moved := b.do(t, request{method: "POST", path: "/v1/test_clock", as: apikeys.RoleAdmin, body: object{"advance_seconds": 60}})
	require.Equal(t, http.StatusOK, moved.status, moved.body)
	for name, c := range map[string]struct {
		body        any
		code, param string
	}{
		"nothing":           {object{}, "parameter_missing", "advance_seconds"},
		"no body":           {"", "parameter_missing", "advance_seconds"},
		"both":              {object{"advance_seconds": 1, "now": time.Now().Unix() + 600}, "parameter_invalid", "now"},
		"no step":           {object{"advance_seconds": 0}, "parameter_invalid", "advance_seconds"},
		"backward":          {object{"advance_seconds": -1}, "parameter_invalid", "advance_seconds"},
		"over ten years":    {object{"advance_seconds": 315_360_001}, "parameter_invalid", "advance_seconds"},
		"overflow":          {`{"advance_seconds": 9223372036854775808}`, "parameter_invalid", "advance_seconds"},
		"a fraction":        {`{"advance_seconds": 1.5}`, "parameter_invalid", "advance_seconds"},
		"real time":         {object{"now": time.Now().Unix()}, "parameter_invalid", "now"},
		"before 1970":       {object{"now": -1}, "parameter_invalid", "now"},
		"eleven years on":   {object{"now": time.Now().AddDate(11, 0, 0).Unix()}, "parameter_invalid", "now"},
		"after the end":     {object{"now": int64(7_258_118_401)}, "parameter_invalid", "now"},
		"a field of nobody": {object{"advance": 1}, "unknown_field", "advance"},
	} {
		refused := b.do(t, request{method: "POST", path: "/v1/test_clock", as: apikeys.RoleAdmin, body: c.body, wrong: true})
		require.Equal(t, http.StatusBadRequest, refused.status, "%s: %s", name, refused.body)
		require.Equal(t, c.code, refused.str("error.code"), name)
		require.Equal(t, c.param, refused.str("error.param"), name)
	}
	require.InDelta(t, 60, b.do(t, request{method: "GET", path: "/v1/test_clock", as: apikeys.RoleAdmin}).at("offset_seconds"), 0)
}

func TestTestClock_IsForAdminsAndNotForLiveMode(t *testing.T) {
	t.Parallel()
	b := setup(t)
	for _, role := range []apikeys.Role{apikeys.RoleStorefront, apikeys.RoleOps} {
		refused := b.do(t, request{method: "POST", path: "/v1/test_clock", as: role, body: object{"advance_seconds": 60}})
		require.Equal(t, http.StatusForbidden, refused.status, refused.body)
		require.NotContains(t, b.do(t, request{method: "GET", path: "/v1", as: role}).rels(), "test_clock")
	}
	require.Contains(t, b.do(t, request{method: "GET", path: "/v1", as: apikeys.RoleAdmin}).rels(), "test_clock")

	live := setup(t, func(d *api.Deps) { d.Livemode, d.TestClock = true, nil })
	for method, body := range map[string]any{"GET": nil, "POST": object{"advance_seconds": 60}} {
		missing := live.do(t, request{method: method, path: "/v1/test_clock", as: apikeys.RoleAdmin, body: body})
		require.Equal(t, http.StatusNotFound, missing.status, missing.body)
		require.Equal(t, "resource_missing", missing.str("error.code"))
	}
	require.NotContains(t, live.do(t, request{method: "GET", path: "/v1", as: apikeys.RoleAdmin}).rels(), "test_clock")
}
