package orders_test

import (
	"context"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"golang.org/x/sync/errgroup"

	"tillway/internal/cards"
	"tillway/internal/ids"
	"tillway/internal/jobs"
	"tillway/internal/onerway"
	"tillway/internal/onerway/gateway"
	"tillway/internal/orders"
	"tillway/internal/ratelimit"
	"tillway/internal/sandbox"
	"tillway/internal/seal"
	"tillway/internal/telemetry"
	"tillway/internal/webhooks"
)

const (
	cardChallenged   = "4761344136141390"
	cardFrictionless = "4000009900000020"
	thirtyDays       = 30 * 24 * time.Hour
)

type anyBudget struct{}

func (anyBudget) Acquire(context.Context, ratelimit.Lane) error { return nil }

// onSandbox is orders on a database of their own with a provider: the simulator, over real HTTP, which notifies us.
type onSandbox struct {
	*testBundle

	provider *sandbox.Server
	url      string
	ledger   *ledger
	sub      ids.Subscription
	first    orders.Order
}

func setupOnSandbox(t *testing.T) *onSandbox {
	t.Helper()
	s := &onSandbox{provider: sandbox.New(sandbox.Config{Strict: true}), ledger: &ledger{}, sub: ids.New[ids.SubscriptionEntity]()}
	server := httptest.NewServer(s.provider.Handler())
	s.url = server.URL
	var receiver *webhooks.Receiver
	inbox := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) { receiver.ServeHTTP(w, r) }))
	ctx, stop := context.WithCancel(context.WithoutCancel(t.Context()))
	var running sync.WaitGroup
	running.Go(func() { _ = s.provider.Run(ctx) })
	client, err := onerway.New(onerway.Config{
		BaseURL: server.URL, MerchantNo: sandbox.DefaultMerchantNo, AppID: sandbox.DefaultAppID,
		SecretKey: onerway.Conceal(sandbox.DefaultSecretKey),
	})
	require.NoError(t, err)
	t.Cleanup(func() {
		client.Close()
		stop()
		running.Wait()
		server.Close()
		inbox.Close()
	})
	words, err := gateway.New(gateway.Options{Provider: client, Budget: anyBudget{}, Observer: telemetry.DiscardMetrics()})
	require.NoError(t, err)
	s.testBundle = setup(t, func(c *orders.Config) { c.Contracts, c.PublicURL = s.ledger, inbox.URL })
	s.service = orders.New(s.pool, words, nil, discard(), s.clock.Now, s.config)
	inserter, err := jobs.NewInserter(s.pool, discard())
	require.NoError(t, err)
	sealer, err := seal.New(make([]byte, 32), "notifications")
	require.NoError(t, err)
	receiver = webhooks.New(s.pool, s.service, words.News, inserter, telemetry.DiscardMetrics(), discard(), s.clock.Now, webhooks.Config{
		MerchantNo: sandbox.DefaultMerchantNo, PublicURL: inbox.URL, Sealer: sealer,
		Secrets: onerway.Secrets{Current: onerway.Conceal(sandbox.DefaultSecretKey)},
	})
	return s
}

// buy pays the order of the first period by the card, which begins the contract.
func (s *onSandbox) buy(number string, adjust ...func(*orders.PayRequest)) orders.Payment {
	s.t.Helper()
	s.first = s.order(periodOrder(s.sub, march()))
	req := purchase(s.first)
	req.Card.Number, req.Card.ExpYear = number, 2039
	for _, a := range adjust {
		a(&req)
	}
	result, err := s.service.Pay(s.t.Context(), req)
	require.NoError(s.t, err)
	return result.Payment
}

// period creates the order of the nth period after the first.
func (s *onSandbox) period(n int) orders.Order {
	s.t.Helper()
	p := march()
	p.Start, p.End = p.Start.AddDate(0, n, 0), p.End.AddDate(0, n, 0)
	return s.order(periodOrder(s.sub, p))
}

// learned waits until both the contract and its token are known.
func (s *onSandbox) learned() orders.Contract {
	s.t.Helper()
	known := orders.Contract{ProviderCustomer: "cus_1", Card: contract().Card}
	require.Eventually(s.t, func() bool {
		s.ledger.mu.Lock()
		defer s.ledger.mu.Unlock()
		for _, c := range s.ledger.known {
			if c.ID != "" {
				known.ID = c.ID
			}
			if !c.Token.IsZero() {
				known.Token = c.Token
			}
		}
		return known.ID != "" && !known.Token.IsZero()
	}, 10*time.Second, 5*time.Millisecond)
	return known
}

// renew charges the order once more by the contract.
func (s *onSandbox) renew(o orders.Order, n int, by orders.Contract) orders.Payment {
	s.t.Helper()
	req := renewal(o, n)
	req.Charge.Contract = &by
	result, err := s.service.Pay(s.t.Context(), req)
	require.NoError(s.t, err)
	return result.Payment
}

func (s *onSandbox) control(path, body string) {
	s.t.Helper()
	request, err := http.NewRequestWithContext(s.t.Context(), http.MethodPost, s.url+path, strings.NewReader(body))
	require.NoError(s.t, err)
	response, err := http.DefaultClient.Do(request)
	require.NoError(s.t, err)
	require.NoError(s.t, response.Body.Close())
	require.Equal(s.t, http.StatusOK, response.StatusCode)
}

// confirmed waits until a notification has said that the payment succeeded.
func (s *onSandbox) confirmed(p orders.Payment) {
	s.t.Helper()
	require.Eventually(s.t, func() bool { got := s.payment(p.ID); return got.Status == orders.PaymentSucceeded && got.Confirmed }, 10*time.Second, 5*time.Millisecond)
}

// charged is how often the provider took money for the order.
func (s *onSandbox) charged(o orders.Order) int {
	s.t.Helper()
	taken := 0
	for _, booked := range s.provider.Summary(sandbox.BookQuery{MerchantTxnOriginalID: o.ID.String()}).Orders {
		taken += booked.Successes
	}
	return taken
}

func TestSubscription_APurchaseWith3DSBeginsAContractThatRenewalsCharge(t *testing.T) {
	t.Parallel()
	s := setupOnSandbox(t)
	p := s.buy(cardChallenged)
	require.Equal(t, orders.PaymentRequiresAction, p.Status)
	browser := http.Client{CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }}
	response, err := browser.PostForm(p.RedirectURL, url.Values{"action": {"approve"}})
	require.NoError(t, err)
	require.NoError(t, response.Body.Close())
	s.confirmed(p)
	by := s.learned() // the token by the notification: the answer came before there was one

	early := s.renew(s.period(1), 1, by)
	require.Equal(t, orders.PaymentFailed, early.Status)
	require.Equal(t, []any{orders.FailureConfiguration, "12006"}, []any{early.Failure.Category, early.Failure.ProviderCode})

	s.provider.Advance(thirtyDays)
	s.control("/sandbox/contracts/"+by.ID+"/decline", `{"code":"20051"}`)
	o := s.period(2)
	declined := s.renew(o, 1, by)
	require.Equal(t, orders.PaymentFailed, declined.Status)
	require.Equal(t, []any{orders.FailureSoft, "insufficient_funds"}, []any{declined.Failure.Category, declined.Failure.Code})
	renewed := s.renew(o, 2, by)
	require.Equal(t, orders.PaymentSucceeded, renewed.Status)
	s.confirmed(renewed)
	require.Equal(t, orders.StatusPaid, s.get(o.ID).Status)
	require.Equal(t, []int{1, 1}, []int{s.charged(s.first), s.charged(o)})
	require.False(t, s.get(o.ID).NeedsReview)

	dump := s.dump()
	require.NotContains(t, dump, by.ID)
	require.NotContains(t, dump, by.Token.Reveal())
	require.NotContains(t, dump, cardChallenged)
}

// The answer and the notification tell of the contract, whichever is heard first and whichever is lost.
func TestSubscription_AContractIsLearnedByTheAnswerOrTheNotification(t *testing.T) {
	t.Parallel()
	for name, fault := range map[string]string{
		"both": "", "the answer alone": "no_notification", "the notification alone": "lose_answer", "the notification first": "slow",
		"the notification twice": "duplicate_notification",
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s := setupOnSandbox(t)
			p := s.buy(cardFrictionless, func(r *orders.PayRequest) {
				if fault != "" {
					r.Metadata = map[string]string{"sandbox_fault": fault}
				}
			})
			by := s.learned()
			if fault != "no_notification" {
				s.confirmed(p)
			}
			require.Equal(t, orders.StatusPaid, s.get(s.first.ID).Status)
			s.provider.Advance(thirtyDays)
			require.Equal(t, orders.PaymentSucceeded, s.renew(s.period(1), 1, by).Status)
		})
	}
}

func TestSubscription_ARenewalWhoseAnswerIsLostIsChargedOnce(t *testing.T) {
	t.Parallel()
	s := setupOnSandbox(t)
	s.buy(cardFrictionless)
	by := s.learned()
	s.provider.Advance(thirtyDays)
	o := s.period(1)
	req := renewal(o, 1)
	req.Charge.Contract, req.Metadata = &by, map[string]string{"sandbox_fault": "lose_answer,no_notification"}
	lost, err := s.service.Pay(t.Context(), req)
	require.NoError(t, err)
	require.Equal(t, orders.PaymentUnknown, lost.Payment.Status)
	again, err := s.service.Pay(t.Context(), req)
	require.NoError(t, err)
	require.True(t, again.Replayed)
	_, err = s.service.Pay(t.Context(), renewal(o, 2))
	require.ErrorContains(t, err, "is unknown")
	s.clock.advance(3 * time.Second)
	settled, err := s.service.Ask(t.Context(), lost.Payment, 10*time.Second)
	require.NoError(t, err)
	require.Equal(t, orders.PaymentSucceeded, settled.Status)
	require.Equal(t, 1, s.charged(o))
}

func TestSubscription_AManagedPurchaseTellsOfItsContractTwice(t *testing.T) {
	t.Parallel()
	s := setupOnSandbox(t)
	p := s.buy(cardFrictionless, func(r *orders.PayRequest) {
		r.Charge.Terms.Managed = &orders.ManagedTerms{Unit: "month", Count: 1, Cycles: 12}
	})
	require.Equal(t, orders.PaymentSucceeded, p.Status)
	s.confirmed(p)
	require.Eventually(t, func() bool {
		return s.count("SELECT count(*) FROM notifications WHERE txn_type = 'BIND_CARD' AND status = 'applied' AND payment_id = $1", p.ID.UUID()) == 1
	}, 10*time.Second, 5*time.Millisecond)
	require.Equal(t, 1, s.charged(s.first))
	require.False(t, s.get(s.first.ID).NeedsReview, "the bound card is no other transaction of the payment")
	require.NotEqual(t, cards.Token{}, s.learned().Token)
}

func TestSubscription_ARenewalAtOnceInManyProcessesIsChargedOnce(t *testing.T) {
	t.Parallel()
	s := setupOnSandbox(t)
	s.buy(cardFrictionless)
	by := s.learned()
	s.provider.Advance(thirtyDays)
	o := s.period(1)
	var group errgroup.Group
	for range 10 {
		group.Go(func() error {
			req := renewal(o, 1)
			req.Charge.Contract = &by
			_, err := s.service.Pay(t.Context(), req)
			return err
		})
	}
	require.NoError(t, group.Wait())
	require.Equal(t, 1, s.charged(o))
	require.Equal(t, 1, s.count("SELECT count(*) FROM payments WHERE order_id = $1", o.ID.UUID()))
}
