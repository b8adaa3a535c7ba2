package sandbox

import (
	"slices"
	"sync"
	"time"
)

// Chargeback statuses that the simulator itself gives (Onerway contract §6).
const (
	chargebackNew     = "NEW"
	chargebackDeleted = "DELETE"
)

// chargeback is money that an issuer takes back, or, with early set, its warning that it may.
type chargeback struct {
	id                   string
	origin               transaction // as it was when the case began
	early                bool        // a pre-dispute: no money moves, and the query does not list it [sim]
	amount               int64
	currency             string
	status               string // of a pre-dispute ""
	code, reason, arn    string
	importedAt, changed  time.Time
	dueAt                time.Time
	hintID, hintMerchant string // what the unsigned members of its notifications name; the origin unless a tester forges them
}

// holds tells whether the issuer has the money: from the beginning until an appeal is won, or the case withdrawn.
func (c chargeback) holds() bool {
	return !c.early && !slices.Contains([]string{"FAS", "SAS", "REVOKE", chargebackDeleted}, c.status)
}

// chargebackMoves is where a chargeback can go (Onerway contract §14). That a second appeal may follow every end of the first,
// and that REVOKE and DELETE may come at any time before an end, is [sim].
func chargebackMoves(from string) []string {
	switch from {
	case chargebackNew:
		return []string{"FA", "ACCEPT", "REVOKE", chargebackDeleted}
	case "FA":
		return []string{"FAS", "FAF", "FAT", "REVOKE", chargebackDeleted}
	case "FAS", "FAF", "FAT":
		return []string{"SA", "REVOKE", chargebackDeleted}
	case "SA":
		return []string{"SAS", "SAF", "SAT", "REVOKE", chargebackDeleted}
	default:
		return nil
	}
}

// chargebackBook is the provider's memory of chargebacks and pre-disputes, oldest first.
type chargebackBook struct {
	mu   sync.Mutex
	all  recent[*chargeback]
	byID map[string]*chargeback
}

func newChargebackBook(keep int) *chargebackBook {
	return &chargebackBook{all: recent[*chargeback]{limit: keep}, byID: map[string]*chargeback{}}
}

func (b *chargebackBook) reset() {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.all.clear()
	b.byID = map[string]*chargeback{}
}

func (b *chargebackBook) add(c chargeback) {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.byID[c.id] = &c
	if oldest, full := b.all.add(&c); full {
		delete(b.byID, oldest.id)
	}
}

// move gives a chargeback its next status. moved is false where it cannot go there from where it is.
func (b *chargebackBook) move(id, status string, now time.Time) (c chargeback, found, moved bool) {
	b.mu.Lock()
	defer b.mu.Unlock()
	known := b.byID[id]
	if known == nil {
		return chargeback{}, false, false
	}
	if !slices.Contains(chargebackMoves(known.status), status) {
		return *known, true, false
	}
	known.status, known.changed = status, later(now, known.changed)
	return *known, true, true
}

func (b *chargebackBook) get(id string) (chargeback, bool) {
	b.mu.Lock()
	defer b.mu.Unlock()
	c := b.byID[id]
	if c == nil {
		return chargeback{}, false
	}
	return *c, true
}

// chosen are copies of what a caller wants to see, oldest first.
func (b *chargebackBook) chosen(want func(chargeback) bool) []chargeback {
	b.mu.Lock()
	defer b.mu.Unlock()
	var found []chargeback
	for _, c := range b.all.entries {
		if want(*c) {
			found = append(found, *c)
		}
	}
	return found
}

// row is the chargeback as /v1/chargeback/list shows it.
func (c chargeback) row() object {
	return object{
		{"merchantNo", c.origin.merchantNo},
		{"chargebackId", c.id},
		{"importTime", wireTimeOf(c.importedAt)},
		{"merchantTxnId", text(c.origin.merchantTxnID)},
		{"originTransactionId", c.origin.id},
		{"txnAmount", c.origin.amountText()},
		{"txnCurrency", c.origin.currency},
		{"txnTime", wireTimeOf(c.origin.createdAt)},
		{"paymentMethod", c.origin.card.brand},
		{"chargebackAmount", formatAmount(c.amount, c.currency)},
		{"chargebackCurrency", c.currency},
		{"chargebackDate", wireDateOf(c.importedAt)},
		{"chargebackReason", c.reason},
		{"chargebackArn", c.arn},
		{"chargebackCode", c.code},
		{"appealDueTime", wireTimeOf(c.dueAt)},
		{"chargebackStatus", c.status},
	}
}

// notification tells of the chargeback's present status. The members of a pre-dispute beside the first four are [sim].
func (c chargeback) notification(sim SimOptions) object {
	body := object{
		{"notifyType", "CHARGEBACK"},
		{"merchantNo", c.origin.merchantNo},
		{"transactionId", c.id},
		{"originTransactionId", c.hintID},
		{"originMerchantTxnId", c.hintMerchant},
		{"importTime", wireTimeOf(c.importedAt)},
		{"chargebackDate", wireDateOf(c.importedAt)},
		{"chargebackAmount", formatAmount(c.amount, c.currency)},
		{"chargebackCurrency", c.currency},
		{"chargebackStatus", c.status},
		{"chargebackArn", c.arn},
		{"chargebackCode", c.code},
		{"chargebackReason", c.reason},
		{"appealDueTime", wireTimeOf(c.dueAt)},
	}
	if c.early {
		body = object{
			{"notifyType", "PRE_DISPUTE"},
			{"transactionId", c.id},
			{"merchantNo", c.origin.merchantNo},
			{"timeZone", wireZone},
			{"originTransactionId", c.hintID},
			{"originMerchantTxnId", c.hintMerchant},
			{"importTime", wireTimeOf(c.importedAt)},
			{"orderAmount", formatAmount(c.amount, c.currency)},
			{"orderCurrency", c.currency},
			{"chargebackCode", c.code},
			{"chargebackReason", c.reason},
			{"appealDueTime", wireTimeOf(c.dueAt)},
		}
	}
	return signable(sim, body)
}

// notifyChargeback tells the merchant, with the retries of every notification.
func (s *Server) notifyChargeback(c chargeback) {
	if c.origin.notifyURL != "" {
		s.mail(s.composeChargeback(c, "final"), s.now())
	}
}

func (s *Server) composeChargeback(c chargeback, kind string) notification {
	return s.sealed(notification{
		transactionID: c.id, merchantTxnID: c.origin.merchantTxnID, url: c.origin.notifyURL,
		status: status(orElse(c.status, "PRE_DISPUTE")), kind: kind,
	}, c.notification(s.cfg.Sim), s.cfg.secretKeys())
}
