package e2e

import (
	"bytes"
	"crypto/rand"
	"net/http"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

type customer struct {
	ID      string
	Email   string
	Deleted bool
	Links   links `json:"_links"`
}

// ford is all that a shop knows of a person; no word of it is elsewhere in a test.
var ford = []string{"Prefect", "ford@guide.example", "+447700900123", "Betelgeuse", "Vogon Lane", "towel from aunt", "hates tea"}

// createCustomer makes a customer who is Ford.
func (c *client) createCustomer() customer {
	c.world.t.Helper()
	made := c.send(call{method: http.MethodPost, path: "/v1/customers", key: rand.Text(), body: object{
		"email": "ford@guide.example", "name": "Ford Prefect", "phone": "+447700900123", "description": "hates tea",
		"billing_details": object{
			"first_name": "Ford", "last_name": "Prefect", "email": "ford@guide.example",
			"address": object{"line1": "1 Vogon Lane", "city": "Betelgeuse", "country": "DE"},
		},
	}})
	return into[customer](c.world.t, made.requireStatus(c.world.t, http.StatusCreated))
}

// ordered is an order of Ford's, with everything that a shop might say of him.
func (c *client) ordered(by customer) order {
	c.world.t.Helper()
	return c.createOrder(object{
		"customer": by.ID, "description": "a towel from aunt", "metadata": object{"note": "hates tea"},
		"billing_details": object{
			"first_name": "Ford", "last_name": "Prefect", "email": "ford@guide.example", "phone": "+447700900123",
			"address": object{"line1": "1 Vogon Lane", "city": "Betelgeuse", "country": "DE"},
		},
	})
}

// knows tells which of the words the database still has.
func (w *world) knows(words []string) []string {
	w.t.Helper()
	dump := bytes.ToLower(dumpDatabase(w.t, w.database))
	var found []string
	for _, word := range words {
		if bytes.Contains(dump, []byte(strings.ToLower(word))) {
			found = append(found, word)
		}
	}
	return found
}

func TestCustomer_ErasedWhileAShopperIsAtTheBank(t *testing.T) {
	t.Parallel()
	w := start(t)
	who := w.service.createCustomer()
	paid := w.service.ordered(who)
	w.service.pay(paid.ID, goodCard, nil).requireStatus(t, http.StatusCreated)
	w.service.send(call{method: http.MethodPost, path: "/v1/refunds", key: "r", body: object{
		"order": paid.ID, "description": "hates tea", "amount": 100,
	}}).requireStatus(t, http.StatusCreated)
	open := w.service.ordered(who)
	p := into[payment](t, w.service.pay(open.ID, challengeCard, object{"metadata": object{"note": "towel from aunt"}}).requireStatus(t, http.StatusCreated))
	require.Equal(t, "requires_action", p.Status)
	require.ElementsMatch(t, ford, w.knows(ford), "the test would prove nothing without it")

	gone := w.service.send(call{method: http.MethodDelete, path: "/v1/customers/" + who.ID}).requireStatus(t, http.StatusOK)
	require.JSONEq(t, `{"id":"`+who.ID+`","object":"customer","deleted":true}`, gone.body)
	var left []string
	w.service.awaiting(func() string { return "still known: " + strings.Join(left, ", ") }, func() bool {
		left = w.knows(ford)
		return len(left) == 0
	})

	comeBack(t, w.provider.press(p, "approve"))
	w.requirePaidOnce(open.ID)
	w.service.awaitPayment(p.ID, "succeeded")
	require.Empty(t, w.knows(ford), "what comes later brings nothing back")
	require.Equal(t, int64(2700), w.service.order(paid.ID).AmountPaid)
	require.True(t, get[customer](w.service.client, "/v1/customers/"+who.ID).Deleted)
	listed := get[page[order]](w.service.client, "/v1/orders?customer="+who.ID)
	require.Len(t, listed.Data, 2, "the books stay")
}
