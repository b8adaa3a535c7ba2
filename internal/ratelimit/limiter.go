// Package ratelimit keeps two budgets, both shared by all processes through Redis: Limiter is what each caller may ask of
// us, Outbound is what we may ask of the payment provider. Redis may be slow or gone; each process then keeps the same
// budget alone, so that n processes together allow at most n times as much until it is back. Nothing here ever fails a
// request because Redis did.
//
// Both are GCRA, a token bucket that needs one number: the theoretical arrival time (TAT), at which the bucket would be
// full again. A call adds one emission interval to it, and may pass while it is at most a burst ahead of now.
package ratelimit

import (
	"cmp"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"time"

	"github.com/go-redis/redis_rate/v10"
	"github.com/redis/go-redis/v9"

	"tillway/internal/redisguard"
)

const (
	// defaultPatience is what Redis may cost a call when it hangs, outagePause how long nobody tries after that.
	defaultPatience = 75 * time.Millisecond
	outagePause     = time.Second
)

// errRate is the refusal of a budget that lets nothing through.
var errRate = errors.New("a rate limit must be at least 1 a second")

// The outcomes that LimiterOptions.Observe is told.
const (
	OutcomeAllowed      = "allowed"
	OutcomeLimited      = "limited"
	OutcomeLocalAllowed = "local_allowed" // by this process alone, without Redis
	OutcomeLocalLimited = "local_limited"
)

// Decision is what a caller is told, in headers of whole seconds: Reset and RetryAfter are rounded up to them.
type Decision struct {
	Allowed bool
	// Limit is the number of requests a second, and also how many may come at once.
	Limit int
	// Remaining is how many more may come now.
	Remaining int
	// Reset is when Remaining will be Limit again, if no more come.
	Reset time.Time
	// RetryAfter is 0 when allowed.
	RetryAfter time.Duration
}

// LimiterOptions are what a Limiter needs: Redis and PerSecond, each caller's budget. Patience is what a call may wait for
// Redis (default 75 ms). Observe, if set, counts outcomes.
type LimiterOptions struct {
	Redis     redis.UniversalClient
	PerSecond int
	Patience  time.Duration
	Observe   func(outcome string)
	Now       func() time.Time
}

// Limiter limits callers. It is safe for concurrent use.
type Limiter struct {
	shared  *redis_rate.Limiter
	guard   *redisguard.Guard
	local   *localLimiter
	limit   redis_rate.Limit
	observe func(outcome string)
	now     func() time.Time
}

// NewLimiter returns a limiter. The client must heed deadlines (ContextTimeoutEnabled).
func NewLimiter(opts LimiterOptions) (*Limiter, error) {
	if opts.PerSecond < 1 {
		return nil, errRate
	}
	if opts.Now == nil {
		opts.Now = time.Now
	}
	if opts.Observe == nil {
		opts.Observe = func(string) {}
	}
	guard, err := redisguard.New(opts.Redis, cmp.Or(opts.Patience, defaultPatience), outagePause, opts.Now)
	if err != nil {
		return nil, fmt.Errorf("rate limiter: %w", err)
	}
	return &Limiter{
		shared:  redis_rate.NewLimiter(opts.Redis),
		guard:   guard,
		local:   newLocalLimiter(opts.PerSecond),
		limit:   redis_rate.PerSecond(opts.PerSecond),
		observe: opts.Observe,
		now:     opts.Now,
	}, nil
}

// Allow takes one request from the budget of key: an API key's id, or an address where there is none.
func (l *Limiter) Allow(ctx context.Context, key string) Decision {
	var found *redis_rate.Result
	err := l.guard.Do(ctx, func(ctx context.Context) error {
		var err error
		found, err = l.shared.Allow(ctx, sharedName(key), l.limit)
		return err
	})
	if err != nil {
		v := l.local.allow(key, l.now())
		l.count(v.allowed, OutcomeLocalAllowed, OutcomeLocalLimited)
		return l.decide(v)
	}
	v := verdict{
		allowed: found.Allowed > 0, remaining: found.Remaining,
		resetAfter: found.ResetAfter, retryAfter: max(found.RetryAfter, 0),
	}
	l.count(v.allowed, OutcomeAllowed, OutcomeLimited)
	return l.decide(v)
}

// sharedName keeps whatever a key is made of out of Redis, and its length bounded.
func sharedName(key string) string {
	digest := sha256.Sum256([]byte(key))
	return "tillway:caller:" + hex.EncodeToString(digest[:16])
}

func (l *Limiter) count(allowed bool, yes, no string) {
	if allowed {
		l.observe(yes)
		return
	}
	l.observe(no)
}

func (l *Limiter) decide(v verdict) Decision {
	reset := l.now().Add(v.resetAfter)
	return Decision{
		Allowed:    v.allowed,
		Limit:      l.limit.Rate,
		Remaining:  v.remaining,
		Reset:      reset.Add(time.Second - time.Nanosecond).Truncate(time.Second),
		RetryAfter: (v.retryAfter + time.Second - time.Nanosecond).Truncate(time.Second),
	}
}
