package orders

import (
	"context"
	"errors"
	"fmt"
	"math"
	"time"

	"tillway/internal/failpoint"
	"tillway/internal/fault"
	"tillway/internal/ids"
	"tillway/internal/money"
	"tillway/internal/postgres"
	"tillway/internal/postgres/dbsqlc"
)

// RefundApproval is what a second person had to say to a refund. Who and when are empty while it is required.
type RefundApproval struct {
	Status    RefundApprovalStatus
	DecidedBy string
	DecidedAt time.Time
}

// RefundApprovalDetails is the public form of a RefundApproval.
type RefundApprovalDetails struct {
	Status    RefundApprovalStatus `json:"status"`
	DecidedBy *string              `json:"decided_by"`
	DecidedAt *int64               `json:"decided_at"`
}

func (a *RefundApproval) details() *RefundApprovalDetails {
	if a == nil {
		return nil
	}
	d := &RefundApprovalDetails{Status: a.Status, DecidedBy: nilIfEmpty(a.DecidedBy)}
	if !a.DecidedAt.IsZero() {
		at := a.DecidedAt.Unix()
		d.DecidedAt = &at
	}
	return d
}

func (a *RefundApproval) columns() (status, decidedBy *string, decidedAt *time.Time) {
	if a == nil {
		return nil, nil, nil
	}
	text := string(a.Status)
	return &text, nilIfEmpty(a.DecidedBy), timeOrNil(a.DecidedAt)
}

// ApprovalThresholds is how much of one payment may be refunded, all its refunds together, without a second person: minor
// units by currency code, and under "" for all currencies that are not named. A currency without either has no threshold.
type ApprovalThresholds map[string]int64

func (t ApprovalThresholds) of(c money.Currency) int64 {
	if above, named := t[c.Code()]; named {
		return above
	}
	if above, general := t[""]; general {
		return above
	}
	return math.MaxInt64
}

// AwaitsApproval reports whether the refund waits for a second person.
func (r Refund) AwaitsApproval() bool {
	return r.Status == RefundPending && r.Approval != nil && r.Approval.Status == RefundApprovalRequired
}

// Approvable reports whether the principal may decide on the refund now: it waits, and somebody else asked for it.
func (r Refund) Approvable(principal string) bool {
	return r.AwaitsApproval() && r.CreatedBy != principal
}

// ApproveRefund lets a refund be sent that waits for a second person, and sends it as Refund does. The approval is a commit of
// its own; a process that dies after it leaves the sending to the sweep. The same approval by the same principal answers the
// refund again. It returns a fault NotFound; Forbidden to who asked for the refund; Conflict refund_not_awaiting_approval.
func (s *Service) ApproveRefund(ctx context.Context, id ids.Refund, principal string) (Refund, error) {
	r, decided, err := s.decideRefund(ctx, id, RefundApprove, principal)
	if err != nil || !decided {
		return r, err
	}
	return s.deliverFor(ctx, r), nil
}

// RejectRefund ends a refund that waits for a second person; its amount can be refunded again. It returns faults as
// ApproveRefund does.
func (s *Service) RejectRefund(ctx context.Context, id ids.Refund, principal string) (Refund, error) {
	r, _, err := s.decideRefund(ctx, id, RefundReject, principal)
	return r, err
}

// decideRefund records a decision under the order's lock, where one wins, and reports whether it was this one.
func (s *Service) decideRefund(
	ctx context.Context, id ids.Refund, decision RefundDecision, principal string,
) (Refund, bool, error) {
	r, err := s.GetRefund(ctx, id)
	if err != nil {
		return Refund{}, false, err
	}
	c, err := s.changeRefund(ctx, dbsqlc.RefundNamedRow{ID: id.UUID(), OrderID: r.Order.UUID()},
		func(a account, r Refund, now time.Time) (*refundChange, error) {
			return foldDecision(a, r, decision, principal, s.rules(), now)
		}, nil)
	if err != nil {
		return r, false, fmt.Errorf("%s refund %s: %w", decision, id, postgres.Translate(err))
	}
	failpoint.Hit(failpoint.DecideAfter)
	s.observeTold(ctx, c.told)
	return c.refund, c.keep, nil
}

// foldDecision is what a decision makes of a refund: nothing when the same principal has decided the same before.
func foldDecision(
	a account, r Refund, decision RefundDecision, principal string, rules rules, now time.Time,
) (*refundChange, error) {
	c := &refundChange{entry: entry{account: a}, before: r, refund: r}
	switch {
	case r.Approval == nil:
		return nil, notAwaiting("The refund needs no approval.")
	case r.CreatedBy == principal:
		return nil, fault.New(fault.Forbidden, "forbidden", "The key that asked for a refund cannot decide on it. Use another key.")
	}
	to, verdict := NextApproval(r.Approval.Status, decision)
	switch {
	case verdict == VerdictSame && r.Approval.DecidedBy == principal:
		return c, nil
	case verdict != VerdictMove:
		return nil, notAwaiting("The refund was %s by another decision already.", r.Approval.Status)
	case !r.AwaitsApproval():
		return nil, notAwaiting("The refund is %s and waits for no approval.", r.Status)
	}
	c.refund.Approval = &RefundApproval{Status: to, DecidedBy: principal, DecidedAt: now}
	if to == RefundApprovalApproved {
		c.refund.NextCheckAt, c.refund.UpdatedAt, c.order.UpdatedAt = now.Add(unsentLease), now, now
		c.keep = true
		return c, nil
	}
	c.evidence.Failure = &RefundFailure{
		Code: failureRefundNotApproved, Message: "The refund was not approved. No money went back.",
	}
	c.endUnsent(RefundRejected, rules, now)
	return c, nil
}

// endUnsent ends a refund that waits for its approval by the merchant's own word, which is no evidence.
func (c *refundChange) endUnsent(to RefundStatus, rules rules, now time.Time) {
	c.become(to, now)
	c.record = false
	c.schedule(rules, now)
	c.settleAmounts()
	c.order.UpdatedAt, c.payment.UpdatedAt, c.refund.UpdatedAt = now, now, now
}

func notAwaiting(format string, args ...any) error {
	return fault.New(fault.Conflict, "refund_not_awaiting_approval", format, args...)
}

// errDecidedMeanwhile says that a refund waits for no approval any more.
var errDecidedMeanwhile = errors.New("the refund has been decided on")

// cancelAwaiting ends a refund that waits for its approval; errDecidedMeanwhile when it does not any more.
func (s *Service) cancelAwaiting(ctx context.Context, r Refund) (Refund, error) {
	c, err := s.changeRefund(ctx, dbsqlc.RefundNamedRow{ID: r.ID.UUID(), OrderID: r.Order.UUID()},
		func(a account, r Refund, now time.Time) (*refundChange, error) {
			if !r.AwaitsApproval() {
				return nil, errDecidedMeanwhile
			}
			c := &refundChange{entry: entry{account: a}, before: r, refund: r}
			c.endUnsent(RefundCanceled, s.rules(), now)
			return c, nil
		}, nil)
	if err != nil {
		return r, fmt.Errorf("cancel refund %s: %w", r.ID, postgres.Translate(err))
	}
	return c.refund, nil
}
