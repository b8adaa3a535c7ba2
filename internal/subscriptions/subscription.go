package subscriptions

import (
	"time"

	"tillway/internal/cards"
	"tillway/internal/details"
	"tillway/internal/fault"
	"tillway/internal/ids"
	"tillway/internal/money"
	"tillway/internal/orders"
	"tillway/internal/subscriptions/calendar"
	"tillway/internal/subscriptions/dunning"
	"tillway/internal/subscriptions/lifecycle"
)

// Collection says who starts the charges after the first (API.md §2).
type Collection string

// The collections.
const (
	// SelfManaged: we charge every period.
	SelfManaged Collection = "self_managed"
	// ProviderManaged: the provider charges by itself, and we follow what it tells.
	ProviderManaged Collection = "provider_managed"
)

// Subscription is an agreement with a customer to be charged every period.
type Subscription struct {
	ID         ids.Subscription
	Livemode   bool
	Customer   ids.Customer
	Status     lifecycle.Status
	Collection Collection
	// Amount is what a period costs, from the next one on.
	Amount      money.Amount
	Description string
	Metadata    details.Metadata
	ReturnURL   string
	Card        cards.Summary

	// Schedule says when periods begin; the current one is its PeriodIndex-th. There is none before the subscription is active.
	Schedule               calendar.Schedule
	PeriodIndex            int
	PeriodStart, PeriodEnd time.Time
	TrialEnd, EndsAt       time.Time
	// NextChargeAt is when the next period is charged, zero where none will be or nobody knows.
	NextChargeAt time.Time
	// UpcomingToldOf is the charge that was last announced.
	UpcomingToldOf time.Time

	// OpenOrder is what is being collected. OpenCharges counts the charges of it that were decided on, OpenFailures those of them
	// that have failed and were dealt with.
	OpenOrder                 ids.Order
	OpenCharges, OpenFailures int
	LatestOrder               ids.Order

	// Policy overrides the installation's dunning; nil does not.
	Policy *dunning.Policy
	// FailingSince is when the first charge of the open order failed that counts, Retries how many such there were,
	// TechnicalFailures how many of the last ones in a row were faults on the way.
	FailingSince               time.Time
	Retries, TechnicalFailures int
	NextRetryAt                time.Time
	LastFailure                *orders.FailureDetails

	CancelAtPeriodEnd                        bool
	ActivatedAt, PausedAt, UnpaidAt, EndedAt time.Time

	CorrelationID        string
	CreatedAt, UpdatedAt time.Time
	nextRunAt            time.Time
	version              int64
}

// Allows reports whether a command may be given now. What the provider charges by itself it cannot be told to pause, nor to charge to
// another card.
func (s Subscription) Allows(command lifecycle.Command) bool {
	if s.Collection == ProviderManaged && (command == lifecycle.CommandPause || command == lifecycle.CommandChangeCard) {
		return false
	}
	return lifecycle.Allows(s.Status, command)
}

// WaitsForContract reports whether the payment has paid for an incomplete subscription, which now waits for what later charges are made
// by. The provider may never tell, so it can be canceled: its money has arrived, and nothing has to be called back.
func (s Subscription) WaitsForContract(p orders.Payment) bool {
	return s.Status == lifecycle.StatusIncomplete && p.Status == orders.PaymentSucceeded
}

// nextCharge is when the next period is charged, zero where the subscription ends before.
func (s Subscription) nextCharge() time.Time {
	if end := endOf(s); !end.IsZero() && !s.NextChargeAt.Before(end) {
		return time.Time{}
	}
	return s.NextChargeAt
}

// Resource is the public form of a subscription (API.md §2), used by answers and events alike; internal/api adds links. Times
// are unix seconds.
type Resource struct {
	ID                 ids.Subscription  `json:"id"`
	Object             string            `json:"object"`
	Created            int64             `json:"created"`
	Updated            int64             `json:"updated"`
	Livemode           bool              `json:"livemode"`
	Customer           ids.Customer      `json:"customer"`
	Status             lifecycle.Status  `json:"status"`
	Collection         Collection        `json:"collection"`
	Amount             int64             `json:"amount"`
	Currency           string            `json:"currency"`
	Interval           calendar.Interval `json:"interval"`
	IntervalCount      int               `json:"interval_count"`
	TimeZone           string            `json:"time_zone"`
	Description        *string           `json:"description"`
	CurrentPeriodStart *int64            `json:"current_period_start"`
	CurrentPeriodEnd   *int64            `json:"current_period_end"`
	TrialEnd           *int64            `json:"trial_end"`
	EndsAt             *int64            `json:"ends_at"`
	NextChargeAt       *int64            `json:"next_charge_at"`
	LatestOrder        *string           `json:"latest_order"`
	CancelAtPeriodEnd  bool              `json:"cancel_at_period_end"`
	CanceledAt         *int64            `json:"canceled_at"`
	EndedAt            *int64            `json:"ended_at"`
	PausedAt           *int64            `json:"paused_at"`
	Dunning            DunningResource   `json:"dunning"`
	PaymentMethod      MethodResource    `json:"payment_method"`
	Metadata           details.Metadata  `json:"metadata"`
}

// DunningResource tells how the collection of what is past due stands. Attempt is 0 while nothing is.
type DunningResource struct {
	Attempt     int                    `json:"attempt"`
	NextRetryAt *int64                 `json:"next_retry_at"`
	LastFailure *orders.FailureDetails `json:"last_failure"`
	Policy      *dunning.Policy        `json:"policy"`
}

// MethodResource is the card that is charged.
type MethodResource struct {
	Type string         `json:"type"`
	Card cards.Resource `json:"card"`
}

// Resource returns the subscription's public form.
func (s Subscription) Resource() Resource {
	r := Resource{
		ID: s.ID, Object: "subscription", Created: s.CreatedAt.Unix(), Updated: s.UpdatedAt.Unix(), Livemode: s.Livemode,
		Customer: s.Customer, Status: s.Status, Collection: s.Collection, Amount: s.Amount.Minor,
		Currency: s.Amount.Currency.Lower(), Interval: s.Schedule.Interval, IntervalCount: s.Schedule.Count,
		TimeZone: s.Schedule.Zone.String(), Description: nilIfEmpty(s.Description),
		CurrentPeriodStart: unixOrNil(s.PeriodStart), CurrentPeriodEnd: unixOrNil(s.PeriodEnd), TrialEnd: unixOrNil(s.TrialEnd),
		EndsAt: unixOrNil(s.EndsAt), NextChargeAt: unixOrNil(s.nextCharge()), LatestOrder: nilIfEmpty(s.LatestOrder.String()),
		CancelAtPeriodEnd: s.CancelAtPeriodEnd, EndedAt: unixOrNil(s.EndedAt), PausedAt: unixOrNil(s.PausedAt),
		Dunning: DunningResource{
			Attempt: s.Retries, NextRetryAt: unixOrNil(s.NextRetryAt), LastFailure: s.LastFailure, Policy: s.Policy,
		},
		PaymentMethod: MethodResource{Type: "card", Card: s.Card.Resource()},
		Metadata:      s.Metadata,
	}
	if s.Status == lifecycle.StatusCanceled {
		r.CanceledAt = r.EndedAt
	}
	return r
}

func unixOrNil(t time.Time) *int64 {
	if t.IsZero() {
		return nil
	}
	seconds := t.Unix()
	return &seconds
}

func nilIfEmpty(text string) *string {
	if text == "" {
		return nil
	}
	return &text
}

func missing(id ids.Subscription) error { return fault.Missing("subscription", id.String()) }
