package ratelimit

import (
	"context"
	"time"
)

// MostKeys is how many callers a process remembers without Redis.
const MostKeys = shards * shardKeys

// Local is the limiter without Redis.
type Local struct{ l *localLimiter }

// NewLocal returns one.
func NewLocal(perSecond int) Local { return Local{newLocalLimiter(perSecond)} }

// Allow takes one request.
func (l Local) Allow(key string, now time.Time) bool { return l.l.allow(key, now).allowed }

// Len counts the callers that are remembered.
func (l Local) Len() int {
	var n int
	for i := range l.l.shards {
		n += len(l.l.shards[i].tats)
	}
	return n
}

// Lanes are all of them, in order of urgency.
func Lanes() []Lane {
	return []Lane{LaneSale, LaneQuery, LaneRefund, LaneRenewal, LaneReconciliation}
}

// Budget is the arithmetic of Outbound on a clock of microseconds, without Redis and without waiting.
type Budget struct {
	plans map[Lane]plan
	tats  map[string]int64
}

// NewBudget returns one that nobody has used.
func NewBudget(perSecond int) *Budget {
	return &Budget{plans: newPlans(perSecond), tats: make(map[string]int64)}
}

// Book tries once.
func (b *Budget) Book(lane Lane, now int64) (booked bool, wait int64) {
	found := b.plans[lane].book(b.tats, now)
	return found.booked, found.wait
}

// Try is one try of an Outbound. Its outcome tells whether Redis answered.
func (o *Outbound) Try(ctx context.Context, lane Lane) (booked bool, wait int64, outcome string) {
	found, outcome := o.book(ctx, o.lanes[lane].plan)
	return found.booked, found.wait, outcome
}
