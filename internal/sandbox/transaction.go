package sandbox

import (
	"time"
)

// status is the provider's TxnStatusEnum.
type status string

const (
	statusSuccess    status = "S"
	statusFailed     status = "F"
	statusProcessing status = "P"
	statusAction     status = "R"
	statusClosed     status = "N"
	statusAwaiting   status = "U" // a checkout session whose page nobody has paid on
	statusReview     status = "I" // a refund that waits for review, a cancellation that was asked for
)

func (s status) final() bool {
	return s == statusSuccess || s == statusFailed || s == statusClosed
}

// transaction is one row of the provider's books. The ledger owns it; everything else works on copies.
type transaction struct {
	saleRequest

	id         string
	paymentID  string
	merchantNo string
	status     status
	reason     reason
	eci        string
	// redirectURL leads to the 3DS page of a transaction that needs one, or to where a person pays by a local method.
	redirectURL string
	createdAt   time.Time
	changedAt   time.Time
	// listedFrom is when queries begin to see the transaction.
	listedFrom time.Time
	// downUntil is until when queries by its ids are answered 503.
	downUntil time.Time
	notify    notifyPlan
	// refund is set on refunds only; rejected on those that the review turned down.
	refund   *refundFacts
	rejected bool
	// ending is set on captures and voids only. hold is how the hold stands that the transaction is about, as far as a query
	// asked the ledger (seen); holdsFor is how long an authorization's lasts.
	ending   *endingFacts
	hold     holdState
	holdsFor time.Duration
	// checkout is set on the transactions of a checkout session, and shared by them.
	checkout *checkoutFacts
	// state is how the contract of a subscription's charge stood when its status came to be.
	state contractState
	// destiny is what a transaction that is processing will turn out to be; nil where nothing is to come of it.
	destiny *outcome
	// canceling is set from cancelTxn to its end; canceled is that end, told by CANCEL in place of TXN.
	canceling bool
	canceled  status
	// calls is how often a transaction was asked for with this merchantTxnId.
	calls int
	// firstAnswer is replayed to a duplicate when the sandbox is set so.
	firstAnswer []byte
}

// paymentStatus is the status of the payment intent around the transaction (Onerway contract §6).
func (t transaction) paymentStatus() string {
	switch {
	case t.authorized(), t.ending != nil && t.status == statusFailed:
		return t.hold.letter()
	case t.status == statusSuccess && t.txnType == txnVoid:
		return string(statusClosed)
	case t.status == statusFailed:
		return "O"
	default:
		return string(t.status)
	}
}

// originID is the transaction that a refund, capture or void is about; empty for the others.
func (t transaction) originID() string {
	switch {
	case t.refund != nil:
		return t.refund.originID
	case t.ending != nil:
		return t.ending.originID
	default:
		return ""
	}
}

func (t transaction) amountText() string { return formatAmount(t.amount, t.currency) }

// answer is the data object of doTransaction: every member of the documented table, in the order of its example.
func (t transaction) answer(sim SimOptions) object {
	contractID, tokenID := t.contractMembers()
	page, code, voucher, action := t.askedFor()
	data := object{
		{"transactionId", t.id},
		{"responseTime", wireTimeOf(t.changedAt)},
		{"txnTime", wireTimeOf(t.createdAt)},
		{"txnTimeZone", wireZone},
		{"orderAmount", t.amountText()},
		{"orderCurrency", t.currency},
		{"txnAmount", nil},
		{"txnCurrency", nil},
		{"status", string(t.status)},
		{"redirectUrl", page},
		{"contractId", contractID},
		{"tokenId", tokenID},
		{"eci", text(t.eci)},
		{"periodValue", nil},
		{"codeForm", code},
		{"presentContext", voucher},
		{"actionType", action},
		{"subscriptionManageUrl", nil},
	}
	data = append(data, t.intentMembers(sim)...)
	return append(data, field{"sign", nil})
}

// intentMembers are what merchants of the payment-intent model get besides; null for the others.
func (t transaction) intentMembers(sim SimOptions) object {
	if !sim.PaymentIntents {
		return object{{"paymentId", nil}, {"paymentStatus", nil}}
	}
	return object{{"paymentId", t.paymentID}, {"paymentStatus", t.paymentStatus()}}
}

// row is the transaction as /v1/txn/list shows it.
func (t transaction) row(sim SimOptions) object {
	var why, txnAmount, txnCurrency, rate any
	if t.status.final() {
		why = t.reason.json()
	}
	if t.status == statusSuccess {
		txnAmount, txnCurrency, rate = t.amountText(), t.currency, "1"
	}
	merchantTxnID := text(t.merchantTxnID)
	if t.refund != nil && t.refund.rowWithoutID {
		merchantTxnID = nil
	}
	return object{
		{"transactionId", t.id},
		{"merchantTxnId", merchantTxnID},
		{"txnTime", wireTimeOf(t.createdAt)},
		{"originTransactionId", text(t.originID())},
		{"productType", t.productType},
		{"subProductType", t.subProductType},
		{"txnType", t.txnType},
		{"status", string(t.status)},
		{"userPaymentStatus", nil},
		{"cardType", text(t.card.brand)},
		{"paymentMethod", text(t.methodName())},
		{"orderAmount", t.amountText()},
		{"settleRate", rate},
		{"orderCurrency", t.currency},
		{"txnAmount", txnAmount},
		{"txnCurrency", txnCurrency},
		{"customsDeclarationAmount", nil},
		{"customsDeclarationCurrency", nil},
		{"arn", nil},
		{"appId", t.appID},
		{"website", text(originOf(t.returnURL))},
		{"cardBinCountry", t.card.country()},
		{"cardNumber", text(t.card.masked())},
		{"walletTypeName", nil},
		{"reason", why},
		{"holderName", text(t.card.holder)},
		{"eci", text(t.eci)},
		{"email", t.email},
		{"paymentId", t.intentMembers(sim)[0].value},
	}
}

// intentRow is the transaction as /v1/txn/queryPayments shows it.
func (t transaction) intentRow() object {
	return object{
		{"paymentId", t.paymentID},
		{"lastTransactionId", t.id},
		{"paymentStatus", t.paymentStatus()},
		{"merchantTxnId", t.merchantTxnID},
		{"orderAmount", t.amountText()},
		{"orderCurrency", t.currency},
		{"appId", t.appID},
		{"productType", t.productType},
		{"subProductType", t.subProductType},
	}
}

// json is a reason as notifications and rows carry it: JSON in a string.
func (r reason) json() string {
	out, err := object{{"respCode", r.code}, {"respMsg", r.message}}.json()
	if err != nil {
		return "" // two strings always encode
	}
	return string(out)
}
