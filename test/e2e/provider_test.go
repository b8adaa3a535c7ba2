package e2e

import (
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"io"
	"maps"
	"net/http"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"tillway/internal/sandbox"
)

// provider is the simulator in a process of its own.
type provider struct {
	*process
	t         *testing.T
	look      inspect
	url, port string
	flags     []string
}

func startProvider(w *world, flags ...string) *provider {
	w.t.Helper()
	p := &provider{t: w.t, look: w.requireNoCard, port: freePort(w.t), flags: flags}
	p.url = "http://127.0.0.1:" + p.port
	p.start()
	return p
}

// start begins with empty books; after a stop it is reached under its old address.
func (p *provider) start() {
	p.t.Helper()
	p.process = launch(p.t, "provider", p.look, nil, append([]string{
		"sandbox", "--listen", "127.0.0.1:" + p.port, "--merchant-no", merchantNo, "--secret-key", signingKey,
	}, p.flags...)...)
	p.ready(p.t, p.url+"/sandbox/clock")
}

// control calls one of the simulator's own endpoints.
func (p *provider) control(method, path string, body, into any) {
	p.t.Helper()
	var content io.Reader
	if body != nil {
		raw, err := json.Marshal(body)
		require.NoError(p.t, err)
		content = bytes.NewReader(raw)
	}
	request, err := http.NewRequest(method, p.url+path, content)
	require.NoError(p.t, err)
	answer, err := plainClient.Do(request)
	require.NoError(p.t, err)
	defer answer.Body.Close()
	raw, err := io.ReadAll(answer.Body)
	require.NoError(p.t, err)
	require.Less(p.t, answer.StatusCode, 300, "%s %s: %s", method, path, raw)
	if into != nil {
		require.NoError(p.t, json.Unmarshal(raw, into))
	}
}

// arm orders a fault.
func (p *provider) arm(f sandbox.Fault) {
	p.t.Helper()
	p.control(http.MethodPost, "/sandbox/faults", f, nil)
}

// books is what the provider knows of an order, or of everything.
func (p *provider) books(order string) sandbox.Books {
	p.t.Helper()
	var books sandbox.Books
	p.control(http.MethodGet, "/sandbox/books?merchantTxnOriginalId="+order, nil, &books)
	return books
}

// deliveries are the notifications of a transaction, the latest first.
func (p *provider) deliveries(transactionID string) []sandbox.Delivery {
	p.t.Helper()
	var log struct{ Deliveries []sandbox.Delivery }
	p.control(http.MethodGet, "/sandbox/notifications?transactionId="+transactionID, nil, &log)
	return log.Deliveries
}

// awaitSales waits until the provider has taken so many sales: they are in flight, or done.
func (p *provider) awaitSales(n int) {
	p.t.Helper()
	eventually(p.t, patience, fmt.Sprintf("the provider has taken %d sales", n), func() bool {
		return len(p.books("").Transactions) >= n
	})
}

// requireOneSale requires that one sale of the order was ever sent, and that it took the money.
func (p *provider) requireOneSale(order string) {
	p.t.Helper()
	books := p.books(order)
	require.Len(p.t, books.Transactions, 1, "the provider was asked to charge once")
	require.Equal(p.t, "S", books.Transactions[0].Status)
	require.Equal(p.t, 1, books.Transactions[0].Calls, "no second doTransaction")
	require.Equal(p.t, 1, books.Orders[0].Successes)
}

// hold makes the provider charge at once and answer late, so that requests are in flight meanwhile.
func (p *provider) hold(answerAfter time.Duration) {
	p.t.Helper()
	p.arm(sandbox.Fault{Name: "slow", Times: -1, DelayMS: answerAfter.Milliseconds()})
}

// silence keeps the provider from notifying, so that only a query can tell.
func (p *provider) silence() {
	p.t.Helper()
	p.arm(sandbox.Fault{Name: "no_notification", Times: -1})
}

// notice is a notification of the provider. The signer is the test's own: one that were shared with the code that
// verifies would agree with it about anything.
type notice map[string]string

// noticeOf says that a payment of ours, of 27.00, has succeeded.
func noticeOf(p payment) notice {
	return notice{
		"notifyType": "TXN", "transactionId": p.ProviderTransactionID, "txnType": "SALE", "merchantNo": merchantNo,
		"merchantTxnId": p.MerchantTxnID, "responseTime": "2026-11-22 10:00:01", "txnTime": "2026-11-22 10:00:00",
		"txnTimeZone": "+08:00", "orderAmount": "27.00", "orderCurrency": strings.ToUpper(p.Currency), "status": "S", "eci": "05",
		"reason": `{"respCode":"20000","respMsg":"Success"}`, "paymentMethod": "VISA",
	}
}

// but returns the notice with one field changed.
func (n notice) but(field, value string) notice {
	changed := maps.Clone(n)
	changed[field] = value
	return changed
}

// signed returns the notice with its signature in the body (Onerway contract §3.4).
func (n notice) signed(key string) string {
	unsigned := []string{
		"originTransactionId", "originMerchantTxnId", "customsDeclarationAmount", "customsDeclarationCurrency",
		"paymentMethod", "walletTypeName", "periodValue", "tokenExpireTime", "sign",
	}
	var input strings.Builder
	for _, name := range slices.Sorted(maps.Keys(n)) {
		if !slices.Contains(unsigned, name) {
			input.WriteString(n[name])
		}
	}
	digest := sha256.Sum256([]byte(input.String() + key))
	raw, err := json.Marshal(n.but("sign", hex.EncodeToString(digest[:])))
	if err != nil {
		return "" // a map of strings always encodes
	}
	return string(raw)
}
