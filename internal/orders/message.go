package orders

import (
	"context"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"time"

	"github.com/google/uuid"

	"tillway/internal/ids"
	"tillway/internal/postgres"
	"tillway/internal/postgres/dbsqlc"
)

// Message is a piece of evidence as it is on record, with the message that brought it, redacted.
type Message struct {
	ID      uuid.UUID
	Source  Source
	Outcome string
	Verdict Verdict
	Payment ids.Payment
	// Refund and Dispute are zero unless the news is about one.
	Refund                ids.Refund
	Dispute               ids.Dispute
	ProviderTransactionID string
	ProviderStatus        string
	ProviderCode          string
	// Digest is the SHA-256 of the message as it came, in hex.
	Digest     string
	Body       json.RawMessage
	ReceivedAt time.Time
}

// MessagesOf returns the messages about an order's money that follow another, oldest first, at most batch of them; the zero
// Message asks for the first.
func (s *Service) MessagesOf(ctx context.Context, order ids.Order, after Message, batch int) ([]Message, error) {
	rows, err := s.queries.EvidenceOfOrder(ctx, dbsqlc.EvidenceOfOrderParams{
		OrderID: order.UUID(), AfterAt: after.ReceivedAt, AfterID: after.ID, Batch: int32(batch), //nolint:gosec // small
	})
	if err != nil {
		return nil, fmt.Errorf("read the evidence of order %s: %w", order, postgres.Translate(err))
	}
	messages := make([]Message, 0, len(rows))
	for _, r := range rows {
		messages = append(messages, Message{
			ID: r.ID, Source: Source(r.Source), Outcome: r.Outcome, Verdict: Verdict(r.Verdict),
			Payment: ids.From[ids.PaymentEntity](r.PaymentID), Refund: ids.FromNullable[ids.RefundEntity](r.RefundID),
			Dispute:               ids.FromNullable[ids.DisputeEntity](r.DisputeID),
			ProviderTransactionID: orEmpty(r.ProviderTransactionID), ProviderStatus: r.ProviderStatus, ProviderCode: r.ProviderCode,
			Digest: hex.EncodeToString(r.Digest), Body: r.Body, ReceivedAt: r.CreatedAt.UTC(),
		})
	}
	return messages, nil
}
