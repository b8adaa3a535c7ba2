package gateway

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net/netip"
	"strconv"

	"tillway/internal/cards"
	"tillway/internal/customers"
	"tillway/internal/onerway"
	"tillway/internal/ratelimit"
)

var _ customers.Vault = (*Gateway)(nil)

// unknownIP stands for a shopper whose address nobody told: the provider insists on one (§8.5).
const unknownIP = "127.0.0.1"

// Bind asks the provider to keep a card, once, and says what is known of it (§8.5).
func (g *Gateway) Bind(ctx context.Context, b customers.Binding) customers.Bound {
	if err := g.budget.Acquire(ctx, ratelimit.LaneSale); err != nil {
		return customers.Bound{Result: customers.ResultNeverSent}
	}
	contact := address(b.Contact)
	ip := b.IP
	if _, err := netip.ParseAddr(ip); err != nil {
		ip = unknownIP
	}
	began := g.now()
	response, err := g.provider.BindCard(onerway.WithSandboxFault(ctx, b.SandboxFault), onerway.BindCardRequest{
		MerchantCustID: b.ProviderCustomer, Card: card(b.Card), Email: contact.Email, Country: contact.Country, TransactionIP: ip,
	})
	took := g.now().Sub(began)
	bound := customers.Bound{Result: customers.ResultKept, Token: cards.NewToken(response.TokenID.Reveal())}
	switch {
	case err != nil:
		bound = g.bindFailure(ctx, b.ProviderCustomer, err)
	case response.TokenID.Empty():
		g.checkCode(ctx, b.ProviderCustomer, response.RespCode)
		bound = customers.Bound{Result: customers.ResultDeclined, Failure: bindingDeclined(response.Decline())}
	}
	g.observer.PSPCall(ctx, "bind_card", string(bound.Result), took)
	return bound
}

// bindFailure is the result of a call that brought no trustworthy answer. It is logged here, because it goes on as a result
// and not as an error.
func (g *Gateway) bindFailure(ctx context.Context, providerCustomer string, err error) customers.Bound {
	failed, ok := errors.AsType[*onerway.Error](err)
	if !ok {
		failed = &onerway.Error{Class: onerway.Unknown, Op: "bindCard"}
	}
	g.log.WarnContext(ctx, "binding brought no answer to rely on", slog.String("customer", providerCustomer), slog.Any("error", err))
	if failed.RespCode != "" {
		g.checkCode(ctx, providerCustomer, failed.RespCode)
	}
	switch {
	case failed.Reason == onerway.ReasonInvalidRequest, failed.Class == onerway.Refused:
		return customers.Bound{Result: customers.ResultDeclined, Failure: bindingDeclined(onerway.DeclineOf(orRejected(failed.RespCode)))}
	case failed.Class == onerway.NeverSent:
		return customers.Bound{Result: customers.ResultNeverSent}
	default:
		return customers.Bound{Result: customers.ResultUnknown}
	}
}

// orRejected is the code of a request that was turned away before it had one.
func orRejected(code string) string {
	if code == "" {
		return "40000"
	}
	return code
}

func bindingDeclined(d onerway.Decline) customers.Failure {
	return customers.Failure{
		Code: string(d.Failure), DeclineCode: d.DeclineCode, Message: d.Message, Refused: d.Category == onerway.ClassConfiguration,
	}
}

// Kept lists the cards that the provider keeps under a name (§8.6). One that it shows in another way than documented cannot be
// recognized, and keeps its token only.
func (g *Gateway) Kept(ctx context.Context, providerCustomer string) ([]customers.KeptCard, error) {
	tokens, err := g.tokens(ctx, providerCustomer)
	if err != nil {
		return nil, err
	}
	kept := make([]customers.KeptCard, 0, len(tokens))
	for _, t := range tokens {
		card := customers.KeptCard{Token: cards.NewToken(t.TokenID.Reveal())}
		if shown := t.CardNumber; len(shown) >= 10 {
			card.First6, card.Last4 = shown[:6], shown[len(shown)-4:]
		}
		card.ExpMonth, card.ExpYear = expiry(t.Month), expiry(t.Year)
		if card.ExpYear > 0 && card.ExpYear < 100 {
			card.ExpYear += 2000
		}
		kept = append(kept, card)
	}
	return kept, nil
}

func expiry(text string) int {
	n, err := strconv.Atoi(text)
	if err != nil || n < 0 {
		return 0
	}
	return n
}

func (g *Gateway) tokens(ctx context.Context, providerCustomer string) ([]onerway.BoundToken, error) {
	if err := g.budget.Acquire(ctx, ratelimit.LaneQuery); err != nil {
		return nil, fmt.Errorf("leave to list tokens: %w", err)
	}
	began := g.now()
	tokens, err := g.provider.QueryTokens(ctx, providerCustomer)
	g.observer.PSPCall(ctx, "list_tokens", answered(err), g.now().Sub(began))
	if err != nil {
		return nil, fmt.Errorf("list tokens: %w", err)
	}
	return tokens, nil
}

// Remove makes the provider forget a card (§8.7). The binding's id, which the removal wants, is in the list alone; a token that
// is not in it is forgotten already.
func (g *Gateway) Remove(ctx context.Context, providerCustomer string, token cards.Token) error {
	tokens, err := g.tokens(ctx, providerCustomer)
	if err != nil {
		return err
	}
	for _, t := range tokens {
		if t.TokenID.Reveal() != token.Reveal() {
			continue
		}
		if err := g.budget.Acquire(ctx, ratelimit.LaneQuery); err != nil {
			return fmt.Errorf("leave to remove a token: %w", err)
		}
		began := g.now()
		err := g.provider.RemoveToken(ctx, t.ID)
		g.observer.PSPCall(ctx, "remove_token", answered(err), g.now().Sub(began))
		if err != nil {
			return fmt.Errorf("remove a token: %w", err)
		}
	}
	return nil
}

func answered(err error) string {
	if err != nil {
		return "failed"
	}
	return "approved"
}
