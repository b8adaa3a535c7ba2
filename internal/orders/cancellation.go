package orders

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"time"

	"tillway/internal/fault"
	"tillway/internal/money"
	"tillway/internal/postgres"
	"tillway/internal/postgres/dbsqlc"
)

const (
	// A payment can be canceled from five until thirty minutes after it was made (Onerway contract §8.10).
	cancelFrom  = 5 * time.Minute
	cancelUntil = 30 * time.Minute
	// cancelSettles is for how long after the provider was asked to cancel a payment a success of it may be the money that goes
	// back. What came of the cancellation is told within the hour, also when the first two notifications are lost (§10.3).
	cancelSettles = 90 * time.Minute
)

// CancellationGateway is what the cancellation of stuck payments needs of a payment provider.
type CancellationGateway interface {
	// Cancel asks the provider to cancel a transaction. Nil means that it looks into it and will tell. A fault Conflict
	// payment_not_cancelable is its refusal, a fault Unavailable provider_unavailable says that it was not asked; after any
	// other error it may have been.
	Cancel(ctx context.Context, transactionID string) error
	// GivenBack reports whether the provider has given back, on its own, all that a transaction took or held. An error means
	// that the question was not answered.
	GivenBack(ctx context.Context, query GivenBackQuery) (bool, error)
}

// GivenBackQuery names a transaction, what it was of, and how old it is at most.
type GivenBackQuery struct {
	TransactionID string
	Amount        money.Amount
	Age           time.Duration
}

// noCancellations stands for a provider that is not there.
type noCancellations struct{}

var errNoCancellationGateway = errors.New("no provider for cancellations is configured")

func (noCancellations) Cancel(context.Context, string) error {
	return fault.Down("provider_unavailable", retryLater, errNoCancellationGateway, "Nothing can be canceled here.")
}

func (noCancellations) GivenBack(context.Context, GivenBackQuery) (bool, error) {
	return false, errNoCancellationGateway
}

// CancelPayment gives a payment up: the hold of an authorized one is voided, an open one canceled at the provider. The provider
// establishes the truth then: what had really succeeded it gives back. The payment stays open, and locks its order, until
// the provider has told.
//
// To ask twice is to ask once: a transaction is canceled as a whole and has one such end. So an answer that got lost does no
// harm, and a repeated request needs no memory of the first. It returns faults as Void does, and for an open payment Conflict
// payment_not_cancelable or cancel_window_closed.
func (s *Service) CancelPayment(ctx context.Context, req CaptureRequest) (PayResult, error) {
	p, err := s.GetPayment(ctx, req.Payment)
	switch {
	case err != nil:
		return PayResult{}, err
	case p.Status.Open():
		p, err = s.cancelOpen(ctx, p)
		return PayResult{Payment: p}, err
	case !p.Status.Live() && !p.CancelAskedAt.IsZero():
		return PayResult{Payment: p}, nil
	default:
		return s.Void(ctx, req)
	}
}

// Cancelable reports whether the payment as it was read may be given up now.
func (s *Service) Cancelable(p Payment) bool {
	return p.Held() || p.Status.Open() && s.mayCancelOpen(p) == nil
}

// mayCancelOpen refuses what the provider would refuse to cancel.
func (s *Service) mayCancelOpen(p Payment) error {
	if p.ProviderTransactionID == "" {
		return fault.New(fault.Conflict, "payment_not_cancelable",
			"The provider has not named the payment, so it cannot be asked to cancel it. Queries settle it.")
	}
	if age := s.now().Sub(p.SentAt); age < cancelFrom || age > cancelUntil {
		return fault.New(fault.Conflict, "cancel_window_closed", "An open payment can be canceled from %s until %s.",
			p.SentAt.Add(cancelFrom).Format(time.RFC3339), p.SentAt.Add(cancelUntil).Format(time.RFC3339))
	}
	return nil
}

// cancelOpen marks the payment before it asks the provider: whatever dies then, a success told of it is not believed before
// it is clear that the money did not go back.
func (s *Service) cancelOpen(ctx context.Context, p Payment) (Payment, error) {
	if err := s.mayCancelOpen(p); err != nil {
		return p, err
	}
	if err := s.gateway.Admit(ctx, InitiatorCustomer); err != nil {
		return p, err
	}
	ctx, cancel := context.WithTimeoutCause(context.WithoutCancel(ctx), s.config.CallerDeadline,
		errors.New("the provider did not answer in time"))
	defer cancel()
	now := s.now()
	begun, err := s.queries.PaymentCancelBegin(ctx, dbsqlc.PaymentCancelBeginParams{
		ID: p.ID.UUID(), OrderID: p.Order.UUID(), Now: now,
	})
	if err != nil {
		return p, fmt.Errorf("mark payment %s as being canceled: %w", p.ID, postgres.Translate(err))
	}
	if begun == 0 {
		return p, notCancelable("The payment has ended meanwhile.")
	}
	err = s.config.cancellations().Cancel(ctx, p.ProviderTransactionID)
	switch kind := fault.KindOf(err); {
	case kind == fault.Conflict:
		return s.notCanceled(ctx, p, now, err)
	case kind == fault.Unavailable:
		if unmarked := s.unmark(ctx, p, now); unmarked != nil {
			return p, unmarked
		}
		return p, err
	case err != nil:
		s.log.WarnContext(ctx, "cancel brought no answer to rely on", slog.String("payment", p.ID.String()), slog.Any("error", err))
	}
	return s.GetPayment(ctx, p.ID)
}

// notCanceled finds out why the provider refused: most likely the payment has come to its end.
func (s *Service) notCanceled(ctx context.Context, p Payment, askedAt time.Time, refusal error) (Payment, error) {
	if err := s.unmark(ctx, p, askedAt); err != nil {
		return p, err
	}
	p, err := s.GetPayment(ctx, p.ID)
	if err != nil {
		return p, err
	}
	if asked, err := s.Ask(ctx, p, s.config.CallerDeadline); err == nil {
		p = asked
	}
	switch {
	case p.Status.Open():
		return p, refusal
	case p.Status.Live():
		return p, notCancelable("The payment is " + string(p.Status) + " by now.")
	default:
		return p, nil
	}
}

// unmark takes back that the payment is being canceled, unless somebody else has asked for it too: their request may have been
// heard.
func (s *Service) unmark(ctx context.Context, p Payment, askedAt time.Time) error {
	if err := s.queries.PaymentCancelUnmark(ctx, dbsqlc.PaymentCancelUnmarkParams{ID: p.ID.UUID(), AskedAt: askedAt}); err != nil {
		return fmt.Errorf("take back the cancellation of payment %s: %w", p.ID, postgres.Translate(err))
	}
	return nil
}

func notCancelable(message string) error { return notHeld(ModificationVoid, message) }

// withReturn looks behind a success that a query tells of a payment that was canceled: the provider's record of a sale that had
// really succeeded stays a success, and what gave its money back is a transaction of its own (Onerway contract §8.10).
func (s *Service) withReturn(ctx context.Context, p Payment, ev Evidence) (Evidence, error) {
	if p.CancelAskedAt.IsZero() || !p.CancelFailedAt.IsZero() || !ev.tellsOfMoney() {
		return ev, nil
	}
	back, err := s.config.cancellations().GivenBack(ctx, GivenBackQuery{
		TransactionID: p.ProviderTransactionID, Amount: p.Amount, Age: s.now().Sub(p.SentAt),
	})
	if err != nil {
		return Evidence{}, err
	}
	if back {
		ev.Outcome = OutcomeReversed
	}
	return ev, nil
}

// tellsOfMoney reports whether the news is that money was taken or is held.
func (ev Evidence) tellsOfMoney() bool {
	return ev.Outcome == OutcomeSucceeded || ev.Outcome == OutcomeAuthorized
}

// mayGoBack reports whether the money that the evidence tells of may be about to go back, or back already: the provider was asked
// to cancel the payment, and what came of that is not known. Once it must be settled a query tells, which looks for the return; a
// notification never does, however late it comes.
func (c *change) mayGoBack(now time.Time) bool {
	p := c.payment
	if !c.evidence.tellsOfMoney() || p.taken() || reversed(p) || p.CancelAskedAt.IsZero() || !p.CancelFailedAt.IsZero() {
		return false
	}
	return c.evidence.Source != SourceQuery || now.Before(p.CancelAskedAt.Add(cancelSettles))
}

// noteCancelFailed takes note that the provider did not cancel the payment. Where it was asked more than once, it may be the word
// on another request: then only time makes a success believed.
func (c *change) noteCancelFailed(now time.Time) {
	p := &c.payment
	if c.evidence.NotCanceled && p.CancelAsks == 1 && p.CancelFailedAt.IsZero() && mismatch(*p, c.evidence) == nil {
		p.CancelFailedAt, c.keep = now, true
	}
}
