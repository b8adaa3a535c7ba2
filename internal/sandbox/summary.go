package sandbox

// Summary is the books in short: what there is to compare of each order, quickly, however many there are.
type Summary struct {
	Orders []BookedOrder    `json:"orders"`
	Totals map[string]Total `json:"totals"`
	// Violations are the orders that were charged twice, or of which more is refunded than was charged: always none,
	// unless SimOptions lift the brakes.
	Violations []BookedOrder `json:"violations"`
	Forgotten  int           `json:"forgotten"`
}

// Summary returns the books in short. It holds up the calls of merchants only for as long as it takes to copy a few words
// per transaction.
func (s *Server) Summary(q BookQuery) Summary {
	tallies, sum, forgotten := s.ledger.tallies(q)
	for _, t := range tallies {
		sum.count(t)
	}
	short := Summary{Forgotten: forgotten, Violations: []BookedOrder{}}
	short.Orders, short.Totals = sum.result()
	for _, o := range sum.orders {
		if o.violated() {
			short.Violations = append(short.Violations, o.booked())
		}
	}
	return short
}

func (l *ledger) tallies(q BookQuery) (tallies []tally, sum *summary, forgotten int) {
	l.mu.Lock()
	defer l.mu.Unlock()
	sum = newSummary()
	if q == (BookQuery{}) {
		sum.money = l.forgotten.copyMoney()
	}
	selected := l.booksOf(q)
	tallies = make([]tally, 0, len(selected))
	for _, t := range selected {
		tallies = append(tallies, l.tally(t))
	}
	return tallies, sum, l.forgotten.transactions
}

// tally is what adding up needs of a transaction.
type tally struct {
	originalID, currency, txnType string
	status                        status
	amount                        int64
	held                          bool // of an authorization: neither captured nor voided nor lapsed
}

// tally is of a copy that knows how its hold stands (seen).
func (t *transaction) tally() tally {
	held := t.authorized() && (t.hold == holdStands || t.hold == holdEnding)
	return tally{t.originalID, t.currency, t.txnType, t.status, t.amount, held}
}

// tally is of a transaction in the books. The caller holds the lock.
func (l *ledger) tally(t *transaction) tally {
	if !t.authorized() {
		return t.tally()
	}
	view := l.seen(t)
	return view.tally()
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

func (s *summary) count(t tally) {
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
	switch t.txnType {
	case txnRefund:
		order.countRefund(t)
		return
	case txnCapture, txnVoid:
	default:
		order.attempts++
		if t.status == statusSuccess {
			order.successes++
		}
	}
	order.charged += t.charged()
}

// charged is what the transaction took of the shopper's money, in minor units: by a sale or a capture.
func (t tally) charged() int64 {
	if t.status == statusSuccess && (t.txnType == "SALE" || t.txnType == txnCapture) {
		return t.amount
	}
	return 0
}

func (o *orderSum) countRefund(t tally) {
	o.refunds++
	switch {
	case t.status == statusSuccess:
		o.refunded += t.amount
	case t.status.claims():
		o.pending += t.amount
	}
}

// addMoney counts a transaction by its currency only.
func (s *summary) addMoney(t tally) {
	s.transactions++
	money := s.money[t.currency]
	if money == nil {
		money = &moneySum{}
		s.money[t.currency] = money
	}
	switch t.txnType {
	case txnRefund:
		money.refunds++
		if t.status == statusSuccess {
			money.refunded += t.amount
		}
		return
	case txnCapture, txnVoid:
	default:
		money.transactions++
		if t.status == statusSuccess {
			money.succeeded++
		}
	}
	if t.held {
		money.authorized += t.amount
	}
	money.charged += t.charged()
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
		orders = append(orders, o.booked())
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

func (o *orderSum) booked() BookedOrder {
	return BookedOrder{
		MerchantTxnOriginalID: o.id, Attempts: o.attempts, Successes: o.successes,
		Charged: formatAmount(o.charged, o.currency), Currency: o.currency,
		Refunds: o.refunds, Refunded: formatAmount(o.refunded, o.currency), RefundPending: formatAmount(o.pending, o.currency),
	}
}

// violated tells whether the order breaks what the provider holds. An order without attempts has its payment forgotten.
func (o *orderSum) violated() bool {
	return o.successes > 1 || (o.attempts > 0 && o.refunded+o.pending > o.charged)
}
