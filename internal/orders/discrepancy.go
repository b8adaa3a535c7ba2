package orders

import (
	"encoding/json"
	"fmt"
	"time"

	"tillway/internal/ids"
	"tillway/internal/money"
	"tillway/internal/postgres/dbsqlc"
)

// The classes of discrepancies that news opens, each with what ends it by itself.
const (
	// classAmount, classCurrency and classTransaction: the provider speaks of other money, or of another transaction, than
	// we do. Ended by a query that speaks of ours.
	classAmount      = "amount"
	classCurrency    = "currency"
	classTransaction = "provider_transaction_id"
	// classStatus: it says something else of how it went, and nothing moved. Ended by a query that agrees.
	classStatus = "status"
	// classReversal: money that we believed in has been taken back, or was never taken. Only a person ends it.
	classReversal = "reversal"
	// classUnsettled: it has not said how it went for as long as we ask on our own. Ended when it does.
	classUnsettled = "unsettled"
	// classLatePayment and classSurplus: money that came late waits for a person's decision. Ended when all of it is back.
	classLatePayment = "late_payment"
	classSurplus     = "surplus"
	// classRefund: a refund that a policy asked for did not succeed. Ended when all of the money is back.
	classRefund = "refund"
	// classRefundMatch: several of the provider's refunds could be ours. Ended by a query that finds it.
	classRefundMatch = "refund_match"
	// classOverRefund: the provider gave back more than was there to give back: after ours had been freed and used, or in its
	// portal. Only a person ends it, but for a refund of the portal's that there is room for later.
	classOverRefund = "over_refund"
	// classDispute: the shopper's bank has taken money back, or warns that it may, and nobody has looked yet. Ended when the
	// case is decided.
	classDispute = "dispute"
	// classOverDispute: the bank has taken back more than was there: it had gone back already. Ended when it is given back.
	classOverDispute = "over_dispute"
)

// DiscrepancyStatus is where a disagreement stands (API.md §2).
type DiscrepancyStatus string

// The discrepancy statuses.
const (
	// DiscrepancyOpen: not explained yet; the order needs a person.
	DiscrepancyOpen DiscrepancyStatus = "open"
	// DiscrepancyResolved: a person has ended it.
	DiscrepancyResolved DiscrepancyStatus = "resolved"
	// DiscrepancyAutoResolved: later news has ended it.
	DiscrepancyAutoResolved DiscrepancyStatus = "auto_resolved"
)

// Discrepancy is a disagreement between our record of an order and the provider's. While one is open, its order needs review.
type Discrepancy struct {
	ID       ids.Discrepancy
	Class    string
	Livemode bool
	// Subject is our reference at the provider of the payment or refund that it is about.
	Subject string
	Order   ids.Order
	Payment ids.Payment
	Refund  ids.Refund
	// Ours and Theirs are the fields that differ.
	Ours, Theirs json.RawMessage
	AtRisk       money.Amount
	Status       DiscrepancyStatus
	FirstSeen    time.Time
	LastSeen     time.Time
	// Resolution says who closed it by hand; nil otherwise.
	Resolution *Resolution
}

// Resolution is how a person closed a discrepancy. By is the id of an API key.
type Resolution struct {
	At         time.Time
	By, Reason string
}

// DiscrepancyResource is the public form of a discrepancy (API.md §2, Ops).
type DiscrepancyResource struct {
	ID          ids.Discrepancy   `json:"id"`
	Object      string            `json:"object"`
	Created     int64             `json:"created"`
	Livemode    bool              `json:"livemode"`
	Class       string            `json:"class"`
	Order       *string           `json:"order"`
	Payment     *string           `json:"payment"`
	Refund      *string           `json:"refund"`
	Ours        json.RawMessage   `json:"ours"`
	Theirs      json.RawMessage   `json:"theirs"`
	MoneyAtRisk int64             `json:"money_at_risk"`
	Currency    *string           `json:"currency"`
	Status      DiscrepancyStatus `json:"status"`
	FirstSeen   int64             `json:"first_seen"`
	LastSeen    int64             `json:"last_seen"`
	ResolvedAt  *int64            `json:"resolved_at"`
	ResolvedBy  *string           `json:"resolved_by"`
	Reason      *string           `json:"resolved_reason"`
}

// Resource returns the discrepancy's public form.
func (d Discrepancy) Resource() DiscrepancyResource {
	r := DiscrepancyResource{
		ID: d.ID, Object: "discrepancy", Created: d.FirstSeen.Unix(), Livemode: d.Livemode, Class: d.Class,
		Order: nilIfEmpty(d.Order.String()), Payment: nilIfEmpty(d.Payment.String()), Refund: nilIfEmpty(d.Refund.String()),
		Ours: d.Ours, Theirs: d.Theirs, MoneyAtRisk: d.AtRisk.Minor, Currency: nilIfEmpty(d.AtRisk.Currency.Lower()),
		Status: d.Status, FirstSeen: d.FirstSeen.Unix(), LastSeen: d.LastSeen.Unix(),
	}
	if by := d.Resolution; by != nil {
		at := by.At.Unix()
		r.ResolvedAt, r.ResolvedBy, r.Reason = &at, &by.By, &by.Reason
	}
	return r
}

// discrepancyDraft is a disagreement with the provider before it is known whether it is a new one.
type discrepancyDraft struct {
	class        string
	ours, theirs map[string]any
	atRisk       money.Amount
}

// account is an order as it stands under its lock: with the payment that news is about and the discrepancies that are open.
type account struct {
	order   Order
	payment Payment
	open    []Discrepancy
}

// entry is what news changes beside the facts of its own subject: the order, its log, its discrepancies.
type entry struct {
	account

	// events are the types of the events to write, in order; their objects are the resources as they end up.
	events []string
	// discrepancy is the disagreement that the news found, nil for none; silence is what the clock found: that the provider
	// has not said how it went for too long.
	discrepancy, silence *discrepancyDraft
	// disputed is the dispute that the entry's events tell of.
	disputed Dispute
	// further are disagreements that it found besides.
	further []*discrepancyDraft
	// noted are the discrepancies to write: opened, seen again or ended. told are those of them that have an event.
	noted, told []Discrepancy
}

func (e *entry) emit(kind string) {
	if kind != "" {
		e.events = append(e.events, kind)
	}
}

// find notes the disagreement that the news shows. The order needs a person until it is ended.
func (e *entry) find(d *discrepancyDraft) {
	e.discrepancy = d
	e.order.NeedsReview = true
}

// missNews notes that the provider has been silent for too long about the subject. It is said once.
func (e *entry) missNews(subject string, d *discrepancyDraft) {
	if d.class = classUnsettled; !e.isOpen(d.class, subject) {
		e.silence = d
		e.order.NeedsReview = true
	}
}

// isOpen reports whether such a discrepancy of the subject is open already.
func (e *entry) isOpen(class, subject string) bool {
	for _, d := range e.open {
		if d.Class == class && d.Subject == subject {
			return true
		}
	}
	return false
}

// review ends the discrepancies that the news has ended, opens the one that it found for the subject, and asks for a person
// exactly while one is open. An order that needed review before these rows existed keeps asking until its last one ends.
func (e *entry) review(subject Discrepancy, ended func(Discrepancy) bool, neededReview bool, now time.Time) {
	var open []Discrepancy
	for _, d := range e.open {
		if !ended(d) {
			open = append(open, d)
			continue
		}
		d.Status, d.LastSeen = DiscrepancyAutoResolved, now
		e.tell(d)
	}
	for _, draft := range append([]*discrepancyDraft{e.discrepancy, e.silence}, e.further...) {
		if draft != nil {
			open = e.openFound(draft, open, subject, now)
		}
	}
	e.open = open
	if len(e.noted) > 0 {
		e.order.NeedsReview = len(open) > 0
	}
	if e.order.NeedsReview && !neededReview {
		e.emit("order.needs_review")
	}
}

// openFound adds what the news found to the open discrepancies. The same one seen again is no event.
func (e *entry) openFound(
	draft *discrepancyDraft, open []Discrepancy, subject Discrepancy, now time.Time,
) []Discrepancy {
	found := subject
	found.Class, found.AtRisk, found.Status, found.LastSeen = draft.class, draft.atRisk, DiscrepancyOpen, now
	found.Livemode, found.Order, found.Payment = e.order.Livemode, e.order.ID, e.payment.ID
	found.Ours, found.Theirs = fieldsJSON(draft.ours), fieldsJSON(draft.theirs)
	for i, known := range open {
		if known.Class == found.Class && known.Subject == found.Subject {
			found.ID, found.FirstSeen, found.Ours = known.ID, known.FirstSeen, known.Ours
			open[i] = found
			e.noted = append(e.noted, found)
			return open
		}
	}
	found.ID, found.FirstSeen = ids.New[ids.DiscrepancyEntity](), now
	e.tell(found)
	return append(open, found)
}

func (e *entry) tell(d Discrepancy) {
	e.noted, e.told = append(e.noted, d), append(e.told, d)
	e.emit("reconciliation.discrepancy")
}

// fieldsJSON encodes words and numbers, which always encode.
func fieldsJSON(fields map[string]any) json.RawMessage {
	raw, err := json.Marshal(fields)
	if err != nil {
		return json.RawMessage(`{}`)
	}
	return raw
}

// discrepancyFromRow maps a discrepancy.
func discrepancyFromRow(r dbsqlc.Discrepancy, livemode bool) (Discrepancy, error) {
	d := Discrepancy{
		ID: ids.From[ids.DiscrepancyEntity](r.ID), Class: r.Class, Livemode: livemode, Subject: r.Subject,
		Order: ids.FromNullable[ids.OrderEntity](r.OrderID), Payment: ids.FromNullable[ids.PaymentEntity](r.PaymentID),
		Refund: ids.FromNullable[ids.RefundEntity](r.RefundID), Ours: r.Ours, Theirs: r.Theirs,
		Status: DiscrepancyStatus(r.Status), FirstSeen: r.FirstSeen.UTC(), LastSeen: r.LastSeen.UTC(),
	}
	if r.Currency != nil {
		currency, err := money.ParseCurrency(*r.Currency)
		if err != nil {
			return d, fmt.Errorf("read discrepancy %s: %w", r.ID, err)
		}
		d.AtRisk = money.New(r.MoneyAtRisk, currency)
	}
	if r.ResolvedAt != nil {
		d.Resolution = &Resolution{At: r.ResolvedAt.UTC(), By: orEmpty(r.ResolvedBy), Reason: orEmpty(r.ResolvedReason)}
	}
	return d, nil
}

// discrepanciesFromRows maps the open discrepancies of an order.
func discrepanciesFromRows(rows []dbsqlc.Discrepancy, livemode bool) ([]Discrepancy, error) {
	open := make([]Discrepancy, 0, len(rows))
	for _, row := range rows {
		d, err := discrepancyFromRow(row, livemode)
		if err != nil {
			return nil, err
		}
		open = append(open, d)
	}
	return open, nil
}
