package orders

// ModificationStatus is where a capture or void stands.
type ModificationStatus string

// The modification statuses.
const (
	// ModificationPending: recorded and being sent, or the provider is working on it.
	ModificationPending ModificationStatus = "pending"
	// ModificationUnknown: sent, and no trustworthy answer; queries settle it.
	ModificationUnknown ModificationStatus = "unknown"
	// ModificationSucceeded: carried out.
	ModificationSucceeded ModificationStatus = "succeeded"
	// ModificationFailed: refused or never received; the hold stands as before.
	ModificationFailed ModificationStatus = "failed"
)

// ModificationStatuses lists every modification status.
func ModificationStatuses() []ModificationStatus {
	return []ModificationStatus{ModificationPending, ModificationUnknown, ModificationSucceeded, ModificationFailed}
}

// Open reports whether the outcome is not known yet.
func (s ModificationStatus) Open() bool { return s == ModificationPending || s == ModificationUnknown }

// NextModification is the state machine of a capture or void: the status that the outcome leads to, and how. It is pure and
// total.
//
//	from \ outcome  succeeded declined, closed processing unknown never_sent not_found
//	pending         succeeded failed           same       unknown failed     failed
//	unknown         succeeded failed           pending    same    stale      failed
//	succeeded       same      conflict         stale      stale   stale      conflict
//	failed          late      same             stale      stale   same       same
//
// "late" moves the status to succeeded as well. Outcomes that cannot be said of a capture or void are stale.
func NextModification(from ModificationStatus, outcome Outcome) (ModificationStatus, Verdict) {
	switch outcome {
	case OutcomeSucceeded:
		switch from {
		case ModificationSucceeded:
			return from, VerdictSame
		case ModificationFailed:
			return ModificationSucceeded, VerdictLate
		case ModificationPending, ModificationUnknown:
			return ModificationSucceeded, VerdictMove
		}
	case OutcomeDeclined, OutcomeClosed, OutcomeNotFound:
		return endModification(from)
	case OutcomeNeverSent:
		if from != ModificationUnknown && from != ModificationSucceeded {
			return endModification(from)
		}
	case OutcomeProcessing:
		return reopenModification(from, ModificationPending)
	case OutcomeUnknown:
		return reopenModification(from, ModificationUnknown)
	case OutcomeAuthorized, OutcomeReversed, OutcomeAttemptFailed, OutcomeActionRequired:
	}
	return from, VerdictStale
}

func endModification(from ModificationStatus) (ModificationStatus, Verdict) {
	switch from {
	case ModificationFailed:
		return from, VerdictSame
	case ModificationSucceeded:
		return from, VerdictConflict
	case ModificationPending, ModificationUnknown:
	}
	return ModificationFailed, VerdictMove
}

func reopenModification(from, to ModificationStatus) (ModificationStatus, Verdict) {
	switch {
	case from == to:
		return from, VerdictSame
	case from.Open():
		return to, VerdictMove
	default:
		return from, VerdictStale
	}
}
