package api

import (
	"net/http"
	"testing"

	"github.com/stretchr/testify/require"
)

func TestNegotiate_ReadsAcceptAsItsRFCSays(t *testing.T) {
	t.Parallel()
	for accept, want := range map[string]struct {
		success, failure string
		ok               bool
	}{
		"":                                     {mediaJSON, mediaJSON, true},
		"*/*":                                  {mediaJSON, mediaJSON, true},
		"application/*":                        {mediaJSON, mediaJSON, true},
		"application/json":                     {mediaJSON, mediaJSON, true},
		"Application/JSON; charset=utf-8":      {mediaJSON, mediaJSON, true},
		"application/vnd.tillway.v1+json":      {mediaV1, mediaV1, true},
		"*/*, application/vnd.tillway.v1+json": {mediaV1, mediaV1, true},
		"application/json, application/vnd.tillway.v1+json;q=0.9":              {mediaJSON, mediaJSON, true},
		"application/json;q=0.9, application/vnd.tillway.v1+json":              {mediaV1, mediaV1, true},
		"application/json;q=0, */*":                                            {mediaV1, mediaV1, true},
		"application/problem+json":                                             {mediaJSON, mediaProblem, true},
		"application/json, application/problem+json":                           {mediaJSON, mediaProblem, true},
		"application/json, application/problem+json;q=0.5":                     {mediaJSON, mediaJSON, true},
		"application/problem+json;q=0, */*":                                    {mediaJSON, mediaJSON, true},
		"application/vnd.tillway.v1+json, application/problem+json, */*;q=0.1": {mediaV1, mediaProblem, true},
		"text/html, image/gif, image/jpeg, *; q=.2, */*; q=.2":                 {mediaJSON, mediaJSON, true},
		"text/html,application/xhtml+xml,application/xml;q=0.9,*/*;q=0.8":      {mediaJSON, mediaJSON, true},
		"application/vnd.tillway.v2+json":                                      {mediaJSON, mediaJSON, false},
		"application/vnd.tillway.v2+json, application/json;q=0.1":              {mediaJSON, mediaJSON, true},
		"text/html":            {mediaJSON, mediaJSON, false},
		"*/*;q=0":              {mediaJSON, mediaJSON, false},
		"application/json;q=0": {mediaJSON, mediaJSON, false},
		"*/*;q=2":              {mediaJSON, mediaJSON, false},
		";;;":                  {mediaJSON, mediaJSON, false},
	} {
		t.Run(accept, func(t *testing.T) {
			t.Parallel()
			var values []string
			if accept != "" {
				values = []string{accept}
			}
			got, ok := negotiate(values)
			require.Equal(t, want.ok, ok)
			require.Equal(t, negotiated{want.success, want.failure}, got)
		})
	}
}

func TestThousandths_ReadsQualityValues(t *testing.T) {
	t.Parallel()
	for text, want := range map[string]int{"0": 0, "1": 1000, "0.5": 500, "0.05": 50, "0.123": 123, "1.000": 1000, ".2": 200, "0.": 0} {
		got, ok := thousandths(text)
		require.True(t, ok, text)
		require.Equal(t, want, got, text)
	}
	for _, text := range []string{"", "2", "1.1", "0.1234", "-1", "0,5", "1e0", "0.5x"} {
		_, ok := thousandths(text)
		require.Equal(t, text == "", ok, text)
	}
}

func TestUsableCorrelationID_TakesPrintableTextOnly(t *testing.T) {
	t.Parallel()
	for _, good := range []string{"a", "req 1/2:3", string(make128())} {
		require.True(t, usableCorrelationID(good))
	}
	for _, bad := range []string{"", "über", "a\tb", "a\x7f", string(make128()) + "x", "4761344136141390", "card 4761 3441 3614 1390"} {
		require.False(t, usableCorrelationID(bad), bad)
	}
}

func make128() []byte {
	text := make([]byte, 128)
	for i := range text {
		text[i] = 'x'
	}
	return text
}

func TestWithoutOurs_KeepsTheMerchantsQueryAsWritten(t *testing.T) {
	t.Parallel()
	for query, want := range map[string]string{
		"": "", "a=1&b=%20&a=2": "a=1&b=%20&a=2", "status=x&a=1": "a=1", "%73tatus=x&order&payment=1&signature=2&b": "b", "&&a": "a",
	} {
		require.Equal(t, want, withoutOurs(query))
	}
}

func TestChallenge_TellsAMissingKeyFromAWrongOne(t *testing.T) {
	t.Parallel()
	r := &http.Request{Header: http.Header{}}
	require.Equal(t, `Bearer realm="tillway"`, challenge(r))
	r.Header.Set("Authorization", "Bearer x")
	require.Equal(t, `Bearer realm="tillway", error="invalid_token"`, challenge(r))
}
