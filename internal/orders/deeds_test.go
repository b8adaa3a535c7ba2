package orders_test

import (
	"context"
	"errors"
	"slices"
	"time"

	"pgregory.net/rapid"

	"tillway/internal/fault"
	"tillway/internal/money"
	"tillway/internal/orders"
)

// deed is something that is done to a story by one process. What is left to chance was drawn before, so that two can be
// done at once.
type deed func(ctx context.Context, process *orders.Service) error

const (
	sameNewsTwice = "the same news twice"
	twoAtOnce     = "two at once"
)

// deedsByWeight names what can happen, as often as it shall come up among the rest.
func deedsByWeight() []string {
	var names []string
	for _, w := range []struct {
		name   string
		weight int
	}{
		{"pay", 6},
		{"pay with the last key", 1},
		{"cancel", 1},
		{"expire", 1},
		{"wait", 4},
		{"sweep", 5},
		{"new notification", 5},
		{"old notification", 4},
		{"wrong amount", 1},
		{"return page", 2},
		{"provider goes on", 6},
		{"let answers go", 3},
		{"capture or void", 4},
		{"capture or void with the last key", 1},
		{"provider goes on with a capture or void", 4},
		{"notification of a capture or void", 4},
		{"refund", 4},
		{"refund with the last key", 1},
		{"withdraw a refund", 1},
		{"decide on a refund", 3},
		{"cancel the payment", 3},
		{"detach the card", 1},
		{"chargeback", 3},
		{"dispute goes on", 4},
		{"notification of a dispute", 4},
		{"read the chargebacks", 1},
		{"provider goes on with a refund", 6},
		{"notification of a refund", 5},
		{sameNewsTwice, 2},
	} {
		names = append(names, slices.Repeat([]string{w.name}, w.weight)...)
	}
	return names
}

// deeds are what one process can do, each drawn when it is its turn.
func (s *story) deeds() map[string]func(*rapid.T) deed {
	return map[string]func(*rapid.T) deed{
		"pay": func(rt *rapid.T) deed {
			s.keys++
			return s.pay(rt, s.keys)
		},
		"pay with the last key": func(rt *rapid.T) deed { return s.pay(rt, s.keys) },
		"cancel": func(*rapid.T) deed {
			return func(ctx context.Context, process *orders.Service) error {
				_, err := process.Cancel(ctx, orders.CancelOrder{Order: s.order, Idempotency: key("cancel"), CorrelationID: "test"})
				return refusalIsFine(err)
			}
		},
		"expire": func(*rapid.T) deed {
			return func(ctx context.Context, process *orders.Service) error {
				_, err := process.ExpireDue(ctx, 1000)
				return err
			}
		},
		"wait":             s.wait,
		"sweep":            s.sweepDown,
		"new notification": func(rt *rapid.T) deed { return s.notify(drawWhich(rt), -1) },
		"old notification": func(rt *rapid.T) deed { return s.notify(drawWhich(rt), drawWhich(rt)) },
		"wrong amount":     s.mistake,
		"return page":      s.returnPage,
		"provider goes on": s.goOn,
		"let answers go": func(*rapid.T) deed {
			return func(context.Context, *orders.Service) error {
				s.provider.release()
				return nil
			}
		},
		"capture or void": func(rt *rapid.T) deed {
			s.keys++
			return s.endHold(rt, s.keys)
		},
		"capture or void with the last key":       func(rt *rapid.T) deed { return s.endHold(rt, s.keys) },
		"provider goes on with a capture or void": s.goOnEnding,
		"notification of a capture or void":       func(rt *rapid.T) deed { return s.notifyEnding(drawWhich(rt), drawWhich(rt)) },
		"refund": func(rt *rapid.T) deed {
			s.keys++
			return s.refund(rt, s.keys)
		},
		"refund with the last key":       func(rt *rapid.T) deed { return s.refund(rt, s.keys) },
		"withdraw a refund":              s.withdraw,
		"decide on a refund":             s.decide,
		"cancel the payment":             s.cancelPayment,
		"detach the card":                s.detach,
		"chargeback":                     s.chargeback,
		"dispute goes on":                s.goOnDispute,
		"notification of a dispute":      func(rt *rapid.T) deed { return s.notifyDispute(drawWhich(rt), drawWhich(rt)) },
		"read the chargebacks":           s.readChargebacks,
		"provider goes on with a refund": s.goOnRefund,
		"notification of a refund":       func(rt *rapid.T) deed { return s.notifyRefund(drawWhich(rt), drawWhich(rt)) },
	}
}

// fairly draws one of the options. rapid.SampledFrom prefers the first ones so much that long stories never came to pass.
func fairly[T any](options []T) *rapid.Generator[T] {
	const bits = 8
	return rapid.Custom(func(t *rapid.T) T {
		n := 0
		for range bits {
			n *= 2
			if rapid.Bool().Draw(t, "bit") {
				n++
			}
		}
		return options[n*len(options)>>bits]
	})
}

// goOn lets the provider come to an end with a payment.
func (s *story) goOn(rt *rapid.T) deed {
	which, outcome := drawWhich(rt), fairly([]orders.Outcome{
		orders.OutcomeSucceeded, orders.OutcomeSucceeded, orders.OutcomeDeclined, orders.OutcomeClosed,
	}).Draw(rt, "outcome")
	return func(context.Context, *orders.Service) error {
		s.provider.move(which, outcome)
		return nil
	}
}

// drawWhich picks one of a list whose length is not known yet.
func drawWhich(rt *rapid.T) int {
	return fairly([]int{0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11}).Draw(rt, "which")
}

// chance is true so many times of sixteen.
func chance(rt *rapid.T, ofSixteen int, what string) bool {
	return fairly(append(slices.Repeat([]bool{false}, 16-ofSixteen), slices.Repeat([]bool{true}, ofSixteen)...)).Draw(rt, what)
}

// refusalIsFine lets pass what the state of an order or its money forbids, and what was never sent.
func refusalIsFine(err error) error {
	var refusal *fault.Error
	if errors.As(err, &refusal) && (refusal.Kind == fault.Conflict || refusal.Kind == fault.Unavailable || refusal.Kind == fault.Refused) {
		return nil
	}
	return err
}

func (s *story) wait(rt *rapid.T) deed {
	long := fairly([]time.Duration{
		time.Second, 20 * time.Second, 2 * time.Minute, 5 * time.Minute, 16 * time.Minute, time.Hour, 25 * time.Hour,
	}).Draw(rt, "wait")
	return func(context.Context, *orders.Service) error {
		s.clock.advance(long)
		return nil
	}
}

// sweepDown settles what is due while the provider may be down.
func (s *story) sweepDown(rt *rapid.T) deed {
	down := chance(rt, 4, "down")
	return func(ctx context.Context, process *orders.Service) error {
		s.provider.setDown(down)
		defer s.provider.setDown(false)
		return s.sweep(ctx, process)
	}
}

// sweep settles what is due, as the workers do. Payments of stories that broke off may be due as well.
func (s *story) sweep(ctx context.Context, process *orders.Service) error {
	due, err := process.ClaimDue(ctx, 1000)
	if err != nil {
		return err
	}
	for _, p := range due {
		if p.Order != s.order {
			continue
		}
		if err := refusalIsFine(process.SettlePayment(ctx, p, time.Minute)); err != nil && !errors.Is(err, errModelDown) {
			return err
		}
	}
	return errors.Join(s.sweepEndings(ctx, process), s.sweepRefunds(ctx, process), s.sweepDisputes(ctx, process))
}

// notify delivers a notification of a payment.
func (s *story) notify(which, piece int) deed {
	return func(ctx context.Context, process *orders.Service) error {
		reference, ev, some := s.provider.notification(which, piece)
		if !some {
			return nil
		}
		_, err := process.Apply(ctx, reference, ev, nil)
		return err
	}
}

// mistake delivers a notification of other money than ours.
func (s *story) mistake(rt *rapid.T) deed {
	which := drawWhich(rt)
	by := fairly([]int64{-1, 1, 2700, 0}).Draw(rt, "by")
	return func(ctx context.Context, process *orders.Service) error {
		reference, ev, some := s.provider.peek(which)
		if !some {
			return nil
		}
		ev.Outcome = orders.OutcomeSucceeded
		ev.Amount.Minor += by
		if by == 0 {
			dollars, err := money.ParseCurrency("USD")
			if err != nil {
				return err
			}
			ev.Amount.Currency = dollars
		}
		_, err := process.Apply(ctx, reference, ev, nil)
		return err
	}
}

// returnPage settles the latest payment, as often as the shopper loads the page.
func (s *story) returnPage(rt *rapid.T) deed {
	times := fairly([]int{1, 2, 3, 4}).Draw(rt, "times")
	return func(ctx context.Context, process *orders.Service) error {
		o, err := process.Get(ctx, s.order)
		if err != nil || o.LatestPayment.IsZero() {
			return err
		}
		for range times {
			if _, err = process.Settle(ctx, o.LatestPayment, time.Minute); err != nil && !errors.Is(err, errModelDown) {
				return err
			}
		}
		return nil
	}
}
