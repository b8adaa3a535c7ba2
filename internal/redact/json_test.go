package redact_test

import (
	"encoding/json"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"tillway/internal/redact"
)

func TestJSON_HidesCardData(t *testing.T) {
	t.Parallel()

	tests := map[string]struct{ raw, want string }{
		"plain member":            {`{"x":"4761344136141390"}`, `{"x":"476134******1390"}`},
		"inside a text":           {`{"x":"card 4761344136141390 ok"}`, `{"x":"card 476134******1390 ok"}`},
		"in groups":               {`{"x":"4761 3441 3614 1390"}`, `{"x":"476134******1390"}`},
		"number":                  {`{"x":4761344136141390}`, `{"x":"476134******1390"}`},
		"no known scheme":         {`{"x":"9860123412341232"}`, `{"x":"986012******1232"}`},
		"short":                   {`{"x":"501800000009"}`, `{"x":"********0009"}`},
		"mistyped, named so":      {`{"cardNumber":"4761344136141391"}`, `{"cardNumber":"476134******1391"}`},
		"nested":                  {`{"a":{"b":["4761344136141390"]}}`, `{"a":{"b":["476134******1390"]}}`},
		"JSON in a string":        {`{"a":"{\"b\":\"4761344136141390\",\"cvv\":\"123\"}"}`, `{"a":"{\"b\":\"476134******1390\"}"}`},
		"escaped in that JSON":    {`{"a":"{\"b\":\"\\u0034761344136141390\"}"}`, `{"a":"{\"b\":\"476134******1390\"}"}`},
		"beside a NUL":            {`{"a":"{\"b\":\"\u0000\",\"cardInfo\":\"5\"}"}`, "{\"a\":\"{\\\"b\\\":\\\"\ufffd\\\"}\"}"},
		"as a name":               {`{"4761344136141390":1}`, `{"476134******1390":1}`},
		"as an id":                {`{"transactionId":"4761344136141390"}`, `{"transactionId":"476134******1390"}`},
		"verification code":       {`{"cvv":"123","CVC2":999,"security_code":"1"}`, `{}`},
		"verification code aside": {`{"x":"cvv=123"}`, `{"x":"cvv=[redacted]"}`},
		"card details":            {`{"cardInfo":"{\"holderName\":\"A\"}"}`, `{}`},
		"token":                   {`{"tokenId":"822ba14cc565"}`, `{"tokenId":"[redacted]"}`},
		"contract":                {`{"contractId":"1813837154846384128"}`, `{"contractId":"[redacted]"}`},
		"contract as a number":    {`{"contractId":1813837154846384128}`, `{"contractId":"[redacted]"}`},
		"token in an object":      {`{"tokenInfo":{"id":1}}`, `{"tokenInfo":"[redacted]"}`},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			got, err := redact.JSON([]byte(test.raw))
			require.NoError(t, err)
			require.Equal(t, test.want, string(got))
		})
	}
}

func TestJSON_LeavesTheRestAlone(t *testing.T) {
	t.Parallel()

	for _, raw := range []string{
		`{"transactionId":"4000000000000000006"}`, // nineteen digits with a right check digit, under the name of an id
		`{"originTransactionId":"4000000000000000006","paymentId":"4000000000000000006"}`,
		`{"chargebackArn":"24011346121000000000001"}`,
		`{"merchantTxnId":"pay_01jb9z6e8nfx5r9w2t7yq3m4k5","orderAmount":"27.00","txnTime":"2026-03-01 09:30:01"}`,
		`{"a":null,"b":true,"c":1.50,"d":[],"e":{},"tokenId":null,"contractId":""}`,
		`{"reason":"{\"respCode\":\"20000\",\"respMsg\":\"<Success> & more\"}"}`,
		`{"x":"{not json"}`,
		`"text"`,
	} {
		got, err := redact.JSON([]byte(raw))
		require.NoError(t, err)
		require.JSONEq(t, raw, string(got))
	}
}

func TestJSON_FitsIntoPostgres(t *testing.T) {
	t.Parallel()

	got, err := redact.JSON([]byte(`{"a":"\u0000","b":1e999999,"c":` + strings.Repeat("1", 200_000) + `}`))
	require.NoError(t, err)
	require.NotContains(t, string(got), `\u0000`)
	require.Contains(t, string(got), `"b":"1e999999"`)
	require.Contains(t, string(got), `"c":"1`)

	deep := strings.Repeat(`{"a":`, 40) + `"4761344136141390"` + strings.Repeat(`}`, 40)
	got, err = redact.JSON([]byte(deep))
	require.NoError(t, err)
	require.NotContains(t, string(got), "136141390")
	require.Contains(t, string(got), redact.Redacted)

	_, err = redact.JSON([]byte(`{"a":`))
	require.Error(t, err)
}

func FuzzJSON(f *testing.F) {
	f.Add("cardNumber", "a", "b")
	f.Add("transactionId", `{"x":"`, `"}`)
	f.Add("x", `[`, `,1]`)
	f.Fuzz(func(t *testing.T, name, before, after string) {
		const number = "4761344136141390"
		raw, err := json.Marshal(map[string]any{
			name: before + "|" + number + "|" + after, "nested": map[string]any{name: []any{before + number}},
		})
		require.NoError(t, err)
		once, err := redact.JSON(raw)
		require.NoError(t, err)
		require.NotContains(t, string(once), "|"+number+"|")
		twice, err := redact.JSON(once)
		require.NoError(t, err)
		require.Equal(t, string(once), string(twice), "redacting again changes nothing")
	})
}
