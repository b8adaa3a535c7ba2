package orders

import (
	"encoding/json"
	"fmt"
	"time"

	"github.com/google/uuid"

	"tillway/internal/ids"
	"tillway/internal/money"
	"tillway/internal/postgres/dbsqlc"
)

// refundFromRow maps a row to the domain, refusing text that the domain does not know.
func refundFromRow(r dbsqlc.Refund) (Refund, error) {
	currency, err := money.ParseCurrency(r.Currency)
	if err != nil {
		return Refund{}, fmt.Errorf("read refund %s: %w", r.ID, err)
	}
	refund := Refund{
		ID: ids.From[ids.RefundEntity](r.ID), Order: ids.From[ids.OrderEntity](r.OrderID),
		Payment: ids.From[ids.PaymentEntity](r.PaymentID), Livemode: r.Livemode, Amount: money.New(r.Amount, currency),
		Reason: RefundReason(r.Reason), Origin: RefundOrigin(r.Origin), Status: RefundStatus(r.Status),
		MerchantTxnID: r.MerchantTxnID, ProviderTransactionID: orEmpty(r.ProviderTransactionID), Description: r.Description,
		Sends: int(r.Sends), NotFoundCount: int(r.NotFoundCount), Checks: int(r.Checks), CorrelationID: r.CorrelationID,
		CreatedBy: orEmpty(r.CreatedBy), CreatedAt: r.CreatedAt.UTC(), UpdatedAt: r.UpdatedAt.UTC(), SentAt: orZero(r.SentAt),
		NextCheckAt: orZero(r.NextCheckAt), FinalAt: orZero(r.FinalAt),
	}
	if !refund.Status.Valid() {
		return Refund{}, fmt.Errorf("read refund %s: unknown status %q", r.ID, r.Status)
	}
	if r.Approval != nil {
		refund.Approval = &RefundApproval{
			Status: RefundApprovalStatus(*r.Approval), DecidedBy: orEmpty(r.DecidedBy), DecidedAt: orZero(r.DecidedAt),
		}
	}
	if r.FailureCode != nil {
		refund.Failure = &RefundFailure{
			Code: *r.FailureCode, Message: orEmpty(r.FailureMessage), ProviderCode: orEmpty(r.FailureProviderCode),
		}
	}
	if err := json.Unmarshal(r.Metadata, &refund.Metadata); err != nil {
		return Refund{}, fmt.Errorf("read refund %s: %w", r.ID, err)
	}
	return refund, nil
}

// params writes the change out as the arguments of RefundApply, the one statement that carries it.
func (c *refundChange) params(now time.Time) (dbsqlc.RefundApplyParams, error) {
	o, p, r, ev := c.order, c.payment, c.refund, c.evidence
	args := dbsqlc.RefundApplyParams{
		OrderID: o.ID.UUID(), Version: o.Version, Now: now, CorrelationID: r.CorrelationID, OrderStatus: string(o.Status),
		OrderAmountRefunded: o.AmountRefunded, OrderAmountRefundPending: o.AmountRefundPending,
		OrderNeedsReview: o.NeedsReview, OrderLastSequence: o.LastSequence + int64(len(c.events)),
		PaymentID: p.ID.UUID(), PaymentAmountRefunded: p.AmountRefunded, PaymentAmountRefundPending: p.AmountRefundPending,
		ID: r.ID.UUID(), Status: string(r.Status), ProviderTransactionID: nilIfEmpty(r.ProviderTransactionID),
		NotFoundCount: int32(r.NotFoundCount), //nolint:gosec // a handful
		SentAt:        timeOrNil(r.SentAt), NextCheckAt: timeOrNil(r.NextCheckAt), FinalAt: timeOrNil(r.FinalAt),
		Source: string(ev.Source), Outcome: string(ev.Outcome), Verdict: string(c.verdict),
		EvidenceTransactionID: nilIfEmpty(ev.ProviderTransactionID), ProviderStatus: ev.ProviderStatus,
		ProviderCode: ev.ProviderCode, Digest: ev.Digest, Body: c.order.keepable(ev.Body),
	}
	args.Approval, args.DecidedBy, args.DecidedAt = r.Approval.columns()
	if f := r.Failure; f != nil {
		args.FailureCode, args.FailureMessage, args.FailureProviderCode = &f.Code, &f.Message, &f.ProviderCode
	}
	if !ev.Amount.IsZero() {
		code := ev.Amount.Currency.Code()
		args.EvidenceAmount, args.EvidenceCurrency = &ev.Amount.Minor, &code
	}
	if c.record {
		id, err := uuid.NewV7()
		if err != nil {
			return args, fmt.Errorf("draw an evidence id: %w", err)
		}
		args.EvidenceID = &id
	}
	log, err := c.log(r)
	args.EventSequences, args.EventIds, args.EventTypes, args.EventObjects = log.sequences, log.ids, log.types, log.objects
	return args, err
}
