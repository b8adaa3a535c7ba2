package api

import (
	"net/http"

	"tillway/internal/apikeys"
)

func (s *server) subscriptionRoutes() []route {
	anyRole := apikeys.Roles()
	commerce := []apikeys.Role{apikeys.RoleStorefront, apikeys.RoleAdmin}
	return []route{
		{
			method: http.MethodPost, pattern: "/v1/subscriptions", face: faceAPI, roles: commerce, keyRequired: true,
			rel: "subscription:create", handle: endpoint(s, s.createSubscription),
		},
		{
			method: http.MethodGet, pattern: "/v1/subscriptions", face: faceAPI, roles: anyRole,
			rel: "subscriptions", handle: listing(s, s.listSubscriptions),
		},
		{
			method: http.MethodGet, pattern: "/v1/subscriptions/{id}", face: faceAPI, roles: anyRole,
			rel: "subscription", handle: endpoint(s, s.getSubscription),
		},
		{
			method: http.MethodPost, pattern: "/v1/subscriptions/{id}", face: faceAPI, roles: commerce,
			rel: "subscription:update", handle: endpoint(s, s.updateSubscription),
		},
		{
			method: http.MethodPost, pattern: "/v1/subscriptions/{id}/cancel", face: faceAPI, roles: commerce,
			rel: "subscription:cancel", handle: endpoint(s, s.cancelSubscription),
		},
		{
			method: http.MethodPost, pattern: "/v1/subscriptions/{id}/pause", face: faceAPI, roles: commerce,
			rel: "subscription:pause", handle: endpoint(s, s.pauseSubscription),
		},
		{
			method: http.MethodPost, pattern: "/v1/subscriptions/{id}/resume", face: faceAPI, roles: commerce,
			rel: "subscription:resume", handle: endpoint(s, s.resumeSubscription),
		},
		{
			method: http.MethodGet, pattern: "/v1/subscriptions/{id}/orders", face: faceAPI, roles: anyRole,
			rel: "subscription:orders", handle: listing(s, s.listSubscriptionOrders),
		},
		{
			method: http.MethodGet, pattern: "/v1/subscriptions/{id}/update_link", face: faceAPI, roles: anyRole,
			rel: "subscription:update_link", handle: endpoint(s, s.getUpdateLink),
		},
	}
}
