package api

import (
	"context"
	"net/http"
	"time"

	"tillway/internal/api/strictjson"
	"tillway/internal/details"
	"tillway/internal/fault"
	"tillway/internal/ids"
	"tillway/internal/orders"
)

// orderResource is an order with what can be done with it now.
type orderResource struct {
	orders.OrderResource

	Links links `json:"_links"`
}

type createOrderBody struct {
	Amount          int64             `json:"amount" strict:"required"`
	Currency        string            `json:"currency" strict:"required"`
	Reference       string            `json:"reference"`
	Description     string            `json:"description"`
	Customer        ids.Customer      `json:"customer"`
	Items           []itemBody        `json:"items"`
	BillingDetails  *details.Contact  `json:"billing_details"`
	ShippingDetails *details.Contact  `json:"shipping_details"`
	ReturnURL       string            `json:"return_url"`
	Metadata        map[string]string `json:"metadata"`
	ExpiresIn       *int64            `json:"expires_in"`
	LatePayment     string            `json:"late_payment"`
}

type itemBody struct {
	Name        string `json:"name" strict:"required"`
	UnitAmount  int64  `json:"unit_amount" strict:"required"`
	Quantity    int64  `json:"quantity" strict:"required"`
	Type        string `json:"type"`
	Description string `json:"description"`
	ImageURL    string `json:"image_url"`
}

// checkShape keeps expires_in within what a duration can hold; how long an order may live is the domain's to say.
func (b *createOrderBody) checkShape() error {
	const century = int64(100 * 365 * 24 * time.Hour / time.Second)
	if b.ExpiresIn != nil && (*b.ExpiresIn < 1 || *b.ExpiresIn > century) {
		return fault.InvalidParam("expires_in", "expires_in must be a positive number of seconds, within reason.")
	}
	return nil
}

func (b *createOrderBody) expiresIn() time.Duration {
	if b.ExpiresIn == nil {
		return 0
	}
	return time.Duration(*b.ExpiresIn) * time.Second
}

func (b *createOrderBody) items() []orders.Item {
	items := make([]orders.Item, 0, len(b.Items))
	for _, item := range b.Items {
		items = append(items, orders.Item(item))
	}
	return items
}

func (s *server) createOrder(ctx context.Context, in *call[createOrderBody]) (*answer, error) {
	b := &in.Body
	created, err := s.Orders.Create(ctx, orders.CreateOrder{
		Idempotency: in.Idempotency, CorrelationID: in.CorrelationID, Amount: b.Amount, Currency: b.Currency,
		Reference: b.Reference, Description: b.Description, Customer: b.Customer, Items: b.items(),
		Billing: b.BillingDetails, Shipping: b.ShippingDetails, ReturnURL: b.ReturnURL, Metadata: b.Metadata,
		ExpiresIn: b.expiresIn(), LatePayment: orders.LatePayment(b.LatePayment),
	})
	if err != nil {
		return nil, err
	}
	resource := s.order(ctx, created.Order, in.Caller)
	resource.ClientSecret = created.ClientSecret
	return &answer{Status: http.StatusCreated, Body: resource, Replayed: created.Replayed}, nil
}

func (s *server) getOrder(ctx context.Context, in *call[none]) (*answer, error) {
	o, err := s.Orders.Get(ctx, in.Order)
	if err != nil {
		return nil, err
	}
	return &answer{Body: s.order(ctx, o, in.Caller)}, nil
}

// patchBody updates what is the merchant's own of a resource. A null clears; a null in metadata removes that key.
type patchBody struct {
	Description strictjson.Nullable[string]             `json:"description"`
	Metadata    strictjson.Nullable[map[string]*string] `json:"metadata"`
}

func (b *patchBody) patch() details.Patch {
	p := details.Patch{Metadata: b.Metadata.Value, ClearMetadata: b.Metadata.Null}
	if b.Description.Set {
		p.Description = &b.Description.Value
	}
	return p
}

func (s *server) updateOrder(ctx context.Context, in *call[patchBody]) (*answer, error) {
	o, err := s.Orders.Update(ctx, in.Order, in.Body.patch())
	if err != nil {
		return nil, err
	}
	return &answer{Body: s.order(ctx, o, in.Caller)}, nil
}

func (s *server) cancelOrder(ctx context.Context, in *call[none]) (*answer, error) {
	o, err := s.Orders.Cancel(ctx, orders.CancelOrder{Order: in.Order, Idempotency: in.Idempotency, CorrelationID: in.CorrelationID})
	if err != nil {
		return nil, err
	}
	return &answer{Body: s.order(ctx, o, in.Caller)}, nil
}

func (s *server) listOrders(ctx context.Context, in *call[none], q *query) (*answer, error) {
	page := q.page()
	filter := orders.OrderFilter{
		Status: enum(q, "status", orders.Statuses()), Customer: identifier[ids.CustomerEntity](q, "customer"),
		Reference: q.text("reference"), Currency: q.folded("currency"), Email: q.folded("email"),
		AmountGTE: q.number("amount[gte]"), AmountLTE: q.number("amount[lte]"), Created: q.created(),
	}
	return s.ordersWhere(ctx, in, q, page, filter)
}

func (s *server) ordersWhere(
	ctx context.Context, in *call[none], q *query, page orders.Page, filter orders.OrderFilter,
) (*answer, error) {
	if err := q.finish(); err != nil {
		return nil, err
	}
	found, err := s.Orders.List(ctx, filter, page)
	if err != nil {
		return nil, err
	}
	return listOf(in.Path, q, page, found, func(o orders.Order) (string, any) {
		return o.ID.String(), s.order(ctx, o, in.Caller)
	}), nil
}

func (s *server) order(ctx context.Context, o orders.Order, caller principal) *orderResource {
	note(ctx, o.ID, ids.Payment{})
	return &orderResource{OrderResource: o.Resource(), Links: s.orderLinks(o, caller)}
}
