package sandbox

import "time"

// plan is what will happen to one call. The zero plan, answered with 200, is the provider on a good day.
type plan struct {
	// path is the endpoint that was called.
	path string

	// refuseWith is an HTTP status given before anything is read further; nothing is charged.
	refuseWith int
	// refuseBy breaks the connection before anything is charged.
	refuseBy delivery

	outcome     *outcome    // in place of what the card and the amount would bring
	settle      *settlement // what becomes of the transaction later
	declineForm DeclineForm
	hidden      time.Duration // how long queries do not see the transaction
	queriesDown time.Duration // how long queries that name the transaction fail

	// Of refunds and cancellations.
	holdReview, rejectReview  bool
	rowWithoutID, cancelFails bool

	// Of captures: they come before outcome and settle, which voids and everything else have.
	capture  *outcome
	captured *settlement

	notify notifyPlan

	delay      time.Duration // before the answer, after the effect
	answerWith int           // HTTP status of the answer; above 299 the body is an error page
	answerBy   delivery
	spoil      spoiling
	showStatus string // in the answer only, in place of the true status
}

// destinyOf is what a transaction will turn out to be that is answered as processing; nil for nothing.
func destinyOf(later *settlement) *outcome {
	if later == nil {
		return nil
	}
	return &later.outcome
}

// outcomeOf is what an authPayment of that type comes to; nil for success.
func (p plan) outcomeOf(txnType string) *outcome {
	if txnType == txnCapture && p.capture != nil {
		return p.capture
	}
	return p.outcome
}

// settlementOf is what becomes of an authPayment of that type later; nil for nothing.
func (p plan) settlementOf(txnType string) *settlement {
	if txnType == txnCapture && p.capture != nil {
		return p.captured
	}
	return p.settle
}

// refuses tells whether the call ends without having had any effect.
func (p plan) refuses() bool { return p.refuseBy != deliverWhole || p.refuseWith != 0 }

// delivery is how an answer reaches the client, or does not.
type delivery int

const (
	deliverWhole   delivery = iota
	deliverNothing          // the connection is closed in an orderly way
	deliverReset            // the connection is reset
	deliverPart             // half of the answer, then a reset
	deliverNever            // the connection stays open, silent, until the client gives up
)

// spoiling is what is wrong with an answer that arrives.
type spoiling int

const (
	spoilNothing spoiling = iota
	spoilSignature
	spoilSignatureAway
	spoilJSON
)

// outcome is where a transaction stands.
type outcome struct {
	status status
	reason reason
	eci    string
}

// settlement is a change that comes later by itself. force changes even a final status.
type settlement struct {
	outcome outcome
	after   time.Duration
	force   bool
}

// notifyPlan is how the merchant hears of a final status. The zero value is one notification after the answer.
type notifyPlan struct {
	when   notifyWhen
	copies int // besides the first, at the same moment
	delay  time.Duration
	forged bool // one that nobody signed goes ahead, saying the opposite
	stale  bool // one with an earlier status follows behind
}

// or is the plan, or the other one where nothing is planned.
func (p notifyPlan) or(other notifyPlan) notifyPlan {
	if p == (notifyPlan{}) {
		return other
	}
	return p
}

type notifyWhen int

const (
	notifyAfterAnswer notifyWhen = iota
	notifyBeforeAnswer
	notifyNever
)
