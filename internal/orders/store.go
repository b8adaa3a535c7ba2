package orders

import (
	"encoding/json"
	"fmt"
	"time"

	"tillway/internal/cards"
	"tillway/internal/ids"
	"tillway/internal/money"
	"tillway/internal/postgres/dbsqlc"
)

// orderFromRow maps a row to the domain, refusing text that the domain does not know: a row that another version wrote
// must stop us, not mislead us.
func orderFromRow(r dbsqlc.Order) (Order, error) {
	currency, err := money.ParseCurrency(r.Currency)
	if err != nil {
		return Order{}, fmt.Errorf("read order %s: %w", r.ID, err)
	}
	o := Order{
		ID: ids.From[ids.OrderEntity](r.ID), Livemode: r.Livemode, Reference: orEmpty(r.Reference), Description: r.Description,
		Customer: ids.FromNullable[ids.CustomerEntity](r.CustomerID), Subscription: ids.FromNullable[ids.SubscriptionEntity](r.SubscriptionID),
		Period: periodFromRow(r), Amount: money.New(r.Amount, currency),
		AmountPaid: r.AmountPaid, AmountAuthorized: r.AmountAuthorized, AmountRefunded: r.AmountRefunded,
		AmountRefundPending: r.AmountRefundPending, AmountDisputed: r.AmountDisputed,
		RefundCount: int(r.RefundCount), Status: Status(r.Status),
		ReturnURL: r.ReturnUrl, LatePayment: LatePayment(r.LatePayment),
		LatestPayment: ids.FromNullable[ids.PaymentEntity](r.LatestPaymentID), NeedsReview: r.NeedsReview,
		Attempts: int(r.Attempts), LastSequence: r.LastSequence, Version: r.Version, CorrelationID: r.CorrelationID,
		CreatedAt: r.CreatedAt.UTC(), UpdatedAt: r.UpdatedAt.UTC(), ExpiresAt: r.ExpiresAt.UTC(),
		PaidAt: orZero(r.PaidAt), CanceledAt: orZero(r.CanceledAt), ExpiredAt: orZero(r.ExpiredAt),
		ErasedAt: orZero(r.ErasedAt),
	}
	if !o.Status.Valid() {
		return Order{}, fmt.Errorf("read order %s: unknown status %q", r.ID, r.Status)
	}
	for _, column := range []struct {
		raw  json.RawMessage
		into any
	}{{r.Items, &o.Items}, {r.Billing, &o.Billing}, {r.Shipping, &o.Shipping}, {r.Metadata, &o.Metadata}} {
		if len(column.raw) == 0 {
			continue
		}
		if err := json.Unmarshal(column.raw, column.into); err != nil {
			return Order{}, fmt.Errorf("read order %s: %w", r.ID, err)
		}
	}
	return o, nil
}

func periodFromRow(r dbsqlc.Order) *Period {
	if r.PeriodStart == nil || r.PeriodEnd == nil {
		return nil
	}
	return &Period{Start: r.PeriodStart.UTC(), End: r.PeriodEnd.UTC()}
}

// paymentFromRow maps a row to the domain, refusing text that the domain does not know.
func paymentFromRow(r dbsqlc.Payment) (Payment, error) {
	currency, err := money.ParseCurrency(r.Currency)
	if err != nil {
		return Payment{}, fmt.Errorf("read payment %s: %w", r.ID, err)
	}
	p := Payment{
		ID: ids.From[ids.PaymentEntity](r.ID), Order: ids.From[ids.OrderEntity](r.OrderID), Livemode: r.Livemode,
		Attempt: int(r.Attempt), Status: PaymentStatus(r.Status), Amount: money.New(r.Amount, currency),
		AmountAuthorized: r.AmountAuthorized, AmountCaptured: r.AmountCaptured, AmountRefunded: r.AmountRefunded,
		AmountRefundPending: r.AmountRefundPending, AmountDisputed: r.AmountDisputed, AmountClaimed: r.AmountClaimed,
		RefundCount: int(r.RefundCount), CaptureMethod: CaptureMethod(r.CaptureMethod),
		CaptureAmount: orZeroAmount(r.CaptureAmount), Method: MethodType(r.Method), Initiator: Initiator(r.Initiator), BegunAt: orZero(r.BegunAt), MerchantTxnID: r.MerchantTxnID,
		ProviderTransactionID: orEmpty(r.ProviderTransactionID), Confirmed: r.Confirmed, Surplus: r.Surplus,
		Card: cards.Summary{
			Brand: r.CardBrand, Last4: r.CardLast4, ExpMonth: int(r.CardExpMonth), ExpYear: int(r.CardExpYear), Country: r.CardCountry,
		},
		RedirectURL: r.RedirectUrl, LocalMethod: r.LocalMethod,
		Display:       Display{Code: r.DisplayCode, ImageURL: r.DisplayImageUrl, Text: r.DisplayText, ExpiresAt: orZero(r.DisplayExpiresAt)},
		PaymentMethod: ids.FromNullable[ids.PaymentMethodEntity](r.PaymentMethodID), ReturnURL: r.ReturnUrl, ThreeDSResult: ThreeDSResult(r.ThreeDsResult), ECI: r.Eci,
		Challenged: r.Challenged, Description: r.Description, NotFoundCount: int(r.NotFoundCount), Checks: int(r.Checks),
		CorrelationID: r.CorrelationID, CreatedAt: r.CreatedAt.UTC(), UpdatedAt: r.UpdatedAt.UTC(), SentAt: r.SentAt.UTC(),
		NextCheckAt: orZero(r.NextCheckAt), FinalAt: orZero(r.FinalAt), CancelAsks: int(r.CancelAsks),
		CancelAskedAt: orZero(r.CancelAskedAt), CancelFailedAt: orZero(r.CancelFailedAt),
	}
	if !p.Status.Valid() {
		return Payment{}, fmt.Errorf("read payment %s: unknown status %q", r.ID, r.Status)
	}
	if !p.Method.Valid() {
		return Payment{}, fmt.Errorf("read payment %s: unknown method %q", r.ID, r.Method)
	}
	if r.FailureCode != nil {
		p.Failure = &Failure{
			Code: *r.FailureCode, DeclineCode: orEmpty(r.FailureDeclineCode), Message: orEmpty(r.FailureMessage),
			Category: FailureCategory(orEmpty(r.FailureCategory)), ProviderCode: orEmpty(r.FailureProviderCode),
		}
	}
	if err := json.Unmarshal(r.Metadata, &p.Metadata); err != nil {
		return Payment{}, fmt.Errorf("read payment %s: %w", r.ID, err)
	}
	return p, nil
}

// pairFromRows maps a payment and its order, read together.
func pairFromRows(pr dbsqlc.Payment, or dbsqlc.Order) (Order, Payment, error) {
	o, err := orderFromRow(or)
	if err != nil {
		return Order{}, Payment{}, err
	}
	p, err := paymentFromRow(pr)
	return o, p, err
}

// asJSON encodes a value that is known to encode: structs of strings and numbers.
func asJSON(v any) (json.RawMessage, error) {
	raw, err := json.Marshal(v)
	if err != nil {
		return nil, fmt.Errorf("encode %T: %w", v, err)
	}
	return raw, nil
}

func orEmpty(s *string) string {
	if s == nil {
		return ""
	}
	return *s
}

func orZeroAmount(n *int64) int64 {
	if n == nil {
		return 0
	}
	return *n
}

// orZero returns the time in UTC, as all of the domain's times are; pgx gives it in the machine's zone.
func orZero(t *time.Time) time.Time {
	if t == nil {
		return time.Time{}
	}
	return t.UTC()
}

func timeOrNil(t time.Time) *time.Time {
	if t.IsZero() {
		return nil
	}
	return &t
}
