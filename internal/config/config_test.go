package config_test

import (
	"encoding/base64"
	"log/slog"
	"maps"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"tillway/internal/config"
	"tillway/internal/subscriptions/dunning"
)

// complete is an environment that `serve` starts with.
func complete() map[string]string {
	return map[string]string{
		"DATABASE_URL":        "postgres://tillway:pw@localhost:5432/tillway",
		"REDIS_URL":           "redis://localhost:6379",
		"PUBLIC_URL":          "http://localhost:8080/",
		"ONERWAY_BASE_URL":    "http://localhost:8090",
		"ONERWAY_MERCHANT_NO": "800209",
		"ONERWAY_APP_ID":      "1739545982264549376",
		"ONERWAY_SECRET_KEY":  "signing",
		"RETURN_SECRET":       "returning",
		"DATA_KEY":            base64.StdEncoding.EncodeToString(make([]byte, 32)),
	}
}

// live is an environment that `serve` starts with in live mode.
func live() map[string]string {
	environ := complete()
	environ["LIVEMODE"] = "true"
	environ["PUBLIC_URL"] = "https://pay.example.com"
	environ["ONERWAY_BASE_URL"] = "https://acq.onerway.com"
	environ["RETURN_SECRET"] = strings.Repeat("r", 32)
	environ["API_KEYS"] = "admin:sk_live_" + strings.Repeat("k", 32)
	return environ
}

func with(environ map[string]string, changes map[string]string) map[string]string {
	maps.Copy(environ, changes)
	return environ
}

// faultsOf returns the faults by variable.
func faultsOf(t *testing.T, err error) map[string]config.Fault {
	t.Helper()
	var all *config.Error
	require.ErrorAs(t, err, &all)
	faults := make(map[string]config.Fault)
	for _, fault := range all.Faults {
		require.NotContains(t, faults, fault.Variable, "one fault for each variable")
		require.NotEmpty(t, fault.Problem)
		require.NotEmpty(t, fault.Remedy)
		faults[fault.Variable] = fault
	}
	return faults
}

func TestLoad_FillsInDefaults(t *testing.T) {
	t.Parallel()

	c, err := config.Load(nil)
	require.NoError(t, err)
	require.False(t, c.Livemode)
	require.Equal(t, slog.LevelInfo, c.LogLevel)
	require.Equal(t, config.Address(":8080"), c.ListenAddr)
	require.Equal(t, config.Address("127.0.0.1:9090"), c.AdminAddr)
	require.Equal(t, 100, c.RateLimit)
	require.Equal(t, int64(99_999_999), c.MaxAmount)
	require.Equal(t, 20*time.Second, c.CallerDeadline)
	require.Equal(t, config.OnerwayAPITransactions, c.OnerwayAPI)
	require.Equal(t, 30*time.Second, c.OnerwayTimeout)
	require.Equal(t, 50, c.OnerwayRateLimit)
	require.Equal(t, 8*3600, int(c.OnerwayTimezone))
	require.Equal(t, config.ConfirmByQueryMismatch, c.ConfirmByQuery)
	require.Equal(t, 15*time.Minute, c.NotFoundAfter)
	require.Equal(t, config.AuthExpiryWarn, c.AuthExpiryAction)
	require.Len(t, c.ResolveSchedule, 14)
	require.Equal(t, 3*time.Second, c.ResolveSchedule[0])
	require.Equal(t, 24*time.Hour, c.ResolveSchedule[13])
	require.False(t, c.WebhookEndpointAllowPrivate)
	require.Equal(t, config.TraceExportNone, c.TraceExport())
}

func TestLoad_ReadsEveryVariable(t *testing.T) {
	t.Parallel()

	c, err := config.Load(with(complete(), map[string]string{
		"LOG_LEVEL":                      "debug",
		"LISTEN_ADDR":                    "0.0.0.0:80",
		"ADMIN_ADDR":                     "[::1]:9091",
		"DATABASE_READ_URL":              "host=replica dbname=tillway",
		"API_KEYS":                       "storefront:sk_test_a, ops:sk_test_b,admin:sk_test_c",
		"RATE_LIMIT":                     "7",
		"MAX_AMOUNT":                     "500",
		"CALLER_DEADLINE":                "5s",
		"RETURN_URL_ALLOWLIST":           "https://Shop.example.com:443/,http://localhost:3000",
		"WEBHOOK_ENDPOINT_ALLOW_PRIVATE": "true",
		"ONERWAY_API":                    "intents",
		"ONERWAY_API_KEY":                "sk_test_onerway",
		"ONERWAY_WEBHOOK_SECRET":         "hooks",
		"ONERWAY_SECRET_KEY_PREVIOUS":    "before",
		"ONERWAY_TIMEZONE":               "-05:30",
		"ONERWAY_TIMEOUT":                "12s",
		"ONERWAY_RATE_LIMIT":             "9",
		"ONERWAY_IP_ALLOWLIST":           "203.0.113.7, 198.51.100.0/24,::1",
		"CONFIRM_BY_QUERY":               "always",
		"RESOLVE_SCHEDULE":               "1s, 2s,168h",
		"NOT_FOUND_AFTER":                "30s",
		"AUTH_EXPIRY_ACTION":             "void",
		"PARTIAL_CAPTURE":                "true",
		"CARD_ENTRY":                     "hosted_only",
		"LOCAL_PAYMENT_METHODS":          "iDEAL, Alipay+,Banco do Brasil",
		"REFUND_WINDOW":                  "4320h",
		"SUBSCRIPTION_TIMEZONE":          "Europe/Berlin",
		"SUBSCRIPTION_UPCOMING":          "24h",
		"SUBSCRIPTION_LINK_LIFETIME":     "1h",
		"DUNNING_POLICY":                 `{"end":"cancel"}`,
		"REFUND_MAX_COUNT":               "5",
		"REFUND_APPROVAL_ABOVE":          "eur:50000, JPY:100000,7",
	}), config.PurposeServe)
	require.NoError(t, err)
	require.Equal(t, slog.LevelDebug, c.LogLevel)
	require.Equal(t, config.LocalMethods{"iDEAL", "Alipay+", "Banco do Brasil"}, c.LocalPaymentMethods)
	require.Equal(t, "0.0.0.0:80", c.ListenAddr.String())
	require.Equal(t, "[::1]:9091", c.AdminAddr.String())
	require.Equal(t, "http://localhost:8080", c.PublicURL.String(), "without its trailing slash")
	require.Equal(t, "postgres://tillway:pw@localhost:5432/tillway", c.DatabaseURL.Reveal())
	require.Equal(t, "host=replica dbname=tillway", c.DatabaseReadURL.Reveal())
	require.Len(t, c.DataKey.Reveal(), 32)
	require.Equal(t, config.APIKeys{
		{Role: config.RoleStorefront, Key: "sk_test_a"},
		{Role: config.RoleOps, Key: "sk_test_b"},
		{Role: config.RoleAdmin, Key: "sk_test_c"},
	}, c.APIKeys)
	require.Equal(t, 7, c.RateLimit)
	require.Equal(t, 180*24*time.Hour, c.RefundWindow)
	require.Equal(t, 5, c.RefundMaxCount)
	require.Equal(t, "Europe/Berlin", c.SubscriptionTimezone.Location().String())
	require.Equal(t, 24*time.Hour, c.SubscriptionUpcoming)
	require.Equal(t, time.Hour, c.SubscriptionLinkLifetime)
	require.Equal(t, dunning.EndCancel, c.DunningPolicy.Policy().End)
	require.Equal(t, dunning.Default().RetryDays, c.DunningPolicy.Policy().RetryDays, "as it is where nothing is said")
	require.True(t, c.PartialCapture)
	require.Equal(t, config.Thresholds{"EUR": 50000, "JPY": 100000, "": 7}, c.RefundApprovalAbove)
	require.Equal(t, int64(500), c.MaxAmount)
	require.Equal(t, 5*time.Second, c.CallerDeadline)
	require.Equal(t, config.Origins{"https://shop.example.com", "http://localhost:3000"}, c.ReturnURLAllowlist)
	require.True(t, c.WebhookEndpointAllowPrivate)
	require.Equal(t, "returning", c.ReturnSecret.Reveal())
	require.Equal(t, config.OnerwayAPIIntents, c.OnerwayAPI)
	require.Equal(t, "800209", c.OnerwayMerchantNo)
	require.Equal(t, "1739545982264549376", c.OnerwayAppID)
	require.Equal(t, "signing", c.OnerwaySecretKey.Reveal())
	require.Equal(t, "before", c.OnerwaySecretKeyPrevious.Reveal())
	require.Equal(t, "sk_test_onerway", c.OnerwayAPIKey.Reveal())
	require.Equal(t, "hooks", c.OnerwayWebhookSecret.Reveal())
	require.Equal(t, "-05:30", c.OnerwayTimezone.Location().String())
	require.Equal(t, 12*time.Second, c.OnerwayTimeout)
	require.Equal(t, 9, c.OnerwayRateLimit)
	require.Len(t, c.OnerwayIPAllowlist, 3)
	require.Equal(t, config.ConfirmByQueryAlways, c.ConfirmByQuery)
	require.Equal(t, config.Schedule{time.Second, 2 * time.Second, 168 * time.Hour}, c.ResolveSchedule)
	require.Equal(t, 30*time.Second, c.NotFoundAfter)
	require.Equal(t, config.AuthExpiryVoid, c.AuthExpiryAction)
	require.NoError(t, c.ValidateServe())
}

func TestLoad_TakesEmptyVariablesAsNotSet(t *testing.T) {
	t.Parallel()

	c, err := config.Load(map[string]string{"RATE_LIMIT": "", "LOG_LEVEL": "", "DATA_KEY": "", "API_KEYS_FILE": ""})
	require.NoError(t, err)
	require.Equal(t, 100, c.RateLimit)
	require.Empty(t, c.APIKeys)
}

func TestLoad_RefusesMalformedValues(t *testing.T) {
	t.Parallel()

	tests := map[string][]string{
		"LIVEMODE":                           {"yes", "2"},
		"LOG_LEVEL":                          {"loud"},
		"LISTEN_ADDR":                        {"8080", "host", ":http!", ":70000"},
		"ADMIN_ADDR":                         {"9090", ":8080"},
		"PUBLIC_URL":                         {"pay.example.com", "ftp://x", "https://", "https://u:p@h", "https://h?a=b", "https://h#f", "http://[::1"},
		"DATABASE_URL":                       {"mysql://x", "postgres://u:p@h:port/db", "nonsense"},
		"DATABASE_READ_URL":                  {"nonsense"},
		"REDIS_URL":                          {"localhost:6379", "http://h", "redis://h:6379/x", "redis://h?nonsense=1", "redis://a,rediss://b", "redis://a/1,redis://b/1", "redis://a,,redis://b", "unix://", "redis://", "redis://:6379", "rediss:///1"},
		"DATA_KEY":                           {"short", base64.StdEncoding.EncodeToString(make([]byte, 31)), strings.Repeat("!", 44)},
		"API_KEYS":                           {"sk_test_a", "owner:sk_test_a", "admin:", "admin:a b", "admin:sk_test_a,ops:sk_test_a", "admin:sk_test_a,"},
		"RATE_LIMIT":                         {"0", "-1", "many", "1.5"},
		"MAX_AMOUNT":                         {"0", "1e9", "99999999999999999999"},
		"CARD_ENTRY":                         {"none", "hosted"},
		"LOCAL_PAYMENT_METHODS":              {"iDEAL,,PIX", "iDEAL,", "iDEAL, iDEAL", "a\tb", strings.Repeat("x", 65)},
		"CALLER_DEADLINE":                    {"20", "0s", "-1s", "56s"},
		"RETURN_URL_ALLOWLIST":               {"shop.example.com", "http://shop.example.com", "https://shop.example.com/path", "https://u@shop.example.com", "https://a,,https://b", "*"},
		"WEBHOOK_ENDPOINT_ALLOW_PRIVATE":     {"sometimes"},
		"ONERWAY_API":                        {"soap"},
		"ONERWAY_BASE_URL":                   {"acq.onerway.com"},
		"ONERWAY_TIMEZONE":                   {"8", "+8:00", "Asia/Shanghai", "+15:00", "Z"},
		"ONERWAY_TIMEOUT":                    {"0s", "3m", "soon"},
		"ONERWAY_RATE_LIMIT":                 {"0", "fast"},
		"ONERWAY_IP_ALLOWLIST":               {"onerway.com", "203.0.113.0/33", "203.0.113.7,"},
		"ONERWAY_APP_ID":                     {" ", "1739545982264549376 "},
		"ONERWAY_MERCHANT_NO":                {" 800209"},
		"ONERWAY_SECRET_KEY":                 {"key\n"},
		"RETURN_SECRET":                      {"\tsecret"},
		"ONERWAY_REMOVE_TOKEN_PATH":          {"v1/txn/removeToken", "https://elsewhere.example/"},
		"CONFIRM_BY_QUERY":                   {"perhaps"},
		"AUTH_EXPIRY_ACTION":                 {"capture"},
		"PARTIAL_CAPTURE":                    {"half"},
		"REFUND_WINDOW":                      {"180", "-1h", "90000h"},
		"REFUND_MAX_COUNT":                   {"-1", "a few"},
		"SUBSCRIPTION_TIMEZONE":              {"Local", "Mars/Olympus", "+02:00"},
		"SUBSCRIPTION_UPCOMING":              {"soon", "-1h", "721h"},
		"SUBSCRIPTION_LINK_LIFETIME":         {"0s", "2161h"},
		"DUNNING_POLICY":                     {"never", "[1]", `{"retries":3}`, `{"retry_days":[3,1]}`, `{"end":"forgive"}`, `{"give_up_days":0}`, `{"day_cap":11}`},
		"REFUND_APPROVAL_ABOVE":              {"EUR", "EUR:-1", "EUR:5.00", "EUX:5", "EUR:1,eur:2", "1,2", "EUR:1,"},
		"RESOLVE_SCHEDULE":                   {"3", "3s,3s", "10s,3s", "0s", "-1s", "3s,", "3s,169h"},
		"NOT_FOUND_AFTER":                    {"0s", "later"},
		"OTEL_SDK_DISABLED":                  {"off!"},
		"OTEL_TRACES_EXPORTER":               {"zipkin"},
		"OTEL_EXPORTER_OTLP_PROTOCOL":        {"http/json"},
		"OTEL_EXPORTER_OTLP_TRACES_PROTOCOL": {"carrier pigeon"},
	}
	for variable, values := range tests {
		for _, value := range values {
			t.Run(variable+"="+value, func(t *testing.T) {
				t.Parallel()
				_, err := config.Load(map[string]string{variable: value})
				faults := faultsOf(t, err)
				require.Len(t, faults, 1)
				require.Contains(t, faults, variable)
			})
		}
	}
}

func TestLoad_ReportsAllFaultsAtOnce(t *testing.T) {
	t.Parallel()

	_, err := config.Load(map[string]string{
		"RATE_LIMIT":      "0",
		"LOG_LEVEL":       "loud",
		"DATA_KEY":        "secret-but-short",
		"CALLER_DEADLINE": "2m",
		"PUBLIC_URL":      "nowhere",
	}, config.PurposeServe)
	faults := faultsOf(t, err)
	for _, variable := range []string{
		"RATE_LIMIT", "LOG_LEVEL", "DATA_KEY", "CALLER_DEADLINE", "PUBLIC_URL", "DATABASE_URL", "REDIS_URL",
		"ONERWAY_BASE_URL", "ONERWAY_MERCHANT_NO", "ONERWAY_APP_ID", "ONERWAY_SECRET_KEY", "RETURN_SECRET",
	} {
		require.Contains(t, faults, variable)
		require.Contains(t, err.Error(), "\n  "+variable+" ")
	}
	require.Len(t, faults, 12)
	require.True(t, strings.HasPrefix(err.Error(), "configuration has 12 faults:"))
	require.Equal(t, "is not 32 bytes in base64", faults["DATA_KEY"].Problem, "malformed, not missing")
}

func TestLoad_DoesNotEchoSecrets(t *testing.T) {
	t.Parallel()

	const hidden = "hunter2hunter2"
	for variable, value := range map[string]string{
		"DATABASE_URL": "postgres://tillway:" + hidden + "/x@h:port/db",
		"REDIS_URL":    "redis://:12/" + hidden + "@h:6379",
		"DATA_KEY":     hidden,
		"API_KEYS":     "admin:ok,owner:" + hidden,
		"PUBLIC_URL":   "https://u:" + hidden + "@h",
	} {
		_, err := config.Load(map[string]string{variable: value})
		require.Error(t, err, variable)
		require.NotContains(t, err.Error(), "hunter2", variable)
	}
}

func TestTraceExport_FollowsStandardVariables(t *testing.T) {
	t.Parallel()

	tests := []struct {
		name    string
		environ map[string]string
		want    config.TraceExport
	}{
		{"nothing set", nil, config.TraceExportNone},
		{"endpoint", map[string]string{"OTEL_EXPORTER_OTLP_ENDPOINT": "http://c:4318"}, config.TraceExportHTTP},
		{"traces endpoint and protocol", map[string]string{
			"OTEL_EXPORTER_OTLP_TRACES_ENDPOINT": "http://c:4317", "OTEL_EXPORTER_OTLP_PROTOCOL": "http/protobuf",
			"OTEL_EXPORTER_OTLP_TRACES_PROTOCOL": "grpc",
		}, config.TraceExportGRPC},
		{"exporter alone", map[string]string{"OTEL_TRACES_EXPORTER": "otlp"}, config.TraceExportHTTP},
		{"exporter none", map[string]string{
			"OTEL_TRACES_EXPORTER": "none", "OTEL_EXPORTER_OTLP_ENDPOINT": "http://c:4318",
		}, config.TraceExportNone},
		{"disabled", map[string]string{
			"OTEL_SDK_DISABLED": "true", "OTEL_EXPORTER_OTLP_ENDPOINT": "http://c:4318",
		}, config.TraceExportNone},
		{"protocol alone", map[string]string{"OTEL_EXPORTER_OTLP_PROTOCOL": "grpc"}, config.TraceExportNone},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			c, err := config.Load(tt.environ)
			require.NoError(t, err)
			require.Equal(t, tt.want, c.TraceExport())
		})
	}
}
