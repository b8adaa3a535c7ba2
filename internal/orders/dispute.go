package orders

import (
	"time"

	"tillway/internal/ids"
	"tillway/internal/money"
)

// Dispute is a payment's money that the shopper's bank has taken back, or warns that it may (API.md §2).
type Dispute struct {
	ID       ids.Dispute
	Order    ids.Order
	Payment  ids.Payment
	Livemode bool
	Stage    DisputeStage
	Status   DisputeStatus
	// Amount is what the whole case is about; its currency may be another than the payment's, and then it claims nothing of it.
	Amount money.Amount
	// Claimed is what it takes from what can be refunded of the payment, in minor units: all of Amount, or nothing.
	Claimed int64
	// Reason, ReasonCode and ARN are the card network's words and numbers, "" where the provider named none.
	Reason, ReasonCode, ARN string
	// ProviderDisputeID numbers the case at the provider.
	ProviderDisputeID string
	ProviderStatus    string
	// NotFoundCount counts the provider's "no such chargeback" answers since the last other news.
	NotFoundCount int
	CorrelationID string
	CreatedAt     time.Time
	UpdatedAt     time.Time
	// MovedAt is when stage or status last changed here; RaisedAt when the case began at the provider, and EvidenceDueBy until
	// when the merchant may object, both zero where it has not said; NextCheckAt is when it is asked next, zero when it is
	// not; ClosedAt when the case was decided.
	MovedAt       time.Time
	RaisedAt      time.Time
	EvidenceDueBy time.Time
	NextCheckAt   time.Time
	ClosedAt      time.Time
}

// claim is what the dispute takes from what can be refunded of the payment.
func (d Dispute) claim(p Payment) int64 {
	if !d.Status.takes() || d.Amount.Currency != p.Amount.Currency {
		return 0
	}
	return d.Amount.Minor
}

// DisputeResource is the public form of a dispute.
type DisputeResource struct {
	ID                ids.Dispute   `json:"id"`
	Object            string        `json:"object"`
	Created           int64         `json:"created"`
	Updated           int64         `json:"updated"`
	Livemode          bool          `json:"livemode"`
	Order             ids.Order     `json:"order"`
	Payment           ids.Payment   `json:"payment"`
	Amount            int64         `json:"amount"`
	Currency          string        `json:"currency"`
	Status            DisputeStatus `json:"status"`
	Stage             DisputeStage  `json:"stage"`
	Reason            *string       `json:"reason"`
	ReasonCode        *string       `json:"reason_code"`
	ARN               *string       `json:"arn"`
	Opened            *int64        `json:"opened"`
	EvidenceDueBy     *int64        `json:"evidence_due_by"`
	Closed            *int64        `json:"closed"`
	ProviderDisputeID string        `json:"provider_dispute_id"`
	ProviderStatus    *string       `json:"provider_status"`
}

// Resource returns the dispute's public form.
func (d Dispute) Resource() DisputeResource {
	return DisputeResource{
		ID: d.ID, Object: "dispute", Created: d.CreatedAt.Unix(), Updated: d.UpdatedAt.Unix(), Livemode: d.Livemode,
		Order: d.Order, Payment: d.Payment, Amount: d.Amount.Minor, Currency: d.Amount.Currency.Lower(), Status: d.Status,
		Stage: d.Stage, Reason: nilIfEmpty(d.Reason), ReasonCode: nilIfEmpty(d.ReasonCode), ARN: nilIfEmpty(d.ARN),
		Opened: unixOrNil(d.RaisedAt), EvidenceDueBy: unixOrNil(d.EvidenceDueBy), Closed: unixOrNil(d.ClosedAt),
		ProviderDisputeID: d.ProviderDisputeID, ProviderStatus: nilIfEmpty(d.ProviderStatus),
	}
}

func unixOrNil(t time.Time) *int64 {
	if t.IsZero() {
		return nil
	}
	at := t.Unix()
	return &at
}

// coverDisputes takes from what can be refunded of the payment what its disputes claim, as far as it is there. Whatever else
// changes what was captured or given back calls it again, so that the outcome is the same in whatever order the two are heard: an
// amount that a failed refund frees while the bank has taken it back must not be refunded once more.
func (e *entry) coverDisputes() {
	p := &e.payment
	covered := max(0, min(p.AmountClaimed, p.notGivenBack()))
	if !p.Surplus {
		e.order.AmountDisputed += covered - p.AmountDisputed
	}
	p.AmountDisputed = covered
}

// notGivenBack is what was captured and is neither given back nor promised to be, whatever disputes claim of it.
func (p Payment) notGivenBack() int64 {
	return p.AmountCaptured - p.AmountRefunded - p.AmountRefundPending
}

// uncovered is what disputes claim of the payment that is not there: it had gone back already, or never came.
func (p Payment) uncovered() int64 { return p.AmountClaimed - p.AmountDisputed }

// findOverDisputed notes that the bank has taken back money that is not there to be taken: a shopper may have it twice.
func (e *entry) findOverDisputed(d *discrepancyDraft) {
	p := e.payment
	d.class = classOverDispute
	d.ours["captured"], d.ours["refunded"], d.ours["refund_pending"] = p.AmountCaptured, p.AmountRefunded, p.AmountRefundPending
	d.atRisk = p.Amount
	d.atRisk.Minor = p.uncovered()
	e.further = append(e.further, d)
	e.order.NeedsReview = true
}
