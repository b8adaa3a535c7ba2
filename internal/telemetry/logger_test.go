package telemetry_test

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"go.opentelemetry.io/otel/trace"

	"tillway/internal/telemetry"
)

const pan = "4761344136141390"

// logged returns the line that log writes, decoded and as text.
func logged(t *testing.T, log func(*slog.Logger)) (line map[string]any, text string) {
	t.Helper()
	var out bytes.Buffer
	log(telemetry.NewLogger(&out, slog.LevelInfo))
	text = out.String()
	require.NoError(t, json.Unmarshal(out.Bytes(), &line), text)
	return line, text
}

func TestLogger_RedactsByName(t *testing.T) {
	t.Parallel()

	for _, name := range []string{
		"card", "cvc", "cvv", "CVV", "number", "card_number", "cardNumber", "cardInfo", "authorization", "Authorization",
		"sign", "X-RH-Signature", "secret", "client_secret", "clientSecret", "ONERWAY_SECRET_KEY", "token", "tokenId",
		"payment.token", "key", "api_key", "APIKey", "apikey", "HTTPKey", "password", "Set-Cookie", "cavv", "mpi",
	} {
		line, _ := logged(t, func(l *slog.Logger) { l.Info("m", slog.Any(name, "value")) })
		require.Equal(t, "[redacted]", line[name], name)
		line, _ = logged(t, func(l *slog.Logger) { l.Info("m", slog.Any(name, 123)) })
		require.Equal(t, "[redacted]", line[name], name)
		line, _ = logged(t, func(l *slog.Logger) { l.Info("m", slog.Any("outer", map[string]any{name: "value"})) })
		require.Equal(t, map[string]any{name: "[redacted]"}, line["outer"], name)
	}
	for _, name := range []string{
		"status", "order_id", "signed_at", "assignment", "monkey", "keyboard", "idempotency_key", "discard", "design",
		"card_brand", "card_last4", "attempt", "authorized", "paneled", "amount",
	} {
		line, _ := logged(t, func(l *slog.Logger) { l.Info("m", slog.Any(name, "value")) })
		require.Equal(t, "value", line[name], name)
	}
}

func TestLogger_RedactsByValueWhereverItStands(t *testing.T) {
	t.Parallel()

	type request struct {
		Note  string
		Inner struct{ CVC, Holder string }
	}
	var body request
	body.Note, body.Inner.CVC, body.Inner.Holder = "paid with "+pan, "987", "Ann"

	tests := map[string]func(*slog.Logger){
		"message":     func(l *slog.Logger) { l.Info("card " + pan) },
		"string":      func(l *slog.Logger) { l.Info("m", slog.Any("note", "card "+pan)) },
		"number":      func(l *slog.Logger) { l.Info("m", slog.Any("note", int64(4761344136141390))) },
		"unsigned":    func(l *slog.Logger) { l.Info("m", slog.Any("note", uint64(4761344136141390))) },
		"error":       func(l *slog.Logger) { l.Info("m", slog.Any("error", fmt.Errorf("pay: %w", errors.New("bad "+pan)))) },
		"struct":      func(l *slog.Logger) { l.Info("m", slog.Any("request", body)) },
		"pointer":     func(l *slog.Logger) { l.Info("m", slog.Any("request", &body)) },
		"slice":       func(l *slog.Logger) { l.Info("m", slog.Any("notes", []string{"x", pan})) },
		"json number": func(l *slog.Logger) { l.Info("m", slog.Any("any", map[string]any{"n": []int64{4761344136141390}})) },
		"bytes":       func(l *slog.Logger) { l.Info("m", slog.Any("body", []byte(pan))) },
		"raw json":    func(l *slog.Logger) { l.Info("m", slog.Any("body", json.RawMessage(`{"n":"`+pan+`","cvc":987}`))) },
		"group":       func(l *slog.Logger) { l.Info("m", slog.Group("g", slog.String("note", pan))) },
		"named group": func(l *slog.Logger) { l.WithGroup("card").Info("m", slog.String("holder", "987")) },
		"with":        func(l *slog.Logger) { l.With(slog.String("note", pan)).Info("m") },
		"with group":  func(l *slog.Logger) { l.WithGroup("g").With(slog.String("note", pan)).Info("m") },
		"log valuer":  func(l *slog.Logger) { l.Info("m", slog.Any("note", valuer{})) },
		"provider id": func(l *slog.Logger) { l.Info("m", slog.Any("transaction_id", pan)) },
		"correlation": func(l *slog.Logger) { l.InfoContext(telemetry.WithCorrelationID(t.Context(), pan), "m") },
		"context attr": func(l *slog.Logger) {
			l.InfoContext(telemetry.ContextWithAttrs(t.Context(), slog.String("a", pan)), "m")
		},
	}
	for name, log := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			line, _ := logged(t, log)
			delete(line, "time") // its digits are chance
			said, err := json.Marshal(line)
			require.NoError(t, err)
			text := string(said)
			require.NotContains(t, text, pan)
			require.NotContains(t, text, "4.76134")
			require.NotContains(t, text, "987")
			require.NotContains(t, text, "NDc2MT", "nor in base64")
		})
	}
}

type valuer struct{}

func (valuer) LogValue() slog.Value { return slog.StringValue("card " + pan) }

type brokenError struct{ text *string }

func (b *brokenError) Error() string { return *b.text }

func TestLogger_KeepsWhatIsSafe(t *testing.T) {
	t.Parallel()

	// 5000000000000000005 begins like a card number and has the right check digit.
	line, _ := logged(t, func(l *slog.Logger) {
		l.Info("m",
			slog.String("provider_transaction_id", "5000000000000000005"), slog.String("other", "5000000000000000005"),
			slog.Int64("n", 1763805600123), slog.Duration("took", time.Second), slog.Bool("ok", true))
	})
	require.Equal(t, "5000000000000000005", line["provider_transaction_id"])
	require.Equal(t, "[redacted]", line["other"])
	require.InDelta(t, 1763805600123, line["n"], 0)
	require.Equal(t, true, line["ok"])
	require.Equal(t, "INFO", line["level"])

	_, text := logged(t, func(l *slog.Logger) {
		l.Info("m", slog.Any("ids", map[string]int64{"transactionId": 1810961729430360064}))
	})
	require.Contains(t, text, `"ids":{"transactionId":1810961729430360064}`, "no digit is lost")
}

func TestLogger_SurvivesValuesThatCannotBeShown(t *testing.T) {
	t.Parallel()

	_, text := logged(t, func(l *slog.Logger) {
		l.Info("m", slog.Any("broken", &brokenError{}), slog.Any("channel", make(chan int)), slog.Any("nothing", nil))
	})
	require.Contains(t, text, "!ERROR: *telemetry_test.brokenError cannot be shown")
	require.Contains(t, text, "!ERROR: chan int cannot be encoded")
	require.Contains(t, text, `"nothing":null`)
}

func TestLogger_AddsWhatTheContextKnows(t *testing.T) {
	t.Parallel()

	ctx := telemetry.WithCorrelationID(t.Context(), "cor-1")
	ctx = telemetry.ContextWithAttrs(ctx, slog.String("order_id", "ord_1"))
	branch := telemetry.ContextWithAttrs(ctx, slog.String("payment_id", "pay_1"))
	_ = telemetry.ContextWithAttrs(ctx, slog.String("payment_id", "pay_2")) // must not reach into branch
	branch = trace.ContextWithSpanContext(branch, trace.NewSpanContext(trace.SpanContextConfig{
		TraceID: trace.TraceID{1}, SpanID: trace.SpanID{2},
	}))
	want := map[string]any{
		"correlation_id": "cor-1", "order_id": "ord_1", "payment_id": "pay_1",
		"trace_id": "01000000000000000000000000000000", "span_id": "0200000000000000",
	}
	for name, log := range map[string]func(*slog.Logger){
		"plain": func(l *slog.Logger) { l.InfoContext(branch, "m", slog.Int("a", 1)) },
		"with":  func(l *slog.Logger) { l.With(slog.Int("w", 1)).InfoContext(branch, "m", slog.Int("a", 1)) },
		"groups": func(l *slog.Logger) {
			l.With(slog.Int("w", 1)).WithGroup("g").With(slog.Int("x", 1)).InfoContext(branch, "m", slog.Int("a", 1))
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			line, text := logged(t, log)
			for key, value := range want {
				require.Equal(t, value, line[key], "%s at the top of %s", key, text)
			}
		})
	}

	line, _ := logged(t, func(l *slog.Logger) { l.WithGroup("g").With(slog.Int("x", 1)).InfoContext(ctx, "m", slog.Int("a", 2)) })
	require.Equal(t, map[string]any{"x": 1.0, "a": 2.0}, line["g"])
	line, _ = logged(t, func(l *slog.Logger) { l.With().WithGroup("").Info("m", slog.Int("a", 1)) })
	require.NotContains(t, line, "correlation_id")
}

func TestLogger_ObeysItsLevel(t *testing.T) {
	t.Parallel()

	var out bytes.Buffer
	logger := telemetry.NewLogger(&out, slog.LevelWarn)
	logger.Info("quiet")
	require.Empty(t, out.String())
	require.False(t, logger.Enabled(t.Context(), slog.LevelInfo))
	logger.Warn("loud")
	require.Contains(t, out.String(), "loud")
}

func TestFields_CollectForOneCanonicalLine(t *testing.T) {
	t.Parallel()

	clock := newClock()
	ctx := telemetry.Begin(t.Context(), clock.now)
	telemetry.AddField(ctx, slog.String("outcome", "unknown"))
	var wait sync.WaitGroup
	for i := range 20 {
		wait.Go(func() { telemetry.AddField(ctx, slog.Int(fmt.Sprintf("field_%d", i), i)) })
	}
	wait.Wait()
	telemetry.AddField(ctx, slog.String("outcome", "succeeded"))
	require.Len(t, telemetry.Fields(ctx), 21)

	stop := telemetry.TrackPSP(ctx)
	clock.advance(300 * time.Millisecond)
	stop()
	clock.advance(20 * time.Millisecond)

	line, _ := logged(t, func(l *slog.Logger) {
		telemetry.LogCanonical(ctx, l, slog.LevelInfo, "request", slog.String("route", "POST /v1/orders"))
	})
	require.Equal(t, "POST /v1/orders", line["route"])
	require.Equal(t, "succeeded", line["outcome"], "the last word counts")
	require.InDelta(t, 320, line["duration_ms"], 0)
	require.InDelta(t, 300, line["psp_ms"], 0)
	require.InDelta(t, 1, line["psp_calls"], 0)

	telemetry.AddField(context.Background(), slog.String("nowhere", "x"))
	require.Empty(t, telemetry.Fields(context.Background()))
	line, _ = logged(t, func(l *slog.Logger) { telemetry.LogCanonical(t.Context(), l, slog.LevelInfo, "bare") })
	require.NotContains(t, line, "duration_ms")
}

// BenchmarkLogger compares with slog's own handler, which redacts nothing.
func BenchmarkLogger(b *testing.B) {
	ctx := telemetry.WithCorrelationID(b.Context(), "0192f3a4-1234-7456-8123-1234567890ab")
	for name, logger := range map[string]*slog.Logger{
		"redacting": telemetry.NewLogger(io.Discard, slog.LevelInfo),
		"plain":     slog.New(slog.NewJSONHandler(io.Discard, nil)), //nolint:sloglint // It must do the work.
	} {
		b.Run(name, func(b *testing.B) {
			b.ReportAllocs()
			for b.Loop() {
				logger.LogAttrs(ctx, slog.LevelInfo, "request",
					slog.String("route", "POST /v1/orders/:id/payments"), slog.String("outcome", "succeeded"),
					slog.String("order_id", "ord_01jb9z6e8nfx5r9w2t7yq3m4k5"), slog.Int("status", 201),
					slog.Float64("duration_ms", 312.5), slog.Bool("replayed", false))
			}
		})
	}
}
