package apikeys_test

import (
	"fmt"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
	"golang.org/x/sync/errgroup"

	"tillway/internal/apikeys"
)

func TestBootstrap_IsTheSameHoweverOftenItRuns(t *testing.T) {
	t.Parallel()
	b := setup(t, false)
	keys := []apikeys.BootstrapKey{
		{Role: apikeys.RoleStorefront, Secret: "sk_test_storefront_of_the_demo"},
		{Role: apikeys.RoleAdmin, Secret: "sk_test_admin_of_the_demo"},
	}
	var processes errgroup.Group
	for range 8 {
		processes.Go(func() error { return b.process(false).Bootstrap(t.Context(), keys) })
	}
	require.NoError(t, processes.Wait())

	listed, err := b.service.List(t.Context())
	require.NoError(t, err)
	require.Len(t, listed, 2)
	for _, key := range keys {
		known, err := b.service.Authenticate(t.Context(), key.Secret)
		require.NoError(t, err)
		require.Equal(t, key.Role, known.Role)
		require.True(t, known.Bootstrap)
	}
	require.NoError(t, b.service.Bootstrap(t.Context(), nil))
}

func TestBootstrap_FollowsTheConfiguredRole(t *testing.T) {
	t.Parallel()
	b := setup(t, false)
	const secret = "sk_test_one_key_two_roles"
	require.NoError(t, b.service.Bootstrap(t.Context(), []apikeys.BootstrapKey{{Role: apikeys.RoleOps, Secret: secret}}))
	require.NoError(t, b.service.Bootstrap(t.Context(), []apikeys.BootstrapKey{{Role: apikeys.RoleAdmin, Secret: secret}}))
	key, err := b.service.Authenticate(t.Context(), secret)
	require.NoError(t, err)
	require.Equal(t, apikeys.RoleAdmin, key.Role)
}

func TestBootstrap_DoesNotRaiseAnIssuedKey(t *testing.T) {
	t.Parallel()
	b := setup(t, false)
	_, secret, err := b.service.Create(t.Context(), apikeys.RoleStorefront, "")
	require.NoError(t, err)
	require.NoError(t, b.service.Bootstrap(t.Context(), []apikeys.BootstrapKey{{Role: apikeys.RoleAdmin, Secret: secret}}))
	key, err := b.service.Authenticate(t.Context(), secret)
	require.NoError(t, err)
	require.Equal(t, apikeys.RoleStorefront, key.Role)
}

func TestBootstrap_BringsNoRevokedKeyBack(t *testing.T) {
	t.Parallel()
	b := setup(t, false)
	keys := []apikeys.BootstrapKey{{Role: apikeys.RoleOps, Secret: "sk_test_leaked"}}
	require.NoError(t, b.service.Bootstrap(t.Context(), keys))
	key, err := b.service.Authenticate(t.Context(), keys[0].Secret)
	require.NoError(t, err)
	_, err = b.service.Revoke(t.Context(), key.ID)
	require.NoError(t, err)

	require.NoError(t, b.service.Bootstrap(t.Context(), keys))
	_, err = b.service.Authenticate(t.Context(), keys[0].Secret)
	requireInvalid(t, err)
}

func TestBootstrap_ReportsEveryFaultAndNoSecret(t *testing.T) {
	t.Parallel()
	b := setup(t, true)
	good := "sk_live_" + strings.Repeat("a", 27)
	keys := []apikeys.BootstrapKey{
		{Role: apikeys.RoleOps, Secret: good},
		{Role: "root", Secret: good + "b"},
		{Role: apikeys.RoleOps, Secret: ""},
		{Role: apikeys.RoleOps, Secret: "sk_test_" + strings.Repeat("a", 27)},
		{Role: apikeys.RoleOps, Secret: good[:len(good)-1]},
		{Role: apikeys.RoleOps, Secret: good},
		{Role: apikeys.RoleOps, Secret: good + " "},
	}
	err := b.service.Bootstrap(t.Context(), keys)
	require.EqualError(t, err, strings.Join([]string{
		"bootstrap key 2: unknown role",
		"bootstrap key 3 must have 1 to 255 characters",
		"bootstrap key 4 must begin with sk_live_ in live mode",
		"bootstrap key 5 must have at least 27 random characters in live mode",
		"bootstrap key 6 repeats an earlier one",
		"bootstrap key 7 must be visible ASCII, or no header can carry it",
	}, "\n"))
	listed, err := b.service.List(t.Context())
	require.NoError(t, err)
	require.Empty(t, listed, "all or nothing")

	require.ErrorContains(t, b.process(false).Bootstrap(t.Context(), keys[:1]), "live key")
	require.NotContains(t, fmt.Sprintf("%v %+v %#v", keys[0], keys[0], keys[0]), good)
}
