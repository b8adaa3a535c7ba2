package orders_test

import (
	"context"
	"flag"
	"maps"
	"slices"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"

	"tillway/internal/ids"
	"tillway/internal/orders"
)

// storyTime is how long stories are told when nobody has asked for a number of them.
const storyTime = 6 * time.Second

// TestOrders_StayTrueWhateverHappensInWhicheverOrder drives the service on a real database through random interleavings of
// commands and news: payments by card, by a saved card and on the provider's page, captures, voids, refunds and cancellations
// whose answers are lost, late, held back or false; refunds that a second person decides on; chargebacks and warnings;
// notifications in any order, old ones again; queries that see nothing yet or are not answered; late successes; expiry and time.
// After every step the books must be in order, and in the end they must be the provider's. A failure is made short and says how to
// repeat it.
//
// For longer: go test ./internal/orders -run StayTrue -rapid.checks=2000.
func TestOrders_StayTrueWhateverHappensInWhicheverOrder(t *testing.T) {
	t.Parallel()
	tellStories(t, deedsByWeight())
}

// In these, any two things happen at the same time in two processes as well. Who comes first is not ours to repeat.
func TestOrders_StayTrueWhateverHappensAtOnce(t *testing.T) {
	t.Parallel()
	tellStories(t, append(deedsByWeight(), slices.Repeat([]string{twoAtOnce}, 20)...))
}

func tellStories(t *testing.T, steps []string) {
	t.Helper()
	b := setup(t, func(c *orders.Config) { // as in production
		c.Schedule = orders.Schedule{
			3 * time.Second, 10 * time.Second, 30 * time.Second, time.Minute, 2 * time.Minute, 5 * time.Minute, 10 * time.Minute,
			15 * time.Minute, 30 * time.Minute, time.Hour, 2 * time.Hour, 6 * time.Hour, 12 * time.Hour, 24 * time.Hour,
		}
	})
	enough := time.Now().Add(storyTime)
	flag.Visit(func(f *flag.Flag) {
		if f.Name == "rapid.checks" || f.Name == "rapid.failfile" {
			enough = enough.Add(24 * time.Hour)
		}
	})
	told, failing := 0, false
	rapid.Check(t, func(rt *rapid.T) {
		if !failing && time.Now().After(enough) {
			return // but a failure is told again and again, until it is short
		}
		rt.Cleanup(func() { failing = failing || rt.Failed() })
		told++
		s := newStory(rt, b)
		rt.Cleanup(s.provider.release)
		deeds := s.deeds()
		rt.Repeat(map[string]func(*rapid.T){"": s.check, "step": func(rt *rapid.T) { s.step(rt, steps, deeds) }})
		s.settleEverything(rt)
	})
	t.Logf("%d stories", told)
}

// step lets one thing happen, or two.
func (s *story) step(rt *rapid.T, steps []string, deeds map[string]func(*rapid.T) deed) {
	switch name := fairly(steps).Draw(rt, "deed"); name {
	case sameNewsTwice:
		s.repeatNews(rt)
	case twoAtOnce:
		ofOne := fairly(slices.Sorted(maps.Keys(deeds)))
		one, other := ofOne.Draw(rt, "one"), ofOne.Draw(rt, "other")
		s.atOnce(rt, deeds[one](rt), deeds[other](rt))
	default:
		require.NoError(rt, deeds[name](rt)(rt.Context(), s.processes[0]))
	}
}

// atOnce does two things at the same time, in two processes.
func (s *story) atOnce(rt *rapid.T, one, other deed) {
	done := make(chan error, 1)
	go func() { done <- other(rt.Context(), s.processes[1]) }()
	err := one(rt.Context(), s.processes[0])
	require.NoError(rt, <-done)
	require.NoError(rt, err)
}

// story is one order and all that happens to it, before a provider that is a model.
type story struct {
	provider  *modelProvider
	clock     *clock
	processes [2]*orders.Service
	countOf   func(ctx context.Context, sql string, args ...any) (int, error)
	exec      func(ctx context.Context, sql string, args ...any) error

	order    ids.Order
	customer ids.Customer
	method   ids.PaymentMethod // the card that is saved for the customer
	holds    bool              // the merchant holds the money first
	keys     int
	statuses map[ids.Payment]orders.PaymentStatus
}

func newStory(rt *rapid.T, b *testBundle) *story {
	s := &story{clock: &clock{now: time.Now()}, statuses: map[ids.Payment]orders.PaymentStatus{}}
	s.provider = newModelProvider(s.clock.Now)
	for range refundFates {
		s.provider.refundFates = append(s.provider.refundFates, drawRefundFate(rt))
	}
	for range endingFates {
		s.provider.endingFates = append(s.provider.endingFates, drawEndingFate(rt))
	}
	for range cancelFates {
		s.provider.cancelFates = append(s.provider.cancelFates, drawCancelFate(rt))
	}
	s.provider.silent = chance(rt, 8, "failed attempts say no more")
	s.holds = chance(rt, 6, "holds")
	config := b.config
	config.Refunds, config.Modifications, config.HoldLasts = s.provider, s.provider, holdLasts
	config.Cancellations, config.Disputes, config.Wallet = s.provider, s.provider, s.wallet()
	config.AuthExpiry = fairly([]orders.AuthExpiryAction{orders.AuthExpiryWarn, orders.AuthExpiryVoid}).Draw(rt, "hold expiry")
	config.PartialCapture = chance(rt, 8, "partial capture")
	if chance(rt, 3, "refunds need approval") {
		config.ApprovalAbove = orders.ApprovalThresholds{"EUR": 1500}
	}
	s.customer, s.method = b.customer(), ids.New[ids.PaymentMethodEntity]()
	require.NoError(rt, b.saveCard(rt.Context(), s.customer, s.method))
	for i := range s.processes {
		s.processes[i] = orders.New(b.pool, s.provider, nil, discard(), s.clock.Now, config)
	}
	s.countOf = func(ctx context.Context, sql string, args ...any) (int, error) {
		var n int
		err := b.pool.QueryRow(ctx, sql, args...).Scan(&n)
		return n, err
	}
	s.exec = func(ctx context.Context, sql string, args ...any) error {
		_, err := b.pool.Exec(ctx, sql, args...)
		return err
	}
	req := newOrder()
	req.Customer = s.customer
	req.ExpiresIn = fairly([]time.Duration{0, 100 * time.Hour}).Draw(rt, "expires in")
	policies := []orders.LatePayment{orders.LatePaymentAccept, orders.LatePaymentRefund, orders.LatePaymentReview}
	req.LatePayment = fairly(policies).Draw(rt, "late payment policy")
	created, err := s.processes[0].Create(rt.Context(), req)
	require.NoError(rt, err)
	s.order = created.Order.ID
	require.NoError(rt, s.deeds()["pay"](rt)(rt.Context(), s.processes[0]))
	return s
}

// read returns the order with its payments and the number of its events, all of one moment: answers that were let go are
// recorded meanwhile.
func (s *story) read(rt *rapid.T) (orders.Order, []orders.Payment, int) {
	ctx, service := rt.Context(), s.processes[0]
	for {
		o, err := service.Get(ctx, s.order)
		require.NoError(rt, err)
		list, err := service.ListPayments(ctx, orders.PaymentFilter{Order: s.order}, orders.Page{Limit: 100})
		require.NoError(rt, err)
		require.False(rt, list.HasMore)
		events, err := s.countOf(ctx, `SELECT CASE WHEN count(*) = max(sequence) AND min(sequence) = 1 THEN count(*) ELSE -1 END
			FROM events WHERE order_id = $1`, s.order.UUID())
		require.NoError(rt, err)
		again, err := service.Get(ctx, s.order)
		require.NoError(rt, err)
		if again.Version == o.Version && again.LastSequence == o.LastSequence {
			return o, list.Data, events
		}
	}
}

// check is what holds at every moment.
func (s *story) check(rt *rapid.T) {
	require.NoError(rt, s.drain(rt)) // so that a story can be told again
	o, payments, events := s.read(rt)
	require.Empty(rt, s.provider.complaints())
	require.EqualValues(rt, o.LastSequence, events, "the events have a gap")
	require.Len(rt, payments, o.Attempts)

	live := 0
	facts := orders.Facts{Refunded: o.AmountRefunded, Canceled: !o.CanceledAt.IsZero(), Expired: !o.ExpiredAt.IsZero()}
	for _, p := range payments {
		if p.Status.Live() && !p.Surplus {
			live++
		}
		facts.LivePayment = facts.LivePayment || p.Status.Open()
		if !p.Surplus {
			facts.Paid += p.AmountCaptured
			facts.Authorized += p.AmountAuthorized
		}
		require.LessOrEqual(rt, p.AmountRefunded+p.AmountRefundPending+p.AmountDisputed, p.AmountCaptured)
		require.LessOrEqual(rt, p.AmountCaptured, p.AmountAuthorized)
		require.LessOrEqual(rt, p.AmountAuthorized, p.Amount.Minor)
		require.Equal(rt, p.Status == orders.PaymentSucceeded, p.AmountCaptured > 0)
		require.True(rt, p.AmountCaptured == 0 || s.provider.believed(p), "%s is taken for paid", p.ID)
		require.False(rt, p.Status.Open() && p.NextCheckAt.IsZero(), "nobody asks about %s", p.ID)

		before, known := s.statuses[p.ID]
		require.False(rt, known && !before.Open() && p.Status.Open(), "%s yielded to %s", before, p.Status)
		s.statuses[p.ID] = p.Status
	}
	require.LessOrEqual(rt, live, 1, "two live payments")
	require.Equal(rt, facts.Paid, o.AmountPaid)
	require.Equal(rt, facts.Authorized, o.AmountAuthorized)
	require.LessOrEqual(rt, o.AmountPaid, o.Amount.Minor, "overcharged")
	require.Equal(rt, orders.DeriveStatus(facts), o.Status)
	require.Equal(rt, o.AmountPaid > 0, !o.PaidAt.IsZero())
	s.checkRefunds(rt)
	s.checkDisputes(rt)
}

// repeatNews delivers a notification twice: the second time it succeeds and changes nothing.
func (s *story) repeatNews(rt *rapid.T) {
	reference, ev, some := s.provider.notification(drawWhich(rt), drawWhich(rt))
	if !some {
		return
	}
	_, err := s.processes[0].Apply(rt.Context(), reference, ev, nil)
	require.NoError(rt, err)
	before, paymentsBefore, events := s.read(rt)
	_, err = s.processes[1].Apply(rt.Context(), reference, ev, nil)
	require.NoError(rt, err)
	after, payments, eventsAfter := s.read(rt)
	require.Equal(rt, events, eventsAfter)
	for i := range payments {
		require.Equal(rt, paymentsBefore[i].Status, payments[i].Status)
		require.Equal(rt, paymentsBefore[i].NextCheckAt, payments[i].NextCheckAt)
	}
	require.Equal(rt, before.NeedsReview, after.NeedsReview)
}

// drain waits for what is in flight, unless an answer is held back.
func (s *story) drain(rt *rapid.T) error {
	if s.provider.holds() {
		return nil
	}
	for _, process := range s.processes {
		if err := process.Drain(rt.Context()); err != nil {
			return err
		}
	}
	return nil
}

// settleEverything lets the story end: the provider comes to an end with everything, the settling sweep runs until nothing
// is open, and every notification is delivered once more, which may bring to light what has to be given back. Then the books
// must be the provider's.
func (s *story) settleEverything(rt *rapid.T) {
	ends := []orders.Outcome{orders.OutcomeSucceeded, orders.OutcomeDeclined, orders.OutcomeClosed}
	end := fairly(ends).Draw(rt, "what is open ends")
	s.provider.finish(end)
	require.NoError(rt, s.drain(rt))
	s.sweepUntilSettled(rt, end)
	s.tellAll(rt)
	s.sweepUntilSettled(rt, end)
	s.tellAllOfEndings(rt)
	s.sweepUntilSettled(rt, end)
	s.tellAllOfRefunds(rt)
	s.tellAllOfDisputes(rt)
	s.check(rt)

	o, payments, _ := s.read(rt)
	taken, surplus, kept, counts := s.provider.taken(), 0, int64(0), int64(0)
	for _, p := range payments {
		require.Equal(rt, slices.Contains(taken, p.MerchantTxnID), p.Status == orders.PaymentSucceeded, "%s is %s", p.MerchantTxnID, p.Status)
		require.False(rt, p.Held() && s.provider.released(p.MerchantTxnID), "%s holds nothing and is %s", p.MerchantTxnID, p.Status)
		require.True(rt, p.AmountCaptured == 0 || s.provider.believed(p), "%s captured %d", p.MerchantTxnID, p.AmountCaptured)
		if !p.Surplus {
			counts += p.AmountCaptured
		}
		if p.Surplus && p.AmountCaptured > 0 {
			surplus++
			kept += p.AmountCaptured - p.AmountRefunded
		}
	}
	counted := len(taken) - surplus
	require.LessOrEqual(rt, counted, 1)
	require.Equal(rt, counts, o.AmountPaid)
	require.Equal(rt, counted == 1, o.AmountPaid > 0)
	require.True(rt, kept == 0 || o.NeedsReview, "surplus is neither given back nor under review")
	s.requireRefundsAgree(rt)
	s.requireDisputesAgree(rt)
}

// sweepUntilSettled lets time pass and sweeps until nothing is open.
func (s *story) sweepUntilSettled(rt *rapid.T, end orders.Outcome) {
	for unsettled := true; unsettled; {
		require.NoError(rt, s.sweep(rt.Context(), s.processes[0]))
		require.NoError(rt, s.decide(rt)(rt.Context(), s.processes[0]))
		s.provider.finish(end)
		s.provider.finishRefunds(end)
		_, payments, _ := s.read(rt)
		unsettled = slices.ContainsFunc(payments, func(p orders.Payment) bool {
			asked := !p.CancelAskedAt.IsZero() && !p.NextCheckAt.IsZero() // whether money of it has come, or gone back
			return p.Status.Open() || p.Status == orders.PaymentSucceeded && !p.Confirmed || p.Held() || asked
		}) || s.openEndings(rt) > 0 || slices.ContainsFunc(s.refunds(rt), func(r orders.Refund) bool { return r.Status.Open() })
		s.clock.advance(time.Hour)
		for _, p := range payments {
			require.Less(rt, s.clock.Now().Sub(p.SentAt), 200*24*time.Hour,
				"%s is %s, confirmed %t; its refunds %v and %d captures and voids are never settled", p.ID, p.Status, p.Confirmed,
				s.refunds(rt), s.openEndings(rt))
		}
	}
}

// tellAll delivers every notification of every payment once more.
func (s *story) tellAll(rt *rapid.T) {
	for which, reference := range s.provider.all() {
		for piece := range s.provider.pieces(reference) {
			_, ev, _ := s.provider.notification(which, piece)
			_, err := s.processes[0].Apply(rt.Context(), reference, ev, nil)
			require.NoError(rt, err)
		}
	}
}
