package sandbox

import (
	"fmt"
	"net/http"
	"strconv"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

func TestRecent_KeepsTheLatest(t *testing.T) {
	t.Parallel()
	list := recent[int]{limit: 3}
	for i := range 3 {
		_, full := list.add(i)
		require.False(t, full)
	}
	for i := 3; i < 1000; i++ {
		oldest, full := list.add(i)
		require.True(t, full)
		require.Equal(t, i-3, oldest)
	}
	require.Equal(t, []int{997, 998, 999}, list.entries)
	require.Less(t, cap(list.entries), 16, "what was pushed out leaves no room behind")
}

func TestKeep_TheOldestIsForgottenButStaysInTheTotals(t *testing.T) {
	t.Parallel()
	b := setup(t, func(c *Config) { c.Keep = 3 })
	first := b.charge(t, cardPays, "5", set("merchantTxnOriginalId", "order-1"))
	for range 4 {
		b.charge(t, cardPays, "7")
	}
	books := b.sandbox.Books(BookQuery{})
	require.Equal(t, 2, books.Forgotten)
	require.Len(t, books.Transactions, 3)
	require.Equal(t, Total{Transactions: 5, Succeeded: 5, Charged: "33.00", Authorized: "0.00", Refunded: "0.00"}, books.Totals["USD"])
	require.Equal(t, map[string]int{"txn-3": 1, "txn-4": 1, "txn-5": 1}, books.Calls)
	require.Empty(t, b.rows(t, "txn-1"))
	require.Empty(t, b.sandbox.Books(BookQuery{MerchantTxnOriginalID: "order-1"}).Transactions)
	require.Equal(t, http.StatusNotFound, b.control(t, http.MethodPost, "/sandbox/notifications/"+first.id()+"/redeliver", "", nil))

	l := b.sandbox.ledger
	require.Equal(t, []int{3, 3, 3}, []int{len(l.byID), len(l.byMerchantTxn), len(l.byPayment)})
	require.Empty(t, l.byOriginal)
	eventually(t, func() bool { return len(b.shop.notifications()) == 5 }, "all are notified of")
	eventually(t, func() bool { return len(b.sandbox.Deliveries("")) == 3 }, "the log keeps as many")
}

func TestKeep_RefusedCallsAreForgottenToo(t *testing.T) {
	t.Parallel()
	l := newLedger(2)
	for i := range 5 {
		l.counted("refused-" + strconv.Itoa(i))
	}
	require.Equal(t, map[string]int{"refused-3": 1, "refused-4": 1}, l.books(BookQuery{}).Calls)
}

func TestKeep_RetriesAreGivenUpWhenTooManyWait(t *testing.T) {
	t.Parallel()
	b := setup(t, func(c *Config) { c.Keep = 2 })
	b.shop.answer = func(string, int) (int, string) { return http.StatusInternalServerError, "" }
	for i := range 4 {
		b.charge(t, cardPays, "5")
		eventually(t, func() bool { return len(b.shop.notifications()) == i+1 }, fmt.Sprintf("delivery %d", i+1))
	}
	eventually(t, func() bool { return b.sandbox.agenda.size() == 2 }, "two of four wait")
	b.clock.move(30 * time.Minute)
	eventually(t, func() bool { return len(b.shop.notifications()) == 6 }, "and come again")
}
