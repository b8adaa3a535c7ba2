package webhooks_test

import (
	"context"
	"errors"
	"sync"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/stretchr/testify/require"

	"tillway/internal/cards"
	"tillway/internal/details"
	"tillway/internal/fault"
	"tillway/internal/ids"
	"tillway/internal/orders"
	"tillway/internal/webhooks"
)

const (
	contractID = "1813837154846384128"
	tokenID    = "opaque.subscription-token/value"
)

// ledger keeps contracts, unless it is broken.
type ledger struct {
	mu    sync.Mutex
	known map[ids.Payment][]orders.Contract
	err   error
}

func (l *ledger) Learn(_ context.Context, payment ids.Payment, c orders.Contract) error {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.err != nil {
		return l.err
	}
	if l.known == nil {
		l.known = map[ids.Payment][]orders.Contract{}
	}
	l.known[payment] = append(l.known[payment], c)
	return nil
}

func (l *ledger) breakWith(err error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.err = err
}

func (l *ledger) of(payment ids.Payment) []orders.Contract {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.known[payment]
}

func told() []orders.Contract {
	return []orders.Contract{{ID: contractID, Token: cards.NewToken(tokenID)}}
}

// purchase makes an order of EUR 27.00 whose payment begins a contract and waits for its shopper.
func (b *testBundle) purchase(t *testing.T) orders.Payment {
	t.Helper()
	created, err := b.orders.Create(t.Context(), orders.CreateOrder{
		Amount: 2700, Currency: "eur", CorrelationID: "test", Subscription: ids.New[ids.SubscriptionEntity](),
		Billing: &details.Contact{Email: "buyer@example.com", Address: &details.Address{Country: "DE"}},
	})
	require.NoError(t, err)
	result, err := b.orders.Pay(t.Context(), orders.PayRequest{
		Order: created.Order.ID, CorrelationID: "test",
		Card:   cards.Card{Number: "4761344136141390", ExpMonth: 12, ExpYear: 2030, CVC: "123", HolderName: "A B"},
		Charge: &orders.SubscriptionCharge{ID: ids.New[ids.PaymentEntity](), Terms: &orders.Terms{ProviderCustomer: "cus_1", FrequencyDays: 30}},
	})
	require.NoError(t, err)
	return result.Payment
}

// begun is the notification that the purchase of a contract succeeded.
func begun(merchantTxnID string) message {
	return saleOf(merchantTxnID, "S").with("contractId", contractID).with("tokenId", tokenID).with("scenarios", "SUBSCRIPTION_INITIAL")
}

// bound is the notification of a managed contract that its card is kept.
func bound(merchantTxnID string) message {
	return begun(merchantTxnID).with("txnType", "BIND_CARD")
}

// requireHidden checks that neither the contract nor its token can be read anywhere.
func (b *testBundle) requireHidden(t *testing.T) {
	t.Helper()
	for _, table := range []string{"notifications", "evidence", "events", "orders", "payments", "river_job"} {
		for _, text := range query[string](t, b, "SELECT t::text FROM "+table+" AS t") {
			require.NotContains(t, text, contractID, table)
			require.NotContains(t, text, tokenID, table)
		}
	}
	require.NotContains(t, b.log.String(), contractID)
	require.NotContains(t, b.log.String(), tokenID)
}

func (b *testBundle) sealed(t *testing.T) bool {
	t.Helper()
	return query[bool](t, b, "SELECT sealed IS NOT NULL FROM notifications")[0]
}

func TestReceive_ANotificationTellsOfTheContract(t *testing.T) {
	t.Parallel()
	b := setup(t)
	p := b.purchase(t)
	b.acknowledged(t, begun(p.MerchantTxnID).signed(t, secret))
	require.Equal(t, told(), b.ledger.of(p.ID))
	require.Equal(t, orders.StatusPaid, b.order(t, p).Status)
	require.Equal(t, "applied", b.rows(t)[0].Status)
	require.Contains(t, b.rows(t)[0].Body, `"contractId":"[redacted]"`)
	require.False(t, b.sealed(t), "what is done needs nothing kept")
	b.requireHidden(t)
}

func TestReceive_ABoundCardIsNoNewsOfItsPayment(t *testing.T) {
	t.Parallel()
	b := setup(t)
	p := b.purchase(t)
	b.acknowledged(t, bound(p.MerchantTxnID).signed(t, secret))
	require.Equal(t, told(), b.ledger.of(p.ID))
	require.Equal(t, orders.StatusPending, b.order(t, p).Status, "its money is told of elsewhere")
	require.Equal(t, []row{{"applied", "same", 1, 0, b.rows(t)[0].Body}}, b.rows(t))
	stored := query[struct{ Order, Payment string }](t, b, "SELECT order_id::text, payment_id::text FROM notifications")
	require.Equal(t, []struct{ Order, Payment string }{{p.Order.UUID().String(), p.ID.UUID().String()}}, stored)
	require.Empty(t, query[int](t, b, "SELECT 1 FROM evidence WHERE source = 'notification'"))

	shoppers := b.payment(t)
	b.acknowledged(t, bound(shoppers.MerchantTxnID).signed(t, secret))
	require.Empty(t, b.ledger.of(shoppers.ID), "it begins no contract")
	b.acknowledged(t, bound("of-another-system").signed(t, secret))
	require.Equal(t, "received", b.rows(t)[2].Status)
	require.Empty(t, b.discrepancies(t), "it moves no money")
	b.requireHidden(t)
}

func TestRetry_AContractThatCouldNotBeKeptIsBroughtAgain(t *testing.T) {
	t.Parallel()
	for name, kind := range map[string]func(string) message{"purchase": begun, "bound card": bound} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			b := setup(t)
			p := b.purchase(t)
			b.ledger.breakWith(errors.New("the ledger is away"))
			body := kind(p.MerchantTxnID).signed(t, secret)
			b.acknowledged(t, body)
			b.acknowledged(t, body)
			require.Equal(t, "failed", b.rows(t)[0].Status)
			require.Contains(t, b.rows(t)[0].Reason, "the ledger is away")
			require.Equal(t, orders.StatusPending, b.order(t, p).Status)
			require.True(t, b.sealed(t))
			b.requireHidden(t)

			b.ledger.breakWith(nil)
			b.work(t)
			b.becomes(t, "applied")
			require.Equal(t, told(), b.ledger.of(p.ID))
			require.False(t, b.sealed(t))
			b.requireHidden(t)
		})
	}
}

func TestReceive_ADeliveryUnsealsWhatWaited(t *testing.T) {
	t.Parallel()
	b := setup(t)
	p := b.purchase(t)
	b.ledger.breakWith(errors.New("the ledger is away"))
	b.acknowledged(t, begun(p.MerchantTxnID).signed(t, secret))
	require.True(t, b.sealed(t))
	b.ledger.breakWith(nil)
	b.acknowledged(t, begun(p.MerchantTxnID).signed(t, secret))
	require.Equal(t, "applied", b.rows(t)[0].Status)
	require.False(t, b.sealed(t))
	require.Equal(t, told(), b.ledger.of(p.ID))
	_, err := b.pool.Exec(t.Context(), "UPDATE notifications SET sealed = 'x'")
	require.ErrorContains(t, err, "notifications_sealed_until_applied")
}

func TestRetry_WhatWasSealedForAnotherRowOpensNowhere(t *testing.T) {
	t.Parallel()
	b := setup(t)
	p := b.purchase(t)
	b.ledger.breakWith(errors.New("the ledger is away"))
	b.acknowledged(t, begun(p.MerchantTxnID).signed(t, secret))
	b.acknowledged(t, bound(p.MerchantTxnID).signed(t, secret))
	b.exec(t, "UPDATE notifications SET sealed = (SELECT sealed FROM notifications WHERE txn_type = 'SALE') WHERE txn_type = 'BIND_CARD'")
	b.exec(t, "UPDATE notifications SET status = 'dead' WHERE txn_type = 'SALE'")
	b.ledger.breakWith(nil)
	b.work(t)
	require.Eventually(t, func() bool {
		return len(query[string](t, b, "SELECT reason FROM notifications WHERE txn_type = 'BIND_CARD' AND attempts > 0")) == 1
	}, patience, 20*time.Millisecond)
	require.Empty(t, b.ledger.of(p.ID))
	require.Contains(t, query[string](t, b, "SELECT reason FROM notifications WHERE txn_type = 'BIND_CARD'")[0], "open the token")
}

// renewals knows the charges of one contract, once it knows that.
type renewals struct {
	mu      sync.Mutex
	pool    *testBundle
	payment orders.Payment
	ready   bool
	refuses error
	heard   []orders.PaymentNews
}

func (r *renewals) HearRenewal(ctx context.Context, news orders.PaymentNews, rider orders.Rider) error {
	r.mu.Lock()
	defer r.mu.Unlock()
	if news.Evidence.Contract.ID != contractID || !r.ready {
		return orders.ErrNoPayment
	}
	if r.refuses != nil {
		return r.refuses
	}
	batch := &pgx.Batch{}
	if err := rider(ctx, batch, orders.Applied{Order: r.payment.Order, Payment: r.payment, Verdict: orders.VerdictMove}); err != nil {
		return err
	}
	r.heard = append(r.heard, news)
	return r.pool.pool.SendBatch(ctx, batch).Close()
}

// What the provider has charged once too often is money that somebody must know of.
func TestRetry_ARenewalThatNeedsNoMoneyIsADiscrepancy(t *testing.T) {
	t.Parallel()
	known := &renewals{ready: true, refuses: fault.New(fault.Conflict, "order_not_payable", "The provider charges it once too often.")}
	b := setup(t, func(c *webhooks.Config) { c.Renewals = known })
	known.pool, known.payment = b, b.purchase(t)
	b.acknowledged(t, begun("managed-1").with("scenarios", "SUBSCRIPTION_RENEWAL").signed(t, secret))
	require.Equal(t, "failed", b.rows(t)[0].Status, "it may be needed once an earlier try is known to have failed")
	b.exec(t, "UPDATE river_job SET max_attempts = 1")
	b.work(t)
	b.becomes(t, "dead")
	require.Equal(t, []string{"missing_here " + transaction}, b.discrepancies(t))
	require.EqualValues(t, 2700, query[int64](t, b, "SELECT money_at_risk FROM discrepancies")[0])
	require.Contains(t, query[string](t, b, "SELECT reason FROM notifications")[0], "once too often")
}

func TestReceive_ARenewalOfTheProvidersGoesToWhoeverKnowsItsContract(t *testing.T) {
	t.Parallel()
	known := &renewals{}
	b := setup(t, func(c *webhooks.Config) { c.Renewals = known })
	known.pool, known.payment = b, b.purchase(t)
	body := begun("managed-1").with("scenarios", "SUBSCRIPTION_RENEWAL").signed(t, secret)
	b.acknowledged(t, body)
	require.Equal(t, "unmatched", b.rows(t)[0].Status, "its contract is not known yet")
	require.True(t, b.sealed(t))
	b.acknowledged(t, begun("managed-0").signed(t, secret))
	require.Equal(t, "unmatched", b.rows(t)[1].Status, "a purchase of somebody else is no renewal")
	b.requireHidden(t)

	known.mu.Lock()
	known.ready = true
	known.mu.Unlock()
	b.work(t)
	b.becomes(t, "applied")
	known.mu.Lock()
	defer known.mu.Unlock()
	require.Len(t, known.heard, 1)
	require.Equal(t, []any{"managed-1", orders.ScenarioRenewal, told()[0], orders.OutcomeSucceeded},
		[]any{known.heard[0].MerchantTxnID, known.heard[0].Scenario, known.heard[0].Evidence.Contract, known.heard[0].Evidence.Outcome})
	b.requireHidden(t)
}
