package strictjson

import (
	"bytes"
	"encoding/json"
	"strconv"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
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

func FuzzParse_ReadsAsEncodingJSON(f *testing.F) {
	for _, seed := range []string{
		"", " { } ", `{"a":1,"b":[true,false,null,-1.5e+3,"x"]}`, "{\"a\" :\t[ ] ,\r\n\"b\": { \"c\" : 0 } }", `{"":{"":[[],{}]}}`,
		`{"\u0061\n":"\"\\\/\b\ud83d\ude00\ud800x"}`, `{"a":"über"}`, `{"a":12,"a":13}`, `{"a":"\\"}`, `{"a":"b\"c","d":"e"}`,
	} {
		f.Add([]byte(seed))
	}
	f.Fuzz(func(t *testing.T, body []byte) {
		v, err := Parse(body)
		if err != nil || len(bytes.TrimSpace(body)) == 0 {
			return
		}
		decoder := json.NewDecoder(bytes.NewReader(body))
		decoder.UseNumber()
		var want any
		require.NoError(t, decoder.Decode(&want))
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
