package orders

import (
	"fmt"
	"time"

	"tillway/internal/ids"
	"tillway/internal/money"
	"tillway/internal/postgres/dbsqlc"
)

// ModificationKind is what ends a hold.
type ModificationKind string

// The kinds of modifications.
const (
	// ModificationCapture takes the held money.
	ModificationCapture ModificationKind = "capture"
	// ModificationVoid gives the hold up.
	ModificationVoid ModificationKind = "void"
)

// Modification is one capture or void of an authorized payment, a transaction of its own at the provider (Onerway contract
// §8.9).
type Modification struct {
	ID       ids.Modification
	Order    ids.Order
	Payment  ids.Payment
	Livemode bool
	Kind     ModificationKind
	Amount   money.Amount
	Status   ModificationStatus
	// MerchantTxnID is our reference at the provider: the id's text.
	MerchantTxnID         string
	ProviderTransactionID string
	// Failure is nil unless it failed.
	Failure *Failure
	// NotFoundCount counts the provider's "no such transaction" answers since the last other news.
	NotFoundCount int
	CorrelationID string
	SentAt        time.Time
	NextCheckAt   time.Time
	FinalAt       time.Time
}

// modificationFromRow maps a row to the domain.
func modificationFromRow(r dbsqlc.Modification) (Modification, error) {
	currency, err := money.ParseCurrency(r.Currency)
	if err != nil {
		return Modification{}, fmt.Errorf("read modification %s: %w", r.ID, err)
	}
	m := Modification{
		ID: ids.From[ids.ModificationEntity](r.ID), Order: ids.From[ids.OrderEntity](r.OrderID),
		Payment: ids.From[ids.PaymentEntity](r.PaymentID), Livemode: r.Livemode, Kind: ModificationKind(r.Kind),
		Amount: money.New(r.Amount, currency), Status: ModificationStatus(r.Status), MerchantTxnID: r.MerchantTxnID,
		ProviderTransactionID: orEmpty(r.ProviderTransactionID), NotFoundCount: int(r.NotFoundCount),
		CorrelationID: r.CorrelationID, SentAt: r.SentAt.UTC(), NextCheckAt: orZero(r.NextCheckAt), FinalAt: orZero(r.FinalAt),
	}
	if r.FailureCode != nil {
		m.Failure = &Failure{
			Code: *r.FailureCode, Message: orEmpty(r.FailureMessage), ProviderCode: orEmpty(r.FailureProviderCode),
		}
	}
	return m, nil
}
