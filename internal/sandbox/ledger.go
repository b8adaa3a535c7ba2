package sandbox

import (
	"slices"
	"strconv"
	"sync"
	"time"
)

// ledger is the provider's memory: the latest transactions, in the order of their creation, under one lock that is
// held for lookups and changes only, never while something is encoded, signed or sent.
type ledger struct {
	mu            sync.Mutex
	all           recent[*transaction]
	byID          map[string]*transaction
	byMerchantTxn map[string]*transaction
	byPayment     map[string]*transaction
	byOriginal    map[string][]*transaction // by merchantTxnOriginalId, where there is one; sales and authorizations
	byOrigin      map[string][]*transaction // refunds, by the id of the transaction that they give back
	endings       map[string][]*transaction // captures and voids, by the id of their authorization
	contracts     contracts
	sessions      map[string][]*transaction // attempts by the key of their checkout session
	strays        map[string]int            // requests by merchantTxnId, as long as no transaction came of them
	strayOrder    recent[string]
	forgotten     *summary
	lastID        int64
	now           func() time.Time // what authorizations lapse by
}

func newLedger(keep int) *ledger {
	l := &ledger{all: recent[*transaction]{limit: keep}, strayOrder: recent[string]{limit: keep}, now: time.Now}
	l.contracts.all.limit = keep
	l.reset()
	return l
}

// reset forgets everything but the last id, so ids never repeat.
func (l *ledger) reset() {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.all.clear()
	l.strayOrder.clear()
	l.byID = map[string]*transaction{}
	l.byMerchantTxn = map[string]*transaction{}
	l.byPayment = map[string]*transaction{}
	l.byOriginal = map[string][]*transaction{}
	l.byOrigin = map[string][]*transaction{}
	l.endings = map[string][]*transaction{}
	l.sessions = map[string][]*transaction{}
	l.contracts.reset()
	l.strays = map[string]int{}
	l.forgotten = newSummary()
}

// nextID makes a 19-digit id that grows with time, in the layout of the provider's own: milliseconds since
// 2010-11-04 above 22 bits. The caller holds the lock.
func (l *ledger) nextID(now time.Time) string {
	const epoch, shift = 1_288_834_974_657, 22
	id := (now.UnixMilli() - epoch) << shift
	l.lastID = max(l.lastID+1, id, 1_000_000_000_000_000_000)
	return strconv.FormatInt(l.lastID, 10)
}

// drawID makes an id for something that is no transaction but numbered like one.
func (l *ledger) drawID(now time.Time) string {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.nextID(now)
}

// counted notes one more request for a transaction with that id.
func (l *ledger) counted(merchantTxnID string) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if t := l.byMerchantTxn[merchantTxnID]; t != nil {
		t.calls++
		return
	}
	if l.strays[merchantTxnID] == 0 {
		if oldest, full := l.strayOrder.add(merchantTxnID); full {
			delete(l.strays, oldest)
		}
	}
	l.strays[merchantTxnID]++
}

// add books a new transaction, or returns the one that has its merchantTxnId already. decide settles its status with
// the lock held, so that two attempts at one order cannot both pass the brake.
func (l *ledger) add(t transaction, decide func(t *transaction, originalPaid bool)) (booked transaction, isNew bool) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if existing := l.byMerchantTxn[t.merchantTxnID]; existing != nil {
		return *existing, false
	}
	return l.book(&t, decide), true
}

// book enters a new payment as decide has it, and returns a copy. The caller holds the lock.
func (l *ledger) book(t *transaction, decide func(t *transaction, originalPaid bool)) transaction {
	l.stamp(t)
	t.paymentID = l.nextID(t.createdAt)
	decide(t, l.originalPaid(t.originalID))
	l.enter(t)
	return *t
}

// stamp gives a new transaction its place in time, its id, and the calls that were counted before it was there.
func (l *ledger) stamp(t *transaction) {
	if n := len(l.all.entries); n > 0 && t.createdAt.Before(l.all.entries[n-1].createdAt) {
		t.createdAt = l.all.entries[n-1].createdAt // two requests at once: the order of the books is the order of time
	}
	t.id = l.nextID(t.createdAt)
	t.calls = l.strays[t.merchantTxnID]
	delete(l.strays, t.merchantTxnID)
}

// enter puts a transaction into the books and the oldest out of them, where they are full.
func (l *ledger) enter(t *transaction) {
	l.byID[t.id] = t
	if t.checkout != nil {
		l.sessions[t.checkout.key] = append(l.sessions[t.checkout.key], t)
	}
	isRetry := t.checkout != nil && len(l.sessions[t.checkout.key]) > 1
	if t.merchantTxnID != "" && !isRetry {
		l.byMerchantTxn[t.merchantTxnID] = t
	}
	switch {
	case t.refund != nil:
		l.byOrigin[t.refund.originID] = append(l.byOrigin[t.refund.originID], t)
	case t.ending != nil:
		l.endings[t.ending.originID] = append(l.endings[t.ending.originID], t)
	case t.originalID != "":
		l.byOriginal[t.originalID] = append(l.byOriginal[t.originalID], t)
	}
	if t.refund == nil && t.ending == nil && !isRetry {
		l.byPayment[t.paymentID] = t
	}
	if oldest, full := l.all.add(t); full {
		l.forget(oldest)
	}
}

// forget leaves nothing of a transaction but its share of the totals: of an authorization, what it holds at that moment.
func (l *ledger) forget(t *transaction) {
	l.forgotten.addMoney(l.tally(t))
	delete(l.byID, t.id)
	if l.byMerchantTxn[t.merchantTxnID] == t {
		delete(l.byMerchantTxn, t.merchantTxnID)
	}
	if t.refund != nil {
		return // its original is older, so it went before and took the index with it
	}
	delete(l.byOrigin, t.id)
	if t.ending != nil {
		return // the same of its authorization
	}
	if l.byPayment[t.paymentID] == t {
		delete(l.byPayment, t.paymentID)
	}
	if t.checkout != nil {
		delete(l.sessions, t.checkout.key) // the oldest goes first, and its page with it
	}
	delete(l.endings, t.id)
	if t.originalID == "" {
		return
	}
	others := slices.DeleteFunc(l.byOriginal[t.originalID], func(other *transaction) bool { return other == t })
	if len(others) == 0 {
		delete(l.byOriginal, t.originalID)
		return
	}
	l.byOriginal[t.originalID] = others
}

// change edits a transaction with the lock held; edit returns whether it changed anything.
func (l *ledger) change(id string, edit func(t *transaction, originalPaid bool) bool) (transaction, bool) {
	l.mu.Lock()
	defer l.mu.Unlock()
	t := l.byID[id]
	if t == nil {
		return transaction{}, false
	}
	changed := edit(t, l.originalPaid(t.originalID))
	return *t, changed
}

// originalPaid is the brake: whether an attempt at that order has succeeded.
func (l *ledger) originalPaid(originalID string) bool {
	return slices.ContainsFunc(l.byOriginal[originalID], func(t *transaction) bool { return t.status == statusSuccess })
}

func (l *ledger) get(id string) (transaction, bool) {
	l.mu.Lock()
	defer l.mu.Unlock()
	t := l.byID[id]
	if t == nil {
		return transaction{}, false
	}
	return *t, true
}

// selection is what a query asks for; empty members do not restrict.
type selection struct {
	merchantTxnIDs, transactionIDs, txnTypes []string
	paymentID                                string
	paymentsOnly                             bool      // no refunds
	from, to                                 time.Time // to is exclusive
}

// find returns one window of the transactions that a query at now may see, oldest first, and how many there are; down
// when the query names one of which queries fail.
func (l *ledger) find(sel selection, now time.Time, offset, limit int) (window []transaction, total int, down bool) {
	l.mu.Lock()
	defer l.mu.Unlock()
	for _, t := range l.candidates(sel) {
		if t.listedFrom.After(now) || !sel.matches(t) || (sel.paymentsOnly && l.superseded(t)) {
			continue
		}
		down = down || (sel.byID() && t.downUntil.After(now))
		if total >= offset && len(window) < limit {
			window = append(window, l.seen(t))
		}
		total++
	}
	return window, total, down
}

// byID tells whether a query names what it asks about.
func (sel selection) byID() bool {
	return len(sel.merchantTxnIDs) > 0 || len(sel.transactionIDs) > 0 || sel.paymentID != ""
}

// candidates narrows a selection by the indexes, so that a poll of one id does not read the whole ledger.
func (l *ledger) candidates(sel selection) []*transaction {
	switch {
	case len(sel.merchantTxnIDs) > 0:
		return l.withRetries(lookup(l.byMerchantTxn, sel.merchantTxnIDs))
	case len(sel.transactionIDs) > 0:
		return lookup(l.byID, sel.transactionIDs)
	case sel.paymentID != "":
		found := l.withRetries(lookup(l.byPayment, []string{sel.paymentID}))
		for _, payment := range slices.Clone(found) {
			found = append(found, l.endings[payment.id]...)
		}
		return found
	default:
		return between(l.all.entries, sel.from, sel.to)
	}
}

// between is what was created from one moment until before another.
func between(all []*transaction, from, to time.Time) []*transaction {
	created := func(t *transaction, at time.Time) int { return t.createdAt.Compare(at) }
	first, _ := slices.BinarySearchFunc(all, from, created)
	if to.IsZero() {
		return all[first:]
	}
	after, _ := slices.BinarySearchFunc(all, to, created)
	return all[first:max(first, after)]
}

func lookup(index map[string]*transaction, keys []string) []*transaction {
	var found []*transaction
	for _, key := range keys {
		if t := index[key]; t != nil && !slices.Contains(found, t) {
			found = append(found, t)
		}
	}
	slices.SortFunc(found, func(a, b *transaction) int { return a.createdAt.Compare(b.createdAt) })
	return found
}

func (sel selection) matches(t *transaction) bool {
	switch {
	case t.refund != nil && (sel.paymentsOnly || (len(sel.merchantTxnIDs) > 0 && t.refund.rowWithoutID)),
		len(sel.merchantTxnIDs) > 0 && !slices.Contains(sel.merchantTxnIDs, t.merchantTxnID),
		len(sel.transactionIDs) > 0 && !slices.Contains(sel.transactionIDs, t.id),
		len(sel.txnTypes) > 0 && !slices.Contains(sel.txnTypes, t.txnType),
		sel.paymentID != "" && sel.paymentID != t.paymentID,
		!sel.from.IsZero() && t.createdAt.Before(sel.from),
		!sel.to.IsZero() && !t.createdAt.Before(sel.to):
		return false
	default:
		return true
	}
}
