package demo

import (
	"net"
	"syscall"
	"testing"

	"github.com/stretchr/testify/require"
)

// anywhere is four free ports.
func anywhere() Options {
	free := Address{Value: "127.0.0.1:0"}
	return Options{API: free, Admin: free, Sandbox: free, Shop: free}
}

// taken is an address that somebody listens on.
func taken(t *testing.T) string {
	t.Helper()
	var config net.ListenConfig
	listener, err := config.Listen(t.Context(), "tcp", "127.0.0.1:0")
	require.NoError(t, err)
	t.Cleanup(func() { _ = listener.Close() })
	return listener.Addr().String()
}

func TestOpenNetwork_TakesAnotherPortForATakenOneAndSaysSo(t *testing.T) {
	t.Parallel()
	opts := anywhere()
	opts.Sandbox = Address{Value: taken(t)}

	n, err := openNetwork(t.Context(), opts)
	require.NoError(t, err)
	t.Cleanup(n.close)

	require.NotEqual(t, opts.Sandbox.Value, n.sandbox.address)
	require.Len(t, n.moved(), 1)
	require.Contains(t, n.moved()[0], "the simulator moved to")
}

func TestOpenNetwork_RefusesATakenPortThatWasAskedFor(t *testing.T) {
	t.Parallel()
	opts := anywhere()
	opts.API = Address{Value: taken(t), Fixed: true}

	_, err := openNetwork(t.Context(), opts)

	require.ErrorIs(t, err, syscall.EADDRINUSE)
	require.ErrorContains(t, err, "listen for the API")
}

func TestOpenNetwork_RefusesWhatIsNoAddress(t *testing.T) {
	t.Parallel()
	opts := anywhere()
	opts.Shop = Address{Value: "8080"}

	_, err := openNetwork(t.Context(), opts)

	require.ErrorContains(t, err, `"8080" is not host:port`)
}

func TestUrlOf_IsHowThisMachineReachesAnAddress(t *testing.T) {
	t.Parallel()
	for address, want := range map[string]string{
		"127.0.0.1:8080": "http://127.0.0.1:8080",
		"0.0.0.0:80":     "http://127.0.0.1:80",
		"[::]:8080":      "http://127.0.0.1:8080",
		"[::1]:8080":     "http://[::1]:8080",
	} {
		require.Equal(t, want, urlOf(address))
	}
}
