package orders

import "slices"

// Status is where an order stands. It is never set by hand: DeriveStatus computes it from recorded facts.
type Status string

// The order statuses (API.md §2).
const (
	// StatusOpen: payable.
	StatusOpen Status = "open"
	// StatusPending: a payment's outcome is open.
	StatusPending Status = "pending"
	// StatusAuthorized: funds are held, not captured.
	StatusAuthorized Status = "authorized"
	// StatusPaid: the money is captured, all of it or as much as the merchant took of what was held.
	StatusPaid Status = "paid"
	// StatusPartiallyRefunded: some of what was captured went back.
	StatusPartiallyRefunded Status = "partially_refunded"
	// StatusRefunded: all of what was captured went back.
	StatusRefunded Status = "refunded"
	// StatusCanceled: ended by the merchant before money moved.
	StatusCanceled Status = "canceled"
	// StatusExpired: ended by time before money moved.
	StatusExpired Status = "expired"
)

// Statuses lists every order status in the order of API.md.
func Statuses() []Status {
	return []Status{
		StatusOpen, StatusPending, StatusAuthorized, StatusPaid,
		StatusPartiallyRefunded, StatusRefunded, StatusCanceled, StatusExpired,
	}
}

// Valid reports whether the text is an order status.
func (s Status) Valid() bool { return slices.Contains(Statuses(), s) }

// Facts are what an order's status is derived from; amounts in minor units of the order's currency.
type Facts struct {
	Paid, Authorized, Refunded int64
	// LivePayment is true while a payment's outcome is open.
	LivePayment       bool
	Canceled, Expired bool
}

// DeriveStatus computes the order's status. Money outranks everything: an order that was canceled or expired and paid all
// the same says so. It is pure and total; the first row that applies decides:
//
//	paid>0, refunded>=paid   refunded
//	paid>0, refunded>0       partially_refunded
//	paid>0                   paid
//	authorized>0             authorized
//	live payment             pending
//	canceled                 canceled
//	expired                  expired
//	otherwise                open
func DeriveStatus(f Facts) Status {
	switch {
	case f.Paid > 0 && f.Refunded >= f.Paid:
		return StatusRefunded
	case f.Paid > 0 && f.Refunded > 0:
		return StatusPartiallyRefunded
	case f.Paid > 0:
		return StatusPaid
	case f.Authorized > 0:
		return StatusAuthorized
	case f.LivePayment:
		return StatusPending
	case f.Canceled:
		return StatusCanceled
	case f.Expired:
		return StatusExpired
	default:
		return StatusOpen
	}
}

// Payable reports whether a new payment may begin.
func (s Status) Payable() bool { return s == StatusOpen }

// Cancelable reports whether the merchant may cancel: only while no money is held, taken or pending.
func (s Status) Cancelable() bool { return s == StatusOpen }
