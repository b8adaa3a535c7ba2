// Package redisguard bounds what Redis may cost a request when it is slow or gone. Redis only makes the service faster,
// so whoever uses it has a way to do without; a Guard decides when to take that way: each call has a short deadline, and
// after a failed one nobody tries again for a moment. An outage then costs one caller one deadline per pause, and all
// others nothing. It owns no connection and knows nothing of what the calls do.
package redisguard

import (
	"context"
	"errors"
	"fmt"
	"sync/atomic"
	"time"

	"github.com/redis/go-redis/v9"
)

// ErrPaused is returned without trying while an outage is being waited out.
var ErrPaused = errors.New("redis failed a moment ago")

// errSlow is the cause of a call that the guard ended.
var errSlow = errors.New("redis did not answer in time")

// errTimeouts is the refusal of a client that no deadline reaches.
var errTimeouts = errors.New("the redis client must have ContextTimeoutEnabled, or its deadlines do nothing")

// Guard lets calls through to Redis while it answers. It is safe for concurrent use.
type Guard struct {
	timeout time.Duration
	pause   time.Duration
	now     func() time.Time
	// retryAt is 0 while Redis answers, else the time (unix nanoseconds) from which one caller may try again.
	retryAt atomic.Int64
}

// New returns a guard for a client: no call takes longer than timeout, and after a failure none is made for pause. It
// refuses a client that would not heed the deadline.
func New(client redis.UniversalClient, timeout, pause time.Duration, now func() time.Time) (*Guard, error) {
	switch c := client.(type) {
	case *redis.Client:
		if !c.Options().ContextTimeoutEnabled {
			return nil, errTimeouts
		}
	case *redis.ClusterClient:
		if !c.Options().ContextTimeoutEnabled {
			return nil, errTimeouts
		}
	}
	return &Guard{timeout: timeout, pause: pause, now: now}, nil
}

// Do makes a call with the guard's deadline. The error is ErrPaused when none was made. When ctx itself ended, the error
// says so and does not count against Redis.
func (g *Guard) Do(ctx context.Context, call func(ctx context.Context) error) error {
	if !g.admit() {
		return ErrPaused
	}
	bounded, cancel := context.WithTimeoutCause(ctx, g.timeout, errSlow)
	defer cancel()
	err := call(bounded)
	switch {
	case err == nil:
		g.retryAt.Store(0)
		return nil
	case ctx.Err() != nil:
		return fmt.Errorf("%w: %w", context.Cause(ctx), err)
	}
	g.retryAt.Store(g.now().Add(g.pause).UnixNano())
	if cause := context.Cause(bounded); cause != nil {
		return fmt.Errorf("%w: %w", cause, err)
	}
	return err
}

// admit lets everybody pass while Redis answers, and after each pause one: the others would only wait with it.
func (g *Guard) admit() bool {
	retryAt := g.retryAt.Load()
	if retryAt == 0 {
		return true
	}
	now := g.now()
	return now.UnixNano() >= retryAt && g.retryAt.CompareAndSwap(retryAt, now.Add(g.pause).UnixNano())
}
