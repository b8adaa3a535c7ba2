package events_test

import (
	"encoding/json"
	"log/slog"
	"math"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"tillway/internal/events"
	"tillway/internal/fault"
	"tillway/internal/ids"
	"tillway/internal/money"
	"tillway/internal/orders"
	"tillway/internal/page"
	"tillway/internal/postgres/pgtest"
)

// provider takes every amount and is not spoken to.
type provider struct{ orders.Gateway }

func (provider) Accepts(money.Amount) error { return nil }

type testBundle struct {
	events *events.Service
	orders *orders.Service
}

// setup makes a log of 2 × n events: n orders, each created and then canceled.
func setup(t *testing.T, n int) (*testBundle, []orders.Order) {
	t.Helper()
	pool := pgtest.New(t)
	b := &testBundle{
		events: events.New(pool),
		orders: orders.New(pool, provider{}, nil, slog.New(slog.DiscardHandler), time.Now, orders.Config{
			MaxAmount: 99_999_999, SecretKey: make([]byte, 32),
		}),
	}
	var made []orders.Order
	for range n {
		created, err := b.orders.Create(t.Context(), orders.CreateOrder{Amount: 2700, Currency: "eur", CorrelationID: "test"})
		require.NoError(t, err)
		canceled, err := b.orders.Cancel(t.Context(), orders.CancelOrder{Order: created.Order.ID, CorrelationID: "test"})
		require.NoError(t, err)
		made = append(made, canceled)
	}
	return b, made
}

func TestList_TellsAnOrdersStoryNewestFirst(t *testing.T) {
	t.Parallel()
	b, made := setup(t, 2)

	list, err := b.events.List(t.Context(), events.Filter{Order: made[0].ID}, page.Request{Limit: 10})
	require.NoError(t, err)
	require.False(t, list.HasMore)
	require.Len(t, list.Data, 2)
	require.Equal(t, []string{"order.canceled", "order.created"}, []string{list.Data[0].Type, list.Data[1].Type})
	require.Equal(t, []int64{2, 1}, []int64{list.Data[0].Sequence, list.Data[1].Sequence})

	encoded, err := json.Marshal(list.Data[1])
	require.NoError(t, err)
	var shown struct {
		Object, Type, Order string
		Data                struct {
			Object struct{ ID, Object, Status string }
		}
	}
	require.NoError(t, json.Unmarshal(encoded, &shown))
	require.Equal(t, "event", shown.Object)
	require.Equal(t, made[0].ID.String(), shown.Order)
	require.Equal(t, made[0].ID.String(), shown.Data.Object.ID)
	require.Equal(t, "open", shown.Data.Object.Status, "the order as it stood then")

	one, err := b.events.Get(t.Context(), list.Data[0].ID)
	require.NoError(t, err)
	require.Equal(t, list.Data[0], one)
}

func TestList_Filters(t *testing.T) {
	t.Parallel()
	b, _ := setup(t, 2)
	now := time.Now().Unix()
	past, future, last := now-60, now+60, int64(math.MaxInt64)

	for name, test := range map[string]struct {
		filter events.Filter
		want   int
	}{
		"none":             {events.Filter{}, 4},
		"type":             {events.Filter{Type: "order.created"}, 2},
		"type of no event": {events.Filter{Type: "order.paid"}, 0},
		"order of none":    {events.Filter{Order: ids.New[ids.OrderEntity]()}, 0},
		"created after":    {events.Filter{Created: page.TimeRange{GT: &past}}, 4},
		"created from":     {events.Filter{Created: page.TimeRange{GTE: &future}}, 0},
		"created before":   {events.Filter{Created: page.TimeRange{LT: &past}}, 0},
		"created until":    {events.Filter{Created: page.TimeRange{LTE: &last}}, 4},
		"after all time":   {events.Filter{Created: page.TimeRange{GT: &last}}, 0},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			list, err := b.events.List(t.Context(), test.filter, page.Request{Limit: 10})
			require.NoError(t, err)
			require.Len(t, list.Data, test.want)
		})
	}
}

func TestList_PagesBothWays(t *testing.T) {
	t.Parallel()
	b, _ := setup(t, 3)
	all, err := b.events.List(t.Context(), events.Filter{}, page.Request{Limit: 10})
	require.NoError(t, err)
	require.Len(t, all.Data, 6)

	first, err := b.events.List(t.Context(), events.Filter{}, page.Request{Limit: 4})
	require.NoError(t, err)
	require.True(t, first.HasMore)
	require.Equal(t, all.Data[:4], first.Data)
	rest, err := b.events.List(t.Context(), events.Filter{}, page.Request{Limit: 4, StartingAfter: first.Data[3].ID.String()})
	require.NoError(t, err)
	require.False(t, rest.HasMore)
	require.Equal(t, all.Data[4:], rest.Data)
	back, err := b.events.List(t.Context(), events.Filter{}, page.Request{Limit: 3, EndingBefore: rest.Data[0].ID.String()})
	require.NoError(t, err)
	require.True(t, back.HasMore)
	require.Equal(t, all.Data[1:4], back.Data)
}

func TestList_RefusesWhatIsNoPage(t *testing.T) {
	t.Parallel()
	b, made := setup(t, 1)
	stranger := ids.New[ids.EventEntity]().String()

	for name, test := range map[string]struct {
		page  page.Request
		param string
	}{
		"no limit":            {page.Request{}, "limit"},
		"too large a limit":   {page.Request{Limit: 101}, "limit"},
		"cursor of no event":  {page.Request{Limit: 1, StartingAfter: stranger}, "starting_after"},
		"cursor of an order":  {page.Request{Limit: 1, EndingBefore: made[0].ID.String()}, "ending_before"},
		"both cursors":        {page.Request{Limit: 1, StartingAfter: stranger, EndingBefore: stranger}, "ending_before"},
		"cursor that is none": {page.Request{Limit: 1, StartingAfter: "evt_"}, "starting_after"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			_, err := b.events.List(t.Context(), events.Filter{}, test.page)
			var f *fault.Error
			require.ErrorAs(t, err, &f)
			require.Equal(t, "parameter_invalid", f.Code)
			require.Equal(t, test.param, f.Param)
		})
	}
}

func TestGet_MissesAnUnknownEvent(t *testing.T) {
	t.Parallel()
	b, _ := setup(t, 0)
	_, err := b.events.Get(t.Context(), ids.New[ids.EventEntity]())
	require.Equal(t, fault.NotFound, fault.KindOf(err))
}
