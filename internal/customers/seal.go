package customers

import (
	"crypto/aes"
	"crypto/cipher"
	"crypto/hkdf"
	"crypto/hmac"
	"crypto/sha256"
	"errors"
	"fmt"

	"tillway/internal/cards"
	"tillway/internal/ids"
)

const dataKeySize = 32

// sealer keeps tokens unreadable where they lie. Its keys are derived from DATA_KEY, each for one purpose.
type sealer struct {
	aead    cipher.AEAD
	digests []byte
}

func newSealer(dataKey []byte) (*sealer, error) {
	if len(dataKey) != dataKeySize {
		return nil, errors.New("DATA_KEY must have 32 bytes")
	}
	seal, sealErr := hkdf.Key(sha256.New, dataKey, nil, "tillway/payment_methods/seal/v1", sha256.Size)
	digests, digestErr := hkdf.Key(sha256.New, dataKey, nil, "tillway/payment_methods/digest/v1", sha256.Size)
	if err := errors.Join(sealErr, digestErr); err != nil {
		return nil, fmt.Errorf("derive the keys of tokens: %w", err)
	}
	block, err := aes.NewCipher(seal)
	if err != nil {
		return nil, fmt.Errorf("make the cipher of tokens: %w", err)
	}
	aead, err := cipher.NewGCMWithRandomNonce(block)
	if err != nil {
		return nil, fmt.Errorf("make the cipher of tokens: %w", err)
	}
	return &sealer{aead: aead, digests: digests}, nil
}

// seal encrypts a token for its row: in another row it cannot be opened.
func (s *sealer) seal(id ids.PaymentMethod, token cards.Token) []byte {
	row := id.UUID()
	return s.aead.Seal(nil, nil, []byte(token.Reveal()), row[:]) //nolint:gosec // this AEAD draws its own nonce and takes none
}

func (s *sealer) open(id ids.PaymentMethod, sealed []byte) (cards.Token, error) {
	row := id.UUID()
	plain, err := s.aead.Open(nil, nil, sealed, row[:])
	if err != nil {
		return cards.Token{}, fmt.Errorf("open the token of %s: %w", id, err)
	}
	return cards.NewToken(string(plain)), nil
}

// digest recognizes a token without keeping it.
func (s *sealer) digest(token cards.Token) []byte {
	mac := hmac.New(sha256.New, s.digests)
	_, _ = mac.Write([]byte(token.Reveal())) // a hash never fails
	return mac.Sum(nil)
}
