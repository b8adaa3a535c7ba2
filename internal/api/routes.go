package api

import (
	"net/http"
	"slices"

	"github.com/gin-gonic/gin"

	"tillway/internal/apikeys"
)

// Route is one operation of the API, as the OpenAPI document names it.
type Route struct{ Method, Pattern string }

// Routes lists every route that is served, for the test that holds them to the OpenAPI document.
func Routes() []Route {
	table := (&server{}).allRoutes()
	routes := make([]Route, 0, len(table))
	for _, r := range table {
		routes = append(routes, Route{Method: r.method, Pattern: r.pattern})
	}
	return routes
}

// face says who speaks to a route, which decides how it answers.
type face string

const (
	// faceNone: no route matched.
	faceNone face = ""
	// faceAPI: programs with a key; JSON, media types, error envelopes.
	faceAPI face = "api"
	// facePage: shoppers' browsers, without a key.
	facePage face = "page"
	// faceProvider: the provider's notifications, verified by their signature answered in its terms.
	faceProvider face = "provider"
	// faceProcess: whoever runs us; no key, no limit.
	faceProcess face = "process"
)

// route is one row of the table. Access is given to roles and, if shopper is set, to the order's client secret.
type route struct {
	method, pattern string
	face            face
	roles           []apikeys.Role
	shopper         bool
	// keyRequired: the Idempotency-Key must be there, since the request creates something or moves money.
	keyRequired bool
	// rel is the name of the link to this route in the root resource, "" for none.
	rel string
	// file is the media type of a route that answers a file, "" for JSON. Its errors are JSON all the same.
	file   string
	handle gin.HandlerFunc
}

// allows reports whether a caller may use the route. For a client secret, the order in the path must be its own; that is
// the endpoint's to check, since the path is read there.
func (r route) allows(p principal) bool {
	switch p.kind {
	case principalKey:
		return slices.Contains(r.roles, p.key.Role)
	case principalShopper:
		return r.shopper
	case principalNone:
	}
	return false
}

const testClockPattern = "/v1/test_clock"

// testRoutes are there only while no real money moves: in live mode nothing answers at their paths.
func (s *server) testRoutes() []route {
	if s.Livemode {
		return nil
	}
	admin := []apikeys.Role{apikeys.RoleAdmin}
	return []route{
		{
			method: http.MethodGet, pattern: testClockPattern, face: faceAPI, roles: admin,
			rel: "test_clock", handle: endpoint(s, s.getTestClock),
		},
		{
			method: http.MethodPost, pattern: testClockPattern, face: faceAPI, roles: admin,
			rel: "test_clock:advance", handle: endpoint(s, s.moveTestClock),
		},
	}
}

// allRoutes is the table of all routes (API.md §2).
func (s *server) allRoutes() []route {
	return slices.Concat(s.mainRoutes(), s.refundRoutes(), s.disputeRoutes(), s.customerRoutes(), s.subscriptionRoutes(), s.opsRoutes(),
		s.openRoutes(), s.preflightRoutes(), s.testRoutes())
}

func (s *server) mainRoutes() []route {
	anyRole := apikeys.Roles()
	commerce := []apikeys.Role{apikeys.RoleStorefront, apikeys.RoleAdmin}
	operators := []apikeys.Role{apikeys.RoleOps, apikeys.RoleAdmin}
	return []route{
		{
			method: http.MethodGet, pattern: "/v1", face: faceAPI, roles: anyRole,
			handle: endpoint(s, s.getRoot),
		},
		{
			method: http.MethodPost, pattern: "/v1/orders", face: faceAPI, roles: commerce, keyRequired: true,
			rel: "order:create", handle: endpoint(s, s.createOrder),
		},
		{
			method: http.MethodGet, pattern: "/v1/orders", face: faceAPI, roles: anyRole,
			rel: "orders", handle: listing(s, s.listOrders),
		},
		{
			method: http.MethodGet, pattern: "/v1/orders/{id}", face: faceAPI, roles: anyRole, shopper: true,
			rel: "order", handle: endpoint(s, s.getOrder),
		},
		{
			method: http.MethodPost, pattern: "/v1/orders/{id}", face: faceAPI, roles: commerce,
			rel: "order:update", handle: endpoint(s, s.updateOrder),
		},
		{
			method: http.MethodPost, pattern: "/v1/orders/{id}/cancel", face: faceAPI, roles: commerce,
			rel: "order:cancel", handle: endpoint(s, s.cancelOrder),
		},
		{
			method: http.MethodPost, pattern: "/v1/orders/{id}/payments", face: faceAPI, roles: commerce, shopper: true,
			keyRequired: true, rel: "order:pay", handle: endpoint(s, s.createPayment),
		},
		{
			method: http.MethodGet, pattern: "/v1/orders/{id}/payments", face: faceAPI, roles: anyRole,
			rel: "order:payments", handle: listing(s, s.listOrderPayments),
		},
		{
			method: http.MethodGet, pattern: "/v1/orders/{id}/timeline", face: faceAPI, roles: operators,
			rel: "order:timeline", handle: listing(s, s.getTimeline),
		},
		{
			method: http.MethodGet, pattern: "/v1/payments", face: faceAPI, roles: anyRole,
			rel: "payments", handle: listing(s, s.listPayments),
		},
		{
			method: http.MethodGet, pattern: "/v1/payments/{id}", face: faceAPI, roles: anyRole,
			rel: "payment", handle: endpoint(s, s.getPayment),
		},
		{
			method: http.MethodPost, pattern: "/v1/payments/{id}", face: faceAPI, roles: commerce,
			rel: "payment:update", handle: endpoint(s, s.updatePayment),
		},
		{
			method: http.MethodPost, pattern: "/v1/payments/{id}/capture", face: faceAPI, roles: commerce, keyRequired: true,
			rel: "payment:capture", handle: endpoint(s, s.capturePayment),
		},
		{
			method: http.MethodPost, pattern: "/v1/payments/{id}/cancel", face: faceAPI, roles: commerce, keyRequired: true,
			rel: "payment:cancel", handle: endpoint(s, s.cancelPayment),
		},
		{
			method: http.MethodGet, pattern: "/v1/events", face: faceAPI, roles: anyRole,
			rel: "events", handle: listing(s, s.listEvents),
		},
		{
			method: http.MethodGet, pattern: "/v1/events/{id}", face: faceAPI, roles: anyRole,
			rel: "event", handle: endpoint(s, s.getEvent),
		},
	}
}

// opsRoutes are for who runs the shop (API.md, Ops).
func (s *server) opsRoutes() []route {
	operators := []apikeys.Role{apikeys.RoleOps, apikeys.RoleAdmin}
	return []route{
		{
			method: http.MethodPost, pattern: "/v1/ops/payments/{id}/query", face: faceAPI, roles: operators,
			rel: "payment:query", handle: endpoint(s, s.queryPayment),
		},
		{
			method: http.MethodGet, pattern: "/v1/ops/discrepancies", face: faceAPI, roles: operators,
			rel: "discrepancies", handle: listing(s, s.listDiscrepancies),
		},
		{
			method: http.MethodPost, pattern: "/v1/ops/discrepancies/{id}/resolve", face: faceAPI, roles: operators,
			rel: "discrepancy:resolve", handle: endpoint(s, s.resolveDiscrepancy),
		},
		{
			method: http.MethodGet, pattern: "/v1/ops/subscriptions/summary", face: faceAPI, roles: operators,
			rel: "subscriptions:summary", handle: listing(s, s.summarizeSubscriptions),
		},
		{
			method: http.MethodGet, pattern: "/v1/ops/notifications", face: faceAPI, roles: operators,
			rel: "notifications", handle: listing(s, s.listNotifications),
		},
		{
			method: http.MethodPost, pattern: "/v1/ops/notifications/{id}/replay", face: faceAPI, roles: operators,
			rel: "notification:replay", handle: endpoint(s, s.replayNotification),
		},
	}
}

// openRoutes need no key: shoppers' browsers, the provider, and whoever runs us.
func (s *server) openRoutes() []route {
	return []route{
		{method: http.MethodGet, pattern: "/v1/payments/{id}/return", face: facePage, handle: s.returnPage},
		{method: http.MethodPost, pattern: "/v1/payments/{id}/return", face: facePage, handle: s.returnPage},
		{method: http.MethodGet, pattern: cardPagePath, face: facePage, handle: s.cardReturnPage},
		{method: http.MethodGet, pattern: cardPagePath + "/{token}", face: facePage, handle: s.cardPage},
		{method: http.MethodPost, pattern: cardPagePath + "/{token}", face: facePage, handle: s.takeCard},
		{method: http.MethodPost, pattern: "/v1/webhooks/onerway", face: faceProvider, handle: s.notification},
		{method: http.MethodGet, pattern: "/openapi.yaml", face: faceProcess, handle: gin.WrapH(OpenAPIHandler())},
		{method: http.MethodGet, pattern: "/docs", face: faceProcess, handle: gin.WrapH(DocsHandler())},
		{method: http.MethodGet, pattern: "/healthz", face: faceProcess, handle: s.healthz},
		{method: http.MethodGet, pattern: "/readyz", face: faceProcess, handle: s.readyz},
	}
}

func (s *server) customerRoutes() []route {
	anyRole := apikeys.Roles()
	commerce := []apikeys.Role{apikeys.RoleStorefront, apikeys.RoleAdmin}
	return []route{
		{
			method: http.MethodPost, pattern: "/v1/customers", face: faceAPI, roles: commerce, keyRequired: true,
			rel: "customer:create", handle: endpoint(s, s.createCustomer),
		},
		{
			method: http.MethodGet, pattern: "/v1/customers", face: faceAPI, roles: anyRole,
			rel: "customers", handle: listing(s, s.listCustomers),
		},
		{
			method: http.MethodGet, pattern: "/v1/customers/{id}", face: faceAPI, roles: anyRole,
			rel: "customer", handle: endpoint(s, s.getCustomer),
		},
		{
			method: http.MethodPost, pattern: "/v1/customers/{id}", face: faceAPI, roles: commerce,
			rel: "customer:update", handle: endpoint(s, s.updateCustomer),
		},
		{
			method: http.MethodDelete, pattern: "/v1/customers/{id}", face: faceAPI, roles: commerce,
			rel: "customer:delete", handle: endpoint(s, s.deleteCustomer),
		},
		{
			method: http.MethodGet, pattern: "/v1/customers/{id}/payment_methods", face: faceAPI, roles: anyRole,
			rel: "customer:payment_methods", handle: listing(s, s.listCustomerMethods),
		},
		{
			method: http.MethodPost, pattern: "/v1/payment_methods", face: faceAPI, roles: commerce, keyRequired: true,
			rel: "payment_method:create", handle: endpoint(s, s.createMethod),
		},
		{
			method: http.MethodGet, pattern: "/v1/payment_methods/{id}", face: faceAPI, roles: anyRole,
			rel: "payment_method", handle: endpoint(s, s.getMethod),
		},
		{
			method: http.MethodPost, pattern: "/v1/payment_methods/{id}", face: faceAPI, roles: commerce,
			rel: "payment_method:update", handle: endpoint(s, s.updateMethod),
		},
		{
			method: http.MethodPost, pattern: "/v1/payment_methods/{id}/attach", face: faceAPI, roles: commerce,
			rel: "payment_method:attach", handle: endpoint(s, s.attachMethod),
		},
		{
			method: http.MethodPost, pattern: "/v1/payment_methods/{id}/detach", face: faceAPI, roles: commerce,
			rel: "payment_method:detach", handle: endpoint(s, s.detachMethod),
		},
	}
}

func (s *server) refundRoutes() []route {
	anyRole := apikeys.Roles()
	commerce := []apikeys.Role{apikeys.RoleStorefront, apikeys.RoleAdmin}
	operators := []apikeys.Role{apikeys.RoleOps, apikeys.RoleAdmin} // a storefront's key asks for refunds; people decide on them
	return []route{
		{
			method: http.MethodPost, pattern: "/v1/refunds", face: faceAPI, roles: commerce, keyRequired: true,
			rel: "order:refund", handle: endpoint(s, s.createRefund),
		},
		{
			method: http.MethodGet, pattern: "/v1/refunds", face: faceAPI, roles: anyRole,
			rel: "refunds", handle: listing(s, s.listRefunds),
		},
		{
			method: http.MethodGet, pattern: "/v1/refunds/{id}", face: faceAPI, roles: anyRole,
			rel: "refund", handle: endpoint(s, s.getRefund),
		},
		{
			method: http.MethodPost, pattern: "/v1/refunds/{id}", face: faceAPI, roles: commerce,
			rel: "refund:update", handle: endpoint(s, s.updateRefund),
		},
		{
			method: http.MethodPost, pattern: "/v1/refunds/{id}/cancel", face: faceAPI, roles: commerce,
			rel: "refund:cancel", handle: endpoint(s, s.cancelRefund),
		},
		{
			method: http.MethodPost, pattern: "/v1/refunds/{id}/approve", face: faceAPI, roles: operators,
			rel: "refund:approve", handle: endpoint(s, s.approveRefund),
		},
		{
			method: http.MethodPost, pattern: "/v1/refunds/{id}/reject", face: faceAPI, roles: operators,
			rel: "refund:reject", handle: endpoint(s, s.rejectRefund),
		},
	}
}
