package apikeys

import (
	"sync"
	"time"

	"tillway/internal/ids"
)

const (
	// knownFor is how long a good key is believed without asking, hence how long a revocation may take to arrive.
	knownFor = 5 * time.Second
	// unknownFor is how long a wrong key is refused without asking. It only blunts a flood of one key; a key made
	// meanwhile must work soon.
	unknownFor = time.Second

	// Each side has its own bound, so that wrong keys cannot push good ones out.
	maxKnown   = 4096
	maxUnknown = 1024
)

// cache remembers recent answers, good and bad, by digest. The secrets themselves are not kept.
type cache struct {
	mu      sync.Mutex
	known   map[digest]known
	unknown map[digest]time.Time // when it may be asked again
}

type known struct {
	key   Key
	until time.Time
}

func newCache() *cache {
	return &cache{known: map[digest]known{}, unknown: map[digest]time.Time{}}
}

// get returns what is remembered at the given time; the zero key stands for "no such key".
func (c *cache) get(sum digest, now time.Time) (Key, bool) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if entry, hit := c.known[sum]; hit && now.Before(entry.until) {
		return entry.key, true
	}
	if until, hit := c.unknown[sum]; hit && now.Before(until) {
		return Key{}, true
	}
	return Key{}, false
}

// put remembers an answer that was true at the given time.
func (c *cache) put(sum digest, key Key, asked time.Time) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if key.ID.IsZero() {
		makeRoom(c.unknown, maxUnknown, func(until time.Time) bool { return asked.Before(until) })
		c.unknown[sum] = asked.Add(unknownFor)
		delete(c.known, sum)
		return
	}
	makeRoom(c.known, maxKnown, func(entry known) bool { return asked.Before(entry.until) })
	c.known[sum] = known{key: key, until: asked.Add(knownFor)}
	delete(c.unknown, sum)
}

// forget drops a key that has just been revoked.
func (c *cache) forget(id ids.APIKey) {
	c.mu.Lock()
	defer c.mu.Unlock()
	for sum, entry := range c.known {
		if entry.key.ID == id {
			delete(c.known, sum)
		}
	}
}

// makeRoom keeps a map under its bound: when full, what has gone stale leaves, else any one entry does.
func makeRoom[V any](entries map[digest]V, limit int, fresh func(V) bool) {
	if len(entries) < limit {
		return
	}
	for sum, entry := range entries {
		if !fresh(entry) {
			delete(entries, sum)
		}
	}
	for sum := range entries {
		if len(entries) < limit {
			return
		}
		delete(entries, sum)
	}
}
