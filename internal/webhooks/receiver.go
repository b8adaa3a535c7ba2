package webhooks

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net/netip"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgxpool"

	"tillway/internal/failpoint"
	"tillway/internal/fault"
	"tillway/internal/jobs"
	"tillway/internal/onerway"
	"tillway/internal/orders"
	"tillway/internal/postgres"
	"tillway/internal/postgres/dbsqlc"
	"tillway/internal/redact"
	"tillway/internal/seal"
	"tillway/internal/telemetry"
)

// The provider waits five seconds for its acknowledgement (Onerway contract §10.2).
const (
	applyPatience = 3 * time.Second
	storePatience = 1500 * time.Millisecond
	// redeliverAfter is what we ask the provider to wait when we could not store.
	redeliverAfter = time.Minute
)

const noPayment = "no payment, refund or dispute of ours is named so"

// Translate says in our words what a verified notification tells, and of what. An error means that we could not read it; it
// is kept and tried again. News carries no card data.
type Translate func(ctx context.Context, n onerway.Notification) (orders.News, error)

// Config holds the settings of a Receiver.
type Config struct {
	MerchantNo string
	Secrets    onerway.Secrets
	// AllowSource tells whether notifications may come from an address; nil allows all. The address is that of the
	// connection: behind a proxy that is the proxy's, and the list belongs there.
	AllowSource func(netip.Addr) bool
	// PublicURL is where errors are explained, without a trailing slash.
	PublicURL string
	// Sealer seals what stored notifications hide and applying them needs; without it, one that is tried again has lost that.
	Sealer *seal.Sealer
	// Renewals takes news of charges that the provider starts by itself; nil: they find no payment.
	Renewals Renewals
	// RealNow is real time, where the receiver's clock is one that tests move: it limits what is quarantined. Nil: that clock.
	RealNow func() time.Time
}

// Renewals knows the charges that the provider starts by itself, under references of its own.
type Renewals interface {
	// HearRenewal applies news of a renewal whose reference is none of ours: the contract that its evidence names says whose it is.
	// The rider commits with it. It returns orders.ErrNoPayment for a contract that is not ours, or not yet.
	HearRenewal(ctx context.Context, news orders.PaymentNews, rider orders.Rider) error
}

// Receiver takes in notifications. It is an http.Handler and safe for concurrent use by any number of processes on one
// database.
type Receiver struct {
	pool      *pgxpool.Pool
	queries   *dbsqlc.Queries
	orders    *orders.Service
	translate Translate
	jobs      *jobs.Inserter
	metrics   *telemetry.Metrics
	log       *slog.Logger
	now       func() time.Time
	config    Config
	gate      *gate
}

// New makes a Receiver.
func New(
	pool *pgxpool.Pool, service *orders.Service, translate Translate, inserter *jobs.Inserter, metrics *telemetry.Metrics,
	log *slog.Logger, now func() time.Time, config Config,
) *Receiver {
	// The database keeps microseconds, and the month of a row is found again by its time.
	clock := func() time.Time { return now().UTC().Truncate(time.Microsecond) }
	if config.RealNow == nil {
		config.RealNow = clock
	}
	return &Receiver{
		pool: pool, queries: dbsqlc.New(pool), orders: service, translate: translate, jobs: inserter, metrics: metrics,
		log: log, now: clock, config: config, gate: newGate(config.RealNow),
	}
}

// Delivery is one notification as it arrived.
type Delivery struct {
	Body []byte
	// Signature is the value of onerway.SignatureHeader, several lines joined by commas.
	Signature string
	Source    netip.Addr
}

// Receive takes in a notification and returns the acknowledgement once it is stored durably. The error is a fault: Invalid
// for what is no notification, Unauthorized or Forbidden for what is not proven to be the provider's (it is quarantined),
// Unavailable when it could not be stored.
func (r *Receiver) Receive(ctx context.Context, d Delivery) (string, error) {
	n, err := r.verify(d)
	if doubt, ok := errors.AsType[*doubt](err); ok {
		r.quarantine(ctx, d, doubt)
		return "", doubt.refusal
	}
	if err != nil {
		return "", err
	}
	telemetry.AddField(ctx, slog.String("transaction_id", n.TransactionID))
	telemetry.AddField(ctx, slog.String("notify_type", redact.Member("", clip(n.NotifyType+"/"+n.TxnType, maxWord))))
	// The work outlives a sender that hangs up: what it brought is ours to keep.
	failpoint.Hit(failpoint.NotificationVerified)
	if err := r.accept(context.WithoutCancel(ctx), n, d); err != nil {
		return "", err
	}
	failpoint.Hit(failpoint.NotificationStored)
	return n.TransactionID, nil
}

// doubt is why a message is not taken for the provider's, and what its sender is told.
type doubt struct {
	reason  string
	refusal *fault.Error
}

// Error is the text for logs.
func (d *doubt) Error() string { return d.reason }

// verify proves that the provider made the message and that it is for us. The error is a *doubt or a fault.
func (r *Receiver) verify(d Delivery) (onerway.Notification, error) {
	n, err := onerway.VerifyNotification(d.Body, d.Signature, r.config.Secrets)
	switch {
	case errors.Is(err, onerway.ErrMalformed):
		return n, fault.New(fault.Invalid, "parameter_invalid", "The body must be one JSON object, with a transactionId.").Because(err)
	case r.config.AllowSource != nil && !r.config.AllowSource(d.Source):
		return n, &doubt{"source not allowed", fault.New(fault.Forbidden, "forbidden",
			"Notifications are not taken from this address.")}
	case err != nil:
		return n, &doubt{err.Error(), fault.New(fault.Unauthorized, "invalid_signature",
			"The notification's signature is wrong.")}
	case n.MerchantNo != r.config.MerchantNo:
		return n, &doubt{"another merchant", fault.New(fault.Unauthorized, "invalid_signature",
			"The notification is for another merchant.")}
	}
	return n, nil
}

// accept stores a verified notification and applies it if it is of a kind that we act on.
func (r *Receiver) accept(ctx context.Context, n onerway.Notification, d Delivery) error {
	rec, err := r.record(ctx, n, d)
	if err != nil {
		return err
	}
	if !handled(n) {
		return r.keep(ctx, rec, statusReceived, "no handling of "+rec.notifyType+"/"+rec.txnType)
	}
	err = r.apply(ctx, n, rec)
	switch {
	case err == nil:
		r.count(ctx, statusApplied)
		return nil
	case unmatched(err) && n.TxnType == string(onerway.TxnBindCard):
		// It moves no money, and cannot be ahead of us: what it is of is recorded before the provider hears of it.
		return r.keep(ctx, rec, statusReceived, noPayment)
	case unmatched(err):
		return r.keep(ctx, rec, statusUnmatched, noPayment)
	default:
		telemetry.AddField(ctx, slog.Any("error", err))
		return r.keep(ctx, rec, statusFailed, err.Error())
	}
}

// handled is true of what moves a payment, a refund or a dispute today: sales, authorizations, their captures and voids, refunds and their
// rejection in review, cancellations, chargebacks and warnings of them; and what tells that a card is kept. The rest waits as received.
func handled(n onerway.Notification) bool {
	switch n.NotifyType {
	case "TXN":
		switch onerway.TxnType(n.TxnType) {
		case onerway.TxnSale, onerway.TxnAuth, onerway.TxnCapture, onerway.TxnVoid, onerway.TxnRefund:
			return true
		case onerway.TxnBindCard: // a card was kept; no money moved
			return n.Outcome() == onerway.StatusSucceeded
		}
	case "REFUND_AUDIT":
		return n.Outcome() == onerway.StatusFailed
	case "CANCEL":
		return n.Outcome() == onerway.StatusSucceeded || n.Outcome() == onerway.StatusFailed
	case "CHARGEBACK", "PRE_DISPUTE":
		return true
	}
	return false
}

// unmatched reports whether news was of something that we do not have, or do not have yet.
func unmatched(err error) bool {
	return errors.Is(err, orders.ErrNoPayment) || errors.Is(err, orders.ErrNoRefund) || errors.Is(err, orders.ErrNoModification) ||
		errors.Is(err, orders.ErrNoDispute)
}

// apply carries the news to what it is about; the notification is stored in the same transaction.
func (r *Receiver) apply(ctx context.Context, n onerway.Notification, rec record) error {
	news, err := r.translate(ctx, n)
	if err != nil {
		return fmt.Errorf("read notification: %w", err)
	}
	ctx, cancel := context.WithTimeoutCause(ctx, applyPatience, errors.New("applying a notification took too long"))
	defer cancel()
	return r.hear(ctx, news, func(ctx context.Context, batch *pgx.Batch, applied orders.Applied) error {
		telemetry.AddField(ctx, slog.String("order", applied.Order.String()))
		telemetry.AddField(ctx, slog.String("verdict", string(applied.Verdict)))
		return dbsqlc.New(postgres.NewQueue(batch)).NotificationApplied(ctx, rec.applied(applied, r.now()))
	})
}

// hear hands news to whom it is for.
func (r *Receiver) hear(ctx context.Context, news orders.News, rider orders.Rider) error {
	err := r.orders.Hear(ctx, news, rider)
	renewal, isPayment := news.(orders.PaymentNews)
	if !errors.Is(err, orders.ErrNoPayment) || !isPayment || renewal.Scenario != orders.ScenarioRenewal || r.config.Renewals == nil {
		return err
	}
	return r.config.Renewals.HearRenewal(ctx, renewal, rider)
}

// keep stores what was not applied. A new row that there is something to try about comes with the job that tries; it lives
// until the row is applied or given up, so a repeat needs no other.
func (r *Receiver) keep(ctx context.Context, rec record, status status, reason string) error {
	ctx, cancel := context.WithTimeoutCause(ctx, storePatience, errors.New("storing a notification took too long"))
	defer cancel()
	err := postgres.InTx(ctx, r.pool, func(ctx context.Context, tx pgx.Tx) error {
		args := rec.kept(status, reason, r.now())
		if status.retried() {
			args.Sealed = r.seal(args.ID, rec.hidden)
		}
		row, err := dbsqlc.New(tx).NotificationKeep(ctx, args)
		if err != nil || !status.retried() || row.Deliveries > 1 {
			return err
		}
		_, err = r.jobs.InsertTx(ctx, tx, retryArgs{Notification: row.ID, ReceivedAt: row.CreatedAt}, nil)
		return err
	})
	if err != nil {
		return fault.Down(postgres.CodeUnavailable, redeliverAfter, fmt.Errorf("store notification: %w", err),
			"The notification could not be stored. Deliver it again.")
	}
	r.count(ctx, status)
	return nil
}

func (r *Receiver) count(ctx context.Context, s status) {
	r.metrics.Notification(ctx, string(s))
	telemetry.AddField(ctx, slog.String("notification_status", string(s)))
}
