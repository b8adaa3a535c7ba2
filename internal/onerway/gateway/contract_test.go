package gateway_test

import (
	"errors"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"tillway/internal/fault"
	"tillway/internal/money"
	"tillway/internal/onerway"
	"tillway/internal/onerway/gateway"
	"tillway/internal/orders"
	"tillway/internal/ratelimit"
)

// managed has a sale begin a contract by which the provider charges every month.
func managed(s *orders.Sale) {
	beginning(s)
	s.Terms.Managed = &orders.ManagedTerms{Unit: "month", Count: 1, Cycles: 12}
}

func TestContract_TellsHowItStands(t *testing.T) {
	t.Parallel()
	b := setup(t, startingOn(day(2026, 3, 1)), func(s *settings) { s.zone = time.FixedZone("", 8*60*60) })
	ev := b.gateway.Sale(t.Context(), b.sale(cardFrictionless, amount(t, 999, "USD"), managed))
	require.Equal(t, orders.OutcomeSucceeded, ev.Outcome)
	detail, err := b.gateway.Contract(t.Context(), ev.Contract.ID)
	require.NoError(t, err)
	require.Equal(t, gateway.ContractDetail{
		State: gateway.ContractActive, Subscription: "active", NextBilling: day(2026, 4, 1).UTC(), Amount: amount(t, 999, "USD"),
	}, detail)

	pending := b.gateway.Sale(t.Context(), b.sale(cardPays, amount(t, 999, "USD"), managed))
	detail, err = b.gateway.Contract(t.Context(), pending.Contract.ID)
	require.NoError(t, err)
	require.Equal(t, []any{gateway.ContractPending, "paymentdue"}, []any{detail.State, detail.Subscription})

	_, err = b.gateway.Contract(t.Context(), "1")
	require.ErrorContains(t, err, "ask about a contract")
	require.Equal(t, []string{"sale approved", "query_contract answered", "sale action_required", "query_contract answered", "query_contract refused"}, b.observer.calls)
	require.Equal(t, ratelimit.LaneQuery, b.budget.lanes[0])
}

func TestCancelContract_EndsItWhenItIsTold(t *testing.T) {
	t.Parallel()
	for end, tc := range map[gateway.ContractEnd]struct {
		state gateway.ContractState
		over  time.Duration
	}{
		gateway.ContractEndNow: {gateway.ContractCanceled, 0}, gateway.ContractEndPeriod: {gateway.ContractActive, 31 * days},
		"2026-03-15": {gateway.ContractActive, 14 * days},
	} {
		t.Run(string(end), func(t *testing.T) {
			t.Parallel()
			b := setup(t, startingOn(day(2026, 3, 1)))
			ev := b.gateway.Sale(t.Context(), b.sale(cardFrictionless, amount(t, 999, "USD"), managed))
			state, err := b.gateway.CancelContract(t.Context(), ev.Contract.ID, end)
			require.NoError(t, err)
			require.Equal(t, tc.state, state)
			require.Equal(t, tc.over == 0, state.Over())
			b.sandbox.Advance(tc.over)
			detail, err := b.gateway.Contract(t.Context(), ev.Contract.ID)
			require.NoError(t, err)
			require.Equal(t, gateway.ContractCanceled, detail.State)
			require.True(t, detail.NextBilling.IsZero())
			_, err = b.gateway.CancelContract(t.Context(), ev.Contract.ID, gateway.ContractEndNow)
			refused, ok := errors.AsType[*fault.Error](err)
			require.True(t, ok, err)
			require.Equal(t, []any{fault.Conflict, "contract_not_cancelable"}, []any{refused.Kind, refused.Code})
			require.NotContains(t, b.log.String()+err.Error(), ev.Contract.ID)
		})
	}
}

func TestCancelContract_SaysWhatIsNotKnown(t *testing.T) {
	t.Parallel()
	for name, tc := range map[string]struct {
		err, busy error
		kind      fault.Kind
	}{
		"never sent": {&onerway.Error{Class: onerway.NeverSent}, nil, fault.Unavailable},
		"refused":    {&onerway.Error{Class: onerway.Refused, RespCode: "40000"}, nil, fault.Conflict},
		"unknown":    {&onerway.Error{Class: onerway.Unknown}, nil, 0},
		"no place":   {nil, errors.New("busy"), fault.Unavailable},
	} {
		g := newGateway(t, &provider{err: tc.err}, &observer{}, &budget{err: tc.busy}, "")
		state, err := g.CancelContract(t.Context(), "181", gateway.ContractEndNow)
		require.Error(t, err, name)
		require.Equal(t, []any{tc.kind, gateway.ContractUnknown}, []any{fault.KindOf(err), state}, name)
		_, err = g.Contract(t.Context(), "181")
		require.Error(t, err, name)
		require.NotContains(t, err.Error(), "181", name)
	}
}

func TestContract_StandsAsEitherWordSays(t *testing.T) {
	t.Parallel()
	for text, want := range map[[2]string]struct {
		state    gateway.ContractState
		word     string
		unmapped int
	}{
		{"0", "paymentdue"}: {gateway.ContractPending, "paymentdue", 0},
		{"1", "active"}:     {gateway.ContractActive, "active", 0},
		{"1", "trialing"}:   {gateway.ContractActive, "trialing", 0},
		{"1", "pastdue"}:    {gateway.ContractActive, "pastdue", 0},
		{"1", "paused"}:     {gateway.ContractActive, "paused", 0},
		{"1", "canceled"}:   {gateway.ContractCanceled, "canceled", 0},
		{"1", "ended"}:      {gateway.ContractEnded, "ended", 0},
		{"2", "paymentdue"}: {gateway.ContractDisabled, "paymentdue", 0},
		{"3", "canceled"}:   {gateway.ContractCanceled, "canceled", 0},
		{"3", "ended"}:      {gateway.ContractEnded, "ended", 0},
		{"3", ""}:           {gateway.ContractCanceled, "unknown", 1},
		{"7", "active"}:     {gateway.ContractUnknown, "active", 1},
		{"1", "sleeping"}:   {gateway.ContractActive, "unknown", 1},
	} {
		seen := &observer{}
		p := &provider{detail: onerway.SubscriptionDetail{DataStatus: text[0], SubscriptionStatus: text[1]}}
		detail, err := newGateway(t, p, seen, &budget{}, "").Contract(t.Context(), "181")
		require.NoError(t, err)
		require.Equal(t, gateway.ContractDetail{State: want.state, Subscription: want.word}, detail, text)
		require.Len(t, seen.unmapped, want.unmapped, text)
	}
	for text, want := range map[string]time.Time{
		"": {}, "2026-04-01 12:00:00": time.Date(2026, 4, 1, 12, 0, 0, 0, time.UTC), "2026-04-01": time.Date(2026, 4, 1, 0, 0, 0, 0, time.UTC), "soon": {},
	} {
		seen := &observer{}
		p := &provider{detail: onerway.SubscriptionDetail{DataStatus: "1", SubscriptionStatus: "active", BillingCycleAnchor: text, OrderAmount: "x"}}
		detail, err := newGateway(t, p, seen, &budget{}, "").Contract(t.Context(), "181")
		require.NoError(t, err)
		require.Equal(t, []any{want, money.Amount{}}, []any{detail.NextBilling, detail.Amount}, text)
		require.Equal(t, text == "soon", len(seen.unmapped) == 1, text)
	}
}
