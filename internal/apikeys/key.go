// Package apikeys owns the secret keys that callers of the API hold: making, listing and revoking them, and telling who
// presents one. What a role may do is decided by internal/api.
//
// A key is shown once, when it is made; only its SHA-256 is kept. A key has at least 160 bits of randomness, so a plain
// digest cannot be reversed by guessing. Its invariants: a revoked key opens nothing five seconds later, whatever
// process it is presented to; a revoked key never comes back; a key of test mode opens nothing in live mode, nor the
// other way round.
package apikeys

import (
	"crypto/sha256"
	"errors"
	"fmt"
	"io"
	"slices"
	"strings"
	"time"

	"tillway/internal/ids"
	"tillway/internal/postgres/dbsqlc"
)

// Role is what a key may do (API.md §1).
type Role string

// The roles.
const (
	// RoleStorefront creates orders and pays them.
	RoleStorefront Role = "storefront"
	// RoleOps reads everything and takes operators' actions.
	RoleOps Role = "ops"
	// RoleAdmin does both, and manages keys.
	RoleAdmin Role = "admin"
)

// Roles lists every role.
func Roles() []Role { return []Role{RoleStorefront, RoleOps, RoleAdmin} }

// Valid reports whether the text is a role.
func (r Role) Valid() bool { return slices.Contains(Roles(), r) }

// Key is one API key, without its secret.
type Key struct {
	ID   ids.APIKey
	Role Role
	Name string
	// Prefix is how the key begins, for people to tell keys apart.
	Prefix   string
	Livemode bool
	// Bootstrap: the key came from the configuration.
	Bootstrap bool
	CreatedAt time.Time
	// RevokedAt is zero while the key is good.
	RevokedAt time.Time
}

// Revoked reports whether the key has been taken back.
func (k Key) Revoked() bool { return !k.RevokedAt.IsZero() }

const (
	testPrefix, livePrefix = "sk_test_", "sk_live_"

	// randomChars of base62 are 190 bits; minRandomChars are 160.
	randomChars    = 32
	minRandomChars = 27
	// shownChars of a key are its prefix and four more, far from enough to guess the rest.
	shownChars = 12
	// maxChars bounds what is hashed on behalf of a stranger.
	maxChars = 255

	maxName = 100
)

func modePrefix(livemode bool) string {
	if livemode {
		return livePrefix
	}
	return testPrefix
}

// draw makes a fresh secret.
func draw(random io.Reader, livemode bool) (string, error) {
	const (
		alphabet = "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz"
		// Bytes from here on are thrown away: 256 is no multiple of 62, and a bias would cost bits.
		limit = 256 - 256%len(alphabet)
	)
	secret := []byte(modePrefix(livemode))
	want := len(secret) + randomChars
	buffer := make([]byte, 2*randomChars)
	for len(secret) < want {
		if _, err := io.ReadFull(random, buffer); err != nil {
			return "", fmt.Errorf("draw a key: %w", err)
		}
		for _, b := range buffer {
			if int(b) < limit && len(secret) < want {
				secret = append(secret, alphabet[int(b)%len(alphabet)])
			}
		}
	}
	return string(secret), nil
}

// checkBootstrap judges a key that a person wrote into the configuration. In test mode any text will do, since it guards
// nothing but pretend money; in live mode it must look like one that we made.
func checkBootstrap(secret string, livemode bool) error {
	switch {
	case secret == "" || len(secret) > maxChars:
		return fmt.Errorf("must have 1 to %d characters", maxChars)
	case strings.ContainsFunc(secret, func(r rune) bool { return r <= ' ' || r > '~' }):
		return errors.New("must be visible ASCII, or no header can carry it")
	case !livemode && strings.HasPrefix(secret, livePrefix):
		return errors.New("is a live key, and this installation is in test mode")
	case livemode && !strings.HasPrefix(secret, livePrefix):
		return errors.New("must begin with " + livePrefix + " in live mode")
	case livemode && len(secret) < len(livePrefix)+minRandomChars:
		return fmt.Errorf("must have at least %d random characters in live mode", minRandomChars)
	}
	return nil
}

// shown is the part of a secret that may be kept and displayed. A short one of test mode shows only half of itself.
func shown(secret string) string { return secret[:min(shownChars, len(secret)/2)] }

type digest [sha256.Size]byte

func digestOf(secret string) digest { return sha256.Sum256([]byte(secret)) }

// fromRow refuses what the code does not know rather than pass it on.
func fromRow(row dbsqlc.ApiKey) (Key, error) {
	key := Key{
		ID: ids.From[ids.APIKeyEntity](row.ID), Role: Role(row.Role), Name: row.Name, Prefix: row.Prefix,
		Livemode: row.Livemode, Bootstrap: row.Bootstrap, CreatedAt: row.CreatedAt.UTC(),
	}
	if row.RevokedAt != nil {
		key.RevokedAt = row.RevokedAt.UTC()
	}
	if !key.Role.Valid() {
		return Key{}, fmt.Errorf("read api key %s: unknown role %q", key.ID, row.Role)
	}
	return key, nil
}
