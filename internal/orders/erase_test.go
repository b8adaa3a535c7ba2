package orders_test

import (
	"context"
	"encoding/json"
	"fmt"
	"strings"
	"testing"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"
	"github.com/stretchr/testify/require"

	"tillway/internal/details"
	"tillway/internal/fault"
	"tillway/internal/ids"
	"tillway/internal/money"
	"tillway/internal/orders"
	"tillway/internal/postgres/dbsqlc"
)

// customer records a customer that orders may name.
func (b *testBundle) customer() ids.Customer {
	b.t.Helper()
	id := ids.New[ids.CustomerEntity]()
	require.NoError(b.t, dbsqlc.New(b.pool).CustomerInsert(b.t.Context(), dbsqlc.CustomerInsertParams{
		ID: id.UUID(), Metadata: json.RawMessage("{}"), CorrelationID: "test", Now: b.clock.Now(),
	}))
	return id
}

// erase deletes the customer and erases what the orders know of them.
func (b *testBundle) erase(customer ids.Customer) {
	b.t.Helper()
	_, err := dbsqlc.New(b.pool).CustomerErase(b.t.Context(), dbsqlc.CustomerEraseParams{ID: customer.UUID(), Now: b.clock.Now()})
	require.NoError(b.t, err)
	require.NoError(b.t, b.service.Erase(b.t.Context(), customer, alone))
}

// alone is a rider of an erasure that has nothing else to erase.
func alone(context.Context, *pgx.Batch, ids.Order, orders.KnownAs) error { return nil }

// dump is every row of every table, as text.
func (b *testBundle) dump() string {
	b.t.Helper()
	rows, err := b.pool.Query(b.t.Context(), `SELECT relname FROM pg_class JOIN pg_namespace ON pg_namespace.oid = relnamespace
		WHERE nspname = 'public' AND relkind IN ('r', 'p')`)
	require.NoError(b.t, err)
	tables, err := pgx.CollectRows(rows, pgx.RowTo[string])
	require.NoError(b.t, err)
	var all strings.Builder
	for _, table := range tables {
		rows, err := b.pool.Query(b.t.Context(), "SELECT t::text FROM "+pgx.Identifier{table}.Sanitize()+" AS t")
		require.NoError(b.t, err)
		lines, err := pgx.CollectRows(rows, pgx.RowTo[string])
		require.NoError(b.t, err)
		fmt.Fprintln(&all, table, strings.Join(lines, "\n"))
	}
	return all.String()
}

// What tells who the customer is, each word once in their orders.
var personal = []string{
	"Zaphod", "Beeblebrox", "zaphod@heart.example", "+4912345", "Presidentway", "Backstreet", "a gift for Trillian",
	"for her birthday", "engraved Ford", "Arthur is unhappy", "Marvin",
}

func (b *testBundle) personalOrder(customer ids.Customer) orders.Order {
	b.t.Helper()
	return b.order(func(r *orders.CreateOrder) {
		r.Customer, r.Reference, r.Description = customer, "R-7", "a gift for Trillian"
		r.Metadata = details.Metadata{"note": "for her birthday"}
		r.Billing = &details.Contact{
			FirstName: "Zaphod", LastName: "Beeblebrox", Email: "zaphod@heart.example", Phone: "+4912345",
			Address: &details.Address{Line1: "Presidentway 1", Country: "DE"},
		}
		r.Shipping = &details.Contact{Address: &details.Address{Line1: "Backstreet 2", Country: "DE"}}
	})
}

func requireNobody(t *testing.T, dump string) {
	t.Helper()
	for _, word := range personal {
		require.NotContains(t, strings.ToLower(dump), strings.ToLower(word))
	}
}

func TestErase_TakesThePersonAndLeavesTheBooks(t *testing.T) {
	t.Parallel()
	b := setup(t)
	b.gateway.sale = func(_ context.Context, sale orders.Sale) orders.Evidence {
		ev := taken(orders.SourceAnswer, sale.Amount, sale.MerchantTxnID)
		ev.Body = []byte(`{"holderName":"Marvin","status":"S"}`)
		return ev
	}
	customer := b.customer()
	o := b.personalOrder(customer)
	request := payRequest(o.ID, key("k"))
	request.Metadata, request.Description = details.Metadata{"note": "engraved Ford"}, "for her birthday"
	paid, err := b.service.Pay(t.Context(), request)
	require.NoError(t, err)
	refund, err := b.service.Refund(t.Context(), orders.RefundRequest{
		Payment: paid.Payment.ID, Idempotency: key("r"), CorrelationID: "test", Description: "Arthur is unhappy",
	})
	require.NoError(t, err)
	other := b.personalOrder(b.customerlessReference())
	for _, word := range personal {
		require.Contains(t, b.dump(), word, "the test would prove nothing without it")
	}
	before, log := b.get(o.ID), b.events(o.ID)

	b.erase(customer)
	require.Contains(t, b.dump(), "zaphod@heart.example", "another customer's order keeps what it says")
	_, err = b.pool.Exec(t.Context(), "UPDATE orders SET customer_id = $1 WHERE id = $2", customer.UUID(), other.ID.UUID())
	require.NoError(t, err)
	require.NoError(t, b.service.Erase(t.Context(), customer, alone))
	requireNobody(t, b.dump())

	after := b.get(o.ID)
	require.Equal(t, []any{before.Amount, before.AmountPaid, before.Status, before.Reference, before.Items, before.Customer},
		[]any{after.Amount, after.AmountPaid, after.Status, after.Reference, after.Items, after.Customer})
	require.Nil(t, after.Billing)
	require.True(t, after.Erased())
	require.Equal(t, log, b.events(o.ID), "what happened stays")
	kept, err := b.service.GetRefund(t.Context(), refund.Refund.ID)
	require.NoError(t, err)
	require.Equal(t, refund.Refund.Amount, kept.Amount)

	version := after.Version
	require.NoError(t, b.service.Erase(t.Context(), customer, alone))
	require.Equal(t, version, b.get(o.ID).Version, "an erased order is left alone")
	_, err = b.service.Pay(t.Context(), payRequest(o.ID, key("late")))
	require.Error(t, err)
}

// customerlessReference is one more customer, for whose order the reference is free.
func (b *testBundle) customerlessReference() ids.Customer {
	b.t.Helper()
	_, err := b.pool.Exec(b.t.Context(), "UPDATE orders SET reference = reference || '-first' WHERE reference IS NOT NULL")
	require.NoError(b.t, err)
	return b.customer()
}

func TestErase_APaymentUnderWayIsNeitherLostNorBringsAnythingBack(t *testing.T) {
	t.Parallel()
	b := setup(t)
	sent, release := make(chan struct{}), make(chan struct{})
	b.gateway.sale = func(_ context.Context, sale orders.Sale) orders.Evidence {
		close(sent)
		<-release
		ev := taken(orders.SourceAnswer, sale.Amount, sale.MerchantTxnID)
		ev.Body = []byte(`{"holderName":"Marvin"}`)
		return ev
	}
	customer := b.customer()
	o := b.personalOrder(customer)
	done := make(chan orders.PayResult, 1)
	go func() {
		result, err := b.service.Pay(context.WithoutCancel(t.Context()), payRequest(o.ID, key("k")))
		if err == nil {
			done <- result
		}
		close(done)
	}()
	<-sent
	b.erase(customer)
	close(release)
	result := <-done
	require.Equal(t, orders.PaymentSucceeded, result.Payment.Status)
	require.Equal(t, orders.StatusPaid, b.get(o.ID).Status)
	requireNobody(t, b.dump())

	// News that comes later is judged as ever, and its message is not kept.
	ev := taken(orders.SourceNotification, o.Amount, result.Payment.MerchantTxnID)
	ev.Body = []byte(`{"holderName":"Marvin"}`)
	applied, err := b.service.Apply(t.Context(), result.Payment.MerchantTxnID, ev, nil)
	require.NoError(t, err)
	require.True(t, applied.Erased)
	require.True(t, applied.Payment.Confirmed)
	requireNobody(t, b.dump())
}

func TestErase_AnOrderCannotNameACustomerWhoIsNotThere(t *testing.T) {
	t.Parallel()
	b := setup(t)
	gone := b.customer()
	b.erase(gone)
	for _, customer := range []ids.Customer{gone, ids.New[ids.CustomerEntity]()} {
		req := newOrder()
		req.Customer = customer
		_, err := b.service.Create(t.Context(), req)
		require.Equal(t, fault.Invalid, fault.KindOf(err))
		requireParam(t, err, "customer")
	}
}

// Events and evidence may lose who the customer was, once the order is erased, and nothing else may ever happen to them.
func TestErase_TheLogsStayAppendOnly(t *testing.T) {
	t.Parallel()
	b := setup(t)
	customer := b.customer()
	living := b.order()
	b.pay(living, "living")
	o := b.personalOrder(customer)
	b.pay(o, "k")
	b.erase(customer)
	of := func(o orders.Order) string { return " WHERE order_id = '" + o.ID.UUID().String() + "'" }
	for name, tc := range map[string]struct{ constraint, sql string }{
		"a living order's event":    {"events_append_only", "UPDATE events SET object = without_person(object)" + of(living)},
		"a living order's evidence": {"evidence_append_only", "UPDATE evidence SET body = NULL" + of(living)},
		"another object":            {"events_append_only", "UPDATE events SET object = object || '{\"status\":\"paid\"}'" + of(o)},
		"a person again":            {"events_append_only", "UPDATE events SET object = object || '{\"description\":\"x\"}'" + of(o)},
		"type as well":              {"events_append_only", "UPDATE events SET object = without_person(object), type = 'order.paid'" + of(o)},
		"an event deleted":          {"events_append_only", "DELETE FROM events" + of(o)},
		"evidence deleted":          {"evidence_append_only", "DELETE FROM evidence" + of(o)},
		"another verdict":           {"evidence_append_only", "UPDATE evidence SET body = NULL, verdict = 'late'" + of(o)},
		"a body again":              {"evidence_append_only", "UPDATE evidence SET body = '{}'" + of(o)},
		"a contact on the order":    {"orders_nothing_kept_of_erased", "UPDATE orders SET email = 'x' WHERE id = '" + o.ID.UUID().String() + "'"},
	} {
		_, err := b.pool.Exec(t.Context(), tc.sql)
		refused := &pgconn.PgError{}
		require.ErrorAs(t, err, &refused, name)
		require.Contains(t, refused.ConstraintName, strings.TrimSuffix(tc.constraint, "_append_only"), name)
	}
	require.Equal(t, money.New(2700, o.Amount.Currency), b.get(o.ID).Amount)
}

// Why a payment is disputed may be told in the cardholder's own words.
func TestErase_ADisputeOfAnErasedOrderKeepsNoWords(t *testing.T) {
	t.Parallel()
	b := setupDisputes(t)
	customer := b.customer()
	_, err := b.pool.Exec(t.Context(), "UPDATE orders SET customer_id = $1 WHERE id = $2", customer.UUID(), b.paid.ID.UUID())
	require.NoError(t, err)
	b.hears(b.told(orders.SourceQuery, orders.PhaseRaised))
	require.Contains(t, b.dump(), "Card Absent", "the test would prove nothing without it")

	b.erase(customer)
	require.NotContains(t, b.dump(), "Card Absent")
	told := b.told(orders.SourceNotification, orders.PhaseFirstAppeal)
	told.Body = []byte(`{"chargebackReason":"Fraud - Card Absent"}`)
	d, verdict := b.hears(told)
	require.Equal(t, orders.VerdictMove, verdict)
	require.Equal(t, []string{"", "10.4"}, []string{d.Reason, d.ReasonCode}, "the network's code stays")
	require.NotContains(t, b.dump(), "Card Absent")

	_, err = b.pool.Exec(t.Context(), "UPDATE disputes SET reason = 'x'")
	refused := &pgconn.PgError{}
	require.ErrorAs(t, err, &refused)
	require.Equal(t, "disputes_nothing_kept_of_erased", refused.ConstraintName)
}
