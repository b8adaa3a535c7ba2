package sandbox

import (
	"bytes"
	"context"
	"encoding/json"
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"strconv"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

// signedSale is a good request as bytes, with an id of its own.
func signedSale(b *testing.B, bundle *testBundle) []byte {
	b.Helper()
	params := bundle.sale(cardPays, "5")
	params["merchantTxnOriginalId"] = params["merchantTxnId"]
	params["sign"] = digest(params, unsignedInRequest(), DefaultSecretKey)
	body, err := json.Marshal(params)
	require.NoError(b, err)
	return body
}

// BenchmarkSale_Handler is what the simulator itself spends on a sale, without the network and the notification.
func BenchmarkSale_Handler(b *testing.B) {
	bundle := &testBundle{shop: &shop{Server: httptest.NewUnstartedServer(nil)}}
	bundle.shop.URL = "http://shop.example"
	handler := New(Config{Strict: true}).Handler()
	bodies := make([][]byte, b.N)
	for i := range bodies {
		bodies[i] = signedSale(b, bundle)
	}
	b.ReportAllocs()
	b.ResetTimer()
	for _, body := range bodies {
		req := httptest.NewRequestWithContext(b.Context(), http.MethodPost, pathSale, bytes.NewReader(body))
		req.Header.Set("Content-Type", "application/json")
		answer := httptest.NewRecorder()
		handler.ServeHTTP(answer, req)
		if !bytes.Contains(answer.Body.Bytes(), []byte(`"status":"S"`)) {
			b.Fatal(answer.Body.String())
		}
	}
}

// BenchmarkSale_ToAcknowledgedNotification is a sale over a kept connection and its notification, both ends and the
// receiver in this process.
func BenchmarkSale_ToAcknowledgedNotification(b *testing.B) {
	var acknowledged atomic.Int64
	receiver := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		var n struct {
			TransactionID string `json:"transactionId"`
		}
		if json.NewDecoder(r.Body).Decode(&n) == nil {
			_, _ = io.WriteString(w, n.TransactionID)
			acknowledged.Add(1)
		}
	}))
	defer receiver.Close()
	bundle := &testBundle{shop: &shop{Server: receiver}}
	simulator := New(Config{Strict: true, Logger: slog.New(slog.DiscardHandler)})
	server := httptest.NewServer(simulator.Handler())
	defer server.Close()
	ctx, stop := context.WithCancel(b.Context())
	var running sync.WaitGroup
	running.Go(func() { _ = simulator.Run(ctx) })
	defer running.Wait()
	defer stop()

	bodies := make([][]byte, b.N)
	for i := range bodies {
		bodies[i] = signedSale(b, bundle)
	}
	client := &http.Client{Transport: &http.Transport{MaxIdleConnsPerHost: 64}, Timeout: 10 * time.Second}
	defer client.CloseIdleConnections()
	b.ReportAllocs()
	b.ResetTimer()
	var next atomic.Int64
	b.SetParallelism(16)
	b.RunParallel(func(pb *testing.PB) {
		for pb.Next() {
			resp, err := client.Post(server.URL+pathSale, "application/json", bytes.NewReader(bodies[next.Add(1)-1]))
			if err != nil {
				b.Error(err)
				return
			}
			_, _ = io.Copy(io.Discard, resp.Body)
			_ = resp.Body.Close()
		}
	})
	require.Eventually(b, func() bool { return acknowledged.Load() == int64(b.N) }, 10*time.Second, time.Millisecond)
}

// BenchmarkList_ByMerchantTxnID is the question that a merchant asks most, over books that are long.
func BenchmarkList_ByMerchantTxnID(b *testing.B) {
	simulator := New(Config{})
	for i := range 100_000 {
		simulator.ledger.add(transaction{saleRequest: saleRequest{merchantTxnID: strconv.Itoa(i), currency: "USD"}},
			func(t *transaction, _ bool) { t.status = statusSuccess })
	}
	handler := simulator.Handler()
	params := query("merchantTxnIds", "50000")
	params["sign"] = digest(params, unsignedInRequest(), DefaultSecretKey)
	body, err := json.Marshal(params)
	require.NoError(b, err)
	b.ReportAllocs()
	for b.Loop() {
		req := httptest.NewRequestWithContext(b.Context(), http.MethodPost, pathList, bytes.NewReader(body))
		req.Header.Set("Content-Type", "application/json")
		handler.ServeHTTP(httptest.NewRecorder(), req)
	}
}
