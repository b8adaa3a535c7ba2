package apikeys

import (
	"context"
	"crypto/subtle"
	"errors"
	"fmt"
	"strings"
	"time"

	"tillway/internal/fault"
	"tillway/internal/postgres"
	"tillway/internal/postgres/dbsqlc"
)

// lookupTimeout bounds a look-up, which outlives the caller that began it for the sake of those who wait with it.
const lookupTimeout = 3 * time.Second

// Authenticate tells whose secret this is. It returns a fault of kind Unauthorized (invalid_api_key) for a secret that
// is unknown, revoked, malformed or of the other mode. A known key costs no query for up to five seconds; otherwise one
// query, however many callers wait for the same key.
func (s *Service) Authenticate(ctx context.Context, secret string) (Key, error) {
	if !s.plausible(secret) {
		return Key{}, s.invalid(secret)
	}
	sum := digestOf(secret)
	if key, hit := s.cache.get(sum, s.now()); hit {
		return s.judge(key, secret)
	}
	flight := s.flights.DoChan(string(sum[:]), func() (any, error) {
		ctx, cancel := context.WithTimeoutCause(context.WithoutCancel(ctx), lookupTimeout,
			errors.New("the look-up of the API key took too long"))
		defer cancel()
		return s.lookup(ctx, sum)
	})
	select {
	case <-ctx.Done():
		return Key{}, fmt.Errorf("authenticate: %w", context.Cause(ctx))
	case result := <-flight:
		if result.Err != nil {
			return Key{}, fmt.Errorf("authenticate: %w", result.Err)
		}
		key, ok := result.Val.(Key)
		if !ok {
			return Key{}, fmt.Errorf("authenticate: look-up returned %T", result.Val)
		}
		return s.judge(key, secret)
	}
}

// judge turns the zero key, which stands for "no such key", into the refusal.
func (s *Service) judge(key Key, secret string) (Key, error) {
	if key.ID.IsZero() {
		return Key{}, s.invalid(secret)
	}
	return key, nil
}

// lookup asks PostgreSQL. What it learns is as old as the moment before the question, so that a slow answer does not
// lengthen the life of a key that is revoked meanwhile.
func (s *Service) lookup(ctx context.Context, sum digest) (Key, error) {
	asked := s.now()
	if key, hit := s.cache.get(sum, asked); hit { // the flight before this one has just landed
		return key, nil
	}
	row, err := s.queries.APIKeyByDigest(ctx, dbsqlc.APIKeyByDigestParams{Digest: sum[:], Livemode: s.livemode})
	if postgres.IsNoRows(err) {
		s.cache.put(sum, Key{}, asked)
		return Key{}, nil
	}
	if err != nil {
		return Key{}, fmt.Errorf("look up api key: %w", postgres.Translate(err))
	}
	// The index already compared the digests; this holds even if the query is changed one day.
	if subtle.ConstantTimeCompare(row.Digest, sum[:]) != 1 {
		return Key{}, errors.New("look up api key: the row has another digest")
	}
	key, err := fromRow(row)
	if err != nil {
		return Key{}, err
	}
	s.cache.put(sum, key, asked)
	return key, nil
}

// plausible spares the database what cannot be a key.
func (s *Service) plausible(secret string) bool {
	return secret != "" && len(secret) <= maxChars && !strings.HasPrefix(secret, modePrefix(!s.livemode))
}

func (s *Service) invalid(secret string) error {
	switch {
	case s.livemode && strings.HasPrefix(secret, testPrefix):
		return fault.New(fault.Unauthorized, "invalid_api_key", "This is a test key, and this installation is in live mode.")
	case !s.livemode && strings.HasPrefix(secret, livePrefix):
		return fault.New(fault.Unauthorized, "invalid_api_key", "This is a live key, and this installation is in test mode.")
	}
	return fault.New(fault.Unauthorized, "invalid_api_key",
		"No such API key, or it has been revoked. Send a secret key as Authorization: Bearer %s….", modePrefix(s.livemode))
}
