package orders

// RefundApprovalStatus is where a refund stands that needs a second person.
type RefundApprovalStatus string

// The approval statuses.
const (
	// RefundApprovalRequired: nobody has decided; the refund is not sent.
	RefundApprovalRequired RefundApprovalStatus = "required"
	// RefundApprovalApproved: it is sent like any other.
	RefundApprovalApproved RefundApprovalStatus = "approved"
	// RefundApprovalRejected: it ended without having been sent.
	RefundApprovalRejected RefundApprovalStatus = "rejected"
)

// RefundApprovalStatuses lists every approval status.
func RefundApprovalStatuses() []RefundApprovalStatus {
	return []RefundApprovalStatus{RefundApprovalRequired, RefundApprovalApproved, RefundApprovalRejected}
}

// RefundDecision is what the second person says.
type RefundDecision string

// The decisions.
const (
	// RefundApprove: send it.
	RefundApprove RefundDecision = "approve"
	// RefundReject: end it.
	RefundReject RefundDecision = "reject"
)

// RefundDecisions lists both decisions.
func RefundDecisions() []RefundDecision { return []RefundDecision{RefundApprove, RefundReject} }

// NextApproval is the approval's state machine: the status that the decision leads to, and how. It is pure and total.
//
//	from \ decision  approve  reject
//	required         approved rejected
//	approved         same     conflict
//	rejected         conflict same
//
// Only who has decided may say the same again; that the refund still waits, and that who asked for it does not decide, is
// seen to in foldDecision.
func NextApproval(from RefundApprovalStatus, decision RefundDecision) (RefundApprovalStatus, Verdict) {
	to := RefundApprovalRejected
	if decision == RefundApprove {
		to = RefundApprovalApproved
	}
	if from == to {
		return from, VerdictSame
	}
	if from == RefundApprovalRequired {
		return to, VerdictMove
	}
	return from, VerdictConflict
}
