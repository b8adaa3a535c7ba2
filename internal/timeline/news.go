package timeline

import (
	"fmt"
	"strings"

	"tillway/internal/orders"
)

// newsEntry tells a piece of evidence and what was made of it. The payment is nil when it is too old to be in the history.
func newsEntry(n orders.HistoryNews, p *orders.PaymentHistory) Entry {
	e := Entry{
		At: n.CreatedAt.Unix(), at: n.CreatedAt, rank: rankNews, Kind: string(n.Source), Actor: ActorProvider,
		Payment: idOrNil(n.Payment),
		Details: Details{
			Source: string(n.Source), Outcome: string(n.Outcome), Verdict: string(n.Verdict),
			ProviderTransactionID: n.ProviderTransactionID, ProviderStatus: n.ProviderStatus, ProviderCode: n.ProviderCode,
		},
	}
	if !n.Amount.IsZero() {
		e.Details.Amount, e.Details.Currency = &n.Amount.Minor, n.Amount.Currency.Lower()
	}
	if n.Source == orders.SourceAnswer && (n.Outcome == orders.OutcomeUnknown || n.Outcome == orders.OutcomeNeverSent) {
		e.Actor = ActorTillway // nobody said anything
	}
	e.Text = newsText(n, p)
	return e
}

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
			speaker(n.Source), outcomeWords(n.Outcome), mismatchWords(n, p))
	}
	return fmt.Sprintf("%s %s; %s.", speaker(n.Source), outcomeWords(n.Outcome), verdictWords(n))
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

func outcomeWords(o orders.Outcome) string {
	switch o {
	case orders.OutcomeSucceeded, orders.OutcomeAuthorized, orders.OutcomeDeclined, orders.OutcomeClosed, orders.OutcomeProcessing:
		return string(o)
	case orders.OutcomeActionRequired:
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
	switch n.Verdict {
	case orders.VerdictMove:
		if n.Source.Authoritative() && settles(n.Outcome) {
			return "this settled the payment"
		}
		return "the payment was moved accordingly"
	case orders.VerdictSame:
		if n.Source.Authoritative() && settles(n.Outcome) {
			return "this confirmed the payment"
		}
		return "this we knew"
	case orders.VerdictStale:
		return "we knew better already, so nothing changed"
	case orders.VerdictLate:
		return "we had given the payment up by then, so the money came late"
	case orders.VerdictConflict:
		return "this contradicts what we knew, so a person must look"
	case orders.VerdictMismatch:
		return "it speaks of something else"
	case orders.VerdictUnproven:
		if n.Outcome == orders.OutcomeNotFound {
			return "that counts only when it is said often and late enough, so nothing changed"
		}
		return "it named no amount, so nothing changed"
	}
	return "it was noted"
}

func settles(o orders.Outcome) bool {
	switch o {
	case orders.OutcomeSucceeded, orders.OutcomeAuthorized, orders.OutcomeDeclined, orders.OutcomeClosed, orders.OutcomeNotFound:
		return true
	case orders.OutcomeActionRequired, orders.OutcomeProcessing, orders.OutcomeUnknown, orders.OutcomeNeverSent:
	}
	return false
}

// discrepancyEntry tells that our record and the provider's differ.
func discrepancyEntry(d orders.Discrepancy) Entry {
	e := Entry{
		At: d.FirstSeen.Unix(), at: d.FirstSeen, rank: rankDiscrepancy, Kind: "discrepancy", Actor: ActorTillway,
		Payment: idOrNil(d.Payment),
		Details: Details{Status: string(d.Status), Discrepancy: d.ID.String(), Class: d.Class},
	}
	risk := ""
	if !d.AtRisk.IsZero() {
		e.Details.MoneyAtRisk, e.Details.Currency = &d.AtRisk.Minor, d.AtRisk.Currency.Lower()
		risk = fmt.Sprintf("At risk: %s.", d.AtRisk.Display())
	}
	e.Text = sentences(classWords(d.Class), risk, closedWords(d.Status))
	return e
}

func classWords(class string) string {
	switch class {
	case "amount":
		return "The provider speaks of another amount than ours."
	case "currency":
		return "The provider speaks of another currency than ours."
	case "status":
		return "The provider and our record disagree on how a payment ended."
	case "provider_transaction_id":
		return "The provider names another transaction than the one on record."
	case "surplus":
		return "A second payment took money for this order: it is surplus and has to go back."
	case "late_payment":
		return "Money arrived after its payment had been given up: somebody has to decide whether it stays."
	}
	return "Our record and the provider's differ (" + strings.ReplaceAll(class, "_", " ") + ")."
}

func closedWords(s orders.DiscrepancyStatus) string {
	switch s {
	case orders.DiscrepancyResolved:
		return "A person has closed this."
	case orders.DiscrepancyAutoResolved:
		return "This has resolved itself."
	case orders.DiscrepancyOpen:
	}
	return ""
}
