package webhooks

import (
	"context"
	"encoding/hex"
	"errors"
	"fmt"
	"log/slog"

	"tillway/internal/fault"
	"tillway/internal/ids"
	"tillway/internal/onerway"
	"tillway/internal/orders"
	"tillway/internal/postgres"
	"tillway/internal/postgres/dbsqlc"
	"tillway/internal/telemetry"
)

// Replay applies a stored notification once more, as if it had just come, and returns it as it is then. Whether it could be
// applied is told by its status and reason, and is no error: what was applied before changes nothing, and what still cannot
// be applied says why. It returns a fault NotFound, or Conflict notification_not_replayable for what was never proven to be
// the provider's, or is of a kind that we do not act on.
func (r *Receiver) Replay(ctx context.Context, id ids.Notification) (Notification, error) {
	row, err := r.find(ctx, id)
	if err != nil {
		return Notification{}, err
	}
	if err := refuseReplay(row); err != nil {
		return Notification{}, err
	}
	telemetry.AddField(ctx, slog.String("notification", id.String()))
	ctx = context.WithoutCancel(ctx) // an operator who leaves has still asked for it
	failure := r.applyStored(ctx, row)
	switch {
	case failure == nil:
	case fault.KindOf(failure) == fault.Unavailable || errors.Is(failure, context.DeadlineExceeded):
		return Notification{}, fault.Down(postgres.CodeUnavailable, redeliverAfter, failure,
			"The notification could not be applied now. Nothing has changed; try again.")
	default:
		if err := r.noteReplay(ctx, row, failure); err != nil {
			return Notification{}, err
		}
	}
	if row, err = r.find(ctx, id); err != nil {
		return Notification{}, err
	}
	return notificationFromRow(row)
}

// refuseReplay says why a notification is not to be applied; nil when it may be.
func refuseReplay(row dbsqlc.Notification) error {
	if Status(row.Status) == statusQuarantined {
		return fault.New(fault.Conflict, "notification_not_replayable",
			"It was never proven to be the provider's, so it changes nothing. Query the payment instead.")
	}
	n, err := onerway.StoredNotification([]byte(row.Body), hex.EncodeToString(row.BodyHash))
	if err != nil || !handled(n) {
		return fault.New(fault.Conflict, "notification_not_replayable",
			"Notifications of the kind %s/%s are kept and not acted on.", row.NotifyType, row.TxnType)
	}
	return nil
}

// noteReplay writes down why it could not be applied. What a job still tries, or was given up, stays that.
func (r *Receiver) noteReplay(ctx context.Context, row dbsqlc.Notification, failure error) error {
	telemetry.AddField(ctx, slog.String("replay", failure.Error()))
	reason := failure.Error()
	if errors.Is(failure, orders.ErrNoPayment) {
		reason = noPayment
	}
	if err := r.note(ctx, row, Status(row.Status), reason); err != nil {
		return fmt.Errorf("note the replay: %w", postgres.Translate(err))
	}
	return nil
}
