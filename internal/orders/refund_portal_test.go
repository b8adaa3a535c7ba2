package orders_test

import (
	"context"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"tillway/internal/fault"
	"tillway/internal/money"
	"tillway/internal/orders"
)

// books is the provider's list of refunds.
type books struct {
	mu   sync.Mutex
	rows []orders.BookedRefund
}

func (k *books) ListRefunds(context.Context, time.Time, time.Time, int) ([]orders.BookedRefund, bool, error) {
	k.mu.Lock()
	defer k.mu.Unlock()
	return k.rows, false, nil
}

func (k *books) FindBooked(_ context.Context, transactionID string) (orders.BookedRefund, bool, error) {
	k.mu.Lock()
	defer k.mu.Unlock()
	for _, row := range k.rows {
		if row.Evidence.ProviderTransactionID == transactionID {
			return row, true, nil
		}
	}
	return orders.BookedRefund{}, false, nil
}

// portalBundle is a service with a paid order of 27.00 EUR before a provider with books.
type portalBundle struct {
	*refundBundle

	books *books
}

func setupPortal(t *testing.T) *portalBundle {
	t.Helper()
	kept := &books{}
	return &portalBundle{refundBundle: setupRefunds(t, func(c *orders.Config) { c.RefundBooks = kept }), books: kept}
}

// row is a refund of the payment, made in the provider's portal.
func (b *portalBundle) row(id string, minor int64, outcome orders.RefundOutcome) orders.BookedRefund {
	return orders.BookedRefund{Origin: b.payment.ProviderTransactionID, Evidence: orders.RefundEvidence{
		Source: orders.SourceQuery, Outcome: outcome, Amount: money.New(minor, b.paid.Amount.Currency), ProviderTransactionID: id,
		ProviderStatus: "S", Body: []byte(`{}`), Digest: []byte("digest"),
	}}
}

// reads has the service read the rows.
func (b *portalBundle) reads(rows ...orders.BookedRefund) {
	b.t.Helper()
	b.books.mu.Lock()
	b.books.rows = rows
	b.books.mu.Unlock()
	_, err := b.service.ImportRefunds(b.t.Context(), time.Now().Add(-time.Hour), time.Now(), 1)
	require.NoError(b.t, err)
}

func (b *portalBundle) portalRefunds() []orders.Refund {
	b.t.Helper()
	list, err := b.service.ListRefunds(b.t.Context(), orders.RefundFilter{Order: b.paid.ID}, orders.Page{Limit: 20})
	require.NoError(b.t, err)
	var made []orders.Refund
	for _, r := range list.Data {
		if r.Origin == orders.RefundFromPortal {
			made = append(made, r)
		}
	}
	return made
}

func TestImportRefunds_RecordsWhatWasMadeInThePortal(t *testing.T) {
	t.Parallel()
	b := setupPortal(t)
	b.reads(b.row("p-1", 700, orders.RefundOutcomeSucceeded))
	require.Equal(t, [3]int64{2700, 700, 0}, b.amounts())
	made := b.portalRefunds()
	require.Len(t, made, 1)
	r := made[0]
	require.Equal(t, []any{orders.RefundSucceeded, "p-1", "provider", r.ID.String()},
		[]any{r.Status, r.ProviderTransactionID, r.CreatedBy, r.MerchantTxnID})
	require.Equal(t, orders.StatusPartiallyRefunded, b.get(b.paid.ID).Status)
	require.Equal(t, []string{"refund.created", "refund.succeeded", "order.partially_refunded"}, b.events(b.paid.ID)[4:])
	require.False(t, b.get(b.paid.ID).NeedsReview)

	b.reads(b.row("p-1", 700, orders.RefundOutcomeSucceeded))
	require.Len(t, b.portalRefunds(), 1, "never twice")
	require.Len(t, b.events(b.paid.ID), 7)
	_, err := b.service.Refund(t.Context(), b.request(2001, ""))
	requireFault(t, err, fault.Refused, "refund_exceeds_remaining")
}

func TestImportRefunds_AtOnceAreOne(t *testing.T) {
	t.Parallel()
	b := setupPortal(t)
	b.books.rows = []orders.BookedRefund{b.row("p-1", 700, orders.RefundOutcomeSucceeded), b.row("p-2", 700, orders.RefundOutcomeInReview)}
	var wg sync.WaitGroup
	for range 10 {
		wg.Go(func() {
			_, err := b.process().ImportRefunds(t.Context(), time.Now().Add(-time.Hour), time.Now(), 1)
			require.NoError(t, err)
		})
	}
	wg.Wait()
	require.Len(t, b.portalRefunds(), 2)
	require.Equal(t, [3]int64{2700, 700, 700}, b.amounts())
	b.events(b.paid.ID) // without gaps
}

func TestImportRefunds_OneInReviewIsSettledLikeEveryOther(t *testing.T) {
	t.Parallel()
	b := setupPortal(t)
	b.reads(b.row("p-1", 700, orders.RefundOutcomeInReview))
	require.Equal(t, [3]int64{2700, 0, 700}, b.amounts())
	require.Equal(t, orders.RefundInReview, b.portalRefunds()[0].Status)
	asked := make(chan orders.RefundQuery, 1)
	b.refunds.find = func(q orders.RefundQuery) (orders.RefundEvidence, error) {
		asked <- q
		return b.row("p-1", 700, orders.RefundOutcomeSucceeded).Evidence, nil
	}
	b.clock.advance(time.Minute)
	b.sweep()
	require.Equal(t, "p-1", (<-asked).ProviderTransactionID)
	require.Equal(t, [3]int64{2700, 700, 0}, b.amounts())
}

func TestImportRefunds_ALostAnswerOfOursIsNeverTakenForOne(t *testing.T) {
	t.Parallel()
	b := setupPortal(t)
	b.refunds.answer = func(orders.RefundApplication) orders.RefundEvidence {
		return orders.RefundEvidence{Source: orders.SourceAnswer, Outcome: orders.RefundOutcomeUnknown}
	}
	ours := b.refund(700)
	require.Equal(t, orders.RefundUnknown, ours.Status)
	lost := b.row("t-ours", 700, orders.RefundOutcomeSucceeded)
	b.reads(lost, b.row("p-1", 500, orders.RefundOutcomeSucceeded))
	made := b.portalRefunds()
	require.Len(t, made, 1, "of another amount it is none of ours")
	require.Equal(t, "p-1", made[0].ProviderTransactionID)
	require.Equal(t, [3]int64{2700, 500, 700}, b.amounts())

	named := b.row("p-2", 700, orders.RefundOutcomeSucceeded)
	named.MerchantTxnID = "somebody else's"
	b.reads(named)
	require.Len(t, b.portalRefunds(), 2, "one under another reference is not ours either")

	b.refunds.find = func(orders.RefundQuery) (orders.RefundEvidence, error) { return lost.Evidence, nil }
	b.clock.advance(time.Minute)
	b.sweep()
	require.Equal(t, orders.RefundSucceeded, b.getRefund(ours.ID).Status)
	b.reads(lost)
	require.Len(t, b.portalRefunds(), 2)
	require.Equal(t, [3]int64{2700, 1900, 0}, b.amounts())
}

func TestImportRefunds_OfOursUnderOurReferenceIsOurs(t *testing.T) {
	t.Parallel()
	b := setupPortal(t)
	ours := b.refund(700)
	row := b.row("another number", 700, orders.RefundOutcomeSucceeded)
	row.MerchantTxnID = ours.MerchantTxnID
	b.reads(row, b.row(ours.ProviderTransactionID, 700, orders.RefundOutcomeSucceeded))
	require.Empty(t, b.portalRefunds())
}

func TestImportRefunds_BeyondWhatIsThereIsForAPerson(t *testing.T) {
	t.Parallel()
	b := setupPortal(t)
	pending := b.refund(2000)
	over := b.row("p-1", 701, orders.RefundOutcomeSucceeded)
	for range 2 {
		b.reads(over)
	}
	require.Empty(t, b.portalRefunds())
	require.Equal(t, [3]int64{2700, 0, 2000}, b.amounts())
	require.True(t, b.get(b.paid.ID).NeedsReview)
	found, err := b.service.ListDiscrepancies(t.Context(), orders.DiscrepancyFilter{Class: "over_refund"}, orders.Page{Limit: 5})
	require.NoError(t, err)
	require.Len(t, found.Data, 1)
	require.EqualValues(t, 701, found.Data[0].AtRisk.Minor)
	require.Equal(t, []string{"reconciliation.discrepancy", "order.needs_review"}, b.events(b.paid.ID)[5:])

	b.hear(pending, orders.SourceNotification, orders.RefundOutcomeRejected)
	b.reads(over)
	require.Len(t, b.portalRefunds(), 1, "there is room for it now")
	require.Equal(t, [3]int64{2700, 701, 0}, b.amounts())
	require.False(t, b.get(b.paid.ID).NeedsReview)
}

func TestImportRefunds_WhatAPersonHasClosedIsNotOpenedAgain(t *testing.T) {
	t.Parallel()
	b := setupPortal(t)
	over := b.row("p-1", 2701, orders.RefundOutcomeSucceeded)
	b.reads(over)
	found, err := b.service.ListDiscrepancies(t.Context(), orders.DiscrepancyFilter{Class: "over_refund"}, orders.Page{Limit: 5})
	require.NoError(t, err)
	_, err = b.service.ResolveDiscrepancy(t.Context(), orders.Resolve{Discrepancy: found.Data[0].ID, Reason: "written off", By: "key_1"})
	require.NoError(t, err)
	b.reads(over)
	require.False(t, b.get(b.paid.ID).NeedsReview)
	require.Equal(t, 1, b.count("SELECT count(*) FROM discrepancies"))
}

func TestImportRefunds_OtherMoneyMovesNothing(t *testing.T) {
	t.Parallel()
	b := setupPortal(t)
	usd, err := money.ParseCurrency("usd")
	require.NoError(t, err)
	other := b.row("p-1", 700, orders.RefundOutcomeSucceeded)
	other.Evidence.Amount = money.New(700, usd)
	b.reads(other)
	require.Equal(t, [3]int64{2700, 0, 0}, b.amounts())
	require.Equal(t, 1, b.count("SELECT count(*) FROM discrepancies WHERE class = 'currency' AND subject = 'p-1'"))
}

func TestImportRefunds_LeavesWhatIsNoMoneyOfOurs(t *testing.T) {
	t.Parallel()
	b := setupPortal(t)
	foreign := b.row("p-1", 700, orders.RefundOutcomeSucceeded)
	foreign.Origin = "nobody's"
	b.reads(foreign, b.row("p-2", 700, orders.RefundOutcomeDeclined), b.row("p-3", 700, orders.RefundOutcomeWithdrawn), b.row("", 700, orders.RefundOutcomeSucceeded))
	require.Empty(t, b.portalRefunds())
	require.Zero(t, b.count("SELECT count(*) FROM discrepancies"))

	b.gateway.sale = answer(orders.OutcomeDeclined)
	failed := b.pay(b.order(), "failed")
	_, err := b.pool.Exec(t.Context(), "UPDATE payments SET provider_transaction_id = 'f' WHERE id = $1", failed.ID.UUID())
	require.NoError(t, err)
	early := b.row("p-4", 700, orders.RefundOutcomeSucceeded)
	early.Origin = "f"
	b.reads(early)
	require.Zero(t, b.count("SELECT count(*) FROM refunds"), "no money of it is on record yet")
	require.False(t, b.get(failed.Order).NeedsReview)
}

func TestDiscover_ARefundThatANotificationNames(t *testing.T) {
	t.Parallel()
	b := setupPortal(t)
	b.books.rows = []orders.BookedRefund{b.row("p-1", 700, orders.RefundOutcomeSucceeded)}
	ev := b.row("p-1", 700, orders.RefundOutcomeSucceeded).Evidence
	ev.Source = orders.SourceNotification
	news := orders.RefundNews{Name: orders.RefundName{MerchantTxnID: "", ProviderTransactionID: "p-1"}, Evidence: ev}
	require.ErrorIs(t, b.service.Hear(t.Context(), news, nil), orders.ErrNoRefund)
	require.NoError(t, b.service.Discover(t.Context(), news, time.Second))
	require.NoError(t, b.service.Hear(t.Context(), news, nil))
	require.Equal(t, [3]int64{2700, 700, 0}, b.amounts())

	news.Name.ProviderTransactionID = "p-2"
	require.NoError(t, b.service.Discover(t.Context(), news, time.Second), "the provider has none")
	require.ErrorIs(t, b.service.Hear(t.Context(), news, nil), orders.ErrNoRefund)
}

func TestImportRefunds_WhoDiesAfterRecordingLeavesItToTheSweep(t *testing.T) {
	t.Parallel()
	b := setupPortal(t)
	_, err := b.pool.Exec(t.Context(), `CREATE FUNCTION dies() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN RAISE EXCEPTION 'dies'; END $$;
		CREATE TRIGGER dies BEFORE UPDATE OF status ON refunds FOR EACH ROW EXECUTE FUNCTION dies()`)
	require.NoError(t, err)
	b.books.rows = []orders.BookedRefund{b.row("p-1", 700, orders.RefundOutcomeSucceeded)}
	_, err = b.service.ImportRefunds(t.Context(), time.Now().Add(-time.Hour), time.Now(), 1)
	require.Error(t, err)
	require.Equal(t, [3]int64{2700, 0, 700}, b.amounts(), "reserved, so that nobody gives it back again")
	_, err = b.pool.Exec(t.Context(), "DROP TRIGGER dies ON refunds")
	require.NoError(t, err)
	b.refunds.find = func(orders.RefundQuery) (orders.RefundEvidence, error) {
		return b.row("p-1", 700, orders.RefundOutcomeSucceeded).Evidence, nil
	}
	b.clock.advance(time.Minute)
	b.sweep()
	require.Equal(t, [3]int64{2700, 700, 0}, b.amounts())
}
