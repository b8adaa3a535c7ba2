package orders

import (
	"time"

	"tillway/internal/details"
	"tillway/internal/ids"
	"tillway/internal/money"
)

// RefundReason is why a merchant gives money back (API.md §2).
type RefundReason string

// The refund reasons.
const (
	// RefundRequestedByCustomer: the shopper asked for it.
	RefundRequestedByCustomer RefundReason = "requested_by_customer"
	// RefundDuplicate: the same was paid twice.
	RefundDuplicate RefundReason = "duplicate"
	// RefundFraudulent: the payment was not the cardholder's.
	RefundFraudulent RefundReason = "fraudulent"
	// RefundOther: anything else.
	RefundOther RefundReason = "other"
)

// RefundReasons lists every reason.
func RefundReasons() []RefundReason {
	return []RefundReason{RefundRequestedByCustomer, RefundDuplicate, RefundFraudulent, RefundOther}
}

// RefundOrigin is who asked for a refund.
type RefundOrigin string

// The refund origins.
const (
	// RefundFromAPI: the merchant.
	RefundFromAPI RefundOrigin = "api"
	// RefundFromLatePayment: the order's late_payment policy.
	RefundFromLatePayment RefundOrigin = "late_payment"
	// RefundFromSurplus: ourselves, for money on an order that needed none.
	RefundFromSurplus RefundOrigin = "surplus"
	// RefundFromPortal: the merchant's people, in the provider's portal.
	RefundFromPortal RefundOrigin = "portal"
)

// owed reports whether a policy asked for the refund: nobody waits for it, so its failure must be shown to somebody.
func (o RefundOrigin) owed() bool { return o == RefundFromLatePayment || o == RefundFromSurplus }

// RefundFailure explains why a refund did not succeed. Code is refund_failed, refund_rejected, refund_not_received,
// refund_not_approved or provider_refused; ProviderCode the provider's own as it came.
type RefundFailure struct {
	Code         string
	Message      string
	ProviderCode string
}

// The failure codes that are ours to give.
const (
	failureRefundFailed      = "refund_failed"
	failureRefundRejected    = "refund_rejected"
	failureRefundNotReceived = "refund_not_received"
	failureRefundNotApproved = "refund_not_approved"
)

// Refund is money of a payment that goes back to the shopper.
type Refund struct {
	ID       ids.Refund
	Order    ids.Order
	Payment  ids.Payment
	Livemode bool
	Amount   money.Amount
	Reason   RefundReason
	Origin   RefundOrigin
	Status   RefundStatus
	// MerchantTxnID is our reference at the provider: the id's text.
	MerchantTxnID         string
	ProviderTransactionID string
	// CreatedBy is the principal who asked for it, "" where no one of the merchant's did.
	CreatedBy string
	// Approval is nil of a refund that needs none.
	Approval    *RefundApproval
	Failure     *RefundFailure
	Description string
	Metadata    details.Metadata
	// Sends counts how often it was taken to be sent: more than once only where not one byte had left us.
	Sends int
	// NotFoundCount counts the provider's "no such refund" answers since the last other news; Checks counts sendings and
	// questions of the sweep.
	NotFoundCount int
	Checks        int
	CorrelationID string
	CreatedAt     time.Time
	UpdatedAt     time.Time
	// SentAt is zero while it waits to be sent; NextCheckAt is when it is sent or asked about next, zero when it is
	// not; FinalAt is when the status became final.
	SentAt      time.Time
	NextCheckAt time.Time
	FinalAt     time.Time
}

// holds is what the refund adds to its payment's amounts: reserved while it is open, refunded once the money is back.
func (r Refund) holds() (pending, refunded int64) {
	switch {
	case r.Status.Open():
		return r.Amount.Minor, 0
	case r.Status == RefundSucceeded:
		return 0, r.Amount.Minor
	default:
		return 0, 0
	}
}

// counted is 1 while the refund has given money back or may yet, as the database's trigger refunds_keep_count counts it.
func (r Refund) counted() int {
	if pending, refunded := r.holds(); pending+refunded > 0 {
		return 1
	}
	return 0
}

// since is from when the refund's waiting counts: when it was sent, or recorded while it has not been.
func (r Refund) since() time.Time {
	if r.SentAt.IsZero() {
		return r.CreatedAt
	}
	return r.SentAt
}

// Refundable is how much of the payment can still be given back, in minor units.
func (p Payment) Refundable() int64 {
	if p.Status != PaymentSucceeded {
		return 0
	}
	return p.AmountCaptured - p.AmountRefunded - p.AmountRefundPending - p.AmountDisputed
}

// Refundable is how much of what was paid can still be given back, in minor units; surplus money does not count.
func (o Order) Refundable() int64 {
	return o.AmountPaid - o.AmountRefunded - o.AmountRefundPending - o.AmountDisputed
}

// RefundResource is the public form of a refund (API.md §2).
type RefundResource struct {
	ID                    ids.Refund             `json:"id"`
	Object                string                 `json:"object"`
	Created               int64                  `json:"created"`
	Updated               int64                  `json:"updated"`
	Livemode              bool                   `json:"livemode"`
	Order                 ids.Order              `json:"order"`
	Payment               ids.Payment            `json:"payment"`
	Amount                int64                  `json:"amount"`
	Currency              string                 `json:"currency"`
	Reason                RefundReason           `json:"reason"`
	Origin                RefundOrigin           `json:"origin"`
	Status                RefundStatus           `json:"status"`
	MerchantTxnID         string                 `json:"merchant_txn_id"`
	ProviderTransactionID *string                `json:"provider_transaction_id"`
	CreatedBy             *string                `json:"created_by"`
	Approval              *RefundApprovalDetails `json:"approval"`
	Failure               *RefundFailureDetails  `json:"failure"`
	Description           *string                `json:"description"`
	Metadata              details.Metadata       `json:"metadata"`
}

// RefundFailureDetails is the public form of a RefundFailure.
type RefundFailureDetails struct {
	Code         string  `json:"code"`
	Message      string  `json:"message"`
	ProviderCode *string `json:"provider_code"`
}

// Resource returns the refund's public form.
func (r Refund) Resource() RefundResource {
	shown := RefundResource{
		ID: r.ID, Object: "refund", Created: r.CreatedAt.Unix(), Updated: r.UpdatedAt.Unix(), Livemode: r.Livemode,
		Order: r.Order, Payment: r.Payment, Amount: r.Amount.Minor, Currency: r.Amount.Currency.Lower(), Reason: r.Reason,
		Origin: r.Origin, Status: r.Status, MerchantTxnID: r.MerchantTxnID,
		ProviderTransactionID: nilIfEmpty(r.ProviderTransactionID), CreatedBy: nilIfEmpty(r.CreatedBy),
		Approval: r.Approval.details(), Description: nilIfEmpty(r.Description), Metadata: r.Metadata,
	}
	if f := r.Failure; f != nil {
		shown.Failure = &RefundFailureDetails{Code: f.Code, Message: f.Message, ProviderCode: nilIfEmpty(f.ProviderCode)}
	}
	if shown.Metadata == nil {
		shown.Metadata = details.Metadata{}
	}
	return shown
}
