package api

import "tillway/internal/fault"

// CardEntry says whether card data may come in by the API (CARD_ENTRY).
type CardEntry string

// The choices. The zero value takes cards.
const (
	// CardEntryDirect: cards are taken, which makes the merchant's systems subject to PCI DSS.
	CardEntryDirect CardEntry = "direct"
	// CardEntryHostedOnly: no request may bring a card; shoppers type theirs on the provider's page.
	CardEntryHostedOnly CardEntry = "hosted_only"
)

// cardBearer is implemented by bodies that can bring a card's data. CardParam names the parameter in which they do, "" where
// they bring none; withoutCards is what to do where none may come in.
type cardBearer interface {
	cardParam() string
	withoutCards() string
}

// hostedInstead is what to do where no card may come in.
const hostedInstead = "Pay with payment_method.type hosted: the shopper types the card on the provider's own page."

// allowsCard refuses a body that brings a card where none may come in. It is asked before anything else is made of the body:
// before its shape is judged, its fingerprint taken or anything of it logged.
func (s *server) allowsCard(body any) error {
	bearer, can := body.(cardBearer)
	if s.CardEntry != CardEntryHostedOnly || !can {
		return nil
	}
	param := bearer.cardParam()
	if param == "" {
		return nil
	}
	return noCards(bearer.withoutCards()).WithParam(param)
}

// noCards refuses what brings or asks for a card's data where none may come in.
func noCards(instead string) *fault.Error {
	return fault.New(fault.Refused, "payment_method_not_allowed",
		"This installation takes no card data (CARD_ENTRY=hosted_only). %s", instead)
}
