package orders_test

import (
	"context"
	"encoding/json"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/jackc/pgx/v5/pgconn"
	"github.com/stretchr/testify/require"

	"tillway/internal/cards"
	"tillway/internal/fault"
	"tillway/internal/orders"
)

const testIBAN = "DE89370400440532013000"

func offers(c *orders.Config) { c.LocalMethods = []string{"iDEAL", "PromptPay", "SEPADD"} }

// payLocally pays by a local method.
func (b *testBundle) payLocally(o orders.Order, name string, adjust ...func(*orders.PayRequest)) (orders.PayResult, error) {
	b.t.Helper()
	req := payRequest(o.ID, key(name))
	req.Card, req.Method, req.Local = cards.Card{}, orders.MethodLocal, orders.Local{Method: "PromptPay"}
	for _, a := range adjust {
		a(&req)
	}
	return b.service.Pay(b.t.Context(), req)
}

// shows makes a sale that asks the shopper to look at something.
func shows(d orders.Display) func(context.Context, orders.Sale) orders.Evidence {
	return func(_ context.Context, sale orders.Sale) orders.Evidence {
		return orders.Evidence{
			Source: orders.SourceAnswer, Outcome: orders.OutcomeActionRequired, Amount: sale.Amount,
			ProviderTransactionID: "t-" + sale.MerchantTxnID, ProviderStatus: "R", Display: d,
		}
	}
}

func TestLocal_WhatIsShownIsThereAgainAndGoneInTheEnd(t *testing.T) {
	t.Parallel()
	b := setup(t, offers)
	until := b.clock.Now().Add(20 * time.Minute).UTC().Truncate(time.Second)
	for _, d := range []orders.Display{
		{Code: "code-4711", ImageURL: "https://bank.example.com/4711.png", ExpiresAt: until}, {Text: "Voucher 4711\n<b>Pay</b> at a till."},
	} {
		b.gateway.sale = shows(d)
		o := b.order()
		result, err := b.payLocally(o, "1", func(r *orders.PayRequest) {
			r.Local = orders.Local{Method: "SEPADD", BankName: "A bank of mine", IBAN: testIBAN}
		})
		require.NoError(t, err)
		p := result.Payment
		require.Equal(t, orders.PaymentRequiresAction, p.Status)
		require.Equal(t, d, b.payment(p.ID).Display)
		again, err := b.payLocally(o, "1", func(r *orders.PayRequest) {
			r.Local = orders.Local{Method: "SEPADD", BankName: "A bank of mine", IBAN: testIBAN}
		})
		require.NoError(t, err)
		require.True(t, again.Replayed)
		require.Equal(t, d, again.Payment.Display, "a repeated request is answered with it")
		require.Equal(t, "SEPADD", again.Payment.LocalMethod)

		dump := b.dump()
		require.Contains(t, dump, "4711")
		for _, secret := range []string{testIBAN, "A bank of mine"} {
			require.NotContains(t, dump, secret)
		}
		var told json.RawMessage
		require.NoError(t, b.pool.QueryRow(t.Context(),
			"SELECT object FROM events WHERE order_id = $1 AND type = 'payment.requires_action'", o.ID.UUID()).Scan(&told))
		require.NotContains(t, string(told), "4711", "an event is for ever")
		require.Contains(t, string(told), `"next_action": {"type": "display_`)

		b.apply(p, taken(orders.SourceNotification, p.Amount, p.MerchantTxnID))
		require.True(t, b.payment(p.ID).Display.IsZero())
		require.NotContains(t, b.dump(), "4711", "nothing of it is left")
		require.Equal(t, orders.StatusPaid, b.get(o.ID).Status)
	}
	sent := b.gateway.sent()
	require.Len(t, sent, 2, "each was sent once")
	require.Equal(t, orders.Local{Method: "SEPADD", BankName: "A bank of mine", IBAN: testIBAN}, sent[0].Local)
	require.Empty(t, sent[0].Card)
}

func TestLocal_OnlyWhatIsOfferedIsTaken(t *testing.T) {
	t.Parallel()
	b := setup(t, offers)
	b.gateway.sale = shows(orders.Display{Code: "0002"})
	o := b.order()
	began, err := b.payLocally(o, "begun")
	require.NoError(t, err)

	b.config.LocalMethods = nil
	off := b.process()
	req := payRequest(o.ID, key("begun"))
	req.Card, req.Method, req.Local = cards.Card{}, orders.MethodLocal, orders.Local{Method: "PromptPay"}
	again, err := off.Pay(t.Context(), req)
	require.NoError(t, err, "what was begun is answered, whatever is offered by now")
	require.Equal(t, began.Payment.ID, again.Payment.ID)
	req.Order, req.Idempotency = b.order().ID, key("late")
	_, err = off.Pay(t.Context(), req)
	requireFault(t, err, fault.Refused, "payment_method_not_allowed")

	for name, c := range map[string]struct {
		param string
		code  string
		edit  func(*orders.PayRequest)
	}{
		"not offered":          {"payment_method.local.method", "payment_method_not_allowed", func(r *orders.PayRequest) { r.Local.Method = "Konbini" }},
		"another's case":       {"payment_method.local.method", "payment_method_not_allowed", func(r *orders.PayRequest) { r.Local.Method = "promptpay" }},
		"a hold":               {"capture_method", "payment_method_not_allowed", func(r *orders.PayRequest) { r.CaptureMethod = orders.CaptureManual }},
		"no method":            {"payment_method.local.method", "parameter_missing", func(r *orders.PayRequest) { r.Local.Method = "" }},
		"a long method":        {"payment_method.local.method", "parameter_invalid", func(r *orders.PayRequest) { r.Local.Method = strings.Repeat("x", 65) }},
		"a method in lines":    {"payment_method.local", "parameter_invalid", func(r *orders.PayRequest) { r.Local.Method = "a\nb" }},
		"a long bank":          {"payment_method.local.bank_name", "parameter_invalid", func(r *orders.PayRequest) { r.Local.BankName = strings.Repeat("x", 129) }},
		"a card as a bank":     {"payment_method.local.bank_name", "parameter_invalid", func(r *orders.PayRequest) { r.Local.BankName = testCard().Number }},
		"no IBAN":              {"payment_method.local.iban", "parameter_invalid", func(r *orders.PayRequest) { r.Local.IBAN = "DE8937040044053201300 0" }},
		"a short number":       {"payment_method.local.prepaid_number", "parameter_invalid", func(r *orders.PayRequest) { r.Local.PrepaidNumber = "1234567" }},
		"a number in lines":    {"payment_method.local.prepaid_number", "parameter_invalid", func(r *orders.PayRequest) { r.Local.PrepaidNumber = "1234\n5678" }},
		"a card as well":       {"payment_method.card", "parameter_invalid", func(r *orders.PayRequest) { r.Card = testCard() }},
		"3DS":                  {"three_ds", "parameter_invalid", func(r *orders.PayRequest) { r.ThreeDS.Strategy = orders.ThreeDSForce }},
		"to be saved":          {"save_payment_method", "parameter_invalid", func(r *orders.PayRequest) { r.Save = true }},
		"local beside another": {"payment_method.local", "parameter_invalid", func(r *orders.PayRequest) { r.Method = orders.MethodHosted }},
	} {
		_, err := b.payLocally(b.order(), name, c.edit)
		var f *fault.Error
		require.ErrorAs(t, err, &f, name)
		require.Equal(t, []string{c.code, c.param}, []string{f.Code, f.Param}, name)
	}
	require.Len(t, b.gateway.sent(), 1)
}

func TestLocal_AnErasedOrderKeepsNothingThatIsShown(t *testing.T) {
	t.Parallel()
	b := setup(t, offers)
	customer := b.customer()
	b.gateway.sale = shows(orders.Display{Text: "Voucher of Zaphod"})
	o := b.personalOrder(customer)
	result, err := b.payLocally(o, "1")
	require.NoError(t, err)
	held := b.gateway.hold()
	second := b.order(func(r *orders.CreateOrder) { r.Customer = customer })
	done := make(chan error, 1)
	go func() {
		_, err := b.payLocally(second, "2")
		done <- err
	}()
	sale := <-held.entered
	b.erase(customer)
	require.NotContains(t, b.dump(), "Voucher of")
	require.Equal(t, orders.PaymentRequiresAction, b.payment(result.Payment.ID).Status, "the payment goes on")
	held.release <- shows(orders.Display{Text: "Voucher of Zaphod"})(t.Context(), sale)
	require.NoError(t, <-done)
	require.NotContains(t, b.dump(), "Voucher of", "and what comes later is not kept either")
}

func TestLocal_TheDatabaseRefusesWhatMustNeverBe(t *testing.T) {
	t.Parallel()
	b := setup(t, offers)
	b.gateway.sale = shows(orders.Display{Code: "0002"})
	_, err := b.payLocally(b.order(), "1")
	require.NoError(t, err)
	b.gateway.sale = nil
	b.pay(b.order(), "2")
	local, card := " WHERE method = 'local'", " WHERE method = 'card'"
	for name, c := range map[string]struct{ constraint, set string }{
		"a method of nowhere":        {"payments_method_known", "method = 'cash'" + card},
		"a local one without a name": {"payments_local_method_named", "local_method = ''" + local},
		"a card with a name":         {"payments_local_method_named", "local_method = 'iDEAL'" + card},
		"a name too long":            {"payments_local_method_named", "local_method = repeat('x', 65)" + local},
		"a hold":                     {"payments_local_is_sale", "capture_method = 'manual'" + local},
		"a code for a card":          {"payments_display_of_local", "display_code = 'x'" + card},
		"a code and a text":          {"payments_one_action", "display_text = 'x'" + local},
		"a code and a page":          {"payments_one_action", "redirect_url = 'x'" + local},
		"an end of nothing":          {"payments_one_action", "display_code = '', display_expires_at = now()" + local},
		"a code of what has ended":   {"payments_display_while_open", "status = 'canceled', final_at = now()" + local},
		"a code too long":            {"payments_display_length", "display_code = repeat('x', 4297)" + local},
		"a text too long":            {"payments_display_length", "display_code = '', display_text = repeat('x', 4097)" + local},
		"an address too long":        {"payments_display_length", "display_image_url = repeat('x', 2049)" + local},
	} {
		_, err := b.pool.Exec(t.Context(), "UPDATE payments SET "+c.set)
		var refusal *pgconn.PgError
		require.ErrorAs(t, err, &refusal, name)
		require.Equal(t, c.constraint, refusal.ConstraintName, name)
	}
}

func TestLocal_ShowsNoAccountInAnyFormOfPrinting(t *testing.T) {
	t.Parallel()
	local := orders.Local{Method: "SEPADD", BankName: "bank", IBAN: testIBAN, PrepaidNumber: "prepaid-1"}
	encoded, err := json.Marshal(map[string]any{"of": local, "sale": orders.Sale{Local: local}.Local})
	require.NoError(t, err)
	printed := string(encoded) + local.LogValue().String()
	for _, verb := range []string{"%v", "%+v", "%#v", "%s", "%q"} {
		printed += fmt.Sprintf(verb+verb, local, orders.Sale{Local: local, MerchantTxnID: "pay_1"})
	}
	require.NotContains(t, printed, testIBAN)
	require.NotContains(t, printed, "prepaid-1")
}
