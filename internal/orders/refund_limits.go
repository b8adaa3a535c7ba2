package orders

import (
	"math"
	"time"

	"tillway/internal/fault"
)

// MayRefund reports whether a refund of the payment as it was read may be asked for now.
func (s *Service) MayRefund(p Payment) bool {
	return p.Refundable() > 0 && s.withinLimits(p.FinalAt, p.RefundCount) == nil
}

// MayRefundOrder reports whether a refund of the order as it was read may be asked for now.
func (s *Service) MayRefundOrder(o Order) bool {
	return o.Refundable() > 0 && s.withinLimits(o.PaidAt, o.RefundCount) == nil
}

// withinLimits refuses what the merchant's own limits forbid, of money that was taken at a time and of which a number of refunds
// count. What a policy owes the shopper is not held to them.
func (s *Service) withinLimits(paidAt time.Time, refunds int) error {
	if paidAt.Before(s.refundablePaidSince()) {
		return fault.New(fault.Refused, "refund_window_closed", "A payment can be refunded for %s after it succeeded; this one succeeded at %s.",
			s.config.RefundWindow, paidAt.UTC().Format(time.RFC3339))
	}
	if int64(refunds) >= s.refundMaxCount() {
		return fault.New(fault.Refused, "refund_count_exceeded",
			"A payment can be refunded %d times, and this one has %d refunds that succeeded or may yet.", s.config.RefundMaxCount, refunds)
	}
	return nil
}

// refundablePaidSince is from when on money must have been taken to be given back now.
func (s *Service) refundablePaidSince() time.Time {
	if s.config.RefundWindow == 0 {
		return time.Time{}
	}
	return s.now().Add(-s.config.RefundWindow)
}

// refundMaxCount is how many refunds of one payment may count.
func (s *Service) refundMaxCount() int64 {
	if s.config.RefundMaxCount == 0 {
		return math.MaxInt64
	}
	return int64(s.config.RefundMaxCount)
}
