package orders

import (
	"context"
	"errors"
	"fmt"
	"time"

	"tillway/internal/fault"
	"tillway/internal/ids"
	"tillway/internal/postgres"
	"tillway/internal/postgres/dbsqlc"
)

// AuthExpiryAction is what is done about an authorization that nobody has captured, half a day before it lapses.
type AuthExpiryAction string

// The expiry actions.
const (
	// AuthExpiryWarn tells of it by the event payment.authorization_expiring; the hold then lapses by itself.
	AuthExpiryWarn AuthExpiryAction = "warn"
	// AuthExpiryVoid gives it up, so that the shopper has the money back at once.
	AuthExpiryVoid AuthExpiryAction = "void"
)

const (
	// expiryNotice is how long before its end a hold is warned of or given up.
	expiryNotice = 12 * time.Hour
	// lapseMargin is how much longer than promised a hold is taken to last: the provider counts by its own clock.
	lapseMargin = time.Hour
	// voidRetry is when a hold is given up again after the provider could not be reached.
	voidRetry = 15 * time.Minute
)

// The decline codes of holds that ended without a capture.
const (
	declineVoided = "authorization_voided"
	declineLapsed = "authorization_lapsed"
)

// Held reports whether the payment can be captured or voided.
func (p Payment) Held() bool { return p.Status == PaymentAuthorized }

// released reports whether the payment's hold was given up, or has lapsed. PaymentsReleased asks the same of an order.
func (p Payment) released() bool {
	return p.Failure != nil && (p.Failure.DeclineCode == declineVoided || p.Failure.DeclineCode == declineLapsed)
}

// noticeAt is when something is done about a hold that nobody has captured.
func (r rules) noticeAt(p Payment) time.Time { return p.SentAt.Add(r.holdLasts - expiryNotice) }

// lapseAt is when the payment's hold has surely ended.
func (r rules) lapseAt(p Payment) time.Time { return p.SentAt.Add(r.holdLasts + lapseMargin) }

// holdCheck is the next time at which a hold is looked after. Once set it stands: what was due must not be put off by news.
func (r rules) holdCheck(p Payment, now time.Time) time.Time {
	notice, lapse := r.noticeAt(p), r.lapseAt(p)
	switch {
	case p.NextCheckAt.Equal(notice) || p.NextCheckAt.Equal(lapse):
		return p.NextCheckAt
	case now.Before(notice):
		return notice
	default:
		return lapse
	}
}

// lapsed reports whether a query still tells of an authorization whose time is over. The provider's record of it does not
// change when the issuer releases the money (Onerway contract §8.9).
func (r rules) lapsed(p Payment, ev Evidence, now time.Time) bool {
	return r.holdLasts > 0 && p.Held() && ev.Source == SourceQuery && ev.Outcome == OutcomeAuthorized && !now.Before(r.lapseAt(p))
}

// expiring reports whether something is to be done about the hold now, before it lapses.
func (r rules) expiring(p Payment, now time.Time) bool {
	return r.holdLasts > 0 && p.Held() && p.Confirmed && !now.Before(r.noticeAt(p)) && now.Before(r.lapseAt(p))
}

// lapse explains the end of a hold whose time is over.
func lapse() *Failure {
	return &Failure{
		Code: "processing_error", DeclineCode: declineLapsed, Category: FailureSoft,
		Message: "The authorization was not captured in time and has lapsed. Nothing was charged.",
	}
}

// endHold does with a claimed payment, whose hold is about to lapse, what is configured.
func (s *Service) endHold(ctx context.Context, p Payment) error {
	if s.config.AuthExpiry == AuthExpiryVoid {
		return s.giveUp(ctx, p)
	}
	return s.warnOfLapse(ctx, p)
}

// giveUp voids the payment. One that is being captured is left alone, and one whose void is refused left to lapse.
func (s *Service) giveUp(ctx context.Context, p Payment) error {
	next := s.rules().lapseAt(p)
	_, err := s.Void(ctx, CaptureRequest{Payment: p.ID, CorrelationID: p.CorrelationID})
	if kind := fault.KindOf(err); kind == fault.Unavailable {
		next = s.now().Add(voidRetry)
	} else if kind == fault.Conflict {
		err = nil
	}
	return errors.Join(err, s.postpone(ctx, p, next))
}

// warnOfLapse tells of the hold's end once: the event and the next check are one statement. A payment that was captured or
// voided since it was claimed needs no warning.
func (s *Service) warnOfLapse(ctx context.Context, p Payment) error {
	object, err := asJSON(p.Resource())
	if err != nil {
		return err
	}
	err = s.queries.PaymentWarnOfLapse(ctx, dbsqlc.PaymentWarnOfLapseParams{
		ID: p.ID.UUID(), OrderID: p.Order.UUID(), LeaseUntil: p.NextCheckAt, LapseAt: s.rules().lapseAt(p), EventID: ids.New[ids.EventEntity]().UUID(),
		EventObject: object, CorrelationID: p.CorrelationID, Now: s.now(),
	})
	if err != nil {
		return fmt.Errorf("warn of the end of payment %s: %w", p.ID, postgres.Translate(err))
	}
	return nil
}
