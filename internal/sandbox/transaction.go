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
	// redirectURL leads to the 3DS page of a transaction that needs one.
	redirectURL string
	createdAt   time.Time
	changedAt   time.Time
	// listedFrom is when queries begin to see the transaction.
	listedFrom time.Time
	notify     notifyPlan
	// calls is how often doTransaction was asked for with this merchantTxnId.
	calls int
	// firstAnswer is replayed to a duplicate when the sandbox is set so.
	firstAnswer []byte
}

// paymentStatus is the status of the payment intent around the transaction (Onerway contract §6).
func (t transaction) paymentStatus() string {
	switch {
	case t.status == statusSuccess && t.txnType == "AUTH":
		return "A"
	case t.status == statusFailed:
		return "O"
	default:
		return string(t.status)
	}
}

func (t transaction) amountText() string { return formatAmount(t.amount, t.currency) }

// answer is the data object of doTransaction: every member of the documented table, in the order of its example.
func (t transaction) answer(sim SimOptions) object {
	var action any
	if t.redirectURL != "" && t.status == statusAction {
		action = "RedirectURL"
	}
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
		{"redirectUrl", text(t.redirectURL)},
		{"contractId", nil},
		{"tokenId", nil},
		{"eci", text(t.eci)},
		{"periodValue", nil},
		{"codeForm", nil},
		{"presentContext", nil},
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
	return object{
		{"transactionId", t.id},
		{"merchantTxnId", t.merchantTxnID},
		{"txnTime", wireTimeOf(t.createdAt)},
		{"originTransactionId", nil},
		{"productType", t.productType},
		{"subProductType", t.subProductType},
		{"txnType", t.txnType},
		{"status", string(t.status)},
		{"userPaymentStatus", nil},
		{"cardType", t.card.brand},
		{"paymentMethod", t.card.brand},
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
		{"cardBinCountry", "US"},
		{"cardNumber", t.card.masked()},
		{"walletTypeName", nil},
		{"reason", why},
		{"holderName", t.card.holder},
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

// notification is the body that tells the merchant of a final status; unset fields are left out, as recorded since 2025.
func (t transaction) notification(sim SimOptions) object {
	body := object{
		{"notifyType", "TXN"},
		{"transactionId", t.id},
		{"txnType", t.txnType},
		{"merchantNo", t.merchantNo},
		{"merchantTxnId", t.merchantTxnID},
		{"responseTime", wireTimeOf(t.changedAt)},
		{"txnTime", wireTimeOf(t.createdAt)},
		{"txnTimeZone", wireZone},
		{"orderAmount", t.amountText()},
		{"orderCurrency", t.currency},
		{"status", string(t.status)},
		{"cardBinCountry", "US"},
		{"reason", t.reason.json()},
	}
	if t.eci != "" {
		body = append(body, field{"eci", t.eci})
	}
	if sim.PaymentIntents {
		body = append(body, t.intentMembers(sim)...)
	}
	body = append(body, field{"channelRequestId", t.merchantNo + t.id})
	if !sim.OmitBodySign {
		body = append(body, field{"sign", nil})
	}
	return append(body, field{"paymentMethod", t.card.brand})
}

// json is a reason as notifications and rows carry it: JSON in a string.
func (r reason) json() string {
	out, err := object{{"respCode", r.code}, {"respMsg", r.message}}.json()
	if err != nil {
		return "" // two strings always encode
	}
	return string(out)
}
