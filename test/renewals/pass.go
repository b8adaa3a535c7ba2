package renewals

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"time"

	"golang.org/x/sync/errgroup"

	"tillway/internal/failpoint"
	"tillway/test/world"
)

// grid is the moment of the day, after midnight, at which steps of the clock end: a while after the cast's periods begin.
const grid = 10*time.Hour + 15*time.Minute

// card is what each subscription begins with: one that is authenticated without a challenge.
const card = "4000009900000020"

// atOnce is how many begin at once.
const atOnce = 8

// begin begins the cast of a wave. The first of the first wave are killed over, one at each point of a purchase.
func (r *run) begin(ctx context.Context, wave int) error {
	var rest []*Story
	for i, s := range r.stories {
		if i%len(waves()) == wave {
			rest = append(rest, s)
		}
	}
	if wave == 0 {
		slices.SortStableFunc(rest, func(a, b *Story) int { return len(a.Acts) - len(b.Acts) }) // those with a story live
		for _, p := range failpoint.Renewals() {
			if p.By != failpoint.ByRequest || len(rest) == 0 {
				continue
			}
			if err := r.killed(ctx, p.Name, rest[0]); err != nil {
				return err
			}
			rest = rest[1:]
		}
	}
	group, ctx := errgroup.WithContext(ctx)
	group.SetLimit(atOnce)
	for _, s := range rest {
		group.Go(func() error { return r.subscribe(ctx, s) })
	}
	return group.Wait()
}

// killed begins a subscription over which whoever serves dies at a point, and comes back.
func (r *run) killed(ctx context.Context, point failpoint.Name, s *Story) error {
	if err := r.killer.arm(point, true); err != nil {
		return err
	}
	return errors.Join(r.tended(ctx, func() error { return r.subscribe(ctx, s) }), r.killer.over())
}

// tended does something while the dead are started again.
func (r *run) tended(ctx context.Context, do func() error) error {
	tending, stop := context.WithCancel(ctx)
	tended := make(chan error, 1)
	go func() { tended <- r.tend(tending) }() // ends with what is done
	err := do()
	stop()
	return errors.Join(err, <-tended)
}

type named struct {
	ID string `json:"id"`
}

// subscribe begins one subscription. Whoever dies over it is started again meanwhile, and the request is repeated.
func (r *run) subscribe(ctx context.Context, s *Story) error {
	var customer named
	err := r.client.post(ctx, "/v1/customers", world.Storefront, "customer-"+s.Name, map[string]any{
		"email": s.Name + "@example.com", "billing_details": map[string]any{
			"email": s.Name + "@example.com", "address": map[string]any{"country": "DE"},
		},
	}, &customer)
	if err != nil {
		return err
	}
	s.Customer = customer.ID
	body := map[string]any{
		"customer": customer.ID, "amount": s.Amount, "currency": "eur", "interval": s.Interval, "time_zone": s.Zone.String(),
		"description": s.Name, "trial_days": s.TrialDays, "return_url": world.Shop + "/done",
		"dunning": map[string]any{"retry_days": retryDays(), "give_up_days": giveUpDays, "end": s.GivesUp},
		"payment_method": map[string]any{"type": "card", "card": map[string]any{
			"number": card, "exp_month": 12, "exp_year": 2039, "cvc": "123", "holder_name": "Ada Buyer",
		}},
	}
	if s.EndsIn > 0 {
		d, err := r.clock.due(ctx)
		if err != nil {
			return err
		}
		s.EndsAt = d.now.Add(s.EndsIn).Truncate(time.Second)
		body["ends_at"] = s.EndsAt.Unix()
	}
	var made struct {
		named

		Created int64 `json:"created"`
	}
	err = r.client.post(ctx, "/v1/subscriptions", world.Storefront, "subscription-"+s.Name, body, &made)
	if err != nil {
		return err
	}
	s.ID = made.ID
	s.begins(time.Unix(made.Created, 0))
	return nil
}

// tend starts the dead again until ctx ends.
func (r *run) tend(ctx context.Context) error {
	for ctx.Err() == nil {
		if err := r.killer.tend(); err != nil {
			return err
		}
		_ = pause(ctx, quietPoll)
	}
	return nil
}

// pass lets the time of the run pass.
func (r *run) pass(ctx context.Context) error {
	d, err := r.clock.due(ctx)
	if err != nil {
		return err
	}
	r.report.From = d.now
	until, told := d.now.Add(r.setup.Lasts), d.now
	for d.now.Before(until) {
		if err := r.act(ctx, d.now); err != nil {
			return err
		}
		if err := r.step(ctx, d); err != nil {
			return fmt.Errorf("at %s: %w", stamp(d.now), err)
		}
		if d, err = r.clock.due(ctx); err != nil {
			return err
		}
		if d.now.Sub(told) < tellEvery {
			continue
		}
		told = d.now
		if err := r.tell(ctx, d.now); err != nil {
			return err
		}
	}
	return nil
}

// tellEvery is how often the run tells how far it is, and holds the money against the provider's books.
const tellEvery = 30 * day

// step moves the clock to the end of a step in which something is due, by what is recorded or by the calendar, and waits
// until it is done. Now and then somebody is killed meanwhile.
func (r *run) step(ctx context.Context, d due) error {
	begins := r.comes(d.now)
	at := begins
	if !d.next.IsZero() && d.next.Before(at) {
		at = d.next
	}
	to := d.now.Truncate(day).Add(grid - step)
	for !to.After(d.now) || to.Before(at) {
		to = to.Add(step)
	}
	point, killing := r.aim(!begins.After(to))
	if killing && point != randomMoment {
		if err := r.killer.arm(point, false); err != nil {
			return err
		}
	}
	if err := r.clock.set(ctx, to); err != nil {
		return err
	}
	if killing && point == randomMoment {
		if err := r.killer.strike(ctx); err != nil {
			return err
		}
	}
	if err := r.clock.quiet(ctx); err != nil {
		return err
	}
	return r.killer.over()
}

// aim says whether somebody is to be killed in a step, and where: now and then in one in which periods begin.
func (r *run) aim(begins bool) (failpoint.Name, bool) {
	if !begins || r.setup.KillEvery == 0 {
		return randomMoment, false
	}
	r.clock.busy++
	return r.killer.next(), r.clock.busy%r.setup.KillEvery == 0
}

// farAhead is how far a step goes at most.
const farAhead = 7 * day

// comes is when, by the calendar, something is to be next: a period, or an act.
func (r *run) comes(now time.Time) time.Time {
	first := now.Add(farAhead)
	sooner := func(at time.Time) {
		if at.After(now) && at.Before(first) {
			first = at
		}
	}
	for _, s := range r.stories {
		if !s.Begun {
			continue
		}
		for !s.start(r.next[s]).After(now) {
			r.next[s]++
		}
		sooner(s.start(r.next[s]))
		if len(s.Done) < len(s.Acts) {
			sooner(s.at(s.Acts[len(s.Done)]))
		}
	}
	return first
}
