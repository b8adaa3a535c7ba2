// Package timeline explains an order in plain sentences: what was tried, what the provider said, what we made of it, and
// what happens next. It is for a merchant's support and operators, who should need no other page to answer "where is my
// money?".
//
// It owns the sentences and nothing else: it reads an orders.History and a clock, asks nobody and changes nothing. What it
// says of the past comes from the event log and the evidence, which never change, so a story once told is told the same
// again; what it says of the present comes from the rows as they stand. An event of a kind that it does not know is told
// by its name rather than left out.
package timeline

import (
	"cmp"
	"slices"
	"time"

	"tillway/internal/ids"
	"tillway/internal/orders"
)

// Actor is who did what an entry tells.
type Actor string

// The actors.
const (
	// ActorMerchant: the merchant's own systems or people, through the API.
	ActorMerchant Actor = "merchant"
	// ActorShopper: the shopper's browser, with the order's client secret.
	ActorShopper Actor = "shopper"
	// ActorProvider: the payment provider, and the banks behind it.
	ActorProvider Actor = "provider"
	// ActorTillway: this service, by itself.
	ActorTillway Actor = "tillway"
)

// Timeline is the public form of an order's story, oldest first.
type Timeline struct {
	Object string    `json:"object"`
	Order  ids.Order `json:"order"`
	Data   []Entry   `json:"data"`
	// Next is what happens next by itself, and what somebody can do.
	Next []Step `json:"next"`
	// HasMore: further pages follow, after the last event of this one.
	HasMore bool `json:"has_more"`
}

// Entry is one thing that happened. Kind is the type of its event, or what else it tells: answer, notification, query,
// approval, cancellation, truncated.
type Entry struct {
	At      int64   `json:"at"`
	Kind    string  `json:"kind"`
	Actor   Actor   `json:"actor"`
	Text    string  `json:"text"`
	Event   *string `json:"event"`
	Payment *string `json:"payment"`
	Details Details `json:"details"`

	at   time.Time
	rank int
}

// Details are the facts behind a sentence, for programs. Amounts are minor units.
type Details struct {
	Status                string `json:"status,omitempty"`
	Source                string `json:"source,omitempty"`
	Outcome               string `json:"outcome,omitempty"`
	Verdict               string `json:"verdict,omitempty"`
	Amount                *int64 `json:"amount,omitempty"`
	Currency              string `json:"currency,omitempty"`
	ProviderTransactionID string `json:"provider_transaction_id,omitempty"`
	ProviderStatus        string `json:"provider_status,omitempty"`
	ProviderCode          string `json:"provider_code,omitempty"`
	Code                  string `json:"code,omitempty"`
	DeclineCode           string `json:"decline_code,omitempty"`
	Refund                string `json:"refund,omitempty"`
	Dispute               string `json:"dispute,omitempty"`
	Discrepancy           string `json:"discrepancy,omitempty"`
	Class                 string `json:"class,omitempty"`
	MoneyAtRisk           *int64 `json:"money_at_risk,omitempty"`
}

// Step is something that happens next. At is nil when it has no time of its own.
type Step struct {
	At   *int64 `json:"at"`
	Text string `json:"text"`
}

// Things that are on record for the same moment are told in this order: what began, what we were told of it, what that
// changed.
const (
	rankBeginning = iota
	rankNews
	rankEvent
)

// Tell makes the timeline of a history as it looks at a moment.
func Tell(h orders.History, now time.Time) Timeline {
	t := Timeline{Object: "timeline", Order: h.Order.ID, HasMore: h.MoreEvents}
	for _, n := range h.News {
		t.Data = append(t.Data, newsEntry(h, n))
	}
	for _, r := range h.Approvals {
		t.Data = append(t.Data, approvalEntry(r))
	}
	for _, p := range h.Cancellations {
		t.Data = append(t.Data, cancellationEntry(p))
	}
	if h.MoreNews {
		t.Data = append(t.Data, truncated(h))
	}
	var latest time.Time
	for _, e := range h.Events {
		entry := eventEntry(h, e)
		// Clocks of several processes may differ; the sequence of the events does not.
		latest = later(latest, e.CreatedAt)
		entry.at = latest
		t.Data = append(t.Data, entry)
	}
	slices.SortStableFunc(t.Data, func(a, b Entry) int { return cmp.Or(a.at.Compare(b.at), a.rank-b.rank) })
	t.Next = next(h, now)
	return t
}

func later(a, b time.Time) time.Time {
	if a.After(b) {
		return a
	}
	return b
}

func truncated(h orders.History) Entry {
	at := h.News[len(h.News)-1].CreatedAt
	return Entry{
		At: at.Unix(), at: at, rank: rankNews, Kind: "truncated", Actor: ActorTillway,
		Text: "More was said about the order after this than is told here.",
	}
}

// paymentOf returns one of the order's payments, nil when it is too old to be in the history.
func paymentOf(h orders.History, id ids.Payment) *orders.PaymentHistory {
	for i := range h.Payments {
		if h.Payments[i].ID == id {
			return &h.Payments[i]
		}
	}
	return nil
}

func idOrNil[E ids.Entity](id ids.ID[E]) *string {
	if id.IsZero() {
		return nil
	}
	text := id.String()
	return &text
}
