package timeline

import (
	"fmt"
	"strings"

	"tillway/internal/orders"
)

// newsEntry tells a piece of evidence and what was made of it.
func newsEntry(h orders.History, n orders.HistoryNews) Entry {
	e := Entry{
		At: n.CreatedAt.Unix(), at: n.CreatedAt, rank: rankNews, Kind: string(n.Source), Actor: ActorProvider,
		Payment: idOrNil(n.Payment),
		Details: Details{
			Source: string(n.Source), Outcome: string(n.Outcome) + string(n.RefundOutcome) + string(n.DisputeOutcome), Verdict: string(n.Verdict),
			Refund: n.Refund.String(), Dispute: n.Dispute.String(),
			ProviderTransactionID: n.ProviderTransactionID, ProviderStatus: n.ProviderStatus, ProviderCode: n.ProviderCode,
		},
	}
	if !n.Amount.IsZero() {
		e.Details.Amount, e.Details.Currency = &n.Amount.Minor, n.Amount.Currency.Lower()
	}
	if n.Source == orders.SourceAnswer && (n.Outcome == orders.OutcomeUnknown || n.Outcome == orders.OutcomeNeverSent) {
		e.Actor = ActorTillway // nobody said anything
	}
	switch {
	case !n.Refund.IsZero():
		refundNews(&e, h, n)
	case !n.Dispute.IsZero():
		disputeNews(&e, h, n)
	default:
		e.Text = newsText(n, paymentOf(h, n.Payment))
	}
	return e
}

// newsText tells news of a payment, nil when that is too old to be in the history.
func newsText(n orders.HistoryNews, p *orders.PaymentHistory) string {
	number := 0
	if p != nil {
		number = p.Attempt
	}
	switch {
	case n.Source == orders.SourceAnswer && n.Outcome == orders.OutcomeNeverSent:
		return attempt(number) + " never left us: the provider could not be reached. Nothing was charged."
	case n.Source == orders.SourceAnswer && n.Outcome == orders.OutcomeUnknown:
		return fmt.Sprintf("No answer came for %s that could be relied on.", lower(attempt(number)))
	case n.Source == orders.SourceQuery && n.Outcome == orders.OutcomeUnknown:
		return fmt.Sprintf("The provider was asked about %s for as long as we ask by ourselves, and gave no answer to rely on.",
			lower(attempt(number)))
	case n.Verdict == orders.VerdictMismatch:
		return fmt.Sprintf("%s %s; it speaks of %s, so nothing changed and a person must look.",
			speaker(n.Source), outcomeWords(n.Outcome, p), mismatchWords(n, p))
	}
	return fmt.Sprintf("%s %s; %s.", speaker(n.Source), outcomeWords(n.Outcome, p), verdictWords(n))
}

// mismatchWords says what does not fit. The currency and the amount are judged first, then the transaction.
func mismatchWords(n orders.HistoryNews, p *orders.PaymentHistory) string {
	if n.Amount.IsZero() || (p != nil && n.Amount == p.Amount) {
		return "another transaction than ours"
	}
	if p == nil {
		return n.Amount.Display()
	}
	return n.Amount.Display() + " instead of " + p.Amount.Display()
}

func lower(text string) string { return strings.ToLower(text[:1]) + text[1:] }

func speaker(s orders.Source) string {
	switch s {
	case orders.SourceAnswer:
		return "The provider's answer said"
	case orders.SourceNotification:
		return "The provider's notification said"
	case orders.SourceQuery:
		return "Asked, the provider said"
	}
	return "It was said"
}

func outcomeWords(o orders.Outcome, p *orders.PaymentHistory) string {
	switch o {
	case orders.OutcomeSucceeded, orders.OutcomeAuthorized, orders.OutcomeDeclined, orders.OutcomeClosed, orders.OutcomeProcessing:
		return string(o)
	case orders.OutcomeReversed:
		return "that the money was taken back"
	case orders.OutcomeAttemptFailed:
		return "that an attempt was declined, and the shopper may try again"
	case orders.OutcomeActionRequired:
		switch {
		case p != nil && p.Method == orders.MethodHosted:
			return "that the shopper must pay on its page"
		case p != nil && p.Method == orders.MethodLocal:
			return "how the shopper can pay"
		}
		return "that the shopper must authenticate"
	case orders.OutcomeNotFound:
		return "that it knows no such payment"
	case orders.OutcomeNeverSent:
		return "that nothing was sent"
	case orders.OutcomeUnknown:
	}
	return "nothing that we understand"
}

func verdictWords(n orders.HistoryNews) string {
	if n.Outcome == orders.OutcomeAttemptFailed && n.Verdict == orders.VerdictSame {
		return "the payment goes on waiting"
	}
	if n.Verdict == orders.VerdictUnproven && n.Outcome != orders.OutcomeNotFound {
		if !n.Amount.IsZero() {
			return "it is being canceled, and the money may go back, so nothing changed"
		}
		return "it named no amount, so nothing changed"
	}
	return judged(n, "payment", settles(n.Outcome))
}

// judged says what was made of news about a subject; ends says that the news is of an end.
func judged(n orders.HistoryNews, subject string, ends bool) string {
	switch n.Verdict {
	case orders.VerdictMove:
		if n.Source.Authoritative() && ends {
			return "this settled the " + subject
		}
		return "the " + subject + " was moved accordingly"
	case orders.VerdictSame:
		if n.Source.Authoritative() && ends {
			return "this confirmed the " + subject
		}
		return "this we knew"
	case orders.VerdictStale:
		return "we knew better already, so nothing changed"
	case orders.VerdictLate:
		return "we had given the " + subject + " up by then, so it came late"
	case orders.VerdictConflict:
		return "this contradicts what we knew, so a person must look"
	case orders.VerdictMismatch:
		return "it speaks of something else than ours, so nothing changed and a person must look"
	case orders.VerdictUnproven:
		return "that counts only when it is said often and late enough, so nothing changed"
	}
	return "it was noted"
}

func settles(o orders.Outcome) bool {
	switch o {
	case orders.OutcomeSucceeded, orders.OutcomeAuthorized, orders.OutcomeDeclined, orders.OutcomeClosed, orders.OutcomeReversed,
		orders.OutcomeNotFound:
		return true
	case orders.OutcomeAttemptFailed, orders.OutcomeActionRequired, orders.OutcomeProcessing, orders.OutcomeUnknown,
		orders.OutcomeNeverSent:
	}
	return false
}
