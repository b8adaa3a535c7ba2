package gateway

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"time"

	"tillway/internal/fault"
	"tillway/internal/money"
	"tillway/internal/onerway"
	"tillway/internal/orders"
	"tillway/internal/ratelimit"
)

// circuitRetry is the hint with a refusal while the circuit is open: about when it lets a call through to see.
const circuitRetry = 10 * time.Second

// API is what the merchant's payments are at the provider (ONERWAY_API).
type API string

// The APIs.
const (
	// Transactions: a payment is a transaction.
	Transactions API = "transactions"
	// Intents: a payment is a payment intent, whose status is above that of its transactions.
	Intents API = "intents"
)

// Provider is the wire client.
type Provider interface {
	DoTransaction(ctx context.Context, request onerway.SaleRequest) (onerway.SaleResponse, error)
	Checkout(ctx context.Context, request onerway.CheckoutRequest) (onerway.SaleResponse, error)
	ListTransactions(ctx context.Context, request onerway.ListRequest) (onerway.Page[onerway.Transaction], error)
	QueryPayments(ctx context.Context, request onerway.PaymentsRequest) (onerway.Page[onerway.PaymentIntent], error)
	AuthPayment(ctx context.Context, request onerway.AuthPaymentRequest) (onerway.SaleResponse, error)
	OnlineRefund(ctx context.Context, request onerway.RefundRequest) (onerway.RefundResponse, error)
	ListChargebacks(ctx context.Context, request onerway.ChargebackRequest) (onerway.Page[onerway.Chargeback], error)
	BindCard(ctx context.Context, request onerway.BindCardRequest) (onerway.BindCardResponse, error)
	QueryTokens(ctx context.Context, merchantCustID string) ([]onerway.BoundToken, error)
	RemoveToken(ctx context.Context, bindingID string) error
	CancelTransaction(ctx context.Context, originTransactionID string) (onerway.CancelResponse, error)
	CancelSubscription(ctx context.Context, request onerway.CancelSubscriptionRequest) (onerway.CancelSubscriptionResponse, error)
	QuerySubscription(ctx context.Context, contractID onerway.Sensitive) (onerway.SubscriptionDetail, error)
	Available() error
}

// Budget is the outbound rate limit. Acquire waits for leave to start a call.
type Budget interface {
	Acquire(ctx context.Context, lane ratelimit.Lane) error
}

// Observer counts what goes to the provider and what of its answers we do not understand.
type Observer interface {
	PSPCall(ctx context.Context, operation, class string, took time.Duration)
	UnmappedProviderValue(ctx context.Context, kind string)
}

// Options are what a Gateway needs. API defaults to Transactions, Zone to UTC; Log and Now may be nil.
type Options struct {
	Provider Provider
	Budget   Budget
	Observer Observer
	API      API
	// Zone is the provider's (ONERWAY_TIMEZONE): its rows tell times without one.
	Zone *time.Location
	Log  *slog.Logger
	Now  func() time.Time
}

// Gateway translates for one merchant. It is safe for concurrent use.
type Gateway struct {
	provider Provider
	budget   Budget
	observer Observer
	intents  bool
	zone     *time.Location
	log      *slog.Logger
	now      func() time.Time
}

var _ orders.Gateway = (*Gateway)(nil)

// New makes a gateway.
func New(o Options) (*Gateway, error) {
	if o.Provider == nil || o.Budget == nil || o.Observer == nil {
		return nil, errors.New("gateway: provider, budget and observer are required")
	}
	g := &Gateway{provider: o.Provider, budget: o.Budget, observer: o.Observer, zone: o.Zone, log: o.Log, now: o.Now}
	switch o.API {
	case "", Transactions:
	case Intents:
		g.intents = true
	default:
		return nil, fmt.Errorf("gateway: unknown API %q", o.API)
	}
	if g.log == nil {
		g.log = slog.New(slog.DiscardHandler)
	}
	if g.zone == nil {
		g.zone = time.UTC
	}
	if g.now == nil {
		g.now = time.Now
	}
	return g, nil
}

// Accepts refuses what the provider cannot express exactly or does not take. It sends nothing.
func (g *Gateway) Accepts(amount money.Amount) error { return checkAmount(amount) }

// Admit asks for leave to send a sale now: the circuit must not be open, and the outbound rate limit must have a place. Renewals
// have a lane of their own there. Any refusal is provider_unavailable.
func (g *Gateway) Admit(ctx context.Context, by orders.Initiator) error {
	lane := ratelimit.LaneSale
	if by == orders.InitiatorMerchant {
		lane = ratelimit.LaneRenewal
	}
	if err := g.provider.Available(); err != nil {
		return fault.Down("provider_unavailable", circuitRetry, err,
			"The payment provider is not answering. Nothing was sent; try again in a moment.")
	}
	err := g.budget.Acquire(ctx, lane)
	if err != nil && fault.KindOf(err) != fault.Unavailable {
		err = fault.Down("provider_unavailable", time.Second, err,
			"There was no leave to call the payment provider in time. Nothing was sent; try again in a moment.")
	}
	return err
}

// Sale sends a sale, or opens a checkout session, once and says what is known of it. It must not be called twice for one
// payment.
func (g *Gateway) Sale(ctx context.Context, sale orders.Sale) orders.Evidence {
	ctx = onerway.WithSandboxFault(ctx, sale.SandboxFault)
	began := g.now()
	operation, response, err := g.transact(ctx, sale)
	took := g.now().Sub(began)
	var ev orders.Evidence
	if err != nil {
		ev = g.saleFailure(ctx, sale.MerchantTxnID, err)
	} else {
		ev = g.answer(ctx, sale.MerchantTxnID, sale.Method, txnTypeOf(sale), response)
		ev.Contract = g.contractOf(ctx, sale.MerchantTxnID, response.ContractID, response.TokenID)
	}
	g.observer.PSPCall(ctx, operation, classOf(ev), took)
	return ev
}

// transact calls the provider for a sale, and names the call for metrics.
func (g *Gateway) transact(ctx context.Context, sale orders.Sale) (operation string, response onerway.SaleResponse, err error) {
	if sale.Method == orders.MethodHosted {
		request, err := checkoutRequest(sale)
		if err == nil {
			response, err = g.provider.Checkout(ctx, request)
		}
		return "checkout", response, err
	}
	operation, write := "sale", saleRequest
	if sale.Contract != nil {
		operation, write = "renewal", renewalRequest
	}
	request, err := write(sale)
	if err == nil {
		response, err = g.provider.DoTransaction(ctx, request)
	}
	return operation, response, err
}

// saleFailure is the evidence of a call that brought no trustworthy answer. It is logged here, because it goes on as
// evidence and not as an error.
func (g *Gateway) saleFailure(ctx context.Context, merchantTxnID string, err error) orders.Evidence {
	if errors.Is(err, errInexpressible) {
		// Accepts lets no such amount become an order.
		g.log.ErrorContext(ctx, "sale cannot be expressed", slog.String("merchant_txn_id", merchantTxnID), slog.Any("error", err))
		return inexpressible()
	}
	failed, ok := errors.AsType[*onerway.Error](err)
	if !ok {
		failed = &onerway.Error{Class: onerway.Unknown, Op: "doTransaction"}
	}
	g.log.WarnContext(ctx, "sale brought no answer to rely on", slog.String("merchant_txn_id", merchantTxnID), slog.Any("error", err))
	if failed.RespCode != "" {
		g.checkCode(ctx, merchantTxnID, failed.RespCode)
	}
	ev := orders.Evidence{Source: orders.SourceAnswer, ProviderCode: failed.RespCode, Body: errorBody(failed)}
	switch {
	case failed.Reason == onerway.ReasonInvalidRequest:
		return inexpressible()
	case failed.Class == onerway.NeverSent:
		ev.Outcome = orders.OutcomeNeverSent
	case failed.Class == onerway.Refused:
		ev.Outcome = orders.OutcomeDeclined
		explain(&ev, onerway.DeclineOf(failed.RespCode))
	default:
		ev.Outcome = orders.OutcomeUnknown
	}
	return ev
}
