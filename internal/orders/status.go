package orders

import "slices"

// PaymentStatus is where one attempt at paying an order stands (API.md §2).
type PaymentStatus string

// The payment statuses.
const (
	// PaymentProcessing: recorded and being sent, or the provider says that it is working on it.
	PaymentProcessing PaymentStatus = "processing"
	// PaymentRequiresAction: the shopper must act (3DS challenge).
	PaymentRequiresAction PaymentStatus = "requires_action"
	// PaymentUnknown: sent, and no trustworthy answer; queries settle it.
	PaymentUnknown PaymentStatus = "unknown"
	// PaymentAuthorized: the issuer holds the funds; nothing is captured.
	PaymentAuthorized PaymentStatus = "authorized"
	// PaymentSucceeded: the money is captured.
	PaymentSucceeded PaymentStatus = "succeeded"
	// PaymentFailed: declined, refused, or never sent; no money moved.
	PaymentFailed PaymentStatus = "failed"
	// PaymentCanceled: closed by the provider, or the authorization was voided or lapsed.
	PaymentCanceled PaymentStatus = "canceled"
	// PaymentExpired: the shopper never completed the challenge and the provider closed the payment.
	PaymentExpired PaymentStatus = "expired"
)

// PaymentStatuses lists every payment status in the order of API.md.
func PaymentStatuses() []PaymentStatus {
	return []PaymentStatus{
		PaymentProcessing, PaymentRequiresAction, PaymentUnknown, PaymentAuthorized,
		PaymentSucceeded, PaymentFailed, PaymentCanceled, PaymentExpired,
	}
}

// Live reports whether the attempt may hold or still take money: an order has at most one live payment.
func (s PaymentStatus) Live() bool {
	return s.Open() || s == PaymentAuthorized || s == PaymentSucceeded
}

// Open reports whether the outcome is not known yet.
func (s PaymentStatus) Open() bool {
	return s == PaymentProcessing || s == PaymentRequiresAction || s == PaymentUnknown
}

// Valid reports whether the text is a payment status.
func (s PaymentStatus) Valid() bool { return slices.Contains(PaymentStatuses(), s) }

// Outcome is what one piece of evidence says of a payment, in our words.
type Outcome string

// The outcomes.
const (
	// OutcomeSucceeded: the provider took the money.
	OutcomeSucceeded Outcome = "succeeded"
	// OutcomeAuthorized: the issuer holds the money.
	OutcomeAuthorized Outcome = "authorized"
	// OutcomeDeclined: refused for good; no money moved.
	OutcomeDeclined Outcome = "declined"
	// OutcomeAttemptFailed: one attempt of a checkout session was refused, and the shopper may try again.
	OutcomeAttemptFailed Outcome = "attempt_failed"
	// OutcomeClosed: the provider closed the transaction without taking money.
	OutcomeClosed Outcome = "closed"
	// OutcomeReversed: the provider confirms that no money remains taken, whatever it took before.
	OutcomeReversed Outcome = "reversed"
	// OutcomeActionRequired: the shopper must act.
	OutcomeActionRequired Outcome = "action_required"
	// OutcomeProcessing: the provider is working on it.
	OutcomeProcessing Outcome = "processing"
	// OutcomeUnknown: something was sent and nothing trustworthy came back.
	OutcomeUnknown Outcome = "unknown"
	// OutcomeNeverSent: the request was refused before its first byte was written.
	OutcomeNeverSent Outcome = "never_sent"
	// OutcomeNotFound: asked often and late enough, the provider does not know the payment (design §3).
	OutcomeNotFound Outcome = "not_found"
)

// Outcomes lists every outcome.
func Outcomes() []Outcome {
	return []Outcome{
		OutcomeSucceeded, OutcomeAuthorized, OutcomeDeclined, OutcomeAttemptFailed, OutcomeClosed, OutcomeReversed,
		OutcomeActionRequired, OutcomeProcessing, OutcomeUnknown, OutcomeNeverSent, OutcomeNotFound,
	}
}

// Verdict is what a payment's state machine makes of an outcome.
type Verdict string

// The verdicts.
const (
	// VerdictMove: the payment takes the new status.
	VerdictMove Verdict = "move"
	// VerdictSame: we knew already; repeating news succeeds and changes nothing.
	VerdictSame Verdict = "same"
	// VerdictStale: older than what we know; final never yields to non-final.
	VerdictStale Verdict = "stale"
	// VerdictLate: money arrived after we had given the payment up; the order's late_payment policy decides.
	VerdictLate Verdict = "late"
	// VerdictConflict: two finals disagree; the provider is queried and a discrepancy records it.
	VerdictConflict Verdict = "conflict"
)

// NextPayment is the payment's state machine: the status that the outcome leads to, and how. It is pure and total.
//
//	from \ outcome   succeeded  authorized declined closed   reversed attempt  action   processing unknown never_sent not_found
//	processing       succeeded  authorized failed   canceled canceled requires requires same       unknown failed     failed
//	requires_action  succeeded  authorized failed   expired  canceled same     same     processing stale   stale      failed
//	unknown          succeeded  authorized failed   canceled canceled requires requires processing same    stale      failed
//	authorized       succeeded  same       conflict canceled canceled stale    stale    stale      stale   stale      conflict
//	succeeded        same       stale      conflict conflict canceled stale    stale    stale      stale   stale      conflict
//	failed           late       late       same     same     same     stale    stale    stale      stale   same       same
//	canceled         late       late       same     same     same     stale    stale    stale      stale   stale      same
//	expired          late       late       same     same     same     stale    stale    stale      stale   stale      same
//
// A failed attempt of a checkout session leaves it to the shopper to act again.
//
// "late" moves the status to succeeded or authorized as well. A query that was not answered is no evidence and never
// reaches this function. After a challenge has begun, an unreadable answer says nothing new, hence "stale" under unknown.
// What depends on more than the status is decided in fold: whether a "not found" may be believed, whether a query refutes a
// success, and that a charge which was taken back is not late money.
func NextPayment(from PaymentStatus, outcome Outcome) (PaymentStatus, Verdict) {
	switch from {
	case PaymentProcessing, PaymentRequiresAction, PaymentUnknown:
		return nextOpen(from, outcome)
	case PaymentAuthorized:
		switch outcome {
		case OutcomeSucceeded:
			return PaymentSucceeded, VerdictMove
		case OutcomeAuthorized:
			return from, VerdictSame
		case OutcomeClosed, OutcomeReversed:
			return PaymentCanceled, VerdictMove
		case OutcomeDeclined, OutcomeNotFound:
			return from, VerdictConflict
		case OutcomeAttemptFailed, OutcomeActionRequired, OutcomeProcessing, OutcomeUnknown, OutcomeNeverSent:
			return from, VerdictStale
		}
	case PaymentSucceeded:
		switch outcome {
		case OutcomeSucceeded:
			return from, VerdictSame
		case OutcomeReversed:
			return PaymentCanceled, VerdictMove
		case OutcomeDeclined, OutcomeClosed, OutcomeNotFound:
			return from, VerdictConflict
		case OutcomeAuthorized, OutcomeAttemptFailed, OutcomeActionRequired, OutcomeProcessing, OutcomeUnknown, OutcomeNeverSent:
			return from, VerdictStale
		}
	case PaymentFailed, PaymentCanceled, PaymentExpired:
		return nextEnded(from, outcome)
	}
	return from, VerdictStale
}

func nextOpen(from PaymentStatus, outcome Outcome) (PaymentStatus, Verdict) {
	to := from
	switch outcome {
	case OutcomeSucceeded:
		to = PaymentSucceeded
	case OutcomeAuthorized:
		to = PaymentAuthorized
	case OutcomeDeclined, OutcomeNotFound:
		to = PaymentFailed
	case OutcomeClosed:
		to = PaymentCanceled
		if from == PaymentRequiresAction {
			to = PaymentExpired
		}
	case OutcomeReversed:
		to = PaymentCanceled
	case OutcomeActionRequired, OutcomeAttemptFailed:
		to = PaymentRequiresAction
	case OutcomeProcessing:
		to = PaymentProcessing
	case OutcomeUnknown:
		if from == PaymentRequiresAction {
			return from, VerdictStale
		}
		to = PaymentUnknown
	case OutcomeNeverSent:
		if from != PaymentProcessing {
			return from, VerdictStale
		}
		to = PaymentFailed
	}
	if to == from {
		return from, VerdictSame
	}
	return to, VerdictMove
}

func nextEnded(from PaymentStatus, outcome Outcome) (PaymentStatus, Verdict) {
	switch outcome {
	case OutcomeSucceeded:
		return PaymentSucceeded, VerdictLate
	case OutcomeAuthorized:
		return PaymentAuthorized, VerdictLate
	case OutcomeDeclined, OutcomeClosed, OutcomeReversed, OutcomeNotFound:
		return from, VerdictSame
	case OutcomeNeverSent:
		if from == PaymentFailed {
			return from, VerdictSame
		}
		return from, VerdictStale
	case OutcomeAttemptFailed, OutcomeActionRequired, OutcomeProcessing, OutcomeUnknown:
		return from, VerdictStale
	}
	return from, VerdictStale
}
