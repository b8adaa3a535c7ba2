package sandbox

import (
	"slices"
	"time"
)

const (
	pathSale     = "/v1/txn/doTransaction"
	pathCheckout = "/txn/payment"
	pathList     = "/v1/txn/list"
	pathPayments = "/v1/txn/queryPayments"
	pathRefund   = "/v1/txn/onlineRefund"
	pathCancel   = "/v1/txn/cancelTxn"
	pathAuth     = "/v1/txn/authPayment"
	pathSubEnd   = "/v1/txn/sub/cancel"
	pathSubShow  = "/v1/txn/sub/detail"
	pathBilling  = "managed_renewal" // no address: what the provider charges by itself, for faults to strike
	pathDisputes = "/v1/chargeback/list"
	pathBind     = "/v1/txn/bindCard"
	pathTokens   = "/v1/txn/queryTokenList" //nolint:gosec // an address, no secret
)

func salePaths() []string  { return []string{pathSale} }
func queryPaths() []string { return []string{pathList, pathPayments} }
func allPaths() []string {
	return []string{pathSale, pathCheckout, pathAuth, pathRefund, pathCancel, pathList, pathPayments, pathBind, pathTokens, pathSubEnd, pathSubShow}
}

// faultCatalog is every fault that can be had, in the order the page shows them.
func faultCatalog() []faultSpec {
	return slices.Concat(
		answerFaults(), outcomeFaults(), notificationFaults(), queryFaults(), refundFaults(), captureFaults(),
	)
}

// answerFaults are about what the caller gets to see of a call.
func answerFaults() []faultSpec {
	sale := salePaths()
	return []faultSpec{
		{
			"lose_answer", "charges, then closes the connection without an answer", "4000009900000103", sale, 0,
			func(p *plan, _ Fault, _ time.Duration) { p.answerBy = deliverNothing },
		},
		{
			"hang", "charges, then stays silent until the client gives up", "4000009900000111", sale, 0,
			func(p *plan, _ Fault, _ time.Duration) { p.answerBy = deliverNever },
		},
		{
			"reset_before_answer", "charges, then resets the connection", "4000009900000129", sale, 0,
			func(p *plan, _ Fault, _ time.Duration) { p.answerBy = deliverReset },
		},
		{
			"cut_answer", "charges, then resets the connection half way through the answer", "4000009900000137", sale, 0,
			func(p *plan, _ Fault, _ time.Duration) { p.answerBy = deliverPart },
		},
		{
			"refuse_connection", "resets the connection; nothing is charged", "4000009900000145", sale, 0,
			func(p *plan, _ Fault, _ time.Duration) { p.refuseBy = deliverReset },
		},
		{
			"http_500", "answers 500; nothing is charged", "4000009900000152", sale, 0,
			func(p *plan, _ Fault, _ time.Duration) { p.refuseWith = 500 },
		},
		{
			"http_502_after_charge", "charges, then answers 502", "4000009900000160", sale, 0,
			func(p *plan, _ Fault, _ time.Duration) { p.answerWith = 502 },
		},
		{
			"rate_limited", "answers 429; nothing is charged", "4000009900000178", allPaths(), 0,
			func(p *plan, _ Fault, _ time.Duration) { p.refuseWith = 429 },
		},
		{
			"slow", "charges, then takes delay_ms (3000) to answer", "4000009900000186", sale, 3 * time.Second,
			func(p *plan, _ Fault, d time.Duration) { p.delay += d },
		},
		{
			"bad_signature", "charges, then answers with a signature of someone else", "4000009900000194", sale, 0,
			func(p *plan, _ Fault, _ time.Duration) { p.spoil = spoilSignature },
		},
		{
			"missing_signature", "charges, then answers unsigned", "4000009900000202", sale, 0,
			func(p *plan, _ Fault, _ time.Duration) { p.spoil = spoilSignatureAway },
		},
		{
			"malformed_json", "charges, then answers with half of the JSON", "4000009900000210", sale, 0,
			func(p *plan, _ Fault, _ time.Duration) { p.spoil = spoilJSON },
		},
		{
			"unmapped_status", "charges, then answers with status X", "4000009900000228", sale, 0,
			func(p *plan, _ Fault, _ time.Duration) { p.showStatus = "X" },
		},
	}
}

// outcomeFaults are about what becomes of the money.
func outcomeFaults() []faultSpec {
	sale := salePaths()
	paid := outcome{status: statusSuccess, reason: success()}
	return []faultSpec{
		{
			"processing", "answers P; success with its notification after delay_ms (2000)", "4000009900000236", sale, settleDelay,
			func(p *plan, _ Fault, d time.Duration) {
				p.outcome = &outcome{status: statusProcessing}
				p.settle = &settlement{outcome: paid, after: d}
			},
		},
		{
			"late_success", "declines; after delay_ms (2000) it turns out to have succeeded", "4000009900000244", sale, settleDelay,
			func(p *plan, _ Fault, d time.Duration) {
				p.outcome = &outcome{status: statusFailed, reason: reason{"70002", "Unknown decline"}}
				p.settle = &settlement{outcome: paid, after: d, force: true}
			},
		},
		{
			"decline_by_status", "tells a decline as respCode 20000 with status F", "", sale, 0,
			func(p *plan, _ Fault, _ time.Duration) { p.declineForm = DeclineByStatus },
		},
		{
			"force", "books status (F) with code and message, whatever the card", "", sale, 0,
			func(p *plan, f Fault, _ time.Duration) { p.outcome = forced(f) },
		},
	}
}

// notificationFaults are about how the merchant hears of it afterwards.
func notificationFaults() []faultSpec {
	sale := salePaths()
	return []faultSpec{
		{
			"notify_before_answer", "delivers the notification before the answer", "4000009900000251", sale, 0,
			func(p *plan, _ Fault, _ time.Duration) { p.notify.when = notifyBeforeAnswer },
		},
		{
			"duplicate_notification", "delivers the notification copies (2) times at once", "4000009900000269", sale, 0,
			func(p *plan, f Fault, _ time.Duration) { p.notify.copies = max(f.Copies, 2) - 1 },
		},
		{
			"no_notification", "never notifies", "4000009900000277", sale, 0,
			func(p *plan, _ Fault, _ time.Duration) { p.notify.when = notifyNever },
		},
		{
			"late_notification", "notifies delay_ms (10000) after the status is final", "4000009900000285", sale, 10 * time.Second,
			func(p *plan, _ Fault, d time.Duration) { p.notify.delay = d },
		},
		{
			"out_of_order", "a notification with status P follows the final one", "4000009900000293", sale, 0,
			func(p *plan, _ Fault, _ time.Duration) { p.notify.stale = true },
		},
		{
			"forged_notification", "a forged notification with the opposite status arrives first", "4000009900000301", sale, 0,
			func(p *plan, _ Fault, _ time.Duration) { p.notify.forged = true },
		},
	}
}

// queryFaults are about what a merchant who asks is told.
func queryFaults() []faultSpec {
	sale := salePaths()
	return []faultSpec{
		{
			"query_lag", "charges; queries do not see the transaction for delay_ms (5000)", "4000009900000319", sale, 5 * time.Second,
			func(p *plan, _ Fault, d time.Duration) { p.hidden = d },
		},
		{
			"query_down", "queries answer 503; with a card or on a call that charges, those by its ids for delay_ms (5000)",
			"4000009900000327", queryPaths(), 5 * time.Second,
			func(p *plan, _ Fault, d time.Duration) {
				if slices.Contains(queryPaths(), p.path) {
					p.refuseWith = 503
					return
				}
				p.queriesDown = d
			},
		},
	}
}

// refundFaults are about refunds and cancellations. Every other fault can be moved to them by its path.
func refundFaults() []faultSpec {
	refund, cancel := []string{pathRefund}, []string{pathCancel}
	return []faultSpec{
		{
			"refund_held", "the refund waits for a person to review it", "", refund, 0,
			func(p *plan, _ Fault, _ time.Duration) { p.holdReview = true },
		},
		{
			"refund_rejected", "the review turns the refund down", "", refund, 0,
			func(p *plan, _ Fault, _ time.Duration) { p.rejectReview = true },
		},
		{
			"refund_fails", "the refund passes its review and fails at the bank", "", refund, 0,
			func(p *plan, _ Fault, _ time.Duration) {
				p.outcome = &outcome{status: statusFailed, reason: reason{"70002", "Refund declined by the bank"}}
			},
		},
		{
			"refund_row_without_id", "queries show the refund without its merchantTxnId", "", refund, 0,
			func(p *plan, _ Fault, _ time.Duration) { p.rowWithoutID = true },
		},
		{
			"cancel_fails", "the cancellation fails, the transaction goes on", "", cancel, 0,
			func(p *plan, _ Fault, _ time.Duration) { p.cancelFails = true },
		},
	}
}

// captureFaults are about captures alone: ordered with a payment's metadata, they leave its authorization and its void as
// they are. Every other fault can be moved to both by its path.
func captureFaults() []faultSpec {
	auth := []string{pathAuth}
	return []faultSpec{
		{
			"capture_fails", "the capture is declined, 70002; the authorization stands", "", auth, 0,
			func(p *plan, _ Fault, _ time.Duration) {
				p.capture = &outcome{status: statusFailed, reason: reason{"70002", "Capture declined by the bank"}}
			},
		},
		{
			"capture_processing", "the capture is answered P; success with its notification after delay_ms (2000)", "", auth, settleDelay,
			func(p *plan, _ Fault, d time.Duration) {
				p.capture = &outcome{status: statusProcessing}
				p.captured = &settlement{outcome: outcome{status: statusSuccess, reason: success()}, after: d}
			},
		},
	}
}

// forced is the outcome that a force fault asks for.
func forced(f Fault) *outcome {
	o := outcome{
		status: status(orElse(f.Status, string(statusFailed))),
		reason: reason{orElse(f.Code, "70002"), orElse(f.Message, "Forced by the sandbox")},
	}
	if o.status == statusSuccess {
		o.reason = success()
	}
	return &o
}
