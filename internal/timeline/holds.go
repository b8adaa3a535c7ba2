package timeline

import (
	"fmt"
	"time"

	"tillway/internal/ids"
	"tillway/internal/orders"
)

// modificationOf is the newest capture or void of a payment, nil when there is none.
func modificationOf(h orders.History, payment ids.Payment) *orders.Modification {
	for _, m := range h.Modifications {
		if m.Payment == payment {
			return &m
		}
	}
	return nil
}

// holdStep says how long a payment holds money, and where its capture or void stands.
func holdStep(p orders.PaymentHistory, m *orders.Modification, now time.Time) (Step, bool) {
	if !p.Held() {
		return Step{}, false
	}
	if m != nil && m.Status.Open() {
		at := m.NextCheckAt.Unix()
		return Step{At: &at, Text: sentences(
			fmt.Sprintf("The %s of %s is under way; it is not known yet whether it was carried out.", m.Kind, lower(attempt(p.Attempt))),
			asked([]time.Time{m.NextCheckAt}, now),
		)}, true
	}
	failed := ""
	if m != nil && m.Failure != nil {
		failed = fmt.Sprintf("The last %s failed: %s", m.Kind, m.Failure.Message)
	}
	if p.HoldEnds.IsZero() {
		return Step{Text: failed}, failed != ""
	}
	at := p.HoldEnds.Unix()
	return Step{At: &at, Text: sentences(failed, fmt.Sprintf("%s can be captured or voided until %s; then its authorization lapses.",
		attempt(p.Attempt), clock(p.HoldEnds)))}, true
}
