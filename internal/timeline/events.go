package timeline

import (
	"encoding/json"
	"fmt"
	"strings"

	"tillway/internal/ids"
	"tillway/internal/orders"
)

// eventEntry tells an event from the resource that it carries.
func eventEntry(h orders.History, e orders.HistoryEvent) Entry {
	entry := Entry{
		At: e.CreatedAt.Unix(), rank: rankEvent, Kind: e.Type, Actor: ActorTillway, Event: idOrNil(e.ID),
		Text: strings.ReplaceAll(strings.ReplaceAll(e.Type, ".", " "), "_", " ") + ".",
	}
	object, _, _ := strings.Cut(e.Type, ".")
	switch object {
	case "payment":
		var p orders.PaymentResource
		if json.Unmarshal(e.Object, &p) == nil {
			paymentEntry(&entry, h, e, p)
		}
	case "order":
		var o orders.OrderResource
		if json.Unmarshal(e.Object, &o) == nil {
			orderEntry(&entry, o)
		}
	case "refund":
		refundEntry(&entry, e)
	case "dispute":
		disputeEntry(&entry, e)
	case "reconciliation":
		discrepancyEntry(&entry, e)
	}
	return entry
}

func paymentEntry(entry *Entry, h orders.History, e orders.HistoryEvent, p orders.PaymentResource) {
	entry.Payment, entry.Actor = idOrNil(p.ID), ActorProvider
	entry.Details = Details{
		Status: string(p.Status), Amount: &p.Amount, Currency: p.Currency,
		ProviderTransactionID: orEmpty(p.ProviderTransactionID),
	}
	name, money := attempt(p.Attempt), amount(p.Amount, p.Currency)
	if entry.Kind == "payment.authorization_expiring" {
		entry.Actor = ActorTillway
		entry.Text = fmt.Sprintf("%s is not captured yet: its authorization, which holds %s, lapses soon.", name, money)
		return
	}
	switch p.Status {
	case orders.PaymentProcessing:
		if byShopper, begins := beginning(h, e, p.ID); begins {
			entry.Actor, entry.rank = ActorMerchant, rankBeginning
			if byShopper {
				entry.Actor = ActorShopper
			}
			entry.Text = fmt.Sprintf("%s: %s by %s goes to the provider.", name, money, method(p.PaymentMethodDetails))
			return
		}
		entry.Text = fmt.Sprintf("%s is being worked on at the provider; its outcome is not known yet.", name)
	case orders.PaymentRequiresAction:
		entry.Text = fmt.Sprintf("%s waits for the shopper, who must %s.", name, shoppersTask(p))
	case orders.PaymentUnknown:
		entry.Actor = ActorTillway
		entry.Text = fmt.Sprintf("The outcome of %s is not known: the money may have moved or not. "+
			"The order takes no other payment until this is settled.", lower(name))
	case orders.PaymentAuthorized:
		entry.Text = sentences(fmt.Sprintf("%s is authorized: the bank holds %s.", name, money), unconfirmed(p.Confirmed), surplus(p.Surplus))
	case orders.PaymentSucceeded:
		entry.Text = sentences(fmt.Sprintf("%s succeeded: %s.", name, takenOf(p)), unconfirmed(p.Confirmed), surplus(p.Surplus))
	case orders.PaymentFailed:
		entry.Text = sentences(name+" failed.", failureWords(entry, p.Failure, p.PaymentMethodDetails.Type))
	case orders.PaymentCanceled:
		entry.Text = name + " was closed by the provider without charging the card."
		if p.PaymentMethodDetails.Type == orders.MethodLocal {
			entry.Text = name + " was closed by the provider. Nothing was charged."
		}
		if f := p.Failure; f != nil && (p.CaptureMethod == orders.CaptureManual || orEmpty(f.DeclineCode) == orders.DeclineReversed) {
			entry.Text = sentences(name+" is canceled.", failureWords(entry, p.Failure, p.PaymentMethodDetails.Type))
		}
	case orders.PaymentExpired:
		entry.Text = name + " expired: the shopper did not authenticate in time. Nothing was charged."
		switch p.PaymentMethodDetails.Type {
		case orders.MethodHosted:
			entry.Text = name + " expired: the shopper did not pay on the provider's page in time. Nothing was charged."
		case orders.MethodLocal:
			entry.Text = name + " expired: the shopper did not pay in time. Nothing was charged."
		case orders.MethodCard:
		}
	}
}

// shoppersTask is what a payment that waits for the shopper waits for.
func shoppersTask(p orders.PaymentResource) string {
	switch p.PaymentMethodDetails.Type {
	case orders.MethodHosted:
		return "pay on the provider's checkout page"
	case orders.MethodLocal:
		return localTask(p)
	case orders.MethodCard:
	}
	return "authenticate with the bank (3D Secure)"
}

// localTask says how a local payment method asks for the money.
func localTask(p orders.PaymentResource) string {
	name, action := method(p.PaymentMethodDetails), ""
	if p.NextAction != nil {
		action = p.NextAction.Type
	}
	switch action {
	case "display_qr_code":
		return "scan the code that was handed out, and pay with " + name
	case "display_instructions":
		return "follow the instructions that were handed out, and pay with " + name
	}
	return "pay with " + name + " on the page of the bank or wallet"
}

// cancellationEntry tells that the provider was asked to cancel a payment.
func cancellationEntry(p orders.PaymentHistory) Entry {
	return Entry{
		At: p.CancelAskedAt.Unix(), at: p.CancelAskedAt, rank: rankBeginning, Kind: "cancellation", Actor: ActorMerchant, Payment: idOrNil(p.ID),
		Text: fmt.Sprintf("%s is to be canceled: the provider is asked to find out what became of it, and to give back what it took.",
			attempt(p.Attempt)),
		Details: Details{Status: string(p.Status), Amount: &p.Amount.Minor, Currency: p.Amount.Currency.Lower()},
	}
}

// beginning tells an attempt's first event, which is written with its row, from a return to processing.
func beginning(h orders.History, e orders.HistoryEvent, id ids.Payment) (byShopper, begins bool) {
	if p := paymentOf(h, id); p != nil {
		return p.ByShopper, p.CreatedAt.Equal(e.CreatedAt)
	}
	return false, true // too old to be in the history, and far more often begun than resumed
}

// takenOf says how much a payment took: all, or a part of what it held.
func takenOf(p orders.PaymentResource) string {
	if p.AmountCaptured >= p.Amount {
		return amount(p.Amount, p.Currency) + " was taken"
	}
	return fmt.Sprintf("%s of %s was taken, the rest of the authorization is released", amount(p.AmountCaptured, p.Currency), amount(p.Amount, p.Currency))
}

func unconfirmed(confirmed bool) string {
	if confirmed {
		return ""
	}
	return "The provider has yet to confirm it by itself."
}

func surplus(is bool) string {
	if !is {
		return ""
	}
	return "The order was not waiting for it: the money is surplus and does not count as paid."
}

// failureWords explains a failure and whether another attempt can help.
func failureWords(entry *Entry, f *orders.FailureDetails, paidWith orders.MethodType) string {
	if f == nil {
		return ""
	}
	entry.Details.Code, entry.Details.ProviderCode = f.Code, orEmpty(f.ProviderCode)
	entry.Details.DeclineCode = orEmpty(f.DeclineCode)
	advice := ""
	switch f.Category {
	case orders.FailureSoft, orders.FailureHard, orders.FailureTechnical:
		advice = adviceOf(f.Category, paidWith)
	case orders.FailureConfiguration:
		advice = "The provider refused the request itself: the merchant's set-up has to be mended first."
	}
	return sentences(f.Message, advice)
}

// adviceOf says what may work after a failure that was none of the merchant's.
func adviceOf(category orders.FailureCategory, paidWith orders.MethodType) string {
	if paidWith == orders.MethodLocal {
		return "Another attempt, or another way to pay, may work."
	}
	switch category {
	case orders.FailureSoft:
		return "The same card may work later; another one may work now."
	case orders.FailureHard:
		return "This card will not work; another one may."
	case orders.FailureTechnical, orders.FailureConfiguration:
	}
	return "Nothing was decided about the card; another attempt may work."
}

func orderEntry(entry *Entry, o orders.OrderResource) {
	owed := amount(o.Amount, o.Currency)
	entry.Details = Details{Status: string(o.Status), Amount: &o.Amount, Currency: o.Currency}
	switch entry.Kind {
	case "order.created":
		entry.Actor, entry.rank = ActorMerchant, rankBeginning
		entry.Text = fmt.Sprintf("The order was created: %s.", owed)
	case "order.paid":
		paid := "The order is paid: " + owed + "."
		if o.AmountPaid < o.Amount {
			paid = fmt.Sprintf("The order is paid with %s of %s.", amount(o.AmountPaid, o.Currency), owed)
		}
		entry.Text = sentences(paid, unconfirmed(o.Confirmed == nil || *o.Confirmed))
	case "order.authorized":
		entry.Text = fmt.Sprintf("The order is authorized: %s is held for it.", owed)
	case "order.canceled":
		entry.Actor = ActorMerchant
		entry.Text = "The order was canceled."
	case "order.expired":
		entry.Text = "The order expired without having been paid."
	case "order.refunded":
		entry.Text = fmt.Sprintf("All of %s has been refunded.", amount(o.AmountPaid, o.Currency))
	case "order.partially_refunded":
		entry.Text = fmt.Sprintf("%s of %s has been refunded.", amount(o.AmountRefunded, o.Currency), amount(o.AmountPaid, o.Currency))
	case "order.needs_review":
		entry.Text = "A person must look at the order."
	}
}

func orEmpty(text *string) string {
	if text == nil {
		return ""
	}
	return *text
}
