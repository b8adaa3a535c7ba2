package orders

import (
	"context"
	"log/slog"
	"time"

	"tillway/internal/cards"
	"tillway/internal/details"
	"tillway/internal/ids"
	"tillway/internal/money"
)

// Gateway is what orders need of a payment provider. Its implementations translate between our words and the provider's.
type Gateway interface {
	// Accepts refuses amounts that the provider cannot express exactly or does not take: a fault of kind Refused with code
	// currency_not_supported, or Invalid when the amount is below the provider's minimum. It sends nothing.
	Accepts(amount money.Amount) error
	// Admit asks for leave to send a sale now: a fault of kind Unavailable (provider_unavailable) when the circuit is open
	// or no slot of the outbound rate limit comes free in time, for which a renewal waits longer than a shopper, and behind them.
	// Called before anything is written.
	Admit(ctx context.Context, by Initiator) error
	// Sale sends a sale, or opens a checkout session, once and returns what can be said of it. It never fails: whatever goes
	// wrong is evidence (never sent, refused, unknown). It must not be called twice for one payment.
	Sale(ctx context.Context, sale Sale) Evidence
	// Find asks the provider about a payment by our reference. An error means that the question was not answered and is no
	// evidence; a payment that the provider does not know is Evidence with OutcomeNotFound.
	Find(ctx context.Context, query Query) (Evidence, error)
}

// Query names a payment to the provider.
type Query struct {
	MerchantTxnID string
	Amount        money.Amount
	Method        MethodType
	// Patience bounds the wait, the outbound rate limit included; zero leaves it to the gateway.
	Patience time.Duration
}

// Sale is everything that the provider needs to charge a card, or to ask the shopper for the money. It may carry card data and
// account numbers: it must not be stored or logged.
type Sale struct {
	Payment ids.Payment
	Order   ids.Order
	// MerchantTxnID is unique per attempt; OriginalID groups an order's attempts up to the release
	// of a hold; one of a group can succeed (contract §4).
	MerchantTxnID string
	OriginalID    string
	Amount        money.Amount
	CaptureMethod CaptureMethod
	Method        MethodType
	// Card is zero unless Method is MethodCard, and where Token stands for one that the provider keeps under CustomerID.
	Card  cards.Card
	Token cards.Token
	Local Local // zero unless Method is MethodLocal
	// Terms are set for the purchase that begins a contract, Contract for a renewal, which has neither card nor browser.
	Terms       *Terms
	Contract    *Contract
	Items       []Item
	Description string
	Billing     details.Contact
	Shipping    details.Contact
	CustomerID  string
	ThreeDS     ThreeDS
	Browser     Browser
	// ReturnURL and NotifyURL are ours, not the merchant's.
	ReturnURL string
	NotifyURL string
	SentAt    time.Time
	// SandboxFault is what the provider's simulator is asked to do wrong; always empty in live mode.
	SandboxFault string
}

// LogValue keeps card data out of logs.
func (s Sale) LogValue() slog.Value { return slog.StringValue("sale " + s.MerchantTxnID) }

// String keeps card data out of formatted text.
func (s Sale) String() string { return "sale " + s.MerchantTxnID }

// GoString keeps card data out of %#v.
func (s Sale) GoString() string { return s.String() }

// ThreeDSStrategy is who decides on the cardholder's authentication.
type ThreeDSStrategy string

// The strategies (API.md §2).
const (
	// ThreeDSAuto: the provider decides.
	ThreeDSAuto ThreeDSStrategy = "auto"
	// ThreeDSForce: always authenticate.
	ThreeDSForce ThreeDSStrategy = "force"
	// ThreeDSSkip: never authenticate.
	ThreeDSSkip ThreeDSStrategy = "skip"
)

// ThreeDS says how to authenticate the cardholder. MPI is set when the merchant authenticated by itself.
type ThreeDS struct {
	Strategy ThreeDSStrategy
	MPI      *MPI
}

// MPI is the result of an external authentication: ECI, CAVV and one of XID (3DS 1) or DSTransID (3DS 2).
type MPI struct {
	ECI, CAVV, XID, DSTransID string
}

// Browser is what 3DS 2 wants to know of the shopper's browser. TimeZoneOffset is JavaScript's getTimezoneOffset in minutes.
type Browser struct {
	IP, UserAgent, Accept, Language string
	JavaEnabled                     *bool
	ColorDepth, ScreenHeight        *int
	ScreenWidth, TimeZoneOffset     *int
	ContentLength                   *int
}

// Source is where evidence comes from.
type Source string

// The sources.
const (
	// SourceAnswer: the synchronous answer to our request.
	SourceAnswer Source = "answer"
	// SourceNotification: a verified notification.
	SourceNotification Source = "notification"
	// SourceQuery: an answer to a query.
	SourceQuery Source = "query"
)

// Authoritative reports whether the source is the provider's own later word, which confirms a status.
func (s Source) Authoritative() bool { return s == SourceNotification || s == SourceQuery }

// Evidence is one piece of news about a payment, in our words. Sources supply it; Service.Apply judges it.
type Evidence struct {
	Source  Source
	Outcome Outcome
	// Amount is what the provider named; the zero value when it named none.
	Amount                money.Amount
	ProviderTransactionID string
	// ProviderStatus and ProviderCode are the provider's own words, kept for people.
	ProviderStatus string
	ProviderCode   string
	RedirectURL    string
	Display        Display // what a local payment method shows the shopper
	ECI            string
	CardBrand      string
	CardCountry    string
	CardLast4      string
	Failure        *Failure
	// ThreeDSResult is set when the provider's code says how the authentication ended.
	ThreeDSResult ThreeDSResult
	// Digest is the SHA-256 of the raw body; Body is the body, redacted, as JSON.
	Digest []byte
	Body   []byte
	// Contract is what the news names of the contract that it is of, zero where it names nothing. It is not kept with the news.
	Contract Contract
	// NotCanceled: the provider says that it did not cancel the payment, as it was asked to.
	NotCanceled bool
	// askedAt is when the question was asked that it answers; zero for news that came unasked.
	askedAt time.Time
	// claimedElsewhere is set when the transaction that it names belongs to another payment of ours.
	claimedElsewhere bool
	// due is the sum that the news has to be of, where that is not the whole payment: what a capture was asked to take.
	due money.Amount
}

// dueOf is the sum that the news of a payment has to be of.
func (ev Evidence) dueOf(p Payment) money.Amount {
	if ev.due.IsZero() {
		return p.Amount
	}
	return ev.due
}
