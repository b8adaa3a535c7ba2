package sandbox

import (
	"net/http"
	"strconv"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

func TestSummary_IsTheBooksInShort(t *testing.T) {
	t.Parallel()
	b := setup(t)
	order := set("merchantTxnOriginalId", "order-1")
	b.charge(t, "4000128449498204", "20", order)
	sale := b.paid(t, "20", order)
	b.becomes(t, b.applies(t, sale, "5"), "S", refundDelay)
	b.applies(t, sale, "7")
	b.charge(t, cardPays, "1", set("merchantTxnOriginalId", "order-2"))

	var short Summary
	require.Equal(t, http.StatusOK, b.control(t, http.MethodGet, "/sandbox/books?view=summary", "", &short))
	books := b.sandbox.Books(BookQuery{})
	require.Equal(t, []BookedOrder{
		{"order-1", 2, 1, "20.00", 2, "5.00", "7.00", "USD"}, {"order-2", 1, 1, "1.00", 0, "0.00", "0.00", "USD"},
	}, short.Orders)
	require.Equal(t, books.Orders, short.Orders)
	require.Equal(t, books.Totals, short.Totals)
	require.Empty(t, short.Violations)
	b.control(t, http.MethodGet, "/sandbox/books?view=summary&merchantTxnOriginalId=order-2", "", &short)
	require.Len(t, short.Orders, 1)
	require.Equal(t, http.StatusBadRequest, b.control(t, http.MethodGet, "/sandbox/books?view=long", "", nil))
}

func TestSummary_NamesTheOrdersThatBreakTheRules(t *testing.T) {
	t.Parallel()
	b := setup(t, func(c *Config) { c.Sim.AllowRepeatedSuccess = true })
	for range 2 {
		b.charge(t, cardPays, "5", set("merchantTxnOriginalId", "twice"))
	}
	b.charge(t, cardPays, "5", set("merchantTxnOriginalId", "once"))
	violations := b.sandbox.Summary(BookQuery{}).Violations
	require.Len(t, violations, 1)
	require.Equal(t, "twice", violations[0].MerchantTxnOriginalID)
}

// BenchmarkSummary_Of100000Orders is the question of a crash test, over books that are long.
func BenchmarkSummary_Of100000Orders(b *testing.B) {
	simulator := New(Config{})
	for i := range 100_000 {
		id := strconv.Itoa(i)
		simulator.ledger.add(transaction{
			saleRequest: saleRequest{merchantTxnID: id, originalID: id, txnType: "SALE", currency: "USD", amount: 500}, createdAt: time.Unix(0, 0),
		}, func(t *transaction, _ bool) { t.status = statusSuccess })
	}
	b.ReportAllocs()
	for b.Loop() {
		if got := len(simulator.Summary(BookQuery{}).Orders); got != 100_000 {
			b.Fatal(got)
		}
	}
}
