package config

import (
	"fmt"
	"reflect"
	"strings"
)

// variable describes one environment variable for people.
type variable struct {
	Name string
	// Default is the value used when nothing is set; empty when there is none.
	Default string
	// Secret is true when the value never appears in a log or an error.
	Secret bool
	// Needed says who cannot start without it; empty when it is optional.
	Needed string
	// Meaning is one or two sentences, with the unit.
	Meaning string
}

// section groups variables in the reference.
type section struct {
	title     string
	variables []variable
}

const (
	neededAlways  = "always"
	neededServe   = "serve, work"
	neededIntents = "serve, work with `intents`"
)

// sections is the only place where the variables are described; a test holds it to the fields of Config.
func sections() []section {
	return []section{
		{"Process", []variable{
			{Name: "LIVEMODE", Meaning: "`true` when real money moves. Demands https and live keys; `false` refuses the provider's live host and live keys, and opens the test clock (`/v1/test_clock`), whose offset live mode ignores."},
			{Name: "LOG_LEVEL", Meaning: "`debug`, `info`, `warn` or `error`."},
			{Name: "LISTEN_ADDR", Meaning: "Address of the public HTTP server, `host:port`."},
			{Name: "ADMIN_ADDR", Meaning: "Address of `/metrics` and `/debug/pprof`, `host:port`. Keep it out of the public's reach."},
			{Name: "PUBLIC_URL", Needed: neededServe, Meaning: "URL under which browsers and the provider reach the service."},
		}},
		{"Storage", []variable{
			{Name: "DATABASE_URL", Needed: neededAlways, Meaning: "PostgreSQL, as a `postgres://` URL or as `key=value` pairs."},
			{Name: "DATABASE_READ_URL", Meaning: "A replica that reports (`GET /v1/ops/subscriptions/summary`) are read from; without it they read `DATABASE_URL`. When it is away they answer 503, and nothing else is touched."},
			{Name: "REDIS_URL", Needed: neededServe, Meaning: "`redis://`, `rediss://` or `unix://`; a comma list of nodes for Cluster (one address: `?cluster=true`), of sentinels with `?master_name=`."},
			{Name: "DATA_KEY", Needed: neededServe, Meaning: "32 bytes in base64 (`openssl rand -base64 32`): HMAC and encryption at rest."},
		}},
		{"API", []variable{
			{Name: "API_KEYS", Meaning: "Keys to begin with, `role:key,role:key`; roles `storefront`, `ops`, `admin`. Stored hashed."},
			{Name: "RATE_LIMIT", Meaning: "Requests a second that one key may make."},
			{Name: "MAX_AMOUNT", Meaning: "Largest amount of an order, in minor units of its currency."},
			{Name: "CALLER_DEADLINE", Meaning: "How long a caller waits for the provider before the answer is 202; at most 55s. The call itself goes on."},
			{Name: "CARD_ENTRY", Meaning: "`direct`: card numbers may come in by the API, which takes a PCI DSS certification. `hosted_only`: a request that brings one is refused (422 `payment_method_not_allowed`) before anything of it is kept; shoppers type their card on the provider's page (`payment_method.type` `hosted`)."},
			{Name: "LOCAL_PAYMENT_METHODS", Meaning: "The local payment methods that orders can be paid with (`payment_method.type` `local`), by Onerway's names of them (`lpmsType`), separated by commas, such as `iDEAL,PromptPay`. They must be enabled for you at Onerway; another one is refused (422 `payment_method_not_allowed`). Empty: none."},
			{Name: "RETURN_URL_ALLOWLIST", Meaning: "Origins that a shopper may be sent back to, and whose pages may pay with an order's client_secret, separated by commas; https, or http on loopback. Empty: none."},
			{Name: "RETURN_SECRET", Needed: neededServe, Meaning: "Signs the parameters added to `return_url`. At least 32 characters in live mode."},
			{Name: "WEBHOOK_ENDPOINT_ALLOW_PRIVATE", Meaning: "`true` lets the merchant's webhook endpoints have private addresses."},
		}},
		{"Onerway", []variable{
			{Name: "ONERWAY_API", Meaning: "Interface of the provider: `transactions` or `intents`."},
			{Name: "ONERWAY_BASE_URL", Needed: neededServe, Meaning: "`https://sandbox-acq.onerway.com`, `https://acq.onerway.com`, or the sandbox of this program."},
			{Name: "ONERWAY_MERCHANT_NO", Needed: neededServe, Meaning: "Merchant number."},
			{Name: "ONERWAY_APP_ID", Needed: neededServe, Meaning: "App id."},
			{Name: "ONERWAY_SECRET_KEY", Needed: neededServe, Meaning: "Signs requests, verifies answers and notifications."},
			{Name: "ONERWAY_SECRET_KEY_PREVIOUS", Meaning: "Also accepted on notifications while the secret is being changed."},
			{Name: "ONERWAY_API_KEY", Needed: neededIntents, Meaning: "Bearer key of the `intents` interface."},
			{Name: "ONERWAY_WEBHOOK_SECRET", Needed: neededIntents, Meaning: "Verifies notifications of the `intents` interface."},
			{Name: "ONERWAY_REMOVE_TOKEN_PATH", Meaning: "Path at which the provider forgets a saved card; its documents do not name it."},
			{Name: "ONERWAY_TIMEZONE", Meaning: "Zone of the times that the provider writes without one, as an offset from UTC."},
			{Name: "ONERWAY_TIMEOUT", Meaning: "Deadline of one call to the provider; at most 2m. Past it the outcome is unknown, never a decline."},
			{Name: "ONERWAY_RATE_LIMIT", Meaning: "Calls a second to the provider, all processes together."},
			{Name: "ONERWAY_IP_ALLOWLIST", Meaning: "Addresses and CIDR ranges that notifications may come from, separated by commas. Empty: any."},
		}},
		{"Settling", []variable{
			{Name: "CONFIRM_BY_QUERY", Meaning: "When a notification is confirmed by asking the provider: `always`, `mismatch` or `never`."},
			{Name: "RESOLVE_SCHEDULE", Meaning: "Times since sending at which an open outcome is queried, increasing; then daily to day 7."},
			{Name: "NOT_FOUND_AFTER", Meaning: "How long after sending the provider's \"not found\" begins to count, by the clock of the installation; while the call may still be under way it never does, however a test clock was moved."},
		}},
		{"Importing", []variable{
			{Name: "IMPORT_INTERVAL", Meaning: "How often the provider's books are read for what nobody has told us: chargebacks, and refunds made in its portal. At least 1s."},
		}},
		{"Refunds", []variable{
			{Name: "REFUND_DUPLICATE_WINDOW", Meaning: "How long after a refund another of the same payment, amount and reason is refused unless it says `allow_duplicate`. `0s`: never refused."},
			{Name: "REFUND_WINDOW", Meaning: "How long after a payment succeeded a refund of it may be asked for, such as `180d`; later: 422 `refund_window_closed`. Refunds that a policy owes are made all the same. `0s`: for ever."},
			{Name: "REFUND_MAX_COUNT", Meaning: "How many refunds of one payment may be asked for, those left out that failed, were rejected or canceled; one more: 422 `refund_count_exceeded`. `0`: any number."},
			{Name: "REFUND_APPROVAL_ABOVE", Meaning: "How much of one payment may be refunded, all its refunds together, before another key has to approve the rest (`/v1/refunds/{id}/approve`): minor units by currency, `EUR:50000,JPY:100000`, or one number for every currency that is not named; a currency without either needs no approval. Empty: none does."},
		}},
		{"Authorizations", []variable{
			{Name: "AUTH_EXPIRY_ACTION", Meaning: "What is done about an authorization that nobody has captured, 12 hours before it lapses: `warn` tells of it by the event `payment.authorization_expiring`, `void` gives it up."},
			{Name: "PARTIAL_CAPTURE", Meaning: "`true` lets a capture take less than what is held; the rest is released. Only where the agreement with Onerway allows it: its documents disagree, and a capture that it refuses or carries out whole needs a person. `false`: 422 `partial_capture_not_supported`."},
		}},
		{"Subscriptions", []variable{
			{Name: "SUBSCRIPTION_TIMEZONE", Meaning: "Zone by whose calendar periods begin where a subscription names none (`time_zone`): an IANA name such as `Europe/Berlin`."},
			{Name: "SUBSCRIPTION_UPCOMING", Meaning: "How long before a charge the event `subscription.charge_upcoming` announces it."},
			{Name: "SUBSCRIPTION_LINK_LIFETIME", Meaning: "How long the link of `/v1/subscriptions/{id}/update_link` works, by which a customer gives a new card once."},
			{Name: "DUNNING_POLICY", Meaning: "What is done when a period cannot be charged, where a subscription says nothing else (`dunning`): a JSON object. `retry_days`: the days after the first failure on which a soft decline is tried again, `[1,3,5,7,10]`; `give_up_days`: how long a period may stay unpaid, 14; `end`: `unpaid` waits for a new card, `cancel` ends the subscription; `day_cap`, `month_cap`: how many charges of one token may fail in 24 hours and in 30 days, at most 10 and 18, which the card schemes allow. What it leaves out is as said here."},
		}},
		{"OpenTelemetry", []variable{
			{Name: "OTEL_SDK_DISABLED", Meaning: "`true` switches tracing off."},
			{Name: "OTEL_TRACES_EXPORTER", Meaning: "`otlp` or `none`. Not set: `otlp` if an endpoint is."},
			{Name: "OTEL_EXPORTER_OTLP_ENDPOINT", Meaning: "Collector. Without an endpoint no trace is recorded or sent."},
			{Name: "OTEL_EXPORTER_OTLP_TRACES_ENDPOINT", Meaning: "Collector for traces, before the general one."},
			{Name: "OTEL_EXPORTER_OTLP_PROTOCOL", Meaning: "`http/protobuf` (when not set) or `grpc`."},
			{Name: "OTEL_EXPORTER_OTLP_TRACES_PROTOCOL", Meaning: "Protocol for traces, before the general one."},
		}},
	}
}

const preamble = `# Configuration

The service is configured by its environment, read once at start. Every fault is reported at once, with the variable,
what is wrong and how to mend it; ` + "`serve`" + ` and ` + "`work`" + ` do not start half-configured.

Each variable outside the OpenTelemetry section can be read from a file: ` + "`DATABASE_URL_FILE=/run/secrets/database`" + `
takes the value from that file, without its trailing line end. Setting both forms is a fault. An empty variable counts
as not set. Durations carry a unit: ` + "`500ms`, `20s`, `15m`, `24h`, `180d`" + `; a day is 24 hours.

This page is generated from the code that reads the variables: ` + "`go test ./internal/config -update`" + `.
`

// Reference returns docs/configuration.md.
func Reference() string {
	var b strings.Builder
	b.WriteString(preamble)
	fields := fieldsByVariable()
	for _, section := range sections() {
		fmt.Fprintf(&b, "\n## %s\n\n", section.title)
		b.WriteString("| Variable | Default | Needed by | Secret | Meaning |\n|---|---|---|---|---|\n")
		for _, v := range section.variables {
			v = v.with(fields[v.Name])
			fmt.Fprintf(&b, "| `%s` | %s | %s | %s | %s |\n", v.Name, code(v.Default), v.Needed,
				yes(v.Secret), v.Meaning)
		}
	}
	b.WriteString("\nThe other standard `OTEL_*` variables (headers, certificates, sampler, resource attributes) are read by the\n" +
		"OpenTelemetry SDK itself.\n")
	return b.String()
}

// with adds what the field says by itself.
func (v variable) with(field reflect.StructField) variable {
	v.Default = field.Tag.Get("envDefault")
	switch field.Type {
	case reflect.TypeFor[Secret](), reflect.TypeFor[Key](), reflect.TypeFor[APIKeys]():
		v.Secret = true
	}
	return v
}

func fieldsByVariable() map[string]reflect.StructField {
	fields := make(map[string]reflect.StructField)
	for _, field := range reflect.VisibleFields(reflect.TypeFor[Config]()) {
		fields[field.Tag.Get("env")] = field
	}
	return fields
}

func code(text string) string {
	if text == "" {
		return ""
	}
	return "`" + text + "`"
}

func yes(holds bool) string {
	if holds {
		return "yes"
	}
	return ""
}
