package idempotency_test

import (
	"bytes"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"

	"tillway/internal/idempotency"
)

func newKeys(t testing.TB) *idempotency.Keys {
	t.Helper()
	keys, err := idempotency.NewKeys(dataKey())
	require.NoError(t, err)
	return keys
}

func TestFingerprint_ComparesMeaning(t *testing.T) {
	t.Parallel()
	keys := newKeys(t)
	for _, test := range []struct {
		name, a, b string
		same       bool
	}{
		{"order of members", `{"a":1,"b":{"c":2,"d":3}}`, `{"b":{"d":3,"c":2},"a":1}`, true},
		{"white space", "{\"a\" : [1,\n2]}", `{"a":[1,2]}`, true},
		{"escapes", `{"\u0061":"\u00e9\/"}`, `{"a":"é/"}`, true},
		{"number text", `{"a":1}`, `{"a":1.0}`, false},
		{"exponent", `{"a":100}`, `{"a":1e2}`, false},
		{"large numbers", `{"a":9007199254740993}`, `{"a":9007199254740992}`, false},
		{"number and string", `{"a":1}`, `{"a":"1"}`, false},
		{"null and absent", `{"a":null}`, `{}`, false},
		{"null and its text", `{"a":null}`, `{"a":"null"}`, false},
		{"true and its text", `{"a":true}`, `{"a":"true"}`, false},
		{"true and false", `[true]`, `[false]`, false},
		{"order of elements", `[1,2]`, `[2,1]`, false},
		{"nesting", `[[1],2]`, `[[1,2]]`, false},
		{"array and object", `[]`, `{}`, false},
		{"name and value", `{"a":"b"}`, `{"b":"a"}`, false},
		{"order of repeated members", `{"a":1,"a":2}`, `{"a":2,"a":1}`, false},
		{"a repeated member", `{"a":2}`, `{"a":1,"a":2}`, false},
		{"empty body and empty object", ``, `{}`, false},
		{"broken documents", `{"a":1`, `{"a":1 `, false},
		{"a document and more", `{} {}`, `{}`, false},
		{"invalid UTF-8", "\"\xff\"", "\"\xfe\"", false},
		{"a raw body and a string of it", `a`, `"a"`, false},
	} {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			a, b := keys.Fingerprint("POST", "/", []byte(test.a)), keys.Fingerprint("POST", "/", []byte(test.b))
			require.Equal(t, a, keys.Fingerprint("POST", "/", []byte(test.a)))
			require.Equal(t, test.same, a == b)
		})
	}
}

// Fingerprints stand on rows: a later version must find those of an earlier one.
func TestFingerprint_StaysWhatItWas(t *testing.T) {
	t.Parallel()
	keys := newKeys(t)
	for body, want := range map[string]string{
		``: "c3dda7602b1956cb9c9f6965821a46fbb3fd2919b149c43da287f1f749c6c8a9",
		`{"amount":2700,"items":[{"name":"a","quantity":1},{"quantity":1e2,"name":"\u00e4\n"}],"metadata":{"b":null,"a":true}}`: "58c2df3d57b64bcfe058b8b2433d5f562cff3ac44a1a30f8aad16b8c9d6c3139",
		`{"b":[[],{},"",-0.5,false],"a":{"a":2,"a":1}}`: "db396447ccb5332665653da5366d426e0f67e99cca1b5f73d97eeebf90868d17",
		` 7 `:   "993e5901c6118e04a444d6915cf35550bfee61a8b256b5d07b7334817d2a8309",
		`{"a":`: "34fa3eeda1a7030c75d73b78146a52ab015964d43b1f4af0bc73071e8ef16171",
	} {
		got := keys.Fingerprint("POST", "/v1/orders", []byte(body))
		require.Equal(t, want, hex.EncodeToString(got[:]), body)
	}
}

func TestFingerprint_IncludesMethodRouteAndDataKey(t *testing.T) {
	t.Parallel()
	body := []byte(`{"number":"4111111111111111"}`)
	keys := newKeys(t)
	other, err := idempotency.NewKeys(bytes.Repeat([]byte{8}, 32))
	require.NoError(t, err)

	first := keys.Fingerprint("POST", "/v1/orders", body)
	require.NotEqual(t, first, keys.Fingerprint("PUT", "/v1/orders", body))
	require.NotEqual(t, first, keys.Fingerprint("POST", "/v1/refunds", body))
	require.NotEqual(t, first, keys.Fingerprint("POST/", "v1/orders", body))
	require.NotEqual(t, first, other.Fingerprint("POST", "/v1/orders", body))
}

// A caller must not be able to make us hash for minutes with a megabyte of brackets.
func TestFingerprint_StaysLinearInDeepBodies(t *testing.T) {
	t.Parallel()
	keys := newKeys(t)
	const depth = 9_000
	deep := strings.Repeat(`{"a":`, depth) + `"` + strings.Repeat("x", 900_000) + `"` + strings.Repeat("}", depth)
	wide := "[" + strings.Repeat("[],", 340_000) + "1]"
	for _, body := range []string{deep, wide, strings.Repeat("[", 1<<20)} {
		begun := time.Now()
		keys.Fingerprint("POST", "/", []byte(body))
		require.Less(t, time.Since(begun), time.Minute) // a square of these sizes takes many
	}
}

func TestNewKeys_RefusesADataKeyOfAnotherSize(t *testing.T) {
	t.Parallel()
	for _, size := range []int{0, 16, 31, 33} {
		_, err := idempotency.NewKeys(make([]byte, size))
		require.ErrorContains(t, err, "32 bytes")
	}
}

// render writes a value with its members in an order, and white space, that each call draws anew.
func render(t *rapid.T, out *bytes.Buffer, value any) {
	space := func() { out.WriteString(rapid.SampledFrom([]string{"", " ", "\n\t"}).Draw(t, "space")) }
	space()
	switch v := value.(type) {
	case map[string]any:
		names := make([]string, 0, len(v))
		for name := range v {
			names = append(names, name)
		}
		if len(names) > 1 {
			names = rapid.Permutation(names).Draw(t, "order")
		}
		out.WriteByte('{')
		for i, name := range names {
			if i > 0 {
				out.WriteByte(',')
			}
			render(t, out, name)
			out.WriteByte(':')
			render(t, out, v[name])
		}
		out.WriteByte('}')
	case []any:
		out.WriteByte('[')
		for i, element := range v {
			if i > 0 {
				out.WriteByte(',')
			}
			render(t, out, element)
		}
		out.WriteByte(']')
	default:
		text, err := json.Marshal(v)
		if err != nil {
			t.Fatal(err)
		}
		out.Write(text)
	}
	space()
}

func document(depth int) *rapid.Generator[any] {
	scalar := rapid.OneOf(
		rapid.Map(rapid.String(), func(s string) any { return s }),
		rapid.Map(rapid.Int64(), func(n int64) any { return json.Number(fmt.Sprint(n)) }),
		rapid.Just[any](true), rapid.Just[any](nil),
	)
	if depth == 0 {
		return scalar
	}
	return rapid.OneOf(scalar,
		rapid.Map(rapid.SliceOfN(document(depth-1), 0, 4), func(s []any) any { return s }),
		rapid.Map(rapid.MapOfN(rapid.String(), document(depth-1), 0, 4), func(m map[string]any) any { return m }),
	)
}

func TestFingerprint_IsTheSameHoweverADocumentIsWritten(t *testing.T) {
	t.Parallel()
	keys := newKeys(t)
	rapid.Check(t, func(t *rapid.T) {
		value := document(3).Draw(t, "document")
		var first, second bytes.Buffer
		render(t, &first, value)
		render(t, &second, value)
		if keys.Fingerprint("POST", "/", first.Bytes()) != keys.Fingerprint("POST", "/", second.Bytes()) {
			t.Fatalf("%s\n%s", first.Bytes(), second.Bytes())
		}
	})
}

func FuzzFingerprint(f *testing.F) {
	for _, seed := range []string{
		``, `{}`, `[1,2,{"a":null}]`, `{"b":1,"a":[true,false,"\u00e9\ud800"]}`, `{"a":1,"a":2}`, "\xff", `{"a":1e999}`, `[[[[`,
	} {
		f.Add([]byte(seed))
	}
	keys := newKeys(f)
	f.Fuzz(func(t *testing.T, body []byte) {
		first := keys.Fingerprint("POST", "/", body)
		require.Equal(t, first, keys.Fingerprint("POST", "/", body))
		var indented bytes.Buffer
		if json.Indent(&indented, body, " ", "\t") == nil && bytes.Equal(bytes.ToValidUTF8(body, nil), body) {
			require.Equal(t, first, keys.Fingerprint("POST", "/", indented.Bytes()))
		}
	})
}
