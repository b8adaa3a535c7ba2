package webhooks

import (
	"context"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"time"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"
	"github.com/riverqueue/river"

	"tillway/internal/failpoint"
	"tillway/internal/fault"
	"tillway/internal/ids"
	"tillway/internal/onerway"
	"tillway/internal/orders"
	"tillway/internal/postgres"
	"tillway/internal/postgres/dbsqlc"
	"tillway/internal/telemetry"
)

const (
	// unmatchedFor is how long a notification may be ahead of us before it speaks of a payment that we do not have.
	unmatchedFor = 15 * time.Minute
	// retryAttempts are spread over some seven hours by River's backoff (the fourth power of the attempt, in seconds).
	retryAttempts = 10

	// discoverPatience bounds how long the provider is asked about what is not on record here.
	discoverPatience = 10 * time.Second

	minSnooze = time.Second
	maxSnooze = 2 * time.Minute
)

// retryArgs is the job that tries to apply a stored notification again.
type retryArgs struct {
	Notification uuid.UUID `json:"notification"`
	// ReceivedAt tells the month, and so the partition, of the row.
	ReceivedAt time.Time `json:"received_at"`
}

// Kind names the job.
func (retryArgs) Kind() string { return "notification_retry" }

// InsertOpts bounds the attempts.
func (retryArgs) InsertOpts() river.InsertOpts { return river.InsertOpts{MaxAttempts: retryAttempts} }

// Register adds the worker that tries again; it is a jobs.Register.
func (r *Receiver) Register(workers *river.Workers) error {
	return river.AddWorkerSafely(workers, river.WorkFunc(r.work))
}

func (r *Receiver) work(ctx context.Context, job *river.Job[retryArgs]) error {
	err := r.retry(ctx, job)
	failpoint.Hit(failpoint.NotificationAfterJob)
	return err
}

// retry tries to apply a stored notification once more. At the last failed attempt the notification is dead.
func (r *Receiver) retry(ctx context.Context, job *river.Job[retryArgs]) error {
	row, err := r.queries.NotificationGet(ctx, dbsqlc.NotificationGetParams{
		ID: job.Args.Notification, Month: monthOf(job.Args.ReceivedAt),
	})
	if postgres.IsNoRows(err) {
		return river.JobCancel(fmt.Errorf("notification %s is gone", job.Args.Notification))
	}
	if err != nil {
		return fmt.Errorf("read notification %s: %w", job.Args.Notification, err)
	}
	ctx = telemetry.WithCorrelationID(ctx, row.CorrelationID)
	telemetry.AddField(ctx, slog.String("notification", ids.From[ids.NotificationEntity](row.ID).String()))
	if !status(row.Status).retried() {
		return nil // a delivery has been quicker
	}
	failpoint.Hit(failpoint.NotificationBeforeJob)
	err = r.applyStored(ctx, row)
	if unmatched(err) {
		err = r.discover(ctx, row, err)
	}
	switch {
	case err == nil:
		r.count(ctx, statusApplied)
		return nil
	case unmatched(err):
		return r.waitForPayment(ctx, row)
	case job.Attempt < job.MaxAttempts:
		return errors.Join(err, r.note(ctx, row, statusFailed, err.Error()))
	case fault.KindOf(err) == fault.Conflict: // the provider has charged by itself what needs no money any more
		return persist(ctx, r.reportMissing(ctx, row, err.Error()))
	default:
		return r.bury(ctx, row, err)
	}
}

// applyStored is apply for a notification that was verified and stored before.
func (r *Receiver) applyStored(ctx context.Context, row dbsqlc.Notification) error {
	news, err := r.readStored(ctx, row)
	if err != nil {
		return err
	}
	return r.hear(ctx, news, func(ctx context.Context, batch *pgx.Batch, applied orders.Applied) error {
		telemetry.AddField(ctx, slog.String("order", applied.Order.String()))
		row.OrderID, row.PaymentID = applied.Order.Nullable(), applied.Payment.ID.Nullable()
		args := r.retried(row, statusApplied, string(applied.Verdict))
		args.Erased = applied.Erased
		return dbsqlc.New(postgres.NewQueue(batch)).NotificationRetried(ctx, args)
	})
}

// discover asks the provider about what the notification tells of, where that may be ours although it is not on record, and tries
// once more. Nobody waits for it here; whoever delivered the notification has been answered.
func (r *Receiver) discover(ctx context.Context, row dbsqlc.Notification, why error) error {
	news, err := r.readStored(ctx, row)
	if err != nil {
		return err
	}
	if err := r.orders.Discover(ctx, news, discoverPatience); err != nil {
		telemetry.AddField(ctx, slog.Any("discover", err))
		return why
	}
	return r.applyStored(ctx, row)
}

func (r *Receiver) readStored(ctx context.Context, row dbsqlc.Notification) (orders.News, error) {
	n, err := onerway.StoredNotification([]byte(row.Body), hex.EncodeToString(row.BodyHash))
	if err != nil {
		return nil, fmt.Errorf("read stored notification %s: %w", row.ID, err)
	}
	if err := r.unhide(row, &n); err != nil {
		return nil, err
	}
	news, err := r.translate(ctx, n)
	if err != nil {
		return nil, fmt.Errorf("read stored notification %s: %w", row.ID, err)
	}
	return news, nil
}

// waitForPayment comes back later, at growing distances, until the notification has been ahead of us for too long.
func (r *Receiver) waitForPayment(ctx context.Context, row dbsqlc.Notification) error {
	age := r.now().Sub(row.CreatedAt)
	if age >= unmatchedFor {
		return persist(ctx, r.reportMissing(ctx, row, "no payment within "+unmatchedFor.String()))
	}
	if err := r.note(ctx, row, statusUnmatched, noPayment); err != nil {
		return persist(ctx, err)
	}
	return river.JobSnooze(min(max(age, minSnooze), maxSnooze, unmatchedFor-age))
}

// reportMissing opens a discrepancy: the provider knows a payment that we do not, for a reason.
func (r *Receiver) reportMissing(ctx context.Context, row dbsqlc.Notification, reason string) error {
	news, err := r.readStored(ctx, row)
	if err != nil {
		return err
	}
	outcome, amount, moved := news.Claim()
	theirs, err := json.Marshal(map[string]any{
		"transaction_id": row.TransactionID, "merchant_txn_id": row.MerchantTxnID, "status": outcome,
		"amount": amount.Minor, "currency": amount.Currency.Lower(),
	})
	if err != nil {
		return fmt.Errorf("describe notification %s: %w", row.ID, err)
	}
	args := dbsqlc.DiscrepancyOpenParams{
		ID: ids.New[ids.DiscrepancyEntity]().UUID(), Class: "missing_here", Subject: row.TransactionID,
		Ours: json.RawMessage("{}"), Theirs: theirs, Now: r.now(),
	}
	if !amount.IsZero() {
		code := amount.Currency.Code()
		args.Currency = &code
		if moved {
			args.MoneyAtRisk = amount.Minor
		}
	}
	err = postgres.InTx(ctx, r.pool, func(ctx context.Context, tx pgx.Tx) error {
		q := dbsqlc.New(tx)
		if err := q.DiscrepancyOpen(ctx, args); err != nil {
			return err
		}
		return q.NotificationRetried(ctx, r.retried(row, statusDead, reason))
	})
	if err != nil {
		return fmt.Errorf("report the payment of notification %s as missing: %w", row.ID, err)
	}
	r.metrics.Discrepancy(ctx, args.Class, string(orders.DiscrepancyOpen))
	r.log.WarnContext(ctx, "notification of a payment that we do not have",
		slog.String("transaction_id", row.TransactionID), slog.String("reason", reason))
	r.count(ctx, statusDead)
	return nil
}

// bury gives up.
func (r *Receiver) bury(ctx context.Context, row dbsqlc.Notification, cause error) error {
	if err := r.note(ctx, row, statusDead, cause.Error()); err != nil {
		return persist(ctx, err)
	}
	r.log.ErrorContext(ctx, "notification could not be applied and is given up",
		slog.String("transaction_id", row.TransactionID), slog.Any("error", cause))
	r.count(ctx, statusDead)
	return river.JobCancel(cause)
}

// persist makes a job that could not write its result down run again without using up an attempt: a notification must not
// look as if it were still tried when nobody tries.
func persist(ctx context.Context, err error) error {
	if err == nil {
		return nil
	}
	telemetry.AddField(ctx, slog.Any("error", err))
	return river.JobSnooze(maxSnooze)
}

// note writes down what came of an attempt.
func (r *Receiver) note(ctx context.Context, row dbsqlc.Notification, s status, reason string) error {
	if err := r.queries.NotificationRetried(ctx, r.retried(row, s, reason)); err != nil {
		return fmt.Errorf("note the attempt at notification %s: %w", row.ID, err)
	}
	return nil
}

func (r *Receiver) retried(row dbsqlc.Notification, s status, reason string) dbsqlc.NotificationRetriedParams {
	return dbsqlc.NotificationRetriedParams{
		ID: row.ID, Month: row.Month, Status: string(s), Reason: reasonText(reason), Now: r.now(),
		OrderID: row.OrderID, PaymentID: row.PaymentID,
	}
}
