package sandbox

import (
	"crypto/sha256"
	"encoding/binary"
	"fmt"
	"slices"
	"strconv"
	"sync"
	"sync/atomic"
	"time"
)

// Fault is one order to misbehave, as POST /sandbox/faults takes it.
type Fault struct {
	ID string `json:"id"`
	// Name is one of the catalog.
	Name string `json:"fault"`
	// Times is how many calls it strikes: 1 when zero, every one when negative.
	Times int   `json:"times"`
	Match Match `json:"match"`
	// DelayMS is the fault's delay where it has one; its own default when zero.
	DelayMS int64 `json:"delay_ms,omitempty"`
	// Copies is how many notifications duplicate_notification sends; 2 when zero.
	Copies int `json:"copies,omitempty"`
	// Rate is the share of matching calls that are struck, chosen by seed and merchantTxnId; all when zero.
	Rate float64 `json:"rate,omitempty"`
	// Code, Message and Status are what force answers.
	Code    string `json:"code,omitempty"`
	Message string `json:"message,omitempty"`
	Status  string `json:"status,omitempty"`
	// Hits counts the calls struck so far.
	Hits int `json:"hits"`
}

// Match says which calls a fault strikes; empty members do not restrict.
type Match struct {
	MerchantTxnID         string `json:"merchantTxnId,omitempty"`
	MerchantTxnOriginalID string `json:"merchantTxnOriginalId,omitempty"`
	// Amount is orderAmount as the request or the books write it: "5" and "5.00" are the same.
	Amount    string `json:"amount,omitempty"`
	CardLast4 string `json:"card_last4,omitempty"`
	// OriginTransactionID is the transaction that a refund, capture, void or cancellation is about.
	OriginTransactionID string `json:"originTransactionId,omitempty"`
	// Path moves a fault to another endpoint than those it is made for.
	Path string `json:"path,omitempty"`
}

// call is one request of the merchant, as far as faults may look at it.
type call struct {
	path          string
	merchantTxnID string
	originalID    string
	amount        string
	currency      string
	cardLast4     string
	originID      string
}

// faultSpec is one entry of the catalog: adding a fault is adding an entry.
type faultSpec struct {
	name string
	does string
	// card triggers the fault by its number; empty where a card makes no sense.
	card string
	// paths are the endpoints it strikes unless the order names one.
	paths []string
	// delay is what DelayMS means when it is not given.
	delay time.Duration
	apply func(p *plan, f Fault, delay time.Duration)
}

// faultBook holds the faults that are armed.
type faultBook struct {
	specs map[string]faultSpec
	seed  int64
	any   atomic.Bool // whether any fault is armed, so that a call on a good day takes no lock

	mu    sync.Mutex
	armed []*Fault
	last  int
}

func newFaultBook(seed int64) *faultBook {
	book := &faultBook{specs: map[string]faultSpec{}, seed: seed}
	for _, spec := range faultCatalog() {
		book.specs[spec.name] = spec
	}
	return book
}

// arm adds a fault and returns it with its id.
func (b *faultBook) arm(f Fault) (Fault, error) {
	if _, known := b.specs[f.Name]; !known {
		return Fault{}, fmt.Errorf("unknown fault %q", f.Name)
	}
	if f.Rate < 0 || f.Rate > 1 || f.DelayMS < 0 || f.Copies < 0 || f.Copies > 100 {
		return Fault{}, fmt.Errorf("fault %s: rate is 0 to 1, copies 0 to 100, delay_ms not negative", f.Name)
	}
	if f.Times == 0 {
		f.Times = 1
	}
	b.mu.Lock()
	defer b.mu.Unlock()
	b.last++
	f.ID, f.Hits = "flt_"+strconv.Itoa(b.last), 0
	b.armed = append(b.armed, &f)
	b.any.Store(true)
	return f, nil
}

func (b *faultBook) list() []Fault {
	b.mu.Lock()
	defer b.mu.Unlock()
	faults := make([]Fault, 0, len(b.armed))
	for _, f := range b.armed {
		faults = append(faults, *f)
	}
	return faults
}

// disarm removes one fault, or all when id is empty.
func (b *faultBook) disarm(id string) {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.armed = slices.DeleteFunc(b.armed, func(f *Fault) bool { return id == "" || f.ID == id })
	b.any.Store(len(b.armed) > 0)
}

// plan is what happens to one call: what its card or the merchant ordered for it, and every armed fault that matches.
func (b *faultBook) plan(c call, ordered []Fault) plan {
	p := plan{path: c.path, answerWith: 200}
	for _, f := range ordered {
		b.strike(&p, f)
	}
	if !b.any.Load() {
		return p
	}
	b.mu.Lock()
	defer b.mu.Unlock()
	for _, f := range b.armed {
		spec := b.specs[f.Name]
		if f.Times == 0 || !f.Match.covers(c, spec) || !b.chosen(*f, c) {
			continue
		}
		f.Hits++
		if f.Times > 0 {
			f.Times--
		}
		b.strike(&p, *f)
	}
	b.armed = slices.DeleteFunc(b.armed, func(f *Fault) bool { return f.Times == 0 })
	b.any.Store(len(b.armed) > 0)
	return p
}

// strike works a fault of the catalog into a plan.
func (b *faultBook) strike(p *plan, f Fault) {
	spec := b.specs[f.Name]
	delay := spec.delay
	if f.DelayMS > 0 {
		delay = time.Duration(f.DelayMS) * time.Millisecond
	}
	spec.apply(p, f, delay)
}

// chosen decides by rate: the same seed strikes the same calls, in whatever order they come.
func (b *faultBook) chosen(f Fault, c call) bool {
	if f.Rate == 0 {
		return true
	}
	sum := sha256.Sum256(fmt.Appendf(nil, "%d|%s|%s|%s", b.seed, f.Name, c.path, c.merchantTxnID))
	return float64(binary.BigEndian.Uint32(sum[:4]))/(1<<32) < f.Rate
}

func (m Match) covers(c call, spec faultSpec) bool {
	onPath := m.Path == c.path || (m.Path == "" && slices.Contains(spec.paths, c.path))
	return onPath &&
		(m.MerchantTxnID == "" || m.MerchantTxnID == c.merchantTxnID) &&
		(m.MerchantTxnOriginalID == "" || m.MerchantTxnOriginalID == c.originalID) &&
		(m.OriginTransactionID == "" || m.OriginTransactionID == c.originID) &&
		(m.CardLast4 == "" || m.CardLast4 == c.cardLast4) &&
		(m.Amount == "" || sameAmount(m.Amount, c.amount, c.currency))
}

func sameAmount(a, b, currency string) bool {
	left, okLeft := minorUnits(a, currency)
	right, okRight := minorUnits(b, currency)
	return okLeft && okRight && left == right
}
