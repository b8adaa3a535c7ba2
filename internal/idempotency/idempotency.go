// Package idempotency is the fast half of Idempotency-Key (API.md §1): it remembers in Redis which key is in use and
// what was answered. The other half is PostgreSQL: the row that a request creates carries principal, route, key and
// fingerprint under a unique constraint, and the domain that owns the row looks it up. This package never decides alone
// that money may move.
//
// What it holds to:
//
//   - Of any number of requests with one key, Begin gives one a lease; the others get the stored answer, or a fault.
//   - A lease ends: when its owner died, the next request takes the key over with a higher fence, and whatever the old
//     owner still writes is refused.
//   - Redis may be slow, gone, flushed or behind. Begin then gives a degraded lease within a bounded time, and the request
//     goes on with PostgreSQL alone.
//   - Redis sees no caller's text and no answer in the clear: names are HMACs, answers are sealed. Card data is in
//     neither: of a request's body only the keyed fingerprint leaves this package.
package idempotency

import (
	"cmp"
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"time"

	"github.com/redis/go-redis/v9"

	"tillway/internal/fault"
	"tillway/internal/redisguard"
)

const (
	// MaxBody is the largest answer that is kept; a larger one is rebuilt from its row.
	MaxBody = 1 << 20

	retention    = 24 * time.Hour
	defaultLease = time.Minute
	// defaultPatience is what Redis may cost a request when it hangs, outagePause how long nobody tries after that.
	defaultPatience = 250 * time.Millisecond
	outagePause     = time.Second
	// inFlightRetry is the hint to a caller whose twin is still running.
	inFlightRetry = time.Second
)

var (
	// ErrLeaseLost refuses a lease that is no longer the key's: taken over, or Redis was flushed. The answer is not kept
	// and need not be: the row can rebuild it.
	ErrLeaseLost = errors.New("idempotency lease lost")
	// ErrDegraded says that Redis could not be asked. The same holds.
	ErrDegraded = errors.New("idempotency without redis")
	// ErrTooLarge says that the answer exceeds MaxBody; its key is free again for PostgreSQL to decide.
	ErrTooLarge = errors.New("answer too large to keep")
)

// The outcomes that Options.Observe is told.
const (
	OutcomeFresh      = "fresh"      // the key was unused
	OutcomeTakeover   = "takeover"   // its owner's lease had ended
	OutcomeReplay     = "replay"     // the stored answer was given
	OutcomeInFlight   = "in_flight"  // its owner is still at work
	OutcomeReused     = "reused"     // it was used for another body
	OutcomeUnreadable = "unreadable" // the stored answer could not be opened; a takeover follows
	OutcomeDegraded   = "degraded"   // Redis could not be asked
	OutcomeFinished   = "finished"   // an answer was stored
	OutcomeAbandoned  = "abandoned"  // a key was given back
	OutcomeLost       = "lost"       // an answer came after its lease was gone
	OutcomeTooLarge   = "too_large"  // an answer was not stored for its size
)

// Record is an answer as it is kept. Final says that the answer stands for good; of one that is not (a 202) only
// ResourceID matters, since the resource has moved on.
type Record struct {
	Status     int    `json:"status"`
	Body       []byte `json:"body"`
	Final      bool   `json:"final"`
	ResourceID string `json:"resource_id"`
}

// Keep reports whether an answer with this HTTP status is kept under its key. After one that is not, the same key may
// be used again: nothing was created, or what was is found by its row.
func Keep(status int) bool {
	switch status {
	case 400, 401, 403, 404, 429:
		return false
	}
	return status < 500
}

// Lease is the right to execute a request under its key, and to store the answer. The fence counts the owners that the
// key has had. A degraded lease gives no such right: the row in PostgreSQL decides.
type Lease struct {
	Fence    int64
	Degraded bool

	name  string
	owner string
}

// Options are what a Store needs: Redis and Keys. Lease is how long an owner may take before it counts as dead (default one
// minute: more than a request waits for the provider), Patience what a call may wait for Redis (default 250 ms). Observe,
// if set, counts outcomes.
type Options struct {
	Redis    redis.UniversalClient
	Keys     *Keys
	Lease    time.Duration
	Patience time.Duration
	Observe  func(outcome string)
	Now      func() time.Time
}

// Store keeps keys and answers in Redis. It is safe for concurrent use.
type Store struct {
	redis   redis.UniversalClient
	keys    *Keys
	guard   *redisguard.Guard
	lease   time.Duration
	observe func(outcome string)

	begin, finish, abandon *redis.Script
}

// New returns a store. The client must heed deadlines (ContextTimeoutEnabled).
func New(opts Options) (*Store, error) {
	if opts.Now == nil {
		opts.Now = time.Now
	}
	if opts.Observe == nil {
		opts.Observe = func(string) {}
	}
	opts.Lease = cmp.Or(opts.Lease, defaultLease)
	guard, err := redisguard.New(opts.Redis, cmp.Or(opts.Patience, defaultPatience), outagePause, opts.Now)
	if err != nil {
		return nil, fmt.Errorf("idempotency store: %w", err)
	}
	return &Store{
		redis: opts.Redis, keys: opts.Keys, guard: guard, lease: opts.Lease, observe: opts.Observe,
		begin:   redis.NewScript(beginScript),
		finish:  redis.NewScript(finishScript),
		abandon: redis.NewScript(abandonScript),
	}, nil
}

// Begin claims the key of a request. It returns a lease to execute under, or the record of the finished answer, or a
// fault: idempotency_key_reused (another body) or idempotency_in_flight. Any other error means that ctx ended.
func (s *Store) Begin(ctx context.Context, scope Scope, fingerprint [32]byte) (Lease, *Record, error) {
	lease := Lease{name: s.keys.name(scope), owner: rand.Text()}
	claim, err := s.claim(ctx, lease, fingerprint, 0)
	if err == nil && claim.state == stateDone {
		if record, ok := s.keys.open(lease.name, claim.sealed); ok {
			s.observe(OutcomeReplay)
			return Lease{}, &record, nil
		}
		// Sealed under another DATA_KEY, or damaged: no answer at all is what PostgreSQL can mend.
		s.observe(OutcomeUnreadable)
		claim, err = s.claim(ctx, lease, fingerprint, claim.fence)
	}
	if err != nil {
		return s.degrade(ctx, lease, err)
	}
	lease.Fence = claim.fence
	return s.decide(lease, claim.state)
}

// degrade goes on without Redis, unless it is the caller who is gone.
func (s *Store) degrade(ctx context.Context, lease Lease, cause error) (Lease, *Record, error) {
	if ctx.Err() != nil {
		return Lease{}, nil, fmt.Errorf("begin idempotent request: %w", cause)
	}
	s.observe(OutcomeDegraded)
	lease.Degraded = true
	return lease, nil, nil
}

// decide turns what the script found into Begin's answer.
func (s *Store) decide(lease Lease, state string) (Lease, *Record, error) {
	switch state {
	case stateFresh:
		s.observe(OutcomeFresh)
		return lease, nil, nil
	case stateTakeover:
		s.observe(OutcomeTakeover)
		return lease, nil, nil
	case stateReused:
		s.observe(OutcomeReused)
		return Lease{}, nil, fault.KeyReused()
	}
	// Running, or finished by another between our two looks: either way the caller's next try finds out.
	s.observe(OutcomeInFlight)
	return Lease{}, nil, InFlight()
}

// Finish stores the answer of a lease. It is called when the answer exists, so it does not end with the caller's ctx.
// Its errors (ErrLeaseLost, ErrDegraded, ErrTooLarge) are worth counting and change nothing for the caller.
func (s *Store) Finish(ctx context.Context, lease Lease, record Record) error {
	if len(record.Body) > MaxBody {
		s.observe(OutcomeTooLarge)
		return errors.Join(ErrTooLarge, s.Abandon(ctx, lease))
	}
	sealed, err := s.keys.seal(lease.name, record)
	if err != nil {
		return fmt.Errorf("finish idempotent request: %w", err)
	}
	return s.end(ctx, lease, OutcomeFinished, s.finish, sealed, retention.Milliseconds())
}

// Abandon gives the key back, for an answer that is not kept (see Keep): the next request with it starts anew.
func (s *Store) Abandon(ctx context.Context, lease Lease) error {
	return s.end(ctx, lease, OutcomeAbandoned, s.abandon)
}

// end runs the script that ends a lease. A degraded lease tries too and does not care: when Begin's script had run and
// only its answer was late, the key need not stay blocked until the lease ends.
func (s *Store) end(ctx context.Context, lease Lease, outcome string, script *redis.Script, args ...any) error {
	args = append([]any{lease.owner, lease.Fence}, args...)
	var owned bool
	err := s.guard.Do(context.WithoutCancel(ctx), func(ctx context.Context) error {
		var err error
		owned, err = script.Run(ctx, s.redis, []string{lease.name}, args...).Bool()
		return err
	})
	switch {
	case lease.Degraded:
		return nil
	case err != nil:
		s.observe(OutcomeDegraded)
		return fmt.Errorf("%w: %w", ErrDegraded, err)
	case !owned:
		s.observe(OutcomeLost)
		return ErrLeaseLost
	}
	s.observe(outcome)
	return nil
}
