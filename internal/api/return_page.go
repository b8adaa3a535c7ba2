package api

import (
	"context"
	"crypto/hmac"
	"crypto/sha256"
	"encoding/base64"
	"encoding/hex"
	"errors"
	"fmt"
	"html/template"
	"log/slog"
	"net/http"
	"net/url"
	"strings"
	"time"

	"github.com/gin-gonic/gin"

	"tillway/internal/fault"
	"tillway/internal/ids"
	"tillway/internal/orders"
	"tillway/internal/telemetry"
)

// returnPatience is how long a shopper waits for the provider's word before being sent on with what we know.
const returnPatience = 3 * time.Second

// returnPage is where the shopper's browser comes back to after 3DS or the provider's checkout. Nothing in its query or form is believed, or even
// read: the payment's id says what it is about, the provider says how it stands, and the way on is the merchant's
// allow-listed return_url (API.md §2).
func (s *server) returnPage(c *gin.Context) {
	defer s.bound(c)()
	ctx := c.Request.Context()
	id, err := ids.Parse[ids.PaymentEntity](c.Param("id"))
	if err != nil || id.IsZero() {
		s.page(c, http.StatusNotFound, notFoundPage())
		return
	}
	p, err := s.returned(ctx, id)
	switch kind := fault.KindOf(err); {
	case err == nil:
	case kind == fault.NotFound:
		s.page(c, http.StatusNotFound, notFoundPage())
		return
	default:
		telemetry.AddField(ctx, slog.Any("error", err))
		status := http.StatusInternalServerError
		if kind == fault.Unavailable {
			status = http.StatusServiceUnavailable
			c.Header("Retry-After", seconds(defaultRetryAfter))
		}
		s.page(c, status, pageText{
			Title: "One moment", Text: "We cannot look at your payment right now. Please reload this page in a moment. You will not be charged twice.",
		})
		return
	}
	note(ctx, p.Order, p.ID)
	to, ok := s.wayBack(p)
	if !ok {
		s.page(c, http.StatusOK, statusPage(p.Status))
		return
	}
	c.Header("Location", to)
	s.page(c, http.StatusSeeOther, statusPage(p.Status))
}

// returned reads a payment and, if its outcome is open, asks the provider once. A question that is not answered in time
// changes nothing: the settling sweep asks again.
func (s *server) returned(ctx context.Context, id ids.Payment) (orders.Payment, error) {
	p, err := s.Orders.GetPayment(ctx, id)
	if err != nil || !p.Status.Open() {
		return p, err
	}
	ctx, cancel := context.WithTimeoutCause(ctx, returnPatience, errors.New("the shopper waits no longer"))
	defer cancel()
	settled, err := s.Orders.Settle(ctx, id, returnPatience)
	if err != nil {
		telemetry.AddField(ctx, slog.String("settle", err.Error()))
		return p, nil
	}
	return settled, nil
}

// wayBack is the merchant's address with what happened, signed. The allow-list is asked again: it may have changed since
// the order was made, and this is the moment when it counts.
func (s *server) wayBack(p orders.Payment) (string, bool) {
	if p.ReturnURL == "" || !s.ReturnURLAllowed(p.ReturnURL) {
		return "", false
	}
	to, err := url.Parse(p.ReturnURL)
	if err != nil {
		return "", false
	}
	order, payment, status := p.Order.String(), p.ID.String(), string(p.Status)
	ours := "order=" + order + "&payment=" + payment + "&status=" + status + "&signature=" + hex.EncodeToString(s.returnMAC(order, payment, status))
	to.RawQuery = strings.TrimPrefix(escapeLoose(withoutOurs(to.RawQuery))+"&"+ours, "&")
	return to.String(), true
}

// returnMAC proves that the three come from us.
func (s *server) returnMAC(order, payment, status string) []byte {
	mac := hmac.New(sha256.New, s.ReturnSecret)
	mac.Write([]byte(order + "." + payment + "." + status))
	return mac.Sum(nil)
}

// signedPayment is the payment of a query that we have signed; false for any other.
func (s *server) signedPayment(query url.Values) (ids.Payment, bool) {
	signature, err := hex.DecodeString(query.Get("signature"))
	if err != nil || !hmac.Equal(signature, s.returnMAC(query.Get("order"), query.Get("payment"), query.Get("status"))) {
		return ids.Payment{}, false
	}
	id, err := ids.Parse[ids.PaymentEntity](query.Get("payment"))
	return id, err == nil && !id.IsZero()
}

// escapeLoose escapes what a merchant wrote into the query as it is and what no Location may hold: spaces, and text beyond
// ASCII (RFC 3986 §2).
func escapeLoose(query string) string {
	var escaped strings.Builder
	for i := range len(query) {
		if char := query[i]; char <= ' ' || char >= 0x7f {
			fmt.Fprintf(&escaped, "%%%02X", char)
		} else {
			escaped.WriteByte(char)
		}
	}
	return escaped.String()
}

// withoutOurs keeps the merchant's own query as it was written, but for the names that we are about to add: two values of
// status would leave it to the reader which one counts.
func withoutOurs(query string) string {
	var kept []string
	for pair := range strings.SplitSeq(query, "&") {
		name, _, _ := strings.Cut(pair, "=")
		if unescaped, err := url.QueryUnescape(name); err == nil {
			name = unescaped
		}
		switch name {
		case "order", "payment", "status", "signature":
		default:
			if pair != "" {
				kept = append(kept, pair)
			}
		}
	}
	return strings.Join(kept, "&")
}

type pageText struct{ Title, Text string }

func notFoundPage() pageText {
	return pageText{Title: "Not found", Text: "There is no such payment. Please go back to the shop."}
}

func statusPage(status orders.PaymentStatus) pageText {
	const closing = " You can close this page."
	switch status {
	case orders.PaymentSucceeded, orders.PaymentAuthorized:
		return pageText{Title: "Thank you", Text: "Your payment is complete." + closing}
	case orders.PaymentFailed, orders.PaymentCanceled, orders.PaymentExpired:
		return pageText{Title: "Not paid", Text: "Your payment was not completed. Please go back to the shop to try again."}
	case orders.PaymentProcessing, orders.PaymentRequiresAction, orders.PaymentUnknown:
	}
	return pageText{Title: "Almost there", Text: "Your payment is being processed. The shop will confirm it to you." + closing}
}

const pageStyle = `body{font-family:system-ui,sans-serif;max-width:32rem;margin:20vh auto;padding:0 1rem;color:#1d2433}`

// page writes one of the few pages that shoppers see, with nothing on it that could run or load.
func (s *server) page(c *gin.Context, status int, text pageText) {
	header := c.Writer.Header()
	header.Set("Content-Type", "text/html; charset=utf-8")
	header.Set("Content-Security-Policy", s.pagePolicy)
	c.Writer.WriteHeader(status)
	if err := s.pageTemplate.Execute(c.Writer, text); err != nil {
		telemetry.AddField(c.Request.Context(), slog.String("page", err.Error()))
	}
}

func newPageTemplate() *template.Template {
	return template.Must(template.New("page").Parse(`<!doctype html>
<html lang="en"><head><meta charset="utf-8"><meta name="viewport" content="width=device-width"><title>{{.Title}}</title>
<style>` + pageStyle + `</style></head>
<body><h1>{{.Title}}</h1><p>{{.Text}}</p></body></html>
`))
}

func newPagePolicy() string {
	style := sha256.Sum256([]byte(pageStyle))
	return "default-src 'none'; style-src 'sha256-" + base64.StdEncoding.EncodeToString(style[:]) +
		"'; frame-ancestors 'none'; base-uri 'none'; form-action 'none'"
}
