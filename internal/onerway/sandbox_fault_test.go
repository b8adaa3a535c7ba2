package onerway_test

import (
	"net/http"
	"testing"

	"github.com/stretchr/testify/require"

	"tillway/internal/onerway"
)

func TestSandboxFault_TravelsInAHeaderOnlyWhenAskedFor(t *testing.T) {
	t.Parallel()
	url, requests := serve(t, http.StatusOK, fixture(t, "sale_succeeded.json"))
	client := newClient(t, testConfig(url))
	for _, fault := range []string{"", "slow;delay_ms=8000"} {
		_, err := client.DoTransaction(onerway.WithSandboxFault(t.Context(), fault), testSale())
		require.NoError(t, err)
	}
	require.NotContains(t, requests()[0].Header, "X-Sandbox-Fault")
	require.Equal(t, []string{"slow;delay_ms=8000"}, requests()[1].Header["X-Sandbox-Fault"])
	require.Equal(t, requests()[0].Body, requests()[1].Body, "nothing of it is in what is signed")
}
