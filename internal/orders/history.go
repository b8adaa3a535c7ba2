package orders

import (
	"context"
	"encoding/json"
	"fmt"
	"time"

	"tillway/internal/fault"
	"tillway/internal/ids"
	"tillway/internal/money"
	"tillway/internal/page"
	"tillway/internal/postgres"
)

// Bounds of what a History holds besides its page of events.
const (
	historyPayments      = 100
	historyModifications = 20
	historyRefunds       = 100
	historyDisputes      = 20
	historyNews          = 200
	historyDiscrepancies = 50
	// checksAhead is how many of the next checks are told.
	checksAhead = 3
)

// History is what is on record about an order: one page of its events, and the news that came while they were written.
// Everything else is as it stands now. All of it is of one moment.
type History struct {
	Order Order
	// Payments are the newest attempts, newest first.
	Payments []PaymentHistory
	// Modifications are the newest captures and voids, newest first.
	Modifications []Modification
	// Refunds are the newest, newest first.
	Refunds []RefundHistory
	// Cancellations are the payments that the provider was last asked to cancel while the page's events were written.
	Cancellations []PaymentHistory
	// Approvals are the refunds that were approved while the page's events were written, oldest approval first.
	Approvals []Refund
	// Disputes are the newest, newest first.
	Disputes []Dispute
	// Events are those of the page, oldest first.
	Events []HistoryEvent
	News   []HistoryNews
	// Discrepancies are the open ones, newest first.
	Discrepancies []Discrepancy
	// RefundsClosed: money of the order may remain, and no refund of it may be asked for any more.
	RefundsClosed bool
	// MoreEvents: further pages follow. MoreNews: of the news of this page only the oldest are here.
	MoreEvents, MoreNews bool
}

// PaymentHistory is a payment with what its history needs.
type PaymentHistory struct {
	Payment

	// ByShopper: it was begun with the order's client secret.
	ByShopper bool
	// NextChecks are when the provider is asked next, earliest first; none when it is not. The first may be past: then it is
	// being asked.
	NextChecks []time.Time
	// AskedUntil is when a person must look if the outcome is not known by then.
	AskedUntil time.Time
	// HoldEnds is when the authorization lapses; zero of a payment that holds nothing.
	HoldEnds time.Time
}

// RefundHistory is a refund with what its history needs; see PaymentHistory.
type RefundHistory struct {
	Refund

	NextChecks []time.Time
	AskedUntil time.Time
}

// HistoryEvent is an event with its resource still encoded.
type HistoryEvent struct {
	ID        ids.Event
	Sequence  int64
	Type      string
	Object    json.RawMessage
	CreatedAt time.Time
}

// HistoryNews is a piece of evidence as it is on record, with what was made of it.
type HistoryNews struct {
	Payment ids.Payment
	// Refund is set when the news is about a refund of the payment; its outcome is then in RefundOutcome. Dispute is set when it
	// is about a dispute, whose outcome is in DisputeOutcome. Else the outcome is in Outcome.
	Refund                ids.Refund
	Dispute               ids.Dispute
	Source                Source
	Outcome               Outcome
	RefundOutcome         RefundOutcome
	DisputeOutcome        DisputeOutcome
	Verdict               Verdict
	Amount                money.Amount
	ProviderTransactionID string
	ProviderStatus        string
	ProviderCode          string
	CreatedAt             time.Time
}

// History reads the page of an order's history that follows the cursor's event, in one round trip. It returns a fault
// NotFound, or Invalid for a cursor that is no event of the order.
func (s *Service) History(ctx context.Context, id ids.Order, p Page) (History, error) {
	k, err := page.Keyset[ids.EventEntity](p, "events")
	if err != nil {
		return History{}, err
	}
	rows, err := s.historyRows(ctx, id, k.After, p.Limit)
	if postgres.IsNoRows(err) {
		return History{}, fault.Missing("order", id.String())
	}
	if err != nil {
		return History{}, fmt.Errorf("read the history of order %s: %w", id, postgres.Translate(err))
	}
	if k.After != nil && rows.since.IsZero() {
		return History{}, fault.InvalidParam("starting_after", "starting_after is not the id of an event of this order.")
	}
	return s.historyFrom(rows, p.Limit)
}
