package orders_test

import (
	"context"
	"errors"
	"sync"
	"testing"

	"github.com/jackc/pgx/v5"
	"github.com/stretchr/testify/require"

	"tillway/internal/cards"
	"tillway/internal/fault"
	"tillway/internal/ids"
	"tillway/internal/orders"
)

// ledger remembers what it learns, and with what is on record at that moment.
type ledger struct {
	mu    sync.Mutex
	known []orders.Contract
	of    []ids.Payment
	seen  func(ids.Payment)
	err   error
}

func (l *ledger) Learn(_ context.Context, payment ids.Payment, c orders.Contract) error {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.err != nil {
		return l.err
	}
	if l.seen != nil {
		l.seen(payment)
	}
	l.known, l.of = append(l.known, c), append(l.of, payment)
	return nil
}

func named() orders.Contract {
	return orders.Contract{ID: "1813837154846384128", Token: cards.NewToken("tok-secret")}
}

// learning is a bundle with a ledger.
func learning(t *testing.T) (*testBundle, *ledger) {
	t.Helper()
	l := &ledger{}
	return setup(t, func(c *orders.Config) { c.Contracts = l }), l
}

// telling makes sales end like this, and name the contract.
func telling(outcome orders.Outcome) func(context.Context, orders.Sale) orders.Evidence {
	return func(_ context.Context, sale orders.Sale) orders.Evidence {
		ev := taken(orders.SourceAnswer, sale.Amount, sale.MerchantTxnID)
		ev.Outcome, ev.Contract = outcome, named()
		return ev
	}
}

func TestContracts_AreLearnedFromTheAnswerBeforeItIsRecorded(t *testing.T) {
	t.Parallel()
	b, l := learning(t)
	l.seen = func(id ids.Payment) { require.Equal(t, orders.PaymentProcessing, b.payment(id).Status) }
	b.gateway.sale = telling(orders.OutcomeSucceeded)
	o := b.order(func(r *orders.CreateOrder) { r.Subscription = ids.New[ids.SubscriptionEntity]() })
	req := purchase(o)
	result, err := b.service.Pay(t.Context(), req)
	require.NoError(t, err)
	require.Equal(t, orders.PaymentSucceeded, result.Payment.Status)
	require.Equal(t, []orders.Contract{named()}, l.known)
	require.Equal(t, []ids.Payment{req.Charge.ID}, l.of)

	dump := b.dump()
	require.NotContains(t, dump, named().ID)
	require.NotContains(t, dump, named().Token.Reveal())
}

func TestContracts_AnAnswerIsRecordedWhateverBecomesOfItsContract(t *testing.T) {
	t.Parallel()
	b, l := learning(t)
	l.err = errors.New("the ledger is away")
	b.gateway.sale = telling(orders.OutcomeSucceeded)
	o := b.order(func(r *orders.CreateOrder) { r.Subscription = ids.New[ids.SubscriptionEntity]() })
	result, err := b.service.Pay(t.Context(), purchase(o))
	require.NoError(t, err)
	require.Equal(t, orders.PaymentSucceeded, b.payment(result.Payment.ID).Status)
	require.Empty(t, l.known)

	news := taken(orders.SourceNotification, o.Amount, result.Payment.MerchantTxnID)
	news.Contract = named()
	_, err = b.service.Apply(t.Context(), result.Payment.MerchantTxnID, news, nil)
	require.ErrorContains(t, err, "the ledger is away")
	require.False(t, b.payment(result.Payment.ID).Confirmed, "a notification waits: it has to come again")
	l.err = nil
	for range 2 {
		b.apply(result.Payment, news)
	}
	require.True(t, b.payment(result.Payment.ID).Confirmed)
	require.Equal(t, []orders.Contract{named(), named()}, l.known)
}

func TestContracts_AreLearnedOfWhatMayHaveBegunAlone(t *testing.T) {
	t.Parallel()
	for _, outcome := range orders.Outcomes() {
		t.Run(string(outcome), func(t *testing.T) {
			t.Parallel()
			b, l := learning(t)
			b.gateway.sale = answer(orders.OutcomeProcessing)
			o := b.order(func(r *orders.CreateOrder) { r.Subscription = ids.New[ids.SubscriptionEntity]() })
			result, err := b.service.Pay(t.Context(), purchase(o))
			require.NoError(t, err)
			b.apply(result.Payment, orders.Evidence{Source: orders.SourceNotification, Outcome: outcome, Amount: o.Amount, Contract: named()})
			switch outcome {
			case orders.OutcomeSucceeded, orders.OutcomeAuthorized, orders.OutcomeActionRequired, orders.OutcomeProcessing, orders.OutcomeUnknown:
				require.Len(t, l.known, 1)
			case orders.OutcomeDeclined, orders.OutcomeAttemptFailed, orders.OutcomeClosed, orders.OutcomeReversed, orders.OutcomeNeverSent,
				orders.OutcomeNotFound:
				require.Empty(t, l.known)
			}
		})
	}
	b, l := learning(t)
	b.gateway.sale = telling(orders.OutcomeSucceeded)
	b.pay(b.order(), "a shopper's")
	require.Empty(t, l.known)
	_, err := b.service.Apply(t.Context(), "not-ours", orders.Evidence{Source: orders.SourceNotification, Contract: named()}, nil)
	require.ErrorIs(t, err, orders.ErrNoPayment)
}

func TestContracts_NewsOfAContractAloneMovesNoPayment(t *testing.T) {
	t.Parallel()
	b, l := learning(t)
	b.gateway.sale = answer(orders.OutcomeUnknown)
	o := b.order(func(r *orders.CreateOrder) { r.Subscription = ids.New[ids.SubscriptionEntity]() })
	result, err := b.service.Pay(t.Context(), purchase(o))
	require.NoError(t, err)
	before := b.payment(result.Payment.ID)
	var told orders.Applied
	rider := func(_ context.Context, batch *pgx.Batch, applied orders.Applied) error {
		told = applied
		batch.Queue("UPDATE orders SET description = 'rider' WHERE id = $1", applied.Order.UUID())
		return nil
	}
	news := orders.ContractNews{MerchantTxnID: before.MerchantTxnID, Contract: named()}
	require.NoError(t, b.service.Hear(t.Context(), news, rider))
	require.Equal(t, []orders.Contract{named()}, l.known)
	require.Equal(t, before, b.payment(before.ID))
	require.Equal(t, []any{o.ID, before.ID, orders.VerdictSame}, []any{told.Order, told.Payment.ID, told.Verdict})
	require.Equal(t, "rider", b.get(o.ID).Description)

	l.err = errors.New("the ledger is away")
	told = orders.Applied{}
	require.ErrorIs(t, b.service.Hear(t.Context(), news, rider), l.err)
	require.Zero(t, told.Order, "what was not kept is not applied")
	news.MerchantTxnID = "not-ours"
	require.ErrorIs(t, b.service.Hear(t.Context(), news, rider), orders.ErrNoPayment)
}

func TestReview_OpensOneDiscrepancyOfAnOrder(t *testing.T) {
	t.Parallel()
	b := setup(t)
	o := b.periodic()
	for range 3 {
		require.NoError(t, b.service.Review(t.Context(), o.ID, orders.ClassPeriodMissed))
	}
	require.True(t, b.get(o.ID).NeedsReview)
	require.Equal(t, []string{"order.created", "reconciliation.discrepancy", "order.needs_review"}, b.events(o.ID))
	require.NoError(t, b.service.Review(t.Context(), o.ID, orders.ClassContractMissing))
	require.Equal(t, []string{"order.created", "reconciliation.discrepancy", "order.needs_review", "reconciliation.discrepancy"}, b.events(o.ID))
	found := b.discrepanciesOf(orders.DiscrepancyFilter{Order: o.ID})
	require.Len(t, found, 2)
	require.Equal(t, []any{orders.ClassPeriodMissed, o.ID.String(), o.Amount, orders.DiscrepancyOpen},
		[]any{found[1].Class, found[1].Subject, found[1].AtRisk, found[1].Status})
	require.JSONEq(t, `{"status":"open","amount":2700,"currency":"eur"}`, string(found[1].Ours))

	paid, err := b.service.Pay(t.Context(), renewal(o, 1))
	require.NoError(t, err)
	b.apply(paid.Payment, taken(orders.SourceQuery, o.Amount, paid.Payment.MerchantTxnID))
	require.True(t, b.get(o.ID).NeedsReview, "its contract is missing all the same")
	ended := b.discrepanciesOf(orders.DiscrepancyFilter{Order: o.ID})
	require.Equal(t, []any{orders.DiscrepancyOpen, orders.DiscrepancyAutoResolved}, []any{ended[0].Status, ended[1].Status})
	for _, d := range found[:1] {
		_, err := b.service.ResolveDiscrepancy(t.Context(), orders.Resolve{Discrepancy: d.ID, Reason: "seen", By: "key_1", CorrelationID: "test"})
		require.NoError(t, err)
	}
	require.False(t, b.get(o.ID).NeedsReview)
	require.NoError(t, b.service.Review(t.Context(), o.ID, orders.ClassPeriodMissed))
	require.True(t, b.get(o.ID).NeedsReview, "asked for again, it is another one")

	requireFault(t, b.service.Review(t.Context(), ids.New[ids.OrderEntity](), orders.ClassPeriodMissed), fault.NotFound, "resource_missing")
	require.ErrorContains(t, b.service.Review(t.Context(), o.ID, "surplus"), "found by news alone")
}
