package timeline

import (
	"encoding/json"
	"fmt"
	"strings"
	"time"

	"tillway/internal/orders"
)

// refundEntry tells an event of a refund.
func refundEntry(entry *Entry, e orders.HistoryEvent) {
	var r orders.RefundResource
	if json.Unmarshal(e.Object, &r) != nil {
		return
	}
	entry.Actor, entry.Payment = ActorProvider, idOrNil(r.Payment)
	entry.Details = Details{
		Status: string(r.Status), Refund: r.ID.String(), Amount: &r.Amount, Currency: r.Currency,
		ProviderTransactionID: orEmpty(r.ProviderTransactionID),
	}
	money, because := amount(r.Amount, r.Currency), ""
	if f := r.Failure; f != nil {
		because = f.Message
		entry.Details.Code, entry.Details.ProviderCode = f.Code, orEmpty(f.ProviderCode)
	}
	const given = "Its amount can be refunded again."
	switch _, what, _ := strings.Cut(entry.Kind, "."); what {
	case "created":
		entry.Actor, entry.Text = askedBy(r, money)
		if r.Origin == orders.RefundFromAPI { // any other refund follows from the news that is told with it
			entry.rank = rankBeginning
		}
	case "succeeded":
		entry.Text = fmt.Sprintf("The refund of %s succeeded: the money goes back to the shopper.", money)
	case "failed":
		entry.Text = sentences(fmt.Sprintf("The refund of %s failed.", money), because, given)
	case "rejected":
		if a := r.Approval; a != nil && a.Status == orders.RefundApprovalRejected {
			entry.Actor = ActorMerchant
			entry.Text = sentences(fmt.Sprintf("The refund of %s was rejected by %s and never sent.", money, orEmpty(a.DecidedBy)), given)
			break
		}
		entry.Text = sentences(fmt.Sprintf("The provider's staff rejected the refund of %s.", money), because, given)
	case "canceled":
		entry.Text = sentences(fmt.Sprintf("The refund of %s was withdrawn.", money), because, given)
	default:
		entry.Text = fmt.Sprintf("The refund of %s is %s.", money, strings.ReplaceAll(what, "_", " "))
	}
}

// askedBy says who wanted the refund, and why.
func askedBy(r orders.RefundResource, money string) (Actor, string) {
	switch r.Origin {
	case orders.RefundFromAPI:
		text := fmt.Sprintf("A refund of %s was asked for (%s).", money, strings.ReplaceAll(string(r.Reason), "_", " "))
		if r.Approval != nil {
			text += fmt.Sprintf(" It was %s who asked; another key has to approve it.", orEmpty(r.CreatedBy))
		}
		return ActorMerchant, text
	case orders.RefundFromLatePayment:
		return ActorTillway, fmt.Sprintf("%s goes back: it came late, and the order's policy is to refund such money.", money)
	case orders.RefundFromSurplus:
		return ActorTillway, fmt.Sprintf("%s goes back: the order needed none of it.", money)
	case orders.RefundFromPortal:
		return ActorMerchant, fmt.Sprintf("A refund of %s was made in the provider's portal.", money)
	}
	return ActorTillway, fmt.Sprintf("A refund of %s was asked for.", money)
}

// approvalEntry tells who approved a refund.
func approvalEntry(r orders.Refund) Entry {
	at := r.Approval.DecidedAt
	return Entry{
		At: at.Unix(), at: at, rank: rankBeginning, Kind: "approval", Actor: ActorMerchant, Payment: idOrNil(r.Payment),
		Text: fmt.Sprintf("The refund of %s was approved by %s.", r.Amount.Display(), r.Approval.DecidedBy),
		Details: Details{
			Status: string(r.Approval.Status), Refund: r.ID.String(), Amount: &r.Amount.Minor, Currency: r.Amount.Currency.Lower(),
		},
	}
}

// refundNews tells a piece of evidence about a refund.
func refundNews(entry *Entry, h orders.History, n orders.HistoryNews) {
	name := "the refund"
	for _, r := range h.Refunds {
		if r.ID == n.Refund {
			name = "the refund of " + r.Amount.Display()
		}
	}
	switch {
	case n.RefundOutcome == orders.RefundOutcomeNeverSent:
		entry.Actor, entry.Text = ActorTillway, upper(name)+" did not leave us: the provider could not be reached. It is sent again."
	case n.RefundOutcome == orders.RefundOutcomeUnknown && n.Source == orders.SourceAnswer:
		entry.Actor, entry.Text = ActorTillway, "No answer came about "+name+" that could be relied on."
	default:
		entry.Text = fmt.Sprintf("%s %s; %s.", speaker(n.Source), refundWords(n.RefundOutcome, name), judged(n, "refund", refundEnds(n.RefundOutcome)))
	}
}

func refundWords(o orders.RefundOutcome, name string) string {
	switch o {
	case orders.RefundOutcomeInReview:
		return "that " + name + " is in review"
	case orders.RefundOutcomeProcessing:
		return "that " + name + " is being carried out"
	case orders.RefundOutcomeSucceeded:
		return "that " + name + " succeeded"
	case orders.RefundOutcomeDeclined:
		return "that " + name + " failed"
	case orders.RefundOutcomeRejected:
		return "that " + name + " was rejected"
	case orders.RefundOutcomeWithdrawn:
		return "that " + name + " was withdrawn"
	case orders.RefundOutcomeNotFound:
		return "that it does not know " + name
	case orders.RefundOutcomeUnknown, orders.RefundOutcomeNeverSent:
	}
	return "nothing of " + name + " that we understand"
}

func refundEnds(o orders.RefundOutcome) bool {
	switch o {
	case orders.RefundOutcomeSucceeded, orders.RefundOutcomeDeclined, orders.RefundOutcomeRejected,
		orders.RefundOutcomeWithdrawn, orders.RefundOutcomeNotFound:
		return true
	case orders.RefundOutcomeInReview, orders.RefundOutcomeProcessing, orders.RefundOutcomeUnknown,
		orders.RefundOutcomeNeverSent:
	}
	return false
}

// refundStep says how an open or doubted refund goes on, and when the provider is asked once more about one that failed.
func refundStep(r orders.RefundHistory, doubted bool, now time.Time) (Step, bool) {
	if r.AwaitsApproval() {
		return Step{Text: fmt.Sprintf("The refund of %s waits for a decision by another key than %s.", r.Amount.Display(), r.CreatedBy)}, true
	}
	if len(r.NextChecks) == 0 {
		return Step{}, false
	}
	at := r.NextChecks[0].Unix()
	name, why := "the refund of "+r.Amount.Display(), ""
	switch r.Status {
	case orders.RefundPending:
		if r.SentAt.IsZero() {
			return Step{At: &at, Text: upper(name) + " waits to be sent to the provider."}, true
		}
		why = upper(name) + " is on its way."
	case orders.RefundInReview:
		why = upper(name) + " is in review: the provider's staff decides within hours or days."
	case orders.RefundUnknown:
		why = "Whether the provider has taken on " + name + " is not known."
	case orders.RefundSucceeded:
		why = "What the provider says of " + name + " has to be cleared up."
	case orders.RefundFailed, orders.RefundRejected, orders.RefundCanceled:
		why = ended(name, doubted)
	}
	return Step{At: &at, Text: sentences(why, asked(r.NextChecks, now))}, true
}

func upper(text string) string { return strings.ToUpper(text[:1]) + text[1:] }
