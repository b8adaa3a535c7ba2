package jsonwalk_test

import (
	"bytes"
	"encoding/json"
	"testing"
	"unicode/utf8"

	"github.com/stretchr/testify/require"

	"tillway/internal/jsonwalk"
)

// read builds what encoding/json would.
func read(w *jsonwalk.Walker) any {
	switch w.Peek() {
	case '{':
		object := map[string]any{}
		for w.Enter(); w.More(); {
			name := w.Name()
			object[name] = read(w)
		}
		return object
	case '[':
		array := []any{}
		for w.Enter(); w.More(); {
			array = append(array, read(w))
		}
		return array
	case '"':
		return w.String()
	}
	switch text := w.Scalar(); text {
	case "null":
		return nil
	case "true", "false":
		return text == "true"
	default:
		return json.Number(text)
	}
}

func FuzzWalker_ReadsAsEncodingJSON(f *testing.F) {
	for _, seed := range []string{
		` 1e9 `, `null`, `{"a":1,"b":[true,false,null,-1.5e+3,"x"]}`, "{\"a\" :\t[ ] ,\r\n\"b\": { \"c\" : 0 } }", `{"":{"":[[],{}]}}`,
		`{"\u0061\n":"\"\\\/\b\ud83d\ude00\ud800x"}`, `{"a":"über"}`, `{"a":12,"a":13}`, `{"a":"\\"}`, `["b\"c","d","\\\\"]`,
	} {
		f.Add([]byte(seed))
	}
	f.Fuzz(func(t *testing.T, document []byte) {
		if !utf8.Valid(document) || !json.Valid(document) {
			return
		}
		decoder := json.NewDecoder(bytes.NewReader(document))
		decoder.UseNumber()
		var want any
		require.NoError(t, decoder.Decode(&want))
		walker := jsonwalk.New(document)
		require.Equal(t, want, read(&walker))
	})
}
