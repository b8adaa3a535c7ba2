package orders

import (
	"tillway/internal/cards"
	"tillway/internal/details"
	"tillway/internal/ids"
)

// OrderResource is the public form of an order (API.md §2), used by answers and events alike; internal/api adds links.
type OrderResource struct {
	ID                  ids.Order        `json:"id"`
	Object              string           `json:"object"`
	Created             int64            `json:"created"`
	Updated             int64            `json:"updated"`
	Livemode            bool             `json:"livemode"`
	Status              Status           `json:"status"`
	Amount              int64            `json:"amount"`
	Currency            string           `json:"currency"`
	AmountPaid          int64            `json:"amount_paid"`
	AmountAuthorized    int64            `json:"amount_authorized"`
	AmountRefunded      int64            `json:"amount_refunded"`
	AmountRefundPending int64            `json:"amount_refund_pending"`
	AmountDisputed      int64            `json:"amount_disputed"`
	Reference           *string          `json:"reference"`
	Description         *string          `json:"description"`
	Customer            *string          `json:"customer"`
	Subscription        *string          `json:"subscription"`
	Items               []Item           `json:"items"`
	BillingDetails      *details.Contact `json:"billing_details"`
	ShippingDetails     *details.Contact `json:"shipping_details"`
	ReturnURL           *string          `json:"return_url"`
	LatePayment         LatePayment      `json:"late_payment"`
	LatestPayment       *string          `json:"latest_payment"`
	NeedsReview         bool             `json:"needs_review"`
	ExpiresAt           int64            `json:"expires_at"`
	Metadata            details.Metadata `json:"metadata"`
	ClientSecret        string           `json:"client_secret,omitempty"`
	// Confirmed is set on events of a paid order: whether the provider has confirmed the payment by itself (design §3).
	Confirmed *bool `json:"confirmed,omitempty"`
}

// Resource returns the order's public form, without its client secret.
func (o Order) Resource() OrderResource {
	r := OrderResource{
		ID: o.ID, Object: "order", Created: o.CreatedAt.Unix(), Updated: o.UpdatedAt.Unix(), Livemode: o.Livemode,
		Status: o.Status, Amount: o.Amount.Minor, Currency: o.Amount.Currency.Lower(),
		AmountPaid: o.AmountPaid, AmountAuthorized: o.AmountAuthorized, AmountRefunded: o.AmountRefunded,
		AmountRefundPending: o.AmountRefundPending, AmountDisputed: o.AmountDisputed,
		Reference: nilIfEmpty(o.Reference), Description: nilIfEmpty(o.Description), Customer: nilIfEmpty(o.Customer.String()),
		Subscription: nilIfEmpty(o.Subscription.String()),
		Items:        o.Items, BillingDetails: o.Billing, ShippingDetails: o.Shipping, ReturnURL: nilIfEmpty(o.ReturnURL),
		LatePayment: o.LatePayment, LatestPayment: nilIfEmpty(o.LatestPayment.String()), NeedsReview: o.NeedsReview,
		ExpiresAt: o.ExpiresAt.Unix(), Metadata: o.Metadata,
	}
	if r.Metadata == nil {
		r.Metadata = details.Metadata{}
	}
	if r.Items == nil {
		r.Items = []Item{}
	}
	return r
}

// PaymentResource is the public form of a payment (API.md §2).
type PaymentResource struct {
	ID                    ids.Payment          `json:"id"`
	Object                string               `json:"object"`
	Created               int64                `json:"created"`
	Updated               int64                `json:"updated"`
	Livemode              bool                 `json:"livemode"`
	Order                 ids.Order            `json:"order"`
	Attempt               int                  `json:"attempt"`
	Status                PaymentStatus        `json:"status"`
	Amount                int64                `json:"amount"`
	Currency              string               `json:"currency"`
	AmountCaptured        int64                `json:"amount_captured"`
	AmountRefunded        int64                `json:"amount_refunded"`
	CaptureMethod         CaptureMethod        `json:"capture_method"`
	MerchantTxnID         string               `json:"merchant_txn_id"`
	ProviderTransactionID *string              `json:"provider_transaction_id"`
	Confirmed             bool                 `json:"confirmed"`
	PaymentMethodDetails  PaymentMethodDetails `json:"payment_method_details"`
	PaymentMethod         *string              `json:"payment_method"`
	NextAction            *NextAction          `json:"next_action"`
	ThreeDS               *ThreeDSDetails      `json:"three_ds"`
	Failure               *FailureDetails      `json:"failure"`
	Surplus               bool                 `json:"surplus"`
	CancelRequestedAt     *int64               `json:"cancel_requested_at"`
	Description           *string              `json:"description"`
	Metadata              details.Metadata     `json:"metadata"`
}

// PaymentMethodDetails says what was paid with. Card is null until it is known: of a payment on the provider's page, once that has
// told of it.
type PaymentMethodDetails struct {
	Type MethodType      `json:"type"`
	Card *cards.Resource `json:"card"`
	// Local is there of a local payment method only.
	Local *LocalDetails `json:"local,omitempty"`
}

// LocalDetails is what is kept of a local payment method: the provider's name of it.
type LocalDetails struct {
	Method string `json:"method"`
}

// FailureDetails is the public form of a Failure.
type FailureDetails struct {
	Code         string          `json:"code"`
	DeclineCode  *string         `json:"decline_code"`
	Message      string          `json:"message"`
	Category     FailureCategory `json:"category"`
	ProviderCode *string         `json:"provider_code"`
}

// NextAction is what the shopper must do next. The member that is named like its type says it; in events there is none of what
// is to be shown, which must be gone when the payment has ended.
type NextAction struct {
	Type                string               `json:"type"`
	RedirectToURL       *RedirectToURL       `json:"redirect_to_url,omitempty"`
	DisplayQRCode       *DisplayQRCode       `json:"display_qr_code,omitempty"`
	DisplayInstructions *DisplayInstructions `json:"display_instructions,omitempty"`
}

// RedirectToURL is a page to send the shopper's browser to; ReturnURL is where the shopper ends up afterwards.
type RedirectToURL struct {
	URL       string  `json:"url"`
	ReturnURL *string `json:"return_url"`
}

// DisplayQRCode is a code to show to the shopper: what it says, a picture of it, or both, and until when it can be paid by (unix
// seconds), null where that is not known.
type DisplayQRCode struct {
	Data      *string `json:"data"`
	ImageURL  *string `json:"image_url"`
	ExpiresAt *int64  `json:"expires_at"`
}

// DisplayInstructions is a text to show to the shopper, as it is: it is no HTML.
type DisplayInstructions struct {
	Text string `json:"text"`
}

// ThreeDSDetails is how the cardholder's authentication ended.
type ThreeDSDetails struct {
	Result ThreeDSResult `json:"result"`
	ECI    *string       `json:"eci"`
}

// Resource returns the payment's public form.
func (p Payment) Resource() PaymentResource {
	r := PaymentResource{
		ID: p.ID, Object: "payment", Created: p.CreatedAt.Unix(), Updated: p.UpdatedAt.Unix(), Livemode: p.Livemode,
		Order: p.Order, Attempt: p.Attempt, Status: p.Status, Amount: p.Amount.Minor, Currency: p.Amount.Currency.Lower(),
		AmountCaptured: p.AmountCaptured, AmountRefunded: p.AmountRefunded, CaptureMethod: p.CaptureMethod,
		MerchantTxnID: p.MerchantTxnID, ProviderTransactionID: nilIfEmpty(p.ProviderTransactionID), Confirmed: p.Confirmed,
		PaymentMethodDetails: p.methodDetails(),
		PaymentMethod:        nilIfEmpty(p.PaymentMethod.String()),
		Failure:              p.Failure.details(), Surplus: p.Surplus, Description: nilIfEmpty(p.Description), Metadata: p.Metadata,
	}
	if p.Status == PaymentRequiresAction {
		r.NextAction = p.nextAction()
	}
	if !p.CancelAskedAt.IsZero() {
		at := p.CancelAskedAt.Unix()
		r.CancelRequestedAt = &at
	}
	if p.ThreeDSResult != "" {
		r.ThreeDS = &ThreeDSDetails{Result: p.ThreeDSResult, ECI: nilIfEmpty(p.ECI)}
	}
	if r.Metadata == nil {
		r.Metadata = details.Metadata{}
	}
	return r
}

// nextAction says what the shopper is to do; nil where nobody knows.
func (p Payment) nextAction() *NextAction {
	switch d := p.Display; {
	case p.RedirectURL != "":
		return &NextAction{
			Type:          "redirect_to_url",
			RedirectToURL: &RedirectToURL{URL: p.RedirectURL, ReturnURL: nilIfEmpty(p.ReturnURL)},
		}
	case d.Text != "":
		return &NextAction{Type: "display_instructions", DisplayInstructions: &DisplayInstructions{Text: d.Text}}
	case !d.IsZero():
		code := &DisplayQRCode{Data: nilIfEmpty(d.Code), ImageURL: nilIfEmpty(d.ImageURL)}
		if !d.ExpiresAt.IsZero() {
			at := d.ExpiresAt.Unix()
			code.ExpiresAt = &at
		}
		return &NextAction{Type: "display_qr_code", DisplayQRCode: code}
	}
	return nil
}

// told is the payment as events tell of it. They are kept for ever, so they do not have what is shown to the shopper.
func (p Payment) told() PaymentResource {
	r := p.Resource()
	if r.NextAction != nil && !p.Display.IsZero() {
		r.NextAction = &NextAction{Type: r.NextAction.Type}
	}
	return r
}

func (p Payment) methodDetails() PaymentMethodDetails {
	d := PaymentMethodDetails{Type: p.Method}
	if p.local() {
		d.Local = &LocalDetails{Method: p.LocalMethod}
	}
	if p.Card.Last4 != "" {
		card := p.Card.Resource()
		d.Card = &card
	}
	return d
}

// EventResource is the public form of an event (API.md §2).
type EventResource struct {
	ID       ids.Event `json:"id"`
	Object   string    `json:"object"`
	Type     string    `json:"type"`
	Created  int64     `json:"created"`
	Livemode bool      `json:"livemode"`
	// Order is nil for an event of a customer, and Customer for one of an order; Sequence counts for each of them.
	Order    *ids.Order    `json:"order"`
	Customer *ids.Customer `json:"customer,omitempty"`
	Sequence int64         `json:"sequence"`
	Data     EventData     `json:"data"`
}

// EventData carries the resource as it stood when the event was written.
type EventData struct {
	Object any `json:"object"`
}

func (f *Failure) details() *FailureDetails {
	if f == nil {
		return nil
	}
	return &FailureDetails{
		Code: f.Code, DeclineCode: nilIfEmpty(f.DeclineCode), Message: f.Message, Category: f.Category,
		ProviderCode: nilIfEmpty(f.ProviderCode),
	}
}

func nilIfEmpty(s string) *string {
	if s == "" {
		return nil
	}
	return &s
}
