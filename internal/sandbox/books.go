package sandbox

import (
	"maps"
	"slices"
	"time"
)

// Books is what the provider knows: the truth that a merchant's own records can be held against.
type Books struct {
	Transactions []BookedTransaction `json:"transactions"`
	// Orders groups the transactions by merchantTxnOriginalId, in the order of their first attempt.
	Orders []BookedOrder `json:"orders"`
	// Totals are by currency. Without a restriction they include what was forgotten.
	Totals map[string]Total `json:"totals"`
	// Calls counts the requests to charge and to refund by merchantTxnId, whatever became of them.
	Calls map[string]int `json:"calls"`
	// Forgotten is how many transactions made room for later ones (Config.Keep).
	Forgotten int `json:"forgotten"`
}

// BookedTransaction is one transaction, refunds included: their TxnType is REFUND.
type BookedTransaction struct {
	TransactionID         string    `json:"transactionId"`
	OriginTransactionID   string    `json:"originTransactionId,omitempty"` // of a refund: what it gives back
	PaymentID             string    `json:"paymentId"`
	MerchantTxnID         string    `json:"merchantTxnId"`
	MerchantTxnOriginalID string    `json:"merchantTxnOriginalId"`
	TxnType               string    `json:"txnType"`
	Status                string    `json:"status"`
	ReasonCode            string    `json:"reasonCode"`
	ReasonMessage         string    `json:"reasonMessage"`
	OrderAmount           string    `json:"orderAmount"`
	OrderCurrency         string    `json:"orderCurrency"`
	ECI                   string    `json:"eci"`
	CardBrand             string    `json:"cardBrand"`
	CardLast4             string    `json:"cardLast4"`
	RedirectURL           string    `json:"redirectUrl"`
	NotifyURL             string    `json:"notifyUrl"`
	CreatedAt             time.Time `json:"createdAt"`
	ChangedAt             time.Time `json:"changedAt"`
	// Calls is how often it was asked for with this merchantTxnId.
	Calls int `json:"calls"`
}

// BookedOrder is what the provider knows of one merchantTxnOriginalId.
type BookedOrder struct {
	MerchantTxnOriginalID string `json:"merchantTxnOriginalId"`
	Attempts              int    `json:"attempts"`
	Successes             int    `json:"successes"`
	Charged               string `json:"charged"`
	// Refunds counts all of them, Refunded adds up the successful, RefundPending those that are neither that nor failed,
	// rejected or withdrawn.
	Refunds       int    `json:"refunds"`
	Refunded      string `json:"refunded"`
	RefundPending string `json:"refundPending"`
	Currency      string `json:"currency"`
}

// Total is the money of one currency. Transactions and Succeeded do not count refunds.
type Total struct {
	Transactions int    `json:"transactions"`
	Succeeded    int    `json:"succeeded"`
	Charged      string `json:"charged"`
	Authorized   string `json:"authorized"`
	Refunds      int    `json:"refunds"`
	Refunded     string `json:"refunded"`
}

// BookQuery restricts the books to one order or one transaction; the zero value does not.
type BookQuery struct {
	MerchantTxnID, MerchantTxnOriginalID string
}

// Books returns a consistent copy of the provider's books.
func (s *Server) Books(q BookQuery) Books {
	return s.ledger.books(q)
}

func (l *ledger) books(q BookQuery) Books {
	transactions, calls, sum, forgotten := l.copied(q)
	books := Books{Transactions: make([]BookedTransaction, 0, len(transactions)), Calls: calls, Forgotten: forgotten}
	for _, t := range transactions {
		sum.count(&t)
		books.Transactions = append(books.Transactions, t.booked())
		if t.merchantTxnID != "" {
			books.Calls[t.merchantTxnID] = t.calls
		}
	}
	books.Orders, books.Totals = sum.result()
	return books
}

// copied is all that a query of the books is about, so that it can be written up without holding the lock.
func (l *ledger) copied(q BookQuery) (found []transaction, strays map[string]int, sum *summary, forgotten int) {
	l.mu.Lock()
	defer l.mu.Unlock()
	strays, sum = map[string]int{}, newSummary()
	candidates := l.all.entries
	switch {
	case q.MerchantTxnID != "":
		candidates = lookup(l.byMerchantTxn, []string{q.MerchantTxnID})
		if calls := l.strays[q.MerchantTxnID]; calls > 0 && q.MerchantTxnOriginalID == "" {
			strays[q.MerchantTxnID] = calls
		}
	case q.MerchantTxnOriginalID != "":
		candidates = l.ofOrder(q.MerchantTxnOriginalID)
	default:
		maps.Copy(strays, l.strays)
		sum.money = l.forgotten.copyMoney()
	}
	found = make([]transaction, 0, len(candidates))
	for _, t := range candidates {
		if q.MerchantTxnOriginalID == "" || q.MerchantTxnOriginalID == t.originalID {
			found = append(found, *t)
		}
	}
	return found, strays, sum, l.forgotten.transactions
}

// ofOrder is an order's payments and their refunds.
func (l *ledger) ofOrder(originalID string) []*transaction {
	found := slices.Clone(l.byOriginal[originalID])
	for _, payment := range l.byOriginal[originalID] {
		found = append(found, l.byOrigin[payment.id]...)
	}
	return found
}

func (t transaction) booked() BookedTransaction {
	originID := ""
	if t.refund != nil {
		originID = t.refund.originID
	}
	return BookedTransaction{
		OriginTransactionID: originID,
		TransactionID:       t.id, PaymentID: t.paymentID,
		MerchantTxnID: t.merchantTxnID, MerchantTxnOriginalID: t.originalID,
		TxnType: t.txnType, Status: string(t.status),
		ReasonCode: t.reason.code, ReasonMessage: t.reason.message,
		OrderAmount: t.amountText(), OrderCurrency: t.currency,
		ECI: t.eci, CardBrand: t.card.brand, CardLast4: t.card.last4,
		RedirectURL: t.redirectURL, NotifyURL: t.notifyURL,
		CreatedAt: t.createdAt.UTC(), ChangedAt: t.changedAt.UTC(), Calls: t.calls,
	}
}

// summary adds up transactions as they go by.
type summary struct {
	transactions int
	orders       []*orderSum
	byOrder      map[string]*orderSum
	money        map[string]*moneySum
}

type orderSum struct {
	id, currency        string
	attempts, successes int
	charged             int64
	refunds             int
	refunded, pending   int64
}

type moneySum struct {
	transactions, succeeded int
	charged, authorized     int64
	refunds                 int
	refunded                int64
}

func newSummary() *summary {
	return &summary{byOrder: map[string]*orderSum{}, money: map[string]*moneySum{}}
}

func (s *summary) count(t *transaction) {
	s.addMoney(t)
	if t.originalID == "" {
		return
	}
	order := s.byOrder[t.originalID]
	if order == nil {
		order = &orderSum{id: t.originalID, currency: t.currency}
		s.byOrder[t.originalID] = order
		s.orders = append(s.orders, order)
	}
	if t.refund != nil {
		order.countRefund(t)
		return
	}
	order.attempts++
	if t.status != statusSuccess {
		return
	}
	order.successes++
	if t.txnType != "AUTH" {
		order.charged += t.amount
	}
}

func (o *orderSum) countRefund(t *transaction) {
	o.refunds++
	switch {
	case t.status == statusSuccess:
		o.refunded += t.amount
	case t.claims():
		o.pending += t.amount
	}
}

// addMoney counts a transaction by its currency only.
func (s *summary) addMoney(t *transaction) {
	s.transactions++
	money := s.money[t.currency]
	if money == nil {
		money = &moneySum{}
		s.money[t.currency] = money
	}
	if t.refund != nil {
		money.refunds++
		if t.status == statusSuccess {
			money.refunded += t.amount
		}
		return
	}
	money.transactions++
	if t.status != statusSuccess {
		return
	}
	money.succeeded++
	if t.txnType == "AUTH" {
		money.authorized += t.amount
		return
	}
	money.charged += t.amount
}

func (s *summary) copyMoney() map[string]*moneySum {
	money := make(map[string]*moneySum, len(s.money))
	for currency, sum := range s.money {
		own := *sum
		money[currency] = &own
	}
	return money
}

func (s *summary) result() ([]BookedOrder, map[string]Total) {
	orders := make([]BookedOrder, 0, len(s.orders))
	for _, o := range s.orders {
		orders = append(orders, BookedOrder{
			MerchantTxnOriginalID: o.id, Attempts: o.attempts, Successes: o.successes,
			Charged: formatAmount(o.charged, o.currency), Currency: o.currency,
			Refunds: o.refunds, Refunded: formatAmount(o.refunded, o.currency), RefundPending: formatAmount(o.pending, o.currency),
		})
	}
	totals := make(map[string]Total, len(s.money))
	for currency, m := range s.money {
		totals[currency] = Total{
			Transactions: m.transactions, Succeeded: m.succeeded,
			Charged:    formatAmount(m.charged, currency),
			Authorized: formatAmount(m.authorized, currency),
			Refunds:    m.refunds,
			Refunded:   formatAmount(m.refunded, currency),
		}
	}
	return orders, totals
}
