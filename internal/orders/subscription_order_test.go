package orders_test

import (
	"strings"
	"testing"
	"time"

	"github.com/jackc/pgx/v5/pgconn"
	"github.com/stretchr/testify/require"
	"golang.org/x/sync/errgroup"

	"tillway/internal/ids"
	"tillway/internal/orders"
)

// march is a billing period.
func march() *orders.Period {
	return &orders.Period{Start: time.Date(2026, 3, 1, 0, 0, 0, 0, time.UTC), End: time.Date(2026, 4, 1, 0, 0, 0, 0, time.UTC)}
}

// periodOrder asks for the order of a subscription's period, by the id that is derived from it.
func periodOrder(subscription ids.Subscription, period *orders.Period) func(*orders.CreateOrder) {
	return func(r *orders.CreateOrder) {
		r.ID = ids.Derive[ids.OrderEntity](period.Start, subscription.String())
		r.Subscription, r.Period = subscription, period
	}
}

func TestCreate_AnOrderOfAPeriodIsCreatedOnce(t *testing.T) {
	t.Parallel()
	b := setup(t)
	subscription := ids.New[ids.SubscriptionEntity]()
	first := b.order(periodOrder(subscription, march()))
	require.Equal(t, first, b.get(first.ID), "the answer is what is stored")
	require.Equal(t, ids.Derive[ids.OrderEntity](march().Start, subscription.String()), first.ID)
	require.Equal(t, march(), first.Period)
	require.Equal(t, subscription.String(), *first.Resource().Subscription)

	for name, adjust := range map[string]func(*orders.CreateOrder){
		"the same again":        func(*orders.CreateOrder) {},
		"of another amount":     func(r *orders.CreateOrder) { r.Amount = 9900 },
		"under another id":      func(r *orders.CreateOrder) { r.ID = ids.New[ids.OrderEntity]() },
		"under no id":           func(r *orders.CreateOrder) { r.ID = ids.Order{} },
		"by the id alone":       func(r *orders.CreateOrder) { r.Period = nil },
		"told in another zone":  func(r *orders.CreateOrder) { r.Period.Start = r.Period.Start.In(time.FixedZone("", 8*60*60)) },
		"within a microsecond":  func(r *orders.CreateOrder) { r.Period.Start = r.Period.Start.Add(999) },
		"with a longer period":  func(r *orders.CreateOrder) { r.Period.End = r.Period.End.Add(time.Hour) },
		"with a key of its own": func(r *orders.CreateOrder) { r.Idempotency = key("another") },
	} {
		req := newOrder()
		periodOrder(subscription, march())(&req)
		adjust(&req)
		again, err := b.service.Create(t.Context(), req)
		require.NoError(t, err, name)
		require.True(t, again.Replayed, name)
		require.Equal(t, first, again.Order, name)
	}
	require.Equal(t, []string{"order.created"}, b.events(first.ID))

	req := newOrder()
	req.ID, req.Subscription = first.ID, ids.New[ids.SubscriptionEntity]()
	_, err := b.service.Create(t.Context(), req)
	require.ErrorContains(t, err, "of something else")
	april := b.order(periodOrder(subscription, &orders.Period{Start: march().End, End: march().End.AddDate(0, 1, 0)}))
	require.NotEqual(t, first.ID, april.ID)
	require.Equal(t, 2, b.count("SELECT count(*) FROM orders"))
}

func TestCreate_AnOrderOfAPeriodIsCreatedOnceByManyAtOnce(t *testing.T) {
	t.Parallel()
	b := setup(t)
	subscription := ids.New[ids.SubscriptionEntity]()
	found := make([]orders.Created, 20)
	var group errgroup.Group
	for i := range found {
		req := newOrder()
		periodOrder(subscription, march())(&req)
		if i%2 == 0 {
			req.ID = ids.New[ids.OrderEntity]()
		}
		service := b.process()
		group.Go(func() (err error) {
			found[i], err = service.Create(t.Context(), req)
			return err
		})
	}
	require.NoError(t, group.Wait())
	created := 0
	for _, one := range found {
		require.Equal(t, found[0].Order.ID, one.Order.ID)
		if !one.Replayed {
			created++
		}
	}
	require.Equal(t, 1, created)
	require.Equal(t, 1, b.count("SELECT count(*) FROM orders"))
}

func TestCreate_RefusesAPeriodOfNothing(t *testing.T) {
	t.Parallel()
	b := setup(t)
	for name, spoil := range map[string]func(*orders.CreateOrder){
		"of no subscription": func(r *orders.CreateOrder) { r.Subscription = ids.Subscription{} },
		"that never ends":    func(r *orders.CreateOrder) { r.Period.End = time.Time{} },
		"of no length":       func(r *orders.CreateOrder) { r.Period.End = r.Period.Start },
	} {
		req := newOrder()
		periodOrder(ids.New[ids.SubscriptionEntity](), march())(&req)
		spoil(&req)
		_, err := b.service.Create(t.Context(), req)
		require.ErrorContains(t, err, "a period is a subscription's", name)
	}
	verified := b.order(func(r *orders.CreateOrder) { r.Subscription = ids.New[ids.SubscriptionEntity]() })
	require.Nil(t, verified.Period)
	require.Equal(t, verified, b.get(verified.ID))
	require.Nil(t, b.order().Resource().Subscription)
	require.Equal(t, 2, b.count("SELECT count(*) FROM orders"))
}

func TestList_FindsTheOrdersOfASubscriptionByAnIndex(t *testing.T) {
	t.Parallel()
	b := setup(t)
	subscription := ids.New[ids.SubscriptionEntity]()
	var newest []ids.Order
	for month := range 3 {
		period := march()
		period.Start, period.End = period.Start.AddDate(0, month, 0), period.End.AddDate(0, month, 0)
		newest = append([]ids.Order{b.order(periodOrder(subscription, period)).ID}, newest...)
	}
	_, err := b.pool.Exec(t.Context(), `INSERT INTO orders (id, livemode, amount, currency, correlation_id, created_at, updated_at, expires_at,
			subscription_id, period_start, period_end)
		SELECT gen_random_uuid(), false, 999, 'EUR', '', now(), now(), now(), CASE WHEN n % 2 = 0 THEN gen_random_uuid() END,
			CASE WHEN n % 2 = 0 THEN now() END, CASE WHEN n % 2 = 0 THEN now() + interval '1 day' END
		FROM generate_series(1, 20000) AS n`)
	require.NoError(t, err)
	_, err = b.pool.Exec(t.Context(), "ANALYZE orders")
	require.NoError(t, err)

	b.tracer.since()
	list, err := b.service.List(t.Context(), orders.OrderFilter{Subscription: subscription}, orders.Page{Limit: 2})
	require.NoError(t, err)
	require.Equal(t, newest[:2], idsOf(list.Data))
	require.True(t, list.HasMore)
	asked := b.tracer.since()
	require.Len(t, asked, 1)

	var plan strings.Builder
	rows, err := b.pool.Query(t.Context(), "EXPLAIN "+asked[0], subscription.UUID())
	require.NoError(t, err)
	for rows.Next() {
		var line string
		require.NoError(t, rows.Scan(&line))
		plan.WriteString(line + "\n")
	}
	require.NoError(t, rows.Err())
	require.Contains(t, plan.String(), "orders_subscription_id_idx")
}

func TestDatabase_RefusesWhatASubscriptionsOrderMustNeverBe(t *testing.T) {
	t.Parallel()
	b := setup(t)
	subscription := ids.New[ids.SubscriptionEntity]()
	b.order(periodOrder(subscription, march()))
	b.order(func(r *orders.CreateOrder) { r.Subscription = subscription })
	b.pay(b.order(), "1")
	open := b.order()
	b.gateway.sale = answer(orders.OutcomeUnknown)
	b.pay(open, "2")
	for name, tc := range map[string]struct{ constraint, sql string }{
		"period twice":           {"orders_subscription_period_key", "UPDATE orders SET period_start = '2026-03-01Z', period_end = '2026-03-02Z' WHERE subscription_id IS NOT NULL"},
		"period without its end": {"orders_period_whole", "UPDATE orders SET period_end = NULL"},
		"period of nobody":       {"orders_period_whole", "UPDATE orders SET subscription_id = NULL"},
		"period of no length":    {"orders_period_forward", "UPDATE orders SET period_end = period_start"},
		"nobody's charge":        {"payments_initiator_known", "UPDATE payments SET initiator = 'nobody'"},
		"renewal before a page":  {"payments_renewal_unattended", "UPDATE payments SET initiator = 'merchant', redirect_url = 'https://x'"},
		"renewal to act on":      {"payments_renewal_unattended", "UPDATE payments SET initiator = 'merchant', status = 'requires_action' WHERE status = 'unknown'"},
		"renewal that holds":     {"payments_renewal_unattended", "UPDATE payments SET initiator = 'merchant', capture_method = 'manual'"},
		"renewal on a page":      {"payments_renewal_unattended", "UPDATE payments SET initiator = 'merchant', method = 'hosted'"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()

			_, err := b.pool.Exec(t.Context(), tc.sql)
			var refusal *pgconn.PgError
			require.ErrorAs(t, err, &refusal)
			require.Equal(t, tc.constraint, refusal.ConstraintName, refusal.Message)
		})
	}
}
