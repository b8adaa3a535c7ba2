// Package config owns what an operator may choose. It reads the environment once into one struct, reports every fault
// at once, and hands the struct to cmd/server, which wires the service from it. No other package reads the environment.
//
// It does not own what the choices mean: a package receives the values that it needs, never a Config.
//
// Invariants: a Config that Load returned without an error is well formed; a value that came with a fault is never
// echoed if it is secret; a Secret or a Key prints as "[redacted]" however it is printed.
package config

import (
	"errors"
	"log/slog"
	"net/url"
	"os"
	"reflect"
	"strings"
	"time"

	"github.com/caarlos0/env/v11"
)

// HTTPWriteTimeout is the time that the public HTTP server gives one answer. It stands here because CALLER_DEADLINE has
// to end before it: a server that hangs up first leaves the caller of a charge without even the 202.
const HTTPWriteTimeout = 60 * time.Second

// Config is everything that can be chosen from outside. Its fields are documented, one line each, in reference.go,
// from which docs/configuration.md is made.
type Config struct {
	Livemode   bool       `env:"LIVEMODE" envDefault:"false"`
	LogLevel   slog.Level `env:"LOG_LEVEL" envDefault:"info"`
	ListenAddr Address    `env:"LISTEN_ADDR" envDefault:":8080"`
	AdminAddr  Address    `env:"ADMIN_ADDR" envDefault:"127.0.0.1:9090"`
	PublicURL  url.URL    `env:"PUBLIC_URL"`

	DatabaseURL     Secret `env:"DATABASE_URL"`
	DatabaseReadURL Secret `env:"DATABASE_READ_URL"`
	RedisURL        Secret `env:"REDIS_URL"`
	DataKey         Key    `env:"DATA_KEY"`

	APIKeys                     APIKeys       `env:"API_KEYS"`
	RateLimit                   int           `env:"RATE_LIMIT" envDefault:"100"`
	MaxAmount                   int64         `env:"MAX_AMOUNT" envDefault:"99999999"`
	CallerDeadline              time.Duration `env:"CALLER_DEADLINE" envDefault:"20s"`
	CardEntry                   CardEntry     `env:"CARD_ENTRY" envDefault:"direct"`
	LocalPaymentMethods         LocalMethods  `env:"LOCAL_PAYMENT_METHODS"`
	ReturnURLAllowlist          Origins       `env:"RETURN_URL_ALLOWLIST"`
	ReturnSecret                Secret        `env:"RETURN_SECRET"`
	WebhookEndpointAllowPrivate bool          `env:"WEBHOOK_ENDPOINT_ALLOW_PRIVATE" envDefault:"false"`

	OnerwayAPI               OnerwayAPI    `env:"ONERWAY_API" envDefault:"transactions"`
	OnerwayBaseURL           url.URL       `env:"ONERWAY_BASE_URL"`
	OnerwayMerchantNo        string        `env:"ONERWAY_MERCHANT_NO"`
	OnerwayAppID             string        `env:"ONERWAY_APP_ID"`
	OnerwaySecretKey         Secret        `env:"ONERWAY_SECRET_KEY"`
	OnerwaySecretKeyPrevious Secret        `env:"ONERWAY_SECRET_KEY_PREVIOUS"`
	OnerwayAPIKey            Secret        `env:"ONERWAY_API_KEY"`
	OnerwayWebhookSecret     Secret        `env:"ONERWAY_WEBHOOK_SECRET"`
	OnerwayRemoveTokenPath   string        `env:"ONERWAY_REMOVE_TOKEN_PATH" envDefault:"/v1/txn/removeToken"`
	OnerwayTimezone          UTCOffset     `env:"ONERWAY_TIMEZONE" envDefault:"+08:00"`
	OnerwayTimeout           time.Duration `env:"ONERWAY_TIMEOUT" envDefault:"30s"`
	OnerwayRateLimit         int           `env:"ONERWAY_RATE_LIMIT" envDefault:"50"`
	OnerwayIPAllowlist       Networks      `env:"ONERWAY_IP_ALLOWLIST"`

	ConfirmByQuery  ConfirmByQuery `env:"CONFIRM_BY_QUERY" envDefault:"mismatch"`
	ResolveSchedule Schedule       `env:"RESOLVE_SCHEDULE" envDefault:"3s,10s,30s,1m,2m,5m,10m,15m,30m,1h,2h,6h,12h,24h"`
	NotFoundAfter   time.Duration  `env:"NOT_FOUND_AFTER" envDefault:"15m"`
	ImportInterval  time.Duration  `env:"IMPORT_INTERVAL" envDefault:"15m"`

	RefundDuplicateWindow time.Duration `env:"REFUND_DUPLICATE_WINDOW" envDefault:"10m"`
	RefundWindow          time.Duration `env:"REFUND_WINDOW" envDefault:"0s"`
	RefundMaxCount        int           `env:"REFUND_MAX_COUNT" envDefault:"0"`
	RefundApprovalAbove   Thresholds    `env:"REFUND_APPROVAL_ABOVE"`

	AuthExpiryAction AuthExpiryAction `env:"AUTH_EXPIRY_ACTION" envDefault:"warn"`
	PartialCapture   bool             `env:"PARTIAL_CAPTURE" envDefault:"false"`

	SubscriptionTimezone     Timezone      `env:"SUBSCRIPTION_TIMEZONE" envDefault:"UTC"`
	SubscriptionUpcoming     time.Duration `env:"SUBSCRIPTION_UPCOMING" envDefault:"72h"`
	SubscriptionLinkLifetime time.Duration `env:"SUBSCRIPTION_LINK_LIFETIME" envDefault:"168h"`
	DunningPolicy            DunningPolicy `env:"DUNNING_POLICY" envDefault:"{}"`

	// The standard OTEL_* variables are read by the OpenTelemetry SDK itself; these few only tell TraceExport whether
	// an exporter is wanted at all, and which.
	OTelDisabled       bool   `env:"OTEL_SDK_DISABLED" envDefault:"false"`
	OTelTracesExporter string `env:"OTEL_TRACES_EXPORTER"`
	OTelEndpoint       string `env:"OTEL_EXPORTER_OTLP_ENDPOINT"`
	OTelTracesEndpoint string `env:"OTEL_EXPORTER_OTLP_TRACES_ENDPOINT"`
	OTelProtocol       string `env:"OTEL_EXPORTER_OTLP_PROTOCOL"`
	OTelTracesProtocol string `env:"OTEL_EXPORTER_OTLP_TRACES_PROTOCOL"`
}

// Purpose says what the process is going to do, and so which variables must be there.
type Purpose string

// The purposes: Serve is the service itself, HTTP or workers; Database is a command that needs nothing but PostgreSQL
// (migrate, keys).
const (
	PurposeServe    Purpose = "serve"
	PurposeDatabase Purpose = "database"
)

// FromEnvironment is Load over the environment of the process.
func FromEnvironment(purposes ...Purpose) (Config, error) { return Load(Environ(), purposes...) }

// Environ is the environment of the process, for who configures a service with only some of it.
func Environ() map[string]string {
	environ := make(map[string]string)
	for _, entry := range os.Environ() {
		if name, value, found := strings.Cut(entry, "="); found && name != "" {
			environ[name] = value
		}
	}
	return environ
}

// Load reads the configuration from environ. Naming the purposes here rather than validating afterwards puts what is
// missing and what is malformed into one report. The error is an *Error.
func Load(environ map[string]string, purposes ...Purpose) (Config, error) {
	resolved, faults := resolveFiles(environ)

	var c Config
	err := env.ParseWithOptions(&c, env.Options{
		Environment: resolved,
		FuncMap: map[reflect.Type]env.ParserFunc{
			reflect.TypeFor[url.URL]():       parseBaseURL,
			reflect.TypeFor[time.Duration](): parseDuration,
		},
	})
	faults = append(faults, parseFaults(err)...)
	faults = append(faults, c.checkValues()...)
	for _, purpose := range purposes {
		faults = append(faults, c.missing(purpose)...)
	}
	return c, errorOf(faults)
}

// parseFaults turns the errors of the env package, which speak of Go fields, into faults that speak of variables.
func parseFaults(err error) []Fault {
	if err == nil {
		return nil
	}
	var all env.AggregateError
	if !errors.As(err, &all) {
		return []Fault{{Variable: "environment", Problem: "cannot be read", Remedy: err.Error()}}
	}
	variables := variablesByField()
	faults := make([]Fault, 0, len(all.Errors))
	for _, one := range all.Errors {
		var parse env.ParseError
		if !errors.As(one, &parse) {
			faults = append(faults, Fault{Variable: "environment", Problem: "cannot be read", Remedy: one.Error()})
			continue
		}
		fault := Fault{Variable: variables[parse.Name], Problem: "is malformed", Remedy: "see docs/configuration.md"}
		var malformed *malformedError
		switch {
		case errors.As(parse.Err, &malformed):
			fault.Problem, fault.Remedy = malformed.problem, malformed.remedy
		case parse.Type.Kind() == reflect.Bool:
			fault.Problem, fault.Remedy = "is neither true nor false", "write true or false"
		case parse.Type == reflect.TypeFor[slog.Level]():
			fault.Problem, fault.Remedy = "is not a log level", "write debug, info, warn or error"
		case parse.Type.Kind() == reflect.Int, parse.Type.Kind() == reflect.Int64:
			fault.Problem, fault.Remedy = "is not a whole number", "write digits only"
		}
		faults = append(faults, fault)
	}
	return faults
}

// variablesByField maps the name of each field of Config to its variable.
func variablesByField() map[string]string {
	fields := reflect.VisibleFields(reflect.TypeFor[Config]())
	variables := make(map[string]string, len(fields))
	for _, field := range fields {
		variables[field.Name] = field.Tag.Get("env")
	}
	return variables
}
