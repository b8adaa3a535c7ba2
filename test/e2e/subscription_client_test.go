package e2e

import (
	"crypto/rand"
	"maps"
	"net/http"
	"strings"
)

// subscription is as far as the tests look at one.
type subscription struct {
	ID            string
	Status        string
	LatestOrder   string `json:"latest_order"`
	LatestPayment string `json:"latest_payment"`
	PaymentMethod struct {
		Card struct{ Last4 string }
	} `json:"payment_method"`
	Dunning struct{ Attempt int }
	Links   links `json:"_links"`
}

// cardLink is a link for a new card.
type cardLink struct{ URL string }

func (l cardLink) token() string { return l.URL[strings.LastIndex(l.URL, "/")+1:] }

func subscriptionBody(customer, card string, changes object) object {
	body := object{
		"customer": customer, "amount": 1500, "currency": "eur", "interval": "month", "description": "Coffee club", "return_url": shop + "/club",
		"payment_method": object{"type": "card", "card": object{
			"number": card, "exp_month": 12, "exp_year": 2031, "cvc": "123", "holder_name": "Ada Lovelace",
		}},
	}
	maps.Copy(body, changes)
	return body
}

func (c *client) subscribe(customer, card string, changes object) answer {
	c.world.t.Helper()
	c.world.cards.remember(card)
	return c.send(call{method: http.MethodPost, path: "/v1/subscriptions", key: rand.Text(), body: subscriptionBody(customer, card, changes)})
}

func (c *client) subscription(id string) subscription {
	c.world.t.Helper()
	return get[subscription](c, "/v1/subscriptions/"+id)
}

// awaitSubscription waits until a subscription is so, as it becomes by itself.
func (c *client) awaitSubscription(id, what string, holds func(subscription) bool) subscription {
	c.world.t.Helper()
	var found subscription
	c.awaiting(func() string { return what + ": " + found.Status }, func() bool {
		found = c.subscription(id)
		return holds(found)
	})
	return found
}

// subscribed is a subscription that is active. The bank asks about the others of the test cards.
func (c *client) subscribed(changes object) subscription {
	c.world.t.Helper()
	begun := into[subscription](c.world.t, c.subscribe(c.createCustomer().ID, frictionlessCard, changes).requireStatus(c.world.t, http.StatusCreated))
	return c.awaitSubscription(begun.ID, "it begins", func(s subscription) bool { return s.Status == "active" })
}

func (c *client) cardLink(subscription string) cardLink {
	c.world.t.Helper()
	return get[cardLink](c, "/v1/subscriptions/"+subscription+"/update_link")
}
