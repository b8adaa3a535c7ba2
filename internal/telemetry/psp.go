package telemetry

import (
	"io"
	"net/http"

	"go.opentelemetry.io/contrib/instrumentation/net/http/otelhttp"
	"go.opentelemetry.io/otel/propagation"
)

// PSPTransport wraps the transport to the provider: a span and HTTP metrics through otelhttp, and the time and number
// of calls in the Timing of the request. The time runs until the body has been read or closed.
//
// No trace context is sent along: the provider is another company, and has no use for our ids.
func (t *Telemetry) PSPTransport(base http.RoundTripper) http.RoundTripper {
	return &pspTransport{base: otelhttp.NewTransport(base,
		otelhttp.WithTracerProvider(t.TracerProvider),
		otelhttp.WithMeterProvider(t.MeterProvider),
		otelhttp.WithPropagators(propagation.NewCompositeTextMapPropagator()),
		otelhttp.WithSpanNameFormatter(func(_ string, r *http.Request) string { return "PSP " + r.Method }),
	)}
}

type pspTransport struct{ base http.RoundTripper }

// RoundTrip sends the request and times it.
func (p *pspTransport) RoundTrip(request *http.Request) (*http.Response, error) {
	stop := TrackPSP(request.Context())
	response, err := p.base.RoundTrip(request)
	if err != nil {
		stop()
		return nil, err
	}
	response.Body = &timedBody{ReadCloser: response.Body, stop: stop}
	return response, nil
}

// timedBody ends the timing with the last byte, or when its reader gives up.
type timedBody struct {
	io.ReadCloser
	stop func()
}

// Read reads, and ends the timing at the end or at an error.
func (b *timedBody) Read(p []byte) (int, error) {
	n, err := b.ReadCloser.Read(p)
	if err != nil {
		b.stop()
	}
	return n, err
}

// Close closes the body and ends the timing.
func (b *timedBody) Close() error {
	b.stop()
	return b.ReadCloser.Close()
}
