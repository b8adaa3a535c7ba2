package sandbox

import (
	"bytes"
	"encoding/json"
	"io"
	"log/slog"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

// ordering posts params with faults in the header.
func (b *testBundle) ordering(t *testing.T, path, faults string, params map[string]any) (int, string, error) {
	t.Helper()
	params["sign"] = digest(params, unsignedInRequest(), DefaultSecretKey)
	body, err := json.Marshal(params)
	require.NoError(t, err)
	req, err := http.NewRequestWithContext(t.Context(), http.MethodPost, b.url+path, bytes.NewReader(body))
	require.NoError(t, err)
	req.Header.Set("Content-Type", "application/json")
	req.Header.Set("X-Sandbox-Fault", faults)
	resp, err := http.DefaultClient.Do(req)
	if err != nil {
		return 0, "", err
	}
	answer, err := io.ReadAll(resp.Body)
	require.NoError(t, resp.Body.Close())
	return resp.StatusCode, string(answer), err
}

func TestOrder_EveryFaultCanBeOrderedForACall(t *testing.T) {
	t.Parallel()
	b := setup(t)
	for _, spec := range faultCatalog() {
		f, wrong := b.sandbox.faults.parse(spec.name)
		require.Empty(t, wrong)
		require.Equal(t, spec.name, f.Name)
		// What a header orders is what a card does.
		for _, path := range []string{pathSale, pathAuth, pathRefund} {
			byHeader := b.sandbox.faults.plan(call{path: path}, []Fault{f})
			require.NotEqual(t, plan{path: path, answerWith: 200}, byHeader, "%s on %s", spec.name, path)
		}
	}
}

func TestOrder_StrikesTheOneCallOnly(t *testing.T) {
	t.Parallel()
	b := setup(t)
	_, _, err := b.ordering(t, pathSale, "lose_answer, duplicate_notification;copies=3", b.sale(cardPays, "5"))
	require.Error(t, err)
	eventually(t, func() bool { return len(b.shop.notifications()) == 3 }, "both strike")
	require.Equal(t, "S", b.charge(t, cardPays, "5").status())

	started := time.Now()
	code, _, err := b.ordering(t, pathSale, "slow;delay_ms=80", b.sale(cardPays, "5"))
	require.NoError(t, err)
	require.Equal(t, http.StatusOK, code)
	require.GreaterOrEqual(t, time.Since(started), 80*time.Millisecond)

	sale := b.paid(t, "20")
	code, _, err = b.ordering(t, pathRefund, "http_502_after_charge,refund_rejected", b.refund(sale, "5", set("merchantTxnId", "re-1")))
	require.NoError(t, err)
	require.Equal(t, http.StatusBadGateway, code)
	b.becomes(t, b.sandbox.Books(BookQuery{MerchantTxnID: "re-1"}).Transactions[0].TransactionID, "F", refundDelay)
}

func TestOrder_WhatItDoesNotUnderstandIsIgnoredAndLogged(t *testing.T) {
	t.Parallel()
	for _, faults := range []string{
		"no_such_thing", "slow;delay_ms=soon", "slow;delay_ms=-1", "slow;speed=1", "duplicate_notification;copies=101", ";", ",",
	} {
		t.Run(faults, func(t *testing.T) {
			t.Parallel()
			var log strings.Builder
			b := setup(t, func(c *Config) { c.Logger = slog.New(slog.NewTextHandler(&log, nil)) })
			code, body, err := b.ordering(t, pathSale, faults, b.sale(cardPays, "5"))
			require.NoError(t, err)
			require.Equal(t, http.StatusOK, code)
			require.Contains(t, body, `"status":"S"`)
			require.Contains(t, log.String(), "ignored")
		})
	}
}

func TestOrder_EveryFaultWithoutACardSaysWhatItIsFor(t *testing.T) {
	t.Parallel()
	for _, spec := range faultCatalog() {
		if spec.card == "" {
			require.Contains(t, []string{
				"force", "decline_by_status", "refund_held", "refund_rejected", "refund_fails", "refund_row_without_id", "cancel_fails",
				"capture_fails", "capture_processing",
			}, spec.name)
			continue
		}
		require.True(t, luhnValid(spec.card), spec.name)
	}
}

func TestOrder_QueriesOfOneTransactionAreDown(t *testing.T) {
	t.Parallel()
	b := setup(t)
	s := b.strike(t, "query_down")
	require.NoError(t, s.err)
	other := b.charge(t, cardPays, "5")
	ask := func(name, value string) int {
		resp, _, err := b.raw(t, pathList, query(name, value))
		require.NoError(t, err)
		return resp.StatusCode
	}
	require.Equal(t, http.StatusServiceUnavailable, ask("merchantTxnIds", s.booked[0].MerchantTxnID))
	require.Equal(t, http.StatusServiceUnavailable, ask("transactionIds", s.booked[0].TransactionID))
	require.Equal(t, http.StatusOK, ask("transactionIds", other.id()))
	b.clock.move(5 * time.Second)
	require.Equal(t, http.StatusOK, ask("merchantTxnIds", s.booked[0].MerchantTxnID))
}
