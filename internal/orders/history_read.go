package orders

import (
	"context"
	"fmt"
	"slices"
	"time"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"

	"tillway/internal/ids"
	"tillway/internal/money"
	"tillway/internal/postgres"
	"tillway/internal/postgres/dbsqlc"
)

type historyRows struct {
	order         dbsqlc.Order
	payments      []dbsqlc.Payment
	modifications []dbsqlc.Modification
	refunds       []dbsqlc.Refund
	disputes      []dbsqlc.Dispute
	events        []dbsqlc.Event
	news          []dbsqlc.HistoryEvidenceRow
	discrepancies []dbsqlc.Discrepancy
	since         time.Time // of the cursor's event, zero when there is none
}

func (s *Service) historyRows(ctx context.Context, id ids.Order, after *uuid.UUID, limit int) (historyRows, error) {
	var rows historyRows
	batch := &pgx.Batch{}
	batch.Queue("begin isolation level repeatable read read only")
	batch.Queue(dbsqlc.OrderGet, id.UUID()).Query(func(r pgx.Rows) (err error) {
		rows.order, err = pgx.CollectExactlyOneRow(r, pgx.RowToStructByPos[dbsqlc.Order])
		return err
	})
	batch.Queue(dbsqlc.HistoryPayments, id.UUID(), historyPayments).Query(into(&rows.payments))
	batch.Queue(dbsqlc.HistoryModifications, id.UUID(), historyModifications).Query(into(&rows.modifications))
	batch.Queue(dbsqlc.HistoryRefunds, id.UUID(), historyRefunds).Query(into(&rows.refunds))
	batch.Queue(dbsqlc.HistoryDisputes, id.UUID(), historyDisputes).Query(into(&rows.disputes))
	batch.Queue(dbsqlc.HistoryEvents, id.UUID(), after, limit+1).Query(into(&rows.events))
	batch.Queue(dbsqlc.HistoryEvidence, id.UUID(), after, historyNews+1).Query(into(&rows.news))
	batch.Queue(dbsqlc.HistoryDiscrepancies, id.UUID(), historyDiscrepancies).Query(into(&rows.discrepancies))
	if after != nil {
		batch.Queue(dbsqlc.HistoryCursor, id.UUID(), *after).QueryRow(func(r pgx.Row) error {
			if err := r.Scan(&rows.since); !postgres.IsNoRows(err) {
				return err
			}
			return nil
		})
	}
	batch.Queue("commit")
	// A connection that fails in between is closed by the pool, and its transaction with it.
	return rows, s.pool.SendBatch(ctx, batch).Close()
}

// into collects a queued query's rows.
func into[Row any](rows *[]Row) func(pgx.Rows) error {
	return func(r pgx.Rows) (err error) {
		*rows, err = pgx.CollectRows(r, pgx.RowToStructByPos[Row])
		return err
	}
}

func (s *Service) historyFrom(rows historyRows, limit int) (History, error) {
	order, err := orderFromRow(rows.order)
	if err != nil {
		return History{}, err
	}
	h := History{
		Order: order, MoreEvents: len(rows.events) > limit, MoreNews: len(rows.news) > historyNews,
		RefundsClosed: s.withinLimits(order.PaidAt, order.RefundCount) != nil,
	}
	for _, row := range rows.payments {
		p, err := s.paymentHistory(row)
		if err != nil {
			return History{}, err
		}
		h.Payments = append(h.Payments, p)
	}
	if h.Modifications, err = read(rows.modifications, modificationFromRow); err != nil {
		return History{}, err
	}
	if h.Disputes, err = read(rows.disputes, disputeFromRow); err != nil {
		return History{}, err
	}
	for _, row := range rows.refunds {
		r, err := refundFromRow(row)
		if err != nil {
			return History{}, err
		}
		h.Refunds = append(h.Refunds, RefundHistory{
			Refund: r, NextChecks: s.refundChecks(r), AskedUntil: r.since().Add(queriedUntil),
		})
	}
	for _, row := range rows.events[:min(limit, len(rows.events))] {
		h.Events = append(h.Events, HistoryEvent{
			ID: ids.From[ids.EventEntity](row.ID), Sequence: row.Sequence, Type: row.Type, Object: row.Object,
			CreatedAt: row.CreatedAt.UTC(),
		})
	}
	for _, row := range rows.news[:min(historyNews, len(rows.news))] {
		n, err := newsFromRow(row)
		if err != nil {
			return History{}, err
		}
		h.News = append(h.News, n)
	}
	for _, row := range rows.discrepancies {
		d, err := discrepancyFromRow(row, order.Livemode)
		if err != nil {
			return History{}, err
		}
		h.Discrepancies = append(h.Discrepancies, d)
	}
	h.cutToPage()
	h.Approvals = h.approvedAfter(rows.since)
	for _, p := range h.Payments {
		if h.onPage(p.CancelAskedAt, rows.since) {
			h.Cancellations = append(h.Cancellations, p)
		}
	}
	return h, nil
}

// onPage reports whether what happened at a moment belongs on the page, which begins after another.
func (h *History) onPage(at, since time.Time) bool {
	return !at.IsZero() && at.After(since) && (!h.MoreEvents || !at.After(h.Events[len(h.Events)-1].CreatedAt))
}

// approvedAfter are the refunds of which the approval belongs on a page that begins after a moment.
func (h *History) approvedAfter(since time.Time) []Refund {
	var approved []Refund
	for _, r := range h.Refunds {
		if a := r.Approval; a != nil && a.Status == RefundApprovalApproved && h.onPage(a.DecidedAt, since) {
			approved = append(approved, r.Refund)
		}
	}
	slices.SortFunc(approved, func(a, b Refund) int { return a.Approval.DecidedAt.Compare(b.Approval.DecidedAt) })
	return approved
}

// cutToPage leaves the news that came after the page's last event to the next page, which begins with them.
func (h *History) cutToPage() {
	if !h.MoreEvents {
		return
	}
	last := h.Events[len(h.Events)-1].CreatedAt
	for i, n := range h.News {
		if n.CreatedAt.After(last) {
			h.News, h.MoreNews = h.News[:i], false
			return
		}
	}
}

func (s *Service) paymentHistory(row dbsqlc.Payment) (PaymentHistory, error) {
	p, err := paymentFromRow(row)
	if err != nil {
		return PaymentHistory{}, err
	}
	h := PaymentHistory{
		Payment: p, NextChecks: s.paymentChecks(p), AskedUntil: p.SentAt.Add(queriedUntil),
		ByShopper: orEmpty(row.IdempotencyPrincipal) == p.Order.String(), // whom a client secret is known as
	}
	if p.Held() && s.config.HoldLasts > 0 {
		h.HoldEnds = p.SentAt.Add(s.config.HoldLasts)
	}
	return h, nil
}

func (s *Service) paymentChecks(p Payment) []time.Time {
	switch {
	case p.Held() && p.Confirmed:
		return nil // its hold is looked after, its outcome is known
	case p.untold() && p.Confirmed:
		return checks(p.NextCheckAt, func(time.Time) time.Time { return time.Time{} }) // once, what it was paid with
	case p.Status.Live():
		return checks(p.NextCheckAt, func(at time.Time) time.Time { return s.rules().nextCheck(p, at) })
	}
	return checks(p.NextCheckAt, func(at time.Time) time.Time { return lookAgain(p.FinalAt, at) })
}

func (s *Service) refundChecks(r Refund) []time.Time {
	if r.Status.Open() {
		return checks(r.NextCheckAt, func(at time.Time) time.Time { return s.config.Schedule.Next(r.since(), at) })
	}
	return checks(r.NextCheckAt, func(at time.Time) time.Time { return lookAgain(r.FinalAt, at) })
}

// checks are the next times at which the provider is asked, from the first one on; none where that is zero.
func checks(first time.Time, next func(time.Time) time.Time) []time.Time {
	var checks []time.Time
	for at := first; !at.IsZero() && len(checks) < checksAhead; at = next(at) {
		checks = append(checks, at)
	}
	return checks
}

func newsFromRow(r dbsqlc.HistoryEvidenceRow) (HistoryNews, error) {
	n := HistoryNews{
		Payment: ids.From[ids.PaymentEntity](r.PaymentID), Refund: ids.FromNullable[ids.RefundEntity](r.RefundID),
		Dispute: ids.FromNullable[ids.DisputeEntity](r.DisputeID),
		Source:  Source(r.Source), Outcome: Outcome(r.Outcome), Verdict: Verdict(r.Verdict), ProviderTransactionID: orEmpty(r.ProviderTransactionID),
		ProviderStatus: r.ProviderStatus, ProviderCode: r.ProviderCode, CreatedAt: r.CreatedAt.UTC(),
	}
	if !n.Refund.IsZero() {
		n.Outcome, n.RefundOutcome = "", RefundOutcome(r.Outcome)
	}
	if !n.Dispute.IsZero() {
		n.Outcome, n.DisputeOutcome = "", DisputeOutcome(r.Outcome)
	}
	if r.Amount != nil && r.Currency != nil {
		currency, err := money.ParseCurrency(*r.Currency)
		if err != nil {
			return HistoryNews{}, fmt.Errorf("read evidence %s: %w", r.ID, err)
		}
		n.Amount = money.New(*r.Amount, currency)
	}
	return n, nil
}
