package subscriptions

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"time"

	"tillway/internal/details"
	"tillway/internal/fault"
	"tillway/internal/ids"
	"tillway/internal/subscriptions/calendar"
	"tillway/internal/subscriptions/dunning"
	"tillway/internal/subscriptions/lifecycle"
)

// commandAttempts is how often a command is begun anew when the subscription changes between reading and writing.
const commandAttempts = 4

// Cancel ends a subscription, at once or when its current period is over. What was paid stays paid. Repeating it changes nothing.
// It returns a fault NotFound, or Conflict subscription_not_cancelable for one that has ended otherwise.
func (s *Service) Cancel(ctx context.Context, id ids.Subscription, atPeriodEnd bool) (Subscription, error) {
	return s.command(ctx, id, func(f facts) (step, error) {
		sub := f.sub
		switch {
		case sub.Status == lifecycle.StatusCanceled:
			return step{sub: sub}, nil
		case atPeriodEnd && lifecycle.Allows(sub.Status, lifecycle.CommandCancelAtPeriodEnd):
			sub.CancelAtPeriodEnd, sub.nextRunAt = true, f.now
			st := step{sub: sub, changed: !f.sub.CancelAtPeriodEnd}
			if sub.Collection == ProviderManaged {
				st.end = f.charged() // else the provider charges the next period when the current one ends
			}
			return st, nil
		case !atPeriodEnd && (lifecycle.Allows(sub.Status, lifecycle.CommandCancel) || slices.ContainsFunc(f.purchases, f.waitsWith)):
			return canceledNow(f), nil
		case lifecycle.Allows(sub.Status, lifecycle.CommandCancel):
			return step{}, refuse("subscription_not_cancelable",
				"The subscription is %s: it can be canceled at once, and has no period that runs.", sub.Status)
		}
		return step{}, refuse("subscription_not_cancelable", "The subscription is %s and cannot be canceled.", sub.Status)
	})
}

func (f facts) waitsWith(p purchase) bool {
	return p.payment != nil && f.sub.WaitsForContract(*p.payment)
}

// canceledNow is a subscription that its merchant has ended. An order that is being charged just now is looked after until its
// outcome is known.
func canceledNow(f facts) step {
	st := step{sub: restless(f, f.sub)}
	st.happens(f, lifecycle.HappeningCanceled)
	return st
}

// Pause stops the charges until Resume. What is past due is not collected any more. Repeating it changes nothing. It returns a
// fault NotFound, or Conflict subscription_not_pausable.
func (s *Service) Pause(ctx context.Context, id ids.Subscription) (Subscription, error) {
	return s.command(ctx, id, func(f facts) (step, error) {
		sub := f.sub
		if sub.Status == lifecycle.StatusPaused {
			return step{sub: sub}, nil
		}
		switch {
		case sub.Allows(lifecycle.CommandPause):
		case lifecycle.Allows(sub.Status, lifecycle.CommandPause):
			return step{}, refuse("subscription_not_pausable",
				"The provider charges this subscription by itself and cannot be told to pause. Cancel it instead.")
		default:
			return step{}, refuse("subscription_not_pausable", "The subscription is %s and cannot be paused.", sub.Status)
		}
		st := step{sub: restless(f, sub)}
		st.happens(f, lifecycle.HappeningPaused)
		return st, nil
	})
}

// Resume charges a paused subscription again, from the next anchor date on: what passed meanwhile is not billed. It returns a fault
// NotFound, or Conflict subscription_not_paused.
func (s *Service) Resume(ctx context.Context, id ids.Subscription) (Subscription, error) {
	return s.command(ctx, id, func(f facts) (step, error) {
		sub := f.sub
		if !lifecycle.Allows(sub.Status, lifecycle.CommandResume) {
			return step{}, refuse("subscription_not_paused", "The subscription is %s, not paused.", sub.Status)
		}
		st := step{sub: restless(f, current(f, sub))}
		happening := lifecycle.HappeningResumed
		if sub.PeriodIndex < 0 && f.now.Before(sub.TrialEnd) {
			happening = lifecycle.HappeningTrialResumed
		}
		st.happens(f, happening)
		st.sub.NextChargeAt = st.sub.PeriodEnd
		return st, nil
	})
}

// Patch changes a subscription: what is nil stays as it is. Amount and interval count from the next period on.
type Patch struct {
	details.Patch

	Amount        *int64
	Interval      *calendar.Interval
	IntervalCount *int
	// EndsAt is replaced, by nothing where ClearEndsAt says so; Policy likewise.
	EndsAt      *time.Time
	ClearEndsAt bool
	Policy      *dunning.Policy
	ClearPolicy bool
	// KeepAfterPeriod takes back a cancellation that has not taken effect.
	KeepAfterPeriod bool
}

func (p Patch) moves() bool {
	return p.Amount != nil || p.Interval != nil || p.IntervalCount != nil || p.EndsAt != nil || p.ClearEndsAt ||
		p.Policy != nil || p.ClearPolicy || p.KeepAfterPeriod
}

// Update changes a subscription. It returns a fault NotFound, Invalid, Conflict subscription_not_changeable for one that has
// ended, or Refused interval_not_allowed for charges closer together than the customer has agreed to.
func (s *Service) Update(ctx context.Context, id ids.Subscription, patch Patch) (Subscription, error) {
	return s.command(ctx, id, func(f facts) (step, error) {
		sub := f.sub
		if patch.moves() && !lifecycle.Allows(sub.Status, lifecycle.CommandChangeTerms) {
			return step{}, refuse("subscription_not_changeable",
				"The subscription is %s: only its description and metadata can be changed.", sub.Status)
		}
		var err error
		if sub.Description, sub.Metadata, err = patch.Apply(sub.Description, sub.Metadata); err != nil {
			return step{}, err
		}
		if sub, err = s.changed(f, sub, patch); err != nil {
			return step{}, err
		}
		sub.nextRunAt = soonest(sub.nextRunAt, f.now)
		return step{sub: sub, changed: true}, nil
	})
}

// changed applies what a patch says of money and time.
func (s *Service) changed(f facts, sub Subscription, patch Patch) (Subscription, error) {
	if sub.Collection == ProviderManaged && (patch.KeepAfterPeriod || patch.Amount != nil || patch.Interval != nil || patch.IntervalCount != nil || patch.EndsAt != nil || patch.ClearEndsAt) {
		return sub, fault.New(fault.Refused, "provider_managed_terms",
			"The provider charges this subscription by the terms that it began with. Cancel it and create another one.")
	}
	if patch.Amount != nil {
		sub.Amount.Minor = *patch.Amount
		if err := s.orders.Accepts(sub.Amount.Minor, sub.Amount.Currency.Code()); err != nil {
			return sub, err
		}
	}
	switch {
	case patch.ClearEndsAt:
		sub.EndsAt = time.Time{}
	case patch.EndsAt != nil && !patch.EndsAt.After(f.now):
		return sub, fault.InvalidParam("ends_at", "ends_at must be in the future.")
	case patch.EndsAt != nil:
		sub.EndsAt = *patch.EndsAt
	}
	switch {
	case patch.ClearPolicy:
		sub.Policy = nil
	case patch.Policy != nil:
		sub.Policy = patch.Policy
	}
	if patch.Policy != nil || patch.ClearPolicy {
		sub.NextRetryAt = time.Time{} // the policy is asked anew about what is owed
	}
	if patch.KeepAfterPeriod {
		sub.CancelAtPeriodEnd = false
	}
	return s.rescheduled(f, sub, patch)
}

// rescheduled has the next period begin an interval of its own.
func (s *Service) rescheduled(f facts, sub Subscription, patch Patch) (Subscription, error) {
	asked := sub.Schedule
	if patch.Interval != nil {
		asked.Interval = *patch.Interval
	}
	if patch.IntervalCount != nil {
		asked.Count = *patch.IntervalCount
	}
	if asked == sub.Schedule {
		return sub, nil
	}
	if err := asked.Validate(); err != nil {
		return sub, err
	}
	next, first := sub.Schedule.From(sub.PeriodEnd, asked.Interval, asked.Count)
	allowed := next.MinDays(sub.PeriodEnd, s.termsOf(sub).policy.GiveUpDays) // the charge at its beginning is as far from the last as before
	if f.active != nil && allowed < f.active.frequency {
		return sub, fault.New(fault.Refused, "interval_not_allowed",
			"The customer has agreed to charges that are at least %d days apart. A shorter interval needs their consent: send them "+
				"the link of GET /v1/subscriptions/%s/update_link, and change the interval once they have given a card again.",
			f.active.frequency, sub.ID).WithParam("interval")
	}
	sub.Schedule, sub.PeriodIndex = next, first-1
	return sub, nil
}

// command decides on a subscription as it stands, writes the decision, and carries on from there.
func (s *Service) command(ctx context.Context, id ids.Subscription, decide func(f facts) (step, error)) (Subscription, error) {
	for range commandAttempts {
		f, err := s.facts(ctx, id)
		if err != nil {
			return Subscription{}, err
		}
		st, err := decide(f)
		if err != nil {
			return f.sub, err
		}
		if !st.changed {
			return f.sub, nil
		}
		err = s.write(ctx, f, st)
		if errors.Is(err, errMoved) {
			continue
		}
		if err != nil {
			return f.sub, err
		}
		s.goOn(ctx, id)
		return s.Get(ctx, id)
	}
	return Subscription{}, refuse("subscription_busy", "The subscription is being changed by other requests. Try again.")
}

func refuse(code, format string, args ...any) error {
	return fault.New(fault.Conflict, code, "%s", fmt.Sprintf(format, args...))
}
