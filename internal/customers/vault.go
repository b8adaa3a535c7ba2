package customers

import (
	"context"

	"tillway/internal/cards"
	"tillway/internal/details"
)

// Vault is what payment methods need of a provider: that it keeps cards.
type Vault interface {
	// Bind asks the provider to keep a card, once, and says what is known of it. It never fails: whatever goes wrong is a
	// result.
	Bind(ctx context.Context, binding Binding) Bound
	// Kept lists what the provider keeps under a name. An error means that the question was not answered.
	Kept(ctx context.Context, providerCustomer string) ([]KeptCard, error)
	// Remove makes the provider forget a card; one that it does not keep is forgotten already.
	Remove(ctx context.Context, providerCustomer string, token cards.Token) error
}

// Binding is everything that the provider needs to keep a card. It carries card data: it must not be stored or logged.
type Binding struct {
	// ProviderCustomer is under whose name it is kept.
	ProviderCustomer string
	Card             cards.Card
	Contact          details.Contact
	// IP is from where the shopper asks for it, "" where that is not known.
	IP string
	// SandboxFault is what the provider's simulator is asked to do wrong; always empty in live mode.
	SandboxFault string
}

// Result is what became of a binding.
type Result string

// The results.
const (
	// ResultKept: the card is kept under Token.
	ResultKept Result = "kept"
	// ResultDeclined: it is not, and Failure says why.
	ResultDeclined Result = "declined"
	// ResultNeverSent: nothing reached the provider.
	ResultNeverSent Result = "never_sent"
	// ResultUnknown: it may or may not be kept.
	ResultUnknown Result = "unknown"
)

// Bound is the result of a binding.
type Bound struct {
	Result  Result
	Token   cards.Token
	Failure Failure
}

// Failure is why a card was not kept, in the words of API.md §1. Refused: the provider turned the request itself away, which
// says nothing about the card.
type Failure struct {
	Code, DeclineCode, Message string
	Refused                    bool
}

// KeptCard is one card that the provider keeps.
type KeptCard struct {
	Token             cards.Token
	First6, Last4     string
	ExpMonth, ExpYear int
}

// is reports whether it is the card, as far as the provider shows it.
func (k KeptCard) is(card cards.Card) bool {
	return len(card.Number) >= 12 && k.First6 == card.Number[:6] && k.looksLike(card.Summary())
}

// looksLike is the same for a card of which only the summary is known.
func (k KeptCard) looksLike(card cards.Summary) bool {
	return k.Last4 == card.Last4 && k.ExpMonth == card.ExpMonth && k.ExpYear == card.ExpYear
}

// DeclinedError is returned for a card that was not kept.
type DeclinedError struct{ Failure Failure }

// Error is the text for logs.
func (e *DeclinedError) Error() string { return "card not kept: " + e.Failure.Code }
