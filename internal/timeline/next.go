package timeline

import (
	"fmt"
	"slices"
	"strings"
	"time"

	"tillway/internal/money"
	"tillway/internal/orders"
)

// next says what happens by itself, when, and what somebody can do.
func next(h orders.History, now time.Time) []Step {
	var steps []Step
	for _, p := range slices.Backward(h.Payments) {
		if step, is := holdStep(p, modificationOf(h, p.ID), now); is {
			steps = append(steps, step)
		}
		if step, is := paymentStep(p, doubted(h, func(d orders.Discrepancy) bool { return d.Payment == p.ID }), now); is {
			steps = append(steps, step)
		}
	}
	for _, r := range slices.Backward(h.Refunds) {
		if step, is := refundStep(r, doubted(h, func(d orders.Discrepancy) bool { return d.Refund == r.ID }), now); is {
			steps = append(steps, step)
		}
	}
	for _, d := range slices.Backward(h.Disputes) {
		if step, is := disputeStep(d); is {
			steps = append(steps, step)
		}
	}
	if step, is := reviewStep(h); is {
		steps = append(steps, step)
	}
	return append(steps, orderStep(h, now))
}

// paymentStep says how an open, unconfirmed or doubted payment is settled, and when the provider is asked once more about one
// that ended without success.
func paymentStep(p orders.PaymentHistory, doubted bool, now time.Time) (Step, bool) {
	if len(p.NextChecks) == 0 {
		return Step{}, false
	}
	name, why := attempt(p.Attempt), ""
	switch p.Status {
	case orders.PaymentProcessing:
		why = fmt.Sprintf("%s is under way at the provider.", name)
	case orders.PaymentRequiresAction:
		why = fmt.Sprintf("%s waits for the shopper to authenticate.", name)
		switch p.Method {
		case orders.MethodHosted:
			why = fmt.Sprintf("%s waits for the shopper to pay on the provider's page.", name)
		case orders.MethodLocal:
			why = fmt.Sprintf("%s waits for the shopper to pay.", name)
		case orders.MethodCard:
		}
	case orders.PaymentUnknown:
		why = fmt.Sprintf("The outcome of %s is not known.", lower(name))
	case orders.PaymentAuthorized, orders.PaymentSucceeded:
		why = fmt.Sprintf("%s is not confirmed by the provider's own later word yet.", name)
		if p.Method == orders.MethodHosted && p.Confirmed && !doubted {
			why = fmt.Sprintf("What %s was paid with is not known yet.", lower(name))
		}
	case orders.PaymentFailed, orders.PaymentCanceled, orders.PaymentExpired:
		why = ended(lower(name), doubted)
	}
	if p.Status.Open() && !p.CancelAskedAt.IsZero() {
		why = fmt.Sprintf("The provider was asked to cancel %s; it has yet to say what came of that.", lower(name))
		if !p.CancelFailedAt.IsZero() {
			why = fmt.Sprintf("The provider did not cancel %s; its outcome is not known.", lower(name))
		}
	}
	until := ""
	if p.Status.Open() && now.Before(p.AskedUntil) {
		until = "From " + clock(p.AskedUntil) + " on, day 7, a person must look as well."
	}
	at := p.NextChecks[0].Unix()
	return Step{At: &at, Text: sentences(why, soFar(p.Payment), asked(p.NextChecks, now), until)}, true
}

// doubted reports whether an open discrepancy is about what the caller has in mind.
func doubted(h orders.History, about func(orders.Discrepancy) bool) bool {
	return slices.ContainsFunc(h.Discrepancies, about)
}

// ended says why the provider is asked about something that ended without success.
func ended(name string, doubted bool) string {
	if doubted {
		return fmt.Sprintf("What the provider says of %s has to be cleared up.", name)
	}
	return fmt.Sprintf("No money of %s moved; to be sure, it is looked at again.", name)
}

// soFar says how often the provider was asked on schedule without an answer that settled anything.
func soFar(p orders.Payment) string {
	if !p.Status.Open() || p.Checks+p.NotFoundCount == 0 {
		return ""
	}
	text := fmt.Sprintf("The provider was asked %s so far", times(max(p.Checks, p.NotFoundCount)))
	if p.NotFoundCount > 0 {
		text += fmt.Sprintf(" (%s: no such payment)", times(p.NotFoundCount))
	}
	return text + "."
}

func times(n int) string {
	if n == 1 {
		return "once"
	}
	return fmt.Sprintf("%d times", n)
}

// asked says when the provider is asked. A time that is past is one at which somebody is asking.
func asked(checks []time.Time, now time.Time) string {
	first, then := checks[0], checks[1:]
	text := "The provider is being asked now"
	if first.After(now) {
		text = fmt.Sprintf("The provider is asked next at %s (%s)", clock(first), within(first.Sub(now)))
	}
	for _, at := range then {
		text += ", then at " + clock(at)
	}
	return text + "."
}

// reviewStep says what a person has to look at.
func reviewStep(h orders.History) (Step, bool) {
	if !h.Order.NeedsReview {
		return Step{}, false
	}
	var open []string
	for _, d := range slices.Backward(h.Discrepancies) {
		what := strings.ReplaceAll(d.Class, "_", " ")
		if !d.AtRisk.IsZero() {
			what += " (" + d.AtRisk.Display() + " at risk)"
		}
		open = append(open, what)
	}
	if len(open) == 0 {
		return Step{Text: "A person must look at the order."}, true
	}
	return Step{Text: "A person must look. Open discrepancies: " + strings.Join(open, ", ") + "."}, true
}

// orderStep says what the merchant can do now.
func orderStep(h orders.History, now time.Time) Step {
	o := h.Order
	switch o.Status {
	case orders.StatusOpen:
		at := o.ExpiresAt.Unix()
		if !o.ExpiresAt.After(now) {
			return Step{At: &at, Text: "The order's time is over: it expires now."}
		}
		if !o.Subscription.IsZero() && !o.NeedsReview {
			return Step{At: &at, Text: fmt.Sprintf("The order is charged, or canceled, by its subscription until %s (%s); then it expires.",
				clock(o.ExpiresAt), within(o.ExpiresAt.Sub(now)))}
		}
		if !o.Subscription.IsZero() {
			return Step{At: &at, Text: fmt.Sprintf("A person may cancel the order until %s (%s); then it expires.",
				clock(o.ExpiresAt), within(o.ExpiresAt.Sub(now)))}
		}
		return Step{At: &at, Text: fmt.Sprintf("The order can be paid or canceled until %s (%s); then it expires.",
			clock(o.ExpiresAt), within(o.ExpiresAt.Sub(now)))}
	case orders.StatusPending:
		return Step{Text: "The order can be neither paid again nor canceled until its payment is settled."}
	case orders.StatusAuthorized:
		return Step{Text: "The order takes no other payment while money is held for it."}
	case orders.StatusPaid, orders.StatusPartiallyRefunded:
		return Step{Text: refundable(h)}
	case orders.StatusRefunded:
		return Step{Text: "Nothing is left to refund."}
	case orders.StatusCanceled, orders.StatusExpired:
		return Step{Text: "The order takes no payment any more. " + latePolicy(o.LatePayment)}
	}
	return Step{Text: "Nothing is open."}
}

func refundable(h orders.History) string {
	left := h.Order.Refundable()
	if left <= 0 {
		return "Nothing more can be refunded while refunds or disputes are pending."
	}
	if h.RefundsClosed {
		return "No refund can be asked for any more: the time for it, or the number of refunds, is used up."
	}
	return fmt.Sprintf("Up to %s can be refunded.", money.New(left, h.Order.Amount.Currency).Display())
}

func latePolicy(p orders.LatePayment) string {
	switch p {
	case orders.LatePaymentAccept:
		return "Should money of an earlier attempt still arrive, the order counts as paid."
	case orders.LatePaymentRefund:
		return "Should money of an earlier attempt still arrive, it goes back by itself."
	case orders.LatePaymentReview:
	}
	return "Should money of an earlier attempt still arrive, a person decides what becomes of it."
}
