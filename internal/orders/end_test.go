package orders_test

import (
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"golang.org/x/sync/errgroup"

	"tillway/internal/details"
	"tillway/internal/fault"
	"tillway/internal/ids"
	"tillway/internal/orders"
)

func TestCancel_EndsAnOpenOrderOnce(t *testing.T) {
	t.Parallel()
	b := setup(t)
	o := b.order()
	b.clock.advance(time.Minute)

	canceled, err := b.service.Cancel(t.Context(), orders.CancelOrder{Order: o.ID, Idempotency: key("k"), CorrelationID: "corr"})
	require.NoError(t, err)
	require.Equal(t, orders.StatusCanceled, canceled.Status)
	require.Equal(t, canceled, b.get(o.ID))

	repeated, err := b.service.Cancel(t.Context(), orders.CancelOrder{Order: o.ID, Idempotency: key("k"), CorrelationID: "corr"})
	require.NoError(t, err)
	require.Equal(t, canceled, repeated)
	for _, idem := range []orders.Idempotency{key("another"), {}} {
		_, err = b.service.Cancel(t.Context(), orders.CancelOrder{Order: o.ID, Idempotency: idem, CorrelationID: "corr"})
		requireFault(t, err, fault.Conflict, "order_not_cancelable")
	}
	require.Equal(t, []string{"order.created", "order.canceled"}, b.events(o.ID))

	_, err = b.service.Cancel(t.Context(), orders.CancelOrder{Order: ids.New[ids.OrderEntity](), Idempotency: key("k"), CorrelationID: "corr"})
	requireFault(t, err, fault.NotFound, "resource_missing")
}

func TestCancel_TwentyAtOnceMakeOneEvent(t *testing.T) {
	t.Parallel()
	b := setup(t)
	o := b.order()
	var group errgroup.Group
	for range 20 {
		group.Go(func() error {
			_, err := b.service.Cancel(t.Context(), orders.CancelOrder{Order: o.ID, Idempotency: key("k"), CorrelationID: "corr"})
			return err
		})
	}
	require.NoError(t, group.Wait())
	require.Len(t, b.events(o.ID), 2)
}

func TestCancel_IsRefusedOnceMoneyIsPendingOrTaken(t *testing.T) {
	t.Parallel()
	b := setup(t)
	pending, _ := b.challenged()
	b.gateway.sale = nil
	paid := b.order()
	b.pay(paid, "k")
	for _, o := range []orders.Order{pending, paid} {
		_, err := b.service.Cancel(t.Context(), orders.CancelOrder{Order: o.ID, Idempotency: key("c"), CorrelationID: "corr"})
		requireFault(t, err, fault.Conflict, "order_not_cancelable")
	}
}

func TestCancel_OrPayWinsButNeverBoth(t *testing.T) {
	t.Parallel()
	b := setup(t)
	for range 10 {
		o := b.order()
		var canceled, paid error
		var group errgroup.Group
		group.Go(func() error {
			_, canceled = b.service.Cancel(t.Context(), orders.CancelOrder{Order: o.ID, Idempotency: key("c"), CorrelationID: "corr"})
			return nil
		})
		group.Go(func() error { _, paid = b.service.Pay(t.Context(), payRequest(o.ID, key("p"))); return nil })
		require.NoError(t, group.Wait())

		o = b.get(o.ID)
		if canceled == nil {
			requireFault(t, paid, fault.Conflict, "order_not_payable")
			require.Equal(t, orders.StatusCanceled, o.Status)
			require.Zero(t, o.Attempts)
		} else {
			requireFault(t, canceled, fault.Conflict, "order_not_cancelable")
			require.NoError(t, paid)
			require.Equal(t, orders.StatusPaid, o.Status)
		}
	}
}

func TestExpireDue_EndsEachDueOrderOnceWhoeverSweeps(t *testing.T) {
	t.Parallel()
	b := setup(t)
	hour := func(r *orders.CreateOrder) { r.ExpiresIn = time.Hour }
	due := []orders.Order{b.order(hour), b.order(hour), b.order(hour)}
	later := b.order()
	paid := b.order(hour)
	b.pay(paid, "k")
	b.clock.advance(time.Hour)

	var group errgroup.Group
	counts := make([]int, 4)
	for i := range counts {
		process := b.process()
		group.Go(func() error {
			var err error
			counts[i], err = process.ExpireDue(t.Context(), 100)
			return err
		})
	}
	require.NoError(t, group.Wait())
	require.Equal(t, len(due), counts[0]+counts[1]+counts[2]+counts[3])
	for _, o := range due {
		expired := b.get(o.ID)
		require.Equal(t, orders.StatusExpired, expired.Status)
		require.Equal(t, b.clock.Now().UTC().Truncate(time.Microsecond), expired.ExpiredAt)
		require.Equal(t, []string{"order.created", "order.expired"}, b.events(o.ID))
	}
	require.Equal(t, orders.StatusOpen, b.get(later.ID).Status)
	require.Equal(t, orders.StatusPaid, b.get(paid.ID).Status)
	again, err := b.service.ExpireDue(t.Context(), 100)
	require.NoError(t, err)
	require.Zero(t, again)
}

func TestExpireDue_WaitsForAPaymentThatBeganInTime(t *testing.T) {
	t.Parallel()
	b := setup(t)
	o, p := b.challenged()
	b.clock.advance(25 * time.Hour)
	n, err := b.service.ExpireDue(t.Context(), 100)
	require.NoError(t, err)
	require.Zero(t, n, "money may still come")

	b.apply(p, orders.Evidence{Source: orders.SourceNotification, Outcome: orders.OutcomeClosed})
	n, err = b.service.ExpireDue(t.Context(), 100)
	require.NoError(t, err)
	require.Equal(t, 1, n)
	require.Equal(t, orders.StatusExpired, b.get(o.ID).Status)
}

func TestExpireDue_GoesOnPastAnOrderThatItCannotRead(t *testing.T) {
	t.Parallel()
	b := setup(t)
	broken := b.order(func(r *orders.CreateOrder) { r.ExpiresIn = time.Minute })
	o := b.order(func(r *orders.CreateOrder) { r.ExpiresIn = time.Hour })
	_, err := b.pool.Exec(t.Context(), "UPDATE orders SET currency = 'XQQ' WHERE id = $1", broken.ID.UUID())
	require.NoError(t, err)
	b.clock.advance(time.Hour)

	n, err := b.service.ExpireDue(t.Context(), 100)
	require.ErrorContains(t, err, broken.ID.UUID().String())
	require.Equal(t, 1, n)
	require.Equal(t, orders.StatusExpired, b.get(o.ID).Status)
}

func TestUpdate_MergesWhatIsSent(t *testing.T) {
	t.Parallel()
	b := setup(t)
	o := b.order(func(r *orders.CreateOrder) { r.Metadata = details.Metadata{"a": "1", "b": "2"} })
	p := b.pay(o, "k")
	text := func(s string) *string { return &s }
	b.clock.advance(time.Minute)

	for _, step := range []struct {
		patch       details.Patch
		description string
		metadata    details.Metadata
	}{
		{details.Patch{Metadata: map[string]*string{"b": nil, "c": text("3")}}, "", details.Metadata{"a": "1", "c": "3"}},
		{details.Patch{Description: text("new")}, "new", details.Metadata{"a": "1", "c": "3"}},
		{details.Patch{Metadata: map[string]*string{"none": nil, "a": text("")}}, "new", details.Metadata{"a": "", "c": "3"}},
		{details.Patch{ClearMetadata: true, Metadata: map[string]*string{"d": text("4")}}, "new", details.Metadata{"d": "4"}},
		{details.Patch{Description: text(""), ClearMetadata: true}, "", details.Metadata{}},
	} {
		updated, err := b.service.Update(t.Context(), o.ID, step.patch)
		require.NoError(t, err)
		require.Equal(t, step.description, updated.Description)
		require.Equal(t, step.metadata, updated.Metadata)
		require.Equal(t, updated, b.get(o.ID))
		require.Equal(t, orders.StatusPaid, updated.Status)
	}
	require.Len(t, b.events(o.ID), 4, "the merchant's own words are no event")

	paid, err := b.service.UpdatePayment(t.Context(), p.ID, details.Patch{Description: text("x"), Metadata: map[string]*string{"a": text("1")}})
	require.NoError(t, err)
	require.Equal(t, paid, b.payment(p.ID))
	require.Equal(t, details.Metadata{"a": "1"}, paid.Metadata)
}

func TestUpdate_HoldsTheLimitsOfTheWhole(t *testing.T) {
	t.Parallel()
	b := setup(t)
	o := b.order(func(r *orders.CreateOrder) { r.Metadata = pairs(50) })
	p := b.pay(o, "k")
	one, long := "x", strings.Repeat("x", 351)
	for param, patch := range map[string]details.Patch{
		"metadata":    {Metadata: map[string]*string{"one more": &one}},
		"description": {Description: &long},
	} {
		_, err := b.service.Update(t.Context(), o.ID, patch)
		requireParam(t, err, param)
	}
	_, err := b.service.UpdatePayment(t.Context(), p.ID, details.Patch{Description: &long})
	requireParam(t, err, "description")
	require.Len(t, b.get(o.ID).Metadata, 50)

	_, err = b.service.Update(t.Context(), ids.New[ids.OrderEntity](), details.Patch{})
	requireFault(t, err, fault.NotFound, "resource_missing")
	_, err = b.service.UpdatePayment(t.Context(), ids.New[ids.PaymentEntity](), details.Patch{})
	requireFault(t, err, fault.NotFound, "resource_missing")
	_, err = b.service.GetPayment(t.Context(), ids.New[ids.PaymentEntity]())
	requireFault(t, err, fault.NotFound, "resource_missing")
}

func TestUpdate_OfManyAtOnceLosesNone(t *testing.T) {
	t.Parallel()
	b := setup(t)
	o := b.order()
	var group errgroup.Group
	for name := range strings.SplitSeq("abcdefghijklmnop", "") {
		group.Go(func() error {
			_, err := b.service.Update(t.Context(), o.ID, details.Patch{Metadata: map[string]*string{name: &name}})
			return err
		})
	}
	b.pay(o, "k")
	require.NoError(t, group.Wait())
	o = b.get(o.ID)
	require.Len(t, o.Metadata, 16)
	require.Equal(t, orders.StatusPaid, o.Status)
}
