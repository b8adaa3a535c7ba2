package report

import (
	"math/big"

	"tillway/internal/subscriptions/calendar"
)

// monthly is what an amount per interval comes to in a month, exactly: a year has 365 days, 365/7 weeks and 12 months.
func monthly(amount int64, interval calendar.Interval, count int64) *big.Rat {
	perMonth := new(big.Rat)
	switch interval {
	case calendar.IntervalDay:
		perMonth.SetFrac64(365, 12*count)
	case calendar.IntervalWeek:
		perMonth.SetFrac64(365, 84*count)
	case calendar.IntervalMonth:
		perMonth.SetFrac64(1, count)
	case calendar.IntervalYear:
		perMonth.SetFrac64(1, 12*count)
	}
	return perMonth.Mul(perMonth, new(big.Rat).SetInt64(amount))
}

// rounded is the nearest whole number, the greater of two that are equally near.
func rounded(r *big.Rat) int64 {
	doubled := new(big.Int).Lsh(r.Num(), 1)
	doubled.Add(doubled, r.Denom())
	return doubled.Div(doubled, new(big.Int).Lsh(r.Denom(), 1)).Int64()
}
