package customers

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"strings"
	"time"

	"github.com/jackc/pgx/v5"

	"tillway/internal/cards"
	"tillway/internal/details"
	"tillway/internal/failpoint"
	"tillway/internal/fault"
	"tillway/internal/idempotency"
	"tillway/internal/ids"
	"tillway/internal/postgres"
	"tillway/internal/postgres/dbsqlc"
)

// KeepRequest asks for a card to be kept. Without a customer it is nobody's until it is attached.
type KeepRequest struct {
	Idempotency   idempotency.Claim
	CorrelationID string
	Customer      ids.Customer
	Card          cards.Card
	Billing       *details.Contact
	Metadata      details.Metadata
	// IP is from where it is asked for, "" where that is not known.
	IP string
}

// Kept is a payment method. Replayed: the key had made it before.
type Kept struct {
	Method   PaymentMethod
	Replayed bool
}

// Keep has the provider keep a card: the row is written (T1), the provider asked once, and the answer recorded (T2). When the
// answer is lost, the repetition first looks whether the card was kept, and takes it rather than having it kept twice. The same
// card again makes another method, unless the provider knows it under the same token: then it answers that method.
//
// It returns a *DeclinedError, or a fault: Invalid for a bad request; Refused idempotency_key_reused; Conflict
// idempotency_in_flight, or payment_method_in_progress while the same card is being kept by another request; Unavailable
// provider_unavailable when nothing was sent, or payment_method_unconfirmed when it is not known whether the card was kept. After
// both the request may be repeated with its key.
func (s *Service) Keep(ctx context.Context, req KeepRequest) (Kept, error) {
	m, contact, err := s.drafted(ctx, &req)
	if replayed, replayErr := s.replayKeep(ctx, req, contact); !errors.Is(replayErr, errNoReplay) {
		return replayed, replayErr
	}
	if err != nil {
		return Kept{}, err
	}
	err = s.begin(ctx, m, req.Idempotency)
	switch {
	case err == nil:
		failpoint.Hit(failpoint.KeepAfterT1)
	case postgres.IsUnique(err, "payment_methods_idempotency_key"):
		return s.replayKeep(ctx, req, contact)
	case postgres.IsUnique(err, "payment_methods_one_pending_per_card"):
		return Kept{}, inProgress()
	default:
		return Kept{}, fmt.Errorf("begin to keep a card: %w", postgres.Translate(err))
	}
	return s.bind(ctx, m, req.Card, contact, req.IP)
}

func inProgress() error {
	e := fault.New(fault.Conflict, "payment_method_in_progress",
		"This card is being kept by another request whose outcome is not known yet. Repeat that request, or try again later.")
	e.RetryAfter = retryLater
	return e
}

const retryLater = time.Second

// drafted checks the request and makes the method that it asks for, and the contact that the provider wants to have.
func (s *Service) drafted(ctx context.Context, req *KeepRequest) (PaymentMethod, details.Contact, error) {
	req.Billing = req.Billing.Clone()
	for _, err := range []error{req.Card.Check("card"), req.Billing.Normalize("billing_details"), req.Metadata.Check()} {
		if err != nil {
			return PaymentMethod{}, details.Contact{}, err
		}
	}
	if req.Metadata == nil {
		req.Metadata = details.Metadata{}
	}
	now := s.now()
	m := PaymentMethod{
		ID: ids.New[ids.PaymentMethodEntity](), Livemode: s.config.Livemode, Customer: req.Customer, Status: StatusPending,
		Card: req.Card.Summary(), Billing: req.Billing, Metadata: req.Metadata, CorrelationID: req.CorrelationID,
		CreatedAt: now, UpdatedAt: now,
	}
	m.ProviderCustomer = m.ID.String()
	var contact details.Contact
	if !req.Customer.IsZero() {
		c, err := s.there(ctx, req.Customer)
		if fault.KindOf(err) == fault.NotFound {
			return m, contact, noCustomer()
		}
		if err != nil {
			return m, contact, err
		}
		m.ProviderCustomer, contact = c.ID.String(), c.contact()
	}
	contact = contact.Over(req.Billing)
	switch {
	case contact.Email == "":
		return m, contact, fault.MissingParam("billing_details.email")
	case contact.Address == nil || contact.Address.Country == "":
		return m, contact, fault.MissingParam("billing_details.address.country")
	}
	return m, contact, nil
}

func noCustomer() error {
	return fault.InvalidParam("customer", "There is no such customer. Create one with POST /v1/customers.")
}

// contact is what is known of a customer as a payer.
func (c Customer) contact() details.Contact {
	first, last, _ := strings.Cut(c.Name, " ")
	known := details.Contact{FirstName: first, LastName: last, Email: c.Email, Phone: c.Phone}
	return known.Over(c.Billing)
}

// begin is T1. The job that comes with it looks after a binding that nobody repeats.
func (s *Service) begin(ctx context.Context, m PaymentMethod, claim idempotency.Claim) error {
	billing, metadata, err := writeDetails(m.Billing, m.Metadata)
	if err != nil {
		return err
	}
	principal, key, fingerprint := claim.Columns()
	return postgres.InTx(context.WithoutCancel(ctx), s.pool, func(ctx context.Context, tx pgx.Tx) error {
		if err := s.queries.WithTx(tx).MethodInsert(ctx, dbsqlc.MethodInsertParams{
			ID: m.ID.UUID(), Livemode: m.Livemode, CustomerID: m.Customer.Nullable(), ProviderCustomer: m.ProviderCustomer,
			CardBrand: m.Card.Brand, CardLast4: m.Card.Last4, CardExpMonth: int16(m.Card.ExpMonth), //nolint:gosec // validated
			CardExpYear: int16(m.Card.ExpYear), Billing: billing, Metadata: metadata, //nolint:gosec // validated
			IdempotencyPrincipal: principal, IdempotencyKey: key, IdempotencyFingerprint: fingerprint,
			CorrelationID: m.CorrelationID, Now: m.CreatedAt, BusyUntil: s.busyUntil(m.CreatedAt),
		}); err != nil {
			return err
		}
		_, err := s.jobs.InsertTx(ctx, tx, abandonArgs{Method: m.ID.UUID()}, s.afterwards(s.config.AbandonAfter))
		return err
	})
}

// bind asks the provider, on a context that outlives the caller, and records the answer (T2).
func (s *Service) bind(ctx context.Context, m PaymentMethod, card cards.Card, contact details.Contact, ip string) (Kept, error) {
	ctx, cancel := context.WithTimeoutCause(context.WithoutCancel(ctx), s.config.CallTimeout,
		errors.New("the provider did not answer in time"))
	defer cancel()
	bound := s.vault.Bind(ctx, Binding{
		ProviderCustomer: m.ProviderCustomer, Card: card, Contact: contact, IP: ip, SandboxFault: details.SandboxFault(s.config.Livemode, m.Metadata),
	})
	failpoint.Hit(failpoint.KeepAnswered)
	return s.record(context.WithoutCancel(ctx), m, bound)
}

// record is T2.
func (s *Service) record(ctx context.Context, m PaymentMethod, bound Bound) (Kept, error) {
	var err error
	switch bound.Result {
	case ResultKept:
		if m, err = s.activate(ctx, m, bound.Token); err != nil {
			return Kept{}, err
		}
		failpoint.Hit(failpoint.KeepAfterT2)
		return Kept{Method: m}, nil
	case ResultDeclined:
		if _, err = s.queries.MethodFail(ctx, dbsqlc.MethodFailParams{
			ID: m.ID.UUID(), Code: bound.Failure.Code, DeclineCode: bound.Failure.DeclineCode, Message: bound.Failure.Message,
			Refused: bound.Failure.Refused, Now: s.now(),
		}); err == nil {
			return Kept{}, &DeclinedError{Failure: bound.Failure}
		}
	case ResultNeverSent:
		if _, err = s.queries.MethodForget(ctx, m.ID.UUID()); err == nil {
			return Kept{}, fault.Down("provider_unavailable", retryLater, nil,
				"The payment provider cannot be reached. Nothing was sent; repeat the request.")
		}
	case ResultUnknown:
		if err = s.queries.MethodRelease(ctx, dbsqlc.MethodReleaseParams{ID: m.ID.UUID(), Now: s.now()}); err == nil {
			return Kept{}, unconfirmed()
		}
	}
	s.log.ErrorContext(ctx, "record the provider's answer", slog.String("payment_method", m.ID.String()), slog.Any("error", err))
	return Kept{}, unconfirmed()
}

func unconfirmed() error {
	return fault.Down("payment_method_unconfirmed", retryLater, nil,
		"It is not known whether the provider has kept the card. Repeat the request with the same Idempotency-Key.")
}

// activate makes a pending method one that can be charged, or, for a customer who was deleted meanwhile, one whose token is
// to be removed. A token that is another method's already answers that method.
func (s *Service) activate(ctx context.Context, m PaymentMethod, token cards.Token) (PaymentMethod, error) {
	sealed, digest, now := s.sealer.Seal(m.ID.UUID(), token), s.sealer.Digest(token), s.now()
	err := postgres.InTx(ctx, s.pool, func(ctx context.Context, tx pgx.Tx) error {
		queries := s.queries.WithTx(tx)
		m.Status, _ = StatusPending.On(EventKept)
		m.UpdatedAt = now
		if !m.Customer.IsZero() {
			told, err := s.tell(ctx, queries, m, "payment_method.attached", false)
			if err != nil {
				return err
			}
			if !told {
				m.Status, _ = StatusPending.On(EventOrphaned)
				return s.detachIn(ctx, tx, m, sealed, digest)
			}
		}
		changed, err := queries.MethodActivate(ctx, dbsqlc.MethodActivateParams{
			ID: m.ID.UUID(), Sealed: sealed, Digest: digest, Now: now,
		})
		if err == nil && changed == 0 {
			err = errMoved
		}
		return err
	})
	switch {
	case err == nil && m.Status == StatusDetached:
		return m, noCustomer()
	case err == nil:
		return m, nil
	case postgres.IsUnique(err, "payment_methods_token_digest_key"):
		return s.takeKnown(ctx, m, digest)
	default:
		s.log.ErrorContext(ctx, "record a kept card", slog.String("payment_method", m.ID.String()), slog.Any("error", err))
		return m, unconfirmed()
	}
}

// errMoved says that somebody else has decided on the method meanwhile.
var errMoved = errors.New("the payment method is not pending any more")

// takeKnown answers the method that has the token already, and leaves nothing of the pending one.
func (s *Service) takeKnown(ctx context.Context, m PaymentMethod, digest []byte) (PaymentMethod, error) {
	row, err := s.queries.MethodByDigest(ctx, digest)
	if err != nil {
		return m, unconfirmed()
	}
	known, err := methodFromRow(row)
	if err != nil {
		return m, err
	}
	if known.Status != StatusActive || known.Customer != m.Customer {
		return m, unconfirmed() // it is being removed; once it is, the card can be kept anew
	}
	if _, err := s.queries.MethodForget(ctx, m.ID.UUID()); err != nil {
		return m, unconfirmed()
	}
	return known, nil
}
