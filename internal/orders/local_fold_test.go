package orders

import (
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

// newLocal begins a local payment of 27.00 EUR that shows the shopper a code for twenty minutes.
func newLocal(t testing.TB) *folder {
	t.Helper()
	f := newFolder(t)
	f.payment.Method, f.payment.LocalMethod = MethodLocal, "PromptPay"
	ev := f.news(SourceAnswer, OutcomeActionRequired)
	ev.RedirectURL, ev.Display = "", Display{Code: "0002", ExpiresAt: sentAt.Add(20 * time.Minute)}
	require.Equal(t, VerdictMove, f.fold(ev).verdict)
	return f.in(PaymentRequiresAction)
}

// says tells the outcome as a query or notification of a local payment does: without what the shopper is to do.
func (f *folder) says(source Source, outcome Outcome) *change {
	f.t.Helper()
	ev := f.news(source, outcome)
	ev.RedirectURL = ""
	return f.fold(ev)
}

func TestLocal_WhatIsShownStaysWhileThePaymentIsOpenAndNoLonger(t *testing.T) {
	t.Parallel()
	code := Display{Code: "0002", ExpiresAt: sentAt.Add(20 * time.Minute)}
	for _, c := range []struct {
		source  Source
		outcome Outcome
		want    PaymentStatus
		shown   bool
	}{
		{SourceQuery, OutcomeActionRequired, PaymentRequiresAction, true}, // which tells no code
		{SourceQuery, OutcomeProcessing, PaymentProcessing, true},
		{SourceAnswer, OutcomeUnknown, PaymentRequiresAction, true},
		{SourceNotification, OutcomeSucceeded, PaymentSucceeded, false},
		{SourceNotification, OutcomeDeclined, PaymentFailed, false},
		{SourceQuery, OutcomeAttemptFailed, PaymentFailed, false}, // it is one transaction, whatever its intent says
		{SourceNotification, OutcomeClosed, PaymentExpired, false},
		{SourceQuery, OutcomeReversed, PaymentCanceled, false},
	} {
		t.Run(string(c.outcome), func(t *testing.T) {
			t.Parallel()
			f := newLocal(t)
			require.Equal(t, code, f.payment.Display)
			f.now = sentAt.Add(time.Minute)
			f.says(c.source, c.outcome)
			f.in(c.want)
			if c.shown {
				require.Equal(t, code, f.payment.Display)
				return
			}
			require.True(t, f.payment.Display.IsZero())
			require.Equal(t, f.payment, f.says(c.source, c.outcome).payment, "the same news twice")
		})
	}
	f := newLocal(t)
	f.tell(SourceQuery, OutcomeProcessing)
	f.in(PaymentProcessing).says(SourceQuery, OutcomeActionRequired)
	require.Equal(t, code, f.in(PaymentRequiresAction).payment.Display, "the shopper is to pay after all")
}

func TestLocal_NothingOfACardIsLearned(t *testing.T) {
	t.Parallel()
	for _, outcome := range []Outcome{OutcomeSucceeded, OutcomeDeclined, OutcomeClosed} {
		f := newLocal(t)
		ev := f.news(SourceQuery, outcome)
		ev.CardBrand, ev.CardLast4, ev.ECI, ev.ThreeDSResult = "promptpay", "1390", "05", ThreeDSFailed
		f.fold(ev)
		require.Empty(t, f.payment.Card, outcome)
		require.Empty(t, f.payment.ThreeDSResult, outcome)
		require.Empty(t, f.payment.ECI, outcome)
		require.False(t, f.payment.Challenged, outcome)
	}
}

func TestLocal_TheEndIsToldInWordsWithoutACard(t *testing.T) {
	t.Parallel()
	card := Failure{Code: "card_declined", DeclineCode: "do_not_honor", Message: "The card was declined.", Category: FailureSoft, ProviderCode: "20005"}
	declined := func(f Failure) func(*Evidence) {
		return func(ev *Evidence) { ev.Outcome, ev.Failure = OutcomeDeclined, &f }
	}
	for name, c := range map[string]struct {
		news func(*Evidence)
		want Failure
	}{
		"nobody paid": {func(ev *Evidence) {
			ev.Outcome, ev.ProviderCode = OutcomeClosed, "40202"
			ev.Failure = &Failure{Code: "authentication_timeout", Message: "The authentication took too long.", Category: FailureSoft}
		}, Failure{Code: "processing_error", DeclineCode: "local_payment_expired", Category: FailureSoft, ProviderCode: "40202", Message: "The shopper did not pay in time. Nothing was charged."}},
		"declined":                {declined(card), Failure{Code: "payment_declined", DeclineCode: "do_not_honor", Category: FailureSoft, ProviderCode: "20005", Message: "The payment was declined by the bank or wallet. Please pay in another way."}},
		"declined without a word": {func(ev *Evidence) { ev.Outcome = OutcomeDeclined }, Failure{Code: "payment_declined", DeclineCode: "generic_decline", Category: FailureHard, Message: "The payment was declined by the bank or wallet. Please pay in another way."}},
		"no funds":                {declined(Failure{Code: "insufficient_funds", DeclineCode: "insufficient_funds", Message: "The card has none.", Category: FailureSoft}), Failure{Code: "insufficient_funds", DeclineCode: "insufficient_funds", Message: "There are insufficient funds to pay with.", Category: FailureSoft}},
		"a fault on the way":      {declined(Failure{Code: "processing_error", DeclineCode: "issuer_unavailable", Message: "The card's bank is away.", Category: FailureTechnical}), Failure{Code: "processing_error", DeclineCode: "issuer_unavailable", Message: "The payment could not be processed right now. Please try again later.", Category: FailureTechnical}},
		"a refused request":       {declined(Failure{Code: "processing_error", DeclineCode: "request_rejected", Message: "Please contact the shop.", Category: FailureConfiguration}), Failure{Code: "processing_error", DeclineCode: "request_rejected", Message: "Please contact the shop.", Category: FailureConfiguration}},
	} {
		f := newLocal(t)
		ev := f.news(SourceNotification, OutcomeDeclined)
		c.news(&ev)
		f.fold(ev)
		require.Equal(t, &c.want, f.payment.Failure, name)
	}
	f := newFolder(t)
	ev := f.news(SourceAnswer, OutcomeDeclined)
	ev.Failure = &card
	f.fold(ev)
	require.Equal(t, &card, f.payment.Failure, "a card's own words stay")
}

func TestLocal_TheProviderIsAskedWhenTheCodeHasEnded(t *testing.T) {
	t.Parallel()
	f := newLocal(t)
	require.Equal(t, sentAt.Add(3*time.Second), f.payment.NextCheckAt, "by the schedule")
	f.now = sentAt.Add(2 * time.Minute)
	f.tell(SourceQuery, OutcomeProcessing)
	require.Equal(t, sentAt.Add(21*time.Minute), f.payment.NextCheckAt)
	f.now = sentAt.Add(21 * time.Minute)
	f.says(SourceQuery, OutcomeActionRequired)
	require.Equal(t, sentAt.Add(time.Hour), f.payment.NextCheckAt, "by the schedule again")
	require.False(t, f.in(PaymentRequiresAction).payment.Display.IsZero(), "the provider alone ends it")

	late := newLocal(t)
	late.tell(SourceQuery, OutcomeClosed)
	late.now = sentAt.Add(time.Hour)
	require.Equal(t, VerdictLate, late.tell(SourceNotification, OutcomeSucceeded).verdict, "late money, as of a card")
	require.NotNil(t, late.last.owed, "which goes back, as the order has it")
}

func TestLocal_ACardIsNotShownACode(t *testing.T) {
	t.Parallel()
	f := newFolder(t)
	ev := f.news(SourceAnswer, OutcomeActionRequired)
	ev.Display = Display{Text: "pay here"}
	f.fold(ev)
	require.True(t, f.in(PaymentRequiresAction).payment.Display.IsZero())
	require.NotEmpty(t, f.payment.RedirectURL)

	alone := newFolder(t)
	ev.RedirectURL = ""
	alone.fold(ev)
	require.Equal(t, PaymentUnknown, alone.payment.Status, "there is nothing that the shopper could do")
}

func TestLocal_ALostAnswerLeavesNothingToDo(t *testing.T) {
	t.Parallel()
	f := newFolder(t)
	f.payment.Method = MethodLocal
	f.tell(SourceAnswer, OutcomeUnknown)
	ev := f.in(PaymentUnknown).news(SourceQuery, OutcomeActionRequired)
	ev.RedirectURL = ""
	require.Equal(t, VerdictSame, f.fold(ev).verdict)
	f.in(PaymentUnknown)
	require.Equal(t, StatusPending, f.order.Status, "the order takes no other payment until that is over")
	f.tell(SourceQuery, OutcomeClosed)
	require.Equal(t, "local_payment_expired", f.in(PaymentCanceled).payment.Failure.DeclineCode)
	require.Equal(t, StatusOpen, f.order.Status)
}
