package orders

import (
	"context"
	"errors"
	"fmt"

	"github.com/jackc/pgx/v5"

	"tillway/internal/ids"
	"tillway/internal/postgres"
	"tillway/internal/postgres/dbsqlc"
)

// eraseBatch is how many orders are looked for at once; each is erased in a transaction of its own.
const eraseBatch = 100

// KnownAs is how the provider's messages may name an order's money: by our references, and by its own transactions and disputes.
type KnownAs struct{ References, Transactions []string }

// ErasureRider queues what must be erased together with an order elsewhere.
type ErasureRider func(ctx context.Context, batch *pgx.Batch, order ids.Order, known KnownAs) error

// Erase takes out of a deleted customer's orders what tells who that was: billing and shipping details, email, descriptions
// and metadata of them and of their payments and refunds, the reasons of disputes and those that operators gave, the same in their
// events, and the bodies of the provider's messages. Amounts, ids, statuses, items and references stay. It goes on until no order of the customer is left, and can be repeated.
//
// A payment that is under way goes on. It decided on a version of the order that is no more, so its news is judged on the
// order as it is now, and brings nothing back.
func (s *Service) Erase(ctx context.Context, customer ids.Customer, rider ErasureRider) error {
	for {
		found, err := s.queries.OrdersToErase(ctx, dbsqlc.OrdersToEraseParams{CustomerID: customer.UUID(), Batch: eraseBatch})
		if err != nil {
			return fmt.Errorf("look for orders of %s: %w", customer, err)
		}
		if len(found) == 0 {
			return nil
		}
		for _, id := range found {
			order := ids.From[ids.OrderEntity](id)
			if err := s.eraseOrder(ctx, order, rider); err != nil {
				return fmt.Errorf("erase order %s: %w", order, err)
			}
		}
	}
}

func (s *Service) eraseOrder(ctx context.Context, order ids.Order, rider ErasureRider) error {
	id, now := order.UUID(), s.now()
	var known KnownAs
	texts := func(into *[]string) func(pgx.Rows) error {
		return func(rows pgx.Rows) (err error) {
			*into, err = pgx.CollectRows(rows, pgx.RowTo[string])
			return err
		}
	}
	return postgres.InPipelinedTx(ctx, s.pool,
		func(b *pgx.Batch) {
			b.Queue(dbsqlc.OrderLock, id)
			b.Queue(dbsqlc.OrderReferences, id).Query(texts(&known.References))
			b.Queue(dbsqlc.OrderTransactions, id).Query(texts(&known.Transactions))
		},
		func(b *pgx.Batch) error {
			queries := dbsqlc.New(postgres.NewQueue(b))
			// The order comes first: that it is marked is what allows its log to lose anything.
			if err := queries.OrderErase(ctx, dbsqlc.OrderEraseParams{ID: id, Now: now}); err != nil {
				return err
			}
			err := errors.Join(queries.PaymentsErase(ctx, id), queries.RefundsErase(ctx, id), queries.DisputesErase(ctx, id),
				queries.DiscrepanciesErase(ctx, id), queries.EventsErase(ctx, id), queries.EvidenceErase(ctx, id))
			if err != nil {
				return err
			}
			return rider(ctx, b, order, known)
		})
}
