package orders

import (
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"

	"tillway/internal/ids"
	"tillway/internal/money"
)

// model is an order with several payments, told of each as Service does: one begins only while the order is payable, and
// what was folded is what is stored.
type model struct {
	order    Order
	payments []Payment
	open     []Discrepancy
	rules    rules
	now      time.Time
	method   MethodType
}

func (m *model) begin() {
	if !m.order.Status.Payable() {
		return
	}
	p := Payment{
		ID: ids.New[ids.PaymentEntity](), Attempt: len(m.payments) + 1, Status: PaymentProcessing, Amount: m.order.Amount,
		SentAt: m.now, NextCheckAt: m.rules.schedule.Next(m.now, m.now), Method: m.method,
	}
	m.payments = append(m.payments, p)
	m.order.Status, m.order.LatestPayment = StatusPending, p.ID
}

// end cancels or expires the order, where that is allowed.
func (m *model) end(expire bool) {
	if !m.order.Status.Cancelable() {
		return
	}
	if expire {
		m.order.ExpiredAt = m.now
	} else {
		m.order.CanceledAt = m.now
	}
	m.order.Status = DeriveStatus(Facts{Canceled: !expire, Expired: expire})
}

// derived computes the order's amounts and status anew from all of its payments.
func (m *model) derived() (status Status, paid, authorized int64) {
	f := Facts{Canceled: !m.order.CanceledAt.IsZero(), Expired: !m.order.ExpiredAt.IsZero()}
	for _, p := range m.payments {
		f.LivePayment = f.LivePayment || p.Status.Open()
		if !p.Surplus {
			f.Paid += p.AmountCaptured
			f.Authorized += p.AmountAuthorized
		}
	}
	return DeriveStatus(f), f.Paid, f.Authorized
}

func (m *model) check(t *rapid.T) {
	status, paid, authorized := m.derived()
	require.Equal(t, status, m.order.Status, "the status is the derived one")
	require.Equal(t, paid, m.order.AmountPaid)
	require.Equal(t, authorized, m.order.AmountAuthorized)
	require.LessOrEqual(t, paid, authorized)
	require.LessOrEqual(t, authorized, m.order.Amount.Minor, "never more than what is owed")
	require.Equal(t, paid > 0, !m.order.PaidAt.IsZero())
	live := 0
	for _, p := range m.payments {
		if p.Status.Live() && !p.Surplus {
			live++
		}
		require.LessOrEqual(t, p.AmountCaptured, p.AmountAuthorized)
		require.LessOrEqual(t, p.AmountAuthorized, p.Amount.Minor)
		require.Equal(t, p.Status == PaymentSucceeded, p.AmountCaptured > 0)
		require.Equal(t, p.Status == PaymentSucceeded || p.Status == PaymentAuthorized, p.AmountAuthorized > 0)
		final := !p.Status.Open() && p.Status != PaymentAuthorized
		require.Equal(t, final, !p.FinalAt.IsZero())
		attempted := p.hosted() && p.Status.Open() // a session tells why its latest attempt failed
		require.True(t, attempted || (final && p.Status != PaymentSucceeded) == (p.Failure != nil))
		require.True(t, !p.Status.Open() || !p.NextCheckAt.IsZero(), "what is open is checked")
		mayReturn := p.Status == PaymentRequiresAction || (p.Status.Open() && p.Method != MethodCard)
		require.True(t, mayReturn || p.RedirectURL == "")
		require.True(t, p.Display.IsZero() || (p.local() && p.Status.Open() && p.RedirectURL == ""), "one thing to do, while it can be done")
	}
	require.LessOrEqual(t, live, 1, "one live payment per order")
}

// tell folds the evidence into the payment and checks what one piece of news may do.
func (m *model) tell(t *rapid.T, i int, ev Evidence) {
	before, order := m.payments[i], m.order
	c := fold(account{order, before, m.open}, ev, m.rules, m.now)
	m.order, m.payments[i], m.open = c.order, c.payment, c.open

	after := c.payment
	require.False(t, !before.Status.Open() && after.Status.Open(), "%s yielded to %s", before.Status, after.Status)
	require.Equal(t, after.Status != before.Status || len(c.told) > 0, len(c.events) > 0,
		"%s to %s, events %v", before.Status, after.Status, c.events)
	require.True(t, order.Status == c.order.Status || after.Status != before.Status)
	require.Equal(t, len(c.open) > 0, c.order.NeedsReview, "a person is asked while a discrepancy is open")
	require.True(t, c.keep || (timeless(before) == timeless(after) && before.NextCheckAt.Equal(after.NextCheckAt)), "a change is written")
	if ev.Amount != (money.Amount{}) && ev.Amount != before.Amount {
		require.Equal(t, before.AmountCaptured, after.AmountCaptured, "other money than ours moves nothing")
	}

	if ev.Outcome == OutcomeNotFound {
		return // denials are counted: the third is not the second
	}
	again := fold(c.account, ev, m.rules, m.now)
	require.Equal(t, timeless(after), timeless(again.payment), "%s told twice", ev.Outcome)
	require.Empty(t, again.events)
	require.Equal(t, c.order.Status, again.order.Status)
	require.Equal(t, c.order.AmountPaid, again.order.AmountPaid)
	require.Equal(t, c.order.NeedsReview, again.order.NeedsReview)
}

// facts are what a payment comes to, without its timing.
type facts struct {
	status                             PaymentStatus
	authorized, captured               int64
	transaction, eci, brand, url, code string
	confirmed, surplus, challenged     bool
	threeDS                            ThreeDSResult
	display                            Display
	notFound                           int
}

func timeless(p Payment) facts {
	f := facts{
		status: p.Status, authorized: p.AmountAuthorized, captured: p.AmountCaptured, transaction: p.ProviderTransactionID,
		eci: p.ECI, brand: p.Card.Brand, url: p.RedirectURL, confirmed: p.Confirmed, surplus: p.Surplus,
		challenged: p.Challenged, threeDS: p.ThreeDSResult, display: p.Display, notFound: p.NotFoundCount,
	}
	if p.Failure != nil {
		f.code = p.Failure.Code
	}
	return f
}

func drawEvidence(t *rapid.T, owed money.Amount) Evidence {
	amounts := []money.Amount{owed, owed, owed, {}, money.New(owed.Minor-1, owed.Currency), money.New(owed.Minor*2, owed.Currency)}
	ev := Evidence{
		Source:                rapid.SampledFrom([]Source{SourceAnswer, SourceNotification, SourceQuery}).Draw(t, "source"),
		Outcome:               rapid.SampledFrom(Outcomes()).Draw(t, "outcome"),
		Amount:                rapid.SampledFrom(amounts).Draw(t, "amount"),
		ProviderTransactionID: rapid.SampledFrom([]string{"", "1", "1", "1", "2"}).Draw(t, "transaction"),
		RedirectURL:           rapid.SampledFrom([]string{"", "https://3ds.example.com"}).Draw(t, "redirect"),
		Display:               rapid.SampledFrom([]Display{{}, {Code: "0002"}, {Text: "Voucher"}}).Draw(t, "display"),
		ECI:                   rapid.SampledFrom([]string{"", "05"}).Draw(t, "eci"),
		CardBrand:             rapid.SampledFrom([]string{"", "visa"}).Draw(t, "brand"),
		claimedElsewhere:      rapid.IntRange(0, 19).Draw(t, "claimed elsewhere") == 0,
	}
	return ev
}

func TestFold_HoldsItsInvariantsWhateverComes(t *testing.T) {
	t.Parallel()

	owed := euros(t, 2700)
	rapid.Check(t, func(t *rapid.T) {
		r := testRules()
		r.confirm = rapid.SampledFrom([]ConfirmByQuery{ConfirmAlways, ConfirmMismatch, ConfirmNever}).Draw(t, "confirm")
		m := &model{
			now: sentAt, rules: r, method: rapid.SampledFrom([]MethodType{MethodCard, MethodHosted, MethodLocal}).Draw(t, "method"),
			order: Order{
				Amount: owed, Status: StatusOpen,
				LatePayment: rapid.SampledFrom([]LatePayment{LatePaymentAccept, LatePaymentRefund, LatePaymentReview}).Draw(t, "policy"),
			},
		}
		m.begin()
		t.Repeat(map[string]func(*rapid.T){
			"": m.check,
			"news": func(t *rapid.T) {
				m.tell(t, rapid.IntRange(0, len(m.payments)-1).Draw(t, "payment"), drawEvidence(t, owed))
			},
			"an end": func(t *rapid.T) { // common enough that every corner is reached
				ev := drawEvidence(t, owed)
				ends := []Outcome{OutcomeSucceeded, OutcomeAuthorized, OutcomeDeclined, OutcomeAttemptFailed, OutcomeClosed}
				ev.Outcome = rapid.SampledFrom(ends).Draw(t, "end")
				ev.Amount, ev.ProviderTransactionID, ev.claimedElsewhere = owed, "1", false
				m.tell(t, rapid.IntRange(0, len(m.payments)-1).Draw(t, "payment"), ev)
			},
			"begin":  func(*rapid.T) { m.begin() },
			"cancel": func(*rapid.T) { m.end(false) },
			"expire": func(*rapid.T) { m.end(true) },
			"wait": func(t *rapid.T) {
				m.now = m.now.Add(rapid.SampledFrom([]time.Duration{time.Second, time.Hour, 100 * time.Hour}).Draw(t, "wait"))
			},
		})
	})
}
