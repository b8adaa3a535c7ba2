package customers

import (
	"context"
	"fmt"
	"log/slog"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"
	"github.com/riverqueue/river"

	"tillway/internal/ids"
	"tillway/internal/postgres"
	"tillway/internal/postgres/dbsqlc"
	"tillway/internal/telemetry"
)

// Delete makes a customer nobody: the row keeps its id and its times, and a job that commits with it erases what the rest of
// the service knows. Repeating it changes nothing. It returns a fault NotFound.
func (s *Service) Delete(ctx context.Context, id ids.Customer) (Customer, error) {
	var c Customer
	err := postgres.InTx(ctx, s.pool, func(ctx context.Context, tx pgx.Tx) error {
		queries := s.queries.WithTx(tx)
		erased, err := queries.CustomerErase(ctx, dbsqlc.CustomerEraseParams{ID: id.UUID(), Now: s.now()})
		if err != nil {
			return err
		}
		if erased > 0 {
			if _, err := s.jobs.InsertTx(ctx, tx, erasureArgs{Customer: id.UUID()}, nil); err != nil {
				return fmt.Errorf("order the erasure: %w", err)
			}
		}
		row, err := queries.CustomerGet(ctx, id.UUID())
		if err != nil {
			return err
		}
		c, err = fromRow(row)
		return err
	})
	if postgres.IsNoRows(err) {
		return Customer{}, missing(id)
	}
	if err != nil {
		return Customer{}, fmt.Errorf("delete customer %s: %w", id, postgres.Translate(err))
	}
	return c, nil
}

// erasureArgs is the job that erases what the rest of the service knows of a deleted customer.
type erasureArgs struct {
	Customer uuid.UUID `json:"customer"`
}

// Kind names the job.
func (erasureArgs) Kind() string { return "customer_erasure" }

// InsertOpts lets it be tried for some three weeks: what was promised to a person must not be given up for an outage.
func (erasureArgs) InsertOpts() river.InsertOpts {
	return river.InsertOpts{MaxAttempts: erasureAttempts}
}

const erasureAttempts = 25

// Register adds the worker that erases; it is a jobs.Register.
func (s *Service) Register(workers *river.Workers) error {
	return river.AddWorkerSafely(workers, river.WorkFunc(s.erase))
}

func (s *Service) erase(ctx context.Context, job *river.Job[erasureArgs]) error {
	customer := ids.From[ids.CustomerEntity](job.Args.Customer)
	telemetry.AddField(ctx, slog.String("customer", customer.String()))
	if err := s.config.Erase(ctx, customer); err != nil {
		return fmt.Errorf("erase customer %s: %w", customer, err)
	}
	return nil
}
