package e2e

import (
	"crypto/rand"
	"maps"
	"net/http"
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

type root struct {
	Role  string
	Links links `json:"_links"`
}

func (c *client) root(secret string) root {
	c.world.t.Helper()
	got := c.send(call{method: http.MethodGet, path: "/v1", as: secret}).requireStatus(c.world.t, http.StatusOK)
	return into[root](c.world.t, got)
}

// follow does what a link says.
func (c *client) follow(l link, body any) answer {
	c.world.t.Helper()
	method := l.Method
	if method == "" {
		method = http.MethodGet
	}
	r := call{method: method, path: l.Href, body: body}
	if method == http.MethodPost {
		r.key = rand.Text()
	}
	return c.send(r)
}

// TestLinks_LeadFromTheRootToAPaidOrder knows one path, /v1, and is told all others.
func TestLinks_LeadFromTheRootToAPaidOrder(t *testing.T) {
	t.Parallel()
	w := start(t)
	c := w.service.client
	start := c.root(storefront)
	made := into[order](t, c.follow(start.Links["order:create"], orderBody(nil)).requireStatus(t, http.StatusCreated))
	pay := c.payCall("", goodCard, "", nil).body
	paid := into[payment](t, c.follow(made.Links["order:pay"], pay).requireStatus(t, http.StatusCreated))
	again := into[payment](t, c.follow(paid.Links["self"], nil).requireStatus(t, http.StatusOK))
	require.Equal(t, paid.ID, again.ID)
	o := into[order](t, c.follow(again.Links["payment:order"], nil).requireStatus(t, http.StatusOK))
	require.Equal(t, "paid", o.Status)
	listed := into[page[payment]](t, c.follow(o.Links["order:payments"], nil).requireStatus(t, http.StatusOK))
	require.Len(t, listed.Data, 1)
}

func TestLinks_OfTheRootAreWhatTheKeyMayDo(t *testing.T) {
	t.Parallel()
	w := start(t)
	made := w.service.createOrder(nil)
	paid := into[payment](t, w.service.pay(made.ID, goodCard, nil).requireStatus(t, http.StatusCreated))
	one := get[page[event]](w.service.client, "/v1/events").Data[0]
	for role, secret := range map[string]string{"storefront": storefront, "ops": operator, "admin": admin} {
		shown := w.service.root(secret)
		require.Equal(t, role, shown.Role)
		require.Equal(t, role != "ops", slices.Contains(slices.Collect(maps.Keys(shown.Links)), "order:create"))
		for rel, l := range shown.Links {
			if l.Method != "" && l.Method != http.MethodGet {
				continue
			}
			object, _, _ := strings.Cut(strings.TrimPrefix(l.Href, "/v1/"), "/")
			id, there := map[string]string{"orders": made.ID, "payments": paid.ID, "events": one.ID}[object]
			if l.Templated && !there {
				continue // nothing of the kind was made
			}
			got := w.service.send(call{method: http.MethodGet, path: strings.ReplaceAll(l.Href, "{id}", id), as: secret})
			require.Equal(t, http.StatusOK, got.status, "%s: %s", rel, got.body)
		}
	}
	refused := w.service.send(call{method: http.MethodPost, path: "/v1/orders", as: operator, key: "k", body: orderBody(nil)})
	require.Equal(t, "forbidden", codeOf(refused.requireStatus(t, http.StatusForbidden)))
}

func TestLinks_OfAnOrderChangeWithItsState(t *testing.T) {
	t.Parallel()
	w := start(t)
	rels := func(id string) []string { return slices.Sorted(maps.Keys(w.service.order(id).Links)) }
	o := w.service.createOrder(nil)
	require.Equal(t, []string{"order:cancel", "order:pay", "order:payments", "self"}, rels(o.ID))

	pending, _ := challenged(w, challengeCard, nil)
	require.Equal(t, []string{"order:payments", "self"}, rels(pending.ID))

	require.Equal(t, http.StatusOK, w.service.follow(w.service.order(o.ID).Links["order:cancel"], nil).status)
	require.Equal(t, []string{"order:payments", "self"}, rels(o.ID))
	require.Equal(t, "canceled", w.service.order(o.ID).Status)
	refused := w.service.pay(o.ID, goodCard, nil).requireStatus(t, http.StatusConflict)
	require.Equal(t, "order_not_payable", codeOf(refused))
	require.Empty(t, w.provider.books(o.ID).Transactions)
}

func TestOrder_ThatExpiresCannotBePaid(t *testing.T) {
	t.Parallel()
	w := start(t)
	o := w.service.createOrder(object{"expires_in": 1})
	w.service.awaitOrder(o.ID, "expired")
	require.Equal(t, []string{"order.created", "order.expired"}, w.service.history(o.ID))
	refused := w.service.pay(o.ID, goodCard, nil).requireStatus(t, http.StatusConflict)
	require.Equal(t, "order_not_payable", codeOf(refused))
	require.Empty(t, w.provider.books(o.ID).Transactions)
}
