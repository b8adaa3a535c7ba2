package renewals

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"regexp"
	"slices"
	"strings"

	"tillway/internal/failpoint"
	"tillway/test/world"
)

const (
	// newCardYear is when the new cards expire; those that subscriptions begin with expire later, and are the same otherwise.
	newCardYear = 2038
	// cardTries bound how often a new card is given: some are lost on the way.
	cardTries = 8
)

// giveCard gives a new card on the page that a link leads to, as a customer does, until it is taken. Whoever serves dies over the
// first try.
func (r *run) giveCard(ctx context.Context, s *Story) error {
	point := r.purchasePoint()
	for range cardTries {
		if err := r.killer.arm(point, true); err != nil {
			return err
		}
		if err := r.tended(ctx, func() error { return r.submitCard(ctx, s) }); err != nil {
			return err
		}
		if err := r.clock.quiet(ctx); err != nil {
			return err
		}
		if err := r.killer.over(); err != nil {
			return err
		}
		year, err := r.cardYear(ctx, s)
		if err != nil || year == newCardYear {
			return err
		}
		point = randomMoment
	}
	return fmt.Errorf("a new card was not taken in %d tries: %w", cardTries, errStuck)
}

// cardYear is when the card expires that a subscription is charged to.
func (r *run) cardYear(ctx context.Context, s *Story) (int, error) {
	var sub struct {
		PaymentMethod struct {
			Card struct {
				ExpYear int `json:"exp_year"`
			} `json:"card"`
		} `json:"payment_method"`
	}
	err := r.client.get(ctx, "/v1/subscriptions/"+s.ID, world.Storefront, &sub)
	return sub.PaymentMethod.Card.ExpYear, err
}

// purchasePoint is the point of a purchase at which the fewest have died.
func (r *run) purchasePoint() failpoint.Name {
	var names []failpoint.Name
	for _, p := range failpoint.Renewals() {
		if p.By == failpoint.ByRequest {
			names = append(names, p.Name)
		}
	}
	return slices.MinFunc(names, func(a, b failpoint.Name) int { return cmp.Compare(r.killer.died[a], r.killer.died[b]) })
}

var agreedField = regexp.MustCompile(`name="agreed" value="([0-9]+)"`)

// submitCard sends the form of a link's page once, and waits until somebody serves again: its answer may be lost with who did.
func (r *run) submitCard(ctx context.Context, s *Story) error {
	var link struct {
		URL string `json:"url"`
	}
	if err := r.client.get(ctx, "/v1/subscriptions/"+s.ID+"/update_link", world.Storefront, &link); err != nil {
		return err
	}
	page, err := r.client.page(ctx, http.MethodGet, link.URL, nil)
	if err != nil {
		return err
	}
	agreed := agreedField.FindStringSubmatch(page)
	if agreed == nil {
		return errors.New("the page for a new card has no form")
	}
	_, _ = r.client.page(ctx, http.MethodPost, link.URL, url.Values{
		"number": {card}, "expiry": {fmt.Sprintf("12/%d", newCardYear)}, "cvc": {"123"}, "name": {"Ada Buyer"}, "agreed": {agreed[1]},
	}) // what came of it is read afterwards, from one who lives
	_, err = r.cardYear(ctx, s)
	return err
}

// page asks for a page, or sends its form, as a browser does, and returns where that led to.
func (c *client) page(ctx context.Context, method, address string, form url.Values) (string, error) {
	request, err := http.NewRequestWithContext(ctx, method, address, strings.NewReader(form.Encode()))
	if err != nil {
		return "", fmt.Errorf("ask for a page: %w", err)
	}
	if form != nil {
		request.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	}
	answer, err := c.http.Do(request)
	if err != nil {
		return "", fmt.Errorf("ask for a page: %w", err)
	}
	defer answer.Body.Close()
	text, err := io.ReadAll(io.LimitReader(answer.Body, mostOfAnswer))
	return string(text), err
}
