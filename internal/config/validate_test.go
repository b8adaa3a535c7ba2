package config_test

import (
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"tillway/internal/config"
)

func TestValidateServe_RefusesHalfConfigured(t *testing.T) {
	t.Parallel()

	for variable := range complete() {
		t.Run(variable, func(t *testing.T) {
			t.Parallel()
			environ := complete()
			delete(environ, variable)
			c, err := config.Load(environ)
			require.NoError(t, err, "what is missing is the business of the purpose")
			faults := faultsOf(t, c.ValidateServe())
			require.Len(t, faults, 1)
			require.Equal(t, "is not set", faults[variable].Problem)
		})
	}
}

func TestValidateServe_WantsKeysOfIntents(t *testing.T) {
	t.Parallel()

	_, err := config.Load(with(complete(), map[string]string{"ONERWAY_API": "intents"}), config.PurposeServe)
	faults := faultsOf(t, err)
	require.Len(t, faults, 2)
	require.Contains(t, faults, "ONERWAY_API_KEY")
	require.Contains(t, faults, "ONERWAY_WEBHOOK_SECRET")
}

func TestValidateDatabase_WantsOnlyTheDatabase(t *testing.T) {
	t.Parallel()

	c, err := config.Load(map[string]string{"DATABASE_URL": complete()["DATABASE_URL"]}, config.PurposeDatabase)
	require.NoError(t, err)
	require.NoError(t, c.ValidateDatabase())

	_, err = config.Load(nil, config.PurposeDatabase)
	faults := faultsOf(t, err)
	require.Len(t, faults, 1)
	require.Contains(t, faults, "DATABASE_URL")
}

func TestValidateServe_HoldsLiveAndTestApart(t *testing.T) {
	t.Parallel()

	_, err := config.Load(live(), config.PurposeServe)
	require.NoError(t, err)
	_, err = config.Load(with(complete(), map[string]string{"API_KEYS": "admin:anything"}), config.PurposeServe)
	require.NoError(t, err)

	tests := []struct {
		name     string
		environ  map[string]string
		variable string
		value    string
	}{
		{"live over http", live(), "PUBLIC_URL", "http://pay.example.com"},
		{"live provider over http", live(), "ONERWAY_BASE_URL", "http://acq.onerway.com"},
		{"live at the provider's sandbox", live(), "ONERWAY_BASE_URL", "https://sandbox-acq.onerway.com"},
		{"live with a test key", live(), "API_KEYS", "admin:sk_test_" + strings.Repeat("k", 32)},
		{"live with a guessable key", live(), "API_KEYS", "admin:sk_live_1"},
		{"live with a test key of the provider", live(), "ONERWAY_API_KEY", "sk_test_x"},
		{"live with a guessable return secret", live(), "RETURN_SECRET", "secret"},
		{"live believing not found too early", live(), "NOT_FOUND_AFTER", "30s"},
		{"test at the provider's live host", complete(), "ONERWAY_BASE_URL", "https://ACQ.onerway.com"},
		{"test with a live key", complete(), "API_KEYS", "admin:sk_live_x"},
		{"test with a live key of the provider", complete(), "ONERWAY_API_KEY", "sk_live_x"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			_, err := config.Load(with(tt.environ, map[string]string{tt.variable: tt.value}), config.PurposeServe)
			faults := faultsOf(t, err)
			require.Len(t, faults, 1)
			require.Contains(t, faults, tt.variable)
			require.Contains(t, faults[tt.variable].Problem, "while LIVEMODE is")
		})
	}
}
