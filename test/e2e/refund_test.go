package e2e

import (
	"context"
	"net/http"
	"strconv"
	"testing"

	"github.com/stretchr/testify/require"
)

func refundCall(key string, body object) call {
	return call{method: http.MethodPost, path: "/v1/refunds", key: key, body: body}
}

// Fifty people give back 60 of 100 at once, in two processes: the money is there for one of them.
func TestRefund_OfFiftyAtOnceOneIsAccepted(t *testing.T) {
	t.Parallel()
	w := start(t)
	other := w.serve(freePort(t))
	o := w.service.createOrder(object{"amount": 10_000})
	w.service.pay(o.ID, goodCard, nil).requireStatus(t, http.StatusCreated)
	results := together(t.Context(), 50, func(ctx context.Context, i int) (answer, error) {
		through := []*service{w.service, other}[i%2]
		return through.try(ctx, refundCall("k"+strconv.Itoa(i), object{"order": o.ID, "amount": 6000, "allow_duplicate": true}))
	})
	accepted := 0
	for _, r := range results {
		require.NoError(t, r.err)
		if r.status == http.StatusCreated || r.status == http.StatusAccepted {
			accepted++
			continue
		}
		require.Equal(t, http.StatusUnprocessableEntity, r.status, r.body)
		require.Contains(t, r.body, "refund_exceeds_remaining")
	}
	require.Equal(t, 1, accepted)
	w.service.awaitOrder(o.ID, "partially_refunded")
	books := w.provider.books(o.ID).Orders[0]
	require.Equal(t, 1, books.Refunds)
	require.Equal(t, []string{"100.00", "60.00", "0.00"}, []string{books.Charged, books.Refunded, books.RefundPending})
	w.service.history(o.ID)
}

// A refund above the threshold reaches the provider when another key has approved it, and not before.
func TestRefund_IsSentOnceApproved(t *testing.T) {
	t.Parallel()
	w := start(t, with("REFUND_APPROVAL_ABOVE", "EUR:1000"))
	o := w.service.createOrder(nil)
	w.service.pay(o.ID, goodCard, nil).requireStatus(t, http.StatusCreated)
	asked := w.service.send(refundCall("r", object{"order": o.ID})).requireStatus(t, http.StatusCreated)
	id := into[struct {
		ID string `json:"id"`
	}](t, asked).ID
	require.Contains(t, asked.body, `"required"`)
	require.Zero(t, w.provider.books(o.ID).Orders[0].Refunds)

	approve := call{method: http.MethodPost, path: "/v1/refunds/" + id + "/approve"}
	w.service.send(approve).requireStatus(t, http.StatusForbidden)
	approve.as = operator
	results := together(t.Context(), 10, func(ctx context.Context, _ int) (answer, error) { return w.service.try(ctx, approve) })
	for _, r := range results {
		require.NoError(t, r.err)
		require.Contains(t, []int{http.StatusOK, http.StatusAccepted}, r.status, r.body)
	}
	w.service.awaitOrder(o.ID, "refunded")
	books := w.provider.books(o.ID).Orders[0]
	require.Equal(t, 1, books.Refunds, "sent once")
	require.Equal(t, "27.00", books.Refunded)
}
