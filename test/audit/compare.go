package audit

import (
	"context"
	"fmt"
	"strings"

	"github.com/jackc/pgx/v5/pgxpool"

	"tillway/internal/ids"
	"tillway/internal/money"
	"tillway/internal/sandbox"
	"tillway/test/storefront"
)

// Case is what is to be compared.
type Case struct {
	DB         *pgxpool.Pool
	Books      sandbox.Books
	Deliveries []sandbox.Delivery
	Told       []storefront.Told
	// Bursts are payments of which refunds were asked for at once, one of which there was room for.
	Bursts []string
	// Strays are merchantTxnIds that somebody else charged on the merchant's account: theirs alone, and rightly so.
	Strays map[string]bool
}

// Report is what a comparison saw. Amounts are minor units.
type Report struct {
	Orders   int `json:"orders"`
	Payments int `json:"payments"`
	Paid     int `json:"paid"`
	Failed   int `json:"failed"`
	Surplus  int `json:"surplus"`
	Refunds  int `json:"refunds"`
	// Holds are authorizations, of which some were captured, some voided, and some still hold money.
	Holds    int `json:"holds"`
	Captures int `json:"captures"`
	Voids    int `json:"voids"`
	Review   int `json:"review"`
	// Hosted and Saved are payments on the provider's page and with saved cards, Cards are those that are saved.
	Hosted int `json:"hosted"`
	Saved  int `json:"saved"`
	Cards  int `json:"cards"`
	// Approved and Rejected are refunds that a second person decided on, Bursts those of which only one was possible.
	Approved int `json:"approved"`
	Rejected int `json:"rejected"`
	Bursts   int `json:"bursts"`
	// Disputes are chargebacks and warnings; Claimed is what we say banks have taken, ChargedBack what the provider says.
	Disputes    int   `json:"disputes"`
	Claimed     int64 `json:"claimed"`
	ChargedBack int64 `json:"charged_back"`
	// Charged is what the provider took, Captured what we say it took.
	Charged  int64 `json:"charged"`
	Captured int64 `json:"captured"`
	// GivenBack is what the provider gave back, Refunded what we say it gave back.
	GivenBack int64    `json:"given_back"`
	Refunded  int64    `json:"refunded"`
	Findings  []string `json:"findings"`
}

// Compare holds both sides against each other.
func Compare(ctx context.Context, c Case) (Report, error) {
	side, err := readOurs(ctx, c.DB)
	if err != nil {
		return Report{}, err
	}
	return compare(side, c), nil
}

func compare(side *ours, c Case) Report {
	a := &auditor{ours: side, c: c, successes: map[string]int{}, charged: map[string]bool{}, givenBack: map[string]bool{}, ended: map[string]bool{}}
	a.theirs()
	a.ourOrders()
	a.ourPayments()
	a.ourRefunds()
	a.ourEndings()
	a.cards()
	a.disputes()
	a.bursts()
	a.promises()
	a.totals()
	return a.report
}

type auditor struct {
	ours   *ours
	c      Case
	report Report
	// successes counts what the provider charged, by our order's id.
	successes map[string]int
	// charged are the merchantTxnIds of what it charged.
	charged map[string]bool
	// ended are the merchantTxnIds of the captures and voids that it carried out.
	ended map[string]bool
	// givenBack are the merchantTxnIds of the refunds that it carried out.
	givenBack map[string]bool
}

func (a *auditor) find(format string, args ...any) {
	a.report.Findings = append(a.report.Findings, fmt.Sprintf(format, args...))
}

// theirs walks the provider's books: what it charged must be ours, known, and charged once.
func (a *auditor) theirs() {
	for _, t := range a.c.Books.Transactions {
		if a.c.Strays[t.MerchantTxnID] {
			continue
		}
		switch t.TxnType {
		case "REFUND":
			a.theirRefund(t)
		case "CAPTURE", "VOID":
			a.theirEnding(t)
		default:
			a.theirPayment(t)
		}
	}
	for id, calls := range a.c.Books.Calls {
		if calls > 1 && !a.c.Strays[id] {
			a.find("%s was sent %d times", id, calls)
		}
	}
}

// theirPayment holds a sale or an authorization in the provider's books to ours.
func (a *auditor) theirPayment(t sandbox.BookedTransaction) {
	p, known := a.ours.payments[t.MerchantTxnID]
	switch {
	case !known:
		a.find("the provider has payment %s (%s), which we do not", t.MerchantTxnID, t.Status)
	case t.Status == "P" || t.Status == "R" || t.Status == "U":
		a.find("the provider has not ended payment %s: %s", p.name(), t.Status)
	case t.Status == "S" && t.TxnType == "AUTH":
		a.theirHold(t, p)
	case t.Status == "S":
		a.charge(t, p)
	}
}

// charge holds money that the provider took to the payment that it is of.
func (a *auditor) charge(t sandbox.BookedTransaction, p *payment) {
	minor := minorOf(t.OrderAmount, t.OrderCurrency)
	if a.charged[p.MerchantTxnID] {
		a.find("payment %s was charged twice", p.name())
	}
	a.charged[p.MerchantTxnID] = true
	a.successes[ids.From[ids.OrderEntity](p.OrderID).String()]++
	a.report.Charged += minor
	if p.Status != "succeeded" {
		a.find("payment %s was charged and is %s here", p.name(), p.Status)
	}
	if p.Captured != minor || !strings.EqualFold(p.Currency, t.OrderCurrency) {
		a.find("payment %s: %s %s charged, %d captured here", p.name(), t.OrderAmount, t.OrderCurrency, p.Captured)
	}
}

// ourOrders holds every order to its payments, its charges and its events.
func (a *auditor) ourOrders() {
	for id, o := range a.ours.orders {
		a.report.Orders++
		if o.Reviewed {
			a.report.Review++
		}
		var counted, refunded int64
		holders := 0
		for _, p := range a.ours.ofOrder[id] {
			if p.Status != "succeeded" || p.Surplus {
				continue
			}
			holders++
			counted += p.Captured
			refunded += p.Refunded
		}
		switch {
		case holders > 1:
			a.find("order %s is paid by %d payments", id, holders)
		case counted != o.AmountPaid:
			a.find("order %s: %d paid, its payments hold %d", id, o.AmountPaid, counted)
		case refunded != o.Refunded:
			a.find("order %s: %d refunded, its payments say %d", id, o.Refunded, refunded)
		case o.AmountPaid != 0 && o.AmountPaid != o.Amount:
			a.find("order %s: %d paid of %d", id, o.AmountPaid, o.Amount)
		}
		if o.AmountPaid > 0 {
			a.report.Paid++
		}
		if o.Events != o.LastSequence || o.FirstEvent != 1 || o.LastEvent != o.LastSequence {
			a.find("order %s: %d events from %d to %d, the last should be %d", id, o.Events, o.FirstEvent, o.LastEvent, o.LastSequence)
		}
	}
}

// ourPayments holds every payment to what the provider did, and surplus money to being given back or reviewed.
func (a *auditor) ourPayments() {
	for id, p := range a.ours.payments {
		a.report.Payments++
		a.report.Captured += p.Captured
		if p.Open {
			a.find("payment %s is still open: %s", p.name(), p.Status)
		}
		if p.Status == "failed" {
			a.report.Failed++
		}
		if p.Method == "hosted" {
			a.report.Hosted++
		}
		if p.Saved {
			a.report.Saved++
		}
		if p.Status == "succeeded" && !a.charged[id] {
			a.find("payment %s is succeeded and was not charged", p.name())
		}
		if p.Surplus {
			a.report.Surplus++
			of := a.ours.orders[ids.From[ids.OrderEntity](p.OrderID).String()]
			if p.Refunded != p.Captured && !of.Reviewed {
				a.find("payment %s is surplus, not given back and not under review", p.name())
			}
		}
		if p.Refunded+p.RefundPending+p.Disputed > p.Captured {
			a.find("payment %s: %d refunded, %d pending and %d disputed of %d", p.name(), p.Refunded, p.RefundPending, p.Disputed, p.Captured)
		}
	}
	for id, n := range a.successes {
		surplus := 0
		for _, p := range a.ours.ofOrder[id] {
			if p.Surplus && p.Status == "succeeded" {
				surplus++
			}
		}
		if n-surplus > 1 {
			a.find("order %s was charged %d times, %d of them surplus", id, n, surplus)
		}
	}
}

func (a *auditor) totals() {
	if a.report.Charged != a.report.Captured {
		a.find("the provider charged %d in all, we say %d", a.report.Charged, a.report.Captured)
	}
	if a.report.GivenBack != a.report.Refunded {
		a.find("the provider gave %d back in all, we say %d", a.report.GivenBack, a.report.Refunded)
	}
	if a.report.ChargedBack != a.report.Claimed {
		a.find("banks have taken %d back in all, we say %d", a.report.ChargedBack, a.report.Claimed)
	}
}

// minorOf reads the provider's amount; what cannot be read is no amount of ours, and shows as a difference.
func minorOf(text, code string) int64 {
	currency, err := money.ParseCurrency(code)
	if err != nil {
		return -1
	}
	amount, err := money.ParseDecimal(text, currency)
	if err != nil {
		return -1
	}
	return amount.Minor
}
