package subscriptions

import (
	"encoding/json"
	"fmt"
	"time"

	"tillway/internal/cards"
	"tillway/internal/ids"
	"tillway/internal/money"
	"tillway/internal/postgres/dbsqlc"
	"tillway/internal/subscriptions/calendar"
	"tillway/internal/subscriptions/lifecycle"
)

// fromRow maps a row to the domain, refusing text that the domain does not know.
func fromRow(r dbsqlc.Subscription) (Subscription, error) {
	fail := func(err error) (Subscription, error) {
		return Subscription{}, fmt.Errorf("read subscription %s: %w", r.ID, err)
	}
	currency, err := money.ParseCurrency(r.Currency)
	if err != nil {
		return fail(err)
	}
	zone, err := calendar.Zone(r.TimeZone)
	if err != nil {
		return fail(err)
	}
	s := Subscription{
		ID: ids.From[ids.SubscriptionEntity](r.ID), Livemode: r.Livemode, Customer: ids.From[ids.CustomerEntity](r.CustomerID),
		Status: lifecycle.Status(r.Status), Collection: Collection(r.Collection), Amount: money.New(r.Amount, currency),
		Description: r.Description, ReturnURL: r.ReturnUrl,
		Card: cards.Summary{
			Brand: r.CardBrand, Last4: r.CardLast4, ExpMonth: int(r.CardExpMonth), ExpYear: int(r.CardExpYear),
		},
		Schedule: calendar.Schedule{
			Anchor: r.AnchorAt.UTC(), Zone: zone, Interval: calendar.Interval(r.IntervalUnit), Count: int(r.IntervalCount),
		},
		PeriodIndex: int(r.PeriodIndex), PeriodStart: orZero(r.CurrentPeriodStart), PeriodEnd: orZero(r.CurrentPeriodEnd),
		TrialEnd: orZero(r.TrialEndAt), EndsAt: orZero(r.EndsAt), NextChargeAt: orZero(r.NextChargeAt),
		UpcomingToldOf: orZero(r.UpcomingToldOf), OpenOrder: ids.FromNullable[ids.OrderEntity](r.OpenOrderID),
		OpenCharges: int(r.OpenCharges), OpenFailures: int(r.OpenFailures),
		LatestOrder: ids.FromNullable[ids.OrderEntity](r.LatestOrderID), FailingSince: orZero(r.FailingSince),
		Retries: int(r.Retries), TechnicalFailures: int(r.TechnicalFailures), NextRetryAt: orZero(r.NextRetryAt), CancelAtPeriodEnd: r.CancelAtPeriodEnd,
		ActivatedAt: orZero(r.ActivatedAt), PausedAt: orZero(r.PausedAt), UnpaidAt: orZero(r.UnpaidAt), EndedAt: orZero(r.EndedAt),
		CorrelationID: r.CorrelationID, CreatedAt: r.CreatedAt.UTC(), UpdatedAt: r.UpdatedAt.UTC(),
		nextRunAt: orZero(r.NextRunAt), version: r.Version,
	}
	if !s.Status.Valid() {
		return fail(fmt.Errorf("unknown status %q", r.Status))
	}
	for _, column := range []struct {
		raw  json.RawMessage
		into any
	}{{r.Metadata, &s.Metadata}, {r.DunningPolicy, &s.Policy}, {r.LastFailure, &s.LastFailure}} {
		if len(column.raw) == 0 {
			continue
		}
		if err := json.Unmarshal(column.raw, column.into); err != nil {
			return fail(err)
		}
	}
	return s, nil
}

// moveParams writes out what may change. Version is that of the row as it was read.
func moveParams(s Subscription, now time.Time) (dbsqlc.SubscriptionMoveParams, error) {
	metadata, err := json.Marshal(s.Metadata)
	if err != nil {
		return dbsqlc.SubscriptionMoveParams{}, fmt.Errorf("encode metadata: %w", err)
	}
	args := dbsqlc.SubscriptionMoveParams{
		ID: s.ID.UUID(), Version: s.version, Now: now, Status: string(s.Status), Amount: s.Amount.Minor,
		IntervalUnit: string(s.Schedule.Interval), IntervalCount: int16(s.Schedule.Count), //nolint:gosec // validated
		Description: s.Description, Metadata: metadata, CardBrand: s.Card.Brand, CardLast4: s.Card.Last4,
		CardExpMonth: int16(s.Card.ExpMonth), CardExpYear: int16(s.Card.ExpYear), //nolint:gosec // validated
		AnchorAt: s.Schedule.Anchor, PeriodIndex: int32(s.PeriodIndex), //nolint:gosec // counts periods
		CurrentPeriodStart: timeOrNil(s.PeriodStart), CurrentPeriodEnd: timeOrNil(s.PeriodEnd), EndsAt: timeOrNil(s.EndsAt),
		NextChargeAt: timeOrNil(s.NextChargeAt), UpcomingToldOf: timeOrNil(s.UpcomingToldOf), OpenOrderID: s.OpenOrder.Nullable(),
		OpenCharges: int16(s.OpenCharges), OpenFailures: int16(s.OpenFailures), //nolint:gosec // bounded by the policy
		LatestOrderID: s.LatestOrder.Nullable(), FailingSince: timeOrNil(s.FailingSince),
		Retries: int16(s.Retries), TechnicalFailures: int16(s.TechnicalFailures), //nolint:gosec // likewise
		NextRetryAt: timeOrNil(s.NextRetryAt), CancelAtPeriodEnd: s.CancelAtPeriodEnd, ActivatedAt: timeOrNil(s.ActivatedAt),
		PausedAt: timeOrNil(s.PausedAt), UnpaidAt: timeOrNil(s.UnpaidAt), EndedAt: timeOrNil(s.EndedAt),
		NextRunAt: timeOrNil(s.nextRunAt),
	}
	if s.Policy != nil {
		if args.DunningPolicy, err = json.Marshal(s.Policy); err != nil {
			return args, fmt.Errorf("encode the dunning policy: %w", err)
		}
	}
	if s.LastFailure != nil {
		if args.LastFailure, err = json.Marshal(s.LastFailure); err != nil {
			return args, fmt.Errorf("encode the last failure: %w", err)
		}
	}
	return args, nil
}

func timeOrNil(t time.Time) *time.Time {
	if t.IsZero() {
		return nil
	}
	return &t
}

func orZero(t *time.Time) time.Time {
	if t == nil {
		return time.Time{}
	}
	return t.UTC()
}
