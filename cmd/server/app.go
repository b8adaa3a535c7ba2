package main

import (
	"context"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"net/url"
	"slices"
	"time"

	"github.com/jackc/pgx/v5/pgxpool"
	"github.com/redis/go-redis/v9"

	"tillway/internal/api"
	"tillway/internal/apikeys"
	"tillway/internal/config"
	"tillway/internal/customers"
	"tillway/internal/events"
	"tillway/internal/failpoint"
	"tillway/internal/ids"
	"tillway/internal/jobs"
	"tillway/internal/onerway"
	"tillway/internal/onerway/gateway"
	"tillway/internal/orders"
	"tillway/internal/postgres"
	"tillway/internal/ratelimit"
	"tillway/internal/seal"
	"tillway/internal/subscriptions"
	"tillway/internal/telemetry"
	"tillway/internal/testclock"
	"tillway/internal/webhooks"
)

// chargeMargin is what a charge may take beyond ONERWAY_TIMEOUT before its caller-side context ends it.
const chargeMargin = 2 * time.Second

// app is everything that a process of the service is made of, wired top to bottom by newApp.
type app struct {
	config config.Config
	log    *slog.Logger
	tel    *telemetry.Telemetry
	pool   *pgxpool.Pool
	// reads is what reports are read from: a replica, or pool.
	reads     *pgxpool.Pool
	database  *postgres.Clock
	redis     redis.UniversalClient
	provider  *onerway.Client
	gateway   *gateway.Gateway
	keys      *apikeys.Service
	orders    *orders.Service
	customers *customers.Service
	subs      *subscriptions.Service
	events    *events.Service
	receiver  *webhooks.Receiver
	// clock is nil in live mode; now is what it tells, else the database's time. Whatever decides business times takes now.
	clock   *testclock.Clock
	now     func() time.Time
	closers []func(context.Context) error
}

// newApp wires the service, which logs to log. It reaches PostgreSQL, which must be migrated, and creates the configured keys; Redis and the
// provider may be away.
func newApp(ctx context.Context, cfg config.Config, log io.Writer) (_ *app, err error) {
	a := &app{config: cfg, log: telemetry.NewLogger(log, cfg.LogLevel)}
	defer func() {
		if err != nil {
			a.close(context.WithoutCancel(ctx))
		}
	}()
	a.tel, err = telemetry.Setup(ctx, telemetry.Options{
		ServiceName: "tillway", Version: buildVersion(), Livemode: cfg.Livemode, TraceExport: string(cfg.TraceExport()),
	})
	if err != nil {
		return a, fmt.Errorf("set up telemetry: %w", err)
	}
	a.tel.InstallGlobals(a.log) //nolint:contextcheck // the complaints that it logs come with no context
	a.closers = append(a.closers, a.tel.Shutdown)
	for _, step := range []func(context.Context) error{a.openPostgres, a.openClock, a.openRedis, a.openProvider, a.openDomains} {
		if err := step(ctx); err != nil {
			return a, err
		}
	}
	return a, nil
}

func (a *app) openProvider(context.Context) (err error) {
	cfg := a.config
	a.provider, err = onerway.New(onerway.Config{
		BaseURL: cfg.OnerwayBaseURL.String(), MerchantNo: cfg.OnerwayMerchantNo, AppID: cfg.OnerwayAppID,
		SecretKey:         onerway.Conceal(cfg.OnerwaySecretKey.Reveal()),
		PreviousSecretKey: onerway.Conceal(cfg.OnerwaySecretKeyPrevious.Reveal()),
		RemoveTokenPath:   cfg.OnerwayRemoveTokenPath,
		Timezone:          cfg.OnerwayTimezone.Location().String(), Timeout: cfg.OnerwayTimeout,
		WrapTransport: func(next http.RoundTripper) http.RoundTripper {
			return failpoint.Transport(a.tel.PSPTransport(next))
		},
		Breaker: onerway.BreakerConfig{OnChange: func(state string) { //nolint:contextcheck // it changes for all callers at once
			a.log.Warn("circuit to the provider", slog.String("state", state))
			a.tel.Metrics.Circuit(context.Background(), state)
		}},
	})
	if err != nil {
		return fmt.Errorf("set up the provider: %w", err)
	}
	a.closers = append(a.closers, func(context.Context) error { a.provider.Close(); return nil })
	outbound, err := ratelimit.NewOutbound(ratelimit.OutboundOptions{
		Redis: a.redis, PerSecond: cfg.OnerwayRateLimit,
		Observe: func(lane ratelimit.Lane, outcome string, waited time.Duration) { //nolint:contextcheck // a counter needs none
			a.tel.Metrics.OutboundBudget(context.Background(), string(lane), outcome, waited)
		},
	})
	if err != nil {
		return fmt.Errorf("set up the outbound rate limit: %w", err)
	}
	a.gateway, err = gateway.New(gateway.Options{
		Provider: a.provider, Budget: outbound, Observer: a.tel.Metrics, API: gateway.API(cfg.OnerwayAPI), Log: a.log,
		Zone: a.provider.Location(),
	})
	if err != nil {
		return fmt.Errorf("set up the gateway: %w", err)
	}
	return nil
}

// holdLasts is how long an authorization holds the money (Onerway contract §8.9).
const holdLasts = 72 * time.Hour

func (a *app) openDomains(ctx context.Context) error {
	cfg := a.config
	a.keys = apikeys.New(a.pool, apikeys.Options{Livemode: cfg.Livemode, Now: a.database.Now})
	bootstrap := make([]apikeys.BootstrapKey, 0, len(cfg.APIKeys))
	for _, key := range cfg.APIKeys {
		bootstrap = append(bootstrap, apikeys.BootstrapKey{Role: apikeys.Role(key.Role), Secret: key.Key.Reveal()})
	}
	if err := a.keys.Bootstrap(ctx, bootstrap); err != nil {
		return fmt.Errorf("create the keys of API_KEYS: %w", err)
	}
	inserter, err := jobs.NewInserter(a.pool, a.log)
	if err != nil {
		return fmt.Errorf("set up the job queue: %w", err)
	}
	a.customers, err = customers.New(a.pool, inserter, a.gateway, a.log, a.now, customers.Config{
		Livemode: cfg.Livemode, Erase: a.erase, DataKey: cfg.DataKey.Reveal(), CallTimeout: min(cfg.CallerDeadline, cfg.OnerwayTimeout),
	})
	if err != nil {
		return fmt.Errorf("set up customers: %w", err)
	}
	a.orders = orders.New(a.pool, a.gateway, observer{a.tel.Metrics}, a.log, a.now, orders.Config{
		Livemode: cfg.Livemode, PublicURL: cfg.PublicURL.String(), ReturnURLAllowed: a.returnURLAllowed,
		MaxAmount: cfg.MaxAmount, CallerDeadline: cfg.CallerDeadline, ChargeTimeout: cfg.OnerwayTimeout + chargeMargin,
		Schedule: orders.Schedule(cfg.ResolveSchedule), NotFoundAfter: cfg.NotFoundAfter,
		Confirm: orders.ConfirmByQuery(cfg.ConfirmByQuery), SecretKey: cfg.DataKey.Reveal(), RealNow: a.realNow(),
		Refunds: a.gateway, Wallet: a.customers, DuplicateWindow: cfg.RefundDuplicateWindow, RefundWindow: cfg.RefundWindow,
		RefundMaxCount: cfg.RefundMaxCount, ApprovalAbove: orders.ApprovalThresholds(cfg.RefundApprovalAbove), Modifications: a.gateway, Cancellations: a.gateway, HoldLasts: holdLasts,
		Disputes: a.gateway, RefundBooks: a.gateway,
		AuthExpiry: orders.AuthExpiryAction(cfg.AuthExpiryAction), PartialCapture: cfg.PartialCapture, Contracts: contracts{a},
		LocalMethods: cfg.LocalPaymentMethods,
	})
	if err := a.openSubscriptions(); err != nil {
		return err
	}
	a.events = events.New(a.pool)
	return a.openReceiver(inserter)
}

func (a *app) openReceiver(inserter *jobs.Inserter) error {
	cfg := a.config
	sealer, err := seal.New(cfg.DataKey.Reveal(), "notifications")
	if err != nil {
		return fmt.Errorf("set up notifications: %w", err)
	}
	a.receiver = webhooks.New(a.pool, a.orders, a.gateway.News, inserter, a.tel.Metrics, a.log, a.now, webhooks.Config{
		MerchantNo: cfg.OnerwayMerchantNo, Secrets: a.provider.Secrets(), AllowSource: cfg.OnerwayIPAllowlist.Allows,
		PublicURL: cfg.PublicURL.String(), Sealer: sealer, Renewals: a.subs, RealNow: a.database.Now,
	})
	return nil
}

// erase takes a deleted customer out of everything that the service keeps.
func (a *app) erase(ctx context.Context, customer ids.Customer) error {
	if err := a.subs.Erase(ctx, customer); err != nil {
		return err
	}
	return a.orders.Erase(ctx, customer, a.receiver.QueueErasure)
}

// returnURLAllowed reports whether shoppers may be sent to an address: one of the merchant's, or our own page for a new card.
func (a *app) returnURLAllowed(text string) bool {
	u, err := url.Parse(text)
	return text == api.CardReturnURL(a.config.PublicURL.String()) || (err == nil && a.config.ReturnURLAllowlist.Allows(u))
}

// close releases what newApp opened, newest first.
func (a *app) close(ctx context.Context) {
	for _, release := range slices.Backward(a.closers) {
		if err := release(ctx); err != nil {
			a.log.ErrorContext(ctx, "close", slog.Any("error", err))
		}
	}
}

// observer tells the metrics what the orders do.
type observer struct{ metrics *telemetry.Metrics }

// PaymentMoved counts a payment's new status.
func (o observer) PaymentMoved(ctx context.Context, p orders.Payment) {
	o.metrics.PaymentOutcome(ctx, string(p.Status))
}

// Settled records the time to truth.
func (o observer) Settled(ctx context.Context, source orders.Source, after time.Duration) {
	o.metrics.TimeToTruth(ctx, string(source), after)
}

// DiscrepancyMoved counts discrepancies that were opened, and those that have ended.
func (o observer) DiscrepancyMoved(ctx context.Context, d orders.Discrepancy) {
	o.metrics.Discrepancy(ctx, d.Class, string(d.Status))
}
