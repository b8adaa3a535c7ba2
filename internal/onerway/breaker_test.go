package onerway_test

import (
	"context"
	"errors"
	"io"
	"net/http"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"

	"tillway/internal/onerway"
)

// provider answers without a network, so that synctest's clock can drive the circuit.
type provider struct {
	calls  atomic.Int32
	answer func(*http.Request) (*http.Response, error)
}

func (p *provider) RoundTrip(request *http.Request) (*http.Response, error) {
	p.calls.Add(1)
	return p.answer(request)
}

func answering(status int, body string) func(*http.Request) (*http.Response, error) {
	return func(*http.Request) (*http.Response, error) {
		return &http.Response{StatusCode: status, Body: io.NopCloser(strings.NewReader(body))}, nil
	}
}

func failing(*http.Request) (*http.Response, error) { return nil, errors.New("no route to host") }

func hanging(request *http.Request) (*http.Response, error) {
	_, _ = io.Copy(io.Discard, request.Body)
	<-request.Context().Done()
	return nil, request.Context().Err()
}

const probeDelay = 10 * time.Second

type breakerBundle struct {
	provider *provider
	client   *onerway.Client
	states   *[]string
}

func setupBreaker(t *testing.T) breakerBundle {
	t.Helper()
	bundle := breakerBundle{provider: &provider{}, states: &[]string{}}
	config := testConfig("http://provider.test")
	config.WrapTransport = func(http.RoundTripper) http.RoundTripper { return bundle.provider }
	config.Breaker = onerway.BreakerConfig{
		Failures: 3, ProbeDelay: probeDelay,
		OnChange: func(state string) { *bundle.states = append(*bundle.states, state) },
	}
	bundle.client = newClient(t, config)
	return bundle
}

func (b breakerBundle) sell(ctx context.Context) error {
	_, err := b.client.DoTransaction(ctx, testSale())
	return err
}

func TestClient_StopsTryingWhenTheProviderIsAway(t *testing.T) {
	t.Parallel()
	absences := map[string]func(*http.Request) (*http.Response, error){
		"refused connections": failing,
		"timeouts":            hanging,
		"server errors":       answering(http.StatusServiceUnavailable, ""),
		"foreign answers":     answering(http.StatusOK, "<html>under maintenance</html>"),
	}
	for name, absence := range absences {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				bundle := setupBreaker(t)
				bundle.provider.answer = absence
				for range 3 {
					require.NoError(t, bundle.client.Available())
					require.Error(t, bundle.sell(t.Context()))
				}
				require.ErrorIs(t, bundle.client.Available(), onerway.ErrCircuitOpen)

				err := bundle.sell(t.Context())
				failed := requireClean(t, err)
				require.Equal(t, onerway.NeverSent, failed.Class)
				require.Equal(t, onerway.ReasonCircuitOpen, failed.Reason)
				require.ErrorIs(t, err, onerway.ErrCircuitOpen)
				require.Equal(t, int32(3), bundle.provider.calls.Load())
			})
		})
	}
}

func TestClient_ProbesOnceAfterTheDelayAndRecovers(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		bundle := setupBreaker(t)
		bundle.provider.answer = failing
		for range 3 {
			require.Error(t, bundle.sell(t.Context()))
		}
		<-time.After(probeDelay) // on synctest's clock
		require.NoError(t, bundle.client.Available())
		require.Error(t, bundle.sell(t.Context()))
		require.ErrorIs(t, bundle.client.Available(), onerway.ErrCircuitOpen)

		<-time.After(probeDelay)
		bundle.provider.answer = answering(http.StatusOK, signedAnswer(t, "20000", map[string]string{"transactionId": "1", "status": "S"}))
		require.NoError(t, bundle.sell(t.Context()))
		require.NoError(t, bundle.sell(t.Context()))
		require.Equal(t, int32(6), bundle.provider.calls.Load())
		require.Equal(t, []string{"open", "half-open", "open", "half-open", "closed"}, *bundle.states)
	})
}

func TestClient_AsksWhateverTheCircuitSaysAndLeavesItAsItIs(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		b := setupBreaker(t)
		b.provider.answer = failing
		ask := func() error {
			_, err := b.client.ListTransactions(t.Context(), onerway.ListRequest{
				Selection: onerway.Selection{MerchantTxnIDs: []string{"pay_1"}},
			})
			return err
		}
		for range 3 {
			require.Error(t, b.sell(t.Context()))
		}
		require.ErrorIs(t, b.client.Available(), onerway.ErrCircuitOpen)
		for range 5 {
			before := b.provider.calls.Load()
			err := ask()
			require.Error(t, err)
			require.NotErrorIs(t, err, onerway.ErrCircuitOpen)
			require.Equal(t, before+1, b.provider.calls.Load(), "it was tried")
		}
		b.provider.answer = answering(http.StatusOK, `{"respCode":"20000","respMsg":"Success","data":"{}"}`)
		_ = ask()
		require.ErrorIs(t, b.client.Available(), onerway.ErrCircuitOpen, "that questions are answered says nothing of sales")
		require.Equal(t, []string{"open"}, *b.states)
	})
}

func TestClient_LetsOnlyOneCallProbe(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		bundle := setupBreaker(t)
		bundle.provider.answer = failing
		for range 3 {
			require.Error(t, bundle.sell(t.Context()))
		}
		<-time.After(probeDelay)
		bundle.provider.answer = hanging
		ctx, cancel := context.WithCancel(t.Context())
		var (
			probe  sync.WaitGroup
			failed error
		)
		probe.Go(func() { failed = bundle.sell(ctx) })
		synctest.Wait()
		require.ErrorIs(t, bundle.client.Available(), onerway.ErrCircuitOpen)
		require.ErrorIs(t, bundle.sell(t.Context()), onerway.ErrCircuitOpen)
		require.Equal(t, int32(4), bundle.provider.calls.Load())

		// A probe whose caller leaves must not keep its place for ever.
		cancel()
		probe.Wait()
		require.ErrorIs(t, failed, context.Canceled)
		<-time.After(probeDelay)
		require.NoError(t, bundle.client.Available())
	})
}

func TestClient_CountsAnswersAsHealthyWhateverTheySay(t *testing.T) {
	t.Parallel()
	declined := signedAnswer(t, "20051", map[string]string{"transactionId": "1", "status": "F"})
	healthy := map[string]func(*http.Request) (*http.Response, error){
		"declines":       answering(http.StatusOK, declined),
		"refusals":       answering(http.StatusOK, `{"respCode":"40000","data":null}`),
		"bad signatures": answering(http.StatusOK, strings.Replace(declined, `"F"`, `"S"`, 1)),
		"client errors":  answering(http.StatusTooManyRequests, ""),
	}
	for name, answer := range healthy {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			bundle := setupBreaker(t)
			bundle.provider.answer = answer
			for range 10 {
				_ = bundle.sell(t.Context())
			}
			require.NoError(t, bundle.client.Available())
			require.Equal(t, int32(10), bundle.provider.calls.Load())
		})
	}
	t.Run("callers who leave", func(t *testing.T) {
		t.Parallel()
		bundle := setupBreaker(t)
		bundle.provider.answer = hanging
		ctx, cancel := context.WithCancel(t.Context())
		cancel()
		for range 10 {
			require.ErrorIs(t, bundle.sell(ctx), context.Canceled)
		}
		require.NoError(t, bundle.client.Available())
	})
}

func TestClient_ReleasesTheProbeWhenAWrappedTransportPanics(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		bundle := setupBreaker(t)
		bundle.provider.answer = failing
		for range 3 {
			require.Error(t, bundle.sell(t.Context()))
		}
		<-time.After(probeDelay)
		bundle.provider.answer = func(*http.Request) (*http.Response, error) { panic("broken wrapper") }
		require.Panics(t, func() { _ = bundle.sell(t.Context()) })
		<-time.After(probeDelay)
		require.NoError(t, bundle.client.Available())
	})
}
