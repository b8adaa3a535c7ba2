package orders

import (
	"context"
	"errors"

	"tillway/internal/money"
)

// ModificationGateway is what captures and voids need of a payment provider, beside what payments need of it.
type ModificationGateway interface {
	// Modify sends a capture or void once and returns what can be said of it, as Gateway.Sale does. Of one that was carried
	// out the outcome is succeeded, whichever it is.
	Modify(ctx context.Context, order ModificationOrder) Evidence
	// FindModification asks the provider about a capture or void by our reference, as Gateway.Find does.
	FindModification(ctx context.Context, query Query) (Evidence, error)
}

var errNoModificationGateway = errors.New("no provider for captures and voids is configured")

// noModifications stands for a provider that is not there.
type noModifications struct{}

func (noModifications) Modify(context.Context, ModificationOrder) Evidence {
	return Evidence{Source: SourceAnswer, Outcome: OutcomeNeverSent}
}

func (noModifications) FindModification(context.Context, Query) (Evidence, error) {
	return Evidence{}, errNoModificationGateway
}

// ModificationOrder names a capture or void and the authorization that it ends.
type ModificationOrder struct {
	MerchantTxnID       string
	OriginTransactionID string
	Kind                ModificationKind
	// Amount is what a capture takes, where that is less than all; the zero value is all.
	Amount money.Amount
	// SandboxFault is what the provider's simulator is asked to do wrong; always empty in live mode.
	SandboxFault string
}
