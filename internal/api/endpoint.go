package api

import (
	"context"
	"errors"
	"log/slog"
	"net/http"
	"strings"

	"github.com/gin-gonic/gin"

	"tillway/internal/api/strictjson"
	"tillway/internal/fault"
	"tillway/internal/idempotency"
	"tillway/internal/ids"
	"tillway/internal/orders"
	"tillway/internal/telemetry"
)

// call is a request as a handler sees it. B is the body's type; requests without one use none.
type call[B any] struct {
	Body   B
	Caller principal
	// The identifier in the path, read as what the route is about; the others are zero.
	Order        ids.Order
	Payment      ids.Payment
	Refund       ids.Refund
	Customer     ids.Customer
	Dispute      ids.Dispute
	Method       ids.PaymentMethod
	Subscription ids.Subscription
	Event        ids.Event
	Notification ids.Notification
	Discrepancy  ids.Discrepancy
	// Path is the request's own path; RemoteIP is where it came from.
	Path          string
	RemoteIP      string
	Idempotency   orders.Idempotency
	CorrelationID string
}

// none is the body of a request that has nothing to say.
type none struct{}

// answer is what a handler has to say. Status zero is 200.
type answer struct {
	Status int
	Body   any
	// Replayed: the domain recognized a repeated request by its key.
	Replayed bool
	// Open names the resource whose outcome is not known yet, "" when the answer stands.
	Open string
}

type handler[B any] func(ctx context.Context, in *call[B]) (*answer, error)

// shaped is implemented by bodies with rules that their types cannot express.
type shaped interface{ checkShape() error }

// endpoint is the adapter that every operation but the lists goes through: it reads the request strictly, calls the
// handler, at most once per idempotency key, and answers.
func endpoint[B any](s *server, handle handler[B]) gin.HandlerFunc {
	return func(c *gin.Context) {
		defer s.bound(c)()
		in, err := read[B](s, c)
		if err != nil {
			s.refuse(c, err)
			return
		}
		run := func(ctx context.Context) reply { return perform(ctx, s, handle, in) }
		if in.Idempotency.Key == "" {
			s.write(c, run(c.Request.Context()))
			return
		}
		s.write(c, s.once(c, in.Idempotency, in.Caller, run))
	}
}

// listing is the adapter for lists, which take a query and no body.
func listing(s *server, handle func(ctx context.Context, in *call[none], q *query) (*answer, error)) gin.HandlerFunc {
	return func(c *gin.Context) {
		defer s.bound(c)()
		in := &call[none]{Caller: callerOf(c), Path: c.Request.URL.Path}
		err := in.readPath(s.routeOf(c), c.Param("id"))
		q, queryErr := newQuery(c.Request.URL.RawQuery)
		if err == nil {
			err = queryErr
		}
		if err != nil {
			s.refuse(c, err)
			return
		}
		s.write(c, perform(c.Request.Context(), s, func(ctx context.Context, in *call[none]) (*answer, error) {
			return handle(ctx, in, q)
		}, in))
	}
}

var errPatience = errors.New("the request took too long")

// bound gives a request its deadline, and returns what ends it.
func (s *server) bound(c *gin.Context) context.CancelFunc {
	if s.Patience == 0 {
		return func() {}
	}
	ctx, cancel := context.WithTimeoutCause(c.Request.Context(), s.Patience, errPatience)
	c.Request = c.Request.WithContext(ctx)
	return cancel
}

// perform calls a handler and encodes what it says.
func perform[B any](ctx context.Context, s *server, handle handler[B], in *call[B]) reply {
	out, err := handle(ctx, in)
	if err != nil {
		r := s.failed(ctx, err)
		r.replayed = out != nil && out.Replayed
		return r
	}
	status := out.Status
	if status == 0 {
		status = http.StatusOK
	}
	return reply{
		status: status, body: encode(out.Body), replayed: out.Replayed, final: out.Open == "", resource: out.Open,
	}
}

// read reads everything of a request but its media types, which were settled before.
func read[B any](s *server, c *gin.Context) (*call[B], error) {
	in := &call[B]{
		Caller: callerOf(c), Path: c.Request.URL.Path, RemoteIP: c.RemoteIP(),
		CorrelationID: telemetry.CorrelationID(c.Request.Context()),
	}
	r := s.routeOf(c)
	if err := in.readPath(r, c.Param("id")); err != nil {
		return nil, err
	}
	q, err := newQuery(c.Request.URL.RawQuery)
	if err != nil {
		return nil, err
	}
	if err := q.finish(); err != nil {
		return nil, err
	}
	if r.method == http.MethodGet {
		return in, nil
	}
	var key string
	if r.method == http.MethodPost { // nothing else creates anything, or moves money
		if key, err = keyOf(r, c.Request); err != nil {
			return nil, err
		}
	}
	body, err := readBody(c.Request)
	if err != nil {
		return nil, err
	}
	if err := s.decode(body, &in.Body); err != nil {
		return nil, err
	}
	if key != "" {
		in.Idempotency = orders.Idempotency{
			Principal: in.Caller.id(), Key: key, Fingerprint: s.Fingerprints.Fingerprint(r.method, c.Request.URL.Path, body),
		}
	}
	return in, nil
}

func (s *server) decode(body []byte, into any) error {
	value, err := strictjson.Parse(body)
	if err != nil {
		return err
	}
	if err := value.Decode(into); err != nil {
		return err
	}
	if err := s.allowsCard(into); err != nil {
		return err
	}
	if shape, ok := into.(shaped); ok {
		return shape.checkShape()
	}
	return nil
}

// keyOf reads the Idempotency-Key, "" where none is needed and none was sent.
func keyOf(r route, request *http.Request) (string, error) {
	values := request.Header.Values(idempotency.Header)
	if len(values) == 0 && !r.keyRequired {
		return "", nil
	}
	return idempotency.ValidateKey(values)
}

// readPath reads the identifier in the path. Text that is no identifier names nothing that exists. A client secret sees
// no order but its own.
func (in *call[B]) readPath(r route, id string) error {
	var err error
	object, _, _ := strings.Cut(strings.TrimPrefix(strings.TrimPrefix(r.pattern, "/v1/"), "ops/"), "/")
	switch {
	case !strings.Contains(r.pattern, "/{id}"):
		return nil
	case object == "orders":
		in.Order, err = parseID[ids.OrderEntity]("order", id)
		if err == nil && in.Caller.kind == principalShopper && in.Order != in.Caller.order {
			err = forbidden(in.Caller)
		}
	case object == "payments":
		in.Payment, err = parseID[ids.PaymentEntity]("payment", id)
	case object == "refunds":
		in.Refund, err = parseID[ids.RefundEntity]("refund", id)
	case object == "customers":
		in.Customer, err = parseID[ids.CustomerEntity]("customer", id)
	case object == "disputes":
		in.Dispute, err = parseID[ids.DisputeEntity]("dispute", id)
	case object == "payment_methods":
		in.Method, err = parseID[ids.PaymentMethodEntity]("payment method", id)
	case object == "subscriptions":
		in.Subscription, err = parseID[ids.SubscriptionEntity]("subscription", id)
	case object == "events":
		in.Event, err = parseID[ids.EventEntity]("event", id)
	case object == "discrepancies":
		in.Discrepancy, err = parseID[ids.DiscrepancyEntity]("discrepancy", id)
	case object == "notifications":
		in.Notification, err = parseID[ids.NotificationEntity]("notification", id)
	}
	return err
}

func parseID[E ids.Entity](object, text string) (ids.ID[E], error) {
	id, err := ids.Parse[E](text)
	if err != nil || id.IsZero() {
		return ids.ID[E]{}, fault.Missing(object, excerpt(text))
	}
	return id, nil
}

// excerpt shortens what a caller sent before it is shown to them again.
func excerpt(text string) string {
	const longest = 40
	if runes := []rune(telemetry.Scrub(text)); len(runes) > longest {
		return string(runes[:longest]) + "…"
	}
	return telemetry.Scrub(text)
}

// note adds the ids that a request is about to its log line.
func note(ctx context.Context, order ids.Order, payment ids.Payment) {
	if !order.IsZero() {
		telemetry.AddField(ctx, slog.String("order", order.String()))
	}
	if !payment.IsZero() {
		telemetry.AddField(ctx, slog.String("payment", payment.String()))
	}
}
