package onerway_test

import (
	"net/http"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"tillway/internal/onerway"
)

func TestListChargebacks_SendsTheSelectionAndReadsTheRows(t *testing.T) {
	t.Parallel()
	url, requests := serve(t, http.StatusOK, fixture(t, "chargeback_list.json"))
	page, err := newClient(t, testConfig(url)).ListChargebacks(t.Context(), onerway.ChargebackRequest{
		ChargebackIDs: []string{"1815647844296949760"},
		ImportedFrom:  time.Date(2024, 7, 22, 16, 0, 0, 0, time.UTC),
		ImportedTo:    time.Date(2024, 7, 23, 16, 0, 0, 0, time.UTC), Page: 2,
	})
	require.NoError(t, err)
	require.Len(t, requests(), 1)
	require.Equal(t, "/v1/chargeback/list", requests()[0].Path)
	requireGolden(t, "chargeback_list_request.json", requests()[0].Body)
	require.Equal(t, []int{1, 10, 1, 1}, []int{page.Current, page.Size, page.TotalPages, page.TotalElements})
	require.Len(t, page.Rows, 1)
	row := page.Rows[0]
	require.Equal(t,
		[]string{
			"1815647844296949760", "1721712864000", "1815621472153370624", "10.00", "USD", "NEW", "1111", "1111", "111",
			"2024-07-26 15:19:14", "2024-07-23 15:19:14",
		},
		[]string{
			row.ChargebackID, row.MerchantTxnID, row.OriginTransactionID, row.ChargebackAmount, row.ChargebackCurrency,
			row.ChargebackStatus, row.ChargebackReason, row.ChargebackARN, row.ChargebackCode, row.AppealDueTime, row.ImportTime,
		})
}

func TestListChargebacks_RefusesWhatTheProviderWould(t *testing.T) {
	t.Parallel()
	start := time.Date(2026, 1, 1, 0, 0, 0, 0, time.UTC)
	cases := map[string]onerway.ChargebackRequest{
		"nothing selected":     {},
		"half a range":         {ImportedFrom: start},
		"a range turned round": {ImportedFrom: start, ImportedTo: start.Add(-time.Second)},
		"a range over 90 days": {ImportedFrom: start, ImportedTo: start.Add(90*24*time.Hour + time.Second)},
		"an id with a comma":   {ChargebackIDs: []string{"1,2"}},
		"an id of words":       {OriginTransactionIDs: []string{"pay"}},
	}
	for name, request := range cases {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			_, err := newClient(t, testConfig("http://127.0.0.1:1")).ListChargebacks(t.Context(), request)
			failed := requireClean(t, err)
			require.Equal(t, onerway.NeverSent, failed.Class)
			require.Equal(t, onerway.ReasonInvalidRequest, failed.Reason)
		})
	}
}

func TestListChargebacks_APermissionThatIsMissingIsARefusal(t *testing.T) {
	t.Parallel()
	url, _ := serve(t, http.StatusOK, `{"respCode":"40000","respMsg":"no permission","data":null}`)
	_, err := newClient(t, testConfig(url)).ListChargebacks(t.Context(), onerway.ChargebackRequest{ChargebackIDs: []string{"1"}})
	require.Equal(t, onerway.Refused, requireClean(t, err).Class)
}
