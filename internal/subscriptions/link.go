package subscriptions

import (
	"context"
	"crypto/rand"
	"crypto/sha256"
	"encoding/base64"
	"errors"
	"fmt"
	"time"

	"github.com/jackc/pgx/v5"

	"tillway/internal/fault"
	"tillway/internal/ids"
	"tillway/internal/orders"
	"tillway/internal/postgres"
	"tillway/internal/postgres/dbsqlc"
	"tillway/internal/subscriptions/lifecycle"
)

// Link lets a customer give a new card, once, without a key. Token is its secret: it is told once and kept nowhere.
type Link struct {
	Subscription ids.Subscription
	Token        string
	ExpiresAt    time.Time
}

// linkTries is how many cards may be tried by a link, one after another: it must not serve to try out stolen ones.
const linkTries = 5

// linkSecretSize is how much chance a link's secret has, in bytes.
const linkSecretSize = 32

// NewLink makes a link for a subscription's customer; earlier ones go on working until they are used or expire. It returns a fault
// NotFound, or Conflict subscription_not_changeable for one that charges no card any more.
func (s *Service) NewLink(ctx context.Context, id ids.Subscription) (Link, error) {
	sub, err := s.Get(ctx, id)
	if err != nil {
		return Link{}, err
	}
	if err := changesCard(sub); err != nil {
		return Link{}, err
	}
	secret := make([]byte, linkSecretSize)
	_, _ = rand.Read(secret) // never fails (crypto/rand)
	now := s.now()
	link := Link{Subscription: id, Token: base64.RawURLEncoding.EncodeToString(secret), ExpiresAt: now.Add(s.config.LinkLasts)}
	err = s.queries.SubscriptionLinkInsert(ctx, dbsqlc.SubscriptionLinkInsertParams{
		TokenDigest: linkDigest(link.Token), SubscriptionID: id.UUID(), Now: now, ExpiresAt: link.ExpiresAt,
	})
	if err != nil {
		return Link{}, fmt.Errorf("make a link for %s: %w", id, postgres.Translate(err))
	}
	return link, nil
}

func linkDigest(token string) []byte {
	digest := sha256.Sum256([]byte(token))
	return digest[:]
}

func changesCard(sub Subscription) error {
	if sub.Allows(lifecycle.CommandChangeCard) {
		return nil
	}
	return refuse("subscription_not_changeable", "The subscription is %s and %s: its card cannot be changed.", sub.Status, sub.Collection)
}

// Visit is what a link leads to. Payment is the latest purchase that was begun by it, nil for none.
type Visit struct {
	Subscription Subscription
	Payment      *orders.Payment
	// Usable: a card can be given now.
	Usable bool
	// Due is what giving a card charges: what is owed, or an amount that only verifies the card and is given back.
	Due      int64
	Verifies bool

	previous *ids.Payment
}

// Keeps is what giving a card charges for good, in minor units.
func (v Visit) Keeps() int64 {
	if v.Verifies {
		return 0
	}
	return v.Due
}

// Visit opens a link. It returns a fault NotFound for one that does not exist or has expired unused: who asks learns no more.
func (s *Service) Visit(ctx context.Context, token string) (Visit, error) {
	found, err := s.queries.SubscriptionLinkGet(ctx, linkDigest(token))
	row := found.SubscriptionUpdateLink
	if postgres.IsNoRows(err) || (err == nil && row.PaymentID == nil && !row.ExpiresAt.After(s.now())) {
		return Visit{}, fault.New(fault.NotFound, "resource_missing", "This link does not work any more.")
	}
	if err != nil {
		return Visit{}, fmt.Errorf("read a link: %w", postgres.Translate(err))
	}
	v := Visit{}
	if v.Subscription, err = s.Get(ctx, ids.From[ids.SubscriptionEntity](row.SubscriptionID)); err != nil {
		return v, err
	}
	if row.PaymentID != nil {
		previous := ids.From[ids.PaymentEntity](*row.PaymentID)
		v.previous = &previous
		if v.Payment, err = s.paymentOf(ctx, previous); err != nil {
			return v, err
		}
	}
	owed, err := s.owed(ctx, v.Subscription)
	if err != nil {
		return v, err
	}
	v.Due = v.Subscription.Amount.Minor
	switch {
	case owed != nil:
		v.Due = owed.Amount.Minor
	case !v.Subscription.begunAnew():
		v.Verifies, v.Due = true, min(v.Due, s.provider.VerificationAmount(v.Subscription.Amount.Currency))
	}
	free := row.PaymentID == nil || (v.Payment != nil && !v.Payment.Status.Live())
	if !free && v.Payment == nil {
		// It was given up; or whoever began it has died, or a worker has forestalled it by now.
		free = found.GivenUp || s.now().After(orZero(row.UsedAt).Add(s.config.PurchasePatience))
	}
	v.Usable = free && row.Tries < linkTries && row.ExpiresAt.After(s.now()) && changesCard(v.Subscription) == nil
	return v, nil
}

// owed is the order that a new card pays; nil where nothing is owed.
func (s *Service) owed(ctx context.Context, sub Subscription) (*orders.Order, error) {
	if sub.OpenOrder.IsZero() {
		return nil, nil //nolint:nilnil // nothing is owed
	}
	o, err := s.orderOf(ctx, sub.OpenOrder)
	if err != nil || o == nil || !o.Status.Payable() {
		return nil, err
	}
	return o, nil
}

// begunAnew reports whether a new card pays the period that runs: that of an unpaid subscription whose owed order is gone.
func (s Subscription) begunAnew() bool {
	return s.Status == lifecycle.StatusUnpaid && s.OpenOrder.IsZero()
}

// beginAnew bills the period that runs now, to be paid by a new card.
func (s *Service) beginAnew(ctx context.Context, sub Subscription) (Subscription, error) {
	n := max(sub.Schedule.Index(s.now()), sub.PeriodIndex)
	if err := s.bill(ctx, sub, []int{n}); err != nil {
		return sub, err
	}
	order := orderID(sub, sub.Schedule.Start(n))
	return s.command(ctx, sub.ID, func(f facts) (step, error) { return collecting(f, order, n), nil })
}

// CardChange is a new card that the customer of a link gives. Agreed is what they were told that it is charged for good, in minor units
// (Visit.Keeps): more is not.
type CardChange struct {
	Token         string
	CorrelationID string
	Agreed        int64
	Purchase      Purchase
}

// ErrMoreOwed says that more is owed by now than the customer was told.
var ErrMoreOwed = fault.New(fault.Conflict, "amount_changed", "More is owed by now than was shown. Open the link again.")

// changeAttempts is how often a card is taken: anew where a charge of what is owed began, or paid it, just then.
const changeAttempts = 2

// ChangeCard charges a new card that the customer of a link gives, with the customer there to authenticate it: what is owed, or an
// amount that is given back. Once it is paid and its contract known, later charges are made by it. A link is used up by a purchase
// that does not fail. It returns a fault: NotFound or Conflict subscription_not_changeable for a link that cannot be used,
// ErrMoreOwed, else as Create.
func (s *Service) ChangeCard(ctx context.Context, change CardChange) (result Result, err error) {
	if err := change.Purchase.Card.Check("card"); err != nil {
		return Result{}, err
	}
	for range changeAttempts {
		if result, err = s.changeCard(ctx, change); !orders.NotPayable(err) {
			break
		}
	}
	return result, err
}

func (s *Service) changeCard(ctx context.Context, change CardChange) (Result, error) {
	v, err := s.Visit(ctx, change.Token)
	if err != nil {
		return Result{}, err
	}
	if !v.Usable {
		return Result{Subscription: v.Subscription, Payment: v.Payment}, refuse("subscription_not_changeable",
			"This link has been used. Ask the shop for another one.")
	}
	if err := s.orders.Purchasable(ctx, v.Subscription.Customer, change.Purchase.ReturnURL); err != nil {
		return Result{}, err
	}
	sub, order, err := s.toPay(ctx, v, change.Agreed)
	if err != nil {
		return Result{}, err
	}
	sub.CorrelationID = change.CorrelationID
	c := s.purchaseContract(sub, order, change.Purchase.Card)
	if err := s.recordChange(ctx, c, change.Token, v.previous); err != nil {
		if postgres.IsRetryable(err) {
			return Result{}, refuse("subscription_not_changeable", "This link is being used just now.")
		}
		return Result{}, fmt.Errorf("record a new card for %s: %w", sub.ID, postgres.Translate(err))
	}
	result, err := s.buy(ctx, sub, c, change.Purchase)
	if err != nil {
		s.letGo(ctx, c)
	}
	return result, err
}

// toPay is the order that a new card pays: the one that is owed, or one of its own that only verifies the card.
func (s *Service) toPay(ctx context.Context, v Visit, agreed int64) (sub Subscription, order ids.Order, err error) {
	if v.Keeps() > agreed {
		return v.Subscription, order, ErrMoreOwed
	}
	if sub = v.Subscription; sub.begunAnew() {
		if sub, err = s.beginAnew(ctx, sub); err != nil {
			return sub, order, err
		}
	}
	owed, err := s.owed(ctx, sub)
	switch {
	case err != nil:
		return sub, order, err
	case owed == nil:
		return sub, ids.New[ids.OrderEntity](), nil
	case owed.Amount.Minor > agreed:
		return sub, order, ErrMoreOwed
	}
	return sub, owed.ID, nil
}

// recordChange is T1 of a purchase by a link: one at a time.
func (s *Service) recordChange(ctx context.Context, c contract, token string, previous *ids.Payment) error {
	take := dbsqlc.SubscriptionLinkTakeParams{TokenDigest: linkDigest(token), PaymentID: c.Payment.UUID(), Now: c.CreatedAt, MostTries: linkTries}
	if previous != nil {
		take.FailedPaymentID = previous.Nullable()
	}
	batch := &pgx.Batch{}
	queries := dbsqlc.New(postgres.NewQueue(batch))
	_, taken := queries.SubscriptionLinkTake(ctx, take)
	return errors.Join(
		taken, queries.SubscriptionContractInsert(ctx, contractParams(c)),
		queries.SubscriptionWake(ctx, dbsqlc.SubscriptionWakeParams{
			ID: c.Subscription.UUID(), Now: c.CreatedAt.Add(s.config.PurchasePatience),
		}),
		s.pool.SendBatch(ctx, batch).Close(),
	)
}
