package renewals

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"time"

	"tillway/internal/sandbox"
)

// Totals are what a comparison of the books covered.
type Totals struct {
	Begun, Orders, Paid, Declined, Technical, Missed int
	Charged                                          int64
	Statuses                                         map[string]int
}

// tell says how far the run is, after a look at the money.
func (r *run) tell(ctx context.Context, now time.Time) error {
	books, err := r.world.Provider.Books(ctx)
	if err != nil {
		return err
	}
	ours, err := read(ctx, r.world.DB)
	if err != nil {
		return err
	}
	r.report.AuditedMeantime++
	r.report.Findings = append(r.report.Findings, CompareMoney(ours.Payments, books, true)...)
	r.report.Now, r.report.Kills = now, r.killer.kills
	r.report.Totals = totals(ours, books)
	if r.setup.Passed != nil {
		r.setup.Passed(r.report)
	}
	return nil
}

// audit holds everything against everything.
func (r *run) audit(ctx context.Context) error {
	d, err := r.clock.due(ctx)
	if err != nil {
		return err
	}
	if err := r.begun(ctx); err != nil {
		return err
	}
	books, err := r.world.Provider.Books(ctx)
	if err != nil {
		return err
	}
	ours, err := read(ctx, r.world.DB)
	if err != nil {
		return err
	}
	findings := CompareMoney(ours.Payments, books, false)
	findings = append(findings, ours.Complaints...)
	seen := join(ours, books)
	for _, s := range r.stories {
		findings = append(findings, s.Judge(seen[s.ID], d.now)...)
	}
	r.report.Now, r.report.Totals = d.now, totals(ours, books)
	r.report.Findings = append(r.report.Findings, findings...)
	return nil
}

// begun notes whose purchase came to be.
func (r *run) begun(ctx context.Context) error {
	ours, err := read(ctx, r.world.DB)
	if err != nil {
		return err
	}
	for _, s := range r.stories {
		s.Begun = ours.Begun[s.ID]
	}
	return nil
}

// Payment is a payment of ours.
type Payment struct {
	MerchantTxnID, Order, Status string
	Amount                       int64
}

// CompareMoney holds our payments against the provider's books, both ways. While the run goes on, what is not settled yet is left.
func CompareMoney(payments []Payment, books sandbox.Books, open bool) (findings []string) {
	ours := make(map[string]Payment, len(payments))
	for _, p := range payments {
		ours[p.MerchantTxnID] = p
	}
	paid, successes := map[string]bool{}, map[string]int{}
	for _, t := range books.Transactions {
		if t.TxnType != "SALE" {
			continue
		}
		p, known := ours[t.MerchantTxnID]
		settled := !open || p.Status == "succeeded" || p.Status == "failed"
		switch charged := t.Status == "S"; {
		case !known:
			findings = append(findings, fmt.Sprintf("the provider has %s of %s %s, and we do not", t.MerchantTxnID, t.OrderAmount, t.OrderCurrency))
		case charged && settled && p.Status != "succeeded":
			findings = append(findings, fmt.Sprintf("the provider charged %s, and we say that it %s", t.MerchantTxnID, p.Status))
		case !charged && p.Status == "succeeded":
			findings = append(findings, fmt.Sprintf("we say that %s succeeded, and the provider says %s", t.MerchantTxnID, t.Status))
		case charged && minor(t.OrderAmount) != p.Amount:
			findings = append(findings, fmt.Sprintf("the provider charged %s for %s, and we say %d", t.OrderAmount, t.MerchantTxnID, p.Amount))
		}
		if t.Status == "S" {
			paid[t.MerchantTxnID] = true
			if successes[t.MerchantTxnOriginalID]++; successes[t.MerchantTxnOriginalID] > 1 {
				findings = append(findings, fmt.Sprintf("the provider charged order %s more than once", t.MerchantTxnOriginalID))
			}
		}
		if t.Calls > 1 {
			findings = append(findings, fmt.Sprintf("%s was sent %d times", t.MerchantTxnID, t.Calls))
		}
	}
	for _, p := range payments {
		if p.Status == "succeeded" && !paid[p.MerchantTxnID] {
			findings = append(findings, fmt.Sprintf("we say that %s succeeded, and the provider did not charge it", p.MerchantTxnID))
		}
		if !open && p.Status != "succeeded" && p.Status != "failed" {
			findings = append(findings, fmt.Sprintf("%s is still %s", p.MerchantTxnID, p.Status))
		}
	}
	return findings
}

// minor reads an amount with two decimals in minor units; -1 for anything else.
func minor(text string) int64 {
	whole, cents, ok := strings.Cut(text, ".")
	var amount int64
	if !ok || len(cents) != 2 {
		return -1
	}
	for _, digit := range whole + cents {
		if digit < '0' || digit > '9' {
			return -1
		}
		amount = 10*amount + int64(digit-'0')
	}
	return amount
}

// join brings together what both sides tell of each subscription.
func join(o ours, books sandbox.Books) map[string]Seen {
	attempts := map[string][]Attempt{}
	for _, t := range books.Transactions {
		if t.TxnType == "SALE" {
			attempts[t.MerchantTxnOriginalID] = append(attempts[t.MerchantTxnOriginalID], Attempt{
				At: t.CreatedAt, Paid: t.Status == "S", Code: t.ReasonCode, Amount: minor(t.OrderAmount),
			})
		}
	}
	byPurchase := map[string]string{}
	for _, c := range books.Contracts {
		byPurchase[c.MerchantTxnID] = c.SubscriptionStatus
	}
	for id, seen := range o.Seen {
		seen.Attempts = map[string][]Attempt{}
		for _, order := range seen.Orders {
			seen.Attempts[order.ID] = sorted(attempts[order.ID])
		}
		for _, purchase := range o.Purchases[id] {
			if state, known := byPurchase[purchase]; known {
				seen.Contracts = append(seen.Contracts, state)
			}
		}
		slices.Sort(seen.Contracts)
		o.Seen[id] = seen
	}
	return o.Seen
}

func totals(o ours, books sandbox.Books) Totals {
	t := Totals{Statuses: map[string]int{}, Begun: len(o.Begun)}
	for _, seen := range o.Seen {
		t.Orders += len(seen.Orders)
		t.Statuses[seen.Status]++
		for _, order := range seen.Orders {
			t.Missed += count(order.Review)
		}
	}
	sent := map[string]bool{}
	for _, b := range books.Transactions {
		switch sent[b.MerchantTxnID] = true; {
		case b.TxnType != "SALE":
		case b.Status == "S":
			t.Paid++
			t.Charged += minor(b.OrderAmount)
		default:
			t.Declined++
		}
	}
	for _, p := range o.Payments {
		t.Technical += count(!sent[p.MerchantTxnID])
	}
	return t
}
