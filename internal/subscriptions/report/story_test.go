package report_test

import (
	"context"
	"math/rand/v2"
	"testing"
	"time"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"
	"github.com/stretchr/testify/require"

	"tillway/internal/postgres"
	"tillway/internal/subscriptions/calendar"
	"tillway/internal/subscriptions/lifecycle"
)

// life is what happened to one subscription.
type life struct {
	id, customer uuid.UUID
	currency     string
	amount       int64
	interval     calendar.Interval
	count        int64
	born         time.Time
	moves        []move
	periods      []*period
}

// move is a change of its status, and the period that it was about.
type move struct {
	at       time.Time
	from, to lifecycle.Status
	period   *period
}

// period is an order of it, and who tried to pay it: all but the last in vain, the last with success where it is paid.
type period struct {
	id      uuid.UUID
	start   time.Time
	charges []string // merchant or customer
	paidAt  time.Time
}

func (l *life) status() lifecycle.Status {
	if len(l.moves) == 0 {
		return lifecycle.StatusIncomplete
	}
	return l.moves[len(l.moves)-1].to
}

// happens moves a life as the state machine says, and reports whether it moved.
func (l *life) happens(what lifecycle.Happening, at time.Time, p *period) bool {
	from := l.status()
	to, verdict := lifecycle.Next(from, what)
	if verdict != lifecycle.VerdictMove {
		return false
	}
	l.moves = append(l.moves, move{at: at, from: from, to: to, period: p})
	return true
}

// live makes up a life from a moment until another.
func live(r *rand.Rand, from, until time.Time) *life {
	intervals := calendar.Intervals()
	l := &life{
		id: uuid.New(), customer: uuid.New(), currency: []string{"EUR", "JPY"}[r.IntN(2)], amount: 1 + r.Int64N(100_000),
		interval: intervals[r.IntN(len(intervals))], count: 1 + r.Int64N(5), born: from,
	}
	at := from
	var owed *period
	for range r.IntN(14) {
		at = at.Add(time.Duration(1+r.IntN(12*24)) * time.Hour)
		if !at.Before(until) || l.status().Final() {
			return l
		}
		what := next(r, l.status())
		switch {
		case what == lifecycle.HappeningOwed:
			p := &period{id: uuid.New(), start: at, charges: []string{"merchant"}}
			if l.happens(what, at, p) {
				owed = p
				l.periods = append(l.periods, p)
			}
		case what == lifecycle.HappeningPaid && (l.status() == lifecycle.StatusPastDue || l.status() == lifecycle.StatusUnpaid):
			l.recover(r, at, owed)
		case what == lifecycle.HappeningPaid && l.status() == lifecycle.StatusActive:
			l.periods = append(l.periods, &period{id: uuid.New(), start: at, charges: []string{"merchant"}, paidAt: at})
		case what == lifecycle.HappeningPaid:
		default:
			l.happens(what, at, owed)
		}
	}
	return l
}

// next draws what happens in a status: mostly what keeps a life going, and anything now and then.
func next(r *rand.Rand, status lifecycle.Status) lifecycle.Happening {
	often := []lifecycle.Happening{lifecycle.HappeningOwed, lifecycle.HappeningPaid, lifecycle.HappeningOwed}
	switch {
	case r.IntN(4) == 0:
		often = lifecycle.Happenings()
	case status == lifecycle.StatusIncomplete:
		often = []lifecycle.Happening{lifecycle.HappeningBegun, lifecycle.HappeningTrialBegun}
	case status == lifecycle.StatusPastDue:
		often = []lifecycle.Happening{lifecycle.HappeningPaid, lifecycle.HappeningPaid, lifecycle.HappeningGivenUp}
	case status == lifecycle.StatusPaused:
		often = []lifecycle.Happening{lifecycle.HappeningResumed}
	}
	return often[r.IntN(len(often))]
}

// recover pays what is owed after some more charges, by one of ours or with a new card.
func (l *life) recover(r *rand.Rand, at time.Time, owed *period) {
	for range r.IntN(4) {
		owed.charges = append(owed.charges, []string{"merchant", "merchant", "customer"}[r.IntN(3)])
	}
	payer := "merchant"
	if l.status() == lifecycle.StatusUnpaid || r.IntN(3) == 0 {
		payer = "customer"
	}
	owed.charges, owed.paidAt = append(owed.charges, payer), at
	l.happens(lifecycle.HappeningPaid, at, owed)
}

// record writes lives as the service writes them: subscriptions by their moves, orders and payments as they end.
func (b *testBundle) record(t *testing.T, lives []*life) {
	t.Helper()
	err := postgres.InTx(t.Context(), b.pool, func(ctx context.Context, tx pgx.Tx) error {
		batch := &pgx.Batch{}
		for _, l := range lives {
			l.queue(batch)
		}
		return tx.SendBatch(ctx, batch).Close()
	})
	require.NoError(t, err)
}

func (l *life) queue(batch *pgx.Batch) {
	batch.Queue(`INSERT INTO customers (id, livemode, correlation_id, created_at, updated_at) VALUES ($1, false, 'test', $2, $2)`,
		l.customer, l.born)
	batch.Queue(`INSERT INTO subscriptions (id, livemode, customer_id, collection, amount, currency, interval_unit, interval_count,
		time_zone, card_brand, card_last4, card_exp_month, card_exp_year, anchor_at, correlation_id, created_at, updated_at)
		VALUES ($1, false, $2, 'self_managed', $3, $4, $5, $6, 'UTC', 'visa', '4242', 12, 2039, $7, 'test', $7, $7)`,
		l.id, l.customer, l.amount, l.currency, string(l.interval), l.count, l.born)
	for _, m := range l.moves {
		var open *uuid.UUID
		if m.period != nil && (m.to == lifecycle.StatusPastDue || m.to == lifecycle.StatusUnpaid) {
			open = &m.period.id
		}
		batch.Queue(`UPDATE subscriptions SET status = $2, version = version + 1, updated_at = $3::timestamptz, failing_since = $3,
			open_order_id = $4, ended_at = CASE WHEN $2 IN ('canceled', 'expired') THEN $3 END,
			paused_at = CASE WHEN $2 = 'paused' THEN $3 END WHERE id = $1`, l.id, string(m.to), m.at, open)
	}
	for _, p := range l.periods {
		p.queue(batch, l)
	}
}

func (p *period) queue(batch *pgx.Batch, l *life) {
	status, paid, paidAt := "open", int64(0), (*time.Time)(nil)
	if !p.paidAt.IsZero() {
		status, paid, paidAt = "paid", l.amount, &p.paidAt
	}
	batch.Queue(`INSERT INTO orders (id, livemode, customer_id, amount, currency, status, amount_paid, amount_authorized, attempts,
		correlation_id, created_at, updated_at, expires_at, paid_at, subscription_id, period_start, period_end)
		VALUES ($1, false, $2, $3, $4, $5, $6, $6, $7, 'test', $8, $8, $8::timestamptz + interval '90 days', $9, $10, $8,
		$8::timestamptz + interval '1 day')`,
		p.id, l.customer, l.amount, l.currency, status, paid, len(p.charges), p.start, paidAt, l.id)
	for i, initiator := range p.charges {
		status, captured := "failed", int64(0)
		if i == len(p.charges)-1 && paidAt != nil {
			status, captured = "succeeded", l.amount
		}
		id := uuid.New()
		batch.Queue(`INSERT INTO payments (id, order_id, livemode, attempt, status, capture_method, amount, currency,
			amount_authorized, amount_captured, merchant_txn_id, card_brand, card_last4, card_exp_month, card_exp_year, initiator,
			correlation_id, created_at, updated_at, sent_at, final_at)
			VALUES ($1, $2, false, $3, $4, 'automatic', $5, $6, $7, $7, $8, 'visa', '4242', 12, 2039, $9, 'test', $10, $10, $10, $10)`,
			id, p.id, i+1, status, l.amount, l.currency, captured, id.String(), initiator, p.start)
	}
}
