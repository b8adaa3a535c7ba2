package lifecycle

// Event is the type of an event that tells of a subscription (API.md §2).
type Event string

// The events. Created is told when the row is, and ChargeUpcoming ahead of a charge: neither follows from a happening.
const (
	EventCreated        Event = "subscription.created"
	EventChargeUpcoming Event = "subscription.charge_upcoming"
	// EventActivated: it has begun, with or without a trial.
	EventActivated Event = "subscription.activated"
	// EventRenewed: a period after the first charge is paid.
	EventRenewed Event = "subscription.renewed"
	EventPastDue Event = "subscription.past_due"
	// EventRecovered: what was owed is paid.
	EventRecovered Event = "subscription.recovered"
	EventUnpaid    Event = "subscription.unpaid"
	// EventCanceled: it has ended; its status says how, canceled or expired.
	EventCanceled Event = "subscription.canceled"
	EventPaused   Event = "subscription.paused"
	EventResumed  Event = "subscription.resumed"
)

// Events are the types of the events to append for a happening, in their order. Every change of the status is told by one; and
// every period that is paid, though the status stays, which is why news of a payment must be told here only once.
func Events(from Status, happening Happening) []Event {
	to, verdict := Next(from, happening)
	switch {
	case happening == HappeningPaid && (from == StatusPastDue || from == StatusUnpaid):
		return []Event{EventRenewed, EventRecovered}
	case happening == HappeningPaid && (verdict == VerdictMove || verdict == VerdictSame):
		return []Event{EventRenewed}
	case verdict != VerdictMove:
		return nil
	case from == StatusPaused && !to.Final():
		return []Event{EventResumed}
	}
	switch to {
	case StatusTrialing, StatusActive:
		return []Event{EventActivated}
	case StatusPastDue:
		return []Event{EventPastDue}
	case StatusUnpaid:
		return []Event{EventUnpaid}
	case StatusPaused:
		return []Event{EventPaused}
	case StatusCanceled, StatusExpired:
		return []Event{EventCanceled}
	case StatusIncomplete:
	}
	return nil
}
