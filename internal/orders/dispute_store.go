package orders

import (
	"context"
	"fmt"
	"time"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"

	"tillway/internal/ids"
	"tillway/internal/money"
	"tillway/internal/postgres"
	"tillway/internal/postgres/dbsqlc"
)

// disputeFromRow maps a row to the domain, refusing text that the domain does not know.
func disputeFromRow(r dbsqlc.Dispute) (Dispute, error) {
	currency, err := money.ParseCurrency(r.Currency)
	if err != nil {
		return Dispute{}, fmt.Errorf("read dispute %s: %w", r.ID, err)
	}
	d := Dispute{
		ID: ids.From[ids.DisputeEntity](r.ID), Order: ids.From[ids.OrderEntity](r.OrderID),
		Payment: ids.From[ids.PaymentEntity](r.PaymentID), Livemode: r.Livemode, Stage: DisputeStage(r.Stage),
		Status: DisputeStatus(r.Status), Amount: money.New(r.Amount, currency), Claimed: r.AmountClaimed, Reason: r.Reason,
		ReasonCode: r.ReasonCode, ARN: r.Arn, ProviderDisputeID: r.ProviderDisputeID, ProviderStatus: r.ProviderStatus,
		NotFoundCount: int(r.NotFoundCount), CorrelationID: r.CorrelationID, CreatedAt: r.CreatedAt.UTC(),
		UpdatedAt: r.UpdatedAt.UTC(), MovedAt: r.MovedAt.UTC(), RaisedAt: orZero(r.RaisedAt),
		EvidenceDueBy: orZero(r.EvidenceDueBy), NextCheckAt: orZero(r.NextCheckAt), ClosedAt: orZero(r.ClosedAt),
	}
	if phaseOf(d.Stage, d.Status) == "" && d.Stage != DisputePreDispute {
		return Dispute{}, fmt.Errorf("read dispute %s: %q at stage %q is no state of a dispute", r.ID, r.Status, r.Stage)
	}
	return d, nil
}

// queue writes the change, if there is anything to write, with the next batch of the transaction that holds the lock.
func (c *disputeChange) queue(ctx context.Context, b *pgx.Batch, now time.Time) error {
	if !c.keep {
		return nil
	}
	queries := dbsqlc.New(postgres.NewQueue(b))
	p := c.payment
	c.disputed = c.dispute
	if err := c.writeOrder(ctx, queries, c.dispute.CorrelationID, now); err != nil {
		return err
	}
	if err := queries.PaymentClaim(ctx, dbsqlc.PaymentClaimParams{
		ID: p.ID.UUID(), AmountDisputed: p.AmountDisputed, AmountClaimed: p.AmountClaimed, Now: now,
	}); err != nil {
		return err
	}
	if err := c.writeDispute(ctx, queries, now); err != nil {
		return err
	}
	if err := c.writeEvidence(ctx, queries, now); err != nil {
		return err
	}
	return c.writeNoted(ctx, queries, now)
}

func (c *disputeChange) writeDispute(ctx context.Context, queries *dbsqlc.Queries, now time.Time) error {
	d := c.dispute
	if c.isNew {
		if err := queries.DiscrepancyFound(ctx, dbsqlc.DiscrepancyFoundParams{Subject: d.ProviderDisputeID, Now: now}); err != nil {
			return err
		}
		return queries.DisputeInsert(ctx, dbsqlc.DisputeInsertParams{
			ID: d.ID.UUID(), OrderID: d.Order.UUID(), PaymentID: d.Payment.UUID(), Livemode: d.Livemode, Stage: string(d.Stage),
			Status: string(d.Status), Amount: d.Amount.Minor, Currency: d.Amount.Currency.Code(), AmountClaimed: d.Claimed,
			Reason: d.Reason, ReasonCode: d.ReasonCode, Arn: d.ARN, ProviderDisputeID: d.ProviderDisputeID,
			ProviderStatus: d.ProviderStatus, CorrelationID: d.CorrelationID, Now: now, RaisedAt: timeOrNil(d.RaisedAt),
			EvidenceDueBy: timeOrNil(d.EvidenceDueBy), NextCheckAt: timeOrNil(d.NextCheckAt), ClosedAt: timeOrNil(d.ClosedAt),
		})
	}
	return queries.DisputeMove(ctx, dbsqlc.DisputeMoveParams{
		ID: d.ID.UUID(), Stage: string(d.Stage), Status: string(d.Status), Amount: d.Amount.Minor,
		Currency: d.Amount.Currency.Code(), AmountClaimed: d.Claimed, Reason: d.Reason, ReasonCode: d.ReasonCode, Arn: d.ARN,
		ProviderStatus: d.ProviderStatus, NotFoundCount: int32(d.NotFoundCount), //nolint:gosec // a handful
		MovedAt: d.MovedAt, RaisedAt: timeOrNil(d.RaisedAt), EvidenceDueBy: timeOrNil(d.EvidenceDueBy),
		NextCheckAt: timeOrNil(d.NextCheckAt), ClosedAt: timeOrNil(d.ClosedAt), Now: now,
	})
}

// writeEvidence writes the evidence down that is worth a row.
func (c *disputeChange) writeEvidence(ctx context.Context, queries *dbsqlc.Queries, now time.Time) error {
	if !c.record {
		return nil
	}
	o, d, ev := c.order, c.dispute, c.evidence
	id, err := uuid.NewV7()
	if err != nil {
		return fmt.Errorf("draw an evidence id: %w", err)
	}
	args := dbsqlc.DisputeEvidenceInsertParams{
		ID: id, OrderID: o.ID.UUID(), PaymentID: c.payment.ID.UUID(), DisputeID: d.ID.UUID(), Source: string(ev.Source),
		Outcome: string(ev.Outcome), Verdict: string(c.verdict), ProviderTransactionID: nilIfEmpty(ev.ProviderDisputeID),
		ProviderStatus: ev.ProviderStatus, Digest: ev.Digest, Body: o.keepable(ev.Body), CorrelationID: d.CorrelationID, Now: now,
	}
	if !ev.Amount.IsZero() {
		code := ev.Amount.Currency.Code()
		args.Amount, args.Currency = &ev.Amount.Minor, &code
	}
	return queries.DisputeEvidenceInsert(ctx, args)
}

// writeOrder writes the order and its events, where nothing of it has changed but what is disputed and whether somebody must look.
func (e *entry) writeOrder(ctx context.Context, queries *dbsqlc.Queries, correlationID string, now time.Time) error {
	o := e.order
	_, err := queries.OrderDispute(ctx, dbsqlc.OrderDisputeParams{
		ID: o.ID.UUID(), Version: o.Version, Now: now, AmountDisputed: o.AmountDisputed, NeedsReview: o.NeedsReview,
		LastSequence: o.LastSequence + int64(len(e.events)),
	})
	if err != nil || len(e.events) == 0 {
		return err
	}
	log, err := e.log(Refund{})
	if err != nil {
		return err
	}
	return queries.EventsInsert(ctx, dbsqlc.EventsInsertParams{
		OrderID: o.ID.UUID(), Livemode: o.Livemode, Sequences: log.sequences, Ids: log.ids, Types: log.types,
		Objects: log.objects, CorrelationID: correlationID, Now: now,
	})
}

// writeCover writes what disputes take of the payment, where other news changes what is there.
func (e *entry) writeCover(ctx context.Context, queries *dbsqlc.Queries) error {
	return queries.DisputesCover(ctx, dbsqlc.DisputesCoverParams{
		PaymentID: e.payment.ID.UUID(), PaymentAmountDisputed: e.payment.AmountDisputed, OrderAmountDisputed: e.order.AmountDisputed,
	})
}
