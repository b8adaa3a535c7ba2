package report_test

import (
	"encoding/json"
	"fmt"
	"math/big"
	"slices"
	"strings"
	"time"

	"tillway/internal/subscriptions/calendar"
	"tillway/internal/subscriptions/lifecycle"
	"tillway/internal/subscriptions/report"
)

// model is the report of lives, from their histories and nothing else.
func model(lives []*life, from, to time.Time) []report.Currency {
	byCurrency := map[string][]*life{}
	for _, l := range lives {
		byCurrency[l.currency] = append(byCurrency[l.currency], l)
	}
	var all []report.Currency
	for code, lives := range byCurrency {
		all = append(all, modelOf(code, lives, from, to))
	}
	slices.SortFunc(all, func(a, b report.Currency) int { return strings.Compare(a.Currency, b.Currency) })
	return all
}

func modelOf(code string, lives []*life, from, to time.Time) report.Currency {
	within := func(at time.Time) bool { return !at.Before(from) && at.Before(to) }
	c := report.Currency{Currency: strings.ToLower(code), Subscriptions: map[lifecycle.Status]int64{}}
	for _, status := range lifecycle.Statuses() {
		c.Subscriptions[status] = 0
	}
	revenue := new(big.Rat)
	retries := map[int64]int64{}
	for _, l := range lives {
		c.Subscriptions[l.status()]++
		if s := l.status(); s == lifecycle.StatusActive || s == lifecycle.StatusPastDue {
			revenue.Add(revenue, l.perMonth())
		}
		if l.runsAt(from) {
			c.AtStart++
		}
		for i, m := range l.moves {
			if !within(m.at) {
				continue
			}
			switch {
			case m.from == lifecycle.StatusIncomplete && !m.to.Final():
				c.New++
			case m.from == lifecycle.StatusIncomplete:
			case m.to.Final():
				modelChurn(&c.Churned, m)
			case m.to == lifecycle.StatusPastDue:
				modelDunning(&c.Dunning, retries, l.moves[i+1:])
			}
		}
		for _, p := range l.periods {
			if !p.paidAt.IsZero() && within(p.paidAt) {
				c.CollectedRevenue += l.amount
				if len(p.charges) > 1 {
					c.RecoveredRevenue += l.amount
				}
			}
		}
	}
	c.Dunning.Recovered.ByRetry = []report.ByRetry{}
	for n := range int64(20) {
		if retries[n] > 0 {
			c.Dunning.Recovered.ByRetry = append(c.Dunning.Recovered.ByRetry, report.ByRetry{Retry: n, Count: retries[n]})
		}
	}
	c.MRR = nearest(revenue)
	if c.AtStart > 0 {
		n := nearest(big.NewRat(10_000*c.Churned.Total, c.AtStart))
		text := json.Number(fmt.Sprintf("%d.%04d", n/10_000, n%10_000))
		c.ChurnRate = &text
	}
	return c
}

// perMonth is a life's share of the monthly revenue, in the words of the API document.
func (l *life) perMonth() *big.Rat {
	year := map[calendar.Interval]*big.Rat{
		calendar.IntervalDay: big.NewRat(365, 1), calendar.IntervalWeek: big.NewRat(365, 7),
		calendar.IntervalMonth: big.NewRat(12, 1), calendar.IntervalYear: big.NewRat(1, 1),
	}[l.interval]
	share := new(big.Rat).Mul(year, big.NewRat(l.amount, 12))
	return share.Quo(share, big.NewRat(l.count, 1))
}

func nearest(r *big.Rat) int64 {
	half := new(big.Rat).Add(r, big.NewRat(1, 2))
	return new(big.Int).Div(half.Num(), half.Denom()).Int64() // positive: towards zero is down
}

// runsAt reports whether it had begun and not ended.
func (l *life) runsAt(at time.Time) bool {
	status := lifecycle.StatusIncomplete
	for _, m := range l.moves {
		if m.at.Before(at) {
			status = m.to
		}
	}
	return status != lifecycle.StatusIncomplete && !status.Final()
}

func modelChurn(c *report.Churn, m move) {
	c.Total++
	switch {
	case m.from == lifecycle.StatusPastDue || m.from == lifecycle.StatusUnpaid:
		c.Dunning++
	case m.to == lifecycle.StatusCanceled:
		c.Canceled++
	default:
		c.Expired++
	}
}

func modelDunning(d *report.Dunning, retries map[int64]int64, after []move) {
	d.Entered++
	unpaid := false
	for _, m := range after {
		switch m.to {
		case lifecycle.StatusUnpaid:
			unpaid = true
			continue
		case lifecycle.StatusActive:
			d.Recovered.Total++
			if last := len(m.period.charges) - 1; m.period.charges[last] == "customer" {
				d.Recovered.ByNewCard++
			} else {
				n := int64(0)
				for _, initiator := range m.period.charges[:last] {
					if initiator == "merchant" {
						n++
					}
				}
				retries[n]++
			}
		case lifecycle.StatusCanceled:
			d.Canceled++
		case lifecycle.StatusExpired:
			d.Expired++
		default:
			d.Paused++
		}
		return
	}
	if unpaid {
		d.Unpaid++
	} else {
		d.Open++
	}
}
