package main

import (
	"context"
	"fmt"
	"log/slog"
	"net"
	"net/http"
	"os"
	"time"

	"github.com/spf13/cobra"

	"tillway/internal/sandbox"
	"tillway/internal/telemetry"
)

func newSandbox() *cobra.Command {
	cfg := sandbox.Config{
		MerchantNo: sandbox.DefaultMerchantNo, AppID: sandbox.DefaultAppID, SecretKey: sandbox.DefaultSecretKey, Strict: true,
	}
	cfg.Sim.MerchantClock = true
	var listen string
	cmd := &cobra.Command{
		Use: "sandbox", Short: "Run the simulator of Onerway", Args: cobra.NoArgs,
		Long: `The simulator answers as Onerway's documents say: cards, 3DS pages to click through, signed
notifications, and faults on demand. Its page at /sandbox lists the test cards and controls.
It keeps everything in memory. Point a service at it with ONERWAY_BASE_URL.`,
		RunE: func(cmd *cobra.Command, _ []string) error {
			cfg.Logger = telemetry.NewLogger(os.Stderr, slog.LevelInfo)
			listener, err := (&net.ListenConfig{}).Listen(cmd.Context(), "tcp", listen)
			if err != nil {
				return fmt.Errorf("listen for the simulator: %w", err)
			}
			fmt.Fprintf(cmd.OutOrStdout(), "The simulator listens on http://%s; open /sandbox in a browser.\n", listener.Addr())
			return runSandbox(cmd.Context(), sandbox.New(cfg), listener)
		},
	}
	flags := cmd.Flags()
	flags.StringVar(&listen, "listen", "127.0.0.1:8090", "address to listen on")
	flags.StringVar(&cfg.MerchantNo, "merchant-no", cfg.MerchantNo, "the merchant that it knows (ONERWAY_MERCHANT_NO)")
	flags.StringVar(&cfg.AppID, "app-id", cfg.AppID, "the merchant's application (ONERWAY_APP_ID)")
	flags.StringVar(&cfg.SecretKey, "secret-key", cfg.SecretKey, "the key that signs (ONERWAY_SECRET_KEY)")
	flags.StringVar(&cfg.PublicURL, "public-url", "", "how browsers reach it; default: the Host they ask for")
	flags.StringVar(&cfg.NotifyURL, "notify-url", "", "where notifications go when a request names no address")
	flags.Float64Var(&cfg.ClockScale, "clock-scale", 1, "how many times faster its retries and expiries run")
	flags.DurationVar(&cfg.RefundDelay, "refund-delay", time.Second, "how long a refund's review takes, and its processing after that")
	flags.BoolVar(&cfg.HoldRefunds, "hold-refunds", false, "let refunds wait for a person to review them on /sandbox/review")
	flags.DurationVar(&cfg.AuthLifetime, "auth-lifetime", 72*time.Hour, "how long an authorization can be captured or voided; --clock-scale divides it")
	flags.BoolVar(&cfg.Sim.PartialCapture, "partial-capture", false, "let a capture name an amount below what was authorized")
	flags.BoolVar(&cfg.Sim.PaymentIntents, "payment-intents", false, "tell of the payment intents around transactions (ONERWAY_API=intents)")
	flags.StringVar(&cfg.Sim.RemoveTokenPath, "remove-token-path", "/v1/txn/removeToken", "where it takes the removal of a card that it keeps")
	flags.BoolVar(&cfg.Sim.PlainSubscriptions, "plain-subscriptions", false, "let a subscription begin without 3DS where its card would pay without")
	flags.BoolVar(&cfg.Sim.MerchantClock, "merchant-clock", cfg.Sim.MerchantClock, "let the merchant's clock count for a subscription's interval where it is ahead (/v1/test_clock)")
	flags.DurationVar(&cfg.Latency, "latency", 0, "how long it takes to answer a call")
	flags.IntVar(&cfg.Keep, "keep", sandbox.DefaultKeep, "how many transactions it remembers; older ones are forgotten")
	flags.Int64Var(&cfg.Seed, "seed", 1, "seed of everything that it draws")
	flags.BoolVar(&cfg.Strict, "strict", cfg.Strict, "refuse what the documents call wrong")
	return cmd
}

// drainSimulator is how long calls in flight are waited for. It is longer than the five seconds for which net/http takes a
// connection that has sent nothing yet for one that will: clients open such ones in reserve.
const drainSimulator = 10 * time.Second

// runSandbox serves the simulator until ctx ends. Its worker ends first: that frees the calls that a fault keeps hanging.
func runSandbox(ctx context.Context, simulator *sandbox.Server, listener net.Listener) error {
	server := &http.Server{Handler: simulator.Handler(), ReadHeaderTimeout: 10 * time.Second}
	return runAll(ctx,
		simulator.Run,
		func(ctx context.Context) error { return serveHTTP(ctx, server, listener, drainSimulator) },
	)
}
