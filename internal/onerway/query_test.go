package onerway_test

import (
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"tillway/internal/onerway"
)

func TestListTransactions_SendsTheSelectionAndReadsTheRows(t *testing.T) {
	t.Parallel()
	url, requests := serve(t, http.StatusOK, fixture(t, "list_two_payments.json"))
	client := newClient(t, testConfig(url))
	page, err := client.ListTransactions(t.Context(), onerway.ListRequest{Selection: onerway.Selection{
		MerchantTxnIDs: []string{"1721712864000", "1721714370000"},
		From:           time.Date(2024, 7, 22, 16, 0, 0, 0, time.UTC),
		To:             time.Date(2024, 7, 23, 16, 0, 0, 0, time.UTC),
		TxnTypes:       []string{"SALE", "AUTH"}, Page: 2, Size: 50,
	}})
	require.NoError(t, err)
	require.Len(t, requests(), 1)
	require.Equal(t, "/v1/txn/list", requests()[0].Path)
	require.Equal(t, []string{"application/json"}, requests()[0].Header["Content-Type"])
	requireGolden(t, "list_request.json", requests()[0].Body)

	require.Equal(t, []int{1, 10, 1, 2}, []int{page.Current, page.Size, page.TotalPages, page.TotalElements})
	require.Len(t, page.Rows, 2)
	paid, closed := page.Rows[0], page.Rows[1]
	require.Equal(t, onerway.StatusSucceeded, paid.Outcome())
	require.Equal(t,
		[]string{"1815621472153370624", "1721712864000", "SALE", "20.00", "USD", "222100******7736", "US"},
		[]string{
			paid.TransactionID, paid.MerchantTxnID, paid.TxnType, paid.OrderAmount, paid.OrderCurrency,
			paid.CardNumber, paid.CardBinCountry,
		})
	require.Equal(t, onerway.StatusClosed, closed.Outcome())
	at, err := onerway.ParseTime(paid.TxnTime, "", client.Location())
	require.NoError(t, err)
	require.Equal(t, time.Date(2024, 7, 23, 5, 34, 26, 0, time.UTC), at)
}

func TestQueryPayments_SendsTheSelectionAndReadsTheRows(t *testing.T) {
	t.Parallel()
	url, requests := serve(t, http.StatusOK, fixture(t, "query_payments.json"))
	page, err := newClient(t, testConfig(url)).QueryPayments(t.Context(), onerway.PaymentsRequest{PaymentID: "9000000000000000002"})
	require.NoError(t, err)
	require.Len(t, requests(), 1)
	require.Equal(t, "/v1/txn/queryPayments", requests()[0].Path)
	requireGolden(t, "query_payments_request.json", requests()[0].Body)
	require.Len(t, page.Rows, 1)
	require.Equal(t, []string{"9000000000000000002", "S", "9000000000000000003"},
		[]string{page.Rows[0].PaymentID, page.Rows[0].PaymentStatus, page.Rows[0].LastTransactionID})
}

func TestListTransactions_SaysNotFoundOnlyWhenTheProviderDoes(t *testing.T) {
	t.Parallel()
	empty := `{"respCode":"20000","data":{"content":[],"current":"1","size":"10","totalPages":0,"totalElements":0}}`
	cases := map[string]struct {
		body  string
		found bool
	}{
		"an empty list":        {empty, true},
		"no list":              {`{"respCode":"20000","data":{"current":"1"}}`, false},
		"a null list":          {strings.Replace(empty, "[]", "null", 1), false},
		"a list that is none":  {strings.Replace(empty, "[]", `"[]"`, 1), false},
		"a row that is none":   {strings.Replace(empty, "[]", `[null]`, 1), false},
		"no data":              {`{"respCode":"20000","data":null}`, false},
		"a list, another code": {strings.Replace(empty, "20000", "11001", 1), false},
		"a bad counter":        {strings.Replace(empty, `"size":"10"`, `"size":"ten"`, 1), false},
	}
	for name, test := range cases {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			url, _ := serve(t, http.StatusOK, test.body)
			page, err := newClient(t, testConfig(url)).ListTransactions(t.Context(),
				onerway.ListRequest{Selection: onerway.Selection{MerchantTxnIDs: []string{"pay-1"}}})
			if test.found {
				require.NoError(t, err)
				require.NotNil(t, page.Rows)
				require.Empty(t, page.Rows)
				return
			}
			require.Equal(t, onerway.Unknown, requireClean(t, err).Class)
			require.Nil(t, page.Rows)
		})
	}
}

func TestListTransactions_RefusesWhatTheProviderWould(t *testing.T) {
	t.Parallel()
	start := time.Date(2026, 1, 1, 0, 0, 0, 0, time.UTC)
	cases := map[string]onerway.Selection{
		"nothing selected":      {},
		"half a range":          {From: start},
		"a range turned round":  {From: start, To: start.Add(-time.Second)},
		"a range over 90 days":  {From: start, To: start.Add(90*24*time.Hour + time.Second)},
		"types without a range": {MerchantTxnIDs: []string{"a"}, TxnTypes: []string{"SALE"}},
		"an id with a comma":    {MerchantTxnIDs: []string{"a,b"}},
		"an empty id":           {TransactionIDs: []string{""}},
	}
	for name, selection := range cases {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			_, err := newClient(t, testConfig("http://127.0.0.1:1")).ListTransactions(t.Context(), onerway.ListRequest{Selection: selection})
			failed := requireClean(t, err)
			require.Equal(t, onerway.NeverSent, failed.Class)
			require.Equal(t, onerway.ReasonInvalidRequest, failed.Reason)
		})
	}
}

func TestParseTime_ReadsTheZoneOfTheMessageFirst(t *testing.T) {
	t.Parallel()
	at, err := onerway.ParseTime("2026-03-01 09:30:01", "-05:30", time.UTC)
	require.NoError(t, err)
	require.Equal(t, time.Date(2026, 3, 1, 15, 0, 1, 0, time.UTC), at)
	for _, bad := range [][2]string{{"2026-03-01", ""}, {"", ""}, {"2026-03-01 09:30:01", "CST"}} {
		_, err = onerway.ParseTime(bad[0], bad[1], time.UTC)
		require.Error(t, err)
	}
}
