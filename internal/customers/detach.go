package customers

import (
	"context"
	"encoding/json"
	"fmt"

	"github.com/jackc/pgx/v5"

	"tillway/internal/details"
	"tillway/internal/failpoint"
	"tillway/internal/ids"
	"tillway/internal/postgres"
	"tillway/internal/postgres/dbsqlc"
)

// changed runs a change of a method under its lock.
func (s *Service) changed(
	ctx context.Context, id ids.PaymentMethod, change func(ctx context.Context, tx pgx.Tx, m *PaymentMethod) error,
) (PaymentMethod, error) {
	var m PaymentMethod
	err := postgres.InTx(ctx, s.pool, func(ctx context.Context, tx pgx.Tx) error {
		row, err := s.queries.WithTx(tx).MethodLock(ctx, id.UUID())
		if err != nil {
			return err
		}
		if m, err = methodFromRow(row); err != nil {
			return err
		}
		if !m.shown() {
			return missingMethod(id)
		}
		return change(ctx, tx, &m)
	})
	if postgres.IsNoRows(err) {
		return PaymentMethod{}, missingMethod(id)
	}
	if err != nil {
		return PaymentMethod{}, fmt.Errorf("change payment method %s: %w", id, postgres.Translate(err))
	}
	return m, nil
}

// MethodPatch changes a payment method: what is nil stays as it is. Billing details are replaced as a whole, by nothing where
// ClearBilling says so.
type MethodPatch struct {
	Billing      *details.Contact
	ClearBilling bool
	// Metadata is changed as details.Patch says.
	Metadata      map[string]*string
	ClearMetadata bool
}

// UpdateMethod changes a payment method's billing details and metadata. It returns a fault NotFound or Invalid.
func (s *Service) UpdateMethod(ctx context.Context, id ids.PaymentMethod, patch MethodPatch) (PaymentMethod, error) {
	return s.changed(ctx, id, func(ctx context.Context, tx pgx.Tx, m *PaymentMethod) error {
		switch {
		case patch.ClearBilling:
			m.Billing = nil
		case patch.Billing != nil:
			m.Billing = patch.Billing.Clone()
		}
		if err := m.Billing.Normalize("billing_details"); err != nil {
			return err
		}
		var err error
		words := details.Patch{Metadata: patch.Metadata, ClearMetadata: patch.ClearMetadata}
		if _, m.Metadata, err = words.Apply("", m.Metadata); err != nil {
			return err
		}
		billing, metadata, err := writeDetails(m.Billing, m.Metadata)
		if err != nil {
			return err
		}
		m.UpdatedAt = s.now()
		return s.queries.WithTx(tx).MethodDescribe(ctx, dbsqlc.MethodDescribeParams{
			ID: id.UUID(), Billing: billing, Metadata: metadata, Now: m.UpdatedAt,
		})
	})
}

// Attach gives a method that is nobody's to a customer; attaching it to its own customer changes nothing. It returns a fault
// NotFound, Invalid for a customer who is not there, or Refused payment_method_not_allowed.
func (s *Service) Attach(ctx context.Context, id ids.PaymentMethod, customer ids.Customer) (PaymentMethod, error) {
	return s.changed(ctx, id, func(ctx context.Context, tx pgx.Tx, m *PaymentMethod) error {
		switch {
		case m.Status != StatusActive:
			return notAllowed("The payment method is detached. Save the card again.")
		case m.Customer == customer:
			return nil
		case !m.Attachable():
			return notAllowed("The payment method belongs to another customer.")
		}
		m.Customer, m.UpdatedAt = customer, s.now()
		queries := s.queries.WithTx(tx)
		told, err := s.tell(ctx, queries, *m, "payment_method.attached", false)
		if err != nil {
			return err
		}
		if !told {
			return noCustomer()
		}
		return queries.MethodAttach(ctx, dbsqlc.MethodAttachParams{ID: id.UUID(), CustomerID: customer.UUID(), Now: m.UpdatedAt})
	})
}

// Detach takes a method back for good: nothing is charged with it any more, and a job that commits with it has the provider
// forget the card. Detaching a detached one changes nothing. It returns a fault NotFound.
func (s *Service) Detach(ctx context.Context, id ids.PaymentMethod) (PaymentMethod, error) {
	m, err := s.changed(ctx, id, s.detach)
	if err == nil {
		failpoint.Hit(failpoint.DetachAfter)
	}
	return m, err
}

func (s *Service) detach(ctx context.Context, tx pgx.Tx, m *PaymentMethod) error {
	next, ok := m.Status.On(EventDetach)
	if !ok {
		return nil
	}
	m.Status, m.UpdatedAt = next, s.now()
	if !m.Customer.IsZero() {
		if _, err := s.tell(ctx, s.queries.WithTx(tx), *m, "payment_method.detached", true); err != nil {
			return err
		}
	}
	return s.detachIn(ctx, tx, *m, nil, nil)
}

// detachIn writes a detached method and orders the removal of its token, which is the one given where the row has none yet.
func (s *Service) detachIn(ctx context.Context, tx pgx.Tx, m PaymentMethod, sealed, digest []byte) error {
	if err := s.queries.WithTx(tx).MethodDetach(ctx, dbsqlc.MethodDetachParams{
		ID: m.ID.UUID(), Now: m.UpdatedAt, Sealed: sealed, Digest: digest,
	}); err != nil {
		return err
	}
	if _, err := s.jobs.InsertTx(ctx, tx, removalArgs{Method: m.ID.UUID()}, nil); err != nil {
		return fmt.Errorf("order the removal of a token: %w", err)
	}
	return nil
}

// tell writes an event of the method's customer; false when the customer is not there, unless deletedToo says that this does
// not matter.
func (s *Service) tell(ctx context.Context, queries *dbsqlc.Queries, m PaymentMethod, kind string, deletedToo bool) (bool, error) {
	object, err := json.Marshal(m.Resource())
	if err != nil {
		return false, fmt.Errorf("encode a payment method: %w", err)
	}
	told, err := queries.CustomerTell(ctx, dbsqlc.CustomerTellParams{
		CustomerID: m.Customer.UUID(), DeletedToo: deletedToo, EventID: ids.New[ids.EventEntity]().UUID(), EventType: kind,
		EventObject: object, CorrelationID: m.CorrelationID, Now: m.UpdatedAt,
	})
	return told > 0, err
}
