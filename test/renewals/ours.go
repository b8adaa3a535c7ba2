package renewals

import (
	"context"
	"fmt"
	"time"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgxpool"

	"tillway/internal/ids"
)

// ours is our side.
type ours struct {
	Seen      map[string]Seen
	Begun     map[string]bool
	Payments  []Payment
	Purchases map[string][]string // merchantTxnIds, by subscription
	// Complaints are rows that there should not be.
	Complaints []string
}

const subscriptionsSQL = `
SELECT s.id, s.status, s.activated_at IS NOT NULL,
    (SELECT coalesce(array_agg(e.type ORDER BY e.sequence), '{}') FROM customer_events e
     WHERE e.customer_id = s.customer_id AND e.object->>'object' = 'subscription'),
    (SELECT coalesce(array_agg(e.sequence ORDER BY e.sequence), '{}') FROM customer_events e WHERE e.customer_id = s.customer_id),
    (SELECT coalesce(array_agg(p.merchant_txn_id), '{}') FROM subscription_contracts c JOIN payments p ON p.id = c.payment_id
     WHERE c.subscription_id = s.id)
FROM subscriptions s`

const periodsSQL = `
SELECT o.subscription_id, o.id, o.period_start, o.period_end, o.status, o.amount, o.amount_paid, o.amount_refunded, o.needs_review,
    (SELECT count(*) FROM payments p WHERE p.order_id = o.id AND p.status = 'succeeded')
FROM orders o WHERE o.subscription_id IS NOT NULL ORDER BY o.period_start`

// complaintsSQL is every disagreement but the periods that were left to a person, of which the judge speaks; and contracts that
// should not be as they are.
const complaintsSQL = `
SELECT 'there is a discrepancy ' || class || ' about ' || subject FROM discrepancies WHERE class <> 'period_missed'
UNION ALL
SELECT 'contract ' || contract_id || ' is ' || c.status || ' here, and its subscription ' || s.status
FROM subscription_contracts c JOIN subscriptions s ON s.id = c.subscription_id
WHERE s.ended_at IS NOT NULL AND c.status <> 'ended'
UNION ALL
SELECT 'contract ' || contract_id || ' has ended, and what it is charged by is kept'
FROM subscription_contracts WHERE status = 'ended' AND token_sealed IS NOT NULL`

// read reads our side.
func read(ctx context.Context, db *pgxpool.Pool) (ours, error) {
	o := ours{Seen: map[string]Seen{}, Begun: map[string]bool{}, Purchases: map[string][]string{}}
	for _, part := range []func(context.Context, *pgxpool.Pool) error{o.subscriptions, o.periods, o.payments, o.complaints} {
		if err := part(ctx, db); err != nil {
			return o, fmt.Errorf("read our books: %w", err)
		}
	}
	return o, nil
}

func (o *ours) subscriptions(ctx context.Context, db *pgxpool.Pool) error {
	rows, err := db.Query(ctx, subscriptionsSQL)
	if err != nil {
		return err
	}
	var id uuid.UUID
	var seen Seen
	var begun bool
	var purchases []string
	_, err = pgx.ForEachRow(rows, []any{&id, &seen.Status, &begun, &seen.Events, &seen.Sequences, &purchases}, func() error {
		name := ids.From[ids.SubscriptionEntity](id).String()
		o.Seen[name], o.Purchases[name] = seen, purchases
		if begun {
			o.Begun[name] = true
		}
		seen, purchases = Seen{}, nil
		return nil
	})
	return err
}

func (o *ours) periods(ctx context.Context, db *pgxpool.Pool) error {
	rows, err := db.Query(ctx, periodsSQL)
	if err != nil {
		return err
	}
	var sub, id uuid.UUID
	var from, to *time.Time
	var order Order
	scanned := []any{
		&sub, &id, &from, &to, &order.Status, &order.Amount, &order.Paid, &order.Refunded, &order.Review, &order.Succeeded,
	}
	_, err = pgx.ForEachRow(rows, scanned, func() error {
		name := ids.From[ids.SubscriptionEntity](sub).String()
		order.ID, order.From, order.To = ids.From[ids.OrderEntity](id).String(), time.Time{}, time.Time{}
		if from != nil && to != nil {
			order.From, order.To = from.UTC(), to.UTC()
		}
		seen := o.Seen[name]
		seen.Orders = append(seen.Orders, order)
		o.Seen[name] = seen
		return nil
	})
	return err
}

func (o *ours) payments(ctx context.Context, db *pgxpool.Pool) error {
	rows, err := db.Query(ctx, "SELECT merchant_txn_id, order_id::text, status, amount FROM payments")
	if err != nil {
		return err
	}
	o.Payments, err = pgx.CollectRows(rows, pgx.RowToStructByPos[Payment])
	return err
}

func (o *ours) complaints(ctx context.Context, db *pgxpool.Pool) error {
	rows, err := db.Query(ctx, complaintsSQL)
	if err != nil {
		return err
	}
	o.Complaints, err = pgx.CollectRows(rows, pgx.RowTo[string])
	return err
}
