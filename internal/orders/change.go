package orders

import (
	"context"
	"fmt"
	"time"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"

	"tillway/internal/postgres"
	"tillway/internal/postgres/dbsqlc"
)

// queue adds the change to the batch, if there is anything to write. What else the batch holds is not committed without it.
func (c *change) queue(ctx context.Context, b *pgx.Batch, correlationID string, now time.Time) error {
	if !c.keep {
		return nil
	}
	queries := dbsqlc.New(postgres.NewQueue(b))
	if _, err := queries.OrderMove(ctx, c.orderParams(now)); err != nil {
		return err
	}
	if err := queries.PaymentMove(ctx, c.paymentParams(now)); err != nil {
		return err
	}
	if c.payment.AmountDisputed != c.before.AmountDisputed {
		if err := c.writeCover(ctx, queries); err != nil {
			return err
		}
	}
	if err := c.queueEvents(ctx, queries, correlationID, now); err != nil {
		return err
	}
	if c.record {
		args, err := c.evidenceParams(correlationID, now)
		if err != nil {
			return err
		}
		if err := queries.EvidenceInsert(ctx, args); err != nil {
			return err
		}
	}
	if c.owed != nil {
		if _, err := queries.RefundOwe(ctx, c.owedParams(now)); err != nil {
			return err
		}
	}
	return c.writeNoted(ctx, queries, now)
}

func (c *change) orderParams(now time.Time) dbsqlc.OrderMoveParams {
	o := c.order
	return dbsqlc.OrderMoveParams{
		ID: o.ID.UUID(), Version: o.Version, Now: now, Status: string(o.Status), AmountPaid: o.AmountPaid,
		AmountAuthorized: o.AmountAuthorized, NeedsReview: o.NeedsReview, LastSequence: o.LastSequence + int64(len(c.events)),
		PaidAt: timeOrNil(o.PaidAt),
	}
}

func (c *change) paymentParams(now time.Time) dbsqlc.PaymentMoveParams {
	p := c.payment
	args := dbsqlc.PaymentMoveParams{
		ID: p.ID.UUID(), Now: now, Status: string(p.Status), AmountAuthorized: p.AmountAuthorized, AmountCaptured: p.AmountCaptured,
		ProviderTransactionID: nilIfEmpty(p.ProviderTransactionID), Confirmed: p.Confirmed, Surplus: p.Surplus,
		CardBrand: p.Card.Brand, CardLast4: p.Card.Last4, CardCountry: p.Card.Country, RedirectUrl: p.RedirectURL, Challenged: p.Challenged,
		DisplayCode: p.Display.Code, DisplayImageUrl: p.Display.ImageURL, DisplayText: p.Display.Text, DisplayExpiresAt: timeOrNil(p.Display.ExpiresAt),
		ThreeDsResult: string(p.ThreeDSResult), Eci: p.ECI, NotFoundCount: int32(p.NotFoundCount), //nolint:gosec // a handful
		NextCheckAt: timeOrNil(p.NextCheckAt), FinalAt: timeOrNil(p.FinalAt), ReleaseKey: c.keyFree,
		CancelFailedAt: timeOrNil(p.CancelFailedAt),
	}
	if f := p.Failure; f != nil {
		category := string(f.Category)
		args.FailureCode, args.FailureDeclineCode, args.FailureMessage = &f.Code, &f.DeclineCode, &f.Message
		args.FailureCategory, args.FailureProviderCode = &category, &f.ProviderCode
	}
	return args
}

// queueEvents adds the change's events; news that only confirms has none.
func (c *change) queueEvents(ctx context.Context, queries *dbsqlc.Queries, correlationID string, now time.Time) error {
	if len(c.events) == 0 {
		return nil
	}
	var owed Refund
	if c.owed != nil {
		owed = *c.owed
	}
	log, err := c.log(owed)
	if err != nil {
		return err
	}
	return queries.EventsInsert(ctx, dbsqlc.EventsInsertParams{
		OrderID: c.order.ID.UUID(), Livemode: c.order.Livemode, Sequences: log.sequences, Ids: log.ids, Types: log.types,
		Objects: log.objects, CorrelationID: correlationID, Now: now,
	})
}

func (c *change) evidenceParams(correlationID string, now time.Time) (dbsqlc.EvidenceInsertParams, error) {
	ev := c.evidence
	id, err := uuid.NewV7()
	if err != nil {
		return dbsqlc.EvidenceInsertParams{}, fmt.Errorf("draw an evidence id: %w", err)
	}
	args := dbsqlc.EvidenceInsertParams{
		ID: id, OrderID: c.order.ID.UUID(), PaymentID: c.payment.ID.UUID(), Source: string(ev.Source), Outcome: string(ev.Outcome),
		Verdict: string(c.verdict), ProviderTransactionID: nilIfEmpty(ev.ProviderTransactionID),
		ProviderStatus: ev.ProviderStatus, ProviderCode: ev.ProviderCode, Digest: ev.Digest, Body: c.order.keepable(ev.Body),
		CorrelationID: correlationID, Now: now,
	}
	if !ev.Amount.IsZero() {
		code := ev.Amount.Currency.Code()
		args.Amount, args.Currency = &ev.Amount.Minor, &code
	}
	return args, nil
}

// owedParams writes out the refund that the change owes as the arguments of RefundOwe.
func (c *change) owedParams(now time.Time) dbsqlc.RefundOweParams {
	r := c.owed
	return dbsqlc.RefundOweParams{
		Amount: r.Amount.Minor, PaymentID: r.Payment.UUID(), ID: r.ID.UUID(), Currency: r.Amount.Currency.Code(),
		Reason: string(r.Reason), Origin: string(r.Origin), MerchantTxnID: r.MerchantTxnID, CorrelationID: r.CorrelationID,
		Now: now, NextCheckAt: r.NextCheckAt,
	}
}
