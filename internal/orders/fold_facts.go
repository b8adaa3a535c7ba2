package orders

import (
	"cmp"
	"time"

	"tillway/internal/cards"
)

// learn takes over what the evidence tells besides the outcome and reports whether any of it was new.
func (c *change) learn() bool {
	p, ev := &c.payment, c.evidence
	before := known(*p)
	if p.hosted() {
		c.learnAttempt()
		return before != known(*p)
	}
	p.ProviderTransactionID = cmp.Or(p.ProviderTransactionID, ev.ProviderTransactionID)
	if p.Status == PaymentRequiresAction {
		c.learnAction()
	}
	if !p.local() {
		c.learnCard()
	}
	return before != known(*p)
}

// learnCard takes over what the evidence tells of the card and of its holder's authentication.
func (c *change) learnCard() {
	p, ev := &c.payment, c.evidence
	p.ECI = cmp.Or(ev.ECI, p.ECI)
	p.Card.Brand = cmp.Or(ev.CardBrand, p.Card.Brand)
	p.Card.Last4 = cmp.Or(p.Card.Last4, ev.CardLast4)
	p.Card.Country = cmp.Or(ev.CardCountry, p.Card.Country)
	p.ThreeDSResult = cmp.Or(threeDSResult(*p, ev), p.ThreeDSResult)
}

// knowledge is what can be learned of a payment besides its status.
type knowledge struct {
	transaction, eci, redirectURL string
	display                       Display
	card                          cards.Summary
	threeDS                       ThreeDSResult
	failure                       Failure
}

func known(p Payment) knowledge {
	k := knowledge{p.ProviderTransactionID, p.ECI, p.RedirectURL, p.Display, p.Card, p.ThreeDSResult, Failure{}}
	if p.Failure != nil {
		k.failure = *p.Failure
	}
	return k
}

// threeDSResult says how the cardholder's authentication ended, "" while there was none. Visa answers ECI 05 and
// Mastercard 02 for an authenticated cardholder (contract §6; one digit in some samples).
func threeDSResult(p Payment, ev Evidence) ThreeDSResult {
	if ev.ThreeDSResult != "" {
		return ev.ThreeDSResult
	}
	switch p.Status {
	case PaymentSucceeded, PaymentAuthorized:
		if p.Challenged {
			return ThreeDSAuthenticated
		}
		switch p.ECI {
		case "05", "02", "5", "2":
			if p.hosted() {
				return ThreeDSAuthenticated // on the provider's page, which does not tell how
			}
			return ThreeDSFrictionless
		}
	case PaymentExpired:
		return ThreeDSTimeout
	case PaymentProcessing, PaymentRequiresAction, PaymentUnknown, PaymentFailed, PaymentCanceled:
	}
	return ""
}

// settlePayment writes the amounts, times and failure that the payment's new status implies.
func (c *change) settlePayment(now time.Time) {
	p := &c.payment
	attempted := p.Failure
	p.Failure, p.FinalAt = nil, time.Time{}
	p.AmountAuthorized, p.AmountCaptured = 0, 0
	switch p.Status {
	case PaymentSucceeded:
		// What a capture has left of the hold is released.
		p.AmountCaptured = cmp.Or(p.CaptureAmount, p.Amount.Minor)
		p.AmountAuthorized = p.AmountCaptured
		p.FinalAt = now
	case PaymentAuthorized:
		p.AmountAuthorized = p.Amount.Minor
	case PaymentFailed, PaymentCanceled, PaymentExpired:
		p.FinalAt = now
		p.Failure = c.failure()
	case PaymentRequiresAction:
		p.Challenged = !p.hosted() && !p.local()
		if c.evidence.Outcome == OutcomeAttemptFailed {
			p.Failure = attempted
		}
	case PaymentProcessing, PaymentUnknown:
	}
	mayReturn := (p.hosted() || p.local()) && p.Status.Open() // to a checkout page, or to pay after all
	if p.Status != PaymentRequiresAction && !mayReturn {
		p.RedirectURL, p.Display = "", Display{}
	}
}

// failure explains an unsuccessful end: in the gateway's words, or in ours where the provider gave no reason.
func (c *change) failure() *Failure {
	if c.payment.hosted() && c.evidence.Outcome == OutcomeClosed && !c.before.taken() {
		return checkoutTimeout(c.evidence.ProviderCode)
	}
	if c.payment.local() && c.evidence.Outcome == OutcomeClosed && !c.before.taken() {
		return localTimeout(c.evidence.ProviderCode)
	}
	if c.evidence.Failure != nil {
		return c.payment.withoutCard(*c.evidence.Failure)
	}
	f := &Failure{Code: "processing_error", Category: FailureTechnical, ProviderCode: c.evidence.ProviderCode}
	switch {
	case c.evidence.Outcome == OutcomeReversed:
		f.DeclineCode, f.Message = DeclineReversed, "The provider has taken the charge back. No money remains taken."
	case c.payment.Status == PaymentExpired:
		f.Code, f.Category = "authentication_timeout", FailureSoft
		f.Message = "The cardholder did not complete the authentication in time."
	case c.payment.Status == PaymentCanceled:
		f.Message = "The provider closed the payment without charging the card."
	case c.evidence.Outcome == OutcomeNotFound:
		f.Message = "The payment never reached the provider. Nothing was charged."
	case c.evidence.Outcome == OutcomeNeverSent:
		f.Message = "The payment could not be sent to the provider. Nothing was charged."
	default:
		f.Code, f.Category, f.DeclineCode = "card_declined", FailureHard, "generic_decline"
		f.Message = "The card was declined."
		return c.payment.withoutCard(*f)
	}
	return f
}

// schedule decides when the provider is asked next.
func (c *change) schedule(r rules, now time.Time) {
	p := &c.payment
	awaitsConfirmation := (p.Status == PaymentSucceeded || p.Status == PaymentAuthorized) && !p.Confirmed
	switch {
	case c.asks(r):
		p.NextCheckAt = now
	case p.Status.Open() || awaitsConfirmation:
		p.NextCheckAt = r.nextCheck(*p, now)
		c.giveUpWaiting(now)
	case p.Status == PaymentAuthorized && r.holdLasts > 0:
		p.NextCheckAt = r.holdCheck(*p, now)
	case c.order.NeedsReview && c.evidence.Source != SourceQuery:
		// A question that doubt made us ask stays open until it is answered: other news must not take it back.
	case c.mayTurnOut():
		if p.Status != c.before.Status || c.evidence.Source == SourceQuery { // only an answer makes the question go away
			p.NextCheckAt = lookAgain(p.FinalAt, now)
		}
	default:
		p.NextCheckAt = time.Time{}
	}
}

// nextCheck is when the provider is asked about a payment whose outcome is open or unconfirmed: by the schedule, and about a
// checkout session, or a code to pay by, also right after its end.
func (r rules) nextCheck(p Payment, now time.Time) time.Time {
	next := r.schedule.Next(p.SentAt, now)
	end := p.codeEndsAt()
	if p.hosted() {
		end = p.sessionEndsAt()
	}
	if end.After(now) && end.Before(next) {
		return end
	}
	return next
}

// mayTurnOut reports whether a payment ended without success of which the provider may yet say otherwise: it has seen it, as
// far as we know, and has not taken the charge back.
func (c *change) mayTurnOut() bool {
	return !c.payment.Status.Open() && !c.payment.Status.Live() && c.evidence.Outcome != OutcomeNeverSent &&
		!reversed(c.payment) && !c.payment.released()
}

// asks reports whether the news makes us ask the provider at once.
func (c *change) asks(r rules) bool {
	if c.evidence.Source != SourceNotification {
		return c.overtaken
	}
	if c.mayBeBack || c.evidence.NotCanceled && c.payment.Status.Open() {
		return true // nothing but a query decides now
	}
	doubtful := c.verdict == VerdictMismatch || c.verdict == VerdictConflict || c.verdict == VerdictUnproven
	ended := (c.verdict == VerdictMove || c.verdict == VerdictLate) && !c.payment.Status.Open() && !reversed(c.payment)
	return ((doubtful || c.payment.untold()) && r.confirm != ConfirmNever) || (ended && r.confirm == ConfirmAlways)
}

// giveUpWaiting calls for a person when the provider has not said how it went for as long as we ask on our own.
func (c *change) giveUpWaiting(now time.Time) {
	if p := c.payment; now.Sub(p.SentAt) > queriedUntil {
		c.missNews(p.MerchantTxnID, &discrepancyDraft{
			ours: map[string]any{"status": p.Status}, theirs: map[string]any{}, atRisk: p.Amount,
		})
	}
}

// settleOrder derives the order's amounts and status from what its payment now contributes and writes the order's events.
func (c *change) settleOrder(now time.Time) {
	o, before := &c.order, c.order.Status
	authorized, captured := contribution(c.payment)
	wasAuthorized, wasCaptured := contribution(c.before)
	o.AmountAuthorized += authorized - wasAuthorized
	o.AmountPaid += captured - wasCaptured
	switch {
	case o.AmountPaid == 0:
		o.PaidAt = time.Time{}
	case o.PaidAt.IsZero():
		o.PaidAt = now
	}
	c.coverDisputes()
	anotherIsLive := before == StatusPending && !c.before.Status.Open()
	o.Status = DeriveStatus(Facts{
		Paid: o.AmountPaid, Authorized: o.AmountAuthorized, Refunded: o.AmountRefunded,
		LivePayment: c.payment.Status.Open() || anotherIsLive,
		Canceled:    !o.CanceledAt.IsZero(), Expired: !o.ExpiredAt.IsZero(),
	})
	if o.Status != before && !c.goesBack() {
		c.emit(orderEvent(o.Status))
	}
}

// contribution is what a payment adds to its order's amounts: nothing when it is surplus.
func contribution(p Payment) (authorized, captured int64) {
	if p.Surplus {
		return 0, 0
	}
	return p.AmountAuthorized, p.AmountCaptured
}

// orderEvent names the event of an order's new status, "" for those that have none: an order that is open again or
// pending is told by its payment's event.
func orderEvent(s Status) string {
	switch s {
	case StatusPaid, StatusAuthorized, StatusCanceled, StatusExpired, StatusRefunded, StatusPartiallyRefunded:
		return "order." + string(s)
	case StatusOpen, StatusPending:
	}
	return ""
}

func (c *change) emitPayment() { c.emit("payment." + string(c.payment.Status)) }
