package onerway_test

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"tillway/internal/onerway"
)

func TestVerifyNotification_DecidesEveryWebhookCase(t *testing.T) {
	t.Parallel()
	loaded := loadVectors(t)
	for _, hook := range loaded.Webhooks {
		t.Run(hook.ID, func(t *testing.T) {
			t.Parallel()
			secret := onerway.Conceal(loaded.Secrets[hook.Secret])
			rotations := map[string]onerway.Secrets{
				"current":  {Current: secret},
				"previous": {Current: onerway.Conceal("a newer key"), Previous: secret},
			}
			for place, secrets := range rotations {
				notification, err := onerway.VerifyNotification(
					[]byte(hook.RawBody), hook.Headers[onerway.SignatureHeader], secrets)
				if !hook.Valid {
					require.ErrorIs(t, err, onerway.ErrBadSignature, place)
					require.Zero(t, notification)
					continue
				}
				require.NoError(t, err, place)
				require.Equal(t, hook.Ack.Body, notification.TransactionID)
			}
			_, err := onerway.VerifyNotification(
				[]byte(hook.RawBody), hook.Headers[onerway.SignatureHeader], onerway.Secrets{Current: onerway.Conceal("another key")})
			require.ErrorIs(t, err, onerway.ErrBadSignature)
		})
	}
}

const notifySecret = "notification test key"

func signedBody(t testing.TB, body, secret string) (string, string) {
	t.Helper()
	fields, err := onerway.ParseFields([]byte(body))
	require.NoError(t, err)
	signature := onerway.Sign(fields, onerway.ExcludedFromNotification, onerway.Conceal(secret))
	return strings.TrimSuffix(body, "}") + `,"sign":"` + signature + `"}`, signature
}

func TestVerifyNotification_LetsThePresentHeaderDecide(t *testing.T) {
	t.Parallel()
	body, good := signedBody(t, `{"transactionId":"1","status":"S"}`, notifySecret)
	wrong := strings.Repeat("0", 64)
	cases := map[string]struct {
		header string
		valid  bool
	}{
		"absent":                    {"", true},
		"only blanks":               {"  ", true},
		"right":                     {"v1=" + good, true},
		"right among wrong":         {"v1=" + wrong + ",v1=" + good, true},
		"right, loosely spaced":     {" v1=" + wrong + " ,  v1=" + good + " ", true},
		"wrong":                     {"v1=" + wrong, false},
		"upper case":                {"v1=" + strings.ToUpper(good), false},
		"without version":           {good, false},
		"another version":           {"v2=" + good, false},
		"right beside a bad item":   {"v1=" + good + ",v2=" + good, false},
		"right with an empty item":  {"v1=" + good + ",", false},
		"too short":                 {"v1=" + good[:63], false},
		"right with a line feed":    {"v1=" + good + "\nx", false},
		"right behind eight others": {strings.Repeat("v1="+wrong+",", 8) + "v1=" + good, false},
	}
	for name, test := range cases {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			_, err := onerway.VerifyNotification([]byte(body), test.header, onerway.Secrets{Current: onerway.Conceal(notifySecret)})
			if test.valid {
				require.NoError(t, err)
			} else {
				require.ErrorIs(t, err, onerway.ErrBadSignature)
			}
		})
	}
}

func TestVerifyNotification_NeverTrustsAnEmptySecret(t *testing.T) {
	t.Parallel()
	body, _ := signedBody(t, `{"transactionId":"1","status":"S"}`, "")
	for _, secrets := range []onerway.Secrets{{}, {Current: onerway.Conceal(notifySecret)}} {
		_, err := onerway.VerifyNotification([]byte(body), "", secrets)
		require.ErrorIs(t, err, onerway.ErrBadSignature)
	}
}

func TestVerifyNotification_RefusesMalformedBodies(t *testing.T) {
	t.Parallel()
	anonymous, _ := signedBody(t, `{"status":"S"}`, notifySecret)
	cases := map[string]string{
		"no object":         `[]`,
		"no JSON":           `transactionId=1`,
		"no transaction id": anonymous,
		"too large":         `{"a":"` + strings.Repeat("x", onerway.MaxNotification) + `"}`,
	}
	for name, body := range cases {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			_, err := onerway.VerifyNotification([]byte(body), "", onerway.Secrets{Current: onerway.Conceal(notifySecret)})
			require.ErrorIs(t, err, onerway.ErrMalformed)
		})
	}
}

func TestVerifyNotification_ReadsMembersByTheirExactName(t *testing.T) {
	t.Parallel()
	body, _ := signedBody(t, `{"transactionId":"1","orderAmount":"5.00","OrderAmount":"500.00","status":"S"}`, notifySecret)
	notification, err := onerway.VerifyNotification([]byte(body), "", onerway.Secrets{Current: onerway.Conceal(notifySecret)})
	require.NoError(t, err)
	require.Equal(t, "5.00", notification.OrderAmount)
}

func TestVerifyNotification_CarriesEveryDocumentedMember(t *testing.T) {
	t.Parallel()
	loaded := loadVectors(t)
	byID := make(map[string]onerway.Notification)
	for _, hook := range loaded.Webhooks {
		if hook.Valid {
			notification, err := onerway.VerifyNotification([]byte(hook.RawBody), "", onerway.Secrets{Current: onerway.Conceal(loaded.Secrets[hook.Secret])})
			if err == nil {
				byID[hook.ID] = notification
			}
		}
	}
	declined := byID["hook-sale-failed-open"]
	require.Equal(t, onerway.StatusFailed, declined.Outcome())
	require.Equal(t, onerway.Decline{
		Category: onerway.ClassHard, Failure: onerway.FailureCardDeclined, DeclineCode: "generic_decline",
		Message: "The card was declined. Please use another card.", ProviderCode: "70002",
	}, declined.Decline())
	require.Equal(t, "O", declined.PaymentStatus)

	sale := byID["hook-sale-success"]
	at, known := sale.TransactionTime(time.UTC)
	require.True(t, known)
	require.Equal(t, time.Date(2026, 3, 1, 1, 30, 1, 0, time.UTC), at)
	require.Equal(t, []string{"27.00", "EUR", "05", "VISA", "DE", "ord-2026-0001"}, []string{
		sale.OrderAmount, sale.OrderCurrency, sale.ECI, sale.PaymentMethod, sale.CardBinCountry, sale.MerchantTxnID,
	})

	refund := byID["hook-refund-success"]
	require.Equal(t, []string{"REFUND", "2084000000000000101", "ord-2026-0001"},
		[]string{refund.TxnType, refund.OriginTransactionID, refund.OriginMerchantTxnID})
	_, known = refund.TransactionTime(time.UTC)
	require.False(t, known)

	renewal := byID["hook-subscription-renewal"]
	require.Equal(t, "822ba14cc565ab56887029673e244c57daf3eb2373a70a6bfd4132f1d8ad059c", renewal.TokenID.Reveal())
	require.Equal(t, "1813837154846384128", renewal.ContractID.Reveal())
	for _, secret := range []string{renewal.TokenID.Reveal(), renewal.ContractID.Reveal()} {
		require.NotContains(t, fmt.Sprintf("%+v", renewal), secret)
		require.NotContains(t, fmt.Sprint(renewal.Fields.Redacted()), secret)
	}
	require.Equal(t, []any{onerway.ScenarioRenewal, onerway.ContractActive, onerway.SubscriptionActive}, []any{
		renewal.Scenarios, onerway.ParseContractStatus(renewal.DataStatus), onerway.ParseSubscriptionStatus(renewal.SubscriptionStatus),
	})
	require.JSONEq(t, `[{"name":"Plus Monthly","price":"9.99","num":"1","currency":"USD"}]`, renewal.Products)

	require.Equal(t, "未来", func() string {
		for _, hook := range loaded.Webhooks {
			if hook.ID == "hook-unknown-future-field" {
				n, err := onerway.VerifyNotification([]byte(hook.RawBody), "", onerway.Secrets{Current: onerway.Conceal(loaded.Secrets[hook.Secret])})
				require.NoError(t, err)
				return n.Fields["zzzNewField"]
			}
		}
		return ""
	}())
}

func TestParseReason_ReadsCodeAndTextOrTextAlone(t *testing.T) {
	t.Parallel()
	for reason, want := range map[string][2]string{
		`{"respCode":"20000","respMsg":"Success"}`: {"20000", "Success"},
		`{"respCode":70002}`:                       {"70002", ""},
		`Payment successful`:                       {"", "Payment successful"},
		`{"respMsg":"x"}`:                          {"", `{"respMsg":"x"}`},
		``:                                         {"", ""},
	} {
		code, text := onerway.ParseReason(reason)
		require.Equal(t, want, [2]string{code, text})
	}
}

func ExampleVerifyNotification() {
	body := `{"notifyType":"TXN","transactionId":"2084000000000000011","merchantNo":"800209","status":"F",` +
		`"reason":"{\"respCode\":\"70002\",\"respMsg\":\"caf\u00e9 \u2014 \u62d2\u7edd\"}",` +
		`"sign":"9b5a15dde454be783f5dc03534c17dfb58ea235a09d03759292c2574a4e3c30b"}`
	secrets := onerway.Secrets{Current: onerway.Conceal("0f1e2d3c4b5a69788796a5b4c3d2e1f0")}

	notification, err := onerway.VerifyNotification([]byte(body), "", secrets)
	fmt.Println(notification.TransactionID, notification.Outcome(), notification.Decline().DeclineCode, err)

	_, err = onerway.VerifyNotification([]byte(strings.Replace(body, `"F"`, `"S"`, 1)), "", secrets)
	fmt.Println(err)
	// Output:
	// 2084000000000000011 failed generic_decline <nil>
	// bad signature
}
