// Package seal keeps the provider's tokens unreadable where they lie: encrypted for the row that they lie in, and recognized
// by a keyed hash. Its keys are derived from DATA_KEY, each for one purpose.
package seal

import (
	"crypto/aes"
	"crypto/cipher"
	"crypto/hkdf"
	"crypto/hmac"
	"crypto/sha256"
	"errors"
	"fmt"

	"github.com/google/uuid"

	"tillway/internal/cards"
)

const dataKeySize = 32

// Sealer seals the tokens of one table. It is safe for concurrent use.
type Sealer struct {
	aead    cipher.AEAD
	digests []byte
}

// New makes the sealer of a table. Keys of different tables are different, and of one table always the same. The data key has
// 32 bytes.
func New(dataKey []byte, table string) (*Sealer, error) {
	if len(dataKey) != dataKeySize {
		return nil, errors.New("DATA_KEY must have 32 bytes")
	}
	sealing, sealErr := hkdf.Key(sha256.New, dataKey, nil, "tillway/"+table+"/seal/v1", sha256.Size)
	digests, digestErr := hkdf.Key(sha256.New, dataKey, nil, "tillway/"+table+"/digest/v1", sha256.Size)
	if err := errors.Join(sealErr, digestErr); err != nil {
		return nil, fmt.Errorf("derive the keys of tokens: %w", err)
	}
	block, err := aes.NewCipher(sealing)
	if err != nil {
		return nil, fmt.Errorf("make the cipher of tokens: %w", err)
	}
	aead, err := cipher.NewGCMWithRandomNonce(block)
	if err != nil {
		return nil, fmt.Errorf("make the cipher of tokens: %w", err)
	}
	return &Sealer{aead: aead, digests: digests}, nil
}

// Seal encrypts a token for its row (AES-256-GCM): in another row it cannot be opened.
func (s *Sealer) Seal(row uuid.UUID, token cards.Token) []byte {
	return s.aead.Seal(nil, nil, []byte(token.Reveal()), row[:]) //nolint:gosec // this AEAD draws its own nonce and takes none
}

// Open decrypts what Seal returned for the row. Any other text is an error.
func (s *Sealer) Open(row uuid.UUID, sealed []byte) (cards.Token, error) {
	plain, err := s.aead.Open(nil, nil, sealed, row[:])
	if err != nil {
		return cards.Token{}, fmt.Errorf("open the token of row %s: %w", row, err)
	}
	return cards.NewToken(string(plain)), nil
}

// Digest recognizes a token without keeping it (HMAC-SHA256).
func (s *Sealer) Digest(token cards.Token) []byte {
	mac := hmac.New(sha256.New, s.digests)
	_, _ = mac.Write([]byte(token.Reveal())) // a hash never fails
	return mac.Sum(nil)
}
