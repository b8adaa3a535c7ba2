package ratelimit

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"sync"
	"sync/atomic"
	"time"

	"github.com/redis/go-redis/v9"

	"tillway/internal/fault"
	"tillway/internal/redisguard"
)

// ErrBusy is under the fault of a call that found no place in the budget.
var ErrBusy = errors.New("outbound call budget used up")

// errLane is the refusal of a lane that has no rule.
var errLane = errors.New("unknown lane")

// sharedBudget is the name of the budget in Redis: one hash, so that a script may read all of it in a Cluster.
const sharedBudget = "tillway:outbound"

// busyRetry is the hint with a refusal.
const busyRetry = time.Second

// The outcomes that OutboundOptions.Observe is told.
const (
	OutcomeGranted      = "granted"
	OutcomeLocalGranted = "local_granted" // by this process alone, without Redis
	OutcomeBusy         = "busy"          // no place in time
	OutcomeLeft         = "left"          // the context ended first
)

// OutboundOptions are what an Outbound needs: Redis and PerSecond, the most calls that the provider accepts from us.
// Patience is what a try may wait for Redis (default 75 ms). Observe, if set, is told each outcome and the wait for it.
type OutboundOptions struct {
	Redis     redis.UniversalClient
	PerSecond int
	Patience  time.Duration
	Observe   func(lane Lane, outcome string, waited time.Duration)
	Now       func() time.Time
}

// Outbound is the budget of calls to the provider. In any second at most PerSecond calls start (newPlans has the
// arithmetic); sales always have two fifths of it, and all of it while only renewals are due. Places are given in the order of
// booking. It is safe for concurrent use.
type Outbound struct {
	redis   redis.UniversalClient
	guard   *redisguard.Guard
	script  *redis.Script
	lanes   map[Lane]*laneState
	observe func(lane Lane, outcome string, waited time.Duration)
	now     func() time.Time

	mu   sync.Mutex
	tats map[string]int64 // of this process alone, while Redis is gone
}

// laneState is a lane with the number of those who wait for a place in it here.
type laneState struct {
	rule    lane
	plan    plan
	waiting atomic.Int64
}

// NewOutbound returns the budget. The client must heed deadlines (ContextTimeoutEnabled).
func NewOutbound(opts OutboundOptions) (*Outbound, error) {
	if opts.PerSecond < 1 {
		return nil, errRate
	}
	if opts.Now == nil {
		opts.Now = time.Now
	}
	if opts.Observe == nil {
		opts.Observe = func(Lane, string, time.Duration) {}
	}
	guard, err := redisguard.New(opts.Redis, cmp.Or(opts.Patience, defaultPatience), outagePause, opts.Now)
	if err != nil {
		return nil, fmt.Errorf("outbound rate limit: %w", err)
	}
	o := &Outbound{
		redis: opts.Redis, guard: guard, script: redis.NewScript(bookScript), observe: opts.Observe, now: opts.Now,
		lanes: make(map[Lane]*laneState), tats: make(map[string]int64),
	}
	plans := newPlans(opts.PerSecond)
	for name, rule := range rules() {
		o.lanes[name] = &laneState{rule: rule, plan: plans[name]}
	}
	return o, nil
}

// Acquire waits until a call may start. It fails with the fault provider_unavailable when there is no place in the time
// that the lane gives itself (a sale: at once, unless its place is within a second), and with ctx's cause when that ends;
// a place already booked is then lost. Whatever the error, nothing was sent.
func (o *Outbound) Acquire(ctx context.Context, name Lane) error {
	l, ok := o.lanes[name]
	if !ok {
		return fmt.Errorf("%w: %q", errLane, name)
	}
	began := o.now()
	l.waiting.Add(1)
	defer l.waiting.Add(-1)
	patient, cancel := context.WithTimeoutCause(ctx, l.rule.wait, ErrBusy)
	defer cancel()
	for ctx.Err() == nil {
		found, outcome := o.book(ctx, l.plan)
		if found.booked {
			return o.start(ctx, name, found, outcome, began)
		}
		if !pause(patient, l.retryAfter(found)) && ctx.Err() == nil {
			o.observe(name, OutcomeBusy, o.now().Sub(began))
			return fault.Down("provider_unavailable", busyRetry, fmt.Errorf("%w: %s", ErrBusy, name),
				"Too many calls to the payment provider are under way. Nothing was sent; try again in a moment.")
		}
	}
	return o.left(ctx, name, began)
}

// start waits for the booked time.
func (o *Outbound) start(ctx context.Context, name Lane, found booking, outcome string, began time.Time) error {
	if found.wait > 0 && !pause(ctx, time.Duration(found.wait)*time.Microsecond) {
		return o.left(ctx, name, began)
	}
	o.observe(name, outcome, o.now().Sub(began))
	return nil
}

func (o *Outbound) left(ctx context.Context, name Lane, began time.Time) error {
	o.observe(name, OutcomeLeft, o.now().Sub(began))
	return fmt.Errorf("wait to start a %s call: %w", name, context.Cause(ctx))
}

// pause reports whether the time passed before ctx ended.
func pause(ctx context.Context, d time.Duration) bool {
	if ctx.Err() != nil {
		return false
	}
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-timer.C:
		return true
	case <-ctx.Done():
		return false
	}
}

// retryAfter spreads those who wait over the time in which the lane's bucket could serve them all, so that their number
// does not multiply what they ask of Redis.
func (l *laneState) retryAfter(found booking) time.Duration {
	interval := l.plan.total.interval
	for _, share := range l.plan.shares {
		interval = max(interval, share.interval)
	}
	spread := rand.Int64N(interval*max(1, l.waiting.Load())) + 1 //nolint:gosec // not a secret
	return time.Duration(found.wait+spread) * time.Microsecond
}

// book tries once, in Redis or, without it, in this process.
func (o *Outbound) book(ctx context.Context, p plan) (booking, string) {
	var found booking
	err := o.guard.Do(ctx, func(ctx context.Context) error {
		reply, err := o.script.Run(ctx, o.redis, []string{sharedBudget}, p.args()...).Int64Slice()
		if err != nil {
			return err
		}
		if len(reply) != 2 {
			return fmt.Errorf("unexpected answer of %d parts from the booking script", len(reply))
		}
		found = booking{booked: reply[0] == 1, wait: reply[1]}
		return nil
	})
	if err == nil {
		return found, OutcomeGranted
	}
	o.mu.Lock()
	defer o.mu.Unlock()
	return p.book(o.tats, o.now().UnixMicro()), OutcomeLocalGranted
}
