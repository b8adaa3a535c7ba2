package strictjson

import (
	"bytes"
	"encoding/json"
	"errors"
	"regexp"
	"strconv"
	"strings"
	"testing"
	"unicode/utf8"

	"github.com/stretchr/testify/require"

	"tillway/internal/fault"
)

// plain is a value as encoding/json would have read it.
func plain(v Value) any {
	switch v.kind {
	case kindObject:
		object := make(map[string]any, len(v.parts))
		for _, m := range v.parts {
			object[m.name] = plain(m.value)
		}
		return object
	case kindArray:
		array := make([]any, 0, len(v.parts))
		for _, m := range v.parts {
			array = append(array, plain(m.value))
		}
		return array
	case kindString:
		return v.text
	case kindNumber:
		return json.Number(v.text)
	case kindBool:
		return v.text == "true"
	case kindNull:
	}
	return nil
}

// torn reports whether encoding/json puts a U+FFFD where the body has none: for half of an escaped pair.
func torn(body []byte) bool {
	named := regexp.MustCompile(`(?i)\\ufffd`).ReplaceAll(body, []byte(`\u0041`)) // as long, and an escape where it was one
	decoder := json.NewDecoder(bytes.NewReader(bytes.ReplaceAll(named, []byte("\ufffd"), []byte("A"))))
	for {
		token, err := decoder.Token()
		if text, _ := token.(string); strings.ContainsRune(text, utf8.RuneError) {
			return true
		}
		if err != nil {
			return false
		}
	}
}

// decoded reads a body token by token with encoding/json, refusing what Parse promises to refuse.
func decoded(body []byte) (any, error) {
	errRefused := errors.New("refused")
	if !utf8.Valid(body) {
		return nil, errRefused
	}
	if len(bytes.TrimSpace(body)) == 0 {
		return map[string]any{}, nil
	}
	if !json.Valid(body) || torn(body) {
		return nil, errRefused
	}
	decoder := json.NewDecoder(bytes.NewReader(body))
	decoder.UseNumber()
	var value func(depth int) (any, error)
	value = func(depth int) (any, error) {
		token, err := decoder.Token()
		text, isText := token.(string)
		open, opens := token.(json.Delim)
		switch {
		case err != nil:
			return nil, err
		case isText && strings.ContainsRune(text, 0), opens && depth == 20, depth == 0 && open != '{':
			return nil, errRefused
		case !opens:
			return token, nil
		}
		object, array := map[string]any{}, []any{}
		for decoder.More() {
			var name string
			if open == '{' {
				token, err := decoder.Token()
				if err != nil {
					return nil, err
				}
				name, _ = token.(string)
				if _, twice := object[name]; twice || strings.ContainsRune(name, 0) {
					return nil, errRefused
				}
			}
			inner, err := value(depth + 1)
			if err != nil {
				return nil, err
			}
			object[name], array = inner, append(array, inner)
		}
		if _, err := decoder.Token(); err != nil || open == '{' {
			return object, err
		}
		return array, nil
	}
	return value(0)
}

// Parse takes every body that encoding/json takes and that none of its own rules forbids, refuses all others, and reads
// the same values.
func FuzzParse_ReadsAsEncodingJSON(f *testing.F) {
	for _, seed := range []string{
		"", " { } ", `{"a":1,"b":[true,false,null,-1.5e+3,"x"]}`, "{\"a\" :\t[ ] ,\r\n\"b\": { \"c\" : 0 } }", `{"":{"":[[],{}]}}`,
		`{"\u0061\n":"\"\\\/\b\ud83d\ude00\ud800x"}`, `{"a":"über"}`, `{"a":12,"a":13}`, `{"a":"\\"}`, `{"a":"b\"c","d":"e"}`,
		`[]`, `null`, `"{}"`, `{"a":1}{}`, `{"a":"\u0000"}`, `{"\u0000":1}`, `{"a":{"b":1,"\u0062":2}}`, `{"A":1,"a":2}`, "{\"a\":\"\xff\"}",
		`{"a":"\ud83d"}`, `{"a":"\ude00\ud83d"}`, `{"a":"\ud83d\ud83d\ude00"}`, `{"a":"\\ud800"}`, `{"a":"\ufffd�\uFFFD"}`, `{"\udfff":1}`,
		`{"a":01}`, `{"a":-0}`, `{"a":1,}`, `{"a":[1,]}`, "\ufeff{}", "\v", "{\"a\":\"\t\"}",
		strings.Repeat(`{"a":`, 20) + "1" + strings.Repeat("}", 20), strings.Repeat(`{"a":`, 21) + "1" + strings.Repeat("}", 21),
		`{"a":` + strings.Repeat("[", 19) + strings.Repeat("]", 19) + "}", `{"a":` + strings.Repeat("[", 20) + strings.Repeat("]", 20) + "}",
	} {
		f.Add([]byte(seed))
	}
	f.Fuzz(func(t *testing.T, body []byte) {
		v, err := Parse(body)
		want, refused := decoded(body)
		if refused != nil {
			require.Equal(t, fault.Invalid, fault.KindOf(err))
			return
		}
		require.NoError(t, err)
		require.Equal(t, want, plain(v))
	})
}

func TestParse_FindsARepetitionAmongMany(t *testing.T) {
	t.Parallel()
	for _, members := range []int{2, fewMembers, fewMembers + 1, 100} {
		object := make(map[string]int, members)
		for i := range members {
			object["m"+strconv.Itoa(i)] = i
		}
		body, err := json.Marshal(object)
		require.NoError(t, err)
		_, err = Parse(body)
		require.NoError(t, err)
		for name := range object {
			_, err = Parse([]byte(strings.TrimSuffix(string(body), "}") + `,"` + name + `":0}`))
			require.ErrorContains(t, err, name+" is given more than once")
		}
	}
}
