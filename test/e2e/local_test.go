package e2e

import (
	"maps"
	"net/http"
	"net/url"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"tillway/internal/embedded/redistest"
	"tillway/internal/sandbox"
)

// localMethods offers what the simulator knows.
var localMethods = with("LOCAL_PAYMENT_METHODS", "iDEAL,PromptPay,Konbini,SEPADD,WebMoney")

// localCall asks to pay an order by a local method.
func localCall(order, key string, details object) call {
	return call{
		method: http.MethodPost, path: "/v1/orders/" + order + "/payments", key: key,
		body: object{"payment_method": object{"type": "local", "local": details}},
	}
}

// locally is an order whose payment by a local method waits for the shopper.
func locally(w *world, method string, changes object) (order, payment) {
	w.t.Helper()
	o := w.service.createOrder(object{"expires_in": 24 * 3600})
	c := localCall(o.ID, "k", object{"method": method})
	maps.Copy(c.body.(object), changes)
	p := into[payment](w.t, w.service.send(c).requireStatus(w.t, http.StatusCreated))
	require.Equal(w.t, "requires_action", p.Status)
	require.Equal(w.t, "pending", w.service.order(o.ID).Status)
	return o, p
}

// visits answers the page on which a person pays, and returns where that leads.
func (p *provider) visits(page, action string) string {
	p.t.Helper()
	answered, err := plainClient.PostForm(page, url.Values{"action": {action}})
	require.NoError(p.t, err)
	require.NoError(p.t, answered.Body.Close())
	require.Equal(p.t, http.StatusSeeOther, answered.StatusCode)
	return answered.Header.Get("Location")
}

// till is the page on which a voucher is paid: nobody but the provider's own control page leads there.
func (p *provider) till(o order) string {
	p.t.Helper()
	return p.books(o.ID).Transactions[0].RedirectURL
}

func TestLocal_PaidByPageCodeAndVoucher(t *testing.T) {
	t.Parallel()
	w := start(t, localMethods, with("CARD_ENTRY", "hosted_only"))
	for method, c := range map[string]struct {
		action string
		pay    func(t *testing.T, w *world, o order, p payment)
	}{
		"iDEAL": {"redirect_to_url", func(t *testing.T, w *world, _ order, p payment) {
			t.Helper()
			require.Equal(t, p.NextAction.RedirectToURL.URL, p.Links["payment:redirect"].Href)
			requireSigned(t, comeBack(t, w.provider.visits(p.NextAction.RedirectToURL.URL, "pay")), p, "succeeded")
		}},
		"PromptPay": {"display_qr_code", func(t *testing.T, w *world, _ order, p payment) {
			t.Helper()
			code := p.NextAction.DisplayQRCode
			require.Greater(t, code.ExpiresAt, time.Now().Unix())
			require.Equal(t, code.Data, w.provider.visits(code.Data, "pay"))
		}},
		"Konbini": {"display_instructions", func(t *testing.T, w *world, o order, p payment) {
			t.Helper()
			require.Regexp(t, `^Voucher \d{4} \d{4} \d{4}\nPay 27.00 EUR with this number`, p.NextAction.DisplayInstructions.Text)
			w.provider.visits(w.provider.till(o), "pay")
		}},
	} {
		t.Run(method, func(t *testing.T) {
			t.Parallel()
			w := w.on(t)
			o, p := locally(w, method, nil)
			require.Equal(t, c.action, p.NextAction.Type)
			again := w.service.send(localCall(o.ID, "k", object{"method": method})).requireStatus(t, http.StatusCreated)
			require.Equal(t, "true", again.header.Get("Idempotent-Replayed"))
			require.Equal(t, p.NextAction, into[payment](t, again).NextAction, "the same request says it again")
			require.Equal(t, p.NextAction, w.service.payment(p.ID).NextAction)
			w.service.send(localCall(o.ID, "another", object{"method": method})).requireStatus(t, http.StatusConflict)

			c.pay(t, w, o, p)
			p = w.service.awaitPayment(p.ID, "succeeded")
			require.Nil(t, p.NextAction)
			require.Nil(t, p.ThreeDS)
			w.requirePaidOnce(o.ID)
			require.Equal(t,
				[]string{"order.created", "payment.processing", "payment.requires_action", "payment.succeeded", "order.paid"},
				w.service.history(o.ID))
			story := w.service.send(call{method: http.MethodGet, path: "/v1/orders/" + o.ID + "/timeline", as: operator}).requireStatus(t, http.StatusOK)
			require.Contains(t, story.body, "27.00 by "+method+" goes to the provider")

			back := w.service.send(refundCall("back-"+method, object{"payment": p.ID})).requireStatus(t, http.StatusCreated)
			require.NotEmpty(t, into[refund](t, back).ID)
			w.service.awaitOrder(o.ID, "refunded")
			require.Equal(t, "27.00", w.provider.books(o.ID).Orders[0].Refunded)
		})
	}
}

func TestLocal_DeclinedByTheShopperFreesTheOrder(t *testing.T) {
	t.Parallel()
	w := start(t, localMethods)
	o, p := locally(w, "iDEAL", nil)
	requireSigned(t, comeBack(t, w.provider.visits(p.NextAction.RedirectToURL.URL, "decline")), p, "failed")
	p = w.service.awaitPayment(p.ID, "failed")
	require.Equal(t, "payment_declined", p.Failure.Code)
	require.Equal(t, "open", w.service.order(o.ID).Status)
	w.service.pay(o.ID, goodCard, nil).requireStatus(t, http.StatusCreated)
	w.service.awaitOrder(o.ID, "paid")
	books := w.provider.books(o.ID).Orders[0]
	require.Equal(t, []any{2, 1, "27.00"}, []any{books.Attempts, books.Successes, books.Charged})
}

func TestLocal_WithoutANotificationTheProviderIsAsked(t *testing.T) {
	t.Parallel()
	w := start(t, localMethods, with("RESOLVE_SCHEDULE", soon))
	o, p := locally(w, "Konbini", object{"metadata": object{"sandbox_fault": "no_notification"}})
	w.provider.visits(w.provider.till(o), "pay")
	w.service.awaitPayment(p.ID, "succeeded")
	w.requirePaidOnce(o.ID)
}

func TestLocal_EndsUnpaidAndTheOrderIsFree(t *testing.T) {
	t.Parallel()
	for name, choices := range map[string][]choice{
		"told":  {localMethods, with("RESOLVE_SCHEDULE", "6h,12h")},
		"asked": {localMethods},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			w := start(t, choices...)
			changes := object{}
			if name == "asked" {
				changes["metadata"] = object{"sandbox_fault": "no_notification"}
			}
			o, p := locally(w, "PromptPay", changes)
			code := p.NextAction.DisplayQRCode.Data
			w.provider.passHalfAnHour()
			if name == "asked" {
				w.service.advance(31*time.Minute + time.Second)
			}
			p = w.service.awaitPayment(p.ID, "expired")
			require.Equal(t, "local_payment_expired", p.Failure.DeclineCode)
			require.Nil(t, p.NextAction)
			require.NotContains(t, string(dumpDatabase(t, w.database)), code, "what was shown is gone")
			require.Equal(t, "open", w.service.order(o.ID).Status)
			w.service.pay(o.ID, goodCard, nil).requireStatus(t, http.StatusCreated)
			w.service.awaitOrder(o.ID, "paid")
			require.Equal(t, "27.00", w.provider.books(o.ID).Orders[0].Charged)
		})
	}
}

// TestLocal_ALostAnswerKeepsTheOrderUntilItIsOver: nobody was shown the code, but it can be paid.
func TestLocal_ALostAnswerKeepsTheOrderUntilItIsOver(t *testing.T) {
	t.Parallel()
	w := start(t, localMethods, with("RESOLVE_SCHEDULE", "1s,2s,3s,6h"))
	w.provider.arm(sandbox.Fault{Name: "lose_answer"})
	o := w.service.createOrder(object{"expires_in": 24 * 3600})
	p := into[payment](t, w.service.send(localCall(o.ID, "k", object{"method": "PromptPay"})).requireStatus(t, http.StatusAccepted))
	require.Equal(t, "unknown", p.Status)
	w.service.send(call{method: http.MethodPost, path: "/v1/ops/payments/" + p.ID + "/query", as: admin}).requireStatus(t, http.StatusOK)
	require.Equal(t, "unknown", w.service.payment(p.ID).Status, "it waits, and nobody knows for what")
	w.service.send(localCall(o.ID, "another", object{"method": "iDEAL"})).requireStatus(t, http.StatusConflict)

	w.provider.passHalfAnHour()
	w.service.awaitPayment(p.ID, "canceled")
	require.Equal(t, "open", w.service.order(o.ID).Status)
	require.Equal(t, "0.00", w.provider.books(o.ID).Orders[0].Charged)
}

func TestLocal_LateMoneyGoesBack(t *testing.T) {
	t.Parallel()
	w := start(t, localMethods)
	o := w.service.createOrder(object{"expires_in": 24 * 3600})
	c := localCall(o.ID, "k", object{"method": "iDEAL"})
	c.body.(object)["metadata"] = object{"sandbox_fault": "late_success;delay_ms=3600000"} //nolint:forcetypeassert // made so
	w.service.send(c).requireStatus(t, http.StatusPaymentRequired)
	require.Equal(t, "open", w.service.order(o.ID).Status)
	w.provider.passHalfAnHour()
	w.provider.passHalfAnHour()
	w.service.awaitOrder(o.ID, "refunded")
	books := w.provider.books(o.ID).Orders[0]
	require.Equal(t, []string{"27.00", "27.00"}, []string{books.Charged, books.Refunded})
}

// TestLocal_AnAccountStaysNowhere debits accounts in ways that succeed, fail and get lost, and looks for them in all that is left.
func TestLocal_AnAccountStaysNowhere(t *testing.T) {
	t.Parallel()
	redisServer := redistest.Private(t)
	w := start(t, localMethods, onRedis(redisServer), with("RESOLVE_SCHEDULE", soon))
	accounts := []string{"DE89370400440532013000", "GB29NWBK60161331926819", "FR1420041010050500013M02606", "PREPAID-77-12345678", "PREPAID-77-87650000"}
	var answers strings.Builder
	send := func(key string, details object, status int) payment {
		t.Helper()
		got := w.service.send(localCall(w.service.createOrder(nil).ID, key, details)).requireStatus(t, status)
		answers.WriteString(got.body)
		if status >= 400 {
			return payment{}
		}
		return into[payment](t, got)
	}
	debit := send("debit", object{"method": "SEPADD", "iban": "DE89 3704 0044 0532 0130 00", "bank_name": "A bank"}, http.StatusAccepted)
	w.provider.arm(sandbox.Fault{Name: "lose_answer"})
	lost := send("lost", object{"method": "SEPADD", "iban": accounts[1]}, http.StatusAccepted)
	send("refused", object{"method": "Beads", "iban": accounts[2]}, http.StatusUnprocessableEntity)
	send("prepaid", object{"method": "WebMoney", "prepaid_number": accounts[3]}, http.StatusCreated)
	send("empty", object{"method": "WebMoney", "prepaid_number": accounts[4]}, http.StatusPaymentRequired)
	w.service.awaitPayment(debit.ID, "succeeded")
	w.service.awaitPayment(lost.ID, "succeeded")

	redisDump := dumpRedis(t, redisServer.Client())
	w.service.stop(t)
	requireClean(t, "database", dumpDatabase(t, w.database), accounts)
	requireClean(t, "Redis", redisDump, accounts)
	requireClean(t, "log of the service", w.service.logged(t), accounts)
	requireClean(t, "log of the provider", w.provider.logged(t), accounts)
	requireClean(t, "answers", []byte(answers.String()), accounts)
}

func TestLocal_OffUntilItIsConfigured(t *testing.T) {
	t.Parallel()
	w := start(t)
	o := w.service.createOrder(nil)
	got := w.service.send(localCall(o.ID, "k", object{"method": "iDEAL"})).requireStatus(t, http.StatusUnprocessableEntity)
	require.Equal(t, []string{"payment_method_not_allowed", "payment_method.local.method"},
		[]string{into[refusal](t, got).Error.Code, into[refusal](t, got).Error.Param})
	require.Empty(t, w.provider.books(o.ID).Transactions)
	require.Equal(t, "open", w.service.order(o.ID).Status)
}
