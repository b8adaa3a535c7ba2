package orders

import (
	"encoding/json"
	"fmt"
	"time"

	"tillway/internal/ids"
	"tillway/internal/money"
	"tillway/internal/postgres/dbsqlc"
)

// DiscrepancyStatus says whether a discrepancy still stands.
type DiscrepancyStatus string

// The statuses of a discrepancy (API.md, Ops).
const (
	// DiscrepancyOpen: our record and the provider's differ.
	DiscrepancyOpen DiscrepancyStatus = "open"
	// DiscrepancyResolved: a person has closed it.
	DiscrepancyResolved DiscrepancyStatus = "resolved"
	// DiscrepancyAutoResolved: the difference went away.
	DiscrepancyAutoResolved DiscrepancyStatus = "auto_resolved"
)

// Discrepancy is a disagreement with the provider about one subject.
type Discrepancy struct {
	ID       ids.Discrepancy
	Class    string
	Livemode bool
	// Subject is a payment's merchant transaction id, or a transaction that only the provider has.
	Subject string
	Order   ids.Order
	Payment ids.Payment
	// Ours and Theirs are the fields that differ, as JSON objects.
	Ours, Theirs json.RawMessage
	// AtRisk is the money that may be lost if nobody looks; without a currency it is not known.
	AtRisk    money.Amount
	Status    DiscrepancyStatus
	FirstSeen time.Time
	LastSeen  time.Time
}

// discrepancyFromRow maps a discrepancy of an order.
func discrepancyFromRow(r dbsqlc.Discrepancy, livemode bool) (Discrepancy, error) {
	d := Discrepancy{
		ID: ids.From[ids.DiscrepancyEntity](r.ID), Class: r.Class, Livemode: livemode, Subject: r.Subject,
		Order: ids.FromNullable[ids.OrderEntity](r.OrderID), Payment: ids.FromNullable[ids.PaymentEntity](r.PaymentID),
		Ours: r.Ours, Theirs: r.Theirs, Status: DiscrepancyStatus(r.Status), FirstSeen: r.FirstSeen.UTC(), LastSeen: r.LastSeen.UTC(),
	}
	if r.Currency != nil {
		currency, err := money.ParseCurrency(*r.Currency)
		if err != nil {
			return Discrepancy{}, fmt.Errorf("read discrepancy %s: %w", r.ID, err)
		}
		d.AtRisk = money.New(r.MoneyAtRisk, currency)
	}
	return d, nil
}
