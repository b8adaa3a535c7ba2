package apikeys

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"io"
	"strings"
	"time"
	"unicode/utf8"

	"github.com/jackc/pgx/v5/pgxpool"
	"golang.org/x/sync/singleflight"

	"tillway/internal/fault"
	"tillway/internal/ids"
	"tillway/internal/postgres"
	"tillway/internal/postgres/dbsqlc"
)

// Options adjust the service. The zero value is test mode on the system's clock and randomness.
type Options struct {
	// Livemode: the installation moves real money. Only keys of the same mode are made and accepted.
	Livemode bool
	// Now is the clock, time.Now when nil.
	Now func() time.Time
	// Random is where keys come from, crypto/rand when nil.
	Random io.Reader
}

// Service keeps the API keys of one installation. It is safe for concurrent use.
type Service struct {
	queries  *dbsqlc.Queries
	livemode bool
	now      func() time.Time
	random   io.Reader
	cache    *cache
	flights  singleflight.Group
}

// New returns a service on the pool.
func New(pool *pgxpool.Pool, opts Options) *Service {
	if opts.Now == nil {
		opts.Now = time.Now
	}
	if opts.Random == nil {
		opts.Random = rand.Reader
	}
	return &Service{
		queries: dbsqlc.New(pool), livemode: opts.Livemode, now: opts.Now, random: opts.Random, cache: newCache(),
	}
}

// Create makes a key and returns it with its secret, which is not kept and cannot be shown again.
func (s *Service) Create(ctx context.Context, role Role, name string) (Key, string, error) {
	switch {
	case !role.Valid():
		return Key{}, "", fault.InvalidParam("role", "role must be storefront, ops or admin.")
	case utf8.RuneCountInString(name) > maxName, !utf8.ValidString(name), strings.ContainsRune(name, 0):
		return Key{}, "", fault.InvalidParam("name", "name must be text of at most %d characters.", maxName)
	}
	secret, err := draw(s.random, s.livemode)
	if err != nil {
		return Key{}, "", err
	}
	key := Key{
		ID: ids.New[ids.APIKeyEntity](), Role: role, Name: name, Prefix: shown(secret), Livemode: s.livemode,
		CreatedAt: s.now().UTC().Truncate(time.Microsecond), // what PostgreSQL keeps
	}
	sum := digestOf(secret)
	err = s.queries.APIKeyInsert(ctx, dbsqlc.APIKeyInsertParams{
		ID: key.ID.UUID(), Role: string(role), Name: name, Prefix: key.Prefix, Digest: sum[:], Livemode: s.livemode,
		CreatedAt: key.CreatedAt,
	})
	if err != nil {
		return Key{}, "", fmt.Errorf("create api key %s: %w", key.ID, postgres.Translate(err))
	}
	return key, secret, nil
}

// List returns every key, the revoked ones too, newest first.
func (s *Service) List(ctx context.Context) ([]Key, error) {
	rows, err := s.queries.APIKeyList(ctx)
	if err != nil {
		return nil, fmt.Errorf("list api keys: %w", postgres.Translate(err))
	}
	keys := make([]Key, 0, len(rows))
	for _, row := range rows {
		key, err := fromRow(row)
		if err != nil {
			return nil, err
		}
		keys = append(keys, key)
	}
	return keys, nil
}

// Revoke takes a key back for good; every process refuses it within five seconds. Revoking a revoked key succeeds and
// changes nothing.
func (s *Service) Revoke(ctx context.Context, id ids.APIKey) (Key, error) {
	row, err := s.queries.APIKeyRevoke(ctx, dbsqlc.APIKeyRevokeParams{ID: id.UUID(), RevokedAt: s.now()})
	if postgres.IsNoRows(err) {
		return Key{}, fault.Missing("api_key", id.String())
	}
	if err != nil {
		return Key{}, fmt.Errorf("revoke api key %s: %w", id, postgres.Translate(err))
	}
	s.cache.forget(id)
	return fromRow(row)
}

// BootstrapKey is a key that the configuration brings (API_KEYS).
type BootstrapKey struct {
	Role   Role
	Secret string
}

// String keeps the secret out of formatted text.
func (k BootstrapKey) String() string { return "bootstrap key of role " + string(k.Role) }

// GoString keeps the secret out of %#v.
func (k BootstrapKey) GoString() string { return k.String() }

// Bootstrap makes sure that the configured keys exist, in one statement. It may run at every start, in every process:
// a key that is there takes the configured role, a revoked one stays revoked, and none is ever removed. A fault names
// the key by its place in the list, since the key itself is secret.
func (s *Service) Bootstrap(ctx context.Context, keys []BootstrapKey) error {
	params := dbsqlc.APIKeyBootstrapParams{Livemode: s.livemode, CreatedAt: s.now()}
	var faults []error
	seen := make(map[digest]bool, len(keys))
	for i, key := range keys {
		if !key.Role.Valid() {
			faults = append(faults, fmt.Errorf("bootstrap key %d: unknown role", i+1))
			continue
		}
		if err := checkBootstrap(key.Secret, s.livemode); err != nil {
			faults = append(faults, fmt.Errorf("bootstrap key %d %w", i+1, err))
			continue
		}
		sum := digestOf(key.Secret)
		if seen[sum] {
			faults = append(faults, fmt.Errorf("bootstrap key %d repeats an earlier one", i+1))
			continue
		}
		seen[sum] = true
		params.Ids = append(params.Ids, ids.New[ids.APIKeyEntity]().UUID())
		params.Roles = append(params.Roles, string(key.Role))
		params.Prefixes = append(params.Prefixes, shown(key.Secret))
		params.Digests = append(params.Digests, sum[:])
	}
	if len(faults) > 0 {
		return errors.Join(faults...)
	}
	if len(params.Ids) == 0 {
		return nil
	}
	if err := s.queries.APIKeyBootstrap(ctx, params); err != nil {
		return fmt.Errorf("bootstrap api keys: %w", postgres.Translate(err))
	}
	return nil
}
