package gateway_test

import (
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"tillway/internal/onerway"
	"tillway/internal/sandbox"
)

// day is noon of a day at the provider's.
func day(year int, month time.Month, date int) time.Time {
	return time.Date(year, month, date, 12, 0, 0, 0, time.FixedZone("", 8*60*60))
}

// startingOn puts the provider's clock at a moment from which only Advance moves it.
func startingOn(at time.Time) func(*settings) {
	return func(s *settings) {
		s.sandbox.Now = func() time.Time { return at }
		s.sandbox.Sim.PaymentIntents = true
	}
}

const days = 24 * time.Hour

func selfManaged() onerway.SubscriptionTerms {
	return onerway.SubscriptionTerms{
		ProductName: "Plus", FrequencyType: onerway.FrequencyDay, FrequencyPoint: 30, SelfExecute: onerway.ExecuteSelf,
	}
}

func monthly(cycles int) onerway.SubscriptionTerms {
	return onerway.SubscriptionTerms{
		ProductName: "Plus", FrequencyType: onerway.FrequencyMonth, FrequencyPoint: 1, CycleCount: cycles,
		SelfExecute: onerway.ExecuteManaged,
	}
}

// purchase begins a subscription of 9.99 USD by card.
func (b *testBundle) purchase(card, id string, terms onerway.SubscriptionTerms) onerway.SaleRequest {
	address := &onerway.Address{Email: "buyer@example.com", Country: "DE"}
	return onerway.SaleRequest{
		MerchantTxnID: id, MerchantCustID: "cus_1", SubProductType: onerway.SubProductSubscribe, TxnType: onerway.TxnSale,
		OrderAmount: "9.99", OrderCurrency: "USD", Subscription: &terms, Billing: address, Shipping: address,
		Card: &onerway.CardInfo{
			HolderName: onerway.Conceal("Test Buyer"), CardNumber: onerway.Conceal(card), Month: "12", Year: "2039",
			CVV: onerway.Conceal("123"),
		},
		Order: onerway.TxnOrderMsg{
			ReturnURL: b.received.url + "/return", NotifyURL: b.received.url + "/notify",
			Products: onerway.Products{{Name: "Plus", Price: "9.99", Num: "1", Currency: "USD"}},
		},
	}
}

// begun is a subscription whose purchase succeeded, by a card that is authenticated without a challenge.
func (b *testBundle) begun(t *testing.T, terms onerway.SubscriptionTerms) onerway.SubscriptionRenewal {
	t.Helper()
	answer, err := b.client.DoTransaction(t.Context(), b.purchase(cardFrictionless, "purchase", terms))
	require.NoError(t, err)
	require.Equal(t, onerway.StatusSucceeded, answer.Outcome(), answer.RespMsg)
	require.False(t, answer.ContractID.Empty())
	require.False(t, answer.TokenID.Empty())
	return onerway.SubscriptionRenewal{ContractID: answer.ContractID, TokenID: answer.TokenID}
}

// renew sends a renewal of 9.99 USD.
func (b *testBundle) renew(
	t *testing.T, id string, of onerway.SubscriptionRenewal, edits ...func(*onerway.SaleRequest),
) (onerway.SaleResponse, error) {
	t.Helper()
	request := onerway.SaleRequest{
		MerchantTxnID: id, MerchantTxnOriginalID: "ord-" + id, MerchantCustID: "cus_1",
		SubProductType: onerway.SubProductSubscribe, TxnType: onerway.TxnSale, OrderAmount: "9.99", OrderCurrency: "USD",
		Renewal: &of,
		Order: onerway.TxnOrderMsg{
			NotifyURL: b.received.url + "/notify", Products: onerway.Products{{Name: "Plus", Price: "9.99", Num: "1", Currency: "USD"}},
		},
	}
	for _, edit := range edits {
		edit(&request)
	}
	return b.client.DoTransaction(t.Context(), request)
}

func (b *testBundle) renewed(t *testing.T, id string, of onerway.SubscriptionRenewal) {
	t.Helper()
	answer, err := b.renew(t, id, of)
	require.NoError(t, err)
	require.Equal(t, onerway.StatusSucceeded, answer.Outcome(), answer.RespMsg)
}

func (b *testBundle) detail(t *testing.T, of onerway.SubscriptionRenewal) onerway.SubscriptionDetail {
	t.Helper()
	detail, err := b.client.QuerySubscription(t.Context(), of.ContractID)
	require.NoError(t, err)
	return detail
}

// contract is the one subscription in the books.
func (b *testBundle) contract(t *testing.T) sandbox.BookedContract {
	t.Helper()
	contracts := b.sandbox.Books(sandbox.BookQuery{}).Contracts
	require.Len(t, contracts, 1)
	return contracts[0]
}

// told are the verified notifications so far of one type.
func (b *testBundle) told(txnType string) []onerway.Notification {
	b.received.mu.Lock()
	defer b.received.mu.Unlock()
	var told []onerway.Notification
	for _, message := range b.received.got {
		if n, err := onerway.VerifyNotification(message.body, message.header, b.client.Secrets()); err == nil && n.TxnType == txnType {
			told = append(told, n)
		}
	}
	return told
}

func (b *testBundle) refusedWith(t *testing.T, code string, err error) {
	t.Helper()
	var failed *onerway.Error
	require.ErrorAs(t, err, &failed)
	require.Equal(t, []any{onerway.Refused, code}, []any{failed.Class, failed.RespCode}, failed.RespMsg)
}

func (b *testBundle) control(t *testing.T, path, body string) int {
	t.Helper()
	request, err := http.NewRequestWithContext(t.Context(), http.MethodPost, b.url+path, strings.NewReader(body))
	require.NoError(t, err)
	response, err := http.DefaultClient.Do(request)
	require.NoError(t, err)
	require.NoError(t, response.Body.Close())
	return response.StatusCode
}
