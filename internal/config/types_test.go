package config_test

import (
	"encoding"
	"encoding/json"
	"fmt"
	"log/slog"
	"net/netip"
	"net/url"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"tillway/internal/config"
)

func TestSecretAndKey_NeverShowThemselves(t *testing.T) {
	t.Parallel()

	raw := strings.Repeat("hunter2.", 4)
	for _, value := range []any{
		config.Secret(raw), config.Key(raw), new(config.Secret(raw)),
		struct{ S config.Secret }{config.Secret(raw)},
		[]config.Key{config.Key(raw)},
		config.APIKeys{{Role: config.RoleOps, Key: config.Secret(raw)}},
		config.Config{OnerwaySecretKey: config.Secret(raw), DataKey: config.Key(raw)},
	} {
		for _, verb := range []string{"%v", "%+v", "%#v", "%s", "%q", "%x", "%X", "%d", "%t", "%o"} {
			requireHidden(t, fmt.Sprintf(verb, value))
		}
		asJSON, err := json.Marshal(value)
		require.NoError(t, err)
		requireHidden(t, string(asJSON))

		var log strings.Builder
		slog.New(slog.NewJSONHandler(&log, nil)).Info("m", slog.Any("value", value))
		slog.New(slog.NewTextHandler(&log, nil)).Info("m", slog.Any("value", value))
		requireHidden(t, log.String())

		if marshaler, ok := value.(encoding.TextMarshaler); ok {
			text, err := marshaler.MarshalText()
			require.NoError(t, err)
			requireHidden(t, string(text))
		}
	}
	require.Equal(t, raw, config.Secret(raw).Reveal())
	require.Equal(t, raw, string(config.Key(raw).Reveal()))
}

// requireHidden looks for the secret as text, in hexadecimal and as decimal bytes.
func requireHidden(t *testing.T, shown string) {
	t.Helper()
	require.Contains(t, shown, "[redacted]")
	for _, trace := range []string{"hunter2", "68756e74", "68756E74", "104 117", "aHVudGVy"} {
		require.NotContains(t, shown, trace)
	}
}

func TestOrigins_AllowOnlyWhatIsListed(t *testing.T) {
	t.Parallel()

	var origins config.Origins
	require.NoError(t, origins.UnmarshalText(
		[]byte("https://shop.example.com,https://shop.example.com:8443,http://127.0.0.1:3000,http://[::1]:3000")))
	tests := map[string]bool{
		"https://shop.example.com/thanks?a=b":           true,
		"https://SHOP.example.com:443/thanks":           true,
		"https://shop.example.com:8443":                 true,
		"http://127.0.0.1:3000/back":                    true,
		"http://[::1]:3000/back":                        true,
		"http://shop.example.com/thanks":                false,
		"https://shop.example.com:9443":                 false,
		"https://shop.example.com.evil.example":         false,
		"https://shop.example.com@evil.example":         false,
		"https://user@shop.example.com":                 false,
		"https://evil.example/https://shop.example.com": false,
		"http://127.0.0.1:3001":                         false,
		"javascript:alert(1)":                           false,
		"//shop.example.com":                            false,
		"/thanks":                                       false,
	}
	for text, want := range tests {
		u, err := url.Parse(text)
		require.NoError(t, err)
		require.Equal(t, want, origins.Allows(u), text)
	}
	require.False(t, config.Origins(nil).Allows(&url.URL{Scheme: "https", Host: "shop.example.com"}))
}

func TestNetworks_AllowListedAddresses(t *testing.T) {
	t.Parallel()

	var networks config.Networks
	require.NoError(t, networks.UnmarshalText([]byte("203.0.113.7,198.51.100.9/24,2001:db8::/32")))
	for text, want := range map[string]bool{
		"203.0.113.7": true, "::ffff:203.0.113.7": true, "203.0.113.8": false, "198.51.100.250": true,
		"2001:db8::1": true, "2001:db9::1": false,
	} {
		require.Equal(t, want, networks.Allows(netip.MustParseAddr(text)), text)
	}
	require.True(t, config.Networks(nil).Allows(netip.MustParseAddr("192.0.2.1")), "an empty list allows any")
}

func TestUTCOffset_ReadsProviderTimes(t *testing.T) {
	t.Parallel()

	var offset config.UTCOffset
	require.NoError(t, offset.UnmarshalText([]byte("+08:00")))
	at, err := time.ParseInLocation(time.DateTime, "2025-05-06 15:14:53", offset.Location())
	require.NoError(t, err)
	require.Equal(t, "2025-05-06T07:14:53Z", at.UTC().Format(time.RFC3339))
	require.Equal(t, "+08:00", offset.Location().String())
}
