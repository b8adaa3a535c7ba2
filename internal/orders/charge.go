package orders

import (
	"context"
	"errors"
	"log/slog"
	"time"

	"tillway/internal/failpoint"
	"tillway/internal/fault"
)

// charge sends the sale on a context that outlives the caller and waits for the outcome as long as the caller may wait. Began
// is when the payment was about to be recorded, in real time.
func (s *Service) charge(ctx context.Context, o Order, p Payment, req PayRequest, sale Sale, began time.Time) (PayResult, error) {
	type outcome struct {
		payment    Payment
		repeatable bool
	}
	done := make(chan outcome, 1)
	known := make(chan Payment, 1) // how the payment stands, while its card is still being saved
	s.inFlight.Go(func() {
		ctx := context.WithoutCancel(ctx)
		ev := s.send(ctx, sale, began)
		failpoint.Hit(failpoint.PayAnswered)
		recorded := s.record(ctx, o, p, ev)
		failpoint.Hit(failpoint.PayAfterT2)
		known <- recorded.Payment
		done <- outcome{s.save(ctx, o, recorded.Payment, req), recorded.KeyFree}
	})
	deadline := time.NewTimer(s.config.CallerDeadline)
	defer deadline.Stop()
	select {
	case out := <-done:
		if out.repeatable {
			return PayResult{Payment: out.payment}, fault.Down("provider_unavailable", retryLater, nil,
				"The payment provider cannot be reached. Nothing was charged; repeat the request.")
		}
		return PayResult{Payment: out.payment}, nil
	case <-deadline.C:
	case <-ctx.Done():
	}
	select {
	case p = <-known:
	default:
	}
	return PayResult{Payment: p}, nil
}

// send calls the provider, once. A defect on the way must not end the process with a charge in the air: what panics after
// sending is unknown, and queries settle it.
//
// The time that the call may take counts from the recording, in real time. A machine that was paused in between must not charge now: by
// this time others may have asked, been told that there is no such payment, and let the shopper pay again.
func (s *Service) send(ctx context.Context, sale Sale, began time.Time) (ev Evidence) {
	left := s.config.ChargeTimeout - max(0, s.realNow().Sub(began))
	if left <= 0 {
		return Evidence{Source: SourceAnswer, Outcome: OutcomeNeverSent}
	}
	ctx, cancel := context.WithTimeoutCause(ctx, left, errors.New("the provider did not answer in time"))
	defer cancel()
	defer func() {
		if recovered := recover(); recovered != nil {
			s.log.ErrorContext(ctx, "panic while charging", slog.String("payment", sale.Payment.String()))
			ev = Evidence{Source: SourceAnswer, Outcome: OutcomeUnknown}
		}
	}()
	return s.gateway.Sale(ctx, sale)
}

// retract ends a payment that may have been recorded although the answer to T1 was lost, or else does nothing. It was not
// sent, and only this process knows; nobody would believe the provider's denial before NOT_FOUND_AFTER, and until then the
// order would be locked. Where the database stays away too, that is how it ends.
func (s *Service) retract(ctx context.Context, p Payment) {
	ctx = context.WithoutCancel(ctx)
	s.inFlight.Go(func() {
		ctx, cancel := context.WithTimeoutCause(ctx, recordPatience, errors.New("the payment could not be taken back in time"))
		defer cancel()
		absent := 0
		repeat(ctx, func() error {
			_, err := s.Apply(ctx, p.MerchantTxnID, Evidence{Source: SourceAnswer, Outcome: OutcomeNeverSent}, nil)
			if errors.Is(err, ErrNoPayment) {
				if absent++; absent == retractLooks {
					return nil
				}
			}
			return err
		})
	})
}

// repeat does again what fails, at growing distances, until it succeeds or ctx ends.
func repeat(ctx context.Context, try func() error) {
	for wait := firstRetry; try() != nil; wait *= 2 {
		timer := time.NewTimer(wait)
		select {
		case <-timer.C:
		case <-ctx.Done():
			timer.Stop()
			return
		}
	}
}

// record is T2. It returns the payment as it was where the answer could not be recorded; the sweep finds it then.
func (s *Service) record(ctx context.Context, o Order, p Payment, ev Evidence) Applied {
	recorded := Applied{Order: o.ID, Payment: p}
	s.insist(ctx, p.ID.String(), func(ctx context.Context) error {
		applied, err := s.applyAt(ctx, o, p, ev)
		if err == nil {
			recorded = applied
		}
		return err
	})
	return recorded
}

// insist records an answer. It must not be lost because the database is away for a moment: it is tried again for a while, and
// what is lost even then, by a defect too, is found by the query of the settling sweep.
func (s *Service) insist(ctx context.Context, about string, record func(context.Context) error) {
	defer func() {
		if recover() != nil {
			s.log.ErrorContext(ctx, "panic while recording an answer", slog.String("about", about))
		}
	}()
	ctx, cancel := context.WithTimeoutCause(ctx, recordPatience, errors.New("the answer could not be recorded in time"))
	defer cancel()
	repeat(ctx, func() error {
		err := record(ctx)
		if err != nil {
			s.log.ErrorContext(ctx, "record the provider's answer", slog.String("about", about), slog.Any("error", err))
		}
		return err
	})
}
