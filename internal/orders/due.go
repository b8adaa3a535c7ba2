package orders

import (
	"errors"
	"time"
)

// settleLease is how long a claimed check belongs to its worker; one that dies leaves it to be claimed again, so it is also
// what a killed process costs the payments that it was asking about.
const settleLease = 30 * time.Second

// soonestRetry is how soon, at the earliest, a question that was not answered is asked again.
const soonestRetry = 15 * time.Second

// read maps claimed rows. Those that cannot be read are told in the error, beside the others: one row that another version
// wrote must not keep the rest from being settled.
func read[Row, T any](rows []Row, from func(Row) (T, error)) ([]T, error) {
	claimed := make([]T, 0, len(rows))
	var failures []error
	for _, row := range rows {
		one, err := from(row)
		if err != nil {
			failures = append(failures, err)
			continue
		}
		claimed = append(claimed, one)
	}
	return claimed, errors.Join(failures...)
}

// afterSilence is when something sent at sentAt is asked about again after a question that was not answered. Such a question
// uses up no step of the schedule, whose last ones are hours and days apart: it is asked again after a tenth of the age, so
// that what an outage left open is settled soon after it, however long it was.
func (s Schedule) afterSilence(sentAt, now time.Time) time.Time {
	next := s.Next(sentAt, now)
	if again := now.Add(max(now.Sub(sentAt)/10, soonestRetry)); again.Before(next) {
		return again
	}
	return next
}
