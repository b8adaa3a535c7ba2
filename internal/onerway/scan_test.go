package onerway_test

import (
	"bytes"
	"encoding/json"
	"errors"
	"io"
	"strings"
	"testing"
	"unicode/utf8"

	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"

	"tillway/internal/onerway"
)

// decoded is ParseFields as encoding/json would do it, token by token.
func decoded(raw []byte) (map[string]string, error) {
	errRefused := errors.New("refused")
	if !utf8.Valid(raw) || deepest(raw) > 16 {
		return nil, errRefused
	}
	decoder := json.NewDecoder(bytes.NewReader(raw))
	if open, err := decoder.Token(); err != nil || open != json.Delim('{') {
		return nil, errRefused
	}
	fields := make(map[string]string)
	for decoder.More() {
		token, err := decoder.Token()
		name, isName := token.(string)
		if _, twice := fields[name]; err != nil || !isName || twice {
			return nil, errRefused
		}
		var value json.RawMessage
		if err := decoder.Decode(&value); err != nil {
			return nil, errRefused
		}
		fields[name] = textOf(value)
	}
	if _, err := decoder.Token(); err != nil {
		return nil, errRefused
	}
	if _, err := decoder.Token(); !errors.Is(err, io.EOF) {
		return nil, errRefused
	}
	return fields, nil
}

// textOf is the text that a valid value signs as.
func textOf(value json.RawMessage) string {
	var compact bytes.Buffer
	if err := json.Compact(&compact, value); err != nil {
		return err.Error()
	}
	var text *string
	if err := json.Unmarshal(value, &text); err != nil {
		return compact.String()
	}
	if text == nil {
		return ""
	}
	return *text
}

// deepest counts open brackets outside strings.
func deepest(raw []byte) int {
	depth, most, inString, escaped := 0, 0, false, false
	for _, char := range raw {
		switch {
		case escaped:
			escaped = false
		case inString && char == '\\':
			escaped = true
		case char == '"':
			inString = !inString
		case inString:
		case char == '{' || char == '[':
			depth++
			most = max(most, depth)
		case char == '}' || char == ']':
			depth--
		}
	}
	return most
}

func requireAsDecoded(t require.TestingT, raw []byte) {
	want, refused := decoded(raw)
	got, err := onerway.ParseFields(raw)
	if refused != nil {
		require.ErrorIs(t, err, onerway.ErrMalformed, "%q", raw)
		return
	}
	require.NoError(t, err, "%q", raw)
	require.Equal(t, want, map[string]string(got), "%q", raw)
}

func TestParseFields_AgreesWithEncodingJSON(t *testing.T) {
	t.Parallel()
	// Pieces that are right where they usually are, and wrong elsewhere.
	piece := rapid.SampledFrom([]string{
		`{`, `}`, `[`, `]`, `,`, `:`, ` `, "\n", `"`, `\`, `"a"`, `"b":`, `"\u0061":`, `"a":"1",`, `"c":{"d":[`, `]}`, `""`,
		`null`, `true`, `false`, `nul`, `0`, `-0`, `01`, `1.5`, `1.`, `.5`, `-`, `+1`, `1e5`, `1E-2`, `1e`, `"\ud83d\ude00"`,
		`"\ud83d"`, `"\ude00\ud83d"`, `"\ud83d\u0041"`, `"\ud83d\n"`, `"\u00e9\"\\\/\b\f\n\r\t"`, `"\u12g4"`, `"\x"`, `"\'"`, "\"\x01\"",
		"\"\x7f\"", "\"\xff\"", "\"\u2028é😀\"", "\ufeff", "\v",
	})
	rapid.Check(t, func(t *rapid.T) {
		body := strings.Join(rapid.SliceOfN(piece, 0, 12).Draw(t, "pieces"), "")
		if rapid.Bool().Draw(t, "member") {
			body = `{"m":` + body + `}`
		}
		requireAsDecoded(t, []byte(body))
	})
}

func FuzzParseFields_AgreesWithEncodingJSON(f *testing.F) {
	for _, vector := range loadVectors(f).Vectors {
		f.Add([]byte(vector.Params))
	}
	f.Add([]byte(` { "a" : { "b" : [ 1 , { "c" : "\ud800\u0041" } ] } , "d" : -1.5e+3, "e":"\ud83d\ude00\/" } `))
	f.Add([]byte(`{"a":1}{}`))
	f.Fuzz(func(t *testing.T, raw []byte) { requireAsDecoded(t, raw) })
}
