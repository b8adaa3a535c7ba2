package orders

import "slices"

// DisputeStage is how far a dispute has gone (Onerway contract §6).
type DisputeStage string

// The dispute stages.
const (
	// DisputePreDispute: the bank warns that it may take money back; it has not. A warning stays one: the chargeback that may
	// follow is a dispute of its own, and the provider tells no other end, lists no warnings and does not say which chargeback
	// came of which (Onerway contract §10.5, §17). It claims nothing, so nothing is held by waiting; a person closes its discrepancy.
	DisputePreDispute DisputeStage = "pre_dispute"
	// DisputeChargeback: the bank has taken the money back.
	DisputeChargeback DisputeStage = "chargeback"
	// DisputeFirstAppeal: the merchant has objected.
	DisputeFirstAppeal DisputeStage = "first_appeal"
	// DisputeSecondAppeal: the case goes on after the first decision.
	DisputeSecondAppeal DisputeStage = "second_appeal"
)

// DisputeStatus is where a dispute stands.
type DisputeStatus string

// The dispute statuses.
const (
	// DisputeWarning: nothing is taken yet.
	DisputeWarning DisputeStatus = "warning"
	// DisputeOpen: the money is taken, and the merchant may object until the evidence is due.
	DisputeOpen DisputeStatus = "open"
	// DisputeUnderReview: the merchant has objected; the bank decides, and keeps the money until then.
	DisputeUnderReview DisputeStatus = "under_review"
	// DisputeWon: decided for the merchant; the money is back.
	DisputeWon DisputeStatus = "won"
	// DisputeLost: decided against the merchant, or not objected to in time; the money is gone.
	DisputeLost DisputeStatus = "lost"
	// DisputeAccepted: the merchant did not object; the money is gone.
	DisputeAccepted DisputeStatus = "accepted"
	// DisputeWithdrawn: the bank has dropped the case; the money is back.
	DisputeWithdrawn DisputeStatus = "withdrawn"
)

// DisputeStatuses lists every dispute status.
func DisputeStatuses() []DisputeStatus {
	return []DisputeStatus{
		DisputeWarning, DisputeOpen, DisputeUnderReview, DisputeWon, DisputeLost, DisputeAccepted, DisputeWithdrawn,
	}
}

// Valid reports whether the text is a dispute status.
func (s DisputeStatus) Valid() bool { return slices.Contains(DisputeStatuses(), s) }

// Closed reports whether the case is decided, as far as is known: a second appeal may follow the decision of a first.
func (s DisputeStatus) Closed() bool {
	return s == DisputeWon || s == DisputeLost || s == DisputeAccepted || s == DisputeWithdrawn
}

// takes reports whether the bank has the money.
func (s DisputeStatus) takes() bool {
	return s == DisputeOpen || s == DisputeUnderReview || s == DisputeLost || s == DisputeAccepted
}

// DisputePhase is stage and status of a chargeback in one word: the states of NextDispute.
type DisputePhase string

// The phases of a chargeback.
const (
	PhaseRaised           DisputePhase = "raised"
	PhaseFirstAppeal      DisputePhase = "first_appeal"
	PhaseFirstAppealWon   DisputePhase = "first_appeal_won"
	PhaseFirstAppealLost  DisputePhase = "first_appeal_lost"
	PhaseSecondAppeal     DisputePhase = "second_appeal"
	PhaseSecondAppealWon  DisputePhase = "second_appeal_won"
	PhaseSecondAppealLost DisputePhase = "second_appeal_lost"
	PhaseAccepted         DisputePhase = "accepted"
	PhaseWithdrawn        DisputePhase = "withdrawn"
)

// DisputePhases lists every phase, in the order in which a case goes through them.
func DisputePhases() []DisputePhase {
	return []DisputePhase{
		PhaseRaised, PhaseFirstAppeal, PhaseFirstAppealWon, PhaseFirstAppealLost, PhaseSecondAppeal, PhaseSecondAppealWon,
		PhaseSecondAppealLost, PhaseAccepted, PhaseWithdrawn,
	}
}

// DisputeOutcome is what one piece of evidence says of a dispute, in our words: one of the phases, or one of those below.
type DisputeOutcome string

// The outcomes that are no phases.
const (
	// DisputeOutcomeWarned: the bank may take money back.
	DisputeOutcomeWarned DisputeOutcome = "warned"
	// DisputeOutcomeUnknown: a word that we do not know.
	DisputeOutcomeUnknown DisputeOutcome = "unknown"
	// DisputeOutcomeNotFound: the provider's query does not list the chargeback.
	DisputeOutcomeNotFound DisputeOutcome = "not_found"
)

// DisputeOutcomes lists what can be said of a chargeback.
func DisputeOutcomes() []DisputeOutcome {
	var outcomes []DisputeOutcome
	for _, phase := range DisputePhases() {
		outcomes = append(outcomes, DisputeOutcome(phase))
	}
	return append(outcomes, DisputeOutcomeUnknown, DisputeOutcomeNotFound)
}

// Phase is the phase that the outcome tells of, "" when it tells of none.
func (o DisputeOutcome) Phase() DisputePhase {
	if phase := DisputePhase(o); slices.Contains(DisputePhases(), phase) {
		return phase
	}
	return ""
}

// NextDispute is the state machine of a chargeback: the phase that the outcome leads to, and how. It is pure and total. A case
// goes from left to right, so whatever came late or came again is to the left of where it stands, and changes nothing:
//
//	from \ outcome     raised first_appeal first_won first_lost second_appeal second_won second_lost accepted withdrawn
//	raised             same   move         move      move       move          move       move        move     move
//	first_appeal       stale  same         move      move       move          move       move        conflict move
//	first_appeal_won   stale  stale        same      conflict   move          move       move        conflict move
//	first_appeal_lost  stale  stale        conflict  same       move          move       move        conflict move
//	second_appeal      stale  stale        stale     stale      same          move       move        conflict move
//	second_appeal_won  stale  stale        stale     stale      stale         same       conflict    conflict conflict
//	second_appeal_lost stale  stale        stale     stale      stale         conflict   same        conflict conflict
//	accepted           stale  conflict     conflict  conflict   conflict      conflict   conflict    same     conflict
//	withdrawn          stale  stale        stale     stale      stale         conflict   conflict    conflict same
//
// "move" leads to the outcome's own phase. Unknown words are stale. That a chargeback is not listed contradicts every phase but
// withdrawn: the query does not list what was deleted. Of two phases that contradict each other the provider's own record says
// which it is; that is decided in foldDispute.
func NextDispute(from DisputePhase, outcome DisputeOutcome) (DisputePhase, Verdict) {
	to := outcome.Phase()
	switch {
	case outcome == DisputeOutcomeNotFound && from == PhaseWithdrawn, to == from:
		return from, VerdictSame
	case outcome == DisputeOutcomeNotFound:
		return from, VerdictConflict
	case to == "" || to == PhaseRaised:
		return from, VerdictStale
	case to == PhaseAccepted && from != PhaseRaised, from == PhaseAccepted:
		return from, VerdictConflict
	case to.step() == from.step(), to == PhaseWithdrawn && from.step() == lastStep, from == PhaseWithdrawn && to.step() == lastStep:
		return from, VerdictConflict
	case to.step() < from.step():
		return from, VerdictStale
	default:
		return to, VerdictMove
	}
}

// lastStep is the step of the second appeal's decision, after which nothing follows.
const lastStep = 4

// step orders the phases of one case.
func (p DisputePhase) step() int {
	switch p {
	case PhaseRaised:
		return 0
	case PhaseFirstAppeal:
		return 1
	case PhaseFirstAppealWon, PhaseFirstAppealLost:
		return 2
	case PhaseSecondAppeal:
		return 3
	case PhaseSecondAppealWon, PhaseSecondAppealLost:
		return lastStep
	case PhaseAccepted, PhaseWithdrawn:
	}
	return lastStep + 1
}

// shown is the phase as callers see it. A case that was withdrawn stays at the stage that it had come to.
func (p DisputePhase) shown(stage DisputeStage) (DisputeStage, DisputeStatus) {
	switch p {
	case PhaseRaised:
		return DisputeChargeback, DisputeOpen
	case PhaseFirstAppeal:
		return DisputeFirstAppeal, DisputeUnderReview
	case PhaseFirstAppealWon:
		return DisputeFirstAppeal, DisputeWon
	case PhaseFirstAppealLost:
		return DisputeFirstAppeal, DisputeLost
	case PhaseSecondAppeal:
		return DisputeSecondAppeal, DisputeUnderReview
	case PhaseSecondAppealWon:
		return DisputeSecondAppeal, DisputeWon
	case PhaseSecondAppealLost:
		return DisputeSecondAppeal, DisputeLost
	case PhaseAccepted:
		return DisputeChargeback, DisputeAccepted
	case PhaseWithdrawn:
	}
	return stage, DisputeWithdrawn
}

// phaseOf is the phase of a chargeback, "" of a warning.
func phaseOf(stage DisputeStage, status DisputeStatus) DisputePhase {
	for _, phase := range DisputePhases() {
		if atStage, withStatus := phase.shown(stage); atStage == stage && withStatus == status {
			return phase
		}
	}
	return ""
}
