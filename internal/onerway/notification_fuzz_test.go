package onerway_test

import (
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"maps"
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"tillway/internal/onerway"
)

// unsigned are the members that take no part in a notification's signature (§3.4).
var unsigned = []string{
	"originTransactionId", "originMerchantTxnId", "customsDeclarationAmount", "customsDeclarationCurrency",
	"paymentMethod", "walletTypeName", "periodValue", "tokenExpireTime", "sign",
}

// signedAs is the signature of a notification by the words of §3.1: values in the order of their names, then the secret.
func signedAs(fields map[string]string, secret string) string {
	var text strings.Builder
	for _, name := range slices.Sorted(maps.Keys(fields)) {
		if !slices.Contains(unsigned, name) {
			text.WriteString(fields[name])
		}
	}
	digest := sha256.Sum256([]byte(text.String() + secret))
	return hex.EncodeToString(digest[:])
}

// asBody writes members down, all of them as texts.
func asBody(t require.TestingT, fields map[string]string) []byte {
	body, err := json.Marshal(fields)
	require.NoError(t, err)
	return body
}

// What is accepted bears a signature that only a holder of the secret can have made; what is not accepted shows nothing.
func FuzzVerifyNotification(f *testing.F) {
	loaded := loadVectors(f)
	for _, hook := range loaded.Webhooks {
		f.Add([]byte(hook.RawBody), hook.Headers[onerway.SignatureHeader])
	}
	secret := loaded.Secrets["synthetic-a"]
	f.Fuzz(func(t *testing.T, raw []byte, header string) {
		n, err := onerway.VerifyNotification(raw, header, onerway.Secrets{Current: onerway.Conceal(secret)})
		if err != nil {
			require.True(t, errIsOne(err, onerway.ErrMalformed, onerway.ErrBadSignature), "%v", err)
			require.Zero(t, n)
			return
		}
		fields, refused := decoded(raw)
		require.NoError(t, refused)
		computed := signedAs(fields, secret)
		if strings.TrimSpace(header) == "" {
			require.Equal(t, fields["sign"], computed)
		} else {
			require.Contains(t, header, "v1="+computed)
		}
		require.NotEmpty(t, n.TransactionID)
		digest := sha256.Sum256(raw)
		require.Equal(t, hex.EncodeToString(digest[:]), n.BodyDigest)
	})
}

// A message of any members that the provider signed is accepted by body and by header, under the current secret and the
// previous one. Changed in one place it is refused, unless that place is not signed; so it is under another secret.
func FuzzVerifyNotification_HoldsForWhatIsSigned(f *testing.F) {
	loaded := loadVectors(f)
	for i, hook := range loaded.Webhooks {
		f.Add([]byte(hook.RawBody), loaded.Secrets[hook.Secret], uint(i), "S")
	}
	f.Add([]byte(`{"transactionId":"1","a":"12","b":"3"}`), "k", uint(0), "")
	f.Add([]byte(`{"transactionId":1,"orderAmount":27.50,"reason":{"respCode":"20000"},"products":[1, 2],"eci":null,"x":true}`), "k", uint(1), "0")
	f.Fuzz(func(t *testing.T, raw []byte, secret string, which uint, change string) {
		fields, refused := decoded(raw)
		if refused != nil || secret == "" || fields["transactionId"] == "" || len(raw) > onerway.MaxNotification/8 {
			return
		}
		fields["sign"] = signedAs(fields, secret)
		body, header := asBody(t, fields), "v1="+fields["sign"]
		ours := onerway.Secrets{Current: onerway.Conceal(secret)}
		rotated := onerway.Secrets{Current: onerway.Conceal(secret + "!"), Previous: onerway.Conceal(secret)}
		want, err := onerway.VerifyNotification(body, "", ours)
		require.NoError(t, err)
		require.Equal(t, fields, map[string]string(want.Fields))
		for _, secrets := range []onerway.Secrets{ours, rotated} {
			_, err := onerway.VerifyNotification(body, header, secrets)
			require.NoError(t, err)
		}
		_, err = onerway.VerifyNotification(body, "", onerway.Secrets{Current: onerway.Conceal(secret + "!")})
		require.ErrorIs(t, err, onerway.ErrBadSignature)
		_, err = onerway.VerifyNotification(body, strings.ToUpper(header), ours)
		require.ErrorIs(t, err, onerway.ErrBadSignature)

		names := slices.Sorted(maps.Keys(fields))
		name := names[which%uint(len(names))]
		fields[name] = strings.ToValidUTF8(change, "")
		_, err = onerway.VerifyNotification(asBody(t, fields), header, ours)
		if "v1="+signedAs(fields, secret) != header {
			require.ErrorIs(t, err, onerway.ErrBadSignature, "%s was changed", name)
		} else if fields["transactionId"] != "" {
			require.NoError(t, err, "%s is not signed", name)
		}
	})
}

func errIsOne(err error, targets ...error) bool {
	return slices.ContainsFunc(targets, func(target error) bool { return errors.Is(err, target) })
}
