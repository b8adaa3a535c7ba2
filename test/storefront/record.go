package storefront

import (
	"fmt"
	"maps"
	"slices"
	"sync"
)

// Record is what the shop asked for under keys of its own, and what it was told.
type Record struct {
	mu         sync.Mutex
	told       map[string]*Told
	unanswered map[string]*request
	refusals   map[string]string // of what is unanswered, the latest
	faults     []string
	bursts     []string
	stories    int
	answers    map[int]int
}

// Told is what the answers to one key said.
type Told struct {
	// Path and Key are those of the request, Object what it is about: order, payment, refund, customer, payment_method.
	Path, Key, Object string
	// ID is the resource that every answer named.
	ID string
	// Succeeded: an answer said that money was taken, or given back.
	Succeeded bool
}

func newRecord() *Record {
	return &Record{told: map[string]*Told{}, unanswered: map[string]*request{}, refusals: map[string]string{}, answers: map[int]int{}}
}

// note takes down an answer. Two answers to one key that name two resources are a fault of the service.
func (r *Record) note(req *request, a answer) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.answers[a.status]++
	delete(r.unanswered, req.id())
	if a.id == "" {
		return
	}
	told := r.told[req.id()]
	if told == nil {
		told = &Told{Path: req.path, Key: req.key, Object: a.object, ID: a.id}
		r.told[req.id()] = told
	}
	if told.ID != a.id {
		r.faults = append(r.faults, fmt.Sprintf("key %s of %s named %s and later %s", req.key, req.path, told.ID, a.id))
	}
	told.Succeeded = told.Succeeded || a.said == "succeeded"
}

// leave keeps a request that got no answer, to be asked again when the service is whole.
func (r *Record) leave(req *request, why string) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.unanswered[req.id()], r.refusals[req.id()] = req, why
}

// Unanswered tells of every request that was not answered what it got last.
func (r *Record) Unanswered() []string {
	r.mu.Lock()
	defer r.mu.Unlock()
	lines := make([]string, 0, len(r.unanswered))
	for id := range r.unanswered {
		lines = append(lines, id+": "+r.refusals[id])
	}
	return lines
}

func (r *Record) story() {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.stories++
}

// object adds something that an answer should not have said.
func (r *Record) object(format string, args ...any) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.faults = append(r.faults, fmt.Sprintf(format, args...))
}

// Everything returns what was told, the faults seen, and how many answers had which status.
func (r *Record) Everything() (told []Told, faults []string, answers map[int]int) {
	r.mu.Lock()
	defer r.mu.Unlock()
	for _, t := range r.told {
		told = append(told, *t)
	}
	return told, slices.Clone(r.faults), maps.Clone(r.answers)
}

// Bursts are the payments of which refunds were asked for at once, one of which there is room for.
func (r *Record) Bursts() []string {
	r.mu.Lock()
	defer r.mu.Unlock()
	return slices.Clone(r.bursts)
}

func (r *Record) burst(payment string) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.bursts = append(r.bursts, payment)
}

// Stories is how many shoppers have come to the end of theirs.
func (r *Record) Stories() int {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.stories
}

func (r *Record) open() []*request {
	r.mu.Lock()
	defer r.mu.Unlock()
	left := make([]*request, 0, len(r.unanswered))
	for _, req := range r.unanswered {
		left = append(left, req)
	}
	return left
}
