package redact_test

import (
	"encoding/json"
	"regexp"
	"strconv"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"tillway/internal/redact"
)

// checkDigit completes digits by the check digit that a card number would have.
func checkDigit(digits string) string {
	sum := 0
	for i := range len(digits) {
		n := int(digits[len(digits)-1-i] - '0')
		if i%2 == 0 {
			n = n/5 + 2*n%10
		}
		sum += n
	}
	return digits + strconv.Itoa((10-sum%10)%10)
}

var digitRun = regexp.MustCompile(`[0-9]+`)

// requireNoCard looks for what JSON promises to have masked: in values, texts that hold JSON, and names.
func requireNoCard(t *testing.T, name string, value any) {
	t.Helper()
	text := ""
	switch v := value.(type) {
	case map[string]any:
		for inner, its := range v {
			require.False(t, isNamed(inner, "cvv", "cvc2", "cardinfo", "mpiinfo", "track2", "pin"), "%q", inner)
			requireNoCard(t, "", inner)
			requireNoCard(t, inner, its)
		}
		return
	case []any:
		for _, inner := range v {
			requireNoCard(t, name, inner)
		}
		return
	case json.Number:
		text = v.String()
	case string:
		if nested := strings.TrimSpace(v); v != redact.Redacted && strings.HasPrefix(nested, "{") && json.Valid([]byte(nested)) {
			requireNoCard(t, name, read([]byte(nested)))
			return
		}
		text = v
	}
	if isNamed(name, "tokenid", "token", "tokeninfo") && value != nil {
		require.Contains(t, []any{"", redact.Redacted}, value)
	}
	if len(text) == 19 && isNamed(name, "transactionid", "origintransactionid", "lasttransactionid", "paymentid", "contractid",
		"channelrequestid", "merchantno", "appid") {
		return
	}
	for _, run := range digitRun.FindAllString(text, -1) {
		if len(run) < 12 || len(run) > 19 {
			continue
		}
		require.NotEqual(t, checkDigit(run[:len(run)-1]), run, "%q in %q", run, name)
		require.False(t, isNamed(name, "cardnumber", "cardno", "pan"), "%q in %q", run, name)
	}
}

// A card number of any scheme and length is put where a message has an @. Whatever the message, what comes out is JSON that
// PostgreSQL takes, shows no card, and stays as it is when it is redacted again: that is done with what was stored.
func FuzzJSON_IsSafeToStore(f *testing.F) {
	for _, message := range []string{
		`{"cardNumber":"@","x":"card @, @","transactionId":"@","cvv":"123","tokenId":"a"}`, `{"a":{"b":["@",@,-@,@.5,@e2,"x@"]}}`,
		`{"a":"{\"b\":\"@\",\"cvv\":\"123\"}"}`, `{"a":"[ \"@\" , {\"c\":\"[\\\"@\\\"]\"}]"}`, `{"@":1,"x@":{"@ ":2}}`, `"@"`, `@`, `[@]`,
		`{"transactionId":@,"paymentId":["@"]}`, `{"a":"cvv=123 @ cvc: 1234"}`, `{"a":"{\"b\":\"\u0000\", \"cvv\":\"123\"}"}`, `{"a":"[\"\u0000\" ]"}`,
		`{"a":"\ud800{"}`, "{\"a\":\"\xff@\"}", `{"token":null,"tokenInfo":{"id":"@"},"TOKEN":""}`, `{"a":1e999,"b":"[redacted]","c":"[redacted] "}`,
		strings.Repeat(`{"a":`, 18) + `"@"` + strings.Repeat(`}`, 18), `{"a":"\"\\u0034@\""}`, `{"cvv":1,"a":" {\"pin\":1}\n"}`, `{"a":"@ @ 12 @"}`,
	} {
		f.Add([]byte(message), uint64(476134413614139), uint8(16))
		f.Add([]byte(message), uint64(400000000000000000), uint8(19))
		f.Add([]byte(message), uint64(50180000000), uint8(12))
	}
	f.Fuzz(func(t *testing.T, message []byte, number uint64, length uint8) {
		n := 12 + int(length)%8
		digits := strings.Repeat("7", 20) + strconv.FormatUint(number, 10)
		card := checkDigit(digits[len(digits)-n+1:])
		raw := []byte(strings.ReplaceAll(string(message), "@", card))

		once, err := redact.JSON(raw)
		if !json.Valid(raw) {
			require.Error(t, err)
			return
		}
		require.NoError(t, err)
		require.True(t, json.Valid(once), "%s", once)
		requireNoCard(t, "", read(once))
		for _, exponent := range regexp.MustCompile(`[0-9][eE]`).FindAllString(digitless(read(once)), -1) {
			t.Fatalf("%s in %s: PostgreSQL may refuse the number", exponent, once)
		}
		require.NotContains(t, string(once), "\x00")

		twice, err := redact.JSON(once)
		require.NoError(t, err)
		require.Equal(t, string(once), string(twice), "redacting again changes nothing")
	})
}

// digitless is all numbers of a value, and none of its texts.
func digitless(value any) string {
	switch v := value.(type) {
	case json.Number:
		return v.String() + " "
	case []any:
		all := ""
		for _, inner := range v {
			all += digitless(inner)
		}
		return all
	case map[string]any:
		all := ""
		for _, inner := range v {
			all += digitless(inner)
		}
		return all
	}
	return ""
}
