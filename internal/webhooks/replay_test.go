package webhooks_test

import (
	"testing"

	"github.com/stretchr/testify/require"

	"tillway/internal/fault"
	"tillway/internal/ids"
	"tillway/internal/orders"
	"tillway/internal/page"
	"tillway/internal/webhooks"
)

func (b *testBundle) listed(t *testing.T, f webhooks.Filter) []webhooks.Notification {
	t.Helper()
	found, err := b.receiver.List(t.Context(), f, page.Request{Limit: 10})
	require.NoError(t, err)
	return found.Data
}

func requireCode(t *testing.T, err error, kind fault.Kind, code string) {
	t.Helper()
	require.Equal(t, kind, fault.KindOf(err), err)
	require.ErrorContains(t, err, code)
}

func TestReplay_AppliesWhatWasGivenUp(t *testing.T) {
	t.Parallel()
	b := setup(t)
	p := b.payment(t)
	b.breakPayments(t)
	b.acknowledged(t, saleOf(p.MerchantTxnID, "S").signed(t, secret))
	b.exec(t, "UPDATE notifications SET status = 'dead'")
	stored := b.listed(t, webhooks.Filter{Status: "dead"})
	require.Len(t, stored, 1)
	require.True(t, stored[0].Replayable)

	still, err := b.receiver.Replay(t.Context(), stored[0].ID)
	require.NoError(t, err)
	require.EqualValues(t, "dead", still.Status)
	require.Contains(t, still.Reason, "broken for a test")

	b.exec(t, "DROP TRIGGER broken ON payments")
	for range 2 { // the second time it is no news
		replayed, err := b.receiver.Replay(t.Context(), stored[0].ID)
		require.NoError(t, err)
		require.EqualValues(t, "applied", replayed.Status)
		require.Equal(t, p.Order, replayed.Order)
		require.False(t, replayed.AppliedAt.IsZero())
	}
	require.Equal(t, orders.StatusPaid, b.order(t, p).Status)
	require.Len(t, b.events(t, p), 5)
}

func TestReplay_RefusesWhatMustNotBeApplied(t *testing.T) {
	t.Parallel()
	b := setup(t)
	p := b.payment(t)
	b.deliver(t, saleOf(p.MerchantTxnID, "S").signed(t, "not the secret"))
	b.acknowledged(t, saleOf(p.MerchantTxnID, "S").with("notifyType", "TOKEN").signed(t, secret))
	for _, n := range b.listed(t, webhooks.Filter{}) {
		require.False(t, n.Replayable)
		_, err := b.receiver.Replay(t.Context(), n.ID)
		requireCode(t, err, fault.Conflict, "notification_not_replayable")
	}
	require.Equal(t, orders.StatusPending, b.order(t, p).Status)
	_, err := b.receiver.Replay(t.Context(), ids.New[ids.NotificationEntity]())
	requireCode(t, err, fault.NotFound, "resource_missing")
}

func TestList_Filters(t *testing.T) {
	t.Parallel()
	b := setup(t)
	p := b.payment(t)
	b.acknowledged(t, saleOf(p.MerchantTxnID, "S").signed(t, secret))
	b.acknowledged(t, saleOf(p.MerchantTxnID, "S").with("notifyType", "TOKEN").signed(t, secret))
	for name, tc := range map[string]struct {
		filter webhooks.Filter
		n      int
	}{
		"all":                 {webhooks.Filter{}, 2},
		"by status":           {webhooks.Filter{Status: "applied"}, 1},
		"by order":            {webhooks.Filter{Order: p.Order}, 1},
		"by transaction":      {webhooks.Filter{TransactionID: transaction}, 2},
		"by another":          {webhooks.Filter{TransactionID: "other"}, 0},
		"by the usual kind":   {webhooks.Filter{NotifyType: "TXN"}, 1},
		"by a rarer kind":     {webhooks.Filter{NotifyType: "TOKEN"}, 1},
		"by a kind that none": {webhooks.Filter{NotifyType: "CANCEL"}, 0},
	} {
		require.Len(t, b.listed(t, tc.filter), tc.n, name)
	}
	all := b.listed(t, webhooks.Filter{})
	after, err := b.receiver.List(t.Context(), webhooks.Filter{}, page.Request{Limit: 1, StartingAfter: all[0].ID.String()})
	require.NoError(t, err)
	require.Equal(t, all[1:], after.Data)
	_, err = b.receiver.List(t.Context(), webhooks.Filter{}, page.Request{
		Limit: 1, StartingAfter: ids.New[ids.NotificationEntity]().String(),
	})
	requireCode(t, err, fault.Invalid, "parameter_invalid")
}
