package orders_test

import (
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"tillway/internal/fault"
	"tillway/internal/ids"
	"tillway/internal/orders"
)

// doubted is an order whose payment's notifications spoke of another amount and then of another transaction.
func (b *testBundle) doubted() (orders.Order, orders.Payment) {
	b.t.Helper()
	o, p := b.challenged()
	other := taken(orders.SourceNotification, p.Amount, p.MerchantTxnID)
	other.Amount.Minor++
	b.apply(p, other)
	b.apply(p, orders.Evidence{
		Source: orders.SourceNotification, Outcome: orders.OutcomeProcessing, ProviderTransactionID: "another",
	})
	return o, p
}

func (b *testBundle) discrepanciesOf(f orders.DiscrepancyFilter) []orders.Discrepancy {
	b.t.Helper()
	found, err := b.service.ListDiscrepancies(b.t.Context(), f, orders.Page{Limit: 100})
	require.NoError(b.t, err)
	return found.Data
}

func TestDiscrepancyClasses_AreThoseThatTheDatabaseKnows(t *testing.T) {
	t.Parallel()
	b := setup(t)
	var known string
	err := b.pool.QueryRow(t.Context(),
		"SELECT pg_get_constraintdef(oid) FROM pg_constraint WHERE conname = 'discrepancies_class_known'").Scan(&known)
	require.NoError(t, err)
	var classes []string
	for _, found := range regexp.MustCompile(`'(\w+)'`).FindAllStringSubmatch(known, -1) {
		classes = append(classes, found[1])
	}
	require.ElementsMatch(t, classes, orders.DiscrepancyClasses())
}

func TestResolveDiscrepancy_EndsTheReviewWithTheLastOne(t *testing.T) {
	t.Parallel()
	b := setup(t)
	o, p := b.doubted()
	open := b.discrepanciesOf(orders.DiscrepancyFilter{Order: o.ID, Status: orders.DiscrepancyOpen})
	require.Len(t, open, 2)
	before := len(b.events(o.ID))
	for i, d := range open {
		require.True(t, b.get(o.ID).NeedsReview)
		version := b.get(o.ID).Version
		request := orders.Resolve{Discrepancy: d.ID, Reason: "The portal agrees with us. ", By: "key_1", CorrelationID: "c"}
		for range 2 { // the second time it is a repetition
			resolved, err := b.service.ResolveDiscrepancy(t.Context(), request)
			require.NoError(t, err)
			require.Equal(t, orders.DiscrepancyResolved, resolved.Status)
			require.Equal(t, "key_1", resolved.Resolution.By)
			require.Equal(t, "The portal agrees with us.", resolved.Resolution.Reason)
		}
		require.Equal(t, version+1, b.get(o.ID).Version, "news that was decided on before is decided on again")
		require.Len(t, b.events(o.ID), before+i+1)
	}
	require.False(t, b.get(o.ID).NeedsReview)
	require.Equal(t, p.Status, b.payment(p.ID).Status, "no payment moves")
	last := b.events(o.ID)
	require.Equal(t, "reconciliation.discrepancy", last[len(last)-1])

	_, err := b.service.ResolveDiscrepancy(t.Context(), orders.Resolve{Discrepancy: open[0].ID, Reason: "Again.", By: "key_2"})
	requireFault(t, err, fault.Conflict, "discrepancy_not_open")
}

func TestResolveDiscrepancy_AndNewsAtOnceLeaveOneTruth(t *testing.T) {
	t.Parallel()
	b := setup(t)
	o, p := b.doubted()
	open := b.discrepanciesOf(orders.DiscrepancyFilter{Order: o.ID})
	done := make(chan error, len(open))
	for _, d := range open {
		go func() {
			_, err := b.service.ResolveDiscrepancy(t.Context(), orders.Resolve{Discrepancy: d.ID, Reason: "Seen.", By: "key_1"})
			done <- err
		}()
	}
	b.apply(p, taken(orders.SourceQuery, p.Amount, p.MerchantTxnID)) // ends what a query ends
	for range open {
		if err := <-done; err != nil {
			requireFault(t, err, fault.Conflict, "discrepancy_not_open") // news was quicker
		}
	}
	require.Empty(t, b.discrepanciesOf(orders.DiscrepancyFilter{Order: o.ID, Status: orders.DiscrepancyOpen}))
	require.False(t, b.get(o.ID).NeedsReview)
	require.Equal(t, orders.StatusPaid, b.get(o.ID).Status)
	b.events(o.ID) // without gaps
}

func TestResolveDiscrepancy_WithoutAnOrder(t *testing.T) {
	t.Parallel()
	b := setup(t)
	id := ids.New[ids.DiscrepancyEntity]()
	_, err := b.pool.Exec(t.Context(), `INSERT INTO discrepancies (id, class, subject, ours, theirs, money_at_risk, first_seen, last_seen)
		VALUES ($1, 'missing_here', 'txn', '{}', '{}', 0, $2, $2)`, id.UUID(), b.clock.Now())
	require.NoError(t, err)
	b.clock.advance(time.Hour)
	resolved, err := b.service.ResolveDiscrepancy(t.Context(), orders.Resolve{Discrepancy: id, Reason: "Another shop of ours.", By: "key_1"})
	require.NoError(t, err)
	require.Equal(t, "key_1", resolved.Resolution.By)
	require.Equal(t, []orders.Discrepancy{resolved}, b.discrepanciesOf(orders.DiscrepancyFilter{Class: "missing_here"}))
}

func TestResolveDiscrepancy_Refuses(t *testing.T) {
	t.Parallel()
	b := setup(t)
	id := ids.New[ids.DiscrepancyEntity]()
	for name, reason := range map[string]string{
		"no reason": " ", "a long one": strings.Repeat("a", 501), "a card number": "card 4761344136141390", "no text": "a\x00",
	} {
		_, err := b.service.ResolveDiscrepancy(t.Context(), orders.Resolve{Discrepancy: id, Reason: reason, By: "key_1"})
		require.Equal(t, fault.Invalid, fault.KindOf(err), name)
	}
	_, err := b.service.ResolveDiscrepancy(t.Context(), orders.Resolve{Discrepancy: id, Reason: "Seen.", By: "key_1"})
	requireFault(t, err, fault.NotFound, "resource_missing")
}

func TestListDiscrepancies_Filters(t *testing.T) {
	t.Parallel()
	b := setup(t)
	o, p := b.doubted()
	b.doubted()
	require.Len(t, b.discrepanciesOf(orders.DiscrepancyFilter{}), 4)
	require.Len(t, b.discrepanciesOf(orders.DiscrepancyFilter{Class: "amount"}), 2)
	require.Len(t, b.discrepanciesOf(orders.DiscrepancyFilter{Payment: p.ID}), 2)
	require.Len(t, b.discrepanciesOf(orders.DiscrepancyFilter{Order: o.ID, Class: "amount"}), 1)
	require.Empty(t, b.discrepanciesOf(orders.DiscrepancyFilter{Status: orders.DiscrepancyResolved}))
	for param, f := range map[string]orders.DiscrepancyFilter{"class": {Class: "odd"}, "status": {Status: "odd"}} {
		_, err := b.service.ListDiscrepancies(t.Context(), f, orders.Page{Limit: 1})
		requireParam(t, err, param)
	}
	first, err := b.service.ListDiscrepancies(t.Context(), orders.DiscrepancyFilter{}, orders.Page{Limit: 3})
	require.NoError(t, err)
	require.True(t, first.HasMore)
	rest, err := b.service.ListDiscrepancies(t.Context(), orders.DiscrepancyFilter{}, orders.Page{
		Limit: 3, StartingAfter: first.Data[2].ID.String(),
	})
	require.NoError(t, err)
	require.Len(t, rest.Data, 1)
}
