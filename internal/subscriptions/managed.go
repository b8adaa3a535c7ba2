package subscriptions

import (
	"context"
	"fmt"
	"log/slog"
	"time"

	"tillway/internal/ids"
	"tillway/internal/orders"
	"tillway/internal/postgres"
	"tillway/internal/subscriptions/calendar"
	"tillway/internal/subscriptions/lifecycle"
)

// mostEarly is how long before ours the provider's period may begin. It counts months by the days of its own zone: bought on 28 February
// there and 1 March here, the next is 28 March there and 1 April here.
const mostEarly = 4 * 24 * time.Hour

// chargedPeriod is the period that the provider has charged at a moment: what is early belongs to the next one, what is late, such as
// another try, to the one that runs. The first is never one: it was bought.
func chargedPeriod(schedule calendar.Schedule, at time.Time) int {
	n := max(schedule.Index(at), 0)
	next := schedule.Start(n + 1)
	if early := min(mostEarly, next.Sub(schedule.Start(n))/4); !at.Before(next.Add(-early)) {
		n++
	}
	return max(n, 1)
}

// HearRenewal applies news of a charge that the provider has started by itself: the contract that it names says whose it is, and
// its time which period. The rider commits with the news. It returns orders.ErrNoPayment for a contract that is none of ours, or
// not yet. It may be repeated: the ids of the period's order and of the payment follow from what is told.
func (s *Service) HearRenewal(ctx context.Context, news orders.PaymentNews, rider orders.Rider) error {
	row, err := s.queries.SubscriptionContractByName(ctx, news.Evidence.Contract.ID)
	if postgres.IsNoRows(err) {
		return orders.ErrNoPayment
	}
	if err != nil {
		return fmt.Errorf("find the contract of a renewal: %w", postgres.Translate(err))
	}
	c := contractFromRow(row)
	sub, err := s.Get(ctx, c.Subscription)
	if err != nil {
		return err
	}
	if sub.Collection != ProviderManaged {
		return orders.ErrNoPayment
	}
	at := news.At
	if at.IsZero() {
		at = s.now()
	}
	if err := s.adopt(ctx, sub, c, chargedPeriod(sub.Schedule, at), news); err != nil {
		return err
	}
	if err := s.orders.Hear(ctx, news, rider); err != nil {
		return err
	}
	s.goOn(ctx, sub.ID)
	return nil
}

// adopt records the period's order, the payment that the provider has begun, and that it is what is collected now.
func (s *Service) adopt(ctx context.Context, sub Subscription, c contract, period int, news orders.PaymentNews) error {
	if err := s.bill(ctx, sub, []int{period}); err != nil {
		return err
	}
	order := orderID(sub, sub.Schedule.Start(period))
	payment := ids.Derive[ids.PaymentEntity](order.Time(), sub.ID.String(), order.String(), news.MerchantTxnID)
	err := s.orders.Adopt(ctx, orders.Adoption{
		Order: order, Payment: payment, MerchantTxnID: news.MerchantTxnID, CorrelationID: sub.CorrelationID,
		Contract: orders.Contract{ID: c.ID, Token: news.Evidence.Contract.Token, ProviderCustomer: c.ProviderCustomer, Card: c.Card},
	})
	if err != nil {
		return err
	}
	_, err = s.command(ctx, sub.ID, func(f facts) (step, error) { return collecting(f, order, period), nil })
	return err
}

// collecting is a subscription of which a period is collected by somebody else than us, unless it has ended or is past that one.
func collecting(f facts, order ids.Order, period int) step {
	st := step{sub: f.sub}
	if f.sub.OpenOrder == order || f.sub.Status.Final() && !f.sub.OpenOrder.IsZero() || period < f.sub.PeriodIndex {
		return st
	}
	st.changed = true
	st.sub = restless(f, settled(f.sub))
	st.sub.OpenOrder, st.sub.LatestOrder = order, order
	if !f.sub.Status.Final() {
		st.sub.PeriodIndex, st.sub.PeriodStart, st.sub.PeriodEnd = period, f.sub.Schedule.Start(period), f.sub.Schedule.Start(period+1)
	}
	if lifecycle.Allows(f.sub.Status, lifecycle.CommandCharge) {
		st.sub.NextChargeAt = st.sub.PeriodEnd
	}
	return st
}

// ask asks the provider whether a contract that it charges by itself has ended, and ends the subscription with it.
func (s *Service) ask(ctx context.Context, f facts) (over bool, err error) {
	over, err = s.provider.ContractOver(ctx, f.active.ID)
	if err != nil || !over {
		return false, err
	}
	_, err = s.command(ctx, f.sub.ID, func(f facts) (step, error) { return canceledNow(f), nil })
	return true, err
}

// missed shows periods to a person that nobody charges, or of whose charge nobody has told, unless the provider's contract is over: after
// an outage it is asked about here for the first time. A provider that does not answer that either is no reason to show nothing.
func (s *Service) missed(ctx context.Context, f facts, st step) error {
	if f.sub.Collection == ProviderManaged {
		over, err := s.ask(ctx, f)
		if over {
			return err // what was decided is not written: the subscription has moved
		}
		if err != nil {
			s.log.WarnContext(ctx, "nothing is known of a contract", slog.String("subscription", f.sub.ID.String()), slog.Any("error", err))
		}
	}
	if err := s.bill(ctx, f.sub, st.periods); err != nil {
		return err
	}
	return s.orders.Review(ctx, st.order, st.class)
}
