package orders

import (
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

// newSession opens a checkout session of 27.00 EUR: the shopper may be sent to its page.
func newSession(t testing.TB) *folder {
	t.Helper()
	f := newFolder(t)
	f.payment.Method = MethodHosted
	ev := f.news(SourceAnswer, OutcomeActionRequired)
	ev.RedirectURL = "https://pay.example.com/checkout?key=1"
	require.Equal(t, VerdictMove, f.fold(ev).verdict)
	return f.in(PaymentRequiresAction)
}

// attempted is news of an attempt, a transaction of its own.
func (f *folder) attempted(source Source, outcome Outcome, transaction string) Evidence {
	ev := f.news(source, outcome)
	ev.Amount, ev.ProviderTransactionID, ev.RedirectURL = f.payment.Amount, transaction, ""
	if outcome == OutcomeDeclined || outcome == OutcomeAttemptFailed {
		ev.Failure = &Failure{Code: "insufficient_funds", DeclineCode: "insufficient_funds", Category: FailureSoft, ProviderCode: "20051"}
		ev.ThreeDSResult, ev.CardLast4, ev.ECI = ThreeDSFailed, "8141", "07"
	}
	if brings(outcome) {
		ev.CardBrand, ev.CardLast4, ev.ECI = "visa", "1390", "05"
	}
	return ev
}

func TestCheckout_AFailedAttemptIsNotTheEndWhileTheSessionIsOpen(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		source  Source
		outcome Outcome
		after   time.Duration
	}{
		"said to be open, notified":            {SourceNotification, OutcomeAttemptFailed, time.Minute},
		"said to be open, asked":               {SourceQuery, OutcomeAttemptFailed, time.Minute},
		"said to be open, asked after its end": {SourceQuery, OutcomeAttemptFailed, time.Hour},
		"not said, notified":                   {SourceNotification, OutcomeDeclined, time.Minute},
		"not said, notified after its end":     {SourceNotification, OutcomeDeclined, time.Hour},
		"not said, asked":                      {SourceQuery, OutcomeDeclined, 31*time.Minute - time.Microsecond},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			f := newSession(t)
			f.now = sentAt.Add(c.after)
			news := f.attempted(c.source, c.outcome, "1001")
			require.Equal(t, VerdictSame, f.fold(news).verdict)
			f.in(PaymentRequiresAction)
			require.Equal(t, StatusPending, f.order.Status, "the order takes no other payment meanwhile")
			require.Equal(t, "insufficient_funds", f.payment.Failure.Code)
			require.Equal(t, "https://pay.example.com/checkout?key=1", f.payment.RedirectURL, "the shopper may go on")
			require.Empty(t, f.last.events)
			require.Empty(t, f.payment.Card, "the next attempt may be by another card")
			require.Empty(t, f.payment.ThreeDSResult)
			require.False(t, f.fold(news).record, "the same news twice")

			f.now = f.now.Add(time.Second)
			f.fold(f.attempted(SourceQuery, OutcomeSucceeded, "1002"))
			f.in(PaymentSucceeded)
			require.False(t, f.order.NeedsReview, "each attempt is a transaction of its own")
			require.Equal(t, "1002", f.payment.ProviderTransactionID)
			require.Equal(t, []string{"visa", "1390"}, []string{f.payment.Card.Brand, f.payment.Card.Last4})
			require.Equal(t, ThreeDSAuthenticated, f.payment.ThreeDSResult)
			require.Nil(t, f.payment.Failure)
			require.Empty(t, f.payment.RedirectURL)
			require.Equal(t, StatusPaid, f.order.Status)
		})
	}
}

func TestCheckout_EndsWithItsTimeOrWithoutHavingBegun(t *testing.T) {
	t.Parallel()
	t.Run("declined, and asked after its end", func(t *testing.T) {
		t.Parallel()
		f := newSession(t)
		f.now = sentAt.Add(31 * time.Minute)
		f.fold(f.attempted(SourceQuery, OutcomeDeclined, "1001"))
		f.in(PaymentFailed)
		require.Equal(t, "insufficient_funds", f.payment.Failure.Code)
		require.Equal(t, StatusOpen, f.order.Status)
	})
	t.Run("refused before it began", func(t *testing.T) {
		t.Parallel()
		f := newFolder(t)
		f.payment.Method = MethodHosted
		f.tell(SourceAnswer, OutcomeDeclined)
		f.in(PaymentFailed)
		require.Equal(t, StatusOpen, f.order.Status)
	})
	for _, source := range []Source{SourceNotification, SourceQuery} {
		t.Run("closed by "+string(source), func(t *testing.T) {
			t.Parallel()
			f := newSession(t)
			f.fold(f.attempted(SourceNotification, OutcomeAttemptFailed, "1001"))
			f.now = sentAt.Add(30 * time.Minute)
			f.fold(f.attempted(source, OutcomeClosed, "1002"))
			f.in(PaymentExpired)
			require.Equal(t, []string{"processing_error", "checkout_expired"}, []string{f.payment.Failure.Code, f.payment.Failure.DeclineCode})
			require.Empty(t, f.payment.ThreeDSResult, "nobody was to authenticate")
			require.Equal(t, StatusOpen, f.order.Status)
			require.True(t, f.payment.Confirmed)

			f.fold(f.attempted(source, OutcomeSucceeded, "1003"))
			f.in(PaymentSucceeded)
			require.Equal(t, VerdictLate, f.last.verdict)
			require.NotNil(t, f.last.owed, "late money goes back by the order's policy")
		})
	}
}

func TestCheckout_WithoutAnAnswerNobodyCanBeSentThere(t *testing.T) {
	t.Parallel()
	f := newFolder(t)
	f.payment.Method = MethodHosted
	f.tell(SourceAnswer, OutcomeUnknown)
	f.in(PaymentUnknown)
	f.fold(f.attempted(SourceQuery, OutcomeActionRequired, "1001"))
	f.in(PaymentUnknown)
	require.Equal(t, StatusPending, f.order.Status, "the session exists: nothing else may be begun while it may be paid")
	require.Empty(t, f.payment.RedirectURL)
	f.now = sentAt.Add(30*time.Minute + time.Second)
	f.fold(f.attempted(SourceQuery, OutcomeActionRequired, "1001"))
	require.Equal(t, sentAt.Add(31*time.Minute), f.payment.NextCheckAt, "asked right after its end")
	f.fold(f.attempted(SourceQuery, OutcomeClosed, "1001"))
	f.in(PaymentCanceled)
	require.Equal(t, StatusOpen, f.order.Status)
}

func TestCheckout_WhatHasTheMoneyIsNotDisturbedByOtherAttempts(t *testing.T) {
	t.Parallel()
	paid := func(t *testing.T) *folder {
		t.Helper()
		f := newSession(t)
		f.fold(f.attempted(SourceNotification, OutcomeSucceeded, "1002"))
		return f.in(PaymentSucceeded)
	}
	for name, news := range map[string]Outcome{"declined": OutcomeDeclined, "said to be open": OutcomeAttemptFailed} {
		for _, source := range []Source{SourceNotification, SourceQuery} {
			t.Run(name+" by "+string(source), func(t *testing.T) {
				t.Parallel()
				f := paid(t)
				f.fold(f.attempted(source, news, "1001"))
				f.in(PaymentSucceeded)
				require.Equal(t, VerdictStale, f.last.verdict, "an earlier attempt's, told late")
				require.False(t, f.order.NeedsReview)

				f = paid(t)
				f.fold(f.attempted(SourceNotification, news, "1002"))
				f.in(PaymentSucceeded)
				require.Equal(t, VerdictConflict, f.last.verdict, "of the very transaction it is doubt")
				require.True(t, f.order.NeedsReview)
			})
		}
	}
	t.Run("a second success", func(t *testing.T) {
		t.Parallel()
		f := paid(t)
		f.fold(f.attempted(SourceNotification, OutcomeSucceeded, "1003"))
		require.Equal(t, VerdictMismatch, f.last.verdict)
		require.True(t, f.order.NeedsReview, "two charges in one session are for a person")
		require.Equal(t, "1002", f.payment.ProviderTransactionID)
	})
}

func TestCheckout_AsksWhatItWasPaidWith(t *testing.T) {
	t.Parallel()
	f := newSession(t)
	silent := f.attempted(SourceNotification, OutcomeSucceeded, "1001")
	silent.CardBrand, silent.CardLast4 = "", ""
	f.fold(silent)
	require.True(t, f.in(PaymentSucceeded).payment.Confirmed)
	require.Equal(t, f.now, f.payment.NextCheckAt, "a query tells")
	f.fold(f.attempted(SourceQuery, OutcomeSucceeded, "1001"))
	require.Equal(t, "1390", f.payment.Card.Last4)
	require.Zero(t, f.payment.NextCheckAt)

	f = newSession(t)
	f.rules.confirm = ConfirmNever
	f.fold(silent)
	require.Zero(t, f.in(PaymentSucceeded).payment.NextCheckAt, "unless nobody is to be asked")
}

func TestCheckout_AProcessedAttemptLeavesTheWayBack(t *testing.T) {
	t.Parallel()
	f := newSession(t)
	f.fold(f.attempted(SourceQuery, OutcomeProcessing, "1001"))
	f.in(PaymentProcessing)
	require.Nil(t, f.payment.Resource().NextAction)
	f.fold(f.attempted(SourceNotification, OutcomeAttemptFailed, "1001"))
	f.in(PaymentRequiresAction)
	require.Equal(t, "insufficient_funds", f.payment.Failure.Code)
	require.Equal(t, "https://pay.example.com/checkout?key=1", f.payment.Resource().NextAction.RedirectToURL.URL)
	require.False(t, f.payment.Challenged)
}
