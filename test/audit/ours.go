package audit

import (
	"context"
	"errors"
	"fmt"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgxpool"

	"tillway/internal/ids"
)

// order is what we say of an order.
type order struct {
	ID         uuid.UUID
	Status     string
	Currency   string
	Amount     int64
	AmountPaid int64
	Refunded   int64
	// Reviewed: a person was called to look, at more than that the bank has taken money back.
	Reviewed     bool
	LastSequence int64
	Events       int64
	FirstEvent   int64
	LastEvent    int64
}

func (o *order) name() string { return ids.From[ids.OrderEntity](o.ID).String() }

// payment is what we say of a payment.
type payment struct {
	ID            uuid.UUID
	OrderID       uuid.UUID
	MerchantTxnID string
	Status        string
	Currency      string
	Captured      int64
	Refunded      int64
	RefundPending int64
	Surplus       bool
	Open          bool
	Method        string
	Saved         bool
	Disputed      int64
	Claimed       int64
}

func (p *payment) name() string { return ids.From[ids.PaymentEntity](p.ID).String() }

// refund is what we say of a refund.
type refund struct {
	ID            uuid.UUID
	OrderID       uuid.UUID
	PaymentID     uuid.UUID
	MerchantTxnID string
	Status        string
	Currency      string
	Amount        int64
	Open          bool
	// Approval is what a second person had to say, "" where none was needed.
	Approval             string
	CreatedBy, DecidedBy string
}

func (r *refund) name() string { return ids.From[ids.RefundEntity](r.ID).String() }

// modification is what we say of a capture or void.
type modification struct {
	ID            uuid.UUID
	PaymentID     uuid.UUID
	MerchantTxnID string
	Kind          string
	Status        string
	Open          bool
}

func (m *modification) name() string { return m.Kind + " " + m.MerchantTxnID }

const ordersSQL = `
SELECT o.id, o.status, o.currency, o.amount, o.amount_paid, o.amount_refunded,
       EXISTS (SELECT FROM discrepancies d WHERE d.order_id = o.id AND d.status = 'open' AND d.class <> 'dispute'), o.last_sequence,
       e.events, e.first_event, e.last_event
FROM orders o, LATERAL (
    SELECT count(*) AS events, coalesce(min(sequence), 0) AS first_event, coalesce(max(sequence), 0) AS last_event
    FROM events WHERE order_id = o.id) e`

const paymentsSQL = `
SELECT id, order_id, merchant_txn_id, status, currency, amount_captured, amount_refunded, amount_refund_pending, surplus,
       status IN ('processing', 'requires_action', 'unknown') OR status = 'succeeded' AND next_check_at IS NOT NULL
           OR status = 'authorized' AND NOT confirmed,
       method, payment_method_id IS NOT NULL, amount_disputed, amount_claimed
FROM payments`

const refundsSQL = `
SELECT id, order_id, payment_id, merchant_txn_id, status, currency, amount, status IN ('pending', 'in_review', 'unknown'),
       coalesce(approval, ''), coalesce(created_by, ''), coalesce(decided_by, '')
FROM refunds`

const modificationsSQL = `
SELECT id, payment_id, merchant_txn_id, kind, status, status IN ('pending', 'unknown') FROM modifications`

// twiceSQL finds keys that lead to more than one row.
const twiceSQL = `
SELECT idempotency_key FROM orders WHERE idempotency_key IS NOT NULL GROUP BY idempotency_principal, idempotency_key HAVING count(*) > 1
UNION ALL
SELECT idempotency_key FROM payments WHERE idempotency_key IS NOT NULL
GROUP BY order_id, idempotency_principal, idempotency_key HAVING count(*) > 1
UNION ALL
SELECT idempotency_key FROM refunds WHERE idempotency_key IS NOT NULL GROUP BY idempotency_principal, idempotency_key HAVING count(*) > 1
UNION ALL
SELECT idempotency_key FROM modifications WHERE idempotency_key IS NOT NULL
GROUP BY payment_id, idempotency_principal, idempotency_key HAVING count(*) > 1
UNION ALL
SELECT idempotency_key FROM customers WHERE idempotency_key IS NOT NULL GROUP BY idempotency_principal, idempotency_key HAVING count(*) > 1
UNION ALL
SELECT idempotency_key FROM payment_methods WHERE idempotency_key IS NOT NULL
GROUP BY idempotency_principal, idempotency_key HAVING count(*) > 1`

// notedSQL is every transaction of which a genuine notification is stored.
const notedSQL = `SELECT DISTINCT transaction_id FROM notifications WHERE verified`

// ours is our side, read in one snapshot.
type ours struct {
	orders   map[string]*order
	payments map[string]*payment // by merchant_txn_id
	refunds  map[string]*refund  // by merchant_txn_id
	// modifications are captures and voids, by merchant_txn_id.
	modifications map[string]*modification
	ofOrder       map[string][]*payment
	byID          map[uuid.UUID]*payment
	disputes      map[caseName]*dispute
	methods       map[string]*method // by the name that callers know
	customers     map[string]bool
	// borrowed are payments with a saved card that is not their customer's.
	borrowed []uuid.UUID
	twice    []string
	noted    map[string]bool
}

func readOurs(ctx context.Context, db *pgxpool.Pool) (*ours, error) {
	side := &ours{
		orders: map[string]*order{}, payments: map[string]*payment{}, refunds: map[string]*refund{},
		modifications: map[string]*modification{}, ofOrder: map[string][]*payment{}, byID: map[uuid.UUID]*payment{},
		noted: map[string]bool{}, methods: map[string]*method{}, customers: map[string]bool{},
		disputes: map[caseName]*dispute{},
	}
	err := pgx.BeginTxFunc(ctx, db, pgx.TxOptions{IsoLevel: pgx.RepeatableRead, AccessMode: pgx.ReadOnly}, func(tx pgx.Tx) error {
		orders, err := collect(ctx, tx, ordersSQL, pgx.RowToAddrOfStructByPos[order])
		if err != nil {
			return err
		}
		payments, err := collect(ctx, tx, paymentsSQL, pgx.RowToAddrOfStructByPos[payment])
		if err != nil {
			return err
		}
		refunds, err := collect(ctx, tx, refundsSQL, pgx.RowToAddrOfStructByPos[refund])
		if err != nil {
			return err
		}
		for _, r := range refunds {
			side.refunds[r.MerchantTxnID] = r
		}
		modifications, err := collect(ctx, tx, modificationsSQL, pgx.RowToAddrOfStructByPos[modification])
		if err != nil {
			return err
		}
		for _, m := range modifications {
			side.modifications[m.MerchantTxnID] = m
		}
		noted, err := collect(ctx, tx, notedSQL, pgx.RowTo[string])
		if err != nil {
			return err
		}
		side.index(orders, payments, noted)
		if err := errors.Join(side.readCards(ctx, tx), side.readDisputes(ctx, tx)); err != nil {
			return err
		}
		side.twice, err = collect(ctx, tx, twiceSQL, pgx.RowTo[string])
		return err
	})
	if err != nil {
		return nil, fmt.Errorf("read our books: %w", err)
	}
	return side, nil
}

func (s *ours) index(orders []*order, payments []*payment, noted []string) {
	for _, o := range orders {
		s.orders[o.name()] = o
	}
	for _, p := range payments {
		s.payments[p.MerchantTxnID], s.byID[p.ID] = p, p
		of := ids.From[ids.OrderEntity](p.OrderID).String()
		s.ofOrder[of] = append(s.ofOrder[of], p)
	}
	for _, id := range noted {
		s.noted[id] = true
	}
}

func collect[T any](ctx context.Context, tx pgx.Tx, query string, to pgx.RowToFunc[T]) ([]T, error) {
	rows, err := tx.Query(ctx, query)
	if err != nil {
		return nil, err
	}
	return pgx.CollectRows(rows, to)
}
