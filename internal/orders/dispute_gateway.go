package orders

import (
	"context"
	"errors"
	"time"

	"tillway/internal/money"
)

// DisputeGateway is what disputes need of a payment provider.
type DisputeGateway interface {
	// FindDispute asks the provider for a chargeback by its number there. An error means that the question was not answered
	// and is no evidence.
	FindDispute(ctx context.Context, providerDisputeID string) (DisputeEvidence, error)
	// ListDisputes asks for a page, from 1 on, of the chargebacks that began at the provider within a time range, at most 90
	// days. More says that further pages follow.
	ListDisputes(ctx context.Context, from, to time.Time, page int) (found []DisputeEvidence, more bool, err error)
}

// DisputeEvidence is one piece of news about a dispute, in our words. Sources supply it; Service.ApplyDispute judges it.
type DisputeEvidence struct {
	Source  Source
	Outcome DisputeOutcome
	// ProviderDisputeID numbers the case at the provider.
	ProviderDisputeID string
	// Origin is the provider's transaction that the money was taken of. Only an answer to a query proves it: the member of a
	// notification that names it is not signed, and is a hint there.
	Origin string
	// Amount is the zero value when the provider named none that could be read.
	Amount                  money.Amount
	Reason, ReasonCode, ARN string
	ProviderStatus          string
	// RaisedAt and EvidenceDueBy are zero where the provider has not said.
	RaisedAt, EvidenceDueBy time.Time
	// Digest is the SHA-256 of the raw body; Body is the body, redacted, as JSON.
	Digest []byte
	Body   []byte
	// AskedAt is when the question was asked that it answers; zero for news that came unasked.
	AskedAt time.Time
}

// warns reports whether the evidence is of a warning and not of a chargeback.
func (ev DisputeEvidence) warns() bool { return ev.Outcome == DisputeOutcomeWarned }

// proven reports whether the evidence shows which payment it is about. An answer to our own query does. A notification shows it
// of a warning only, and there because nothing moves that a forged hint could steal: it asks a person to look.
func (ev DisputeEvidence) proven() bool { return ev.Source == SourceQuery || ev.warns() }

// maxDisputeWords bounds the texts that the provider chooses (Onerway contract §10.4).
const maxDisputeWords = 1024

// storable returns the evidence with everything replaced that PostgreSQL cannot hold; see Evidence.storable.
func (ev DisputeEvidence) storable() DisputeEvidence {
	for _, text := range []*string{&ev.ProviderDisputeID, &ev.Origin, &ev.Reason, &ev.ReasonCode, &ev.ARN, &ev.ProviderStatus} {
		*text = storableText((*text)[:min(len(*text), maxDisputeWords)])
	}
	ev.Body = storableJSON(ev.Body)
	return ev
}

var errNoDisputeGateway = errors.New("no provider for disputes is configured")

// noDisputes stands for a provider that cannot be asked.
type noDisputes struct{}

func (noDisputes) FindDispute(context.Context, string) (DisputeEvidence, error) {
	return DisputeEvidence{}, errNoDisputeGateway
}

func (noDisputes) ListDisputes(context.Context, time.Time, time.Time, int) ([]DisputeEvidence, bool, error) {
	return nil, false, errNoDisputeGateway
}
