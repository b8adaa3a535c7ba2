package onerway

import (
	"context"
	"net/http"
)

// sandboxFaultHeader is understood by the simulator alone; the provider ignores it, and no signature covers it.
const sandboxFaultHeader = "X-Sandbox-Fault"

type sandboxFaultKey struct{}

// WithSandboxFault makes calls under the context ask the provider's simulator to misbehave:
// "<fault>[;delay_ms=8000][,<fault>...]". It is for test mode only; an empty fault changes nothing. The caller sees to it
// that nothing personal is in it.
func WithSandboxFault(ctx context.Context, fault string) context.Context {
	if fault == "" {
		return ctx
	}
	return context.WithValue(ctx, sandboxFaultKey{}, fault)
}

func askForFault(ctx context.Context, header http.Header) {
	if fault, asked := ctx.Value(sandboxFaultKey{}).(string); asked {
		header.Set(sandboxFaultHeader, fault)
	}
}
