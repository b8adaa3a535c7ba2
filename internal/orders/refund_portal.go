package orders

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/jackc/pgx/v5"

	"tillway/internal/ids"
	"tillway/internal/postgres"
	"tillway/internal/postgres/dbsqlc"
)

// portalPrincipal is who makes refunds in the provider's portal.
const portalPrincipal = "provider"

// RefundBooks is what the provider's books tell of refunds, whoever made them.
type RefundBooks interface {
	// ListRefunds asks for a page, from 1 on, of the refunds that were made at the provider within a time range, by its clock,
	// at most 90 days. More says that further pages follow.
	ListRefunds(ctx context.Context, from, to time.Time, page int) (found []BookedRefund, more bool, err error)
	// FindBooked asks for one refund by its transaction; known is false where the provider has none.
	FindBooked(ctx context.Context, transactionID string) (found BookedRefund, known bool, err error)
}

// BookedRefund is a refund as the provider's books have it.
type BookedRefund struct {
	// MerchantTxnID is the reference that it was applied for under, "" where the row names none: rows of our own refunds may
	// lack it too (Onerway contract §8.8).
	MerchantTxnID string
	// Origin is the transaction that it gives back.
	Origin string
	// Evidence is what the row says of it.
	Evidence RefundEvidence
}

var errNoRefundBooks = errors.New("no provider whose refunds can be read is configured")

// noRefundBooks stands for a provider that cannot be asked.
type noRefundBooks struct{}

func (noRefundBooks) ListRefunds(context.Context, time.Time, time.Time, int) ([]BookedRefund, bool, error) {
	return nil, false, errNoRefundBooks
}

func (noRefundBooks) FindBooked(context.Context, string) (BookedRefund, bool, error) {
	return BookedRefund{}, false, errNoRefundBooks
}

// ImportRefunds records the refunds of a page of the provider's list that are of payments of ours and that none of our refunds
// is; more says that further pages follow. One that cannot be recorded does not keep the others from it, and is told in the error.
func (s *Service) ImportRefunds(ctx context.Context, from, to time.Time, page int) (more bool, err error) {
	found, more, err := s.config.refundBooks().ListRefunds(ctx, from, to, page)
	if err != nil {
		return false, fmt.Errorf("list refunds: %w", err)
	}
	strangers, err := s.notOnRecord(ctx, found)
	if err != nil {
		return more, err
	}
	failures := make([]error, 0, len(strangers))
	for _, b := range strangers {
		failures = append(failures, s.importRefund(ctx, b))
	}
	return more, errors.Join(failures...)
}

// notOnRecord leaves out the refunds that are on record: those are settled by their own checks.
func (s *Service) notOnRecord(ctx context.Context, found []BookedRefund) ([]BookedRefund, error) {
	args := dbsqlc.RefundsKnownParams{Transactions: []string{}, MerchantTxnIds: []string{}}
	for _, b := range found {
		args.Transactions = append(args.Transactions, storableText(b.Evidence.ProviderTransactionID))
		if b.MerchantTxnID != "" {
			args.MerchantTxnIds = append(args.MerchantTxnIds, storableText(b.MerchantTxnID))
		}
	}
	rows, err := s.queries.RefundsKnown(ctx, args)
	if err != nil {
		return nil, fmt.Errorf("look for known refunds: %w", postgres.Translate(err))
	}
	known := make(map[string]bool, 2*len(rows))
	for _, row := range rows {
		known[row.ProviderTransactionID], known[row.MerchantTxnID] = true, true
	}
	var strangers []BookedRefund
	for _, b := range found {
		named := b.MerchantTxnID != "" && known[b.MerchantTxnID]
		if id := b.Evidence.ProviderTransactionID; id != "" && !known[id] && !named {
			strangers = append(strangers, b)
		}
	}
	return strangers, nil
}

// discoverRefund asks the provider about a refund that a notification names and that is not on record.
func (s *Service) discoverRefund(ctx context.Context, name RefundName, patience time.Duration) error {
	asking, cancel := context.WithTimeout(ctx, patience)
	defer cancel()
	b, known, err := s.config.refundBooks().FindBooked(asking, name.ProviderTransactionID)
	if err != nil || !known {
		return err
	}
	return s.importRefund(ctx, b)
}

// importRefund records a refund of a payment of ours that was made in the provider's portal. It goes the way of our own: first
// its reservation and row, which from then on is settled like every other whatever dies here, then what the provider says of it,
// through the one door for news of refunds. Nothing is recorded of what gave no money back, and of payments that are not ours.
func (s *Service) importRefund(ctx context.Context, b BookedRefund) error {
	ev := b.Evidence.storable()
	moves := ev.Outcome == RefundOutcomeSucceeded || ev.Outcome == RefundOutcomeInReview || ev.Outcome == RefundOutcomeProcessing
	if !moves || ev.Amount.Minor <= 0 {
		return nil
	}
	origin, err := s.queries.DisputeOrigin(ctx, storableText(b.Origin))
	if postgres.IsNoRows(err) {
		return nil
	}
	if err != nil {
		return fmt.Errorf("find the payment of transaction %s: %w", b.Origin, postgres.Translate(err))
	}
	order, payment := ids.From[ids.OrderEntity](origin.OrderID), ids.From[ids.PaymentEntity](origin.ID)
	err = s.adopt(ctx, order, payment, ev, b.MerchantTxnID == "")
	switch {
	case postgres.IsUnique(err, "refunds_provider_transaction_id_key"):
		return nil // somebody else has recorded it meanwhile
	case errors.Is(err, postgres.ErrGuard):
		return s.refusedAdoption(ctx, payment, b)
	case err != nil:
		return fmt.Errorf("record refund %s of the provider's: %w", ev.ProviderTransactionID, err)
	}
	_, _, err = s.ApplyRefund(ctx, RefundName{ProviderTransactionID: ev.ProviderTransactionID}, ev, nil)
	return err
}

// adopt writes the refund and its reservation behind the order's lock, in one round trip. It returns postgres.ErrGuard when the
// statement refused.
func (s *Service) adopt(ctx context.Context, order ids.Order, payment ids.Payment, ev RefundEvidence, nameless bool) error {
	now := s.now()
	id := ids.New[ids.RefundEntity]()
	r := Refund{
		ID: id, Order: order, Payment: payment, Livemode: s.config.Livemode, Amount: ev.Amount, Reason: RefundOther,
		Origin: RefundFromPortal, Status: RefundPending, MerchantTxnID: id.String(), CreatedBy: portalPrincipal,
		ProviderTransactionID: ev.ProviderTransactionID, CreatedAt: now, UpdatedAt: now,
	}
	object, err := asJSON(r.Resource())
	if err != nil {
		return err
	}
	batch := &pgx.Batch{}
	batch.Queue(dbsqlc.OrderLock, order.UUID())
	_, err = dbsqlc.New(postgres.NewQueue(batch)).RefundAdopt(ctx, dbsqlc.RefundAdoptParams{
		Amount: r.Amount.Minor, Now: now, PaymentID: payment.UUID(), OrderID: order.UUID(), Currency: r.Amount.Currency.Code(),
		Nameless: nameless, ID: id.UUID(), Reason: string(r.Reason), MerchantTxnID: r.MerchantTxnID,
		ProviderTransactionID: r.ProviderTransactionID, CreatedBy: r.CreatedBy, EventID: ids.New[ids.EventEntity]().UUID(),
		EventObject: object,
	})
	if err != nil {
		return err
	}
	return s.pool.SendBatch(ctx, batch).Close()
}

// refusedAdoption finds out why a refund was not recorded. It waits while it may be one of ours whose answer was lost, which the
// questions about that one tell, and while no money of the payment is on record. What is more than can be given back, or other
// money than the payment's, is for a person: said once, and the amounts stay what they are.
func (s *Service) refusedAdoption(ctx context.Context, payment ids.Payment, b BookedRefund) error {
	p, err := s.GetPayment(ctx, payment)
	if err != nil || p.Status != PaymentSucceeded {
		return err
	}
	ev := b.Evidence
	lost, err := s.queries.RefundLostOf(ctx, dbsqlc.RefundLostOfParams{PaymentID: p.ID.UUID(), Amount: ev.Amount.Minor})
	if err != nil {
		return fmt.Errorf("look for refunds of %s without an answer: %w", p.ID, postgres.Translate(err))
	}
	class := classOverRefund
	switch {
	case ev.Amount.Currency != p.Amount.Currency:
		class = classCurrency
	case lost && b.MerchantTxnID == "", ev.Amount.Minor <= p.notGivenBack():
		return nil // tried again with the next reading
	}
	known, err := s.queries.DiscrepancyKnown(ctx, dbsqlc.DiscrepancyKnownParams{Subject: ev.ProviderTransactionID, Class: class})
	if err != nil || known {
		return err
	}
	return s.note(ctx, p, Discrepancy{Subject: ev.ProviderTransactionID}, &discrepancyDraft{
		class: class,
		ours: map[string]any{
			"captured": p.AmountCaptured, "refunded": p.AmountRefunded, "refund_pending": p.AmountRefundPending,
			"disputed": p.AmountDisputed, "currency": p.Amount.Currency.Lower(),
		},
		theirs: map[string]any{
			"refund": ev.ProviderTransactionID, "status": ev.Outcome, "amount": ev.Amount.Minor, "currency": ev.Amount.Currency.Lower(),
		},
		atRisk: ev.Amount,
	})
}

// note opens a discrepancy of a payment's order, with its event, where there is no other news to write.
func (s *Service) note(ctx context.Context, p Payment, subject Discrepancy, draft *discrepancyDraft) error {
	var e *entry
	var pair pairRow
	var open discrepancyRows
	err := postgres.InPipelinedTx(ctx, s.pool,
		func(b *pgx.Batch) {
			b.Queue(dbsqlc.OrderLock, p.Order.UUID())
			b.Queue(dbsqlc.OrderOfDispute, p.ID.UUID()).Query(pair.scan)
			b.Queue(dbsqlc.DiscrepanciesOpenOfOrder, p.Order.UUID()).Query(open.scan)
		},
		func(b *pgx.Batch) error {
			a, err := accountFromRows(pair.Payment, pair.Order, open)
			if err != nil {
				return err
			}
			now := s.now()
			e = &entry{account: a}
			e.find(draft)
			e.review(subject, func(Discrepancy) bool { return false }, a.order.NeedsReview, now)
			queries := dbsqlc.New(postgres.NewQueue(b))
			if err := e.writeOrder(ctx, queries, p.CorrelationID, now); err != nil {
				return err
			}
			return e.writeNoted(ctx, queries, now)
		})
	if err != nil {
		return fmt.Errorf("note a %s of %s: %w", draft.class, p.ID, err)
	}
	s.observeTold(ctx, e.told)
	return nil
}
