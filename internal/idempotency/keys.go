package idempotency

import (
	"crypto/aes"
	"crypto/cipher"
	"crypto/hkdf"
	"crypto/hmac"
	"crypto/sha256"
	"encoding/base64"
	"encoding/binary"
	"encoding/json"
	"errors"
	"fmt"
)

const dataKeySize = 32

var errDataKey = errors.New("DATA_KEY must have 32 bytes")

// Keys are the secrets of this package, each derived from DATA_KEY for one purpose. With another DATA_KEY every name and
// fingerprint is another: records are not found, and the rows of requests from before no longer match a repeated body.
type Keys struct {
	naming      []byte
	fingerprint []byte
	sealing     []byte
}

// NewKeys derives the keys from the 32 bytes of DATA_KEY.
func NewKeys(dataKey []byte) (*Keys, error) {
	if len(dataKey) != dataKeySize {
		return nil, errDataKey
	}
	derived := make([][]byte, 0, 3)
	for _, purpose := range []string{"name", "fingerprint", "seal"} {
		key, err := hkdf.Key(sha256.New, dataKey, nil, "tillway/idempotency/"+purpose+"/v1", sha256.Size)
		if err != nil {
			return nil, fmt.Errorf("derive the %s key: %w", purpose, err)
		}
		derived = append(derived, key)
	}
	return &Keys{naming: derived[0], fingerprint: derived[1], sealing: derived[2]}, nil
}

// name is a scope's key in Redis. What a caller wrote is not in it, and the braces keep all of a request in one slot of a
// Cluster.
func (k *Keys) name(scope Scope) string {
	text := make([]byte, 0, 256)
	text = appendCount(appendText(appendText(text, scope.Principal), scope.Route), len(scope.PathIDs))
	for _, id := range scope.PathIDs {
		text = appendText(text, id)
	}
	mac := hmac.New(sha256.New, k.naming)
	_, _ = mac.Write(appendText(text, scope.Key)) // a hash never fails
	return "tillway:idempotency:{" + base64.RawURLEncoding.EncodeToString(mac.Sum(nil)) + "}"
}

// seal encrypts a record for its place in Redis. Each place has its own key, so that no key meets enough random nonces
// for two of them to be equal, however many records there are.
func (k *Keys) seal(name string, record Record) ([]byte, error) {
	aead, err := k.sealer(name)
	if err != nil {
		return nil, err
	}
	plain, err := json.Marshal(record)
	if err != nil {
		return nil, fmt.Errorf("encode record: %w", err)
	}
	return aead.Seal(nil, nil, plain, []byte(name)), nil //nolint:gosec // this AEAD draws its own nonce and takes none
}

// open reports false for anything that seal did not make for this name.
func (k *Keys) open(name string, sealed []byte) (Record, bool) {
	aead, err := k.sealer(name)
	if err != nil {
		return Record{}, false
	}
	plain, err := aead.Open(nil, nil, sealed, []byte(name))
	if err != nil {
		return Record{}, false
	}
	var record Record
	if err := json.Unmarshal(plain, &record); err != nil {
		return Record{}, false
	}
	return record, true
}

func (k *Keys) sealer(name string) (cipher.AEAD, error) {
	key, err := hkdf.Expand(sha256.New, k.sealing, name, dataKeySize)
	if err != nil {
		return nil, fmt.Errorf("derive a record's key: %w", err)
	}
	block, err := aes.NewCipher(key)
	if err != nil {
		return nil, fmt.Errorf("make a record's cipher: %w", err)
	}
	return cipher.NewGCMWithRandomNonce(block)
}

// appendText appends a text with its length before it, so that two fields never read as two others.
func appendText(to []byte, text string) []byte {
	return append(appendCount(to, len(text)), text...)
}

func appendCount(to []byte, n int) []byte {
	return binary.BigEndian.AppendUint64(to, uint64(n)) //nolint:gosec // a length is never negative
}
