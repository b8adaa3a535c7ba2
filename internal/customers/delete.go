package customers

import (
	"context"
	"fmt"

	"github.com/jackc/pgx/v5"

	"tillway/internal/ids"
	"tillway/internal/postgres"
	"tillway/internal/postgres/dbsqlc"
)

// Delete makes a customer nobody: the row keeps its id and its times, and a job that commits with it erases what the rest of
// the service knows. Their payment methods are detached, and the provider is told to forget the cards. Repeating it changes
// nothing. It returns a fault NotFound.
func (s *Service) Delete(ctx context.Context, id ids.Customer) (Customer, error) {
	var c Customer
	err := postgres.InTx(ctx, s.pool, func(ctx context.Context, tx pgx.Tx) error {
		queries := s.queries.WithTx(tx)
		erased, err := queries.CustomerErase(ctx, dbsqlc.CustomerEraseParams{ID: id.UUID(), Now: s.now()})
		if err != nil {
			return err
		}
		if erased > 0 {
			if err := s.letGo(ctx, tx, id); err != nil {
				return err
			}
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

// letGo detaches what a deleted customer has and takes the person out of it and of what was told of it. A card that is just
// being kept finds nobody to belong to.
func (s *Service) letGo(ctx context.Context, tx pgx.Tx, id ids.Customer) error {
	queries := s.queries.WithTx(tx)
	if err := queries.MethodsErase(ctx, dbsqlc.MethodsEraseParams{CustomerID: id.UUID(), Now: s.now()}); err != nil {
		return err
	}
	rows, err := queries.MethodsActiveOf(ctx, id.UUID())
	if err != nil {
		return err
	}
	for _, row := range rows {
		m, err := methodFromRow(row)
		if err != nil {
			return err
		}
		if err := s.detach(ctx, tx, &m); err != nil {
			return err
		}
	}
	return queries.CustomerEventsErase(ctx, id.UUID())
}
