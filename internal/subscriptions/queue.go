package subscriptions

import (
	"bytes"
	"sync"
	"time"

	"github.com/google/uuid"
)

// lookBack is how often a queue is read from its beginning, and how far back one is read that had come to its end. Who is at work on a
// row while it is claimed, or writes an older time and commits later, is found no later than that.
const lookBack = 15 * time.Second

// place is a place in a queue: when a row is due, and its id, since many may be due at one instant.
type place struct {
	at time.Time
	id uuid.UUID
}

func (p place) before(other place) bool {
	if c := p.at.Compare(other.at); c != 0 {
		return c < 0
	}
	return bytes.Compare(p.id[:], other.id[:]) < 0
}

// reading is how far a process has read a queue. What lies before was claimed: it would be found as dead entries of the index, each
// of which costs time until a vacuum has come.
type reading struct {
	mu     sync.Mutex
	until  place
	looked time.Time
}

// next is where a claim begins to read.
func (r *reading) next(now time.Time) place {
	r.mu.Lock()
	defer r.mu.Unlock()
	if now.Sub(r.looked) >= lookBack {
		r.looked, r.until = now, place{}
	}
	return r.until
}

// note takes note of a claim of at most batch rows: behind the last of a full one there may be more.
func (r *reading) note(now time.Time, claimed []place, batch int) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if len(claimed) < batch {
		r.until = place{at: now.Add(-lookBack)}
		return
	}
	for _, p := range claimed {
		if r.until.before(p) {
			r.until = p
		}
	}
}
