package sandbox

import (
	"log/slog"
	"net/http"
	"strings"
	"time"
)

// What an empty Config stands for. The key is printed here on purpose: it guards nothing but pretend money.
const (
	DefaultMerchantNo = "800209"
	DefaultAppID      = "1739545982264549376"
	DefaultSecretKey  = "5a6e64626f782d6b65792d6e6f2d7573" //nolint:gosec // published on purpose, see above
)

// DefaultKeep is how many transactions a Config without Keep remembers: about 200 MB when all of them are there.
const DefaultKeep = 100_000

// How long the provider's own waits are before ClockScale divides them.
const (
	retryInterval     = 30 * time.Minute // between deliveries of one notification
	deliveries        = 3                // of one notification, in total
	deliveryTimeout   = 5 * time.Second  // real time: the receiver's, not the provider's
	challengeLifetime = 30 * time.Minute // of a 3DS page that nobody answers
	checkoutLifetime  = 30 * time.Minute // of a checkout session (Onerway contract §13)
	settleDelay       = 2 * time.Second  // of a transaction that was answered as processing
	refundDelay       = time.Second      // of a refund's review, of its processing, and of a cancellation
	authLifetime      = 72 * time.Hour   // of an authorization (Onerway contract §8.9)
)

// Config says which merchant the sandbox serves and how it behaves. The zero value is a working sandbox.
type Config struct {
	MerchantNo string
	AppID      string
	SecretKey  string
	// PreviousSecretKey, when set, is what a key rotation looks like: requests signed with either key are accepted,
	// and notifications carry both digests in X-RH-Signature.
	PreviousSecretKey string
	// Now is the clock of transactions and retries; time.Now when nil. Advance moves it on.
	Now func() time.Time
	// ClockScale divides the provider's waits (retries after 30 and 60 minutes, 3DS pages that expire); 1 when zero.
	ClockScale float64
	// PublicURL is the address that browsers reach the 3DS page under; the Host of the request when empty.
	PublicURL string
	// Strict refuses what the documents call wrong but the real sandbox lets pass.
	Strict bool
	// RegisteredHosts are the hosts that returnUrl and notifyUrl may name; any when empty.
	RegisteredHosts []string
	// NotifyURL is the address "configured in the portal", used when a request names none.
	NotifyURL string
	// HTTPClient delivers notifications.
	HTTPClient *http.Client
	// RefundDelay is how long a refund's review takes, its processing after that, and a cancellation; a second when
	// zero, and ClockScale divides it.
	RefundDelay time.Duration
	// HoldRefunds makes every refund wait for a person to review it, until POST /sandbox/refund_review says otherwise.
	HoldRefunds bool
	// AuthLifetime is how long after its success an authorization can be captured or voided; three days when zero, and
	// ClockScale divides it. After that its hold has lapsed, of which nothing is notified [sim].
	AuthLifetime time.Duration
	// Latency is how long every answer of the provider takes, after its effect.
	Latency time.Duration
	// Keep is how many transactions, deliveries and waiting retries are remembered; DefaultKeep when not positive. An
	// older transaction stays in the totals of the books, and is otherwise as if it had never been: a query does not
	// find it, and its ids may be used again. Set it above what a long run can still ask about.
	Keep int
	// Seed makes faults with a rate choose the same transactions again.
	Seed   int64
	Logger *slog.Logger
	Sim    SimOptions
}

// DuplicateMode says what a second doTransaction with one merchantTxnId gets.
type DuplicateMode string

// The two behaviors that the provider might have; no source says which.
const (
	DuplicateRejected DuplicateMode = "reject"
	DuplicateReplayed DuplicateMode = "replay"
)

// DeclineForm says how a decline is told in the answer. The real gateway does both.
type DeclineForm string

// A decline as a code of its own together with data whose status is F, or as 20000 with status F.
const (
	DeclineByCode   DeclineForm = "code"
	DeclineByStatus DeclineForm = "status"
)

// SimOptions are the behaviors that no source documents, each under its own name. Zero values are the defaults.
type SimOptions struct {
	Duplicate     DuplicateMode // DuplicateRejected
	DuplicateCode string        // 40000
	SignatureCode string        // 40013
	// OriginalIDCode is why an attempt fails whose merchantTxnOriginalId was already paid; 40000.
	OriginalIDCode string
	// AllowRepeatedSuccess lifts the brake of one success per merchantTxnOriginalId.
	AllowRepeatedSuccess bool
	Decline              DeclineForm // DeclineByCode
	// RefundCode is why a refund is refused that the original does not allow, CancelCode why a cancellation is,
	// AuthPaymentCode why a capture or void is; 40000.
	RefundCode, CancelCode, AuthPaymentCode string
	// SubscriptionCode is why a contract or token is refused that is unknown, another customer's or over; 40000. A renewal that
	// is too early is 12006, which is documented.
	SubscriptionCode string
	// PlainSubscriptions lets a subscription begin without 3DS where its card would pay without. The sources disagree whether
	// 3DS is mandatory (Onerway contract §16).
	PlainSubscriptions bool
	// MerchantClock lets the merchant's clock (merchantTxnTime) count for a subscription's agreed interval where it is ahead of
	// ours: who tests with a clock of their own moves one clock only.
	MerchantClock bool
	// PartialCapture lets a capture name an orderAmount, at most what was authorized; the rest is released. Without it one
	// that does is refused, for the sources disagree whether there is such a member (Onerway contract §16).
	PartialCapture bool
	// RemoveTokenPath is where tokens are removed: no source names the path; "/v1/txn/removeToken".
	RemoveTokenPath string
	// RefundRowsWithoutID makes queries show refunds without their merchantTxnId, as the documents say can be.
	RefundRowsWithoutID bool
	// PaymentIntents adds paymentId and paymentStatus to answers, rows and notifications.
	PaymentIntents bool
	// OmitBodySign and OmitHeaderSign leave one of the two places of a notification's signature empty.
	OmitBodySign   bool
	OmitHeaderSign bool
}

func (c Config) withDefaults() Config {
	c.MerchantNo = orElse(c.MerchantNo, DefaultMerchantNo)
	c.AppID = orElse(c.AppID, DefaultAppID)
	c.SecretKey = orElse(c.SecretKey, DefaultSecretKey)
	c.PublicURL = strings.TrimRight(c.PublicURL, "/")
	if c.ClockScale <= 0 {
		c.ClockScale = 1
	}
	if c.RefundDelay <= 0 {
		c.RefundDelay = refundDelay
	}
	if c.AuthLifetime <= 0 {
		c.AuthLifetime = authLifetime
	}
	if c.Keep <= 0 {
		c.Keep = DefaultKeep
	}
	if c.HTTPClient == nil {
		c.HTTPClient = notificationClient()
	}
	if c.Logger == nil {
		c.Logger = slog.New(slog.DiscardHandler)
	}
	c.Sim.Duplicate = orElse(c.Sim.Duplicate, DuplicateRejected)
	c.Sim.DuplicateCode = orElse(c.Sim.DuplicateCode, codeRejected)
	c.Sim.SignatureCode = orElse(c.Sim.SignatureCode, codeUnreadable)
	c.Sim.OriginalIDCode = orElse(c.Sim.OriginalIDCode, codeRejected)
	c.Sim.RefundCode = orElse(c.Sim.RefundCode, codeRejected)
	c.Sim.CancelCode = orElse(c.Sim.CancelCode, codeRejected)
	c.Sim.AuthPaymentCode = orElse(c.Sim.AuthPaymentCode, codeRejected)
	c.Sim.SubscriptionCode = orElse(c.Sim.SubscriptionCode, codeRejected)
	c.Sim.RemoveTokenPath = orElse(c.Sim.RemoveTokenPath, "/v1/txn/removeToken")
	c.Sim.Decline = orElse(c.Sim.Decline, DeclineByCode)
	return c
}

// notificationClient keeps enough idle connections that a load test does not run out of ports, and follows no
// redirect: the provider wants its acknowledgement from the address it was given.
func notificationClient() *http.Client {
	return &http.Client{
		Transport: &http.Transport{MaxIdleConns: sending, MaxIdleConnsPerHost: sending, IdleConnTimeout: time.Minute},
		CheckRedirect: func(*http.Request, []*http.Request) error {
			return http.ErrUseLastResponse
		},
	}
}

func orElse[T ~string](value, otherwise T) T {
	if value == "" {
		return otherwise
	}
	return value
}
