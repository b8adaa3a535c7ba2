package storefront

import (
	"context"
	"encoding/json"
	"fmt"
	"math/rand/v2"
	"net/http"
	"sync"
	"time"
)

// Options say where the shop sends its requests, and who buys there.
type Options struct {
	URL, APIKey string
	// Seed decides what every shopper does.
	Seed uint64
	// Shoppers is how many buy at once; Cards are what they pay with.
	Shoppers int
	Cards    []string
	// Known is how many of a hundred shoppers are customers whose cards are saved; Hosted how many of a hundred payments are on the
	// provider's own page.
	Known, Hosted int
	// Reviewer is the API key of who decides on refunds that need a second person; "" for nobody.
	Reviewer string
	// Burst is how many refunds a shop sends at once by mistake, of a payment that has room for one; zero for never.
	Burst int
	// Bank takes money back that was paid; nil for none that does.
	Bank Bank
	// LeavesBank is how many of a hundred shoppers leave the bank's page as it is: a tenth when zero, none when Never.
	LeavesBank int
	// Patience is how long an unanswered request is repeated before the shopper goes on to something else.
	Patience time.Duration
	// Starts, if set, lets one story begin for each value that is received.
	Starts <-chan struct{}
}

// Never is the share of what no shopper does.
const Never = -1

// Shop is a storefront with its shoppers.
type Shop struct {
	opts   Options
	http   *http.Client
	record *Record
}

// New makes a Shop.
func New(opts Options) *Shop {
	if opts.LeavesBank == 0 {
		opts.LeavesBank = usuallyLeaves
	}
	return &Shop{opts: opts, record: newRecord(), http: &http.Client{
		// A connection for each request, so that processes that come back get their share.
		Transport:     &http.Transport{DisableKeepAlives: true},
		CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
	}}
}

// Record is what was asked and answered.
func (s *Shop) Record() *Record { return s.record }

// Open lets shoppers buy until until is closed; it returns when the last has finished. What they do ends with ctx.
func (s *Shop) Open(ctx context.Context, until <-chan struct{}) {
	var shoppers sync.WaitGroup
	for i := range s.opts.Shoppers {
		shoppers.Go(func() {
			p := &shopper{shop: s, random: rand.New(rand.NewPCG(s.opts.Seed, uint64(i))), name: fmt.Sprintf("%d-%d", s.opts.Seed, i)} //nolint:gosec // to be repeated
			for s.mayBegin(ctx, until) {
				p.story(ctx)
				s.record.story()
			}
		})
	}
	shoppers.Wait()
}

// mayBegin waits until another story may begin; false when none may.
func (s *Shop) mayBegin(ctx context.Context, until <-chan struct{}) bool {
	select {
	case <-until:
		return false
	case <-ctx.Done():
		return false
	default:
	}
	if s.opts.Starts == nil {
		return true
	}
	select {
	case <-until:
		return false
	case <-ctx.Done():
		return false
	case <-s.opts.Starts:
		return true
	}
}

// Finish asks again for every answer that was never received, and says how many still are not.
func (s *Shop) Finish(ctx context.Context) int {
	open := s.record.open()
	limit := make(chan struct{}, s.opts.Shoppers)
	var asking sync.WaitGroup
	for _, req := range open {
		limit <- struct{}{}
		asking.Go(func() {
			defer func() { <-limit }()
			s.post(ctx, req)
		})
	}
	asking.Wait()
	return len(s.record.open())
}

// object is a body in the making.
type object = map[string]any

func (s *Shop) compose(path, key string, body object) *request {
	raw, err := json.Marshal(body)
	if err != nil {
		s.record.object("compose %s: %s", path, err) // texts and numbers always encode
	}
	return &request{path: path, key: key, body: raw}
}
