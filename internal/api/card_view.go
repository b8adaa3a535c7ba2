package api

import (
	"fmt"
	"strings"

	"tillway/internal/api/cardpage"
	"tillway/internal/cards"
	"tillway/internal/money"
	"tillway/internal/orders"
	"tillway/internal/subscriptions"
)

// formOf is the page that asks for a card: what is owed, or that it is only verified.
func formOf(visit subscriptions.Visit, form cardForm, alert string) cardpage.Page {
	sub := visit.Subscription
	due := money.New(visit.Due, sub.Amount.Currency).Display()
	page := cardpage.Page{
		State: cardpage.StateForm, Title: "Your new card", Alert: alert, Facts: factsOf(sub),
		Text: "Your subscription is charged to the card that you give here from now on.",
		Form: form.shown(),
	}
	page.Form.Agreed = visit.Keeps()
	if visit.Verifies {
		page.Form.Button = "Use this card"
		page.Form.Promise = "Nothing is owed now. We verify your card with " + due + " and give it back at once."
		return page
	}
	page.Facts = append(page.Facts, cardpage.Fact{Name: "To pay now", Value: due})
	page.Form.Button = "Pay " + due
	page.Form.Promise = due + " is charged at once, and the next payments when they are due."
	return page
}

// factsOf is what the customer recognizes a subscription by.
func factsOf(sub subscriptions.Subscription) []cardpage.Fact {
	var facts []cardpage.Fact
	if sub.Description != "" {
		facts = append(facts, cardpage.Fact{Name: "For", Value: sub.Description})
	}
	every := "every " + string(sub.Schedule.Interval)
	if n := sub.Schedule.Count; n > 1 {
		every = fmt.Sprintf("every %d %ss", n, sub.Schedule.Interval)
	}
	return append(facts,
		cardpage.Fact{Name: "Price", Value: sub.Amount.Display() + " " + every},
		cardpage.Fact{Name: "Card until now", Value: cardName(sub.Card)})
}

// cardName is what a person calls a card.
func cardName(card cards.Summary) string {
	brand := "Card"
	if card.Brand != "" && card.Brand != "unknown" {
		brand = strings.ToUpper(card.Brand[:1]) + card.Brand[1:]
	}
	return brand + " ending in " + card.Last4
}

const nothingCharged = " Nothing was charged."

// paymentView is the page about a payment that was begun.
func paymentView(p orders.Payment) cardpage.Page {
	switch p.Status {
	case orders.PaymentSucceeded, orders.PaymentAuthorized:
		return messageOf("Thank you", "Your new card, "+cardName(p.Card)+", is accepted. Your subscription is charged to it from now on. You can close this page.")
	case orders.PaymentFailed, orders.PaymentCanceled, orders.PaymentExpired:
		return messageOf("Your card was not accepted", failureOfPayment(p).Message+nothingCharged)
	case orders.PaymentRequiresAction:
		if p.RedirectURL != "" {
			page := messageOf("Your bank wants to hear from you", "Your new card waits until you confirm it at your bank.")
			page.Onward = &cardpage.Onward{URL: p.RedirectURL, Label: "Continue at your bank"}
			return page
		}
	case orders.PaymentProcessing, orders.PaymentUnknown:
	}
	return waiting()
}

func waiting() cardpage.Page {
	return cardpage.Page{
		State: cardpage.StateWaiting, Title: "Almost there",
		Text: "Your bank is looking at your card. This page looks again by itself; please do not give your card a second time.",
	}
}

func goneLink() cardpage.Page {
	return messageOf("This link does not work", "It was used before, or its time is over. Please ask the shop for another one.")
}

func tooLate() cardpage.Page {
	return messageOf("This subscription has ended",
		"It ended before your card was accepted, and your card is not charged for it any more. Please ask the shop if money was taken.")
}

func messageOf(title, text string) cardpage.Page {
	return cardpage.Page{State: cardpage.StateMessage, Title: title, Text: text}
}
