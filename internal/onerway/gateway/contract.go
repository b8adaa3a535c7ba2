package gateway

import (
	"context"
	"fmt"
	"log/slog"
	"time"

	"tillway/internal/fault"
	"tillway/internal/money"
	"tillway/internal/onerway"
	"tillway/internal/ratelimit"
)

// ContractState is where a contract stands at the provider.
type ContractState string

// The states of a contract.
const (
	// ContractPending: its purchase has not succeeded yet.
	ContractPending ContractState = "pending"
	// ContractActive: it can be charged. It may have been told to end later.
	ContractActive ContractState = "active"
	// ContractDisabled: its purchase failed.
	ContractDisabled ContractState = "disabled"
	// ContractCanceled: it was ended before its time.
	ContractCanceled ContractState = "canceled"
	// ContractEnded: its time is over.
	ContractEnded ContractState = "ended"
	// ContractUnknown: the provider says what nobody has written down.
	ContractUnknown ContractState = "unknown"
)

// Over reports whether nothing can be charged under the contract any more.
func (s ContractState) Over() bool {
	return s == ContractCanceled || s == ContractEnded || s == ContractDisabled
}

// ContractEnd says when a contract ends: at once, with its current period, or, where it is a day (yyyy-MM-dd), on that.
type ContractEnd string

// The ends that are no day.
const (
	// ContractEndNow: at once.
	ContractEndNow ContractEnd = "now"
	// ContractEndPeriod: with its current period.
	ContractEndPeriod ContractEnd = "period"
)

// ContractDetail is what the provider says of a contract. It is not signed.
type ContractDetail struct {
	State ContractState
	// Subscription is the provider's own word for where the subscription stands, such as pastdue; unknown for one of no source.
	Subscription string
	// NextBilling is when it is charged next; zero where the provider does not say, or in no form that we know.
	NextBilling time.Time
	// Amount is zero where it does not say.
	Amount money.Amount
}

// CancelContract asks the provider to end a contract, and returns how it stands then (§8.13). One that ends later is active until
// that time. It returns a fault Unavailable where nothing was sent, and Conflict contract_not_cancelable where the provider does not
// end it: most likely it has ended. After any other error it may have been ended or not: Contract tells.
func (g *Gateway) CancelContract(ctx context.Context, contractID string, end ContractEnd) (ContractState, error) {
	request := onerway.CancelSubscriptionRequest{ContractID: onerway.Conceal(contractID), ExpireMode: onerway.ExpireOnDate}
	switch end {
	case ContractEndNow:
		request.ExpireMode = onerway.ExpireNow
	case ContractEndPeriod:
		request.ExpireMode = onerway.ExpirePeriod
	default:
		request.ExpireDate = string(end)
	}
	if err := g.budget.Acquire(ctx, ratelimit.LaneQuery); err != nil {
		return ContractUnknown, notAsked(err)
	}
	began := g.now()
	response, err := g.provider.CancelSubscription(ctx, request)
	g.observer.PSPCall(ctx, "cancel_contract", contractClass(err), g.now().Sub(began))
	switch {
	case err == nil:
		return contractState(response.Contract, onerway.SubscriptionUnknown), nil
	case onerway.ClassOf(err) == onerway.Refused:
		return ContractUnknown, fault.New(fault.Conflict, "contract_not_cancelable",
			"The payment provider does not end the contract: it may have ended by now.").Because(err)
	case onerway.ClassOf(err) == onerway.NeverSent:
		return ContractUnknown, notAsked(err)
	default:
		return ContractUnknown, fmt.Errorf("cancel a contract: %w", err)
	}
}

// Contract asks how a contract stands (§8.13). An error means that the question was not answered.
func (g *Gateway) Contract(ctx context.Context, contractID string) (ContractDetail, error) {
	if err := g.budget.Acquire(ctx, ratelimit.LaneQuery); err != nil {
		return ContractDetail{}, fmt.Errorf("ask about a contract: %w", err)
	}
	began := g.now()
	detail, err := g.provider.QuerySubscription(ctx, onerway.Conceal(contractID))
	g.observer.PSPCall(ctx, "query_contract", contractClass(err), g.now().Sub(began))
	if err != nil {
		return ContractDetail{}, fmt.Errorf("ask about a contract: %w", err)
	}
	d := ContractDetail{
		State: contractState(detail.Contract(), detail.Status()), Subscription: string(detail.Status()),
		NextBilling: g.billedAt(ctx, detail.BillingCycleAnchor), Amount: readAmount(detail.OrderAmount, detail.OrderCurrency),
	}
	if d.State == ContractUnknown || detail.Status() == onerway.SubscriptionUnknown {
		g.oddDetail(ctx, "contract_status", detail.DataStatus+"/"+detail.SubscriptionStatus)
	}
	return d, nil
}

func contractClass(err error) string {
	if err != nil {
		return string(onerway.ClassOf(err))
	}
	return "answered"
}

// contractState is where a contract stands by the provider's two words for it. What either calls over is over; else the contract's
// own word counts.
func contractState(contract onerway.ContractStatus, subscription onerway.SubscriptionStatus) ContractState {
	switch {
	case subscription == onerway.SubscriptionEnded:
		return ContractEnded
	case subscription == onerway.SubscriptionCanceled, contract == onerway.ContractCanceled:
		return ContractCanceled
	}
	switch contract {
	case onerway.ContractPending:
		return ContractPending
	case onerway.ContractActive:
		return ContractActive
	case onerway.ContractDisabled:
		return ContractDisabled
	case onerway.ContractCanceled, onerway.ContractUnknown:
	}
	return ContractUnknown
}

// billedAt reads the time of the next charge, of which no source shows the form.
func (g *Gateway) billedAt(ctx context.Context, text string) time.Time {
	if text == "" {
		return time.Time{}
	}
	if at, err := onerway.ParseTime(text, "", g.zone); err == nil {
		return at
	}
	if day, err := time.ParseInLocation(time.DateOnly, text, g.zone); err == nil {
		return day.UTC()
	}
	g.oddDetail(ctx, "contract_time", text)
	return time.Time{}
}

func (g *Gateway) oddDetail(ctx context.Context, kind, value string) {
	g.observer.UnmappedProviderValue(ctx, kind)
	g.log.ErrorContext(ctx, "the provider said a word of a contract that we do not know", slog.String("kind", kind), slog.String("value", cut(value, maxShort)))
}
