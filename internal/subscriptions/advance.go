package subscriptions

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"time"

	"github.com/jackc/pgx/v5"

	"tillway/internal/failpoint"
	"tillway/internal/ids"
	"tillway/internal/postgres"
	"tillway/internal/postgres/dbsqlc"
	"tillway/internal/subscriptions/dunning"
	"tillway/internal/telemetry"
)

const (
	// advanceLease is how long a claimed subscription belongs to its worker; one that dies leaves it to be claimed again.
	advanceLease = time.Minute
	// mostSteps bounds one run: a subscription needs a handful of steps for a charge.
	mostSteps = 20
	// actor is the principal under which subscriptions ask for refunds.
	actor = "subscriptions"
)

// errRestless says that a subscription was still moving after mostSteps; the lease brings it back.
var errRestless = errors.New("more steps than a subscription needs")

// Claim takes subscriptions that are due for this worker, at most batch of them, the longest due first.
func (s *Service) Claim(ctx context.Context, batch int) ([]Subscription, error) {
	now := s.now()
	after := s.due.next(now)
	rows, err := s.queries.SubscriptionsClaim(ctx, dbsqlc.SubscriptionsClaimParams{
		Now: now, After: after.at, AfterID: after.id, LeaseUntil: now.Add(advanceLease), Batch: int32(batch), //nolint:gosec // small
	})
	if err != nil {
		return nil, fmt.Errorf("claim due subscriptions: %w", postgres.Translate(err))
	}
	if len(rows) > 0 {
		failpoint.Hit(failpoint.RenewClaimed)
	}
	claimed, places := make([]Subscription, 0, len(rows)), make([]place, 0, len(rows))
	var failures []error
	for _, row := range rows {
		places = append(places, place{at: row.DueAt, id: row.Subscription.ID})
		sub, err := fromRow(row.Subscription)
		if err != nil {
			failures = append(failures, err) // one that another version wrote must not keep the rest
			continue
		}
		claimed = append(claimed, sub)
	}
	s.due.note(now, places, batch)
	return claimed, errors.Join(failures...)
}

// Advance takes a subscription as far as it goes now. It may be run by any number of workers at once, and repeated after one
// that died: what was decided is carried out once.
func (s *Service) Advance(ctx context.Context, id ids.Subscription) error {
	return s.advance(ctx, id, ids.Payment{})
}

// advance is Advance for whoever has recorded a purchase and will not begin it; zero for none.
func (s *Service) advance(ctx context.Context, id ids.Subscription, abandoned ids.Payment) error {
	telemetry.AddField(ctx, slog.String("subscription", id.String()))
	for range mostSteps {
		f, err := s.facts(ctx, id)
		if err != nil {
			return err
		}
		f.abandoned = abandoned
		st := plan(f)
		failpoint.Hit(failpoint.RenewDecided)
		if err := s.do(ctx, f, st); err != nil {
			return fmt.Errorf("advance %s: %s: %w", id, st.deed, err)
		}
		if !st.changed && st.deed != deedNone {
			continue
		}
		err = s.write(ctx, f, st)
		switch {
		case errors.Is(err, errMoved):
			continue
		case err != nil:
			return err
		case !st.changed:
			return nil
		}
	}
	return fmt.Errorf("advance %s: %w", id, errRestless)
}

// errMoved says that the subscription changed between reading it and writing to it.
var errMoved = errors.New("subscription moved on")

// write records a step: the row, what is told of it, its contracts and the charge that was decided on, in one round trip. It
// returns errMoved when the row is not what the step was decided on.
func (s *Service) write(ctx context.Context, f facts, st step) error {
	sub, now := st.sub, f.now
	if !st.changed && sub.nextRunAt.Equal(f.sub.nextRunAt) {
		return nil
	}
	if st.changed {
		sub.UpdatedAt = now
	}
	batch := &pgx.Batch{}
	queries := dbsqlc.New(postgres.NewQueue(batch))
	failures, err := s.queue(ctx, queries, f, st, sub)
	if err != nil {
		return err
	}
	failpoint.Hit(failpoint.RenewAtWrite)
	err = errors.Join(failures, s.pool.SendBatch(ctx, batch).Close())
	if postgres.IsRetryable(err) {
		return errMoved
	}
	if err != nil {
		return fmt.Errorf("write a step of %s: %w", sub.ID, postgres.Translate(err))
	}
	failpoint.Hit(failpoint.RenewWritten)
	if sub.Status != f.sub.Status {
		s.observer.SubscriptionMoved(ctx, string(sub.Status))
	}
	return nil
}

// queue puts everything that a step writes into a batch: its first failure is one of building it, its second of queueing. Rows are
// locked in one order, here and where a subscription is created: the customer, whom events lock, the subscription, the totals.
func (s *Service) queue(ctx context.Context, queries *dbsqlc.Queries, f facts, st step, sub Subscription) (queued, failed error) {
	args, err := moveParams(sub, sub.UpdatedAt)
	if err != nil {
		return nil, err
	}
	var failures []error
	for _, kind := range st.events {
		event, err := eventParams(sub, string(kind), f.now)
		if err != nil {
			return nil, err
		}
		failures = append(failures, queries.SubscriptionTell(ctx, event))
	}
	_, err = queries.SubscriptionMove(ctx, args)
	failures = append(failures, err)
	for _, c := range st.end {
		failures = append(failures, queries.SubscriptionContractEnd(ctx, dbsqlc.SubscriptionContractEndParams{
			PaymentID: c.Payment.UUID(), Now: f.now,
		}))
	}
	if c := st.activate; c != nil {
		_, err := queries.SubscriptionContractActivate(ctx, dbsqlc.SubscriptionContractActivateParams{
			PaymentID: c.Payment.UUID(), StartedAt: &c.StartedAt, Now: f.now,
		})
		failures = append(failures, err)
	}
	if c := st.paid; c != nil {
		failures = append(failures, queries.SubscriptionContractPaid(ctx, dbsqlc.SubscriptionContractPaidParams{
			PaymentID: c.Payment.UUID(), PaidAt: f.now, Now: f.now,
		}))
	}
	if !st.charge.IsZero() {
		failures = append(failures, queueCharge(ctx, queries, f, st))
	}
	return errors.Join(failures...), nil
}

// queueCharge decides on a charge, unless another subscription's has used up what the schemes allow of the token meanwhile.
func queueCharge(ctx context.Context, queries *dbsqlc.Queries, f facts, st step) error {
	locked := queries.SubscriptionTokenLock(ctx, f.active.digest)
	_, inserted := queries.SubscriptionChargeInsert(ctx, dbsqlc.SubscriptionChargeInsertParams{
		PaymentID: st.charge.UUID(), SubscriptionID: f.sub.ID.UUID(), TokenDigest: f.active.digest, ChargedAt: f.now,
		DayAgo: f.now.Add(-dunning.Day), MonthAgo: f.now.Add(-dunning.Month), BegunSince: f.now.Add(-tokenBusy),
		DayCap: int64(f.terms.policy.DayCap), MonthCap: int64(f.terms.policy.MonthCap),
	})
	return errors.Join(locked, inserted)
}
