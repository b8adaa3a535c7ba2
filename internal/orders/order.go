package orders

import (
	"time"

	"tillway/internal/cards"
	"tillway/internal/details"
	"tillway/internal/ids"
	"tillway/internal/money"
)

// LatePayment is what to do with money that arrives after the payment was given up (API.md §2).
type LatePayment string

// The late payment policies.
const (
	// LatePaymentAccept: the order counts as paid.
	LatePaymentAccept LatePayment = "accept"
	// LatePaymentRefund: the money goes back.
	LatePaymentRefund LatePayment = "refund"
	// LatePaymentReview: a person decides.
	LatePaymentReview LatePayment = "review"
)

// Item is one line of an order. UnitAmount is in minor units of the order's currency, negative for a discount.
type Item struct {
	Name        string `json:"name"`
	UnitAmount  int64  `json:"unit_amount"`
	Quantity    int64  `json:"quantity"`
	Type        string `json:"type,omitempty"`
	Description string `json:"description,omitempty"`
	ImageURL    string `json:"image_url,omitempty"`
}

// Order is what the shopper owes. Money is moved by its payments; Status is derived from them.
type Order struct {
	ID          ids.Order
	Livemode    bool
	Reference   string
	Description string
	Customer    ids.Customer
	// Subscription is what charges the order, zero where a shopper pays it; Period is the billing period that it is for, nil for
	// none: a purchase that only verifies a card.
	Subscription ids.Subscription
	Period       *Period
	// Amount is what is owed. The other amounts are minor units of the same currency.
	Amount              money.Amount
	AmountPaid          int64
	AmountAuthorized    int64
	AmountRefunded      int64
	AmountRefundPending int64
	AmountDisputed      int64
	// RefundCount counts the refunds of its payments that have succeeded or may yet, those of surplus ones left out.
	RefundCount   int
	Status        Status
	Items         []Item
	Billing       *details.Contact
	Shipping      *details.Contact
	Metadata      details.Metadata
	ReturnURL     string
	LatePayment   LatePayment
	LatestPayment ids.Payment
	NeedsReview   bool
	// Attempts counts the payments begun; LastSequence is the sequence of the newest event.
	Attempts     int
	LastSequence int64
	// Version grows with every change of the order's money or status; writes are guarded by it.
	Version       int64
	CorrelationID string
	CreatedAt     time.Time
	UpdatedAt     time.Time
	ExpiresAt     time.Time
	PaidAt        time.Time
	CanceledAt    time.Time
	ExpiredAt     time.Time
	// ErasedAt is when the order lost who its customer was; zero while it may tell.
	ErasedAt time.Time
}

// Period is a billing period of a subscription: from Start until just before End.
type Period struct{ Start, End time.Time }

// Erased reports whether the order's customer was deleted, and the order says nothing of them any more.
func (o Order) Erased() bool { return !o.ErasedAt.IsZero() }

// keepable is what may be kept of a message about the order: nothing, once it is erased, since it may name a person.
func (o Order) keepable(body []byte) []byte {
	if o.Erased() {
		return nil
	}
	return body
}

// FailureCategory says whether trying again can help.
type FailureCategory string

// The failure categories (API.md §2).
const (
	// FailureSoft: the same card may work later.
	FailureSoft FailureCategory = "soft"
	// FailureHard: this card will not work.
	FailureHard FailureCategory = "hard"
	// FailureTechnical: a fault on the way; nothing was decided about the card.
	FailureTechnical FailureCategory = "technical"
	// FailureConfiguration: the provider refused the request itself; the merchant's set-up must be mended.
	FailureConfiguration FailureCategory = "configuration"
)

// Failure explains why a payment did not succeed. Code is one of API.md §1 (402), DeclineCode the normalized reason,
// ProviderCode the provider's own code as it came.
type Failure struct {
	Code         string
	DeclineCode  string
	Message      string
	Category     FailureCategory
	ProviderCode string
}

// ThreeDSResult is the outcome of the cardholder's authentication.
type ThreeDSResult string

// The authentication results (API.md §2).
const (
	// ThreeDSAuthenticated: a challenge was passed.
	ThreeDSAuthenticated ThreeDSResult = "authenticated"
	// ThreeDSFrictionless: authenticated without a challenge.
	ThreeDSFrictionless ThreeDSResult = "frictionless"
	// ThreeDSFailed: the challenge was failed.
	ThreeDSFailed ThreeDSResult = "failed"
	// ThreeDSTimeout: the challenge was not completed in time.
	ThreeDSTimeout ThreeDSResult = "timeout"
	// ThreeDSRejected: the issuer refused to authenticate.
	ThreeDSRejected ThreeDSResult = "rejected"
)

// CaptureMethod says whether money is taken at once or only held.
type CaptureMethod string

// The capture methods.
const (
	// CaptureAutomatic: a sale.
	CaptureAutomatic CaptureMethod = "automatic"
	// CaptureManual: an authorization, captured later.
	CaptureManual CaptureMethod = "manual"
)

// Payment is one attempt at paying an order.
type Payment struct {
	ID      ids.Payment
	Order   ids.Order
	Attempt int
	Status  PaymentStatus
	Amount  money.Amount
	// The amounts below are minor units: refunded + refund pending + disputed <= captured <= authorized.
	AmountAuthorized    int64
	AmountCaptured      int64
	AmountRefunded      int64
	AmountRefundPending int64
	AmountDisputed      int64
	// CaptureAmount is what its latest capture takes, where that is less than all; zero: all.
	CaptureAmount int64
	// RefundCount counts its refunds that have succeeded or may yet.
	RefundCount int
	// AmountClaimed is what disputes claim of it, also of what is not there: disputed <= claimed.
	AmountClaimed int64
	CaptureMethod CaptureMethod
	Method        MethodType
	Initiator     Initiator
	// LocalMethod is the provider's name of the local method that it is made with, "" of any other.
	LocalMethod string
	// MerchantTxnID is our reference at the provider, derived from the id; at most one transaction has it.
	MerchantTxnID         string
	ProviderTransactionID string
	// Confirmed: the provider has said the present status in a notification or to a query.
	Confirmed bool
	// Surplus: a second success on an order that is paid; it never counts as paid.
	Surplus bool
	Card    cards.Summary
	// PaymentMethod is the saved method that it was made with, or that its card was saved as; zero for none.
	PaymentMethod ids.PaymentMethod
	RedirectURL   string
	Display       Display
	ReturnURL     string
	ThreeDSResult ThreeDSResult
	ECI           string
	// Challenged is true once a challenge page was handed out.
	Challenged bool
	// Failure is why the payment ended without success; of a checkout session that is open, why its latest attempt failed.
	Failure     *Failure
	Metadata    details.Metadata
	Description string
	Livemode    bool
	// CancelAsks counts how often the provider was asked to cancel it, as far as we know; CancelAskedAt is when it last was, and
	// CancelFailedAt when it said that it could not.
	CancelAsks     int
	CancelAskedAt  time.Time
	CancelFailedAt time.Time
	// NotFoundCount counts the provider's "no such transaction" answers since the last other news; Checks counts queries.
	NotFoundCount int
	Checks        int
	CorrelationID string
	CreatedAt     time.Time
	UpdatedAt     time.Time
	// SentAt is when the request went out; NextCheckAt when the provider is asked next, zero when it is not;
	// FinalAt when the status became final.
	SentAt      time.Time
	NextCheckAt time.Time
	FinalAt     time.Time
	// BegunAt is when it was begun, in real time, where its id does not bear that; zero where it does.
	BegunAt time.Time
}

// begunAt is when it was begun, in real time, by the clock of the machine that began it.
func (p Payment) begunAt() time.Time {
	if p.BegunAt.IsZero() {
		return p.ID.Time()
	}
	return p.BegunAt
}
