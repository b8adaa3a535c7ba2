package api_test

import (
	"maps"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"tillway/internal/api"
	"tillway/internal/ids"
	"tillway/internal/orders"
)

// linked is a subscription that is active, and the page for a new card.
func (b *testBundle) linked(t *testing.T) (subscription, page string) {
	t.Helper()
	subscription, _ = b.subscribed(t)
	link := b.do(t, request{method: "GET", path: subscription + "/update_link"})
	require.Equal(t, http.StatusOK, link.status, link.body)
	require.Equal(t, "subscription_update_link", link.str("object"))
	require.Equal(t, strings.TrimPrefix(subscription, "/v1/subscriptions/"), link.str("subscription"))
	require.ElementsMatch(t, []string{"self", "update_link:subscription"}, link.rels())
	page, found := strings.CutPrefix(link.str("url"), publicURL)
	require.True(t, found, link.str("url"))
	return subscription, page
}

func (b *testBundle) visit(t *testing.T, page string) response {
	t.Helper()
	return b.do(t, request{method: "GET", path: page, as: "none"})
}

// give sends the page's form as a browser does.
func (b *testBundle) give(t *testing.T, page string, fields url.Values, headers ...map[string]string) response {
	t.Helper()
	header := map[string]string{"Content-Type": "application/x-www-form-urlencoded", "Sec-Fetch-Site": "same-origin", "Origin": "null"}
	for _, more := range headers {
		maps.Copy(header, more)
	}
	return b.do(t, request{method: "POST", path: page, as: "none", body: fields.Encode(), header: header})
}

func typed(number string, changes ...string) url.Values {
	fields := url.Values{
		"number": {number[:4] + " " + number[4:]}, "expiry": {"12 / 31"}, "cvc": {"123"}, "name": {"Ada Lovelace"},
		"language": {"de-DE"}, "java_enabled": {"false"}, "color_depth": {"24"}, "screen_height": {"844"}, "screen_width": {"390"},
		"time_zone_offset": {"-60"},
	}
	for i := 0; i+1 < len(changes); i += 2 {
		fields.Set(changes[i], changes[i+1])
	}
	return fields
}

const mastercard = "5555555555554444"

func requireCardPage(t *testing.T, got response, status int, texts ...string) {
	t.Helper()
	require.Equal(t, status, got.status, got.body)
	for _, text := range texts {
		require.Contains(t, got.body, text)
	}
	require.Equal(t, "text/html; charset=utf-8", got.header.Get("Content-Type"))
	require.Contains(t, got.header.Get("Content-Security-Policy"), "frame-ancestors 'none'")
	require.Equal(t, "no-referrer", got.header.Get("Referrer-Policy"))
	require.Equal(t, "no-store", got.header.Get("Cache-Control"))
	require.Equal(t, "nosniff", got.header.Get("X-Content-Type-Options"))
	require.Equal(t, "noindex, nofollow", got.header.Get("X-Robots-Tag"))
	require.Empty(t, got.header.Get("Location"))
}

func TestCardPage_TakesANewCardOnce(t *testing.T) {
	t.Parallel()
	b := setup(t)
	subscription, page := b.linked(t)
	requireCardPage(t, b.visit(t, page), http.StatusOK, "Coffee club", "€15.00 every month", "Visa ending in 1390",
		"Nothing is owed now. We verify your card with €1.00 and give it back at once.")

	given := b.give(t, page, typed(mastercard))
	require.Equal(t, http.StatusSeeOther, given.status, given.body)
	require.Equal(t, page, "/subscriptions/card/"+given.header.Get("Location"), "relative to the page")
	cookie := given.header.Get("Set-Cookie")
	for _, part := range []string{"tillway_card_link=", "Path=/subscriptions/card;", "HttpOnly", "Secure", "SameSite=Lax"} {
		require.Contains(t, cookie, part)
	}
	requireCardPage(t, b.visit(t, page), http.StatusOK, "Thank you", "Mastercard ending in 4444")
	changed := b.do(t, request{method: "GET", path: subscription})
	require.Equal(t, []any{"active", "4444"}, []any{changed.at("status"), changed.at("payment_method.card.last4")})

	again := b.give(t, page, typed(goodCard))
	require.Equal(t, http.StatusSeeOther, again.status, "the page says what became of it")
	require.Equal(t, 2, b.provider.saleCount())
	require.NotContains(t, b.logs.String(), mastercard)
	require.NotContains(t, b.logs.String(), strings.TrimPrefix(page, "/subscriptions/card/"), "whoever reads a log cannot use the link")
}

func TestCardPage_ADeclinedCardIsFollowedByAnother(t *testing.T) {
	t.Parallel()
	b := setup(t)
	subscription, page := b.linked(t)
	require.Equal(t, http.StatusSeeOther, b.give(t, page, typed(declinedCard)).status)
	requireCardPage(t, b.visit(t, page), http.StatusOK, "The card has insufficient funds. Nothing was charged.", `id="number"`)
	require.Equal(t, "1390", b.do(t, request{method: "GET", path: subscription}).str("payment_method.card.last4"), "the old one stays")
	b.give(t, page, typed(mastercard))
	requireCardPage(t, b.visit(t, page), http.StatusOK, "Thank you")
}

func TestCardPage_SaysOfTheLastCardThatItWasDeclined(t *testing.T) {
	t.Parallel()
	b := setup(t)
	_, page := b.linked(t)
	for range 5 {
		b.give(t, page, typed(declinedCard))
	}
	shown := b.visit(t, page)
	requireCardPage(t, shown, http.StatusOK, "The card has insufficient funds. Nothing was charged. This link tries no more cards.")
	require.NotContains(t, shown.body, "<form")
	b.give(t, page, typed(mastercard))
	require.Equal(t, 6, b.provider.saleCount(), "the first of the subscription, and five")
}

// A page may have been open since before anything was owed: its card is not charged what it did not tell of.
func TestCardPage_ThatShowedLessIsShownAgain(t *testing.T) {
	t.Parallel()
	b := setup(t)
	subscription, page := b.linked(t)
	requireCardPage(t, b.visit(t, page), http.StatusOK, `name="agreed" value="0"`)
	id, err := ids.Parse[ids.SubscriptionEntity](strings.TrimPrefix(subscription, "/v1/subscriptions/"))
	require.NoError(t, err)
	_, err = b.pool.Exec(t.Context(),
		"UPDATE subscriptions SET status = 'unpaid', unpaid_at = now(), next_charge_at = NULL WHERE id = $1", id.UUID())
	require.NoError(t, err)

	for _, told := range []url.Values{typed(mastercard), typed(mastercard, "agreed", "0"), typed(mastercard, "agreed", "1499")} {
		requireCardPage(t, b.give(t, page, told), http.StatusConflict, "What is to be paid has changed", "To pay now", "€15.00",
			`name="agreed" value="1500"`)
	}
	require.Equal(t, 1, b.provider.saleCount())
	require.Equal(t, http.StatusSeeOther, b.give(t, page, typed(mastercard, "agreed", "1500")).status)
	requireCardPage(t, b.visit(t, page), http.StatusOK, "Thank you")
	require.Equal(t, 2, b.provider.saleCount())
}

// Whoever comes from their bank after all has ended is not told that they are charged from now on, nor where to go on.
func TestCardPage_OfASubscriptionThatHasEnded(t *testing.T) {
	t.Parallel()
	b := setup(t)
	subscription, page := b.linked(t)
	b.give(t, page, typed(challengeCard))
	order := idsOf(b.do(t, request{method: "GET", path: subscription + "/orders"}))[0]
	p := b.paymentOf(t, b.do(t, request{method: "GET", path: "/v1/orders/" + order}).str("latest_payment"))
	require.Equal(t, http.StatusOK, b.do(t, request{method: "POST", path: subscription + "/cancel", body: `{}`}).status)
	requireCardPage(t, b.visit(t, page), http.StatusNotFound, "This link does not work")

	b.provider.settle(p.MerchantTxnID, orders.OutcomeSucceeded, p.Amount)
	returned := b.do(t, request{method: "GET", path: "/v1/payments/" + p.ID.String() + "/return", as: "none"})
	result, found := strings.CutPrefix(returned.header.Get("Location"), publicURL)
	require.True(t, found, returned.header.Get("Location"))
	requireCardPage(t, b.visit(t, result), http.StatusOK, "This subscription has ended")
	requireCardPage(t, b.visit(t, page), http.StatusNotFound, "This link does not work")
}

func TestCardPage_LeadsToTheBankAndBack(t *testing.T) {
	t.Parallel()
	for outcome, text := range map[orders.Outcome]string{
		orders.OutcomeSucceeded: "Thank you", orders.OutcomeDeclined: "Your card was not accepted",
	} {
		b := setup(t)
		subscription, page := b.linked(t)
		given := b.give(t, page, typed(challengeCard))
		require.Equal(t, http.StatusSeeOther, given.status, given.body)
		require.Equal(t, "https://psp.example.com/3ds/1", given.header.Get("Location"))
		requireCardPage(t, b.visit(t, page), http.StatusOK, "Your bank wants to hear from you", `href="https://psp.example.com/3ds/1"`)

		id := strings.TrimPrefix(subscription, "/v1/subscriptions/")
		order := idsOf(b.do(t, request{method: "GET", path: subscription + "/orders"}))[0]
		p := b.paymentOf(t, b.do(t, request{method: "GET", path: "/v1/orders/" + order}).str("latest_payment"))
		require.Equal(t, publicURL+"/subscriptions/card", p.ReturnURL, "the address that is kept bears no secret")
		b.provider.settle(p.MerchantTxnID, outcome, p.Amount)
		returned := b.do(t, request{method: "GET", path: "/v1/payments/" + p.ID.String() + "/return", as: "none"})
		require.Equal(t, http.StatusSeeOther, returned.status, returned.body)
		result, found := strings.CutPrefix(returned.header.Get("Location"), publicURL)
		require.True(t, found, returned.header.Get("Location"))

		cookie, _, _ := strings.Cut(given.header.Get("Set-Cookie"), ";")
		shown := b.do(t, request{method: "GET", path: result, as: "none", header: map[string]string{"Cookie": cookie}})
		requireCardPage(t, shown, http.StatusOK, text)
		require.Equal(t, outcome == orders.OutcomeDeclined, strings.Contains(shown.body, `href="card/`+strings.TrimPrefix(page, "/subscriptions/card/")), shown.body)
		require.NotContains(t, b.visit(t, result).body, "card/"+page[len(page)-20:], "who has no cookie of ours learns nothing")
		b.goOn(t, id)
		want := map[orders.Outcome]string{orders.OutcomeSucceeded: "5032", orders.OutcomeDeclined: "1390"}[outcome]
		require.Equal(t, want, b.do(t, request{method: "GET", path: subscription}).str("payment_method.card.last4"))
	}
}

func TestCardPage_WaitsForAnOutcomeThatIsNotKnown(t *testing.T) {
	t.Parallel()
	b := setup(t)
	_, page := b.linked(t)
	b.give(t, page, typed(lostCard))
	requireCardPage(t, b.visit(t, page), http.StatusOK, "Almost there", `http-equiv="refresh"`)
	require.Equal(t, http.StatusSeeOther, b.give(t, page, typed(goodCard)).status)
	require.Equal(t, 2, b.provider.saleCount(), "no second card meanwhile")
}

func TestCardPage_MarksWhatIsWrong(t *testing.T) {
	t.Parallel()
	b := setup(t)
	_, page := b.linked(t)
	for name, c := range map[string]struct {
		fields url.Values
		wrong  []string
	}{
		"nothing":           {url.Values{}, []string{"number", "expiry", "cvc", "name"}},
		"number":            {typed("4761"), []string{"number"}},
		"letters":           {typed(goodCard + "x"), []string{"number"}},
		"month":             {typed(goodCard, "expiry", "13/31"), []string{"expiry"}},
		"expiry":            {typed(goodCard, "expiry", "soon"), []string{"expiry"}},
		"cvc":               {typed(goodCard, "cvc", "12"), []string{"cvc"}},
		"a card for a name": {typed(goodCard, "name", goodCard), []string{"name"}},
		"a long name":       {typed(goodCard, "name", strings.Repeat("x", 49)), []string{"name"}},
	} {
		got := b.give(t, page, c.fields)
		requireCardPage(t, got, http.StatusUnprocessableEntity, "Please check the fields that are marked.")
		for _, field := range []string{"number", "expiry", "cvc", "name"} {
			marked := strings.Contains(got.body, `id="`+field+`-wrong"`)
			require.Equal(t, slices.Contains(c.wrong, field), marked, "%s: %s", name, field)
		}
		require.NotContains(t, got.body, goodCard)
		require.NotContains(t, got.body, `value="123"`)
	}
	require.Equal(t, 1, b.provider.saleCount())
	require.Equal(t, http.StatusSeeOther, b.give(t, page, typed(mastercard, "expiry", "1231", "screen_width", "wide")).status)
}

func TestCardPage_RefusesFormsOfOtherSites(t *testing.T) {
	t.Parallel()
	b := setup(t)
	_, page := b.linked(t)
	for _, header := range []map[string]string{
		{"Sec-Fetch-Site": "cross-site"}, {"Sec-Fetch-Site": "same-site"}, {"Sec-Fetch-Site": "", "Origin": "https://evil.example.com"},
	} {
		requireCardPage(t, b.give(t, page, typed(goodCard), header), http.StatusForbidden, "This form was sent from another page.")
	}
	require.Equal(t, 1, b.provider.saleCount())
	for _, header := range []map[string]string{
		{"Sec-Fetch-Site": "", "Origin": publicURL}, {"Sec-Fetch-Site": "", "Origin": ""},
	} {
		require.Equal(t, http.StatusSeeOther, b.give(t, page, typed(declinedCard), header).status)
	}
}

func TestCardPage_IsAPlain404ToEverybodyElse(t *testing.T) {
	t.Parallel()
	b := setup(t)
	subscription, page := b.linked(t)
	_, payment, _ := b.challenge(t)
	for _, path := range []string{
		page + "x", page[:len(page)-1], "/subscriptions/card/x", "/subscriptions/card/" + strings.Repeat("a", 500), "/subscriptions/card/%3Cscript%3E",
		"/subscriptions/card", "/subscriptions/card?order=o&payment=" + payment + "&status=succeeded&signature=" + strings.Repeat("0", 64),
	} {
		requireCardPage(t, b.visit(t, path), http.StatusNotFound, "This link does not work")
	}
	requireCardPage(t, b.give(t, page+"x", typed(goodCard)), http.StatusNotFound, "This link does not work")
	b.do(t, request{method: "POST", path: subscription + "/cancel"})
	requireCardPage(t, b.visit(t, page), http.StatusNotFound, "This link does not work")
	_, err := b.pool.Exec(t.Context(), "UPDATE subscription_update_links SET created_at = created_at - interval '2 hours', expires_at = now() - interval '1 hour'")
	require.NoError(t, err)
	requireCardPage(t, b.visit(t, page), http.StatusNotFound, "This link does not work")
	require.Equal(t, 2, b.provider.saleCount())
}

func TestCardPage_IsOffWhereNoCardMayComeIn(t *testing.T) {
	t.Parallel()
	open := setup(t)
	subscription, page := open.linked(t)
	b := setup(t, func(d *api.Deps) { d.CardEntry, d.Subscriptions = api.CardEntryHostedOnly, open.subs })
	requireCardPage(t, b.visit(t, page), http.StatusNotFound, "This shop takes no cards on this page.")
	requireCardPage(t, b.give(t, page, typed(goodCard)), http.StatusNotFound, "This shop takes no cards on this page.")
	b.do(t, request{method: "GET", path: subscription + "/update_link"}).refused(t, http.StatusUnprocessableEntity, invalid, "payment_method_not_allowed",
		"This installation takes no card data (CARD_ENTRY=hosted_only). There is no page here on which a customer could give a new card.", "")
	require.Zero(t, b.provider.saleCount())
}

func TestCardPage_SaysWhenItCannotLook(t *testing.T) {
	t.Parallel()
	b := setup(t)
	_, page := b.linked(t)
	requireCardPage(t, b.give(t, page, typed(unsentCard)), http.StatusServiceUnavailable, "nothing was charged", `id="number"`)
	huge := typed(goodCard, "name", strings.Repeat("x", 20<<10))
	requireCardPage(t, b.give(t, page, huge), http.StatusBadRequest, "The form did not arrive as it was sent.")
	b.cutDatabase()
	got := b.visit(t, page)
	requireCardPage(t, got, http.StatusServiceUnavailable, "Please reload this page in a moment.")
	require.NotEmpty(t, got.header.Get("Retry-After"))
}

// What is not signed is nobody's payment, whoever asks.
func TestCardPage_ShowsNoPaymentWithoutASignature(t *testing.T) {
	t.Parallel()
	b := setup(t)
	order, payment, _ := b.challenge(t)
	status := "requires_action"
	query := "?order=" + order + "&payment=" + payment + "&status=" + status + "&signature=" + sign(order+"."+payment+"."+status)
	requireCardPage(t, b.visit(t, "/subscriptions/card"+query), http.StatusOK, "Your bank wants to hear from you")
	other := ids.New[ids.PaymentEntity]().String()
	requireCardPage(t, b.visit(t, "/subscriptions/card"+strings.Replace(query, payment, other, 1)), http.StatusNotFound)
	signed := "?order=" + order + "&payment=" + other + "&status=" + status + "&signature=" + sign(order+"."+other+"."+status)
	requireCardPage(t, b.visit(t, "/subscriptions/card"+signed), http.StatusNotFound)
}
