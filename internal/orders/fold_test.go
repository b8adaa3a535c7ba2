package orders

import (
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"tillway/internal/ids"
	"tillway/internal/money"
)

var sentAt = time.Date(2026, 3, 1, 12, 0, 0, 0, time.UTC)

func euros(t testing.TB, minor int64) money.Amount {
	t.Helper()
	eur, err := money.ParseCurrency("eur")
	require.NoError(t, err)
	return money.New(minor, eur)
}

func testRules() rules {
	return rules{
		keyFreeWithin: 10 * time.Second,
		schedule:      Schedule{3 * time.Second, time.Minute, time.Hour},
		notFoundAfter: 15 * time.Minute,
		confirm:       ConfirmMismatch,
	}
}

// folder folds one piece of news after the other into an order with a payment, as Service does with rows.
type folder struct {
	t       testing.TB
	order   Order
	payment Payment
	open    []Discrepancy
	rules   rules
	now     time.Time
	last    *change
}

// newFolder begins a payment of 27.00 EUR that was just sent.
func newFolder(t testing.TB) *folder {
	t.Helper()
	amount := euros(t, 2700)
	payment := Payment{
		ID: ids.New[ids.PaymentEntity](), Attempt: 1, Status: PaymentProcessing, Amount: amount, SentAt: sentAt,
		MerchantTxnID: "pay_1", NextCheckAt: sentAt.Add(3 * time.Second), CaptureMethod: CaptureAutomatic,
	}
	order := Order{
		ID: ids.New[ids.OrderEntity](), Amount: amount, Status: StatusPending, LatePayment: LatePaymentRefund, Attempts: 1,
		LatestPayment: payment.ID, LastSequence: 2, Version: 2, ExpiresAt: sentAt.Add(24 * time.Hour),
	}
	return &folder{t: t, order: order, payment: payment, rules: testRules(), now: sentAt.Add(time.Second)}
}

func (f *folder) fold(ev Evidence) *change {
	f.last = fold(account{f.order, f.payment, f.open}, ev, f.rules, f.now)
	f.order, f.payment, f.open = f.last.order, f.last.payment, f.last.open
	f.order.LastSequence += int64(len(f.last.events))
	return f.last
}

// tell folds the outcome with the payment's own amount and transaction.
func (f *folder) tell(source Source, outcome Outcome) *change {
	f.t.Helper()
	return f.fold(f.news(source, outcome))
}

func (f *folder) news(source Source, outcome Outcome) Evidence {
	f.t.Helper()
	ev := Evidence{Source: source, Outcome: outcome}
	if knows(outcome) {
		ev.Amount, ev.ProviderTransactionID = f.payment.Amount, "1001"
	}
	if outcome == OutcomeActionRequired {
		ev.RedirectURL = "https://3ds.example.com/1001"
	}
	return ev
}

func (f *folder) in(status PaymentStatus) *folder {
	f.t.Helper()
	require.Equal(f.t, status, f.payment.Status)
	return f
}

func TestFold_DisagreementAboutTheMoneyMovesNothing(t *testing.T) {
	t.Parallel()

	usd, err := money.ParseCurrency("usd")
	require.NoError(t, err)
	for name, tc := range map[string]struct {
		class string
		spoil func(*Evidence)
	}{
		"amount":                {"amount", func(ev *Evidence) { ev.Amount.Minor = 2699 }},
		"amount of nothing":     {"amount", func(ev *Evidence) { ev.Amount.Minor = 0 }},
		"currency":              {"currency", func(ev *Evidence) { ev.Amount.Currency = usd }},
		"currency and amount":   {"currency", func(ev *Evidence) { ev.Amount = money.New(1, usd) }},
		"transaction":           {"provider_transaction_id", func(ev *Evidence) { ev.ProviderTransactionID = "666" }},
		"another's transaction": {"provider_transaction_id", func(ev *Evidence) { ev.claimedElsewhere = true }},
	} {
		for _, outcome := range []Outcome{OutcomeSucceeded, OutcomeAuthorized, OutcomeDeclined, OutcomeClosed} {
			t.Run(name+" of "+string(outcome), func(t *testing.T) {
				t.Parallel()

				f := newFolder(t)
				f.tell(SourceAnswer, OutcomeActionRequired)
				before := f.payment
				ev := f.news(SourceNotification, outcome)
				tc.spoil(&ev)
				c := f.fold(ev)

				require.Equal(t, VerdictMismatch, c.verdict)
				require.Equal(t, PaymentRequiresAction, f.payment.Status)
				require.Equal(t, before.ProviderTransactionID, f.payment.ProviderTransactionID)
				require.Zero(t, f.order.AmountPaid)
				require.Equal(t, StatusPending, f.order.Status)
				require.True(t, f.order.NeedsReview)
				require.Equal(t, []string{"reconciliation.discrepancy", "order.needs_review"}, c.events)
				require.NotNil(t, c.discrepancy)
				require.Equal(t, tc.class, c.discrepancy.class)
				require.Equal(t, before.Amount, c.discrepancy.atRisk)
				require.True(t, c.keep && c.record)
				require.Equal(t, f.now, f.payment.NextCheckAt, "the provider is asked at once")
			})
		}
	}
}

func TestFold_AnswerThatCannotBeTrustedIsUnknown(t *testing.T) {
	t.Parallel()

	f := newFolder(t)
	ev := f.news(SourceAnswer, OutcomeSucceeded)
	ev.Amount.Minor++
	c := f.fold(ev)

	f.in(PaymentUnknown)
	require.Equal(t, []string{"payment.unknown", "reconciliation.discrepancy", "order.needs_review"}, c.events)
	require.Equal(t, StatusPending, f.order.Status)
}

func TestFold_SuccessThatNamesNoAmountIsUnproven(t *testing.T) {
	t.Parallel()

	for _, outcome := range []Outcome{OutcomeSucceeded, OutcomeAuthorized} {
		f := newFolder(t)
		f.tell(SourceAnswer, OutcomeActionRequired)
		ev := f.news(SourceNotification, outcome)
		ev.Amount = money.Amount{}
		c := f.fold(ev)

		require.Equal(t, VerdictUnproven, c.verdict)
		f.in(PaymentRequiresAction)
		require.Empty(t, c.events)
		require.Nil(t, c.discrepancy)
		require.False(t, f.order.NeedsReview)
		require.Equal(t, f.now, f.payment.NextCheckAt, "the provider is asked at once")
	}

	f := newFolder(t)
	ev := f.news(SourceAnswer, OutcomeSucceeded)
	ev.Amount = money.Amount{}
	f.fold(ev)
	f.in(PaymentUnknown)
}

func TestFold_NotFoundCountsOnTheThirdDenialAfterTheWait(t *testing.T) {
	t.Parallel()

	f := newFolder(t)
	f.tell(SourceAnswer, OutcomeUnknown)
	for range 5 { // as often as may be, but early
		require.Equal(t, VerdictUnproven, f.tell(SourceQuery, OutcomeNotFound).verdict)
	}
	f.in(PaymentUnknown)
	f.now = sentAt.Add(15*time.Minute - time.Microsecond)
	f.tell(SourceQuery, OutcomeNotFound)
	f.in(PaymentUnknown)
	f.now = sentAt.Add(15 * time.Minute)
	c := f.tell(SourceQuery, OutcomeNotFound)

	f.in(PaymentFailed)
	require.Equal(t, VerdictMove, c.verdict)
	require.Equal(t, []string{"payment.failed"}, c.events)
	require.Equal(t, StatusOpen, f.order.Status)
	require.Equal(t, FailureTechnical, f.payment.Failure.Category)
	require.Equal(t, f.now.Add(time.Hour), f.payment.NextCheckAt, "it may turn out to be there after all")

	late := newFolder(t)
	late.tell(SourceAnswer, OutcomeUnknown)
	late.now = sentAt.Add(time.Hour) // late enough, but not often enough
	late.tell(SourceQuery, OutcomeNotFound)
	late.tell(SourceQuery, OutcomeNotFound)
	late.in(PaymentUnknown).tell(SourceQuery, OutcomeNotFound)
	late.in(PaymentFailed)
}

func TestFold_DenialsCountOnlyInARow(t *testing.T) {
	t.Parallel()

	f := newFolder(t)
	f.now = sentAt.Add(time.Hour)
	f.tell(SourceQuery, OutcomeNotFound)
	f.tell(SourceQuery, OutcomeNotFound)
	found := Evidence{Source: SourceQuery, Outcome: OutcomeProcessing}
	require.Equal(t, VerdictSame, f.fold(found).verdict)
	require.Zero(t, f.payment.NotFoundCount)
	require.True(t, f.last.keep)
	f.tell(SourceQuery, OutcomeNotFound)
	f.in(PaymentProcessing)
}

func TestFold_PaymentThatTheProviderNamedAndDeniesStaysLocked(t *testing.T) {
	t.Parallel()

	f := newFolder(t)
	f.tell(SourceAnswer, OutcomeActionRequired)
	f.now = sentAt.Add(time.Hour)
	f.tell(SourceQuery, OutcomeNotFound)
	f.tell(SourceQuery, OutcomeNotFound)
	require.False(t, f.order.NeedsReview)
	c := f.tell(SourceQuery, OutcomeNotFound)

	require.Equal(t, VerdictConflict, c.verdict)
	f.in(PaymentRequiresAction)
	require.Equal(t, StatusPending, f.order.Status)
	require.Equal(t, []string{"reconciliation.discrepancy", "order.needs_review"}, c.events)
	require.Equal(t, "status", c.discrepancy.class)
}

func TestFold_SynchronousSuccessIsPaidButUnconfirmed(t *testing.T) {
	t.Parallel()

	f := newFolder(t)
	c := f.tell(SourceAnswer, OutcomeSucceeded)

	f.in(PaymentSucceeded)
	require.Equal(t, []string{"payment.succeeded", "order.paid"}, c.events)
	require.False(t, f.payment.Confirmed)
	require.Equal(t, StatusPaid, f.order.Status)
	require.EqualValues(t, 2700, f.order.AmountPaid)
	require.EqualValues(t, 2700, f.order.AmountAuthorized)
	require.Equal(t, f.now, f.order.PaidAt)
	require.Equal(t, f.now, f.payment.FinalAt)
	require.Equal(t, sentAt.Add(3*time.Second), f.payment.NextCheckAt, "a query must confirm it")

	for _, source := range []Source{SourceNotification, SourceQuery} {
		confirmed := *f
		c := confirmed.tell(source, OutcomeSucceeded)
		require.Equal(t, VerdictSame, c.verdict)
		require.True(t, c.keep)
		require.Empty(t, c.events, "confirming is no event")
		require.True(t, confirmed.payment.Confirmed)
		require.True(t, confirmed.payment.NextCheckAt.IsZero(), "nothing is open")
	}
}

func TestFold_SameNewsTwiceIsNothing(t *testing.T) {
	t.Parallel()

	for _, outcome := range []Outcome{OutcomeSucceeded, OutcomeAuthorized, OutcomeDeclined, OutcomeClosed} {
		f := newFolder(t)
		f.tell(SourceNotification, outcome)
		order, payment := f.order, f.payment
		f.now = f.now.Add(time.Hour)
		c := f.tell(SourceNotification, outcome)

		require.Equal(t, VerdictSame, c.verdict, "%s", outcome)
		require.False(t, c.keep || c.record, "%s is written again", outcome)
		require.Empty(t, c.events)
		require.Equal(t, order, f.order)
		require.Equal(t, payment, f.payment)
	}
}

func TestFold_StaleNewsMovesNothing(t *testing.T) {
	t.Parallel()

	for _, outcome := range []Outcome{OutcomeProcessing, OutcomeActionRequired, OutcomeUnknown} {
		for _, ended := range []Outcome{OutcomeSucceeded, OutcomeDeclined} {
			f := newFolder(t)
			f.tell(SourceNotification, ended)
			before := f.payment
			c := f.tell(SourceNotification, outcome)

			require.Equal(t, VerdictStale, c.verdict, "%s after %s", outcome, ended)
			require.Empty(t, c.events)
			require.True(t, c.record, "stale news is kept as evidence")
			require.Equal(t, before.Status, f.payment.Status)
			require.Equal(t, before.NextCheckAt, f.payment.NextCheckAt)
		}
	}
}

func TestFold_ActionThatNobodyCanBeSentToIsUnknown(t *testing.T) {
	t.Parallel()

	f := newFolder(t)
	ev := f.news(SourceAnswer, OutcomeActionRequired)
	ev.RedirectURL = ""
	c := f.fold(ev)

	f.in(PaymentUnknown)
	require.Equal(t, []string{"payment.unknown"}, c.events)
	require.False(t, f.payment.Challenged)

	c = f.tell(SourceQuery, OutcomeActionRequired)
	f.in(PaymentRequiresAction)
	require.Equal(t, []string{"payment.requires_action"}, c.events)
	require.True(t, f.payment.Challenged)

	ev.Source = SourceQuery // a query does not repeat the address that we have
	require.Equal(t, VerdictSame, f.fold(ev).verdict)
	require.Equal(t, "https://3ds.example.com/1001", f.payment.RedirectURL)
}

func TestFold_ChallengePassedOrLeft(t *testing.T) {
	t.Parallel()

	passed := newFolder(t)
	passed.tell(SourceAnswer, OutcomeActionRequired)
	passed.tell(SourceNotification, OutcomeSucceeded)
	passed.in(PaymentSucceeded)
	require.Equal(t, ThreeDSAuthenticated, passed.payment.ThreeDSResult)
	require.Empty(t, passed.payment.RedirectURL)
	require.Equal(t, StatusPaid, passed.order.Status)

	left := newFolder(t)
	left.tell(SourceAnswer, OutcomeActionRequired)
	left.tell(SourceNotification, OutcomeClosed)
	left.in(PaymentExpired)
	require.Equal(t, ThreeDSTimeout, left.payment.ThreeDSResult)
	require.Equal(t, "authentication_timeout", left.payment.Failure.Code)
	require.Equal(t, StatusOpen, left.order.Status)

	frictionless := newFolder(t)
	ev := frictionless.news(SourceAnswer, OutcomeSucceeded)
	ev.ECI = "05"
	frictionless.fold(ev)
	require.Equal(t, ThreeDSFrictionless, frictionless.payment.ThreeDSResult)
}
