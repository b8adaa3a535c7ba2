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
	// Patience is how long an unanswered request is repeated before the shopper goes on to something else.
	Patience time.Duration
	// Pace is the pause of a shopper after each story; none when zero.
	Pace time.Duration
}

// Shop is a storefront with its shoppers.
type Shop struct {
	opts   Options
	http   *http.Client
	record *Record
}

// New makes a Shop.
func New(opts Options) *Shop {
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
			for {
				select {
				case <-until:
					return
				case <-ctx.Done():
					return
				default:
					p.story(ctx)
					s.record.story()
					if s.opts.Pace > 0 {
						wait(ctx, time.Duration(p.random.Int64N(int64(2*s.opts.Pace))))
					}
				}
			}
		})
	}
	shoppers.Wait()
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
