package orders

import (
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"tillway/internal/money"
)

func TestFold_LateSuccessFollowsTheOrdersPolicy(t *testing.T) {
	t.Parallel()

	for _, ended := range []Outcome{OutcomeDeclined, OutcomeClosed} {
		for policy, events := range map[LatePayment][]string{
			LatePaymentAccept: {"payment.succeeded", "order.paid"},
			LatePaymentRefund: {"payment.succeeded", "refund.created"},
			LatePaymentReview: {"payment.succeeded", "order.paid", "reconciliation.discrepancy", "order.needs_review"},
		} {
			f := newFolder(t)
			f.order.LatePayment = policy
			f.tell(SourceNotification, ended)
			f.order.Status, f.order.CanceledAt = StatusCanceled, f.now // the merchant gave the order up
			c := f.tell(SourceNotification, OutcomeSucceeded)

			require.Equal(t, VerdictLate, c.verdict)
			f.in(PaymentSucceeded)
			require.Nil(t, f.payment.Failure)
			require.Equal(t, StatusPaid, f.order.Status, "money outranks the end of the order")
			require.EqualValues(t, 2700, f.order.AmountPaid)
			require.Equal(t, policy == LatePaymentReview, f.order.NeedsReview, "%s", policy)
			require.Equal(t, events, c.events)
			require.Equal(t, policy == LatePaymentRefund, c.owed != nil)
			if c.discrepancy != nil {
				require.Equal(t, "late_payment", c.discrepancy.class)
			}
			if c.owed == nil {
				continue
			}
			require.Equal(t, RefundFromLatePayment, c.owed.Origin)
			require.EqualValues(t, 2700, c.owed.Amount.Minor)
			require.EqualValues(t, 2700, f.payment.AmountRefundPending)
			require.EqualValues(t, 2700, f.order.AmountRefundPending)
			require.Equal(t, f.now, c.owed.NextCheckAt, "the sweep sends it right after")
		}
	}
}

func TestFold_SecondSuccessIsSurplusAndNeverCountsAsPaid(t *testing.T) {
	t.Parallel()

	for name, hold := range map[string]func(*Order){
		"paid by another":    func(o *Order) { o.Status, o.AmountPaid, o.AmountAuthorized = StatusPaid, 2700, 2700 },
		"held by another":    func(o *Order) { o.Status, o.AmountAuthorized = StatusAuthorized, 2700 },
		"another is pending": func(o *Order) { o.Status = StatusPending },
		"refunded already": func(o *Order) {
			o.Status, o.AmountPaid, o.AmountAuthorized, o.AmountRefunded = StatusRefunded, 2700, 2700, 2700
		},
		"late money is welcome": func(o *Order) { o.Status, o.LatePayment = StatusPending, LatePaymentAccept },
		"a person decides":      func(o *Order) { o.Status, o.LatePayment = StatusPending, LatePaymentReview },
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()

			f := newFolder(t)
			f.tell(SourceNotification, OutcomeDeclined)
			hold(&f.order)
			before := f.order
			c := f.tell(SourceNotification, OutcomeSucceeded)

			require.True(t, f.payment.Surplus)
			f.in(PaymentSucceeded)
			require.EqualValues(t, 2700, f.payment.AmountCaptured)
			require.Equal(t, before.Status, f.order.Status)
			require.Equal(t, before.AmountPaid, f.order.AmountPaid)
			require.Equal(t, before.AmountAuthorized, f.order.AmountAuthorized)
			require.Equal(t, before.AmountRefundPending, f.order.AmountRefundPending, "surplus is not the order's")
			if before.LatePayment == LatePaymentReview {
				require.Equal(t, "surplus", c.discrepancy.class)
				require.Nil(t, c.owed)
				return
			}
			require.Equal(t, []string{"payment.succeeded", "refund.created"}, c.events)
			require.Equal(t, RefundFromSurplus, c.owed.Origin)
			require.EqualValues(t, 2700, f.payment.AmountRefundPending)
			require.False(t, f.order.NeedsReview)
		})
	}
}

func TestFold_SurplusHoldStaysSurplusWhenItIsCaptured(t *testing.T) {
	t.Parallel()

	f := newFolder(t)
	f.tell(SourceNotification, OutcomeDeclined)
	f.order.Status = StatusPending
	f.tell(SourceNotification, OutcomeAuthorized)
	f.tell(SourceNotification, OutcomeSucceeded)

	f.in(PaymentSucceeded)
	require.True(t, f.payment.Surplus)
	require.Zero(t, f.order.AmountPaid)
	require.Equal(t, StatusPending, f.order.Status)
}

func TestFold_NotificationThatContradictsASuccessMovesNothingAndAsks(t *testing.T) {
	t.Parallel()

	for _, outcome := range []Outcome{OutcomeDeclined, OutcomeClosed} {
		f := newFolder(t)
		f.tell(SourceAnswer, OutcomeSucceeded)
		c := f.tell(SourceNotification, outcome)

		require.Equal(t, VerdictConflict, c.verdict)
		f.in(PaymentSucceeded)
		require.Equal(t, StatusPaid, f.order.Status)
		require.Equal(t, []string{"reconciliation.discrepancy", "order.needs_review"}, c.events)
		require.Equal(t, "status", c.discrepancy.class)
		require.Equal(t, f.now, f.payment.NextCheckAt)

		f.now = f.now.Add(time.Second)
		f.tell(SourceNotification, OutcomeSucceeded)
		require.False(t, f.payment.NextCheckAt.IsZero(), "good news does not take the question back")
		f.tell(SourceQuery, OutcomeSucceeded)
		require.True(t, f.payment.NextCheckAt.IsZero(), "the answer does")
		require.Equal(t, []string{"reconciliation.discrepancy"}, f.last.events, "and ends the disagreement")
		require.Equal(t, DiscrepancyAutoResolved, f.last.told[0].Status)
		require.False(t, f.order.NeedsReview, "nothing open remains")
	}
}

func TestFold_QueryRefutesASuccess(t *testing.T) {
	t.Parallel()

	for outcome, status := range map[Outcome]PaymentStatus{
		OutcomeDeclined: PaymentFailed, OutcomeClosed: PaymentCanceled,
	} {
		for _, source := range []Source{SourceAnswer, SourceNotification, SourceQuery} {
			f := newFolder(t)
			f.tell(source, OutcomeSucceeded)
			c := f.tell(SourceQuery, outcome)

			require.Equal(t, VerdictConflict, c.verdict)
			f.in(status)
			require.Equal(t, StatusOpen, f.order.Status)
			require.Zero(t, f.order.AmountPaid+f.order.AmountAuthorized+f.payment.AmountCaptured)
			require.True(t, f.order.PaidAt.IsZero())
			require.True(t, f.order.NeedsReview)
			require.NotNil(t, f.payment.Failure)
			require.Equal(t, "reversal", c.discrepancy.class)
			require.Equal(t, []string{"payment." + string(status), "reconciliation.discrepancy", "order.needs_review"}, c.events)
			f.tell(SourceQuery, outcome)
			require.True(t, f.order.NeedsReview, "only a person ends it")
		}
	}
}

func TestFold_DenialOfASuccessThatWasRefundedMovesNothing(t *testing.T) {
	t.Parallel()

	for _, outcome := range []Outcome{OutcomeDeclined, OutcomeClosed, OutcomeReversed} {
		f := newFolder(t)
		f.tell(SourceNotification, OutcomeSucceeded)
		f.payment.AmountRefundPending, f.order.AmountRefundPending = 100, 100
		c := f.tell(SourceQuery, outcome)

		require.Equal(t, VerdictConflict, c.verdict, "%s", outcome)
		f.in(PaymentSucceeded)
		require.Equal(t, StatusPaid, f.order.Status)
		require.True(t, f.order.NeedsReview)
	}
}

func TestFold_SuccessEndsByNoNotFound(t *testing.T) {
	t.Parallel()

	f := newFolder(t)
	f.tell(SourceNotification, OutcomeSucceeded)
	f.now = sentAt.Add(time.Hour)
	for range notFoundAnswers {
		f.tell(SourceQuery, OutcomeNotFound)
	}
	require.Equal(t, VerdictConflict, f.last.verdict)
	f.in(PaymentSucceeded)
	require.Equal(t, StatusPaid, f.order.Status)
	require.True(t, f.order.NeedsReview)
}

func TestFold_ReversalThatTheProviderConfirmsTakesTheOrderBack(t *testing.T) {
	t.Parallel()

	f := newFolder(t)
	f.tell(SourceNotification, OutcomeSucceeded)
	ev := f.news(SourceNotification, OutcomeReversed)
	ev.ProviderTransactionID = "" // the cancellation's own is not held against the payment's
	c := f.fold(ev)

	require.Equal(t, VerdictMove, c.verdict)
	f.in(PaymentCanceled)
	require.Equal(t, StatusOpen, f.order.Status)
	require.Zero(t, f.order.AmountPaid+f.payment.AmountCaptured)
	require.Equal(t, []string{"payment.canceled", "reconciliation.discrepancy", "order.needs_review"}, c.events)
	require.Equal(t, "reversal", c.discrepancy.class)
	require.True(t, f.payment.NextCheckAt.IsZero())

	again := f.tell(SourceQuery, OutcomeSucceeded)
	require.Equal(t, VerdictConflict, again.verdict, "the charge that was taken back is no late money")
	f.in(PaymentCanceled)
	require.Nil(t, again.owed)

	nameless := newFolder(t)
	nameless.tell(SourceNotification, OutcomeSucceeded)
	ev.Amount = money.Amount{}
	require.Equal(t, VerdictUnproven, nameless.fold(ev).verdict, "a reversal of what?")
	nameless.in(PaymentSucceeded)
}

func TestFold_LateFailureNeverDowngradesAPaidOrder(t *testing.T) {
	t.Parallel()

	for _, outcome := range []Outcome{OutcomeDeclined, OutcomeClosed, OutcomeUnknown, OutcomeProcessing, OutcomeNeverSent, OutcomeNotFound} {
		for _, source := range []Source{SourceAnswer, SourceNotification} {
			f := newFolder(t)
			f.tell(SourceNotification, OutcomeSucceeded)
			f.tell(source, outcome)
			f.in(PaymentSucceeded)
			require.Equal(t, StatusPaid, f.order.Status, "%s by %s", outcome, source)
			require.EqualValues(t, 2700, f.order.AmountPaid)
		}
	}
}

func TestFold_PolicySaysWhenANotificationMakesUsAsk(t *testing.T) {
	t.Parallel()

	for policy, want := range map[ConfirmByQuery]struct{ ended, late, doubtful bool }{
		ConfirmAlways:   {true, true, true},
		ConfirmMismatch: {false, false, true},
		ConfirmNever:    {false, false, false},
	} {
		ended := newFolder(t)
		ended.rules.confirm = policy
		ended.tell(SourceNotification, OutcomeDeclined)
		require.Equal(t, want.ended, ended.payment.NextCheckAt.Equal(ended.now), "%s, ended", policy)
		ended.payment.NextCheckAt, ended.order.LatePayment = time.Time{}, LatePaymentAccept
		ended.tell(SourceNotification, OutcomeSucceeded)
		require.Equal(t, want.late, ended.payment.NextCheckAt.Equal(ended.now), "%s, late", policy)

		doubtful := newFolder(t)
		doubtful.rules.confirm = policy
		ev := doubtful.news(SourceNotification, OutcomeSucceeded)
		ev.Amount.Minor = 1
		doubtful.fold(ev)
		require.Equal(t, want.doubtful, doubtful.payment.NextCheckAt.Equal(doubtful.now), "%s, doubtful", policy)
		require.False(t, doubtful.payment.NextCheckAt.IsZero(), "an open payment is always checked")
	}
}

func TestFold_NeverSentFailsAndSaysThatNothingWasCharged(t *testing.T) {
	t.Parallel()

	f := newFolder(t)
	c := f.tell(SourceAnswer, OutcomeNeverSent)
	f.in(PaymentFailed)
	require.Contains(t, f.payment.Failure.Message, "Nothing was charged")
	require.True(t, f.payment.NextCheckAt.IsZero(), "nobody but us knows of it")
	require.Equal(t, StatusOpen, f.order.Status)
	require.True(t, c.paymentParams(f.now).ReleaseKey, "the idempotency key may be used again")

	late := newFolder(t)
	late.now = late.payment.SentAt.Add(late.rules.keyFreeWithin)
	released := late.tell(SourceAnswer, OutcomeNeverSent).paymentParams(late.now).ReleaseKey
	require.False(t, released, "a repeated request may have been told of the payment by now")

	declined := newFolder(t)
	released = declined.tell(SourceAnswer, OutcomeDeclined).paymentParams(f.now).ReleaseKey
	require.False(t, released, "a decline is the answer to the key")
}

func TestFold_AsksOnScheduleThenDailyAndAPersonAfterAWeek(t *testing.T) {
	t.Parallel()

	const day = 24 * time.Hour
	f := newFolder(t)
	f.tell(SourceAnswer, OutcomeUnknown)
	for _, step := range []struct{ now, next time.Duration }{
		{time.Second, 3 * time.Second},
		{3 * time.Second, time.Minute},
		{time.Minute, time.Hour},
		{time.Hour, time.Hour + day},
		{2 * time.Hour, time.Hour + day},
		{time.Hour + day, time.Hour + 2*day},
		{7 * day, time.Hour + 7*day},
	} {
		f.now = sentAt.Add(step.now)
		c := f.tell(SourceQuery, OutcomeUnknown)
		require.Equal(t, sentAt.Add(step.next), f.payment.NextCheckAt, "after %s", step.now)
		require.False(t, f.order.NeedsReview, "after %s", step.now)
		require.Empty(t, c.events)
		require.False(t, c.record, "a query that teaches nothing leaves no evidence")
	}
	f.now = sentAt.Add(7*day + time.Hour)
	c := f.tell(SourceQuery, OutcomeUnknown)
	require.True(t, f.order.NeedsReview)
	require.Equal(t, []string{"reconciliation.discrepancy", "order.needs_review"}, c.events)
	require.Equal(t, "unsettled", c.told[0].Class)
	require.Equal(t, sentAt.Add(8*day+time.Hour), f.payment.NextCheckAt)
	require.Empty(t, f.tell(SourceQuery, OutcomeUnknown).events, "said once")
	settled := f.tell(SourceQuery, OutcomeSucceeded)
	require.Equal(t, []string{"payment.succeeded", "order.paid", "reconciliation.discrepancy"}, settled.events)
	require.False(t, f.order.NeedsReview, "and ended by the answer")
}

func TestSchedule_WithoutOffsetsIsDaily(t *testing.T) {
	t.Parallel()

	require.Equal(t, sentAt.Add(24*time.Hour), Schedule{}.Next(sentAt, sentAt))
	require.Equal(t, sentAt.Add(72*time.Hour), Schedule{}.Next(sentAt, sentAt.Add(48*time.Hour)))
}

func TestEvidence_IsStorableWhateverTheProviderSends(t *testing.T) {
	t.Parallel()

	for name, tc := range map[string]struct{ body, want string }{
		"plain":          {`{"b":1.50,"a":"ü"}`, `{"b":1.50,"a":"ü"}`},
		"escaped NUL":    {`{"a":"x\u0000y","b":1.50}`, `{"a":"x\ufffdy","b":1.50}`},
		"lone surrogate": {`{"a":"\ud800"}`, `{"a":"` + "\uFFFD" + `"}`},
		"broken UTF-8":   {"{\"a\":\"\xff\"}", `{"a":"` + "\uFFFD" + `"}`},
		"no JSON":        {"<html>\x00", `"\u003chtml\u003e\ufffd"`},
		"nothing":        {"", ""},
	} {
		require.Equal(t, tc.want, string(Evidence{Body: []byte(tc.body)}.storable().Body), name)
	}
	ev := Evidence{ProviderCode: "a\x00b", Failure: &Failure{Message: "\xff"}}
	stored := ev.storable()
	require.Equal(t, "a\uFFFDb", stored.ProviderCode)
	require.Equal(t, "\uFFFD", stored.Failure.Message)
	require.Equal(t, "\xff", ev.Failure.Message, "the caller's evidence is left alone")
}
