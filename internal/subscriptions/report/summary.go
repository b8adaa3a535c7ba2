package report

import (
	"encoding/json"
	"fmt"
	"math/big"
	"time"

	"tillway/internal/subscriptions/lifecycle"
)

// Summary is how subscriptions do, by currency: how they stand at AsOf, and what happened from From until before To.
type Summary struct {
	From, To, AsOf time.Time
	Currencies     []Currency
}

// Currency is the summary of the subscriptions of one currency. Amounts are its minor units.
type Currency struct {
	Currency string `json:"currency"`
	// MRR is what active and past due subscriptions come to in a month: a day's amount times 365/12, a week's times 365/84, a
	// year's divided by 12, each by the number of intervals. The sum is exact; it is rounded once, to the nearest unit, halves up.
	MRR int64 `json:"mrr"`
	// Subscriptions is how many there are now, by status.
	Subscriptions map[lifecycle.Status]int64 `json:"subscriptions"`
	// AtStart is how many had begun and not ended when the range began.
	AtStart int64 `json:"at_start"`
	// New is how many began in the range, trials included.
	New     int64 `json:"new"`
	Churned Churn `json:"churned"`
	// ChurnRate is Churned.Total by AtStart, to four decimals; nil where there were none at the start.
	ChurnRate *json.Number `json:"churn_rate"`
	// CollectedRevenue is what was paid in the range for periods, refunds not taken off; RecoveredRevenue is the part that was paid
	// after a first charge had failed.
	CollectedRevenue int64   `json:"collected_revenue"`
	RecoveredRevenue int64   `json:"recovered_revenue"`
	Dunning          Dunning `json:"dunning"`
}

// Churn counts the subscriptions that had begun and ended in the range: canceled, because they had run their time (expired), or
// in either way while they owed a period (dunning).
type Churn struct {
	Total    int64 `json:"total"`
	Canceled int64 `json:"canceled"`
	Expired  int64 `json:"expired"`
	Dunning  int64 `json:"dunning"`
}

// Dunning is what has become by now of the subscriptions that went past due in the range, each time counted: Entered is the sum of
// all others.
type Dunning struct {
	Entered   int64     `json:"entered"`
	Recovered Recovered `json:"recovered"`
	Unpaid    int64     `json:"unpaid"`
	Canceled  int64     `json:"canceled"`
	Expired   int64     `json:"expired"`
	Paused    int64     `json:"paused"`
	Open      int64     `json:"open"`
}

// Recovered counts what was paid in the end: by a charge of ours, or by the customer with a new card.
type Recovered struct {
	Total     int64     `json:"total"`
	ByRetry   []ByRetry `json:"by_retry"`
	ByNewCard int64     `json:"by_new_card"`
}

// ByRetry counts what the charge paid that was the Retry-th after the first; 0 is the first, whose success was told late.
type ByRetry struct {
	Retry int64 `json:"retry"`
	Count int64 `json:"count"`
}

// account gathers what was read of one currency.
type account struct {
	Currency

	mrr          *big.Rat
	living       int64 // now
	begun, ended int64 // since the range began, until now
}

// close makes of what was gathered what is told.
func (a *account) close() Currency {
	c := a.Currency
	c.MRR = rounded(a.mrr)
	c.AtStart = a.living - a.begun + a.ended
	c.ChurnRate = rate(c.Churned.Total, c.AtStart)
	return c
}

// rate is a share in four decimals, rounded to the nearest, halves up; nil of nothing.
func rate(part, whole int64) *json.Number {
	if whole <= 0 {
		return nil
	}
	const unit = 10_000
	n := rounded(new(big.Rat).Mul(big.NewRat(part, whole), big.NewRat(unit, 1)))
	text := json.Number(fmt.Sprintf("%d.%04d", n/unit, n%unit))
	return &text
}
