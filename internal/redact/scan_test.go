package redact_test

import (
	"testing"

	"github.com/stretchr/testify/require"

	"tillway/internal/redact"
)

func TestScrub_MasksCardNumbers(t *testing.T) {
	t.Parallel()

	tests := map[string]string{
		// The provider's test cards, then one of each scheme and length.
		"4761344136141390":    "[redacted]",
		"4021937195658141":    "[redacted]",
		"4000128449498204":    "[redacted]",
		"4000020951595032":    "[redacted]",
		"4000027891380961":    "[redacted]",
		"2221008123677736":    "[redacted]",
		"4000000000002701":    "[redacted]",
		"4000000000001091":    "[redacted]",
		"4242424242424242":    "[redacted]",
		"4222222222222":       "[redacted]",
		"5555555555554444":    "[redacted]",
		"378282246310005":     "[redacted]",
		"30569309025904":      "[redacted]",
		"3530111333300000":    "[redacted]",
		"6011111111111117":    "[redacted]",
		"6212345678901232":    "[redacted]",
		"2200770212727079":    "[redacted]",
		"4111 1111 1111 1111": "[redacted]",
		"4111-1111-1111-1111": "[redacted]",
		"4111+1111+1111+1111": "[redacted]",
		"3782 822463 10005":   "[redacted]",

		"card 4111111111111111 declined":              "card [redacted] declined",
		"4111111111111111,5555555555554444":           "[redacted],[redacted]",
		"pan4111111111111111x":                        "pan[redacted]x",
		"order 12 4111 1111 1111 1111 for 5.00":       "order 12 [redacted] for 5.00",
		`{"cardNumber":"4111111111111111","n":1}`:     `{"cardNumber":"[redacted]","n":1}`,
		"4111111111111111=25121010000000000000":       "[redacted]=25121010000000000000",
		"4111111111111111 12/27 123":                  "[redacted] 12/27 123",
		`cvv=123&next=1`:                              `cvv=[redacted]&next=1`,
		`{"cvc":"1234"}`:                              `{"cvc":"[redacted]"}`,
		`{\"cvv\":\"123\"}`:                           `{\"cvv\":\"[redacted]\"}`,
		`{CVC:123 Name:x}`:                            `{CVC:[redacted] Name:x}`,
		`cardCvv: 123`:                                `cardCvv: [redacted]`,
		`card_cvc123`:                                 `card_cvc[redacted]`,
		`CVV2: 999`:                                   `CVV2: [redacted]`,
		"4111 1111 1111 1111 and cvc 123 of a caller": "[redacted] and cvc [redacted] of a caller",
	}
	for text, want := range tests {
		require.Equal(t, want, redact.Scrub(text), text)
	}
}

func TestScrub_LeavesOtherTextsAlone(t *testing.T) {
	t.Parallel()

	for _, text := range []string{
		"", "a", "12", "payment succeeded", "card declined: incorrect_cvc",
		"4111111111111112",     // wrong check digit
		"1810961729430360064",  // transaction ids of the provider, of 2024 …
		"2001234567890123456",  // … and of today
		"1739545982264549376",  // its app id
		"1763805600123",        // milliseconds
		"1763805600123456789",  // nanoseconds
		"+86 138 0013 8000",    // a telephone number
		"41111111111111111111", // twenty digits are no card number
		"0192f3a4-1234-7456-8123-1234567890ab",
		"2025-05-06 15:14:53.123456",
		"ord_01jb9z6e8nfx5r9w2t7yq3m4k5",
		"pay_01m8ardccaedcvc479r5av8w6n", // an id that looks like a verification code
		"pay_01m8arddqxfjcvv135bfcngxqd",
		"cvc check failed with 402 after 12 ms",
		"cvc=12", "cvv=12345", "cv", "cvc", "cvv=",
	} {
		require.Equal(t, text, redact.Scrub(text))
	}
}

func FuzzScrub(f *testing.F) {
	f.Add("a", "b")
	f.Add("4111 ", " 12/27")
	f.Add("cvv=", "0")
	f.Fuzz(func(t *testing.T, before, after string) {
		// Whatever stands around it, a card number with something other than a digit at its sides does not survive.
		const number = "4761344136141390"
		scrubbed := redact.Scrub(before + "|" + number + "|" + after)
		require.NotContains(t, scrubbed, "|"+number+"|")
		require.Equal(t, scrubbed, redact.Scrub(scrubbed), "scrubbing again changes nothing")
	})
}

func BenchmarkScrub(b *testing.B) {
	for name, text := range map[string]string{
		"plain": "payment succeeded for order ord_01jb9z6e8nfx5r9w2t7yq3m4k5 in 312 ms at 2025-05-06T15:14:53Z",
		"id":    "query 1810961729430360064: connection reset by peer after 30s",
		"card":  "refused: 4111 1111 1111 1111 is not accepted",
	} {
		b.Run(name, func(b *testing.B) {
			b.ReportAllocs()
			for b.Loop() {
				redact.Scrub(text)
			}
		})
	}
}
