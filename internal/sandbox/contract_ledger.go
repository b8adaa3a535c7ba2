package sandbox

import (
	"crypto/rand"
	"encoding/hex"
	"time"
)

// contracts are the subscriptions, under the ledger's lock: a charge and what it makes of its contract happen at once.
type contracts struct {
	all     recent[*contract]
	byID    map[string]*contract
	byToken map[string]*contract
}

func (b *contracts) reset() {
	b.all.clear()
	b.byID, b.byToken = map[string]*contract{}, map[string]*contract{}
}

func (b *contracts) add(c *contract) {
	b.byID[c.id], b.byToken[c.tokenID] = c, c
	if oldest, full := b.all.add(c); full {
		delete(b.byID, oldest.id)
		delete(b.byToken, oldest.tokenID)
	}
}

// openContract makes the contract and the token of a purchase that is being booked. The caller holds the lock.
func (l *ledger) openContract(t *transaction, days pace) {
	var token [32]byte
	_, _ = rand.Read(token[:]) // never fails (crypto/rand)
	t.charge.contractID, t.charge.tokenID = l.nextID(t.createdAt), hex.EncodeToString(token[:])
	l.contracts.add(&contract{
		id: t.charge.contractID, tokenID: t.charge.tokenID, terms: *t.charge.terms, purchase: t,
		expMonth: t.expMonth, expYear: t.expYear, pace: days,
	})
}

// purchaseOf is what began a subscription.
func (l *ledger) purchaseOf(contractID string) (transaction, bool) {
	l.mu.Lock()
	defer l.mu.Unlock()
	c := l.contracts.byID[contractID]
	if c == nil {
		return transaction{}, false
	}
	return *c.purchase, true
}

// onContract does something to a contract with the lock held, by its id or its token; false when there is none.
func (l *ledger) onContract(id string, do func(c *contract)) bool {
	l.mu.Lock()
	defer l.mu.Unlock()
	c := l.contracts.byID[id]
	if c == nil {
		c = l.contracts.byToken[id]
	}
	if c == nil {
		return false
	}
	do(c)
	return true
}

// addRenewal books a charge of a subscription, or returns the transaction that has its merchantTxnId already. admit sees the
// contract with the lock held, so that two renewals at once cannot both have its period; its error books nothing.
func (l *ledger) addRenewal(
	t transaction, admit func(t *transaction, c *contract) error, decide func(t *transaction, c *contract, originalPaid bool),
) (booked transaction, isNew bool, err error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if existing := l.byMerchantTxn[t.merchantTxnID]; existing != nil {
		return *existing, false, nil
	}
	c := l.contracts.byID[t.charge.contractID]
	if err := admit(&t, c); err != nil {
		return transaction{}, false, err
	}
	booked = l.book(&t, func(t *transaction, originalPaid bool) { decide(t, c, originalPaid) })
	return booked, true, nil
}

// BookedContract is one subscription, without anything that could be charged.
type BookedContract struct {
	MerchantCustID string `json:"merchantCustId"`
	// MerchantTxnID is that of its purchase.
	MerchantTxnID      string          `json:"merchantTxnId"`
	Managed            bool            `json:"managed"`
	DataStatus         string          `json:"dataStatus"`
	SubscriptionStatus string          `json:"subscriptionStatus"`
	Frequency          string          `json:"frequency"`
	StartedAt          *time.Time      `json:"startedAt"`
	Renewals           []BookedRenewal `json:"renewals"`
}

// BookedRenewal is one attempt at charging a period, which counts from 1.
type BookedRenewal struct {
	Period        int       `json:"period"`
	TransactionID string    `json:"transactionId"`
	MerchantTxnID string    `json:"merchantTxnId"`
	Status        string    `json:"status"`
	ReasonCode    string    `json:"reasonCode"`
	OrderAmount   string    `json:"orderAmount"`
	OrderCurrency string    `json:"orderCurrency"`
	CreatedAt     time.Time `json:"createdAt"`
}

// bookedContracts are the subscriptions, the oldest first.
func (l *ledger) bookedContracts() []BookedContract {
	l.mu.Lock()
	defer l.mu.Unlock()
	booked := make([]BookedContract, 0, len(l.contracts.all.entries))
	for _, c := range l.contracts.all.entries {
		booked = append(booked, c.booked(l.now()))
	}
	return booked
}

func (c *contract) booked(now time.Time) BookedContract {
	state := c.state(now)
	b := BookedContract{
		MerchantCustID: c.purchase.custID, MerchantTxnID: c.purchase.merchantTxnID, Managed: c.terms.managed,
		DataStatus: state.data, SubscriptionStatus: state.subscription, Frequency: c.terms.frequency(),
		Renewals: make([]BookedRenewal, 0, len(c.renewals)),
	}
	if !c.startedAt.IsZero() {
		started := c.startedAt.UTC()
		b.StartedAt = &started
	}
	for _, t := range c.renewals {
		b.Renewals = append(b.Renewals, BookedRenewal{
			Period: t.charge.period, TransactionID: t.id, MerchantTxnID: t.merchantTxnID, Status: string(t.status),
			ReasonCode: t.reason.code, OrderAmount: t.amountText(), OrderCurrency: t.currency, CreatedAt: t.createdAt.UTC(),
		})
	}
	return b
}
