// Package lifecycle is the state machine of a subscription: which status follows what happens to it, which events tell of that,
// and which commands a status allows. It is pure functions over words; when something happens, and what it costs, is decided
// elsewhere (calendar, dunning).
//
// The rules behind the tables:
//
//   - A subscription is incomplete until its first payment has succeeded and the provider has named the contract and token
//     that later charges need. Where that payment ends without success, the subscription expires: nothing was ever due, and
//     another try is another subscription.
//   - A trial ends with what becomes of its first charge, not with the day: trialing turns into active when that is paid.
//   - While a period is owed (past_due) no other is begun: a card that has just declined one charge is not asked for a second.
//   - Paused means no charges, neither new nor owed: pausing what is past due ends its dunning and lets the period go. Charges
//     that were on their way still count. After resuming, the next charge is the next date of the calendar; nothing is billed back.
//   - What ends with its period or by its time ends then, also where something is owed: that is not collected any more.
//   - Canceled and expired are final. Money that arrives after them is late: the order's late_payment policy decides, and the
//     subscription does not come back.
package lifecycle

import "slices"

//go:generate go test . -run ^TestDiagram_ -update

// Status is where a subscription stands (API.md §2).
type Status string

// The statuses.
const (
	// StatusIncomplete: the first payment is not settled.
	StatusIncomplete Status = "incomplete"
	// StatusTrialing: begun, and nothing was charged yet but for what began it.
	StatusTrialing Status = "trialing"
	// StatusActive: paid for, or its next charge is on the way.
	StatusActive Status = "active"
	// StatusPastDue: a period could not be charged; dunning goes on.
	StatusPastDue Status = "past_due"
	// StatusUnpaid: dunning has given up; only a new card brings it back.
	StatusUnpaid Status = "unpaid"
	// StatusPaused: the merchant has stopped it for a while.
	StatusPaused Status = "paused"
	// StatusCanceled: ended before its time. Final.
	StatusCanceled Status = "canceled"
	// StatusExpired: it has run its time, or never began. Final.
	StatusExpired Status = "expired"
)

// Statuses lists every status in the order of API.md.
func Statuses() []Status {
	return []Status{
		StatusIncomplete, StatusTrialing, StatusActive, StatusPastDue, StatusUnpaid, StatusPaused, StatusCanceled, StatusExpired,
	}
}

// Valid reports whether the text is a status.
func (s Status) Valid() bool { return slices.Contains(Statuses(), s) }

// Final reports whether the subscription has ended.
func (s Status) Final() bool { return s == StatusCanceled || s == StatusExpired }

// Happening is what happens to a subscription.
type Happening string

// The happenings.
const (
	// HappeningBegun: the first payment succeeded and contract and token are known; the first period has begun.
	HappeningBegun Happening = "begun"
	// HappeningTrialBegun: the same, and the first paid period begins when the trial is over.
	HappeningTrialBegun Happening = "trial_begun"
	// HappeningNotBegun: the first payment failed, was abandoned or expired.
	HappeningNotBegun Happening = "not_begun"
	// HappeningPaid: a later period is paid, on time, by a retry, late, or with a new card.
	HappeningPaid Happening = "paid"
	// HappeningOwed: a period could not be charged and is held against the customer (dunning.Decision.PastDue).
	HappeningOwed Happening = "owed"
	// HappeningGivenUp: dunning has ended, and the policy is to wait for a new card.
	HappeningGivenUp Happening = "given_up"
	// HappeningPaused: by command.
	HappeningPaused Happening = "paused"
	// HappeningResumed: by command, without a trial or after it.
	HappeningResumed Happening = "resumed"
	// HappeningTrialResumed: by command, within the trial.
	HappeningTrialResumed Happening = "trial_resumed"
	// HappeningCanceled: by command, now or because the period has ended with which it was to be canceled; by dunning whose policy
	// is to cancel; or because the provider says that the contract is canceled.
	HappeningCanceled Happening = "canceled"
	// HappeningEnded: ends_at has come, or the provider says that the contract has run its time.
	HappeningEnded Happening = "ended"
)

// Happenings lists every happening.
func Happenings() []Happening {
	return []Happening{
		HappeningBegun, HappeningTrialBegun, HappeningNotBegun, HappeningPaid, HappeningOwed, HappeningGivenUp, HappeningPaused,
		HappeningResumed, HappeningTrialResumed, HappeningCanceled, HappeningEnded,
	}
}

// Verdict is what the state machine makes of a happening.
type Verdict string

// The verdicts.
const (
	// VerdictMove: the subscription takes the new status.
	VerdictMove Verdict = "move"
	// VerdictSame: known already, or no reason to move; the status stays.
	VerdictSame Verdict = "same"
	// VerdictLate: money came after the end; the status stays, and the order's late_payment policy decides about the money.
	VerdictLate Verdict = "late"
	// VerdictRefused: it cannot happen in this status; nothing changes. News of it is a defect or needs review.
	VerdictRefused Verdict = "refused"
)

// Next is the subscription's state machine: the status that the happening leads to, and how. It is pure and total.
//
//	from \ happening  begun   trial_begun  not_begun  paid     owed      given_up  paused   resumed  trial_resumed  canceled  ended
//	incomplete        active  trialing     expired    refused  refused   refused   refused  refused  refused        canceled  expired
//	trialing          same    same         refused    active   past_due  refused   paused   same     same           canceled  expired
//	active            same    same         refused    same     past_due  refused   paused   same     same           canceled  expired
//	past_due          same    same         refused    active   same      unpaid    paused   refused  refused        canceled  expired
//	unpaid            same    same         refused    active   same      same      refused  refused  refused        canceled  expired
//	paused            same    same         refused    same     same      same      same     active   trialing       canceled  expired
//	canceled          late    late         same       late     same      same      refused  refused  refused        same      same
//	expired           late    late         same       late     same      same      refused  refused  refused        same      same
func Next(from Status, happening Happening) (Status, Verdict) {
	switch from {
	case StatusIncomplete:
		return nextIncomplete(happening)
	case StatusTrialing, StatusActive:
		return nextRunning(from, happening)
	case StatusPastDue, StatusUnpaid:
		return nextOwing(from, happening)
	case StatusPaused:
		return nextPaused(happening)
	case StatusCanceled, StatusExpired:
		return from, verdictAfterEnd(happening)
	}
	return from, VerdictRefused
}

func nextIncomplete(happening Happening) (Status, Verdict) {
	switch happening {
	case HappeningBegun:
		return StatusActive, VerdictMove
	case HappeningTrialBegun:
		return StatusTrialing, VerdictMove
	case HappeningNotBegun, HappeningEnded:
		return StatusExpired, VerdictMove
	case HappeningCanceled:
		return StatusCanceled, VerdictMove
	case HappeningPaid, HappeningOwed, HappeningGivenUp, HappeningPaused, HappeningResumed, HappeningTrialResumed:
	}
	return StatusIncomplete, VerdictRefused
}

func nextRunning(from Status, happening Happening) (Status, Verdict) {
	switch happening {
	case HappeningPaid:
		if from == StatusActive {
			return from, VerdictSame
		}
		return StatusActive, VerdictMove
	case HappeningOwed:
		return StatusPastDue, VerdictMove
	case HappeningPaused:
		return StatusPaused, VerdictMove
	case HappeningCanceled:
		return StatusCanceled, VerdictMove
	case HappeningEnded:
		return StatusExpired, VerdictMove
	case HappeningBegun, HappeningTrialBegun, HappeningResumed, HappeningTrialResumed:
		return from, VerdictSame
	case HappeningNotBegun, HappeningGivenUp:
	}
	return from, VerdictRefused
}

func nextOwing(from Status, happening Happening) (Status, Verdict) {
	switch happening {
	case HappeningPaid:
		return StatusActive, VerdictMove
	case HappeningGivenUp:
		if from == StatusUnpaid {
			return from, VerdictSame
		}
		return StatusUnpaid, VerdictMove
	case HappeningPaused:
		if from == StatusPastDue {
			return StatusPaused, VerdictMove
		}
	case HappeningCanceled:
		return StatusCanceled, VerdictMove
	case HappeningEnded:
		return StatusExpired, VerdictMove
	case HappeningBegun, HappeningTrialBegun, HappeningOwed:
		return from, VerdictSame
	case HappeningNotBegun, HappeningResumed, HappeningTrialResumed:
	}
	return from, VerdictRefused
}

func nextPaused(happening Happening) (Status, Verdict) {
	switch happening {
	case HappeningResumed:
		return StatusActive, VerdictMove
	case HappeningTrialResumed:
		return StatusTrialing, VerdictMove
	case HappeningCanceled:
		return StatusCanceled, VerdictMove
	case HappeningEnded:
		return StatusExpired, VerdictMove
	case HappeningBegun, HappeningTrialBegun, HappeningPaid, HappeningOwed, HappeningGivenUp, HappeningPaused:
		return StatusPaused, VerdictSame
	case HappeningNotBegun:
	}
	return StatusPaused, VerdictRefused
}

func verdictAfterEnd(happening Happening) Verdict {
	switch happening {
	case HappeningBegun, HappeningTrialBegun, HappeningPaid:
		return VerdictLate
	case HappeningNotBegun, HappeningOwed, HappeningGivenUp, HappeningCanceled, HappeningEnded:
		return VerdictSame
	case HappeningPaused, HappeningResumed, HappeningTrialResumed:
	}
	return VerdictRefused
}
