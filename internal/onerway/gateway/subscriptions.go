package gateway

import (
	"context"
	"errors"

	"tillway/internal/money"
	"tillway/internal/subscriptions"
)

var _ subscriptions.Provider = (*Gateway)(nil)

// VerificationAmount is what is charged to verify a card, in minor units: one of the major unit, or the least that the provider
// takes (§5).
func (g *Gateway) VerificationAmount(currency money.Currency) int64 {
	return unit(currency) * max(leastWhole(currency), 1)
}

// EndContract asks the provider to end a subscription's contract now, and then whether it has ended: the answer to the first is
// unsigned, and may be lost (§8.13). An error means that this is not known.
func (g *Gateway) EndContract(ctx context.Context, contractID string) (bool, error) {
	_, asked := g.CancelContract(ctx, contractID, ContractEndNow)
	over, err := g.ContractOver(ctx, contractID)
	if err != nil {
		return false, errors.Join(err, asked)
	}
	return over, nil
}

// ContractOver asks whether nothing can be charged under a contract any more (§8.13). An error means that this is not known.
func (g *Gateway) ContractOver(ctx context.Context, contractID string) (bool, error) {
	detail, err := g.Contract(ctx, contractID)
	return detail.State.Over(), err
}
