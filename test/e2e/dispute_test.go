package e2e

import (
	"archive/zip"
	"io"
	"net/http"
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"tillway/internal/sandbox"
)

// dispute is as much of the resource as the tests look at.
type dispute struct {
	ID, Order, Payment, Status, Stage, Currency string
	Amount                                      int64
	ProviderDisputeID                           string `json:"provider_dispute_id"`
	EvidenceDueBy                               *int64 `json:"evidence_due_by"`
	Links                                       links  `json:"_links"`
}

// paid makes an order that is paid and confirmed.
func (w *world) paid() (order, payment) {
	w.t.Helper()
	o := w.service.createOrder(nil)
	p := into[payment](w.t, w.service.pay(o.ID, goodCard, nil).requireStatus(w.t, http.StatusCreated))
	return o, w.service.awaitPayment(p.ID, "succeeded")
}

// raise has the issuer take a transaction's money back, or warn of it.
func (p *provider) raise(transactionID, what string, order sandbox.Case) sandbox.BookedChargeback {
	p.t.Helper()
	var raised sandbox.BookedChargeback
	p.control(http.MethodPost, "/sandbox/transactions/"+transactionID+"/"+what, order, &raised)
	return raised
}

func (p *provider) move(chargebackID, status string, silent bool) {
	p.t.Helper()
	p.control(http.MethodPost, "/sandbox/chargebacks/"+chargebackID+"/move", object{"status": status, "silent": silent}, nil)
}

// disputesOf lists an order's disputes, the newest first.
func (c *client) disputesOf(order string) []dispute {
	c.world.t.Helper()
	got := c.send(call{method: http.MethodGet, path: "/v1/disputes?order=" + order, as: operator})
	return into[page[dispute]](c.world.t, got.requireStatus(c.world.t, http.StatusOK)).Data
}

// awaitDispute waits until the order's only dispute has the status, and returns it with the order.
func (c *client) awaitDispute(order, status string) (dispute, order) {
	c.world.t.Helper()
	var found []dispute
	c.awaiting(func() string { return "disputes " + order + ": not " + status }, func() bool {
		found = c.disputesOf(order)
		return len(found) == 1 && found[0].Status == status
	})
	return found[0], c.order(order)
}

func TestDispute_GoesFromTheChargebackToItsEnd(t *testing.T) {
	t.Parallel()
	w := start(t)
	o, p := w.paid()
	raised := w.provider.raise(p.ProviderTransactionID, "chargeback", sandbox.Case{Amount: "20.00"})
	d, now := w.service.awaitDispute(o.ID, "open")
	require.Equal(t, []any{"chargeback", int64(2000), "eur", p.ID, raised.ChargebackID},
		[]any{d.Stage, d.Amount, d.Currency, d.Payment, d.ProviderDisputeID})
	require.NotNil(t, d.EvidenceDueBy)
	require.Equal(t, []any{int64(2000), true, "paid"}, []any{now.AmountDisputed, now.NeedsReview, now.Status})

	refund := func(amount int, key string) answer {
		return w.service.send(call{method: http.MethodPost, path: "/v1/refunds", key: key, body: object{"order": o.ID, "amount": amount}})
	}
	require.Equal(t, "refund_exceeds_remaining", into[refusal](t, refund(701, "a").requireStatus(t, http.StatusUnprocessableEntity)).Error.Code)
	refund(700, "b").requireStatus(t, http.StatusCreated)
	w.service.awaitOrder(o.ID, "partially_refunded")

	w.provider.move(d.ProviderDisputeID, "FA", false)
	w.service.awaitDispute(o.ID, "under_review")
	w.provider.move(d.ProviderDisputeID, "FAS", false)
	_, now = w.service.awaitDispute(o.ID, "won")
	require.Equal(t, []any{int64(0), false}, []any{now.AmountDisputed, now.NeedsReview})
	refund(2000, "c").requireStatus(t, http.StatusCreated)
	w.service.awaitOrder(o.ID, "refunded")
	require.Empty(t, w.provider.books(o.ID).ChargedBack)
	history := w.service.history(o.ID)
	require.Equal(t, []int{1, 1, 1}, []int{
		count(history, "dispute.opened"), count(history, "dispute.updated"), count(history, "dispute.closed"),
	})
}

func TestDispute_AForgedHintMovesNoOtherOrder(t *testing.T) {
	t.Parallel()
	w := start(t)
	o, p := w.paid()
	other, victim := w.paid()
	w.provider.raise(p.ProviderTransactionID, "chargeback", sandbox.Case{HintTransactionID: victim.ProviderTransactionID})
	_, now := w.service.awaitDispute(o.ID, "open")
	require.EqualValues(t, 2700, now.AmountDisputed)
	require.Empty(t, w.service.disputesOf(other.ID))
	spared := w.service.order(other.ID)
	require.Equal(t, []any{int64(0), false}, []any{spared.AmountDisputed, spared.NeedsReview})
}

func TestDispute_IsFoundWithoutAnyNotification(t *testing.T) {
	t.Parallel()
	w := start(t, with("IMPORT_INTERVAL", "1s"))
	o, p := w.paid()
	raised := w.provider.raise(p.ProviderTransactionID, "chargeback", sandbox.Case{Silent: true})
	w.service.awaitDispute(o.ID, "open")
	w.provider.move(raised.ChargebackID, "ACCEPT", true)
	_, now := w.service.awaitDispute(o.ID, "accepted")
	require.EqualValues(t, 2700, now.AmountDisputed)
	require.Equal(t, map[string]string{"EUR": "27.00"}, w.provider.books(o.ID).ChargedBack)
	require.Equal(t, 1, count(w.service.history(o.ID), "dispute.opened"))
}

func TestDispute_OfWhatWasRefundedShowsTheWholeCase(t *testing.T) {
	t.Parallel()
	w := start(t)
	o, p := w.paid()
	w.service.send(call{
		method: http.MethodPost, path: "/v1/refunds", key: "r", body: object{"order": o.ID, "amount": 1900},
	}).requireStatus(t, http.StatusCreated)
	w.service.awaitOrder(o.ID, "partially_refunded")
	w.provider.raise(p.ProviderTransactionID, "chargeback", sandbox.Case{})
	d, now := w.service.awaitDispute(o.ID, "open")
	require.EqualValues(t, 2700, d.Amount)
	require.EqualValues(t, 800, now.AmountDisputed)
	open := into[page[struct {
		Class       string
		MoneyAtRisk int64 `json:"money_at_risk"`
	}]](t, w.service.send(call{method: http.MethodGet, path: "/v1/ops/discrepancies?status=open&order=" + o.ID, as: operator}))
	require.Len(t, open.Data, 2)
	classes := map[string]int64{}
	for _, found := range open.Data {
		classes[found.Class] = found.MoneyAtRisk
	}
	require.Equal(t, map[string]int64{"dispute": 2700, "over_dispute": 1900}, classes)
}

func TestDispute_OfACaptureIsOfItsPayment(t *testing.T) {
	t.Parallel()
	w := start(t)
	o, p := w.hold()
	w.service.send(modify(p, "capture", "c")).requireStatus(t, http.StatusOK)
	w.service.awaitOrder(o.ID, "paid")
	var capture string
	for _, booked := range w.provider.books(o.ID).Transactions {
		if booked.TxnType == "CAPTURE" {
			capture = booked.TransactionID
		}
	}
	w.provider.raise(capture, "chargeback", sandbox.Case{})
	d, now := w.service.awaitDispute(o.ID, "open")
	require.Equal(t, p.ID, d.Payment)
	require.EqualValues(t, 2700, now.AmountDisputed)
}

func TestDispute_AWarningIsShownAndTakesNothing(t *testing.T) {
	t.Parallel()
	w := start(t)
	o, p := w.paid()
	w.provider.raise(p.ProviderTransactionID, "pre_dispute", sandbox.Case{})
	d, now := w.service.awaitDispute(o.ID, "warning")
	require.Equal(t, "pre_dispute", d.Stage)
	require.Equal(t, []any{int64(0), true}, []any{now.AmountDisputed, now.NeedsReview})
}

func TestDispute_ItsEvidenceHoldsWhatTheProviderSaidAndNoCard(t *testing.T) {
	t.Parallel()
	w := start(t)
	o, p := w.paid()
	w.provider.raise(p.ProviderTransactionID, "chargeback", sandbox.Case{})
	d, _ := w.service.awaitDispute(o.ID, "open")
	require.Contains(t, d.Links, "dispute:evidence")
	var notified string
	w.service.awaiting(func() string { return "the notification is not applied" }, func() bool {
		got := w.service.send(call{method: http.MethodGet, path: "/v1/ops/notifications?notify_type=CHARGEBACK&status=applied", as: operator})
		found := into[page[struct{ ID string }]](t, got).Data
		if len(found) == 1 {
			notified = found[0].ID
		}
		return notified != ""
	})
	got := w.service.send(call{method: http.MethodGet, path: d.Links["dispute:evidence"].Href, as: operator}).requireStatus(t, http.StatusOK)
	archive, err := zip.NewReader(strings.NewReader(got.body), int64(len(got.body)))
	require.NoError(t, err)
	var names []string
	for _, f := range archive.File {
		opened, err := f.Open()
		require.NoError(t, err)
		content, err := io.ReadAll(opened)
		require.NoError(t, err)
		require.NoError(t, opened.Close())
		names = append(names, f.Name)
		require.NotContains(t, string(content), goodCard, f.Name)
		require.NotContains(t, string(content), signingKey, f.Name)
		require.NotContains(t, string(content), o.ClientSecret, f.Name)
		w.requireNoCard(f.Name, content)
		if strings.HasSuffix(f.Name, notified+".json") {
			require.Contains(t, string(content), `"chargebackArn"`, "the signed message itself")
		}
	}
	require.Len(t, names, len(slices.Compact(slices.Sorted(slices.Values(names)))), "every name once")
	require.True(t, slices.ContainsFunc(names, func(name string) bool { return strings.HasSuffix(name, notified+".json") }), "%v", names)
	require.Equal(t, "manifest.json", names[len(names)-1])
}
