package orders

import "slices"

// RefundStatus is where a refund stands (API.md §2).
type RefundStatus string

// The refund statuses.
const (
	// RefundPending: recorded and on its way to the provider, or the provider is carrying it out.
	RefundPending RefundStatus = "pending"
	// RefundInReview: the provider has taken the application on; its staff decides, for hours or days.
	RefundInReview RefundStatus = "in_review"
	// RefundUnknown: sent, and no trustworthy answer; queries settle it.
	RefundUnknown RefundStatus = "unknown"
	// RefundSucceeded: the money has gone back.
	RefundSucceeded RefundStatus = "succeeded"
	// RefundFailed: refused, failed on the way, or never reached the provider; no money went back.
	RefundFailed RefundStatus = "failed"
	// RefundRejected: the provider's staff turned the application down.
	RefundRejected RefundStatus = "rejected"
	// RefundCanceled: withdrawn before it was carried out.
	RefundCanceled RefundStatus = "canceled"
)

// RefundStatuses lists every refund status in the order of API.md.
func RefundStatuses() []RefundStatus {
	return []RefundStatus{
		RefundPending, RefundInReview, RefundUnknown, RefundSucceeded, RefundFailed, RefundRejected, RefundCanceled,
	}
}

// Open reports whether the money may still go back: the refund's amount is reserved.
func (s RefundStatus) Open() bool {
	return s == RefundPending || s == RefundInReview || s == RefundUnknown
}

// Valid reports whether the text is a refund status.
func (s RefundStatus) Valid() bool { return slices.Contains(RefundStatuses(), s) }

// RefundOutcome is what one piece of evidence says of a refund, in our words.
type RefundOutcome string

// The refund outcomes.
const (
	// RefundOutcomeInReview: the provider has the application; nothing more.
	RefundOutcomeInReview RefundOutcome = "in_review"
	// RefundOutcomeProcessing: the review is passed; the provider is carrying the refund out.
	RefundOutcomeProcessing RefundOutcome = "processing"
	// RefundOutcomeSucceeded: the money has gone back.
	RefundOutcomeSucceeded RefundOutcome = "succeeded"
	// RefundOutcomeDeclined: refused or failed for good.
	RefundOutcomeDeclined RefundOutcome = "declined"
	// RefundOutcomeRejected: turned down in review.
	RefundOutcomeRejected RefundOutcome = "rejected"
	// RefundOutcomeWithdrawn: the application was taken back.
	RefundOutcomeWithdrawn RefundOutcome = "withdrawn"
	// RefundOutcomeUnknown: something was sent and nothing trustworthy came back.
	RefundOutcomeUnknown RefundOutcome = "unknown"
	// RefundOutcomeNeverSent: not one byte of the application left us; it may be sent again.
	RefundOutcomeNeverSent RefundOutcome = "never_sent"
	// RefundOutcomeNotFound: asked often and late enough, the provider does not know the refund (design §3).
	RefundOutcomeNotFound RefundOutcome = "not_found"
)

// RefundOutcomes lists every refund outcome.
func RefundOutcomes() []RefundOutcome {
	return []RefundOutcome{
		RefundOutcomeInReview, RefundOutcomeProcessing, RefundOutcomeSucceeded, RefundOutcomeDeclined,
		RefundOutcomeRejected, RefundOutcomeWithdrawn, RefundOutcomeUnknown, RefundOutcomeNeverSent, RefundOutcomeNotFound,
	}
}

// NextRefund is the refund's state machine: the status that the outcome leads to, and how. It is pure and total.
//
//	from \ outcome  in_review  processing succeeded declined rejected withdrawn unknown never_sent not_found
//	pending         in_review  same       succeeded failed   rejected canceled  unknown same       failed
//	in_review       same       pending    succeeded failed   rejected canceled  stale   stale      conflict
//	unknown         in_review  pending    succeeded failed   rejected canceled  same    stale      failed
//	succeeded       stale      stale      same      conflict conflict conflict  stale   stale      conflict
//	failed          stale      stale      late      same     same     same      stale   stale      same
//	rejected        stale      stale      late      same     same     same      stale   stale      same
//	canceled        stale      stale      late      same     same     same      stale   stale      same
//
// "late" moves the status to succeeded as well, where the payment still holds that much. A pending refund that was never
// sent stays pending, to be sent later. What depends on more than the status is decided in foldRefund: whether a "not found"
// may be believed, and whether a query refutes a success.
func NextRefund(from RefundStatus, outcome RefundOutcome) (RefundStatus, Verdict) {
	switch from {
	case RefundPending, RefundInReview, RefundUnknown:
		return nextOpenRefund(from, outcome)
	case RefundSucceeded:
		switch outcome {
		case RefundOutcomeSucceeded:
			return from, VerdictSame
		case RefundOutcomeDeclined, RefundOutcomeRejected, RefundOutcomeWithdrawn, RefundOutcomeNotFound:
			return from, VerdictConflict
		case RefundOutcomeInReview, RefundOutcomeProcessing, RefundOutcomeUnknown, RefundOutcomeNeverSent:
		}
	case RefundFailed, RefundRejected, RefundCanceled:
		switch outcome {
		case RefundOutcomeSucceeded:
			return RefundSucceeded, VerdictLate
		case RefundOutcomeDeclined, RefundOutcomeRejected, RefundOutcomeWithdrawn, RefundOutcomeNotFound:
			return from, VerdictSame
		case RefundOutcomeInReview, RefundOutcomeProcessing, RefundOutcomeUnknown, RefundOutcomeNeverSent:
		}
	}
	return from, VerdictStale
}

func nextOpenRefund(from RefundStatus, outcome RefundOutcome) (RefundStatus, Verdict) {
	to := from
	switch outcome {
	case RefundOutcomeInReview:
		to = RefundInReview
	case RefundOutcomeProcessing:
		to = RefundPending
	case RefundOutcomeSucceeded:
		to = RefundSucceeded
	case RefundOutcomeDeclined:
		to = RefundFailed
	case RefundOutcomeRejected:
		to = RefundRejected
	case RefundOutcomeWithdrawn:
		to = RefundCanceled
	case RefundOutcomeUnknown:
		if from == RefundInReview {
			return from, VerdictStale
		}
		to = RefundUnknown
	case RefundOutcomeNeverSent:
		if from != RefundPending {
			return from, VerdictStale
		}
	case RefundOutcomeNotFound:
		if from == RefundInReview {
			return from, VerdictConflict // the provider has named it to us
		}
		to = RefundFailed
	}
	if to == from {
		return from, VerdictSame
	}
	return to, VerdictMove
}
