package sandbox

// holdState is what became of the money that a successful AUTH holds. It is worked out from the captures and voids in the
// books and from the clock, never stored: so it cannot disagree with them.
type holdState int

const (
	holdStands   holdState = iota
	holdEnding             // a capture or void is being processed
	holdCaptured           // the rest of a partial capture is released
	holdVoided
	// holdLapsed: the funds were released for want of a capture. Nothing is notified of it [sim]: no source tells of such a
	// notification, so a merchant has to watch the clock, or to ask.
	holdLapsed
)

// endingFacts is what a capture or void has beside what it takes over from its authorization. It does not change after it
// was booked, so copies of a transaction may share it.
type endingFacts struct {
	originID, originMerchantTxnID string
}

// letter is the paymentStatus of an intent whose authorization succeeded (Onerway contract §6, §14). It stays authorized
// until a capture or void has succeeded; a lapsed one is closed [sim].
func (h holdState) letter() string {
	switch h {
	case holdCaptured:
		return string(statusSuccess)
	case holdVoided, holdLapsed:
		return string(statusClosed)
	case holdStands, holdEnding:
	}
	return "A"
}

// addEnding books a capture or void of an authorization, or returns the transaction that has its merchantTxnId already.
// build makes it with the lock held, from the authorization and the state of its hold, so that two at once cannot both end
// it; its error books nothing.
func (l *ledger) addEnding(
	merchantTxnID, originID string, build func(auth transaction, state holdState) (transaction, error),
) (booked transaction, isNew bool, err error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if existing := l.byMerchantTxn[merchantTxnID]; existing != nil {
		return *existing, false, nil
	}
	auth := l.byID[originID]
	if auth == nil {
		return transaction{}, false, refuse(codeBadID, "transaction id incorrect")
	}
	t, err := build(*auth, l.holdOf(auth))
	if err != nil {
		return transaction{}, false, err
	}
	l.stamp(&t)
	t.changedAt = later(t.changedAt, t.createdAt)
	l.enter(&t)
	return t, true, nil
}

// ended is what captures and voids have made of an authorization, whatever the time. The caller holds the lock.
func (l *ledger) ended(authID string) holdState {
	state := holdStands
	for _, ending := range l.endings[authID] {
		switch {
		case ending.status == statusSuccess && ending.txnType == txnCapture:
			return holdCaptured
		case ending.status == statusSuccess:
			return holdVoided
		case ending.status.claims():
			state = holdEnding
		}
	}
	return state
}

// holdOf is the state of a successful authorization. The caller holds the lock.
func (l *ledger) holdOf(auth *transaction) holdState {
	state := l.ended(auth.id)
	if state == holdStands && !l.now().Before(auth.holdsUntil()) {
		return holdLapsed
	}
	return state
}

// seen is a copy of a transaction that knows how the hold stands which it is about. The caller holds the lock.
func (l *ledger) seen(t *transaction) transaction {
	view := *t
	auth := t
	if t.ending != nil {
		auth = l.byID[t.ending.originID]
	}
	if auth != nil && auth.authorized() {
		view.hold = l.holdOf(auth)
	}
	return view
}

// authorized tells whether it is an authorization that succeeded, whatever became of its hold.
func (t *transaction) authorized() bool { return t.txnType == txnAuth && t.status == statusSuccess }

// endingNotification tells of a capture or void. The ids of the authorization take no part in the signature, and there is no
// txnTime, which it may lack (Onerway contract §8.9).
func (t transaction) endingNotification(sim SimOptions) object {
	body := object{
		{"notifyType", "TXN"},
		{"transactionId", t.id},
		{"originTransactionId", t.ending.originID},
		{"txnType", t.txnType},
		{"merchantNo", t.merchantNo},
		{"merchantTxnId", t.merchantTxnID},
		{"originMerchantTxnId", t.ending.originMerchantTxnID},
		{"responseTime", wireTimeOf(t.changedAt)},
		{"txnTimeZone", wireZone},
		{"orderAmount", t.amountText()},
		{"orderCurrency", t.currency},
		{"status", string(t.status)},
		{"cardBinCountry", "US"},
		{"reason", t.reason.json()},
	}
	if sim.PaymentIntents {
		body = append(body, t.intentMembers(sim)...)
	}
	body = append(body, field{"channelRequestId", t.merchantNo + t.id})
	return append(signable(sim, body), field{"paymentMethod", t.card.brand})
}
