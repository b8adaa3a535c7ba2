package strictjson_test

import (
	"encoding/json"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"

	"tillway/internal/api/strictjson"
	"tillway/internal/fault"
	"tillway/internal/ids"
)

type line struct {
	Name     string `json:"name" strict:"required"`
	Quantity int64  `json:"quantity" strict:"required"`
}

type card struct {
	Number   string             `json:"number" strict:"required"`
	ExpMonth *strictjson.Digits `json:"exp_month" strict:"required"`
}

type sample struct {
	Amount   *int64                                  `json:"amount" strict:"required"`
	Text     *string                                 `json:"text"`
	Flag     bool                                    `json:"flag"`
	Order    ids.Order                               `json:"order"`
	Items    []line                                  `json:"items"`
	Card     *card                                   `json:"card"`
	Metadata strictjson.Nullable[map[string]*string] `json:"metadata"`
	Labels   map[string]string                       `json:"labels"`
	Internal string                                  `json:"-"`
}

func decode(body string) (sample, error) {
	var s sample
	v, err := strictjson.Parse([]byte(body))
	if err != nil {
		return s, err
	}
	return s, v.Decode(&s)
}

func TestDecode_ReadsWhatItUnderstands(t *testing.T) {
	t.Parallel()
	order := ids.New[ids.OrderEntity]()
	s, err := decode(`{"amount": 1250, "text": "über", "flag": true, "order": "` + order.String() + `",
		"items": [{"name":"a","quantity":2}], "card": {"number":"x","exp_month":"07"},
		"metadata": {"keep":"1","drop":null}, "labels": {"a":"b"}}`)
	require.NoError(t, err)
	require.Equal(t, int64(1250), *s.Amount)
	require.Equal(t, "über", *s.Text)
	require.True(t, s.Flag)
	require.Equal(t, order, s.Order)
	require.Equal(t, []line{{Name: "a", Quantity: 2}}, s.Items)
	require.Equal(t, 7, *s.Card.ExpMonth.Int())
	require.True(t, s.Metadata.Set)
	require.Equal(t, "1", *s.Metadata.Value["keep"])
	require.Nil(t, s.Metadata.Value["drop"])
	require.Contains(t, s.Metadata.Value, "drop")
	require.Equal(t, map[string]string{"a": "b"}, s.Labels)
}

func TestDecode_TakesNullForAbsent(t *testing.T) {
	t.Parallel()
	s, err := decode(`{"amount":1,"text":null,"flag":null,"order":null,"items":null,"card":null,"labels":null,"metadata":null}`)
	require.NoError(t, err)
	require.Nil(t, s.Text)
	require.Nil(t, s.Card)
	require.True(t, s.Metadata.Set && s.Metadata.Null)

	s, err = decode(`{"amount":1}`)
	require.NoError(t, err)
	require.False(t, s.Metadata.Set)
}

func TestParse_TakesAnEmptyBodyForAnEmptyObject(t *testing.T) {
	t.Parallel()
	for _, body := range []string{"", " \r\n\t"} {
		v, err := strictjson.Parse([]byte(body))
		require.NoError(t, err)
		require.NoError(t, v.Decode(&struct{}{}))
	}
}

func TestDecode_RefusesAndSaysWhere(t *testing.T) {
	t.Parallel()
	long := strings.Repeat("k", 100)
	for name, c := range map[string]struct{ body, code, param, message string }{
		"unknown member":               {`{"amount":1,"color":1}`, "unknown_field", "color", "color is not a field of this request."},
		"unknown nested member":        {`{"amount":1,"card":{"foo":1}}`, "unknown_field", "card.foo", "card.foo is not a field of this request."},
		"unknown member of an item":    {`{"amount":1,"items":[{"name":"a","quantity":1},{"color":1}]}`, "unknown_field", "items[1].color", "items[1].color is not a field of this request."},
		"another case":                 {`{"Amount":1}`, "unknown_field", "Amount", "Amount is not a field of this request."},
		"untagged":                     {`{"amount":1,"Internal":"x"}`, "unknown_field", "Internal", "Internal is not a field of this request."},
		"long name":                    {`{"` + long + `":1}`, "unknown_field", long[:63] + "…", long[:63] + "… is not a field of this request."},
		"card number as a name":        {`{"4111 1111 1111 1111":1}`, "unknown_field", "(digits)", "(digits) is not a field of this request."},
		"line break in a name":         {`{"a\nb":1}`, "unknown_field", "(unprintable)", "(unprintable) is not a field of this request."},
		"missing":                      {`{}`, "parameter_missing", "amount", "amount is required."},
		"missing, as null":             {`{"amount":null}`, "parameter_missing", "amount", "amount is required."},
		"missing nested":               {`{"amount":1,"card":{"exp_month":1}}`, "parameter_missing", "card.number", "card.number is required."},
		"missing in an item":           {`{"amount":1,"items":[{"name":"a"}]}`, "parameter_missing", "items[0].quantity", "items[0].quantity is required."},
		"repeated":                     {`{"amount":1,"amount":2}`, "parameter_invalid", "amount", "amount is given more than once."},
		"repeated nested":              {`{"amount":1,"labels":{"a":"1","\u0061":"2"}}`, "parameter_invalid", "labels.a", "labels.a is given more than once."},
		"fraction":                     {`{"amount":1.0}`, "parameter_invalid", "amount", "amount must be an integer, written without a fraction or an exponent."},
		"exponent":                     {`{"amount":1e2}`, "parameter_invalid", "amount", "amount must be an integer, written without a fraction or an exponent."},
		"text for a number":            {`{"amount":"12"}`, "parameter_invalid", "amount", "amount must be an integer, not a string."},
		"too large":                    {`{"amount":9223372036854775808}`, "parameter_invalid", "amount", "amount is out of range."},
		"number for text":              {`{"amount":1,"text":4111111111111111}`, "parameter_invalid", "text", "text must be a string, not a number."},
		"text for a boolean":           {`{"amount":1,"flag":"true"}`, "parameter_invalid", "flag", "flag must be a boolean, not a string."},
		"array for an object":          {`{"amount":1,"card":[]}`, "parameter_invalid", "card", "card must be an object, not an array."},
		"object for an array":          {`{"amount":1,"items":{}}`, "parameter_invalid", "items", "items must be an array, not an object."},
		"null in an array":             {`{"amount":1,"items":[null]}`, "parameter_invalid", "items[0]", "items[0] must not be null."},
		"null in a map":                {`{"amount":1,"labels":{"a":null}}`, "parameter_invalid", "labels.a", "labels.a must not be null."},
		"number in a map":              {`{"amount":1,"labels":{"a":1}}`, "parameter_invalid", "labels.a", "labels.a must be a string, not a number."},
		"another entity's id":          {`{"amount":1,"order":"` + ids.New[ids.PaymentEntity]().String() + `"}`, "parameter_invalid", "order", "order is not a valid identifier of its kind."},
		"empty id":                     {`{"amount":1,"order":""}`, "parameter_invalid", "order", "order is not a valid identifier of its kind."},
		"digits that are not":          {`{"amount":1,"card":{"number":"x","exp_month":"1x"}}`, "parameter_invalid", "card.exp_month", "card.exp_month must be an integer or a string of digits."},
		"empty digits":                 {`{"amount":1,"card":{"number":"x","exp_month":""}}`, "parameter_invalid", "card.exp_month", "card.exp_month must be an integer or a string of digits."},
		"many digits":                  {`{"amount":1,"card":{"number":"x","exp_month":"99999999999999999999"}}`, "parameter_invalid", "card.exp_month", "card.exp_month is out of range."},
		"list for digits":              {`{"amount":1,"card":{"number":"x","exp_month":[]}}`, "parameter_invalid", "card.exp_month", "card.exp_month must be an integer or a string of digits."},
		"NUL in text":                  {`{"amount":1,"text":"a\u0000b"}`, "parameter_invalid", "text", "text must not contain NUL characters."},
		"half a character":             {`{"amount":1,"text":"a\ud800b"}`, "parameter_invalid", "text", "text must not escape half of a surrogate pair."},
		"the other half":               {`{"amount":1,"text":"\udc00\ud83d\ude00"}`, "parameter_invalid", "text", "text must not escape half of a surrogate pair."},
		"halves the wrong way":         {`{"amount":1,"items":[{"name":"\ude00\ud83d"}]}`, "parameter_invalid", "items[0].name", "items[0].name must not escape half of a surrogate pair."},
		"half a character in metadata": {`{"amount":1,"labels":{"a":"\uD83D\\uDE00"}}`, "parameter_invalid", "labels.a", "labels.a must not escape half of a surrogate pair."},
		"half a character in a name":   {`{"amount":1,"labels":{"\ud83d":"b"}}`, "parameter_invalid", "labels.(unprintable)", "The names of fields must not escape half of a surrogate pair."},
		"NUL in a name":                {`{"amount":1,"labels":{"a\u0000":"b"}}`, "parameter_invalid", "labels.(unprintable)", "The names of fields must not contain NUL characters."},
		"too deep":                     {strings.Repeat(`{"a":`, 30) + "1" + strings.Repeat("}", 30), "parameter_invalid", strings.TrimSuffix(strings.Repeat("a.", 20), "."), "The body is nested deeper than 20 levels."},
		"far too deep":                 {strings.Repeat(`[`, 20000), "parameter_invalid", "", "The body is not valid JSON (at byte 10001)."},
		"not an object":                {`[]`, "parameter_invalid", "", "The body must be a JSON object, not an array."},
		"null":                         {`null`, "parameter_invalid", "", "The body must be a JSON object, not null."},
		"trailing data":                {`{"amount":1} {}`, "parameter_invalid", "", "The body is not valid JSON (at byte 14)."},
		"cut off":                      {`{"amount":1`, "parameter_invalid", "", "The body is not valid JSON (at byte 11)."},
		"trailing comma":               {`{"amount":1,}`, "parameter_invalid", "", "The body is not valid JSON (at byte 13)."},
		"not UTF-8":                    {"{\"text\":\"\xff\"}", "parameter_invalid", "", "The body must be UTF-8."},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			_, err := decode(c.body)
			var f *fault.Error
			require.ErrorAs(t, err, &f)
			require.Equal(t, fault.Invalid, f.Kind)
			require.Equal(t, c.code, f.Code)
			require.Equal(t, c.param, f.Param)
			require.Equal(t, c.message, f.Message)
		})
	}
}

func TestDecode_RefusesTargetsThatItCannotFill(t *testing.T) {
	t.Parallel()
	v, err := strictjson.Parse([]byte(`{"a":1}`))
	require.NoError(t, err)
	require.Equal(t, fault.Internal, fault.KindOf(v.Decode(sample{})))
	require.Equal(t, fault.Internal, fault.KindOf(v.Decode(&struct {
		A chan int `json:"a"`
	}{})))
}

// What encoding/json reads into the same struct without a word, and what we read, is equal: strictness only refuses.
func TestDecode_AgreesWithTheStandardLibraryOnWhatItAccepts(t *testing.T) {
	t.Parallel()
	type plain struct {
		Amount int64             `json:"amount"`
		Text   *string           `json:"text"`
		Flag   bool              `json:"flag"`
		Items  []line            `json:"items"`
		Labels map[string]string `json:"labels"`
	}
	rapid.Check(t, func(t *rapid.T) {
		text := rapid.String().Filter(func(s string) bool { return !strings.ContainsRune(s, 0) })
		want := plain{
			Amount: rapid.Int64().Draw(t, "amount"), Flag: rapid.Bool().Draw(t, "flag"),
			Text:   rapid.Ptr(text, true).Draw(t, "text"),
			Labels: rapid.MapOf(text, text).Draw(t, "labels"),
		}
		for range rapid.IntRange(0, 3).Draw(t, "items") {
			want.Items = append(want.Items, line{Name: text.Draw(t, "name"), Quantity: rapid.Int64().Draw(t, "quantity")})
		}
		body, err := json.Marshal(want)
		require.NoError(t, err)
		var standard, got plain
		require.NoError(t, json.Unmarshal(body, &standard))
		v, err := strictjson.Parse(body)
		require.NoError(t, err)
		require.NoError(t, v.Decode(&got))
		require.Equal(t, standard, got)
	})
}
