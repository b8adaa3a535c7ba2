package orders

import (
	"context"
	"crypto/hmac"
	"crypto/sha256"
	"crypto/subtle"
	"encoding/hex"
	"fmt"
	"log/slog"
	"sync"
	"time"

	"github.com/jackc/pgx/v5/pgxpool"

	"tillway/internal/ids"
	"tillway/internal/postgres/dbsqlc"
)

// Config holds the settings of a Service; see docs/configuration.md for their meaning.
type Config struct {
	Livemode bool
	// PublicURL is what the provider and browsers reach us under, without a trailing slash.
	PublicURL string
	// ReturnURLAllowed tells whether the shopper may be sent to an address.
	ReturnURLAllowed func(url string) bool
	// MaxAmount is the largest order in minor units.
	MaxAmount int64
	// CallerDeadline bounds how long Pay waits for the provider; ChargeTimeout how long the call itself may take.
	CallerDeadline, ChargeTimeout time.Duration
	Schedule                      Schedule
	NotFoundAfter                 time.Duration
	Confirm                       ConfirmByQuery
	// SecretKey derives client secrets: 32 bytes.
	SecretKey []byte
	// RealNow is real time, where the service's clock is one that tests move: it measures how long a call may still be under
	// way. Nil: that clock is real.
	RealNow func() time.Time
	// Refunds is the provider's side of refunds; without it refunds are recorded, and wait for a process that has it.
	Refunds RefundGateway
	// Modifications is the provider's side of captures and voids; without it nobody can capture.
	Modifications ModificationGateway
	// Disputes is the provider's side of disputes; without it warnings alone are recorded.
	Disputes DisputeGateway
	// RefundBooks is the provider's record of refunds; without it those made in its portal are not learned of.
	RefundBooks RefundBooks
	// Cancellations is the provider's side of canceling what is stuck; without it nothing of that can be canceled.
	Cancellations CancellationGateway
	// Contracts keeps what the provider tells of contracts; without it that is lost.
	Contracts Contracts
	// HoldLasts is how long an authorization holds the money: afterwards it has lapsed, whatever the provider's record of
	// the authorization says. Zero: for ever.
	HoldLasts time.Duration
	// AuthExpiry is what is done about a hold before it lapses; "" is AuthExpiryWarn.
	AuthExpiry AuthExpiryAction
	// LocalMethods are the local payment methods that are offered, by the provider's names.
	LocalMethods []string
	// PartialCapture lets a capture take less than what is held; the rest is released.
	PartialCapture bool
	// Wallet knows the customers of orders and their saved cards; without it nobody is known.
	Wallet Wallet
	// DuplicateWindow is how long after a refund one of the same payment, amount and reason needs to be asked for twice.
	DuplicateWindow time.Duration
	// RefundWindow is how long after a payment succeeded it may be refunded; zero: for ever.
	RefundWindow time.Duration
	// RefundMaxCount is how many refunds of one payment may succeed; zero: any number.
	RefundMaxCount int
	// ApprovalAbove is what may be refunded of a payment without a second person.
	ApprovalAbove ApprovalThresholds
}

func (c Config) refunds() RefundGateway {
	if c.Refunds == nil {
		return noRefunds{}
	}
	return c.Refunds
}

func (c Config) refundBooks() RefundBooks {
	if c.RefundBooks == nil {
		return noRefundBooks{}
	}
	return c.RefundBooks
}

func (c Config) disputes() DisputeGateway {
	if c.Disputes == nil {
		return noDisputes{}
	}
	return c.Disputes
}

func (c Config) cancellations() CancellationGateway {
	if c.Cancellations == nil {
		return noCancellations{}
	}
	return c.Cancellations
}

func (c Config) contracts() Contracts {
	if c.Contracts == nil {
		return noContracts{}
	}
	return c.Contracts
}

func (c Config) modifications() ModificationGateway {
	if c.Modifications == nil {
		return noModifications{}
	}
	return c.Modifications
}

// Observer is told what a Service does, for metrics. All methods return at once.
type Observer interface {
	// PaymentMoved reports a payment's new status.
	PaymentMoved(ctx context.Context, p Payment)
	// Settled reports how long after sending an outcome became final, and what settled it.
	Settled(ctx context.Context, source Source, after time.Duration)
	// DiscrepancyMoved reports a discrepancy that was opened or has ended; its status says which.
	DiscrepancyMoved(ctx context.Context, d Discrepancy)
}

// Service creates orders, collects them, and applies news to them. It is safe for concurrent use by any number of
// processes on one database.
type Service struct {
	pool     *pgxpool.Pool
	queries  *dbsqlc.Queries
	gateway  Gateway
	wallet   Wallet
	observer Observer
	log      *slog.Logger
	now      func() time.Time
	realNow  func() time.Time
	config   Config
	inFlight sync.WaitGroup
}

// New makes a Service. The clock decides every time that is recorded or compared, but for how long a call to the provider has
// been under way: that is real time (Config.RealNow).
func New(pool *pgxpool.Pool, gateway Gateway, observer Observer, log *slog.Logger, now func() time.Time, config Config) *Service {
	realNow := config.RealNow
	if realNow == nil {
		realNow = now
	}
	wallet := config.Wallet
	if wallet == nil {
		wallet = noWallet{}
	}
	return &Service{
		wallet: wallet, pool: pool, realNow: realNow, queries: dbsqlc.New(pool), gateway: gateway, observer: observer, log: log, config: config,
		// The database keeps microseconds: what is decided on must be what is stored.
		now: func() time.Time { return now().UTC().Truncate(time.Microsecond) },
	}
}

func (s *Service) rules() rules {
	r := rules{
		schedule: s.config.Schedule, notFoundAfter: s.config.NotFoundAfter, confirm: s.config.Confirm, holdLasts: s.config.HoldLasts,
	}
	r.keyFreeWithin = s.replayPatience() / 2 // the rest is for the write to be seen everywhere
	if s.config.RealNow != nil {
		landedBefore := s.config.RealNow().Add(-min(s.config.NotFoundAfter, s.config.ChargeTimeout))
		r.landedBefore = &landedBefore
	}
	return r
}

// replayPatience is for how long a repeated request is told to wait: its first one may still be waiting for its own answer.
// Once its caller's deadline has passed it was answered that the outcome is open, and so is its repetition, however long the
// call itself goes on.
func (s *Service) replayPatience() time.Duration {
	return min(s.config.CallerDeadline, s.config.ChargeTimeout)
}

// Accepts refuses what no order can be of: a fault Invalid for the amount or the currency, or Refused currency_not_supported.
func (s *Service) Accepts(amount int64, currency string) error {
	_, err := s.checkAmount(amount, currency)
	return err
}

// Purchasable refuses what would refuse the payment of a customer's order by a card, before there is an order: a fault Invalid for a
// return_url that is not allowed, a customer who is not there, or one of whom less is known than the provider wants.
func (s *Service) Purchasable(ctx context.Context, customer ids.Customer, returnURL string) error {
	if err := checkReturnURL(returnURL, s.config); err != nil {
		return err
	}
	contact, err := s.wallet.Contact(ctx, customer)
	if err != nil {
		return fmt.Errorf("read customer %s: %w", customer, err)
	}
	if contact == nil {
		return noCustomer()
	}
	return payable(contact)
}

// Drain waits until no charge is in flight, or ctx ends. New charges must not be started meanwhile.
func (s *Service) Drain(ctx context.Context) error {
	done := make(chan struct{})
	go func() { // ends with the last charge, which has a deadline
		s.inFlight.Wait()
		close(done)
	}()
	select {
	case <-done:
		return nil
	case <-ctx.Done():
		return context.Cause(ctx)
	}
}

// ClientSecret returns the secret with which a browser may see and pay this one order. It is derived from the order's id,
// so it is stored nowhere.
func (s *Service) ClientSecret(order ids.Order) string {
	mac := hmac.New(sha256.New, s.config.SecretKey)
	mac.Write([]byte("client_secret:" + order.String()))
	return order.String() + "_secret_" + hex.EncodeToString(mac.Sum(nil)[:20])
}

// ClientSecretMatches compares in constant time.
func (s *Service) ClientSecretMatches(order ids.Order, secret string) bool {
	return subtle.ConstantTimeCompare([]byte(s.ClientSecret(order)), []byte(secret)) == 1
}
