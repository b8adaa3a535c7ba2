package onerway

// Status is the state of one transaction, read from the provider's one-letter code (§6).
type Status string

// The transaction statuses. Succeeded, failed and closed are final; nothing else is.
const (
	StatusSucceeded       Status = "succeeded"
	StatusFailed          Status = "failed"
	StatusProcessing      Status = "processing"
	StatusRequiresAction  Status = "requires_action"
	StatusClosed          Status = "closed"
	StatusInReview        Status = "in_review"
	StatusAwaitingPayment Status = "awaiting_payment"
	// StatusUnknown is everything that the contract does not list. It settles nothing.
	StatusUnknown Status = "unknown"
)

// ParseStatus reads a transaction status.
func ParseStatus(code string) Status {
	switch code {
	case "S":
		return StatusSucceeded
	case "F":
		return StatusFailed
	case "P":
		return StatusProcessing
	case "R":
		return StatusRequiresAction
	case "N":
		return StatusClosed
	case "I":
		return StatusInReview
	case "U":
		return StatusAwaitingPayment
	default:
		return StatusUnknown
	}
}

// Final tells whether the provider promises that the transaction will not move again.
func (s Status) Final() bool {
	return s == StatusSucceeded || s == StatusFailed || s == StatusClosed
}
