package timeline

import (
	"encoding/json"
	"fmt"
	"time"

	"tillway/internal/orders"
)

// disputeEntry tells an event of a dispute.
func disputeEntry(entry *Entry, e orders.HistoryEvent) {
	var d orders.DisputeResource
	if json.Unmarshal(e.Object, &d) != nil {
		return
	}
	entry.Actor, entry.Payment = ActorProvider, idOrNil(d.Payment)
	entry.Details = Details{
		Status: string(d.Status), Dispute: d.ID.String(), Amount: &d.Amount, Currency: d.Currency,
		ProviderTransactionID: d.ProviderDisputeID, ProviderStatus: orEmpty(d.ProviderStatus), Code: orEmpty(d.ReasonCode),
	}
	money := amount(d.Amount, d.Currency)
	if entry.Kind == "dispute.opened" {
		entry.Text = sentences(openedWords(d, money), because(d), due(d))
		return
	}
	entry.Text = sentences(disputeWords(d.Status, money), nextAppeal(d))
}

func openedWords(d orders.DisputeResource, money string) string {
	if d.Stage == orders.DisputePreDispute {
		return fmt.Sprintf("The shopper's bank warns that it may take %s back; a refund may avert it.", money)
	}
	return fmt.Sprintf("The shopper's bank has taken %s back (chargeback).", money)
}

// because is the reason that the bank gave.
func because(d orders.DisputeResource) string {
	reason, code := orEmpty(d.Reason), orEmpty(d.ReasonCode)
	switch {
	case reason == "" && code == "":
		return ""
	case code == "":
		return "Its reason: " + reason + "."
	case reason == "":
		return "Its reason: code " + code + "."
	}
	return fmt.Sprintf("Its reason: %s (code %s).", reason, code)
}

// due says until when somebody can object.
func due(d orders.DisputeResource) string {
	if d.EvidenceDueBy == nil || d.Status.Closed() {
		return ""
	}
	return "Evidence is due by " + clock(time.Unix(*d.EvidenceDueBy, 0)) + "."
}

func disputeWords(status orders.DisputeStatus, money string) string {
	switch status {
	case orders.DisputeWarning:
		return fmt.Sprintf("There is more to know about the warning of %s.", money)
	case orders.DisputeOpen:
		return fmt.Sprintf("There is more to know about the chargeback of %s.", money)
	case orders.DisputeUnderReview:
		return fmt.Sprintf("The chargeback of %s was objected to; the bank decides.", money)
	case orders.DisputeWon:
		return fmt.Sprintf("The dispute of %s is won: the money is back.", money)
	case orders.DisputeLost:
		return fmt.Sprintf("The dispute of %s is lost: the money is gone.", money)
	case orders.DisputeAccepted:
		return fmt.Sprintf("The chargeback of %s was accepted: the money is gone.", money)
	case orders.DisputeWithdrawn:
		return fmt.Sprintf("The bank has dropped the dispute of %s: the money is back.", money)
	}
	return fmt.Sprintf("The dispute of %s is %s.", money, status)
}

func nextAppeal(d orders.DisputeResource) string {
	if d.Stage == orders.DisputeFirstAppeal && (d.Status == orders.DisputeWon || d.Status == orders.DisputeLost) {
		return "The case may yet go on."
	}
	return ""
}

// disputeNews tells a piece of evidence about a dispute.
func disputeNews(entry *Entry, h orders.History, n orders.HistoryNews) {
	name := "the dispute"
	for _, d := range h.Disputes {
		if d.ID == n.Dispute {
			name = "the dispute of " + d.Amount.Display()
		}
	}
	entry.Text = fmt.Sprintf("%s %s; %s.", speaker(n.Source), outcomeOfDispute(n.DisputeOutcome, name), judgedDispute(n))
}

// judgedDispute says what was made of the news. Nothing of a dispute is settled for good by it, so it is told more plainly.
func judgedDispute(n orders.HistoryNews) string {
	switch n.Verdict {
	case orders.VerdictMismatch:
		return "it speaks of other money than we know, so nothing changed and the provider is asked"
	case orders.VerdictConflict:
		return "this contradicts what we knew, so nothing changed and the provider is asked"
	case orders.VerdictMove, orders.VerdictSame, orders.VerdictStale, orders.VerdictLate, orders.VerdictUnproven:
	}
	return judged(n, "dispute", false)
}

func outcomeOfDispute(o orders.DisputeOutcome, name string) string {
	switch o {
	case orders.DisputeOutcomeWarned:
		return "that money may be taken back"
	case orders.DisputeOutcomeNotFound:
		return "that it does not know " + name
	case orders.DisputeOutcomeUnknown:
		return "something of " + name + " that we do not understand"
	}
	switch o.Phase() {
	case orders.PhaseRaised:
		return "that money has been taken back"
	case orders.PhaseFirstAppeal, orders.PhaseSecondAppeal:
		return "that " + name + " is being decided"
	case orders.PhaseFirstAppealWon, orders.PhaseSecondAppealWon:
		return "that " + name + " is won"
	case orders.PhaseFirstAppealLost, orders.PhaseSecondAppealLost:
		return "that " + name + " is lost"
	case orders.PhaseAccepted:
		return "that " + name + " was accepted"
	case orders.PhaseWithdrawn:
		return "that " + name + " was dropped"
	}
	return "something of " + name
}

// disputeStep says what somebody can do about a dispute that is not decided.
func disputeStep(d orders.Dispute) (Step, bool) {
	name := "the " + d.Amount.Display() + " that the bank has taken back"
	switch {
	case d.Status == orders.DisputeOpen && !d.EvidenceDueBy.IsZero():
		at := d.EvidenceDueBy.Unix()
		return Step{At: &at, Text: fmt.Sprintf("Evidence for %s can be handed in at the provider until %s.", name, clock(d.EvidenceDueBy))}, true
	case d.Status == orders.DisputeOpen:
		return Step{Text: "Evidence for " + name + " can be handed in at the provider."}, true
	case d.Status == orders.DisputeUnderReview:
		return Step{Text: "The bank decides about the disputed " + d.Amount.Display() + ", within weeks."}, true
	}
	return Step{}, false
}
