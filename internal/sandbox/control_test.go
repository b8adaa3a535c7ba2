package sandbox

import (
	"io"
	"net/http"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

func TestControl_FaultsAreArmedListedAndRemoved(t *testing.T) {
	t.Parallel()
	b := setup(t)
	var armed Fault
	code := b.control(t, http.MethodPost, "/sandbox/faults", `{"fault":"http_500","times":2,"match":{"amount":"12.34"}}`, &armed)
	require.Equal(t, http.StatusCreated, code)
	require.Equal(t, Fault{ID: "flt_1", Name: "http_500", Times: 2, Match: Match{Amount: "12.34"}}, armed)

	require.Equal(t, "S", b.charge(t, cardPays, "5").status())
	resp, _, err := b.raw(t, pathSale, b.sale(cardPays, "12.34"))
	require.NoError(t, err)
	require.Equal(t, http.StatusInternalServerError, resp.StatusCode)

	var listed struct {
		Faults  []Fault
		Catalog []FaultInfo
	}
	require.Equal(t, http.StatusOK, b.control(t, http.MethodGet, "/sandbox/faults", "", &listed))
	require.Len(t, listed.Faults, 1)
	require.Equal(t, []int{1, 1}, []int{listed.Faults[0].Times, listed.Faults[0].Hits})
	require.Len(t, listed.Catalog, len(faultCatalog()))

	require.Equal(t, http.StatusNoContent, b.control(t, http.MethodDelete, "/sandbox/faults/flt_1", "", nil))
	require.Equal(t, "S", b.charge(t, cardPays, "12.34").status())
}

func TestControl_RefusesWhatItDoesNotUnderstand(t *testing.T) {
	t.Parallel()
	b := setup(t)
	cases := [][2]string{
		{"/sandbox/faults", `{"fault":"no_such_thing"}`},
		{"/sandbox/faults", `{"fault":"hang","match":{"orderid":"1"}}`},
		{"/sandbox/faults", `{"fault":"hang","rate":2}`},
		{"/sandbox/faults", `hang`},
		{"/sandbox/clock", `{"advance_seconds":-1}`},
	}
	for _, tc := range cases {
		var answer map[string]string
		require.Equal(t, http.StatusBadRequest, b.control(t, http.MethodPost, tc[0], tc[1], &answer), tc[1])
		require.NotEmpty(t, answer["error"])
	}
	require.Empty(t, b.sandbox.faults.list())
}

func TestControl_BooksTellWhatWasCharged(t *testing.T) {
	t.Parallel()
	b := setup(t)
	order := set("merchantTxnOriginalId", "order-1")
	b.charge(t, "4000128449498204", "5", order)
	b.charge(t, cardPays, "5", order)
	b.charge(t, cardPays, "1500", set("orderCurrency", "JPY"))
	b.charge(t, "4111111111111112", "5", set("merchantTxnId", "refused"))

	var books Books
	require.Equal(t, http.StatusOK, b.control(t, http.MethodGet, "/sandbox/books", "", &books))
	require.Len(t, books.Transactions, 3)
	require.Equal(t, []BookedOrder{{"order-1", 2, 1, "5.00", 0, "0.00", "0.00", "USD"}}, books.Orders)
	require.Equal(t, map[string]Total{
		"USD": {2, 1, "5.00", "0.00", 0, "0.00"},
		"JPY": {1, 1, "1500", "0", 0, "0"},
	}, books.Totals)
	require.Equal(t, map[string]int{"txn-1": 1, "txn-2": 1, "txn-3": 1, "refused": 1}, books.Calls)

	b.control(t, http.MethodGet, "/sandbox/books?merchantTxnOriginalId=order-1", "", &books)
	require.Len(t, books.Transactions, 2)
	b.control(t, http.MethodGet, "/sandbox/books?merchantTxnId=txn-3", "", &books)
	require.Len(t, books.Transactions, 1)
	require.Equal(t, b.clock.now().UTC(), books.Transactions[0].CreatedAt)

	last := books.Transactions[0].TransactionID
	require.Equal(t, http.StatusNoContent, b.control(t, http.MethodDelete, "/sandbox/books", "", nil))
	require.Empty(t, b.sandbox.Books(BookQuery{}).Transactions)
	require.Greater(t, b.charge(t, cardPays, "5").id(), last, "ids do not start again")
}

func TestControl_RedeliversOnDemand(t *testing.T) {
	t.Parallel()
	b := setup(t)
	paid := b.charge(t, cardPays, "5")
	open := b.charge(t, "4000020951595032", "5")
	eventually(t, func() bool { return len(b.shop.notifications()) == 1 }, "the first")

	var d Delivery
	require.Equal(t, http.StatusOK, b.control(t, http.MethodPost, "/sandbox/notifications/"+paid.id()+"/redeliver", "", &d))
	require.True(t, d.Acknowledged)
	require.Equal(t, "redelivered", d.Kind)
	require.Equal(t, string(b.shop.notifications()[0].body), string(b.shop.notifications()[1].body))
	require.Equal(t, http.StatusConflict, b.control(t, http.MethodPost, "/sandbox/notifications/"+open.id()+"/redeliver", "", nil))
	require.Equal(t, http.StatusNotFound, b.control(t, http.MethodPost, "/sandbox/notifications/1/redeliver", "", nil))

	var log struct{ Deliveries []Delivery }
	b.control(t, http.MethodGet, "/sandbox/notifications?limit=1&transactionId="+paid.id(), "", &log)
	require.Equal(t, []Delivery{d}, log.Deliveries)
}

func TestControl_ClockMovesOnWithTheRealOne(t *testing.T) {
	t.Parallel()
	b := setup(t, func(c *Config) { c.Now = nil })
	page := b.charge(t, "4000020951595032", "5")
	var answer struct{ Now time.Time }
	require.Equal(t, http.StatusOK, b.control(t, http.MethodPost, "/sandbox/clock", `{"advance_seconds":1801}`, &answer))
	require.WithinDuration(t, time.Now().Add(1801*time.Second), answer.Now, 10*time.Second)
	eventually(t, func() bool { return len(b.sandbox.Deliveries(page.id())) == 1 }, "the 3DS page expired")
}

func TestHome_ShowsCardsFaultsAndLatestTransactions(t *testing.T) {
	t.Parallel()
	b := setup(t)
	open := b.charge(t, "4000020951595032", "5")
	paid := b.charge(t, cardPays, "7")
	req, err := http.NewRequestWithContext(t.Context(), http.MethodGet, b.url+"/sandbox", nil)
	require.NoError(t, err)
	resp, err := http.DefaultClient.Do(req)
	require.NoError(t, err)
	page, err := io.ReadAll(resp.Body)
	require.NoError(t, err)
	require.NoError(t, resp.Body.Close())
	for _, card := range cardList() {
		require.Contains(t, string(page), card.Number)
	}
	for _, fault := range faultCatalog() {
		require.Contains(t, string(page), fault.name)
	}
	require.Contains(t, string(page), `href="`+signedText(open.Data["redirectUrl"])+`"`)
	require.Contains(t, string(page), "/sandbox/notifications/"+paid.id()+"/redeliver")
	require.NotContains(t, string(page), "<script")
}
