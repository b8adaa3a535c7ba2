package idempotency

import (
	"tillway/internal/fault"
	"tillway/internal/redact"
)

// Header is the name of the request header, and of the parameter in faults.
const Header = "Idempotency-Key"

const maxKey = 255

// Scope is what makes a key unique: two callers, two routes or two resources may use the same one.
type Scope struct {
	// Principal is the caller, as the API key's id.
	Principal string
	// Route is method and pattern, as "POST /v1/orders/{id}/payments".
	Route string
	// PathIDs are the values of the pattern's placeholders, in order.
	PathIDs []string
	// Key is the header's value, as ValidateKey returned it.
	Key string
}

// ValidateKey returns the key among the values of the header: exactly one, of 1 to 255 visible ASCII characters. Without
// any it fails with idempotency_key_required; a route where the key is optional asks only when there is one.
func ValidateKey(values []string) (string, error) {
	switch {
	case len(values) == 0:
		return "", fault.New(fault.Invalid, "idempotency_key_required",
			"This request needs an %s header: a value of your own that is new for each thing you want done.", Header).
			WithParam(Header)
	case len(values) > 1:
		return "", fault.InvalidParam(Header, "%s was sent %d times; send it once.", Header, len(values))
	}
	key := values[0]
	if len(key) < 1 || len(key) > maxKey {
		return "", fault.InvalidParam(Header, "%s must have 1 to %d characters; it has %d.", Header, maxKey, len(key))
	}
	for i := range len(key) {
		if key[i] < '!' || key[i] > '~' {
			return "", fault.InvalidParam(Header,
				"%s may hold visible ASCII characters only; character %d is not one.", Header, i+1)
		}
	}
	if redact.HoldsCard(key) { // it is kept on the row that the request creates
		return "", fault.InvalidParam(Header, "%s seems to hold a card number. Use a random value.", Header)
	}
	return key, nil
}
