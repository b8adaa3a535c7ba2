package orders

import (
	"fmt"
	"time"

	"github.com/google/uuid"

	"tillway/internal/postgres/dbsqlc"
)

// params writes the change out as the arguments of PaymentApply, the one statement that carries it.
func (c *change) params(correlationID string, now time.Time) (dbsqlc.PaymentApplyParams, error) {
	o, p, ev := c.order, c.payment, c.evidence
	args := dbsqlc.PaymentApplyParams{
		OrderID: o.ID.UUID(), Version: o.Version, Now: now, CorrelationID: correlationID,
		OrderStatus: string(o.Status), OrderAmountPaid: o.AmountPaid, OrderAmountAuthorized: o.AmountAuthorized,
		OrderNeedsReview: o.NeedsReview, OrderLastSequence: o.LastSequence + int64(len(c.events)),
		OrderPaidAt: timeOrNil(o.PaidAt),
		ID:          p.ID.UUID(), Status: string(p.Status), AmountAuthorized: p.AmountAuthorized, AmountCaptured: p.AmountCaptured,
		ProviderTransactionID: nilIfEmpty(p.ProviderTransactionID), Confirmed: p.Confirmed, Surplus: p.Surplus,
		CardBrand: p.Card.Brand, CardCountry: p.Card.Country, RedirectUrl: p.RedirectURL, Challenged: p.Challenged,
		ThreeDsResult: string(p.ThreeDSResult), Eci: p.ECI, NotFoundCount: int32(p.NotFoundCount), //nolint:gosec // a handful
		NextCheckAt: timeOrNil(p.NextCheckAt), FinalAt: timeOrNil(p.FinalAt),
		ReleaseKey: c.keyFree, Source: string(ev.Source), Outcome: string(ev.Outcome), Verdict: string(c.verdict),
		EvidenceTransactionID: nilIfEmpty(ev.ProviderTransactionID), ProviderStatus: ev.ProviderStatus,
		ProviderCode: ev.ProviderCode, Digest: ev.Digest, Body: ev.Body,
	}
	if f := p.Failure; f != nil {
		category := string(f.Category)
		args.FailureCode, args.FailureDeclineCode, args.FailureMessage = &f.Code, &f.DeclineCode, &f.Message
		args.FailureCategory, args.FailureProviderCode = &category, &f.ProviderCode
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
	log, err := c.log(Refund{})
	if c.owed != nil {
		log, err = c.log(*c.owed)
	}
	args.EventSequences, args.EventIds, args.EventTypes, args.EventObjects = log.sequences, log.ids, log.types, log.objects
	return args, err
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
