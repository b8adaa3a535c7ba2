package sandbox

import (
	"cmp"
	"slices"
	"time"
)

// addRefund books a refund of a transaction, or returns the transaction that has its merchantTxnId already. build makes
// it with the lock held, from the original and what other refunds claim of it, so that two refunds at once cannot both
// have the last of the money; its error books nothing.
func (l *ledger) addRefund(
	merchantTxnID, originID string, build func(origin transaction, claimed int64) (transaction, error),
) (booked transaction, isNew bool, err error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if existing := l.byMerchantTxn[merchantTxnID]; existing != nil {
		return *existing, false, nil
	}
	origin := l.byID[originID]
	if origin == nil {
		return transaction{}, false, refuse(codeBadID, "transaction id incorrect")
	}
	t, err := build(*origin, origin.amount-l.leftOf(originID))
	if err != nil {
		return transaction{}, false, err
	}
	l.stamp(&t)
	t.changedAt = later(t.changedAt, t.createdAt)
	l.enter(&t)
	return t, true, nil
}

// leftOf is what refunds do not claim of a transaction. The caller holds the lock.
func (l *ledger) leftOf(id string) int64 {
	origin := l.byID[id]
	if origin == nil {
		return 0
	}
	left := origin.amount
	for _, refund := range l.byOrigin[id] {
		if refund.status.claims() {
			left -= refund.amount
		}
	}
	return left
}

// byMerchantID finds a transaction by the merchant's own id.
func (l *ledger) byMerchantID(merchantTxnID string) (transaction, bool) {
	l.mu.Lock()
	defer l.mu.Unlock()
	t := l.byMerchantTxn[merchantTxnID]
	if t == nil {
		return transaction{}, false
	}
	return *t, true
}

// refunds are all refunds of payments that are remembered, oldest first.
func (l *ledger) refunds() []transaction {
	l.mu.Lock()
	defer l.mu.Unlock()
	var found []transaction
	for _, refunds := range l.byOrigin {
		for _, t := range refunds {
			found = append(found, *t)
		}
	}
	slices.SortFunc(found, func(a, b transaction) int { return cmp.Compare(a.id, b.id) })
	return found
}

// later is the later of two moments.
func later(a, b time.Time) time.Time {
	if a.After(b) {
		return a
	}
	return b
}
