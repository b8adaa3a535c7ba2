package orders_test

import (
	"context"
	"errors"
	"fmt"
	"time"

	"pgregory.net/rapid"

	"tillway/internal/cards"
	"tillway/internal/ids"
	"tillway/internal/orders"
)

func drawFate(rt *rapid.T) fate {
	outcomes := []orders.Outcome{
		orders.OutcomeSucceeded, orders.OutcomeDeclined, orders.OutcomeDeclined, orders.OutcomeProcessing,
		orders.OutcomeActionRequired, orders.OutcomeClosed,
	}
	return fate{
		arrives:  !chance(rt, 2, "gets lost"),
		lost:     chance(rt, 5, "no answer"),
		falsely:  chance(rt, 1, "false answer"),
		outcome:  fairly(outcomes).Draw(rt, "outcome"),
		unlisted: fairly([]time.Duration{0, 0, time.Minute, 10 * time.Minute}).Draw(rt, "unlisted"),
		held:     chance(rt, 3, "held back"),
	}
}

// pay asks to pay: by card, which may be one to be saved, by the card that is saved, or on the provider's page. The caller of a
// sale whose answer is held back leaves.
func (s *story) pay(rt *rapid.T, number int) deed {
	f, req := drawFate(rt), payRequest(s.order, key(fmt.Sprintf("%s-%d", s.order, number)))
	switch fairly([]string{"card", "card", "card", "card to save", "saved card", "hosted"}).Draw(rt, "pays by") {
	case "card to save":
		req.Save = true
	case "saved card":
		req.Card, req.Saved = cards.Card{}, s.method
	case "hosted":
		req.Card, req.Method = cards.Card{}, orders.MethodHosted
	}
	if s.holds && req.Saved.IsZero() {
		req.CaptureMethod = orders.CaptureManual
	}
	return func(ctx context.Context, process *orders.Service) error {
		ctx, f.leave = context.WithCancel(ctx)
		defer f.leave()
		_, err := process.Pay(context.WithValue(ctx, fateKey{}, f), req)
		return refusalIsFine(err)
	}
}

// wallet keeps the story's one saved card. Every other card that is to be saved cannot be.
func (s *story) wallet() *wallet {
	return &wallet{
		open: func(customer ids.Customer, method ids.PaymentMethod) (cards.Saved, error) {
			return cards.Saved{
				Method: method, Token: cards.NewToken("a token"), ProviderCustomer: customer.String(),
				Card: cards.Summary{Brand: "visa", Last4: "1390", ExpMonth: 12, ExpYear: 2030},
			}, nil
		},
		save: func(_ context.Context, k cards.Keeping) (ids.PaymentMethod, error) {
			if k.Card.Number != testCard().Number || k.Customer != s.customer {
				return ids.PaymentMethod{}, errors.New("it was not this card that paid")
			}
			if s.provider.saves() {
				return s.method, nil
			}
			return ids.PaymentMethod{}, errModelSilent
		},
	}
}

// saveCard puts a saved card of the customer on record.
func (b *testBundle) saveCard(ctx context.Context, customer ids.Customer, method ids.PaymentMethod) error {
	_, err := b.pool.Exec(ctx, `INSERT INTO payment_methods (id, livemode, customer_id, provider_customer, status, card_brand, card_last4,
			card_exp_month, card_exp_year, token_sealed, token_digest, correlation_id, created_at, updated_at, busy_until)
		VALUES ($1, false, $2, 'model', 'active', 'visa', '1390', 12, 2030, $3, $3, 'test', now(), now(), now())`,
		method.UUID(), customer.UUID(), []byte(method.String()))
	return err
}

// detach ends the use of the saved card. What it pays for by then goes on.
func (s *story) detach(*rapid.T) deed {
	return func(ctx context.Context, _ *orders.Service) error {
		return s.exec(ctx, `UPDATE payment_methods SET status = 'detached', detached_at = now(), token_sealed = NULL, token_digest = NULL
			WHERE id = $1 AND status = 'active'`, s.method.UUID())
	}
}
