package e2e

import (
	"context"
	"fmt"
	"net/http"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

// What shops complain of about payment services, by name, and the test that holds each away from this one:
//
//	complaint                                               test
//	a paid order is lost between return page and webhook    TestComplaint_ReturnPageAndNotificationRace
//	a double click charges twice                            TestComplaint_DoubleClick
//	a second tab charges twice                              TestComplaint_SecondTab
//	a client that times out and repeats charges twice       TestComplaint_TimedOutChargeRepeated
//	two clerks refund more than was paid                    TestComplaint_OverRefundRace
//	a late failure takes a paid order back                  TestComplaint_LateFailureOfAPaidOrder
//	a notification is acknowledged and then lost            TestComplaint_AcknowledgedAndThenKilled
//	an order is stuck when no notification comes            TestWithoutAnyNotification_EveryOrderEndsRight
//	a lost answer leaves the shopper waiting                TestTimeToTruth_AfterALostAnswerIsWithinTenSecondsAtP95
//	a provider that is down locks orders                    TestProviderDownForLong_IsNotAskedAgainUntilTheCircuitCloses
//	Redis gone, flushed, slow                               TestWithoutRedis…, TestRedis…
//	the database restarts, fails over, is full              TestDatabase…, TestDiskFull…, TestChargeBegunUnknownToUs…
//	a deployment loses charges in flight                    TestSIGTERM…, TestKilled…
//	two workers settle one payment twice                    TestReplicas…
//	a server with a wrong clock expires or reopens orders   TestClockSkew… in internal/orders

// shopperPays is a request of the shop's page in a browser.
func (c *client) shopperPays(o order, key string) call {
	pay := c.payCall(o.ID, goodCard, key, nil)
	pay.as = o.ClientSecret
	return pay
}

func TestComplaint_DoubleClick(t *testing.T) {
	t.Parallel()
	w := start(t)
	o := w.service.createOrder(nil)
	click := w.service.shopperPays(o, "made-when-the-page-was-shown")
	requireSameAnswer(t, together(t.Context(), 2, func(ctx context.Context, _ int) (answer, error) {
		return w.service.untilAnswered(ctx, click)
	}))
	w.requirePaidOnce(o.ID)
}

func TestComplaint_SecondTab(t *testing.T) {
	t.Parallel()
	w := start(t)
	w.provider.hold(300 * time.Millisecond)
	o := w.service.createOrder(nil)
	requireOneOf(t, together(t.Context(), 2, func(ctx context.Context, tab int) (answer, error) {
		return w.service.untilAnswered(ctx, w.service.shopperPays(o, fmt.Sprintf("tab-%d", tab)))
	}))
	w.requirePaidOnce(o.ID)
	late := w.service.send(w.service.shopperPays(o, "a-tab-that-was-open-since"))
	require.Equal(t, "order_not_payable", codeOf(late.requireStatus(t, http.StatusConflict)))
	w.requirePaidOnce(o.ID)
}

func TestComplaint_TimedOutChargeRepeated(t *testing.T) {
	t.Parallel()
	w := start(t)
	w.provider.hold(1500 * time.Millisecond)
	o := w.service.createOrder(nil)
	pay := w.service.payCall(o.ID, goodCard, "k", nil)
	impatient, giveUp := context.WithCancel(t.Context())
	begun := make(chan error, 1)
	go func() { // ends with the request
		_, err := w.service.try(impatient, pay)
		begun <- err
	}()
	w.provider.awaitSales(1)
	giveUp()
	require.Error(t, <-begun, "the client has hung up")

	other := w.service.pay(o.ID, goodCard, nil)
	require.Equal(t, "payment_in_progress", codeOf(other.requireStatus(t, http.StatusConflict)), "nor by another key")
	again, err := w.service.untilAnswered(t.Context(), pay)
	require.NoError(t, err)
	if again.status == http.StatusAccepted { // the first request was answered so, as far as we know
		w.service.awaitOrder(o.ID, "paid")
		again = w.service.send(pay)
	}
	require.Equal(t, "succeeded", into[payment](t, again.requireStatus(t, http.StatusCreated)).Status)
	w.requirePaidOnce(o.ID)
}

// TestComplaint_ReturnPageAndNotificationRace sends everything that tells of the success at the same moment: the provider's
// own notification, two copies of it, and the shopper's browser coming back three times. There are no queries on a schedule
// that could mend it later.
func TestComplaint_ReturnPageAndNotificationRace(t *testing.T) {
	t.Parallel()
	w := start(t)
	for i := range 5 {
		t.Run(fmt.Sprint(i), func(t *testing.T) {
			t.Parallel()
			w := w.on(t)
			o, p := challenged(w, challengeCard, nil)
			back := w.provider.press(p, "approve")
			results := together(t.Context(), 5, func(ctx context.Context, i int) (answer, error) {
				if i < 2 {
					return w.service.notify(ctx, noticeOf(p).signed(signingKey), nil)
				}
				return answer{status: http.StatusOK}, returnTo(ctx, back)
			})
			for _, r := range results {
				require.NoError(t, r.err)
				r.requireStatus(t, http.StatusOK)
			}
			w.requirePaidOnce(o.ID)
			require.True(t, w.service.payment(p.ID).Confirmed)
			require.Equal(t,
				[]string{"order.created", "payment.processing", "payment.requires_action", "payment.succeeded", "order.paid"},
				w.service.history(o.ID))
		})
	}
}

// returnTo opens our return page, which must send the browser on with the truth.
func returnTo(ctx context.Context, page string) error {
	request, err := http.NewRequestWithContext(ctx, http.MethodGet, page, nil)
	if err != nil {
		return err
	}
	got, err := plainClient.Do(request)
	if err != nil {
		return err
	}
	if err := got.Body.Close(); err != nil {
		return err
	}
	to, err := got.Location()
	if err == nil && to.Query().Get("status") != "succeeded" {
		return fmt.Errorf("the shop is told %q", to.Query().Get("status"))
	}
	return err
}

// TestComplaint_OverRefundRace asks for 60 of 100 fifty times at once, of two processes.
func TestComplaint_OverRefundRace(t *testing.T) {
	t.Parallel()
	w := start(t)
	replicas := []*service{w.service, w.serve(freePort(t))}
	o := w.service.createOrder(object{"amount": 10_000})
	w.service.pay(o.ID, goodCard, nil).requireStatus(t, http.StatusCreated)
	w.requirePaidOnce(o.ID)
	accepted := 0
	for _, r := range together(t.Context(), 50, func(ctx context.Context, i int) (answer, error) {
		return replicas[i%2].untilAnswered(ctx, call{
			method: http.MethodPost, path: "/v1/refunds", key: fmt.Sprintf("refund-%d", i),
			body: object{"order": o.ID, "amount": 6000, "allow_duplicate": true},
		})
	}) {
		require.NoError(t, r.err)
		if r.status == http.StatusCreated || r.status == http.StatusAccepted {
			accepted++
			continue
		}
		require.Equal(t, "refund_exceeds_remaining", codeOf(r.requireStatus(t, http.StatusUnprocessableEntity)))
	}
	require.Equal(t, 1, accepted)
	books := w.provider.books(o.ID).Orders[0]
	require.Equal(t, 1, books.Refunds, "the provider was asked once")
	require.Contains(t, []string{"60.00 0.00", "0.00 60.00"}, books.Refunded+" "+books.RefundPending)
	after := w.service.order(o.ID)
	require.EqualValues(t, 6000, after.AmountRefunded+after.AmountRefundPending, "their books and ours agree")
	w.service.history(o.ID)
}

// TestComplaint_LateFailureOfAPaidOrder: see also TestNotification_ThatSaysFailedDoesNotUndoAPaidOrder, for one on its own.
func TestComplaint_LateFailureOfAPaidOrder(t *testing.T) {
	t.Parallel()
	w := start(t)
	o := w.service.createOrder(nil)
	p := into[payment](t, w.service.pay(o.ID, goodCard, nil).requireStatus(t, http.StatusCreated))
	w.service.awaitPayment(p.ID, "succeeded")
	for _, status := range []string{"F", "N", "P", "U", "R"} {
		got, err := w.service.notify(t.Context(), noticeOf(p).but("status", status).signed(signingKey), nil)
		require.NoError(t, err)
		got.requireStatus(t, http.StatusOK)
		require.Equal(t, "succeeded", w.service.payment(p.ID).Status, status)
		after := w.service.order(o.ID)
		require.Equal(t, "paid", after.Status, status)
		require.Equal(t, after.Amount, after.AmountPaid)
	}
	require.Contains(t, w.service.history(o.ID), "reconciliation.discrepancy", "told, though a query may have settled it by now")
	w.provider.requireOneSale(o.ID)
}

// TestComplaint_AcknowledgedAndThenKilled: what we have acknowledged is not sent again, so it must be there already.
func TestComplaint_AcknowledgedAndThenKilled(t *testing.T) {
	t.Parallel()
	w := start(t)
	o, p := challenged(w, challengeCard, nil)
	unmatched := noticeOf(p).but("merchantTxnId", "pay_01jz3q8t9kf0p8v6m2c4x5y7za").but("transactionId", "2084000000000000999")
	acknowledged, err := w.service.notify(t.Context(), unmatched.signed(signingKey), nil)
	require.NoError(t, err)
	acknowledged.requireStatus(t, http.StatusOK)
	acknowledged, err = w.service.notify(t.Context(), noticeOf(p).signed(signingKey), nil)
	w.service.kill(t)
	require.NoError(t, err)
	acknowledged.requireStatus(t, http.StatusOK)

	statuses := []string{
		value[string](w, "SELECT status FROM notifications WHERE transaction_id = $1", "2084000000000000999"),
		value[string](w, "SELECT status FROM notifications WHERE transaction_id = $1", p.ProviderTransactionID),
	}
	require.Equal(t, []string{"unmatched", "applied"}, statuses)
	require.Equal(t, 1, value[int](w, "SELECT count(*)::int FROM river_job WHERE kind LIKE '%notification%'"), "to be tried again")
	w.restart()
	require.Equal(t, "paid", w.service.order(o.ID).Status)
	require.Equal(t, 1, count(w.service.history(o.ID), "order.paid"))
}
