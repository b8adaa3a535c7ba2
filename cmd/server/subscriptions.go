package main

import (
	"context"
	"fmt"
	"time"

	"tillway/internal/ids"
	"tillway/internal/orders"
	"tillway/internal/subscriptions"
)

// purchaseMargin is what a purchase that was recorded may take to be sent beyond its caller's patience.
const purchaseMargin = 2 * time.Minute

func (a *app) openSubscriptions() (err error) {
	cfg := a.config
	a.subs, err = subscriptions.New(a.pool, a.orders, a.gateway, a.tel.Metrics, a.log, a.now, subscriptions.Config{
		Livemode: cfg.Livemode, DataKey: cfg.DataKey.Reveal(), Zone: cfg.SubscriptionTimezone.Location(),
		ProviderZone: a.provider.Location(), Policy: cfg.DunningPolicy.Policy(), Upcoming: cfg.SubscriptionUpcoming,
		PurchasePatience: cfg.CallerDeadline + purchaseMargin, LinkLasts: cfg.SubscriptionLinkLifetime,
	})
	if err != nil {
		return fmt.Errorf("set up subscriptions: %w", err)
	}
	return nil
}

// contracts has subscriptions, which are made of orders, told of what the provider says to orders.
type contracts struct{ app *app }

// Learn keeps what the provider has told of the contract that a payment begins.
func (c contracts) Learn(ctx context.Context, payment ids.Payment, told orders.Contract) error {
	return c.app.subs.Learn(ctx, payment, told)
}
