package gateway

import (
	"strings"

	"tillway/internal/orders"
)

// knownIntent tells whether the contract lists an intent's status (§6); a message without one says nothing wrong.
func knownIntent(paymentStatus string) bool {
	return paymentStatus == "" || (len(paymentStatus) == 1 && strings.Contains("SAUPROIN", paymentStatus))
}

// combine is the outcome of a transaction together with the status of the intent around it. The intent wins (§8.12, §16),
// but never into saying that money did or did not move against the final word of the transaction itself: such a pair is
// unknown, and asked about again.
//
//	intent \ transaction   succeeded  authorized  declined   closed     processing action     unknown, none
//	"" (no intent)         succeeded  authorized  declined   closed     processing action     unknown
//	S paid                 succeeded  succeeded   unknown    unknown    succeeded  succeeded  succeeded
//	A authorized           authorized authorized  unknown    unknown    authorized authorized authorized
//	N closed               unknown    closed      declined   closed     closed     closed     closed
//	O attempt failed       unknown    unknown     attempt    closed     unknown    unknown    unknown
//	U, P, I still open     processing processing  processing processing processing action     processing
//	R action required      processing processing  processing processing action     action     action
//	anything else          unknown    unknown     unknown    unknown    unknown    unknown    unknown
func combine(transaction orders.Outcome, paymentStatus string) orders.Outcome {
	paid := transaction == orders.OutcomeSucceeded || transaction == orders.OutcomeAuthorized
	ended := transaction == orders.OutcomeDeclined || transaction == orders.OutcomeClosed
	switch {
	case paymentStatus == "":
		return transaction
	case paymentStatus == "S" && !ended:
		return orders.OutcomeSucceeded
	case paymentStatus == "A" && !ended:
		return orders.OutcomeAuthorized
	case paymentStatus == "O" && transaction == orders.OutcomeDeclined:
		return orders.OutcomeAttemptFailed // and the payment around it is open (§10.6)
	case paymentStatus == "N" && transaction == orders.OutcomeDeclined, paymentStatus == "O" && ended:
		return transaction // says the same, and why
	case paymentStatus == "N" && transaction != orders.OutcomeSucceeded:
		return orders.OutcomeClosed
	case paymentStatus == "R" && !paid && !ended:
		return orders.OutcomeActionRequired
	case stillOpen(paymentStatus) && transaction == orders.OutcomeActionRequired:
		return transaction
	case stillOpen(paymentStatus):
		return orders.OutcomeProcessing
	default:
		return orders.OutcomeUnknown
	}
}

func stillOpen(paymentStatus string) bool {
	return len(paymentStatus) == 1 && strings.Contains("UPIR", paymentStatus)
}
