package orders

import (
	"fmt"
	"strings"
	"time"

	"github.com/google/uuid"

	"tillway/internal/ids"
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
		// A request that never left us did nothing: its idempotency key may be used again (API.md §1).
		ReleaseKey: c.verdict == VerdictMove && ev.Outcome == OutcomeNeverSent,
		Source:     string(ev.Source), Outcome: string(ev.Outcome), Verdict: string(c.verdict),
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
	return args, c.addEvents(&args)
}

// addEvents numbers the events after the order's last one. Their objects are the resources as this change leaves them.
func (c *change) addEvents(args *dbsqlc.PaymentApplyParams) error {
	for i, kind := range c.events {
		object, err := eventObject(kind, c.order, c.payment)
		if err != nil {
			return err
		}
		args.EventSequences = append(args.EventSequences, c.order.LastSequence+int64(i)+1)
		args.EventIds = append(args.EventIds, ids.New[ids.EventEntity]().UUID())
		args.EventTypes = append(args.EventTypes, kind)
		args.EventObjects = append(args.EventObjects, string(object))
	}
	return nil
}

// discrepancyParams writes the change's discrepancy out as the arguments of DiscrepancyOpen.
func (c *change) discrepancyParams(now time.Time) (dbsqlc.DiscrepancyOpenParams, error) {
	d := c.discrepancy
	ours, err := asJSON(d.ours)
	if err != nil {
		return dbsqlc.DiscrepancyOpenParams{}, err
	}
	theirs, err := asJSON(d.theirs)
	currency := d.atRisk.Currency.Code()
	return dbsqlc.DiscrepancyOpenParams{
		ID: ids.New[ids.DiscrepancyEntity]().UUID(), Class: d.class, Subject: c.payment.MerchantTxnID,
		OrderID: c.order.ID.Nullable(), PaymentID: c.payment.ID.Nullable(), Ours: ours, Theirs: theirs,
		MoneyAtRisk: d.atRisk.Minor, Currency: &currency, Now: now,
	}, err
}

// eventObject is the resource that an event is about. A paid order says whether the provider has confirmed it by itself.
func eventObject(kind string, o Order, p Payment) ([]byte, error) {
	if strings.HasPrefix(kind, "payment.") {
		return asJSON(p.Resource())
	}
	resource := o.Resource()
	if kind == "order.paid" {
		resource.Confirmed = &p.Confirmed
	}
	return asJSON(resource)
}
