package idempotency

import (
	"bytes"
	"cmp"
	"crypto/hmac"
	"crypto/sha256"
	"encoding/json"
	"hash"
	"slices"
	"unicode/utf8"
)

// Fingerprint tells whether two requests with one key ask for the same: the HMAC of method, route and the body's meaning.
// Order of members, white space and escapes in strings do not count; the text of numbers does (1 is not 1.0), as does
// the order of repeated members. A body that is not JSON counts byte by byte.
//
// It is keyed because a body may hold a card number, and there are few enough of those to try them all on a plain hash.
func (k *Keys) Fingerprint(method, route string, body []byte) [32]byte {
	mac := hmac.New(sha256.New, k.fingerprint)
	writeField(mac, method)
	writeField(mac, route)
	if utf8.Valid(body) && json.Valid(body) {
		writeField(mac, digestJSON(body))
	} else {
		writeField(mac, tagRaw+string(body))
	}
	return [32]byte(mac.Sum(nil))
}

// What a digest's first byte says of the rest.
const (
	tagRaw     = "r"
	tagObject  = "o"
	tagArray   = "a"
	tagString  = "s"
	tagNumber  = "n"
	tagLiteral = "l"
)

// digestJSON returns the canonical digest of a valid document: a scalar is its own text, an object or array the hash of
// its members' digests. Hashing level by level keeps the work linear in the size of a body however deep it is nested.
func digestJSON(body []byte) string {
	decoder := json.NewDecoder(bytes.NewReader(body))
	decoder.UseNumber()
	return digestValue(decoder)
}

func digestValue(decoder *json.Decoder) string {
	token, err := decoder.Token()
	if err != nil {
		return "" // not reached: the document is valid
	}
	switch value := token.(type) {
	case json.Delim:
		if value == '{' {
			return digestObject(decoder)
		}
		return digestArray(decoder)
	case string:
		return tagString + value
	case json.Number:
		return tagNumber + value.String()
	case bool:
		if value {
			return tagLiteral + "true"
		}
		return tagLiteral + "false"
	}
	return tagLiteral + "null"
}

func digestArray(decoder *json.Decoder) string {
	h := sha256.New()
	for decoder.More() {
		writeField(h, digestValue(decoder))
	}
	return closed(decoder, tagArray, h)
}

func digestObject(decoder *json.Decoder) string {
	type member struct{ name, digest string }
	var members []member
	for decoder.More() {
		name := digestValue(decoder)
		members = append(members, member{name, digestValue(decoder)})
	}
	slices.SortStableFunc(members, func(a, b member) int { return cmp.Compare(a.name, b.name) })
	h := sha256.New()
	for _, m := range members {
		writeField(h, m.name)
		writeField(h, m.digest)
	}
	return closed(decoder, tagObject, h)
}

// closed reads the closing delimiter and returns the digest of what it closes.
func closed(decoder *json.Decoder, tag string, h hash.Hash) string {
	_, _ = decoder.Token() // a valid document closes what it opens
	return tag + string(h.Sum(nil))
}
