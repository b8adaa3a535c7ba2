package strictjson_test

import (
	"bytes"
	"encoding/json"
	"slices"
	"testing"

	"github.com/stretchr/testify/require"

	"tillway/internal/api/strictjson"
	"tillway/internal/fault"
)

// What is refused is refused as the caller's mistake, and no error repeats much of what was sent.
func FuzzDecode(f *testing.F) {
	for _, seed := range []string{
		"", "{}", "[]", `{"amount":1}`, `{"amount":"1","items":[{"name":null}]}`, `{"card":{"exp_month":"1"}}`,
		`{"metadata":{"a":null}}`, "{\"a\":\"\xed\xa0\x80\"}", `{"amount":-0}`, `{"a":{"a":{"a":[[[{}]]]}}}`, `{"":""}`,
		`{"amount":1,"card":{"number":"4761344136141390","exp_month":"07"},"order":"ord_01jb9z6e8nfx5r9w2t7yq3m4k5"}`,
		`{"4761344136141390":1}`, `{"amount":1,"items":[{"name":"a","quantity":9223372036854775808}]}`,
	} {
		f.Add([]byte(seed))
	}
	f.Fuzz(func(t *testing.T, body []byte) {
		v, err := strictjson.Parse(body)
		if err == nil {
			err = v.Decode(&sample{})
		}
		if err != nil {
			var refusal *fault.Error
			require.ErrorAs(t, err, &refusal)
			require.Equal(t, fault.Invalid, refusal.Kind)
			require.Less(t, len(refusal.Message), 2000)
			require.NotContains(t, refusal.Message, "4761344136141390")
			require.NotContains(t, refusal.Param, "4761344136141390")
		}
	})
}

// order is a request made of the plain kinds, which encoding/json reads into the same struct.
type order struct {
	Amount int64             `json:"amount"`
	Text   *string           `json:"text"`
	Flag   bool              `json:"flag"`
	Lines  []line            `json:"lines"`
	Labels map[string]string `json:"labels"`
	First  *line             `json:"first"`
}

// What is accepted is accepted by encoding/json at its strictest, and read the same; its members have exactly our names.
func FuzzDecode_RefusesAllThatEncodingJSONDoes(f *testing.F) {
	for _, seed := range []string{
		`{}`, `{"amount":1,"text":"a","flag":true,"lines":[{"name":"a","quantity":2}],"labels":{"a":"b"},"first":{"name":"","quantity":-1}}`,
		`{"Amount":1}`, `{"amount":1.0}`, `{"amount":1e2}`, `{"amount":null,"lines":null,"labels":null,"first":null}`, `{"lines":[null]}`,
		`{"flag":"true"}`, `{"text":1}`, `{"lines":{"0":1}}`, `{"labels":{"a":null}}`, `{"amount":-0}`, `{"unknown":1}`, `{"first":{"Name":"a"}}`,
		`{"amount":9223372036854775807}`, `{"amount":9223372036854775808}`, `{"labels":{"\u2028":"\ud800"}}`,
	} {
		f.Add([]byte(seed))
	}
	f.Fuzz(func(t *testing.T, body []byte) {
		var got, want order
		v, err := strictjson.Parse(body)
		if err != nil || v.Decode(&got) != nil || len(bytes.TrimSpace(body)) == 0 {
			return
		}
		decoder := json.NewDecoder(bytes.NewReader(body))
		decoder.DisallowUnknownFields()
		require.NoError(t, decoder.Decode(&want))
		require.Equal(t, want, got)

		var members map[string]json.RawMessage
		require.NoError(t, json.Unmarshal(body, &members))
		for name := range members {
			require.True(t, slices.Contains([]string{"amount", "text", "flag", "lines", "labels", "first"}, name), name)
		}
	})
}
