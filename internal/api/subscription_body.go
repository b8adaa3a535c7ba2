package api

import (
	"encoding/json"
	"time"

	"tillway/internal/api/strictjson"
	"tillway/internal/fault"
	"tillway/internal/ids"
	"tillway/internal/orders"
	"tillway/internal/subscriptions"
	"tillway/internal/subscriptions/calendar"
	"tillway/internal/subscriptions/dunning"
)

// createSubscriptionBody asks for a subscription and its first purchase. It carries card data: it lives as long as the request
// and is never written.
type createSubscriptionBody struct {
	Customer      ids.Customer       `json:"customer" strict:"required"`
	Amount        int64              `json:"amount" strict:"required"`
	Currency      string             `json:"currency" strict:"required"`
	Interval      string             `json:"interval" strict:"required"`
	IntervalCount *int               `json:"interval_count"`
	TimeZone      string             `json:"time_zone"`
	Description   string             `json:"description"`
	TrialDays     int                `json:"trial_days"`
	EndsAt        *int64             `json:"ends_at"`
	Collection    string             `json:"collection"`
	PaymentMethod *paymentMethodBody `json:"payment_method" strict:"required"`
	ThreeDS       *threeDSBody       `json:"three_ds"`
	ReturnURL     string             `json:"return_url"`
	Browser       *browserBody       `json:"browser"`
	Dunning       *dunningBody       `json:"dunning"`
	Metadata      map[string]string  `json:"metadata"`
}

// cardParam names where the body brings a card, which every subscription begins with.
func (b *createSubscriptionBody) cardParam() string { return "payment_method.card" }

func (b *createSubscriptionBody) withoutCards() string {
	return "A subscription begins with one: none can be created here."
}

func (b *createSubscriptionBody) checkShape() error {
	switch b.PaymentMethod.Type {
	case typeSaved, string(orders.MethodHosted), string(orders.MethodLocal):
		return fault.New(fault.Refused, "payment_method_not_allowed",
			"A subscription begins with a card's data (payment_method.type card): the provider agrees on later charges with no other.").
			WithParam("payment_method.type")
	}
	if err := b.PaymentMethod.checkShape(); err != nil {
		return err
	}
	if b.IntervalCount != nil && *b.IntervalCount < 1 {
		return fault.InvalidParam("interval_count", "interval_count must be a positive number.")
	}
	if b.EndsAt != nil {
		if err := checkUnix("ends_at", *b.EndsAt); err != nil {
			return err
		}
	}
	if err := b.ThreeDS.checkShape(); err != nil {
		return err
	}
	return b.Browser.checkShape()
}

// request turns the body into what the domain is asked. Base is the policy from which the body's own may differ.
func (b *createSubscriptionBody) request(in *call[createSubscriptionBody], base dunning.Policy) (subscriptions.CreateRequest, error) {
	request := subscriptions.CreateRequest{
		Idempotency: in.Idempotency, CorrelationID: in.CorrelationID, Customer: b.Customer, Amount: b.Amount, Currency: b.Currency,
		Interval: calendar.Interval(b.Interval), TimeZone: b.TimeZone, Description: b.Description, TrialDays: b.TrialDays,
		Collection: subscriptions.Collection(b.Collection), Metadata: b.Metadata,
		Purchase: subscriptions.Purchase{
			Card: b.PaymentMethod.Card.card(), ThreeDS: b.ThreeDS.threeDS(), Browser: b.Browser.browser(), ReturnURL: b.ReturnURL,
		},
	}
	if b.IntervalCount != nil {
		request.IntervalCount = *b.IntervalCount
	}
	if b.EndsAt != nil {
		request.EndsAt = time.Unix(*b.EndsAt, 0)
	}
	var err error
	request.Policy, err = b.Dunning.policy(base)
	return request, err
}

// dunningBody is what differs from the installation's policy.
type dunningBody struct {
	RetryDays  *[]int  `json:"retry_days,omitempty"`
	GiveUpDays *int    `json:"give_up_days,omitempty"`
	End        *string `json:"end,omitempty"`
	DayCap     *int    `json:"day_cap,omitempty"`
	MonthCap   *int    `json:"month_cap,omitempty"`
}

// policy is the whole policy that the body asks for, nil for none of its own.
func (b *dunningBody) policy(base dunning.Policy) (*dunning.Policy, error) {
	if b == nil {
		return nil, nil //nolint:nilnil // none of its own
	}
	text, err := json.Marshal(b)
	if err != nil {
		return nil, err
	}
	p, err := dunning.Parse(text, base, "dunning")
	return &p, err
}

// patchSubscriptionBody updates a subscription. A null clears; a null in metadata removes that key.
type patchSubscriptionBody struct {
	Description       strictjson.Nullable[string]             `json:"description"`
	Metadata          strictjson.Nullable[map[string]*string] `json:"metadata"`
	Amount            *int64                                  `json:"amount"`
	Interval          *string                                 `json:"interval"`
	IntervalCount     *int                                    `json:"interval_count"`
	EndsAt            strictjson.Nullable[int64]              `json:"ends_at"`
	Dunning           strictjson.Nullable[*dunningBody]       `json:"dunning"`
	CancelAtPeriodEnd *bool                                   `json:"cancel_at_period_end"`
}

func (b *patchSubscriptionBody) checkShape() error {
	if b.CancelAtPeriodEnd != nil && *b.CancelAtPeriodEnd {
		return fault.InvalidParam("cancel_at_period_end",
			"cancel_at_period_end can only be taken back here (false). Cancel with POST …/cancel and at_period_end.")
	}
	if b.EndsAt.Set && !b.EndsAt.Null {
		return checkUnix("ends_at", b.EndsAt.Value)
	}
	return nil
}

func (b *patchSubscriptionBody) patch(base dunning.Policy) (subscriptions.Patch, error) {
	p := subscriptions.Patch{
		Patch:  (&patchBody{Description: b.Description, Metadata: b.Metadata}).patch(),
		Amount: b.Amount, Interval: (*calendar.Interval)(b.Interval), IntervalCount: b.IntervalCount,
		ClearEndsAt: b.EndsAt.Null, ClearPolicy: b.Dunning.Null, KeepAfterPeriod: b.CancelAtPeriodEnd != nil,
	}
	if b.EndsAt.Set && !b.EndsAt.Null {
		ends := time.Unix(b.EndsAt.Value, 0)
		p.EndsAt = &ends
	}
	var err error
	p.Policy, err = b.Dunning.Value.policy(base)
	return p, err
}

// cancelBody asks to cancel a subscription.
type cancelBody struct {
	AtPeriodEnd bool `json:"at_period_end"`
}

// lastSecond is the last one of the year 9999, which PostgreSQL still knows.
const lastSecond = 253_402_300_799

func checkUnix(param string, seconds int64) error {
	if seconds < 0 || seconds > lastSecond {
		return fault.InvalidParam(param, "%s must be a time in unix seconds.", param)
	}
	return nil
}
