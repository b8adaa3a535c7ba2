package onerway_test

import (
	"encoding/json"
	"fmt"
	"os"
	"slices"
	"testing"

	"github.com/stretchr/testify/require"

	"tillway/internal/onerway"
)

type vectors struct {
	Secrets  map[string]string `json:"secrets"`
	Excluded []string          `json:"notification_excluded_fields"`
	Vectors  []struct {
		ID       string          `json:"id"`
		Kind     string          `json:"kind"`
		Secret   string          `json:"secret_ref"`
		Exclude  []string        `json:"exclude"`
		Params   json.RawMessage `json:"params"`
		RawBody  string          `json:"raw_body"`
		Expected string          `json:"expected_sign"`
	} `json:"signature_vectors"`
	Webhooks []webhookCase `json:"webhook_cases"`
}

type webhookCase struct {
	ID      string            `json:"id"`
	Secret  string            `json:"secret_ref"`
	Headers map[string]string `json:"headers"`
	RawBody string            `json:"raw_body"`
	Valid   bool              `json:"expect_valid"`
	Ack     struct {
		Body string `json:"body"`
	} `json:"expected_ack"`
}

func loadVectors(tb testing.TB) vectors {
	tb.Helper()
	raw, err := os.ReadFile("testdata/vectors.json")
	require.NoError(tb, err)
	var loaded vectors
	require.NoError(tb, json.Unmarshal(raw, &loaded))
	require.Len(tb, loaded.Vectors, 49)
	require.Len(tb, loaded.Webhooks, 14)
	return loaded
}

func TestSign_ReproducesEveryVector(t *testing.T) {
	t.Parallel()
	loaded := loadVectors(t)
	for _, vector := range loaded.Vectors {
		t.Run(vector.ID, func(t *testing.T) {
			t.Parallel()
			excluded := map[string]func(string) bool{
				"request":      onerway.ExcludedFromRequest,
				"response":     onerway.ExcludedFromResponse,
				"notification": onerway.ExcludedFromNotification,
				"algorithm":    func(name string) bool { return slices.Contains(vector.Exclude, name) },
			}[vector.Kind]
			require.NotNil(t, excluded)
			bodies := []string{string(vector.Params)}
			if vector.RawBody != "" {
				bodies = append(bodies, vector.RawBody)
			}
			for _, body := range bodies {
				fields, err := onerway.ParseFields([]byte(body))
				require.NoError(t, err)
				require.Equal(t, vector.Expected, onerway.Sign(fields, excluded, onerway.Conceal(loaded.Secrets[vector.Secret])))
			}
		})
	}
}

func TestExcludedFromNotification_IsExactlyTheNineNames(t *testing.T) {
	t.Parallel()
	loaded := loadVectors(t)
	require.Len(t, loaded.Excluded, 9)
	for _, name := range loaded.Excluded {
		require.True(t, onerway.ExcludedFromNotification(name), name)
	}
	for _, name := range []string{"paymentId", "reason", "paymentmethod", "aNameFromTheFuture", ""} {
		require.False(t, onerway.ExcludedFromNotification(name), name)
	}
}

func TestSign_TreatsBlankAndNullLookalikesAsValues(t *testing.T) {
	t.Parallel()
	// Whether the provider drops them is not documented; §3.1 names only null and the empty string.
	fields := onerway.Fields{"a": " ", "b": "null", "c": ""}
	same := onerway.Fields{"x": " null"}
	require.Equal(t,
		onerway.Sign(same, onerway.ExcludedFromRequest, onerway.Conceal("k")), onerway.Sign(fields, onerway.ExcludedFromRequest, onerway.Conceal("k")))
}

func TestSign_TakesNestedValuesAsCompactText(t *testing.T) {
	t.Parallel()
	nested, err := onerway.ParseFields([]byte(`{"a": {"z": [1, 2.50, "<é>"], "b": null}}`))
	require.NoError(t, err)
	text := onerway.Fields{"a": `{"z":[1,2.50,"<é>"],"b":null}`}
	require.Equal(t,
		onerway.Sign(text, onerway.ExcludedFromRequest, onerway.Conceal("k")), onerway.Sign(nested, onerway.ExcludedFromRequest, onerway.Conceal("k")))
}

func TestVerifyResponse_SaysWhichRuleHeld(t *testing.T) {
	t.Parallel()
	secrets := onerway.Secrets{Current: onerway.Conceal("new"), Previous: onerway.Conceal("old")}
	lenient := func(name string) bool { return name == "codeForm" || onerway.ExcludedFromResponse(name) }
	signed := func(excluded func(string) bool, secret string) onerway.Fields {
		data := onerway.Fields{"status": "S", "transactionId": "1", "codeForm": "{}", "actionType": "QrCode"}
		data["sign"] = onerway.Sign(data, excluded, onerway.Conceal(secret))
		return data
	}
	cases := map[string]struct {
		data    onerway.Fields
		secrets onerway.Secrets
		rule    onerway.ResponseRule
		bad     bool
	}{
		"standard, current key":  {signed(onerway.ExcludedFromResponse, "new"), secrets, onerway.RuleStandard, false},
		"standard, previous key": {signed(onerway.ExcludedFromResponse, "old"), secrets, onerway.RuleStandard, false},
		"lenient":                {signed(lenient, "new"), secrets, onerway.RuleLenient, false},
		"another key":            {signed(onerway.ExcludedFromResponse, "other"), secrets, "", true},
		"no signature":           {onerway.Fields{"status": "S"}, secrets, "", true},
		"an empty key of ours":   {signed(onerway.ExcludedFromResponse, ""), onerway.Secrets{Current: onerway.Conceal("new")}, "", true},
	}
	for name, test := range cases {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			rule, err := onerway.VerifyResponse(test.data, test.secrets)
			require.Equal(t, test.rule, rule)
			require.Equal(t, test.bad, err != nil)
			if test.bad {
				require.ErrorIs(t, err, onerway.ErrBadSignature)
			}
		})
	}
}

func ExampleSign() {
	// The worked example of the provider's documentation; test2 is declared there as not signed.
	params := onerway.Fields{"test1": "0", "test2": "test2value", "test3": "test3value", "test4": "test4value", "test5": ""}
	excluded := func(name string) bool { return name == "sign" || name == "test2" }
	secret := onerway.Conceal("3b5e10b65bff4172a5b9ca2d2ec00a6e")
	fmt.Println(onerway.Sign(params, excluded, secret))
	// Output: 836831ae68fce5e61d4a64363bb72c636efe6e94b62ecaa8d1c95fc58cc9cbed
}
