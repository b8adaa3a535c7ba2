package customers

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"time"

	"github.com/google/uuid"
	"github.com/riverqueue/river"

	"tillway/internal/failpoint"
	"tillway/internal/ids"
	"tillway/internal/postgres"
	"tillway/internal/postgres/dbsqlc"
	"tillway/internal/telemetry"
)

// workAttempts lets a job be tried for some three weeks: what was promised to a person must not be given up for an outage.
const workAttempts = 25

// erasureArgs is the job that erases what the rest of the service knows of a deleted customer.
type erasureArgs struct {
	Customer uuid.UUID `json:"customer"`
}

// Kind names the job.
func (erasureArgs) Kind() string { return "customer_erasure" }

// InsertOpts bounds the attempts.
func (erasureArgs) InsertOpts() river.InsertOpts { return river.InsertOpts{MaxAttempts: workAttempts} }

// removalArgs is the job that has the provider forget the card of a detached method.
type removalArgs struct {
	Method uuid.UUID `json:"payment_method"`
}

// Kind names the job.
func (removalArgs) Kind() string { return "payment_method_removal" }

// InsertOpts bounds the attempts.
func (removalArgs) InsertOpts() river.InsertOpts { return river.InsertOpts{MaxAttempts: workAttempts} }

// abandonArgs is the job that looks after a binding whose answer was lost and which nobody has repeated.
type abandonArgs struct {
	Method uuid.UUID `json:"payment_method"`
}

// Kind names the job.
func (abandonArgs) Kind() string { return "payment_method_abandon" }

// InsertOpts bounds the attempts.
func (abandonArgs) InsertOpts() river.InsertOpts { return river.InsertOpts{MaxAttempts: workAttempts} }

// afterwards puts a job off.
func (s *Service) afterwards(wait time.Duration) *river.InsertOpts {
	return &river.InsertOpts{ScheduledAt: time.Now().Add(wait)} // River knows real time only
}

// Register adds the workers; it is a jobs.Register.
func (s *Service) Register(workers *river.Workers) error {
	return errors.Join(
		river.AddWorkerSafely(workers, river.WorkFunc(s.erase)),
		river.AddWorkerSafely(workers, river.WorkFunc(s.remove)),
		river.AddWorkerSafely(workers, river.WorkFunc(s.abandon)),
	)
}

func (s *Service) erase(ctx context.Context, job *river.Job[erasureArgs]) error {
	customer := ids.From[ids.CustomerEntity](job.Args.Customer)
	telemetry.AddField(ctx, slog.String("customer", customer.String()))
	if err := s.config.Erase(ctx, customer); err != nil {
		return fmt.Errorf("erase customer %s: %w", customer, err)
	}
	return nil
}

func (s *Service) remove(ctx context.Context, job *river.Job[removalArgs]) error {
	row, err := s.queries.MethodGet(ctx, job.Args.Method)
	if err != nil {
		return fmt.Errorf("read the payment method to remove: %w", err)
	}
	m, err := methodFromRow(row)
	if err != nil || m.Status != StatusDetached || len(m.sealed) == 0 {
		return err
	}
	telemetry.AddField(ctx, slog.String("payment_method", m.ID.String()))
	token, err := s.sealer.Open(m.ID.UUID(), m.sealed)
	if err != nil {
		return err
	}
	if err := s.vault.Remove(ctx, m.ProviderCustomer, token); err != nil {
		return fmt.Errorf("remove the token of %s: %w", m.ID, err)
	}
	failpoint.Hit(failpoint.TokenRemoved)
	if err := s.queries.MethodTokenGone(ctx, dbsqlc.MethodTokenGoneParams{ID: m.ID.UUID(), Now: s.now()}); err != nil {
		return fmt.Errorf("note the removal of the token of %s: %w", m.ID, err)
	}
	return nil
}

// abandon ends a binding that nobody repeats: what the provider may keep of it without our knowing is removed, and the row
// goes, so that the key and the card are free again.
func (s *Service) abandon(ctx context.Context, job *river.Job[abandonArgs]) error {
	row, err := s.queries.MethodGet(ctx, job.Args.Method)
	if postgres.IsNoRows(err) {
		return nil
	}
	if err != nil {
		return fmt.Errorf("read a payment method: %w", err)
	}
	m, err := methodFromRow(row)
	if err != nil || m.Status != StatusPending {
		return err
	}
	telemetry.AddField(ctx, slog.String("payment_method", m.ID.String()))
	claimed, err := s.claim(ctx, m)
	if err != nil {
		return err
	}
	if !claimed {
		return river.JobSnooze(s.config.CallTimeout)
	}
	kept, err := s.unknownCards(ctx, m.ProviderCustomer)
	if err != nil {
		return err
	}
	for _, k := range kept {
		if !k.looksLike(m.Card) {
			continue
		}
		if err := s.vault.Remove(ctx, m.ProviderCustomer, k.Token); err != nil {
			return fmt.Errorf("remove what %s may have left: %w", m.ID, err)
		}
	}
	if _, err := s.queries.MethodForget(ctx, m.ID.UUID()); err != nil {
		return fmt.Errorf("forget %s: %w", m.ID, err)
	}
	return nil
}
