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
	// Calls counts the requests to charge, capture, void and refund by merchantTxnId, whatever became of them.
	Calls map[string]int `json:"calls"`
	// Chargebacks are those of the transactions, pre-disputes included, the latest first.
	Chargebacks []BookedChargeback `json:"chargebacks"`
	// ChargedBack is what issuers hold by these, by currency.
	ChargedBack map[string]string `json:"chargedBack"`
	// Forgotten is how many transactions made room for later ones (Config.Keep).
	Forgotten int `json:"forgotten"`
	// Tokens are the cards that are kept for customers, or were; only in books without a restriction.
	Tokens []BookedToken `json:"tokens,omitempty"`
	// Contracts are the subscriptions with their renewals by period; only in books without a restriction.
	Contracts []BookedContract `json:"contracts,omitempty"`
}

// BookedTransaction is one transaction, also a refund, capture or void: their TxnType is REFUND, CAPTURE, VOID.
type BookedTransaction struct {
	TransactionID         string    `json:"transactionId"`
	OriginTransactionID   string    `json:"originTransactionId,omitempty"` // what a refund gives back, a capture takes, a void releases
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
	LpmsType              string    `json:"lpmsType,omitempty"` // the local payment method
	RedirectURL           string    `json:"redirectUrl"`
	NotifyURL             string    `json:"notifyUrl"`
	CreatedAt             time.Time `json:"createdAt"`
	ChangedAt             time.Time `json:"changedAt"`
	// PaymentStatus is that of the intent: of an AUTH A, S once captured, N once voided or lapsed. Refunds have none.
	PaymentStatus string `json:"paymentStatus,omitempty"`
	// Calls is how often it was asked for with this merchantTxnId.
	Calls int `json:"calls"`
}

// BookedOrder is what the provider knows of one merchantTxnOriginalId. Attempts and Successes are of sales and
// authorizations; Charged adds up sales and captures.
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

// Total is the money of one currency. Transactions and Succeeded count sales and authorizations only. Charged adds up sales
// and captures, Authorized what is held: it was neither captured nor voided and has not lapsed.
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
	books := s.ledger.books(q)
	s.addChargebacks(&books, q)
	if q == (BookQuery{}) {
		books.Tokens = s.vault.booked()
		books.Contracts = s.ledger.bookedContracts()
	}
	return books
}

// addChargebacks adds the chargebacks of the books' transactions, and what these hold. They do not change what was charged or
// refunded: an issuer takes money back on a way of its own.
func (s *Server) addChargebacks(books *Books, q BookQuery) {
	shown := map[string]bool{}
	for _, t := range books.Transactions {
		shown[t.TransactionID] = true
	}
	held := map[string]int64{}
	books.Chargebacks = s.bookedChargebacks(func(c chargeback) bool {
		wanted := q == (BookQuery{}) || shown[c.origin.id]
		if wanted && c.holds() {
			held[c.currency] += c.amount
		}
		return wanted
	})
	books.ChargedBack = make(map[string]string, len(held))
	for currency, amount := range held {
		books.ChargedBack[currency] = formatAmount(amount, currency)
	}
}

func (l *ledger) books(q BookQuery) Books {
	transactions, calls, sum, forgotten := l.copied(q)
	books := Books{Transactions: make([]BookedTransaction, 0, len(transactions)), Calls: calls, Forgotten: forgotten}
	for _, t := range transactions {
		sum.count(t.tally())
		books.Transactions = append(books.Transactions, t.booked())
		if t.merchantTxnID != "" {
			books.Calls[t.merchantTxnID] += t.calls
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
	switch {
	case q.MerchantTxnID != "":
		if calls := l.strays[q.MerchantTxnID]; calls > 0 && q.MerchantTxnOriginalID == "" {
			strays[q.MerchantTxnID] = calls
		}
	case q.MerchantTxnOriginalID == "":
		maps.Copy(strays, l.strays)
		sum.money = l.forgotten.copyMoney()
	}
	candidates := l.booksOf(q)
	found = make([]transaction, 0, len(candidates))
	for _, t := range candidates {
		found = append(found, l.seen(t))
	}
	return found, strays, sum, l.forgotten.transactions
}

// booksOf is what a query of the books selects. The caller holds the lock.
func (l *ledger) booksOf(q BookQuery) []*transaction {
	switch {
	case q.MerchantTxnID != "":
		return slices.DeleteFunc(l.withRetries(lookup(l.byMerchantTxn, []string{q.MerchantTxnID})), func(t *transaction) bool {
			return q.MerchantTxnOriginalID != "" && q.MerchantTxnOriginalID != t.originalID
		})
	case q.MerchantTxnOriginalID != "":
		return l.ofOrder(q.MerchantTxnOriginalID)
	default:
		return l.all.entries
	}
}

// ofOrder is an order's payments, their captures and voids, and the refunds of all these.
func (l *ledger) ofOrder(originalID string) []*transaction {
	found := slices.Clone(l.byOriginal[originalID])
	for _, payment := range l.byOriginal[originalID] {
		found = append(found, l.endings[payment.id]...)
	}
	for _, paid := range slices.Clone(found) {
		found = append(found, l.byOrigin[paid.id]...)
	}
	return found
}

func (t transaction) booked() BookedTransaction {
	paymentStatus := ""
	if t.refund == nil {
		paymentStatus = t.paymentStatus()
	}
	lpmsType := ""
	if t.local != nil {
		lpmsType = t.local.lpmsType
	}
	return BookedTransaction{
		LpmsType: lpmsType, OriginTransactionID: t.originID(), PaymentStatus: paymentStatus,
		TransactionID: t.id, PaymentID: t.paymentID,
		MerchantTxnID: t.merchantTxnID, MerchantTxnOriginalID: t.originalID,
		TxnType: t.txnType, Status: string(t.status),
		ReasonCode: t.reason.code, ReasonMessage: t.reason.message,
		OrderAmount: t.amountText(), OrderCurrency: t.currency,
		ECI: t.eci, CardBrand: t.card.brand, CardLast4: t.card.last4,
		RedirectURL: t.pageURL(), NotifyURL: t.notifyURL,
		CreatedAt: t.createdAt.UTC(), ChangedAt: t.changedAt.UTC(), Calls: t.calls,
	}
}
