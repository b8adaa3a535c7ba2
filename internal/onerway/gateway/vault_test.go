package gateway_test

import (
	"errors"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"tillway/internal/cards"
	"tillway/internal/customers"
	"tillway/internal/details"
	"tillway/internal/ids"
	"tillway/internal/onerway"
	"tillway/internal/sandbox"
)

func binding(card string) customers.Binding {
	return customers.Binding{
		ProviderCustomer: ids.New[ids.CustomerEntity]().String(),
		Card:             cards.Card{Number: card, ExpMonth: 5, ExpYear: time.Now().Year() + 3, CVC: "123", HolderName: "Test Buyer"},
		Contact:          details.Contact{Email: "buyer@example.com", Address: &details.Address{Country: "DE"}},
	}
}

func TestVault_KeepsListsAndForgets(t *testing.T) {
	t.Parallel()
	b := setup(t)
	asked := binding(cardPays)
	bound := b.gateway.Bind(t.Context(), asked)
	require.Equal(t, customers.ResultKept, bound.Result)
	require.Len(t, bound.Token.Reveal(), 64)
	kept, err := b.gateway.Kept(t.Context(), asked.ProviderCustomer)
	require.NoError(t, err)
	require.Equal(t, []customers.KeptCard{{
		Token: bound.Token, First6: "476134", Last4: "1390", ExpMonth: 5, ExpYear: asked.Card.ExpYear,
	}}, kept)

	require.NoError(t, b.gateway.Remove(t.Context(), asked.ProviderCustomer, bound.Token))
	kept, err = b.gateway.Kept(t.Context(), asked.ProviderCustomer)
	require.NoError(t, err)
	require.Empty(t, kept)
	require.NoError(t, b.gateway.Remove(t.Context(), asked.ProviderCustomer, bound.Token), "forgotten already")
	require.Contains(t, b.observer.calls, "bind_card kept")
	require.NotContains(t, b.log.String(), bound.Token.Reveal())
}

func TestVault_SaysWhatBecameOfABinding(t *testing.T) {
	t.Parallel()
	for name, tc := range map[string]struct {
		card, fault string
		spoil       func(*customers.Binding)
		want        customers.Result
		failure     customers.Failure
	}{
		"declined": {card: "4000000000000127", want: customers.ResultDeclined, failure: customers.Failure{
			Code: "incorrect_cvc", DeclineCode: "incorrect_cvc", Message: "The card's security code is incorrect.",
		}},
		"no card": {card: "4111111111111112", want: customers.ResultDeclined, failure: customers.Failure{
			Code: "invalid_number", DeclineCode: "invalid_number", Message: "The card number is not valid.",
		}},
		"a request that cannot be written": {
			card: cardPays, spoil: func(b *customers.Binding) { b.Contact.Email = "" }, want: customers.ResultDeclined,
			failure: customers.Failure{
				Code: "processing_error", DeclineCode: "request_rejected", Refused: true,
				Message: "The payment could not be processed. Nothing was charged; please contact the shop.",
			},
		},
		"lost":   {card: cardPays, fault: "lose_answer", want: customers.ResultUnknown},
		"forged": {card: cardPays, fault: "bad_signature", want: customers.ResultUnknown},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			b := setup(t)
			if tc.fault != "" {
				_, err := b.sandbox.Arm(sandbox.Fault{Name: tc.fault, Match: sandbox.Match{Path: "/v1/txn/bindCard"}})
				require.NoError(t, err)
			}
			asked := binding(tc.card)
			if tc.spoil != nil {
				tc.spoil(&asked)
			}
			bound := b.gateway.Bind(t.Context(), asked)
			require.Equal(t, customers.Bound{Result: tc.want, Failure: tc.failure, Token: bound.Token}, bound)
			require.NotContains(t, b.log.String(), tc.card)
		})
	}
}

func TestVault_NothingIsSentWithoutLeave(t *testing.T) {
	t.Parallel()
	b := setup(t)
	b.budget.err = errors.New("no leave")
	require.Equal(t, customers.ResultNeverSent, b.gateway.Bind(t.Context(), binding(cardPays)).Result)
	_, err := b.gateway.Kept(t.Context(), "cus_1")
	require.ErrorContains(t, err, "no leave")
	require.ErrorContains(t, b.gateway.Remove(t.Context(), "cus_1", cards.NewToken("t")), "no leave")
}

func TestVault_NobodyAnswers(t *testing.T) {
	t.Parallel()
	b := setup(t, func(s *settings) { s.client = onerway.Config{Timeout: time.Second} })
	_, err := b.sandbox.Arm(sandbox.Fault{Name: "http_500", Times: -1, Match: sandbox.Match{Path: "/v1/txn/queryTokenList"}})
	require.NoError(t, err)
	_, err = b.gateway.Kept(t.Context(), "cus_1")
	require.Error(t, err)
}
