package orders

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"time"

	"github.com/jackc/pgx/v5"

	"tillway/internal/ids"
	"tillway/internal/money"
	"tillway/internal/postgres"
)

// learnPatience bounds how long an answer waits to be recorded while what it tells of a contract is kept.
const learnPatience = 5 * time.Second

// Contracts keeps what the provider tells of contracts.
type Contracts interface {
	// Learn keeps what news of a payment of a subscription's order names: the contract, its token, or both. It is called before the
	// news is recorded, and again with every repetition of it, so it may be called any number of times with the same.
	Learn(ctx context.Context, payment ids.Payment, c Contract) error
}

// noContracts keeps nothing.
type noContracts struct{}

// Learn keeps nothing.
func (noContracts) Learn(context.Context, ids.Payment, Contract) error { return nil }

// learn hands on what the news names of a contract, unless it is that the payment failed.
func (s *Service) learn(ctx context.Context, o Order, p Payment, ev Evidence) error {
	if ev.Contract.IsZero() || o.Subscription.IsZero() || !ev.Outcome.mayBegin() {
		return nil
	}
	ctx, cancel := context.WithTimeoutCause(ctx, learnPatience, errors.New("the contract could not be kept in time"))
	defer cancel()
	if err := s.config.contracts().Learn(ctx, p.ID, ev.Contract); err != nil {
		return fmt.Errorf("learn the contract of %s: %w", p.ID, err)
	}
	return nil
}

// mayBegin reports whether a payment of which this is told has begun a contract, or may have.
func (o Outcome) mayBegin() bool {
	switch o {
	case OutcomeSucceeded, OutcomeAuthorized, OutcomeActionRequired, OutcomeProcessing, OutcomeUnknown:
		return true
	case OutcomeDeclined, OutcomeAttemptFailed, OutcomeClosed, OutcomeReversed, OutcomeNeverSent, OutcomeNotFound:
	}
	return false
}

// learnFrom is learn for news of a payment that has not been read yet. Such news is rare: that is worth a round trip.
func (s *Service) learnFrom(ctx context.Context, merchantTxnID string, ev Evidence) error {
	if ev.Contract.IsZero() {
		return nil
	}
	o, p, err := s.paymentNamed(ctx, merchantTxnID)
	if errors.Is(err, ErrNoPayment) {
		return nil // whoever applies it says so
	}
	if err != nil {
		return err
	}
	return s.learn(ctx, o, p, ev)
}

// learnFromAnswer is learn for the answer to our own request. It must be recorded whatever becomes of the contract: that is told again
// by the notification.
func (s *Service) learnFromAnswer(ctx context.Context, o Order, p Payment, ev Evidence) {
	if err := s.learn(ctx, o, p, ev); err != nil {
		s.log.ErrorContext(ctx, "contract not kept", slog.String("payment", p.ID.String()), slog.Any("error", err))
	}
}

func (s *Service) paymentNamed(ctx context.Context, merchantTxnID string) (Order, Payment, error) {
	row, err := s.queries.PaymentWithOrderByTxn(ctx, merchantTxnID)
	if postgres.IsNoRows(err) {
		return Order{}, Payment{}, ErrNoPayment
	}
	if err != nil {
		return Order{}, Payment{}, fmt.Errorf("read the payment %s: %w", merchantTxnID, postgres.Translate(err))
	}
	return pairFromRows(row.Payment, row.Order)
}

// ContractNews is news of the contract that a payment, named by our reference, begins. Of the payment it says nothing.
type ContractNews struct {
	MerchantTxnID string
	Contract      Contract
}

func (n ContractNews) apply(ctx context.Context, s *Service, rider Rider) error {
	o, p, err := s.paymentNamed(ctx, n.MerchantTxnID)
	if err != nil {
		return err
	}
	if err := s.learn(ctx, o, p, Evidence{Outcome: OutcomeProcessing, Contract: n.Contract}); err != nil {
		return err
	}
	if rider == nil {
		return nil
	}
	batch := &pgx.Batch{}
	if err := rider(ctx, batch, Applied{Order: o.ID, Payment: p, Verdict: VerdictSame, Erased: o.Erased()}); err != nil {
		return err
	}
	return s.pool.SendBatch(ctx, batch).Close()
}

// Claim is what the news says: nothing of money.
func (n ContractNews) Claim() (outcome string, amount money.Amount, moved bool) {
	return "contract", money.Amount{}, false
}
