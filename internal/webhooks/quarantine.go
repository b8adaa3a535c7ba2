package webhooks

import (
	"context"
	"crypto/sha256"
	"errors"
	"log/slog"
	"sync"
	"time"

	"tillway/internal/onerway"
	"tillway/internal/redact"
	"tillway/internal/telemetry"
)

// Whoever can reach us can be quarantined, so that must not be a way to fill our disk: bodies are cut, and above so many a
// minute and process they are only counted.
const (
	maxQuarantinedBody  = 8 << 10
	quarantinePerMinute = 60
)

// quarantine sets a message apart that is not proven to be the provider's. Failing to do so is no reason to answer
// differently: it is refused either way.
func (r *Receiver) quarantine(ctx context.Context, d Delivery, why *doubt) {
	telemetry.AddField(ctx, slog.String("reason", why.reason))
	admitted, dropped := r.gate.admit()
	if dropped > 0 {
		r.log.WarnContext(ctx, "refused notifications were only counted", slog.Int("count", dropped))
	}
	if !admitted {
		r.metrics.Notification(ctx, "dropped")
		return
	}
	r.count(ctx, statusQuarantined)
	rec, err := r.suspect(ctx, d)
	if err == nil {
		ctx, cancel := context.WithTimeoutCause(context.WithoutCancel(ctx), storePatience, errors.New("quarantine took too long"))
		defer cancel()
		_, err = r.queries.NotificationKeep(ctx, rec.kept(statusQuarantined, why.reason, r.now()))
	}
	if err != nil {
		r.log.WarnContext(ctx, "quarantine notification", slog.Any("error", err))
	}
}

// suspect is what is kept of an unproven message: what it claims to be, and the beginning of its redacted text.
func (r *Receiver) suspect(ctx context.Context, d Delivery) (record, error) {
	fields, err := onerway.ParseFields(d.Body)
	if err != nil {
		return record{}, err // not reached: what is no object was refused before
	}
	body, err := redact.JSON(d.Body)
	if err != nil {
		return record{}, err
	}
	return record{
		hash: sha256.Sum256(d.Body), notifyType: word("notifyType", fields["notifyType"]),
		txnType: word("txnType", fields["txnType"]), transactionID: word("transactionId", fields["transactionId"]),
		merchantTxn: word("merchantTxnId", fields["merchantTxnId"]), source: address(d.Source),
		body: []byte(clip(string(body), maxQuarantinedBody)), correlationID: telemetry.CorrelationID(ctx),
	}, nil
}

// gate lets so many through in each minute and counts the others.
type gate struct {
	now func() time.Time

	mu      sync.Mutex
	minute  time.Time
	taken   int
	dropped int
}

func newGate(now func() time.Time) *gate { return &gate{now: now} }

// admit reports whether one more may pass, and how many did not in the minute that has just ended.
func (g *gate) admit() (admitted bool, dropped int) {
	minute := g.now().Truncate(time.Minute)
	g.mu.Lock()
	defer g.mu.Unlock()
	if !minute.Equal(g.minute) {
		dropped = g.dropped
		g.minute, g.taken, g.dropped = minute, 0, 0
	}
	if g.taken >= quarantinePerMinute {
		g.dropped++
		return false, dropped
	}
	g.taken++
	return true, dropped
}
