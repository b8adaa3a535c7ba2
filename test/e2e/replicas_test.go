package e2e

import (
	"context"
	"fmt"
	"net/http"
	"slices"
	"testing"

	"github.com/stretchr/testify/require"
)

// TestReplicas_RaceForTheSameOrdersAndEachIsSoldAndSettledOnce: every process serves and works, on the same orders, and no
// charge's answer can be believed. Nobody notifies, so each payment is settled by some worker's query, once.
func TestReplicas_RaceForTheSameOrdersAndEachIsSoldAndSettledOnce(t *testing.T) {
	t.Parallel()
	for _, n := range []int{2, 4} {
		t.Run(fmt.Sprintf("%d replicas", n), func(t *testing.T) {
			t.Parallel()
			w := patientWorld(t)
			w.provider.silence()
			replicas := []*service{w.service}
			for len(replicas) < n {
				replicas = append(replicas, w.serve(freePort(t)))
			}
			ids := createMany(w, 8)
			abandoned := w.service.createOrder(object{"expires_in": 1})
			results := together(t.Context(), len(ids)*n, func(ctx context.Context, i int) (answer, error) {
				c, id := replicas[i%n].client, ids[i/n]
				return c.untilAnswered(ctx, c.payCall(id, "4000009900000194", fmt.Sprintf("key-%d", i%n), nil))
			})
			for _, r := range results {
				require.NoError(t, r.err)
				require.Contains(t, []int{http.StatusAccepted, http.StatusConflict, http.StatusCreated}, r.status, r.body)
			}
			for _, id := range ids {
				w.requirePaidOnce(id)
				history := slices.DeleteFunc(w.service.history(id), func(kind string) bool {
					return kind == "payment.unknown" // a worker may be quicker than the answer
				})
				require.Equal(t, []string{"order.created", "payment.processing", "payment.succeeded", "order.paid"}, history)
			}
			require.Equal(t, len(ids), value[int](w, "SELECT count(*)::int FROM evidence WHERE source = 'query' AND verdict = 'move'"))
			w.service.awaitOrder(abandoned.ID, "expired")
			require.Equal(t, []string{"order.created", "order.expired"}, w.service.history(abandoned.ID))
			for _, r := range replicas {
				r.stop(t)
			}
		})
	}
}
