package sandbox

import "strings"

// behavior is what a card number stands for. It is copied onto the transaction in place of the number.
type behavior struct {
	// decline is why the issuer says no; zero for a card that pays.
	decline reason
	// challenge is when the card brings a 3DS challenge.
	challenge challengeRule
	// afterChallenge is what comes of a challenge that the person approves; zero for success.
	afterChallenge reason
	// eci is set without a challenge: frictionless authentication.
	eci string
	// fault is applied to the call as if it had been armed for it.
	fault string
}

// challengeRule is when a card is sent to the 3DS page. Strategy NONE never does, INNER always does.
type challengeRule int

const (
	challengeByAmount challengeRule = iota // under DEFAULT, from 50.00 USD
	challengeNever                         // under DEFAULT, whatever the amount
	challengeAlways
)

// reason is a code and a message: of a refusal, a decline, or a success.
type reason struct{ code, message string }

func success() reason { return reason{codeSuccess, messageSuccess} }

// cardFacts is what the sandbox keeps of a card: never the number, never the CVV.
type cardFacts struct {
	first6, last4, brand, holder string
}

// masked is the number as the provider shows it, "" where no card is known.
func (c cardFacts) masked() string {
	if c == (cardFacts{}) {
		return ""
	}
	return c.first6 + "******" + c.last4
}

// country is the issuer's, null where no card is known.
func (c cardFacts) country() any {
	if c == (cardFacts{}) {
		return nil
	}
	return "US"
}

// testCard is one line of the table of cards.
type testCard struct {
	number   string
	result   string
	source   string
	behavior behavior
}

// testCards are the documented cards (Onerway contract §12, §18.6) and the reserved ones of the sandbox. Faults
// have their own cards, listed with them in faultCatalog.
func testCards() []testCard {
	declined := func(code, message string) behavior { return behavior{decline: reason{code, message}} }
	challenged := func(code, message string) behavior {
		return behavior{challenge: challengeAlways, afterChallenge: reason{code, message}}
	}
	noChallenge := behavior{challenge: challengeNever}
	return []testCard{
		{"4761344136141390", "success, no 3DS (except strategy INNER)", "documented", noChallenge},
		{"4242424242424242", "success, no 3DS (except strategy INNER)", "documented", noChallenge},
		{"4000027891380961", "success; 3DS from 50.00 USD", "documented", behavior{}},
		{"4000000000002701", "success; 3DS from 50.00 USD", "documented", behavior{}},
		{"2221008123677736", "success, eci 00; 3DS from 50.00 USD", "documented", behavior{eci: "00"}},
		{"4021937195658141", "declined, 20051 insufficient funds", "documented, code [sim]", declined("20051", "Insufficient funds")},
		{"4000128449498204", "declined, 70002 unknown decline", "documented, code [sim]", declined("70002", "Unknown decline")},
		{"4000020951595032", "requires 3DS", "documented", behavior{challenge: challengeAlways}},
		{"4000000000001091", "requires 3DS, which succeeds when approved", "documented", behavior{challenge: challengeAlways}},
		{"4000000000001109", "requires 3DS, which fails even when approved: 40201", "documented", challenged(codeAuthFailed, "3DS authentication failed")},
		{"4000000000001117", "requires 3DS, which times out even when approved: 40202", "documented", challenged(codeAuthTimeout, "3DS authentication timed out")},
		{"4000000000000002", "declined, 20005 do not honor", "documented elsewhere, code [sim]", declined("20005", "Do not honor")},
		{"4000000000009995", "declined, 20051 insufficient funds", "documented elsewhere, code [sim]", declined("20051", "Insufficient funds")},
		{"4000000000000069", "declined, 20054 expired card", "documented elsewhere, code [sim]", declined("20054", "Expired card")},
		{"4000000000000127", "declined, 20082 incorrect CVV", "documented elsewhere, code [sim]", declined("20082", "Incorrect CVV")},
		{"4000000000000119", "declined, 20096 processing error", "documented elsewhere, code [sim]", declined("20096", "Processing error")},
		{"4000009900000012", "declined, 40203 the bank refuses 3DS", "[sim]", declined(codeAuthRefused, "Bank refused 3DS authentication")},
		{"4000009900000020", "success, 3DS without a challenge: eci 05", "[sim]", behavior{challenge: challengeNever, eci: "05"}},
	}
}

// cardBehaviors is the table by number, the cards of the faults included.
func cardBehaviors() map[string]behavior {
	table := map[string]behavior{}
	for _, card := range testCards() {
		table[card.number] = card.behavior
	}
	for _, spec := range faultCatalog() {
		if spec.card != "" {
			table[spec.card] = behavior{challenge: challengeNever, fault: spec.name}
		}
	}
	return table
}

func brandOf(number string) string {
	two := number[:2]
	switch {
	case number[0] == '4':
		return "VISA"
	case two >= "51" && two <= "55", number[:4] >= "2221" && number[:4] <= "2720":
		return "MASTERCARD"
	case two == "34", two == "37":
		return "AMEX"
	case two == "35":
		return "JCB"
	case two == "30", two == "36", two == "38", two == "39":
		return "DINERS"
	default:
		return "DISCOVER"
	}
}

// authenticatedECI is what a completed challenge leaves behind: fully authenticated.
func authenticatedECI(brand string) string {
	if brand == "MASTERCARD" {
		return "02"
	}
	return "05"
}

// luhnValid tells whether text is a card number: 12 to 19 digits with the right check digit.
func luhnValid(number string) bool {
	if len(number) < 12 || len(number) > 19 || strings.Trim(number, "0123456789") != "" {
		return false
	}
	sum := 0
	for i := range len(number) {
		digit := int(number[len(number)-1-i] - '0')
		if i%2 == 1 {
			if digit *= 2; digit > 9 {
				digit -= 9
			}
		}
		sum += digit
	}
	return sum%10 == 0
}
