package onerway

import (
	"fmt"
	"time"

	"github.com/failsafe-go/failsafe-go/circuitbreaker"
)

const (
	defaultFailures   = 5
	defaultProbeDelay = 10 * time.Second
)

// BreakerConfig says when the client stops trying. Zero values take the defaults.
type BreakerConfig struct {
	// Failures in a row open the circuit (default 5).
	Failures uint
	// ProbeDelay is how long it stays open before one call is let through to see (default 10 s).
	ProbeDelay time.Duration
	// OnChange, if set, is told the new state: closed, open or half-open. It must return quickly.
	OnChange func(state string)
}

// breaker keeps us from sending payments into a provider that is down: each would lock its order as unknown or make
// its shopper wait for a timeout. Only the provider's absence counts as failure; a decline is a healthy answer.
type breaker struct {
	circuit circuitbreaker.CircuitBreaker[any]
}

func newBreaker(config BreakerConfig) *breaker {
	if config.Failures == 0 {
		config.Failures = defaultFailures
	}
	if config.ProbeDelay == 0 {
		config.ProbeDelay = defaultProbeDelay
	}
	builder := circuitbreaker.NewBuilder[any]().
		WithFailureThreshold(config.Failures).
		WithSuccessThreshold(1).
		WithDelay(config.ProbeDelay)
	if config.OnChange != nil {
		builder = builder.OnStateChanged(func(event circuitbreaker.StateChangedEvent) {
			config.OnChange(event.NewState.String())
		})
	}
	return &breaker{circuit: builder.Build()}
}

// available tells whether a call would be tried now, without taking the probe's place. A half-open circuit counts as
// unavailable: it exists only while its single probe is under way.
func (b *breaker) available() error {
	wait := b.circuit.RemainingDelay()
	if b.circuit.IsHalfOpen() || wait > 0 {
		return fmt.Errorf("%w: next try in %s", ErrCircuitOpen, wait.Round(time.Millisecond))
	}
	return nil
}

// acquire asks to make a call. Every permit must be given back by settle: the circuit would else wait forever for the
// probe's result.
func (b *breaker) acquire() (*permit, error) {
	if !b.circuit.TryAcquirePermit() {
		return nil, ErrCircuitOpen
	}
	return &permit{breaker: b, probe: b.circuit.IsHalfOpen()}, nil
}

// acquireQuestion is acquire for a call that moves nothing. It is tried whatever the circuit says: payments whose answers
// were lost, which is what opens it, are settled by no other call. While the circuit is not closed such a call says nothing
// to it either, unless it is the probe.
func (b *breaker) acquireQuestion() *permit {
	if p, err := b.acquire(); err == nil {
		return p
	}
	return &permit{}
}

// permit is the leave to make a call; without a breaker its outcome does not count.
type permit struct {
	breaker *breaker
	probe   bool
}

// settle records how the call went. A call that the caller gave up says nothing about the provider, except that a
// probe without a result leaves the circuit open.
func (p *permit) settle(err *Error) {
	switch {
	case p.breaker == nil:
	case err == nil:
		p.breaker.circuit.RecordSuccess()
	case err.Reason == ReasonCanceled && !p.probe:
	case providerAbsent(err):
		p.breaker.circuit.RecordFailure()
	default:
		p.breaker.circuit.RecordSuccess()
	}
}

func providerAbsent(err *Error) bool {
	switch err.Reason {
	case ReasonConnection, ReasonTimeout, ReasonCanceled, ReasonUnreadable, ReasonOversize:
		return true
	case ReasonHTTPStatus:
		return err.HTTPStatus >= 500
	case ReasonInvalidRequest, ReasonCircuitOpen, ReasonBadSignature, ReasonMismatch, ReasonCode:
		return false
	}
	return false
}
