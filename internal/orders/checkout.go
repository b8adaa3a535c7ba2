package orders

import "time"

// MethodType is what a payment is paid with (API.md §2).
type MethodType string

// The method types.
const (
	// MethodCard: a card whose number came with the request.
	MethodCard MethodType = "card"
	// MethodHosted: whatever the shopper chooses on the provider's own checkout page. We never see the card.
	MethodHosted MethodType = "hosted"
	// MethodLocal: a payment method of the shopper's country or bank, without a card. The provider asks the shopper for the money
	// by a page, a code or a text.
	MethodLocal MethodType = "local"
)

// Valid reports whether the text is a method type.
func (m MethodType) Valid() bool { return m == MethodCard || m == MethodHosted || m == MethodLocal }

// A checkout session can be paid for half an hour (Onerway contract §13). It begins a little after we have asked for it, and
// ends by the provider's clock: until the margin is over too, it may still be open.
const (
	checkoutLasts  = 30 * time.Minute
	checkoutMargin = time.Minute
)

// hosted reports whether the payment is a session on the provider's page: several attempts, each a transaction of its own, of
// which one can succeed.
func (p Payment) hosted() bool { return p.Method == MethodHosted }

// sessionEndsAt is when a checkout session is surely over.
func (p Payment) sessionEndsAt() time.Time { return p.SentAt.Add(checkoutLasts + checkoutMargin) }

// taken reports whether money of the payment is held or captured.
func (p Payment) taken() bool { return p.Status == PaymentAuthorized || p.Status == PaymentSucceeded }

// brings reports whether the outcome is that money was taken or held.
func brings(outcome Outcome) bool { return outcome == OutcomeSucceeded || outcome == OutcomeAuthorized }

// asTold makes of a failed transaction what it means for its payment. A card sale has one transaction and ends with it. In a
// checkout session the shopper may try again for as long as it lasts, and reopening the order then could charge twice: the
// failure of one attempt ends it only where no session was opened at all, or where the provider, asked after its end, knows no
// better. What another attempt came to says nothing against the one that has the money.
func asTold(p Payment, ev Evidence, now time.Time) Evidence {
	if ev.Outcome != OutcomeDeclined && ev.Outcome != OutcomeAttemptFailed {
		return ev
	}
	told := ev.Outcome
	switch {
	case !p.hosted():
		ev.Outcome = OutcomeDeclined
	case p.taken() && p.anotherAttempt(ev):
		ev.Outcome = OutcomeAttemptFailed
	case p.taken():
		ev.Outcome = OutcomeDeclined
	case told == OutcomeDeclined && p.Status.Open() && !endsSession(p, ev.Source, now):
		ev.Outcome = OutcomeAttemptFailed
	}
	return ev
}

// endsSession reports whether a decline from this source is the end of the session and not only of an attempt.
func endsSession(p Payment, source Source, now time.Time) bool {
	switch source {
	case SourceAnswer:
		return true // the request for the session itself
	case SourceQuery:
		return !now.Before(p.sessionEndsAt())
	case SourceNotification:
	}
	return false
}

// anotherAttempt reports whether the news names another transaction of the session than the one that we know.
func (p Payment) anotherAttempt(ev Evidence) bool {
	return p.hosted() && p.ProviderTransactionID != "" && ev.ProviderTransactionID != "" &&
		p.ProviderTransactionID != ev.ProviderTransactionID
}

// learnAttempt takes over what news of a checkout session tells besides the outcome: of the attempt that has the money
// everything, of any other only why it failed, for the next may be by another card. The first transaction that is known stands
// for the payment until one succeeds.
func (c *change) learnAttempt() {
	p, ev := &c.payment, c.evidence
	switch {
	case brings(ev.Outcome):
		if ev.ProviderTransactionID != "" {
			p.ProviderTransactionID = ev.ProviderTransactionID
		}
		c.learnCard()
	case p.ProviderTransactionID == "":
		p.ProviderTransactionID = ev.ProviderTransactionID
	}
	if p.Status.Open() && ev.RedirectURL != "" {
		p.RedirectURL = ev.RedirectURL
	}
	if p.Status.Open() && ev.Outcome == OutcomeAttemptFailed {
		p.Failure = ev.Failure
	}
}

// untold reports whether we do not know yet what a checkout session was paid with: the notification of its success does not
// say, a query does.
func (p Payment) untold() bool { return p.hosted() && p.taken() && p.Card.Last4 == "" }

// checkoutTimeout explains the end of a session that nobody has paid.
func checkoutTimeout(providerCode string) *Failure {
	return &Failure{
		Code: "processing_error", DeclineCode: "checkout_expired", Category: FailureSoft, ProviderCode: providerCode,
		Message: "The shopper did not complete the checkout in time. Nothing was charged.",
	}
}
