package webhooks

import (
	"context"

	"github.com/jackc/pgx/v5"

	"tillway/internal/ids"
	"tillway/internal/orders"
	"tillway/internal/postgres"
	"tillway/internal/postgres/dbsqlc"
)

// QueueErasure takes everything that may name a person out of the stored notifications about an order, or about any of the
// names under which the provider knows its money. It commits with the erasure of the order itself: what arrives later is
// stored without it from the beginning.
func (r *Receiver) QueueErasure(ctx context.Context, batch *pgx.Batch, order ids.Order, known orders.KnownAs) error {
	return dbsqlc.New(postgres.NewQueue(batch)).NotificationsErase(ctx, dbsqlc.NotificationsEraseParams{
		OrderID: order.UUID(), Refs: known.References, Transactions: known.Transactions,
	})
}
