package sandbox

// notification is the body that tells the merchant of a final status; unset fields are left out, as recorded since 2025.
func (t transaction) notification(sim SimOptions) object {
	switch {
	case t.canceled != "":
		return t.cancelNotification(sim)
	case t.refund != nil && t.rejected && t.status == statusFailed:
		return signable(sim, object{
			{"notifyType", "REFUND_AUDIT"}, {"transactionId", t.id}, {"merchantNo", t.merchantNo}, {"status", string(t.status)},
		})
	case t.refund != nil:
		return t.refundNotification(sim)
	case t.ending != nil:
		return t.endingNotification(sim)
	}
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
	}
	if country := t.card.country(); country != nil {
		body = append(body, field{"cardBinCountry", country})
	}
	body = append(body, field{"reason", t.reason.json()})
	if t.eci != "" {
		body = append(body, field{"eci", t.eci})
	}
	if t.tokenID != "" {
		body = append(body, field{"tokenId", t.tokenID})
	}
	if t.charge != nil {
		body = append(body, t.subscriptionMembers()...)
	}
	if sim.PaymentIntents {
		body = append(body, t.intentMembers(sim)...)
	}
	body = append(body, field{"channelRequestId", t.merchantNo + t.id})
	body = signable(sim, body)
	if name := t.methodName(); name != "" {
		body = append(body, field{"paymentMethod", name})
	}
	return body
}

// refundNotification tells of a refund that passed its review. The ids of the original take no part in the signature.
func (t transaction) refundNotification(sim SimOptions) object {
	body := object{
		{"notifyType", "TXN"},
		{"transactionId", t.id},
		{"originTransactionId", t.refund.originID},
		{"txnType", t.txnType},
		{"merchantNo", t.merchantNo},
		{"merchantTxnId", t.merchantTxnID},
		{"originMerchantTxnId", t.refund.originMerchantTxnID},
		{"responseTime", wireTimeOf(t.changedAt)},
		{"txnTimeZone", wireZone},
		{"orderAmount", t.amountText()},
		{"orderCurrency", t.currency},
	}
	if t.status == statusSuccess {
		body = append(body, object{{"txnAmount", t.amountText()}, {"txnCurrency", t.currency}, {"settleRate", "1"}}...)
	}
	body = append(body, object{{"status", string(t.status)}, {"reason", t.reason.json()}}...)
	return append(signable(sim, body), field{"paymentMethod", t.methodName()})
}

// cancelNotification tells how a cancellation ended; its reason is that of the cancellation.
func (t transaction) cancelNotification(sim SimOptions) object {
	why := success()
	if t.canceled != statusSuccess {
		why = t.reason
	}
	return signable(sim, object{
		{"notifyType", "CANCEL"},
		{"transactionId", t.id},
		{"txnType", t.txnType},
		{"merchantNo", t.merchantNo},
		{"merchantTxnId", t.merchantTxnID},
		{"txnTime", wireTimeOf(t.createdAt)},
		{"orderAmount", t.amountText()},
		{"orderCurrency", t.currency},
		{"status", string(t.canceled)},
		{"reason", why.json()},
	})
}

// signable adds the member for the signature, where bodies carry one.
func signable(sim SimOptions, body object) object {
	if sim.OmitBodySign {
		return body
	}
	return append(body, field{"sign", nil})
}

// notifies tells whether there is something to notify of: a final status, but no refund that was withdrawn [sim].
func (t transaction) notifies() bool {
	return t.status.final() && (t.refund == nil || t.status != statusClosed)
}

// told is the status that a notification of the transaction carries.
func (t transaction) told() status {
	if t.canceled != "" {
		return t.canceled
	}
	return t.status
}
