package orders

import (
	"context"
	"errors"
	"time"

	"tillway/internal/money"
)

// RefundGateway is what refunds need of a payment provider, beside what payments need of it.
type RefundGateway interface {
	// AcceptsRefund refuses amounts that the provider cannot express exactly: a fault of kind Refused with code
	// currency_not_supported. It sends nothing.
	AcceptsRefund(amount money.Amount) error
	// Refund applies for a refund, once, and returns what can be said of it. It never fails: whatever goes wrong is evidence.
	// It waits for its place in the outbound rate limit; without one the application was never sent.
	Refund(ctx context.Context, application RefundApplication) RefundEvidence
	// Withdraw asks the provider to drop an application that its staff has not decided. Nil means that it took the request
	// on; what became of the refund is then asked. A fault Conflict refund_not_cancelable is its refusal; after any other
	// error the request may have been carried out.
	Withdraw(ctx context.Context, application RefundApplication) error
	// FindRefund asks the provider about a refund. An error means that the question was not answered and is no evidence.
	FindRefund(ctx context.Context, query RefundQuery) (RefundEvidence, error)
}

// RefundApplication names a refund and what it gives back.
type RefundApplication struct {
	// MerchantTxnID is the refund's; OriginTransactionID the provider's transaction that it is about: the payment's when the
	// refund is applied for, the refund's own when it is withdrawn.
	MerchantTxnID       string
	OriginTransactionID string
	Amount              money.Amount
	// SandboxFault is what the provider's simulator is asked to do wrong; always empty in live mode.
	SandboxFault string
}

// RefundQuery names a refund to the provider, by everything that may find it there.
type RefundQuery struct {
	MerchantTxnID string
	// ProviderTransactionID is the refund's transaction, "" when the provider has not told us.
	ProviderTransactionID string
	// OriginTransactionID is the payment's transaction.
	OriginTransactionID string
	Amount              money.Amount
	// Age is how long ago it was sent, at most.
	Age time.Duration
	// Bound are the transactions of the payment's other refunds. Rivals is how many of those are of the same amount and may
	// be at the provider without our knowing their transaction: with one, a row that names no reference proves nothing.
	Bound  []string
	Rivals int
	// Thorough asks to look for it also among the rows of its time that name no reference, which takes many questions.
	Thorough bool
	// Patience bounds the wait, the outbound rate limit included.
	Patience time.Duration
}

// RefundEvidence is one piece of news about a refund, in our words. Sources supply it; Service.ApplyRefund judges it.
type RefundEvidence struct {
	Source  Source
	Outcome RefundOutcome
	// Amount is what the provider named; the zero value when it named none.
	Amount                money.Amount
	ProviderTransactionID string
	// ProviderStatus and ProviderCode are the provider's own words, kept for people.
	ProviderStatus string
	ProviderCode   string
	Failure        *RefundFailure
	// Ambiguous is set when several of the provider's refunds could be this one.
	Ambiguous bool
	// Digest is the SHA-256 of the raw body; Body is the body, redacted, as JSON.
	Digest []byte
	Body   []byte
	// askedAt is when the question was asked that it answers; zero for news that came unasked.
	askedAt time.Time
	// send is which sending an answer is to (Refund.Sends): a sender that comes late must not speak for the next one.
	send int
	// claimedElsewhere is set when the transaction that it names belongs to another refund of ours.
	claimedElsewhere bool
}

// storable returns the evidence with everything replaced that PostgreSQL cannot hold; see Evidence.storable.
func (ev RefundEvidence) storable() RefundEvidence {
	for _, text := range []*string{&ev.ProviderTransactionID, &ev.ProviderStatus, &ev.ProviderCode} {
		*text = storableText(*text)
	}
	if f := ev.Failure; f != nil {
		ev.Failure = &RefundFailure{
			Code: storableText(f.Code), Message: storableText(f.Message), ProviderCode: storableText(f.ProviderCode),
		}
	}
	ev.Body = storableJSON(ev.Body)
	return ev
}

var errNoRefundGateway = errors.New("no provider for refunds is configured")

// noRefunds stands for a provider that is not there: what is recorded waits for a process that has one.
type noRefunds struct{}

func (noRefunds) AcceptsRefund(money.Amount) error { return nil }

func (noRefunds) Refund(context.Context, RefundApplication) RefundEvidence {
	return RefundEvidence{Source: SourceAnswer, Outcome: RefundOutcomeNeverSent}
}

func (noRefunds) Withdraw(context.Context, RefundApplication) error { return errNoRefundGateway }

func (noRefunds) FindRefund(context.Context, RefundQuery) (RefundEvidence, error) {
	return RefundEvidence{}, errNoRefundGateway
}
