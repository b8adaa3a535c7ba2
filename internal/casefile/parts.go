package casefile

import (
	"context"
	"encoding/json"
	"fmt"
	"slices"
	"strings"
	"time"

	"tillway/internal/ids"
	"tillway/internal/orders"
	"tillway/internal/page"
	"tillway/internal/redact"
	"tillway/internal/timeline"
	"tillway/internal/webhooks"
)

func (f *File) payments() []orders.PaymentResource {
	shown := make([]orders.PaymentResource, 0, len(f.history.Payments))
	for _, p := range slices.Backward(f.history.Payments) {
		shown = append(shown, p.Resource())
	}
	return shown
}

func (f *File) refunds() []orders.RefundResource {
	shown := make([]orders.RefundResource, 0, len(f.history.Refunds))
	for _, r := range slices.Backward(f.history.Refunds) {
		shown = append(shown, r.Resource())
	}
	return shown
}

// authentication is how the cardholder was authenticated in one attempt.
type authentication struct {
	Payment ids.Payment `json:"payment"`
	Attempt int         `json:"attempt"`
	// Disputed: it is the payment that the dispute is of.
	Disputed bool `json:"disputed"`
	// Challenged: the bank asked the cardholder to act. Result and ECI are null where there was no authentication.
	Challenged bool    `json:"challenged"`
	Result     *string `json:"result"`
	ECI        *string `json:"eci"`
}

func (f *File) threeDS() []authentication {
	shown := make([]authentication, 0, len(f.history.Payments))
	for _, p := range slices.Backward(f.history.Payments) {
		shown = append(shown, authentication{
			Payment: p.ID, Attempt: p.Attempt, Disputed: p.ID == f.dispute.Payment, Challenged: p.Challenged,
			Result: orNull(string(p.ThreeDSResult)), ECI: orNull(p.ECI),
		})
	}
	return shown
}

func orNull(text string) *string {
	if text == "" {
		return nil
	}
	return &text
}

// storyText is the timeline as a person reads it.
func storyText(t timeline.Timeline) string {
	var out strings.Builder
	for _, e := range t.Data {
		fmt.Fprintf(&out, "%s  %s (%s)\n    %s\n", stamp(e.At), e.Kind, e.Actor, e.Text)
	}
	return out.String()
}

func stamp(unix int64) string { return time.Unix(unix, 0).UTC().Format("2006-01-02 15:04:05 UTC") }

// message is what the provider said, as it is on record. SHA256 is that of the message as it came, null where nothing came.
type message struct {
	Received              int64           `json:"received"`
	Source                string          `json:"source"`
	NotifyType            string          `json:"notify_type,omitempty"`
	Outcome               string          `json:"outcome,omitempty"`
	Verdict               string          `json:"verdict,omitempty"`
	Payment               *string         `json:"payment"`
	Refund                *string         `json:"refund,omitempty"`
	Dispute               *string         `json:"dispute,omitempty"`
	ProviderTransactionID string          `json:"provider_transaction_id,omitempty"`
	ProviderStatus        string          `json:"provider_status,omitempty"`
	ProviderCode          string          `json:"provider_code,omitempty"`
	SHA256                *string         `json:"sha256"`
	Body                  json.RawMessage `json:"body"`
}

// messageName tells messages by when they came, what brought them and their own number, so that it never changes.
func messageName(folder string, at time.Time, what, id string) string {
	return "messages/" + folder + "/" + at.UTC().Format("20060102T150405.000000Z") + "_" + what + "_" + id + ".json"
}

func (f *File) writeMessages(ctx context.Context, out *archive) error {
	var last orders.Message
	for written := 0; ; {
		found, err := f.orders.MessagesOf(ctx, f.dispute.Order, last, batch)
		if err != nil {
			return err
		}
		for _, m := range found {
			if written == maxMessages {
				f.complete = false
				return nil
			}
			shown := message{
				Received: m.ReceivedAt.Unix(), Source: string(m.Source), Outcome: m.Outcome, Verdict: string(m.Verdict),
				Payment: orNull(m.Payment.String()), Refund: orNull(m.Refund.String()), Dispute: orNull(m.Dispute.String()),
				ProviderTransactionID: m.ProviderTransactionID, ProviderStatus: m.ProviderStatus, ProviderCode: m.ProviderCode,
				SHA256: orNull(m.Digest), Body: clean(m.Body),
			}
			if err := out.addJSON(messageName("evidence", m.ReceivedAt, string(m.Source), m.ID.String()), shown); err != nil {
				return err
			}
			last = m
			written++
		}
		if len(found) < batch {
			return nil
		}
	}
}

func (f *File) writeNotifications(ctx context.Context, out *archive) error {
	next := page.Request{Limit: batch}
	for written := 0; ; {
		found, err := f.inbox.List(ctx, webhooks.Filter{Order: f.dispute.Order}, next)
		if err != nil {
			return fmt.Errorf("read the notifications of order %s: %w", f.dispute.Order, err)
		}
		for _, n := range found.Data {
			if written == maxMessages {
				f.complete = false
				return nil
			}
			shown := message{
				Received: n.CreatedAt.Unix(), Source: "notification", NotifyType: n.NotifyType, Verdict: n.Reason,
				Payment: orNull(n.Payment.String()), ProviderTransactionID: n.TransactionID, Body: clean(n.Body),
			}
			if err := out.addJSON(messageName("notifications", n.CreatedAt, "notification", n.ID.String()), shown); err != nil {
				return err
			}
			next.StartingAfter = n.ID.String()
			written++
		}
		if !found.HasMore {
			return nil
		}
	}
}

// clean is a stored body once more without what must not leave us, whatever version stored it; null where there is none.
func clean(body json.RawMessage) json.RawMessage {
	if len(body) == 0 {
		return nil
	}
	safe, err := redact.JSON(body)
	if err != nil {
		return nil
	}
	return safe
}
