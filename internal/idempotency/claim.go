package idempotency

import (
	"crypto/subtle"

	"tillway/internal/fault"
)

// Claim is the caller's key for one request, kept on the row that the request creates: it makes a repetition safe for as long
// as the row lives, with or without Redis (design §7). The zero value means that the caller sent none.
type Claim struct {
	// Principal is who sent the key; keys of different principals never meet.
	Principal, Key string
	// Fingerprint is an HMAC of the request's body.
	Fingerprint [32]byte
}

// Columns are the claim as a row keeps it, all NULL for none.
func (c Claim) Columns() (principal, key *string, fingerprint []byte) {
	if c.Key == "" {
		return nil, nil, nil
	}
	return &c.Principal, &c.Key, c.Fingerprint[:]
}

// Matches refuses a key that was used with another body: a fault Refused idempotency_key_reused.
func (c Claim) Matches(fingerprint []byte) error {
	if subtle.ConstantTimeCompare(c.Fingerprint[:], fingerprint) == 1 {
		return nil
	}
	return fault.KeyReused()
}

// InFlight refuses a repetition while the first request still runs: a fault Conflict idempotency_in_flight.
func InFlight() error {
	e := fault.New(fault.Conflict, "idempotency_in_flight",
		"A request with this %s is still running. Repeat it in a moment to get its answer.", Header)
	e.RetryAfter = inFlightRetry
	return e
}
