package api

import (
	"context"
	"encoding/json"
	"fmt"
	"log/slog"
	"net/http"
	"strings"

	"github.com/gin-gonic/gin"

	"tillway/internal/failpoint"
	"tillway/internal/idempotency"
	"tillway/internal/ids"
	"tillway/internal/orders"
	"tillway/internal/telemetry"
)

// idempotencyCodes is how the codes of errors about keys begin.
const idempotencyCodes = "idempotency_"

// once runs a request at most once per key (API.md §1). Redis only makes that fast: whatever happens to it, the row that
// the first request created decides, in the domain.
func (s *server) once(c *gin.Context, key orders.Idempotency, caller principal, run func(context.Context) reply) reply {
	ctx := c.Request.Context()
	scope := idempotency.Scope{Principal: key.Principal, Route: c.Request.Method + " " + s.routeOf(c).pattern, Key: key.Key}
	if id := c.Param("id"); id != "" {
		scope.PathIDs = []string{id}
	}
	lease, stored, err := s.Idempotency.Begin(ctx, scope, key.Fingerprint)
	if err != nil {
		return s.failed(ctx, err)
	}
	if stored != nil {
		return s.repeat(ctx, *stored, caller)
	}
	kept := false
	defer func() { // a panic must not hold the key until the lease ends
		if !kept {
			s.noteKey(ctx, s.Idempotency.Abandon(ctx, lease))
		}
	}()
	r := run(ctx)
	failpoint.Hit(failpoint.ReplyBeforeStore)
	// An error about the key itself says nothing of the request: kept, it would be repeated to whoever the key belongs to.
	if kept = idempotency.Keep(r.status) && !strings.HasPrefix(r.code, idempotencyCodes) && !r.passing; kept {
		record := idempotency.Record{Status: r.status, Final: r.final, ResourceID: r.resource}
		if r.final {
			record.Body = r.body
		}
		s.noteKey(ctx, s.Idempotency.Finish(ctx, lease, record))
		failpoint.Hit(failpoint.ReplyAfterStore)
	}
	return r
}

// noteKey mentions an answer that could not be kept in the request's line. It changes nothing for the caller.
func (s *server) noteKey(ctx context.Context, err error) {
	if err != nil {
		telemetry.AddField(ctx, slog.String("idempotency", err.Error()))
	}
}

// repeat gives the stored answer again, or, if that was not final, the answer that the resource gives now.
func (s *server) repeat(ctx context.Context, stored idempotency.Record, caller principal) reply {
	r := reply{status: stored.Status, body: stored.Body, final: stored.Final, resource: stored.ResourceID}
	if stored.Final {
		if stored.Status >= http.StatusBadRequest {
			r.code = codeOf(stored.Body)
		}
		r.replayed = true
		return r
	}
	r = perform(ctx, s, func(ctx context.Context, _ *call[none]) (*answer, error) {
		return s.answerNow(ctx, stored.ResourceID, caller)
	}, &call[none]{})
	r.replayed = r.status < http.StatusInternalServerError
	return r
}

// answerNow is the answer that a resource whose outcome was open gives now.
func (s *server) answerNow(ctx context.Context, resource string, caller principal) (*answer, error) {
	if refund, err := ids.Parse[ids.RefundEntity](resource); err == nil {
		r, err := s.Orders.GetRefund(ctx, refund)
		if err != nil {
			return nil, fmt.Errorf("repeat an open answer: %w", err)
		}
		return s.refundAnswer(ctx, r, caller), nil
	}
	if sub, err := ids.Parse[ids.SubscriptionEntity](resource); err == nil {
		return s.subscriptionNow(ctx, sub, caller)
	}
	payment, err := ids.Parse[ids.PaymentEntity](resource)
	if err != nil {
		return nil, fmt.Errorf("repeat an open answer: %w", err)
	}
	p, err := s.Orders.GetPayment(ctx, payment)
	if err != nil {
		return nil, fmt.Errorf("repeat an open answer: %w", err)
	}
	return s.paymentAnswer(p, caller)
}

// codeOf reads the code out of a stored error.
func codeOf(envelope []byte) string {
	var stored struct {
		Error struct {
			Code string `json:"code"`
		} `json:"error"`
	}
	if json.Unmarshal(envelope, &stored) != nil || stored.Error.Code == "" {
		return "error"
	}
	return stored.Error.Code
}
