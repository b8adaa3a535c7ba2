package onerway_test

import (
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"tillway/internal/onerway"
)

func TestParseFields_KeepsEveryNameAndTheTextOfNumbers(t *testing.T) {
	t.Parallel()
	fields, err := onerway.ParseFields([]byte(
		` {"id":1810553728219353088,"rate":1.50,"exp":1E2,"neg":-0,"yes":true,"nil":null,"empty":"","esc":"caf\u00e9\n","Id":"x"} `))
	require.NoError(t, err)
	require.Equal(t, map[string]string{
		"id": "1810553728219353088", "rate": "1.50", "exp": "1E2", "neg": "-0", "yes": "true",
		"nil": "", "empty": "", "esc": "café\n", "Id": "x",
	}, map[string]string(fields))
}

func TestParseFields_RefusesWhatTwoParsersCouldReadDifferently(t *testing.T) {
	t.Parallel()
	cases := map[string]string{
		"nothing":             ``,
		"null":                `null`,
		"a list":              `[]`,
		"a string":            `"{}"`,
		"a duplicate":         `{"a":"1","b":"2","a":"1"}`,
		"an escaped twin":     `{"orderAmount":"1","order\u0041mount":"2"}`,
		"a second object":     `{"a":"1"}{}`,
		"trailing text":       `{"a":"1"} x`,
		"an open object":      `{"a":"1"`,
		"an open string":      `{"a":"1`,
		"a missing value":     `{"a":}`,
		"a bare name":         `{a:"1"}`,
		"a trailing comma":    `{"a":"1",}`,
		"a comment":           `{"a":"1"/**/}`,
		"a leading zero":      `{"a":01}`,
		"a byte order mark":   "\ufeff{}",
		"invalid UTF-8":       "{\"a\":\"\xff\"}",
		"a control character": "{\"a\":\"\x01\"}",
		"too deep a nesting":  `{"a":` + strings.Repeat(`[`, 16) + strings.Repeat(`]`, 16) + `}`,
	}
	for name, body := range cases {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			_, err := onerway.ParseFields([]byte(body))
			require.ErrorIs(t, err, onerway.ErrMalformed)
		})
	}
}

func TestParseFields_CountsBracketsOutsideStringsOnly(t *testing.T) {
	t.Parallel()
	text := strings.Repeat(`{[`, 50) + `\"` + strings.Repeat(`[`, 50)
	fields, err := onerway.ParseFields([]byte(`{"a":"` + text + `"}`))
	require.NoError(t, err)
	require.Equal(t, strings.ReplaceAll(text, `\"`, `"`), fields["a"])
}

func FuzzParseFields(f *testing.F) {
	for _, vector := range loadVectors(f).Vectors {
		f.Add([]byte(vector.Params))
	}
	f.Add([]byte(`{"a":{"b":[1,{"c":"\ud800"}]}}`))
	f.Fuzz(func(t *testing.T, raw []byte) {
		fields, err := onerway.ParseFields(raw)
		if err != nil {
			require.ErrorIs(t, err, onerway.ErrMalformed)
			return
		}
		require.Len(t, onerway.Sign(fields, onerway.ExcludedFromNotification, onerway.Conceal("k")), 64)
	})
}
