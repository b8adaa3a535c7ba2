package orders

import (
	"context"
	"time"

	"tillway/internal/money"
)

// News is a piece of evidence together with what it is about: a PaymentNews or a RefundNews.
type News interface {
	// Claim is what the news says, for a person: the outcome, the amount it names, and whether money is said to have moved.
	Claim() (outcome string, amount money.Amount, moved bool)
	apply(ctx context.Context, s *Service, rider Rider) error
}

// PaymentNews is news of a payment, named by our reference at the provider.
type PaymentNews struct {
	MerchantTxnID string
	Evidence      Evidence
	Scenario      Scenario
	// At is when the transaction took place, by the provider's clock; zero where it does not say.
	At time.Time
}

// Scenario says what a payment is of, where the provider says so; "" where it does not.
type Scenario string

// The scenarios.
const (
	// ScenarioInitial: the purchase that begins a contract.
	ScenarioInitial Scenario = "subscription_initial"
	// ScenarioRenewal: a later charge under a contract. Where the provider starts it, its reference is the provider's own.
	ScenarioRenewal Scenario = "subscription_renewal"
)

// RefundNews is news of a refund.
type RefundNews struct {
	Name     RefundName
	Evidence RefundEvidence
}

// Hear applies news to what it is about, with the rider in the same transaction. It returns ErrNoPayment or ErrNoRefund when
// that is not ours.
func (s *Service) Hear(ctx context.Context, news News, rider Rider) error {
	return news.apply(ctx, s, rider)
}

func (n PaymentNews) apply(ctx context.Context, s *Service, rider Rider) error {
	_, err := s.Apply(ctx, n.MerchantTxnID, n.Evidence, rider)
	return err
}

// Claim is what the news says.
func (n PaymentNews) Claim() (outcome string, amount money.Amount, moved bool) {
	moved = n.Evidence.Outcome == OutcomeSucceeded || n.Evidence.Outcome == OutcomeAuthorized
	return string(n.Evidence.Outcome), n.Evidence.Amount, moved
}

func (n RefundNews) apply(ctx context.Context, s *Service, rider Rider) error {
	_, _, err := s.ApplyRefund(ctx, n.Name, n.Evidence, rider)
	return err
}

// Claim is what the news says.
func (n RefundNews) Claim() (outcome string, amount money.Amount, moved bool) {
	return string(n.Evidence.Outcome), n.Evidence.Amount, n.Evidence.Outcome == RefundOutcomeSucceeded
}
