package subscriptions

import (
	"context"
	"fmt"
	"time"

	"tillway/internal/cards"
	"tillway/internal/ids"
	"tillway/internal/orders"
	"tillway/internal/postgres"
	"tillway/internal/postgres/dbsqlc"
)

// contractStatus is where a purchase and the contract that it begins stand.
type contractStatus string

// A contract is pending until its purchase is paid and the provider has told what to charge by, then active until another takes
// its place or the subscription ends; ending while the provider is being told, and ended.
const (
	contractPending contractStatus = "pending"
	contractActive  contractStatus = "active"
)

// contract is a purchase that begins a contract at the provider, and that contract. It is named by the purchase's payment.
type contract struct {
	Payment          ids.Payment
	Subscription     ids.Subscription
	Order            ids.Order
	Status           contractStatus
	ProviderCustomer string
	Card             cards.Summary
	// frequency is how many days the customer has agreed that there are between two charges, at least.
	frequency int
	// ID and sealed are the provider's names for the contract and for what is charged; none before it has told them.
	ID                string
	sealed, digest    []byte
	StartedAt, PaidAt time.Time
	CreatedAt         time.Time
}

// chargeable reports whether the provider has told all that a renewal needs.
func (c contract) chargeable() bool { return c.ID != "" && len(c.sealed) > 0 }

func contractFromRow(r dbsqlc.SubscriptionContract) contract {
	c := contract{
		Payment: ids.From[ids.PaymentEntity](r.PaymentID), Subscription: ids.From[ids.SubscriptionEntity](r.SubscriptionID),
		Order: ids.From[ids.OrderEntity](r.OrderID), Status: contractStatus(r.Status), ProviderCustomer: r.ProviderCustomer,
		Card: cards.Summary{
			Brand: r.CardBrand, Last4: r.CardLast4, ExpMonth: int(r.CardExpMonth), ExpYear: int(r.CardExpYear),
		},
		sealed: r.TokenSealed, digest: r.TokenDigest, frequency: int(r.FrequencyDays), StartedAt: orZero(r.StartedAt), PaidAt: orZero(r.LastPaidAt),
		CreatedAt: r.CreatedAt.UTC(),
	}
	if r.ContractID != nil {
		c.ID = *r.ContractID
	}
	return c
}

var _ orders.Contracts = (*Service)(nil)

// Learn keeps what the provider has told of the contract that a payment begins, and has its subscription looked at. What is
// known already stays; a payment that begins no contract changes nothing. It may be repeated.
func (s *Service) Learn(ctx context.Context, payment ids.Payment, told orders.Contract) error {
	args := dbsqlc.SubscriptionContractLearnParams{PaymentID: payment.UUID(), ContractID: nilIfEmpty(told.ID), Now: s.now()}
	if !told.Token.IsZero() {
		args.TokenSealed, args.TokenDigest = s.sealer.Seal(payment.UUID(), told.Token), s.sealer.Digest(told.Token)
	}
	if _, err := s.queries.SubscriptionContractLearn(ctx, args); err != nil {
		return fmt.Errorf("keep the contract of %s: %w", payment, postgres.Translate(err))
	}
	return nil
}
