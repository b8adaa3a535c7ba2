package onerway

import (
	"crypto/hmac"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"slices"
)

// ErrBadSignature says that no signature on a message was made with one of our secrets.
var ErrBadSignature = errors.New("bad signature")

// Secrets are the merchant's signing keys. Previous is empty except while a key is being rotated.
type Secrets struct {
	Current  Sensitive
	Previous Sensitive
}

// usable lists the secrets that may vouch for a message, newest first. An empty one never does: its signatures can be
// made by anybody.
func (s Secrets) usable() []Sensitive {
	usable := make([]Sensitive, 0, 2)
	for _, secret := range []Sensitive{s.Current, s.Previous} {
		if !secret.Empty() {
			usable = append(usable, secret)
		}
	}
	return usable
}

// Sign computes the signature of a message (§3.1): the values of all participating, non-empty members, in byte order
// of their names and without separators, then the secret, hashed with SHA-256 and written as lower-case hex.
//
// The scheme is a plain hash with neither separators nor a timestamp. It therefore proves less than an HMAC would: who
// verifies a message must still compare ids, amount and currency with his own record.
func Sign(fields Fields, excluded func(name string) bool, secret Sensitive) string {
	const usual = 48 // members of a long message: their names are sorted on the stack
	names, length := make([]string, 0, usual), len(secret.Reveal())
	for name, value := range fields {
		if value != "" && !excluded(name) {
			names = append(names, name)
			length += len(value)
		}
	}
	slices.Sort(names)
	input := make([]byte, 0, length)
	for _, name := range names {
		input = append(input, fields[name]...)
	}
	digest := sha256.Sum256(append(input, secret.Reveal()...))
	return hex.EncodeToString(digest[:])
}

// ExcludedFromRequest tells whether a request member does not participate (§3.2). The signature is the only one:
// cardInfo, originTransactionId and all the rest are signed.
func ExcludedFromRequest(name string) bool { return name == "sign" }

// ExcludedFromResponse tells whether a member of a response's data does not participate (§3.3). No table states that
// actionType is left out; recorded answers reproduce only that way.
func ExcludedFromResponse(name string) bool { return name == "sign" || name == "actionType" }

// ExcludedFromNotification tells whether a notification member does not participate (§3.4). It is a list of
// exclusions, never of inclusions: members added by the provider later are signed from their first day.
func ExcludedFromNotification(name string) bool {
	switch name {
	case "originTransactionId", "originMerchantTxnId", "customsDeclarationAmount", "customsDeclarationCurrency",
		"paymentMethod", "walletTypeName", "periodValue", "tokenExpireTime", "sign":
		return true
	default:
		return false
	}
}

// ResponseRule names the reading of §3.3 under which an answer's signature was found good.
type ResponseRule string

// The readings of §3.3, in the order in which they are tried.
const (
	RuleStandard ResponseRule = "standard"
	// RuleLenient also leaves out three members that were null in every recorded answer, so that nobody could see
	// whether they participate.
	RuleLenient ResponseRule = "lenient"
)

func excludedLeniently(name string) bool {
	switch name {
	case "codeForm", "presentContext", "periodValue":
		return true
	default:
		return ExcludedFromResponse(name)
	}
}

// VerifyResponse checks the signature of a response's data and says which rule held.
func VerifyResponse(data Fields, secrets Secrets) (ResponseRule, error) {
	for _, secret := range secrets.usable() {
		if sameSignature(data["sign"], Sign(data, ExcludedFromResponse, secret)) {
			return RuleStandard, nil
		}
		if sameSignature(data["sign"], Sign(data, excludedLeniently, secret)) {
			return RuleLenient, nil
		}
	}
	return "", ErrBadSignature
}

// sameSignature compares in constant time. Upper-case hex differs: the provider writes lower case, and one accepted
// spelling leaves one thing to reason about.
func sameSignature(given, computed string) bool {
	var left, right [2 * sha256.Size]byte // what good ones fit into, without allocating
	return hmac.Equal(append(left[:0], given...), append(right[:0], computed...))
}
