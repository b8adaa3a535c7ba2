package redact_test

import (
	"bytes"
	"encoding/json"
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"

	"tillway/internal/redact"
)

// viaTree redacts as one would with encoding/json's trees, whose readings and writings the product's must equal.
func viaTree(name string, value any, depth int) any {
	if depth > 16 || (isNamed(name, "tokenid", "tokeninfo", "token", "networktoken", "dpan") && value != nil && value != "") {
		return redact.Redacted
	}
	switch v := value.(type) {
	case map[string]any:
		members := make(map[string]any, len(v))
		for inner, its := range v {
			inner = strings.ReplaceAll(inner, "\x00", "\uFFFD")
			if !isNamed(inner, "cvv", "cvv2", "cvc", "cvc2", "cvn", "cvn2", "csc", "securitycode", "cardsecuritycode",
				"verificationcode", "cavv", "mpiinfo", "cardinfo", "track1", "track2", "trackdata", "pin", "pinblock") {
				members[redact.Member("", inner)] = viaTree(inner, its, depth+1)
			}
		}
		return members
	case []any:
		for i, inner := range v {
			v[i] = viaTree(name, inner, depth+1)
		}
		return v
	case string:
		v = strings.ReplaceAll(v, "\x00", "\uFFFD")
		nested := strings.TrimSpace(v)
		if nested != "" && strings.Contains("{[", nested[:1]) && json.Valid([]byte(nested)) {
			return string(written(viaTree(name, read([]byte(nested)), depth+1)))
		}
		return redact.Member(name, v)
	case json.Number:
		if shown := redact.Member(name, v.String()); shown != v.String() || len(v) > 40 || strings.ContainsAny(v.String(), "eE") {
			return shown
		}
	}
	return value
}

func isNamed(name string, names ...string) bool {
	plain := strings.Map(func(c rune) rune {
		if c >= '0' && c <= '9' || c >= 'a' && c <= 'z' {
			return c
		}
		if c >= 'A' && c <= 'Z' {
			return c - 'A' + 'a'
		}
		return -1
	}, name)
	return len(name) <= 24 && slices.Contains(names, plain)
}

func read(raw []byte) any {
	decoder := json.NewDecoder(bytes.NewReader(raw))
	decoder.UseNumber()
	var value any
	if err := decoder.Decode(&value); err != nil {
		return err.Error()
	}
	return value
}

func written(value any) []byte {
	var buf bytes.Buffer
	encoder := json.NewEncoder(&buf)
	encoder.SetEscapeHTML(false)
	if err := encoder.Encode(value); err != nil {
		return []byte(err.Error())
	}
	return bytes.TrimSuffix(buf.Bytes(), []byte("\n"))
}

func requireAsViaTree(t require.TestingT, raw []byte) {
	got, err := redact.JSON(raw)
	if !json.Valid(raw) {
		require.Error(t, err, "%q", raw)
		return
	}
	require.NoError(t, err, "%q", raw)
	require.Equal(t, string(written(viaTree("", read(raw), 0))), string(got), "%q", raw)
}

func TestJSON_WritesWhatEncodingJSONWould(t *testing.T) {
	t.Parallel()
	// No two of these names are shown alike: which of such members remains is not said.
	name := rapid.OneOf(rapid.StringMatching(`[a-zé"\\/]{0,8}`), rapid.SampledFrom([]string{
		"cvv", "CVC-2", "tokenId", "token", "cardNumber", "transactionId", "cardInfo", "4761344136141390",
	}))
	text := rapid.OneOf(rapid.String(), name, rapid.SampledFrom([]string{
		"x 4761344136141390 y", "1810961729430360064", "cvv=123", "\u2028 \u2029 \ufeff \x00 \x1f \x7f <&>", "\xff\xfe", `{"cvv":1,"b":[]}`, `[1, "2"`, ` ["\u0034761344136141390"] `,
	}))
	number := rapid.SampledFrom([]string{"0", "-1.50", "1e5", "4761344136141390", "1810961729430360064", strings.Repeat("7", 41)})
	var value func(t *rapid.T, levels int) any
	value = func(t *rapid.T, levels int) any {
		switch rapid.IntRange(0, 7).Draw(t, "kind") * min(levels, 1) {
		case 1, 2, 3:
			members := make(map[string]any)
			for range rapid.IntRange(0, 4).Draw(t, "members") {
				members[name.Draw(t, "name")] = value(t, levels-1)
			}
			return members
		case 4:
			return []any{value(t, levels-1), value(t, levels-1)}
		case 5:
			return string(written(value(t, levels-1)))
		case 6:
			return json.Number(number.Draw(t, "number"))
		case 7:
			return rapid.SampledFrom([]any{nil, true, false, []any{}}).Draw(t, "word")
		default:
			return text.Draw(t, "text")
		}
	}
	rapid.Check(t, func(t *rapid.T) {
		raw := written(value(t, 20))
		var indented bytes.Buffer
		require.NoError(t, json.Indent(&indented, raw, "\r", "\t"))
		requireAsViaTree(t, raw)
		requireAsViaTree(t, indented.Bytes())
	})
}

func TestTexts_EqualsJSONOfTheSameObject(t *testing.T) {
	t.Parallel()
	texts := map[string]string{
		"cvv": "123", "tokenId": "a", "token": "", "cardNumber": "4761344136141391", "transactionId": "4000000000000000006",
		"reason": `{"cvv":1,"b":"4761344136141390"}`, "holder": "<é>\xff", "n\xff": "1", "email": "",
		"nul": "{\"cvv\":1,\"a\":\"\x00\"}",
	}
	want, err := redact.JSON(written(texts))
	require.NoError(t, err)
	require.Equal(t, string(want), string(redact.Texts(texts)))
	require.Equal(t, "{}", string(redact.Texts(nil)))
}

func FuzzJSON_WritesWhatEncodingJSONWould(f *testing.F) {
	f.Add([]byte(` { "a\u0041" : [ 1 , { "c" : "\ud800\u0041" } ] , "d" : -1.5e+3, "d":"\ud83d\ude00\/" , "cvv":1} `))
	f.Add([]byte(`{"a":"{\"b\":\"4761344136141390\",\"tokenId\":\"1\"}","token":[],"x":"\ud83d"}`))
	f.Add([]byte(`[[],{},"",null,true,false,[{"a":[{}]}]]`))
	f.Fuzz(func(t *testing.T, raw []byte) { requireAsViaTree(t, raw) })
}
