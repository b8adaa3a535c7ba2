package customers

// Status is where a payment method stands.
type Status string

// The statuses of a payment method. One that is pending or failed was never a method, and is shown to nobody but whoever
// repeats the request that began it.
const (
	// StatusPending: the provider is asked to keep the card, or its answer was lost.
	StatusPending Status = "pending"
	// StatusActive: the provider keeps the card, and it can be charged.
	StatusActive Status = "active"
	// StatusFailed: the card was declined.
	StatusFailed Status = "failed"
	// StatusDetached: it must not be charged any more; the provider is told to forget it.
	StatusDetached Status = "detached"
)

// Statuses lists all statuses.
func Statuses() []Status { return []Status{StatusPending, StatusActive, StatusFailed, StatusDetached} }

// Valid reports whether the status is one of ours.
func (s Status) Valid() bool {
	switch s {
	case StatusPending, StatusActive, StatusFailed, StatusDetached:
		return true
	}
	return false
}

// Event is what happens to a payment method.
type Event string

// The events.
const (
	// EventKept: the provider keeps the card, for a customer who is there or for nobody yet.
	EventKept Event = "kept"
	// EventOrphaned: the provider keeps the card, for a customer who was deleted meanwhile.
	EventOrphaned Event = "orphaned"
	// EventDeclined: the provider, or the card's issuer, said no.
	EventDeclined Event = "declined"
	// EventDetach: somebody takes it back, or its customer is deleted.
	EventDetach Event = "detach"
)

// Events lists all events.
func Events() []Event { return []Event{EventKept, EventOrphaned, EventDeclined, EventDetach} }

// On returns the status after an event; false refuses the event, which changes nothing.
//
//	          kept     orphaned  declined  detach
//	pending   active   detached  failed    refused
//	active    refused  refused   refused   detached
//	failed    refused  refused   refused   refused
//	detached  refused  refused   refused   refused
func (s Status) On(e Event) (Status, bool) {
	switch s {
	case StatusPending:
		switch e {
		case EventKept:
			return StatusActive, true
		case EventOrphaned:
			return StatusDetached, true
		case EventDeclined:
			return StatusFailed, true
		case EventDetach:
		}
	case StatusActive:
		if e == EventDetach {
			return StatusDetached, true
		}
	case StatusFailed, StatusDetached:
	}
	return s, false
}
