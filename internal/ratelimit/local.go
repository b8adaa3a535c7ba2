package ratelimit

import (
	"hash/maphash"
	"sync"
	"time"
)

const (
	shards = 16
	// shardKeys bounds the memory that callers without number could take: about 5 MB in all.
	shardKeys = 4096
)

// verdict is what a bucket says of one request.
type verdict struct {
	allowed    bool
	remaining  int
	resetAfter time.Duration
	retryAfter time.Duration
}

// localLimiter decides as redis_rate does, for this process alone. Callers are spread over shards so that they seldom
// wait for one lock.
type localLimiter struct {
	interval time.Duration
	burst    time.Duration
	seed     maphash.Seed
	shards   [shards]shard
}

type shard struct {
	mu   sync.Mutex
	tats map[string]time.Time
}

func newLocalLimiter(perSecond int) *localLimiter {
	interval := time.Second / time.Duration(perSecond)
	l := &localLimiter{interval: interval, burst: interval * time.Duration(perSecond), seed: maphash.MakeSeed()}
	for i := range l.shards {
		l.shards[i].tats = make(map[string]time.Time)
	}
	return l
}

func (l *localLimiter) allow(key string, now time.Time) verdict {
	s := &l.shards[maphash.String(l.seed, key)%shards]
	s.mu.Lock()
	defer s.mu.Unlock()
	tat, known := s.tats[key]
	if tat.Before(now) {
		tat = now
	}
	next := tat.Add(l.interval)
	spare := l.burst - next.Sub(now)
	if spare < 0 {
		return verdict{resetAfter: tat.Sub(now), retryAfter: -spare}
	}
	if !known && len(s.tats) >= shardKeys {
		s.makeRoom(now)
	}
	s.tats[key] = next
	return verdict{allowed: true, remaining: int(spare / l.interval), resetAfter: next.Sub(now)}
}

// makeRoom forgets the callers whose buckets are full again, which changes nothing for them. When that is not a quarter of
// all, some start with a full bucket too early: better than growing without end, or than looking through all for each
// new one.
func (s *shard) makeRoom(now time.Time) {
	for key, tat := range s.tats {
		if !tat.After(now) {
			delete(s.tats, key)
		}
	}
	for key := range s.tats {
		if len(s.tats) <= shardKeys/4*3 {
			return
		}
		delete(s.tats, key)
	}
}
