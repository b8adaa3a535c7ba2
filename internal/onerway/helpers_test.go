package onerway_test

import (
	"bufio"
	"errors"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"os"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"tillway/internal/onerway"
)

const (
	testPAN    = "4761344136141390"
	testCVV    = "737"
	testHolder = "TEST BUYER"
)

// testSecrets are the keys of the recorded answers: "resigned" and "synthetic-a" of vectors.json.
func testConfig(baseURL string) onerway.Config {
	return onerway.Config{
		BaseURL: baseURL, MerchantNo: "800209", AppID: "1739545982264549376",
		SecretKey:         onerway.Conceal("7a1d0c9be2f3465f8a90b1c2d3e4f506"),
		PreviousSecretKey: onerway.Conceal("0f1e2d3c4b5a69788796a5b4c3d2e1f0"),
		Timezone:          "+08:00", Timeout: 5 * time.Second,
		Now: func() time.Time { return time.Date(2026, 3, 1, 1, 30, 0, 0, time.UTC) },
	}
}

func newClient(t *testing.T, config onerway.Config) *onerway.Client {
	t.Helper()
	client, err := onerway.New(config)
	require.NoError(t, err)
	t.Cleanup(client.Close)
	return client
}

func testSale() onerway.SaleRequest {
	address := &onerway.Address{Email: "buyer@example.com", Country: "US", Province: "CA"}
	return onerway.SaleRequest{
		MerchantTxnID: "pay-1", MerchantTxnOriginalID: "ord-1",
		SubProductType: onerway.SubProductDirect, TxnType: onerway.TxnSale,
		OrderAmount: "27.00", OrderCurrency: "EUR",
		Card: &onerway.CardInfo{
			HolderName: onerway.Conceal(testHolder), CardNumber: onerway.Conceal(testPAN),
			Month: "12", Year: "2030", CVV: onerway.Conceal(testCVV),
		},
		Risk3DSStrategy: onerway.Risk3DSDefault,
		Billing:         address, Shipping: address,
		Order: onerway.TxnOrderMsg{
			ReturnURL: "https://shop.example.com/r?a=1&b=2", NotifyURL: "https://shop.example.com/n",
			Products: onerway.Products{
				{Name: `Grüße <"&">`, Price: "30.00", Num: "1", Currency: "EUR"},
				{Name: "Voucher", Price: "-3.00", Num: "1", Currency: "EUR", Type: "discount"},
			},
			TransactionIP: "203.0.113.7", JavaEnabled: new(false), ColorDepth: "24",
		},
	}
}

// serve answers every request alike and keeps what was asked.
func serve(t *testing.T, status int, body string) (string, func() []recorded) {
	t.Helper()
	var mu sync.Mutex
	var requests []recorded
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		content, err := io.ReadAll(r.Body)
		if err != nil {
			return
		}
		mu.Lock()
		requests = append(requests, recorded{r.Method, r.URL.Path, r.Header.Clone(), string(content)})
		mu.Unlock()
		w.Header().Set("Location", "/elsewhere")
		w.WriteHeader(status)
		_, _ = io.WriteString(w, body)
	}))
	t.Cleanup(server.Close)
	return server.URL, func() []recorded {
		mu.Lock()
		defer mu.Unlock()
		return requests
	}
}

type recorded struct {
	Method string
	Path   string
	Header http.Header
	Body   string
}

// serveTCP hands every accepted connection to handle, with its number from 1, and waits for all of them at the end.
func serveTCP(t *testing.T, handle func(conn *net.TCPConn, number int32)) (string, *atomic.Int32) {
	t.Helper()
	listener, err := new(net.ListenConfig).Listen(t.Context(), "tcp", "127.0.0.1:0")
	require.NoError(t, err)
	var owned sync.WaitGroup
	accepted := new(atomic.Int32)
	owned.Go(func() {
		for {
			conn, err := listener.Accept()
			if errors.Is(err, net.ErrClosed) {
				return
			}
			if tcp, ok := conn.(*net.TCPConn); ok {
				number := accepted.Add(1)
				owned.Go(func() {
					defer func() { _ = tcp.Close() }()
					handle(tcp, number)
				})
			}
		}
	})
	t.Cleanup(func() {
		_ = listener.Close()
		owned.Wait()
	})
	return "http://" + listener.Addr().String(), accepted
}

// readRequest takes one whole request off a connection.
func readRequest(conn net.Conn) error {
	request, err := http.ReadRequest(bufio.NewReader(conn))
	if err != nil {
		return err
	}
	_, err = io.Copy(io.Discard, request.Body)
	return err
}

func fixture(t *testing.T, name string) string {
	t.Helper()
	raw, err := os.ReadFile("testdata/" + name)
	require.NoError(t, err)
	return string(raw)
}

// requireClean fails if an error shows anything of the card or the keys.
func requireClean(t *testing.T, err error) *onerway.Error {
	t.Helper()
	var failed *onerway.Error
	require.ErrorAs(t, err, &failed)
	for _, text := range []string{failed.Error(), failed.RespMsg, failed.RespCode} {
		for _, secret := range []string{
			testPAN, testHolder, "7a1d0c9be2f3465f8a90b1c2d3e4f506", "0f1e2d3c4b5a69788796a5b4c3d2e1f0",
		} {
			require.NotContains(t, text, secret)
		}
		// As a word: a port number may hold the same digits.
		require.NotRegexp(t, `\b`+testCVV+`\b`, text)
	}
	return failed
}
