package api

import (
	"context"
	"errors"
	"log/slog"
	"net/http"
	"net/url"
	"regexp"
	"strings"

	"github.com/gin-gonic/gin"

	"tillway/internal/api/cardpage"
	"tillway/internal/fault"
	"tillway/internal/orders"
	"tillway/internal/subscriptions"
	"tillway/internal/subscriptions/lifecycle"
	"tillway/internal/telemetry"
)

// cardPagePath is the page on which a customer gives a new card; behind it stands the token of a link. It is itself where the
// bank's page leads back to.
const cardPagePath = "/subscriptions/card"

// CardReturnURL is where shoppers end up who have given a card on our own page and authenticated it: an address of ours, which no
// allow-list of the merchant's has. It bears no secret.
func CardReturnURL(publicURL string) string { return publicURL + cardPagePath }

// linkToken is what a link's token looks like; what looks different is asked of nobody.
var linkToken = regexp.MustCompile(`^[A-Za-z0-9_-]{20,128}$`)

// linkCookie remembers, on the page's own paths, which link its visitor came by: the way back from a bank's page bears no secret.
const linkCookie = "tillway_card_link"

// linkCookieAge is in seconds: longer than a bank's page is open.
const linkCookieAge = 2 * 60 * 60

// cardPage shows what a link leads to, however it stands (GET /subscriptions/card/{token}).
func (s *server) cardPage(c *gin.Context) {
	defer s.bound(c)()
	if visit, ok := s.visited(c); ok {
		status, page := viewOf(visit)
		s.drawCard(c, status, page)
	}
}

// takeCard charges the card that was typed on the page (POST /subscriptions/card/{token}). Whatever comes of it is shown by the page
// itself, which the browser is sent to: reloading that sends nothing twice.
func (s *server) takeCard(c *gin.Context) {
	defer s.bound(c)()
	if !s.fromOwnPage(c.Request) {
		s.drawCard(c, http.StatusForbidden, messageOf("Open the link again", "This form was sent from another page. Please open the link that the shop has sent you."))
		return
	}
	visit, ok := s.visited(c)
	if !ok {
		return
	}
	form, err := readCardForm(c)
	if err != nil {
		s.drawCard(c, http.StatusBadRequest, messageOf("Please try again", "The form did not arrive as it was sent. Please go back and send it again."))
		return
	}
	token := c.Param("token")
	if !visit.Usable {
		s.sendOn(c, token)
		return
	}
	if !form.valid() {
		s.drawCard(c, http.StatusUnprocessableEntity, formOf(visit, form, "Please check the fields that are marked."))
		return
	}
	result, err := s.Subscriptions.ChangeCard(c.Request.Context(), subscriptions.CardChange{
		Token: token, CorrelationID: telemetry.CorrelationID(c.Request.Context()), Agreed: form.agreed,
		Purchase: subscriptions.Purchase{
			Card: form.card(), ThreeDS: orders.ThreeDS{Strategy: orders.ThreeDSAuto}, Browser: form.browser, ReturnURL: CardReturnURL(s.PublicURL),
		},
	})
	s.afterCard(c, visit, form, result, err)
}

// afterCard sends the browser on: to the bank, or to the page, which says how it stands.
func (s *server) afterCard(c *gin.Context, visit subscriptions.Visit, form cardForm, result subscriptions.Result, err error) {
	token := c.Param("token")
	switch kind := fault.KindOf(err); {
	case err == nil:
	case errors.Is(err, subscriptions.ErrMoreOwed):
		if visit, ok := s.visited(c); ok {
			s.drawCard(c, http.StatusConflict, formOf(visit, form,
				"What is to be paid has changed since you opened this page. Please look again before you send your card."))
		}
		return
	case kind == fault.Conflict: // used meanwhile: the page says so
		s.sendOn(c, token)
		return
	case kind == fault.Unavailable:
		c.Header("Retry-After", seconds(defaultRetryAfter))
		s.drawCard(c, http.StatusServiceUnavailable, formOf(visit, form,
			"The bank cannot be reached right now, and nothing was charged. Please try again in a moment."))
		return
	default:
		telemetry.AddField(c.Request.Context(), slog.Any("error", err))
		s.drawCard(c, http.StatusInternalServerError, messageOf("Something went wrong",
			"Your card could not be taken. Please tell the shop; it is not your fault."))
		return
	}
	secure := strings.HasPrefix(s.PublicURL, "https:")
	c.SetSameSite(http.SameSiteLaxMode) // it comes along when the bank's page leads back
	c.SetCookie(linkCookie, token, linkCookieAge, s.publicPath()+cardPagePath, "", secure, true)
	if p := result.Payment; p != nil {
		note(c.Request.Context(), p.Order, p.ID)
		if p.Status == orders.PaymentRequiresAction && p.RedirectURL != "" {
			s.sendOn(c, p.RedirectURL)
			return
		}
	}
	s.sendOn(c, token)
}

// cardReturnPage is where the bank's page leads back to, by way of our return page (GET /subscriptions/card): it says how the
// payment stands that the signature is of.
func (s *server) cardReturnPage(c *gin.Context) {
	defer s.bound(c)()
	query := c.Request.URL.Query()
	id, ok := s.signedPayment(query)
	if !ok || s.CardEntry == CardEntryHostedOnly {
		s.drawCard(c, http.StatusNotFound, goneLink())
		return
	}
	p, err := s.Orders.GetPayment(c.Request.Context(), id)
	if err != nil {
		s.cardTrouble(c, err)
		return
	}
	note(c.Request.Context(), p.Order, p.ID)
	ended, err := s.cameTooLate(c.Request.Context(), p)
	if err != nil {
		s.cardTrouble(c, err)
		return
	}
	page := paymentView(p)
	switch {
	case p.Status.Live() && ended:
		page = tooLate()
	case !p.Status.Live() && !ended:
		if token, err := c.Cookie(linkCookie); err == nil && linkToken.MatchString(token) {
			page.Onward = &cardpage.Onward{URL: "card/" + token, Label: "Try another card"} // relative to this page
		} else {
			page.Text += " To try another card, open the link from the shop again."
		}
	}
	s.drawCard(c, http.StatusOK, page)
}

// cameTooLate reports whether the subscription that a card was given for has ended.
func (s *server) cameTooLate(ctx context.Context, p orders.Payment) (bool, error) {
	o, err := s.Orders.Get(ctx, p.Order)
	if err != nil || o.Subscription.IsZero() {
		return false, err
	}
	sub, err := s.Subscriptions.Get(ctx, o.Subscription)
	return sub.Status.Final(), err
}

// visited opens the link of a request; false when it has answered that there is none.
func (s *server) visited(c *gin.Context) (subscriptions.Visit, bool) {
	token := c.Param("token")
	if s.CardEntry == CardEntryHostedOnly {
		s.drawCard(c, http.StatusNotFound, messageOf("No card can be given here", "This shop takes no cards on this page. Please ask the shop how to pay."))
		return subscriptions.Visit{}, false
	}
	if !linkToken.MatchString(token) {
		s.drawCard(c, http.StatusNotFound, goneLink())
		return subscriptions.Visit{}, false
	}
	visit, err := s.Subscriptions.Visit(c.Request.Context(), token)
	if err != nil {
		s.cardTrouble(c, err)
		return visit, false
	}
	telemetry.AddField(c.Request.Context(), slog.String("subscription", visit.Subscription.ID.String()))
	return visit, true
}

// cardTrouble says that there is no such link, or that it cannot be looked at.
func (s *server) cardTrouble(c *gin.Context, err error) {
	kind := fault.KindOf(err)
	if kind == fault.NotFound {
		s.drawCard(c, http.StatusNotFound, goneLink())
		return
	}
	telemetry.AddField(c.Request.Context(), slog.Any("error", err))
	status := http.StatusInternalServerError
	if kind == fault.Unavailable {
		status = http.StatusServiceUnavailable
		c.Header("Retry-After", seconds(defaultRetryAfter))
	}
	s.drawCard(c, status, messageOf("One moment", "We cannot look at this right now. Please reload this page in a moment. You will not be charged twice."))
}

// fromOwnPage reports whether a form was sent from our own page. Nobody else knows the token that its address bears; this is so
// that not even who does can have another's browser send it. Browsers that say nothing of where they come from are too old to be
// told apart, and "null" is what they say of a page without referrer.
func (s *server) fromOwnPage(r *http.Request) bool {
	switch r.Header.Get("Sec-Fetch-Site") {
	case "same-origin", "none":
		return true
	case "":
		origin := r.Header.Get("Origin")
		return origin == "" || origin == "null" || origin == s.publicOrigin()
	}
	return false
}

// sendOn sends the browser on by GET, as our own pages and the bank's want it.
func (s *server) sendOn(c *gin.Context, to string) {
	c.Header("Location", to)
	c.Status(http.StatusSeeOther)
	c.Writer.WriteHeaderNow()
}

func (s *server) drawCard(c *gin.Context, status int, page cardpage.Page) {
	header := c.Writer.Header()
	header.Set("Content-Type", "text/html; charset=utf-8")
	header.Set("Content-Security-Policy", s.cards.Policy())
	header.Set("X-Robots-Tag", "noindex, nofollow")
	c.Writer.WriteHeader(status)
	if err := s.cards.Draw(c.Writer, page); err != nil {
		telemetry.AddField(c.Request.Context(), slog.String("page", err.Error()))
	}
}

func (s *server) publicOrigin() string {
	u, err := url.Parse(s.PublicURL)
	if err != nil {
		return ""
	}
	return u.Scheme + "://" + u.Host
}

func (s *server) publicPath() string {
	u, err := url.Parse(s.PublicURL)
	if err != nil {
		return ""
	}
	return u.Path
}

// viewOf is the page of a link as it stands.
func viewOf(visit subscriptions.Visit) (int, cardpage.Page) {
	p := visit.Payment
	switch {
	case visit.Subscription.Status.Final():
		return http.StatusNotFound, goneLink()
	case p != nil && p.Status.Live():
		return http.StatusOK, paymentView(*p)
	case visit.Usable && p != nil:
		return http.StatusOK, formOf(visit, cardForm{}, failureOfPayment(*p).Message+nothingCharged)
	case visit.Usable:
		return http.StatusOK, formOf(visit, cardForm{}, "")
	case p == nil && visit.Subscription.Allows(lifecycle.CommandChangeCard):
		return http.StatusOK, waiting() // the card was sent a moment ago
	case p != nil && visit.Subscription.Allows(lifecycle.CommandChangeCard): // it was the last that this link could try
		return http.StatusOK, messageOf("Your card was not accepted",
			failureOfPayment(*p).Message+nothingCharged+" This link tries no more cards. Please ask the shop for another one.")
	}
	return http.StatusNotFound, goneLink()
}
