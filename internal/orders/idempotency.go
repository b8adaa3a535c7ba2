package orders

import (
	"crypto/subtle"

	"tillway/internal/fault"
)

// Idempotency is the caller's key for one request, kept on the row that the request creates: it makes a repetition safe
// for as long as the row lives, with or without Redis (design §7). The zero value means that the caller sent none.
type Idempotency struct {
	// Principal is who sent the key; keys of different principals never meet.
	Principal, Key string
	// Fingerprint is an HMAC of the request's body.
	Fingerprint [32]byte
}

func (i Idempotency) columns() (principal, key *string, fingerprint []byte) {
	if i.Key == "" {
		return nil, nil, nil
	}
	return &i.Principal, &i.Key, i.Fingerprint[:]
}

// matches refuses a key that was used with another body.
func (i Idempotency) matches(fingerprint []byte) error {
	if subtle.ConstantTimeCompare(i.Fingerprint[:], fingerprint) == 1 {
		return nil
	}
	return fault.KeyReused()
}

func idempotencyInFlight() error {
	e := fault.New(fault.Conflict, "idempotency_in_flight",
		"A request with this Idempotency-Key is still running. Repeat it in a moment.")
	e.RetryAfter = retryLater
	return e
}
