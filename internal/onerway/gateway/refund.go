package gateway

import (
	"context"
	"errors"
	"fmt"
	"log/slog"

	"tillway/internal/fault"
	"tillway/internal/money"
	"tillway/internal/onerway"
	"tillway/internal/orders"
	"tillway/internal/ratelimit"
)

var _ orders.RefundGateway = (*Gateway)(nil)

// AcceptsRefund refuses amounts that the provider cannot express exactly. The least amount of a charge does not bind a
// refund: what remains of a payment may be less.
func (g *Gateway) AcceptsRefund(amount money.Amount) error {
	if _, ok := wireDecimal(amount); ok {
		return nil
	}
	return fault.New(fault.Refused, "currency_not_supported",
		"The payment provider refunds %s in whole units only, so amount must be a multiple of %d.",
		amount.Currency, max(1, step(amount.Currency))).WithParam("amount")
}

// Refund applies for a refund once, when the budget lets it, and says what is known of it. The provider's acceptance is only
// that: its staff reviews every refund first (§8.8).
func (g *Gateway) Refund(ctx context.Context, a orders.RefundApplication) orders.RefundEvidence {
	ev := orders.RefundEvidence{Source: orders.SourceAnswer}
	response, err := g.onlineRefund(ctx, "refund", onerway.RefundApply, a)
	if err != nil {
		return g.refundFailure(ctx, a.MerchantTxnID, err)
	}
	ev.Outcome, ev.ProviderTransactionID, ev.ProviderCode = orders.RefundOutcomeInReview, response.TransactionID, response.RespCode
	ev.Digest = digestOf(response.BodyDigest)
	ev.Body = redacted(map[string]any{"respCode": response.RespCode, "respMsg": response.RespMsg, "data": response.TransactionID})
	return ev
}

// Withdraw takes an application back that the provider's staff has not decided.
func (g *Gateway) Withdraw(ctx context.Context, a orders.RefundApplication) error {
	_, err := g.onlineRefund(ctx, "refund_withdraw", onerway.RefundWithdraw, a)
	switch {
	case err == nil:
		return nil
	case onerway.ClassOf(err) == onerway.Refused:
		return fault.New(fault.Conflict, "refund_not_cancelable",
			"The payment provider did not take the refund back; it may have been decided already.").Because(err)
	default:
		return fmt.Errorf("withdraw refund %s: %w", a.MerchantTxnID, err)
	}
}

func (g *Gateway) onlineRefund(
	ctx context.Context, operation string, kind onerway.RefundType, a orders.RefundApplication,
) (onerway.RefundResponse, error) {
	amount, ok := wireDecimal(a.Amount)
	if !ok {
		return onerway.RefundResponse{}, errInexpressible
	}
	if err := g.budget.Acquire(ctx, ratelimit.LaneRefund); err != nil {
		return onerway.RefundResponse{}, fmt.Errorf("%w: %w", errNoLeave, err)
	}
	began := g.now()
	response, err := g.provider.OnlineRefund(onerway.WithSandboxFault(ctx, a.SandboxFault), onerway.RefundRequest{
		Type: kind, MerchantTxnID: a.MerchantTxnID, OriginTransactionID: a.OriginTransactionID, RefundAmount: amount,
	})
	class := "accepted"
	if err != nil {
		class = string(onerway.ClassOf(err))
	}
	g.observer.PSPCall(ctx, operation, class, g.now().Sub(began))
	return response, err
}

var (
	errInexpressible = errors.New("the amount cannot be written as the provider reads amounts")
	errNoLeave       = errors.New("no leave to call the provider in time")
)

// refundFailure is the evidence of an application that brought no acceptance. It is logged here, because it goes on as
// evidence and not as an error.
func (g *Gateway) refundFailure(ctx context.Context, merchantTxnID string, err error) orders.RefundEvidence {
	g.log.WarnContext(ctx, "refund brought no answer to rely on", slog.String("merchant_txn_id", merchantTxnID), slog.Any("error", err))
	ev := orders.RefundEvidence{Source: orders.SourceAnswer, Outcome: orders.RefundOutcomeUnknown}
	failed, called := errors.AsType[*onerway.Error](err)
	if called {
		ev.ProviderCode, ev.Body = failed.RespCode, errorBody(failed)
		g.checkCode(ctx, merchantTxnID, failed.RespCode)
	}
	switch {
	case errors.Is(err, errInexpressible), called && failed.Reason == onerway.ReasonInvalidRequest:
		ev.Outcome = orders.RefundOutcomeDeclined
		ev.Failure = &orders.RefundFailure{
			Code: "provider_refused", Message: "The refund cannot be expressed to the provider. It was not sent.",
		}
	case errors.Is(err, errNoLeave), called && failed.Class == onerway.NeverSent:
		ev.Outcome = orders.RefundOutcomeNeverSent
	case called && failed.Class == onerway.Refused:
		ev.Outcome = orders.RefundOutcomeDeclined
		ev.Failure = &orders.RefundFailure{
			Code: "provider_refused", Message: "The provider refused the refund. No money went back.",
			ProviderCode: failed.RespCode,
		}
	}
	return ev
}

// refundOutcome is what a transaction's status means for a refund (§6):
//
//	I in review   P processing   S succeeded   F declined   N withdrawn
//
// Anything else is unknown.
func refundOutcome(status onerway.Status) orders.RefundOutcome {
	switch status {
	case onerway.StatusInReview:
		return orders.RefundOutcomeInReview
	case onerway.StatusProcessing:
		return orders.RefundOutcomeProcessing
	case onerway.StatusSucceeded:
		return orders.RefundOutcomeSucceeded
	case onerway.StatusFailed:
		return orders.RefundOutcomeDeclined
	case onerway.StatusClosed:
		return orders.RefundOutcomeWithdrawn
	case onerway.StatusRequiresAction, onerway.StatusAwaitingPayment, onerway.StatusUnknown:
	}
	return orders.RefundOutcomeUnknown
}

// refundEvidence says in our words what a message says of a refund.
func (g *Gateway) refundEvidence(ctx context.Context, source orders.Source, a attempt) orders.RefundEvidence {
	ev := orders.RefundEvidence{
		Source: source, Outcome: refundOutcome(a.status), Amount: readAmount(a.amount, a.currency),
		ProviderTransactionID: a.transactionID, ProviderStatus: a.letter, ProviderCode: a.code,
		Digest: digestOf(a.digest), Body: bodyOf(a.fields),
	}
	if ev.Outcome == orders.RefundOutcomeUnknown {
		g.unmapped(ctx, "status", a.merchantTxnID, a.letter)
	}
	return ev
}
