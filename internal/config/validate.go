package config

import (
	"errors"
	"fmt"
	"net/url"
	"strings"
	"time"

	"github.com/jackc/pgx/v5/pgconn"
)

const (
	// writeReserve is what is left, after CALLER_DEADLINE, for writing the 202.
	writeReserve = 5 * time.Second
	// resolveHorizon is the day until which an open outcome is queried; the daily queries follow the schedule.
	resolveHorizon = 7 * 24 * time.Hour
	// liveSecretLength is the least length of a secret that guards real money.
	liveSecretLength = 32

	liveOnerwayHost      = "acq.onerway.com"
	sandboxOnerwayPrefix = "sandbox-"
	testKeyPrefix        = "sk_test_"
	liveKeyPrefix        = "sk_live_"
)

// ValidateServe reports what is missing or contradictory for `serve` and `work`. Load does the same, together with all
// other faults, when given PurposeServe.
func (c Config) ValidateServe() error { return errorOf(c.missing(PurposeServe)) }

// ValidateDatabase reports what is missing for the commands that need nothing but PostgreSQL.
func (c Config) ValidateDatabase() error { return errorOf(c.missing(PurposeDatabase)) }

// checker collects faults; a check that holds adds nothing.
type checker struct{ faults []Fault }

func (k *checker) require(holds bool, variable, problem, remedy string) {
	if !holds {
		k.faults = append(k.faults, Fault{Variable: variable, Problem: problem, Remedy: remedy})
	}
}

func (k *checker) durationWithin(variable string, value, least, most time.Duration) {
	k.require(value >= least && value <= most, variable,
		fmt.Sprintf("is out of range (%s)", inDays(value)), fmt.Sprintf("write a duration between %s and %s", inDays(least), inDays(most)))
}

// checkValues holds each value to its range, whatever the process is for.
func (c Config) checkValues() []Fault {
	var k checker
	k.require(c.RateLimit >= 1, "RATE_LIMIT", "is less than 1", "write requests a second for one key, such as 100")
	k.require(c.OnerwayRateLimit >= 1, "ONERWAY_RATE_LIMIT", "is less than 1",
		"write calls a second, such as 50")
	k.require(c.MaxAmount >= 1, "MAX_AMOUNT", "is less than 1", "write minor units, such as 99999999")
	k.durationWithin("CALLER_DEADLINE", c.CallerDeadline, time.Millisecond, HTTPWriteTimeout-writeReserve)
	k.durationWithin("ONERWAY_TIMEOUT", c.OnerwayTimeout, time.Millisecond, 2*time.Minute)
	k.durationWithin("NOT_FOUND_AFTER", c.NotFoundAfter, time.Millisecond, resolveHorizon)
	k.durationWithin("IMPORT_INTERVAL", c.ImportInterval, time.Second, 24*time.Hour)
	k.durationWithin("REFUND_DUPLICATE_WINDOW", c.RefundDuplicateWindow, 0, 30*24*time.Hour)
	k.durationWithin("REFUND_WINDOW", c.RefundWindow, 0, 10*365*24*time.Hour)
	k.require(c.RefundMaxCount >= 0, "REFUND_MAX_COUNT", "is negative", "write a number of refunds, or 0 for any number")
	k.durationWithin("SUBSCRIPTION_UPCOMING", c.SubscriptionUpcoming, 0, 30*24*time.Hour)
	k.durationWithin("SUBSCRIPTION_LINK_LIFETIME", c.SubscriptionLinkLifetime, time.Minute, 90*24*time.Hour)
	if last := len(c.ResolveSchedule) - 1; last >= 0 {
		k.require(c.ResolveSchedule[last] <= resolveHorizon, "RESOLVE_SCHEDULE", "goes beyond day 7",
			"end it at 7d or before; daily queries follow it by themselves")
	}
	k.checkNoSpaces(c)
	k.require(strings.HasPrefix(c.OnerwayRemoveTokenPath, "/"), "ONERWAY_REMOVE_TOKEN_PATH", "is not a path",
		"write a path that begins with /, such as /v1/txn/removeToken")
	k.require(c.ListenAddr != c.AdminAddr || strings.HasSuffix(c.AdminAddr.String(), ":0"),
		"ADMIN_ADDR", "is the same as LISTEN_ADDR", "give it an address of its own, which the public cannot reach")
	k.checkDatabaseURL("DATABASE_URL", c.DatabaseURL)
	k.checkDatabaseURL("DATABASE_READ_URL", c.DatabaseReadURL)
	if !c.RedisURL.IsZero() {
		_, err := c.RedisOptions()
		if fault, ok := errors.AsType[*malformedError](err); ok {
			k.require(false, "REDIS_URL", fault.problem, fault.remedy)
		}
	}
	k.checkTraceExport(c)
	return k.faults
}

// checkNoSpaces refuses white space around what is sent or signed as it stands: it is left from copying, and everything would be
// refused for it later.
func (k *checker) checkNoSpaces(c Config) {
	for variable, value := range map[string]string{
		"ONERWAY_MERCHANT_NO": c.OnerwayMerchantNo, "ONERWAY_APP_ID": c.OnerwayAppID,
		"ONERWAY_SECRET_KEY": c.OnerwaySecretKey.Reveal(), "ONERWAY_SECRET_KEY_PREVIOUS": c.OnerwaySecretKeyPrevious.Reveal(),
		"ONERWAY_API_KEY": c.OnerwayAPIKey.Reveal(), "ONERWAY_WEBHOOK_SECRET": c.OnerwayWebhookSecret.Reveal(),
		"RETURN_SECRET": c.ReturnSecret.Reveal(),
	} {
		k.require(strings.TrimSpace(value) == value, variable, "has white space around it", "write it without")
	}
}

func (k *checker) checkDatabaseURL(variable string, value Secret) {
	if value.IsZero() {
		return
	}
	// pgconn's own message is dropped: it quotes the text around the place that it could not read.
	_, err := pgconn.ParseConfig(value.Reveal())
	k.require(err == nil, variable, "is not a PostgreSQL connection string",
		"write postgres://user:password@host:5432/database, special characters of the password percent-encoded")
}

// missing lists what the purpose needs and does not find, and what contradicts itself.
func (c Config) missing(purpose Purpose) []Fault {
	var k checker
	k.need("DATABASE_URL", !c.DatabaseURL.IsZero(), "set it to postgres://user:password@host:5432/database")
	if purpose == PurposeDatabase {
		return k.faults
	}
	k.need("REDIS_URL", !c.RedisURL.IsZero(), "set it to redis://host:6379")
	k.need("PUBLIC_URL", c.PublicURL.Host != "", "set it to the URL under which browsers and the provider reach us")
	k.need("ONERWAY_BASE_URL", c.OnerwayBaseURL.Host != "",
		"set it to https://sandbox-acq.onerway.com, https://acq.onerway.com or the sandbox of this program")
	k.need("ONERWAY_MERCHANT_NO", c.OnerwayMerchantNo != "", "set it to the merchant number of the provider's portal")
	k.need("ONERWAY_APP_ID", c.OnerwayAppID != "", "set it to the app id of the provider's portal")
	k.need("ONERWAY_SECRET_KEY", !c.OnerwaySecretKey.IsZero(), "set it to the signing secret of the provider's portal")
	k.need("RETURN_SECRET", !c.ReturnSecret.IsZero(), "make one with: openssl rand -hex 32")
	k.need("DATA_KEY", !c.DataKey.IsZero(), "make one with: openssl rand -base64 32")
	if c.OnerwayAPI == OnerwayAPIIntents {
		k.need("ONERWAY_API_KEY", !c.OnerwayAPIKey.IsZero(), "set it, since ONERWAY_API is intents")
		k.need("ONERWAY_WEBHOOK_SECRET", !c.OnerwayWebhookSecret.IsZero(), "set it, since ONERWAY_API is intents")
	}
	if c.Livemode {
		k.checkLive(c)
	} else {
		k.checkTest(c)
	}
	return k.faults
}

func (k *checker) need(variable string, present bool, remedy string) {
	k.require(present, variable, "is not set", remedy)
}

// checkLive refuses what must not meet real money.
func (k *checker) checkLive(c Config) {
	const live = "while LIVEMODE is true"
	k.require(isHTTPS(c.PublicURL), "PUBLIC_URL", "is not https "+live, "serve browsers over https")
	k.require(isHTTPS(c.OnerwayBaseURL), "ONERWAY_BASE_URL", "is not https "+live, "write https://acq.onerway.com")
	k.require(!strings.HasPrefix(c.OnerwayBaseURL.Hostname(), sandboxOnerwayPrefix), "ONERWAY_BASE_URL",
		"is the provider's sandbox "+live, "write https://acq.onerway.com, or set LIVEMODE to false")
	for i, key := range c.APIKeys {
		k.require(strings.HasPrefix(key.Key.Reveal(), liveKeyPrefix) && len(key.Key.Reveal()) >= liveSecretLength,
			"API_KEYS", fmt.Sprintf("has a key in item %d that is not a live key %s", i+1, live),
			fmt.Sprintf("write keys of at least %d characters that begin with %s", liveSecretLength, liveKeyPrefix))
	}
	k.require(!strings.HasPrefix(c.OnerwayAPIKey.Reveal(), testKeyPrefix), "ONERWAY_API_KEY",
		"is a test key "+live, "write the live key of the provider's portal")
	k.require(len(c.ReturnSecret.Reveal()) >= liveSecretLength, "RETURN_SECRET",
		fmt.Sprintf("is shorter than %d characters %s", liveSecretLength, live), "make one with: openssl rand -hex 32")
	k.require(c.NotFoundAfter > c.OnerwayTimeout, "NOT_FOUND_AFTER", "is not longer than ONERWAY_TIMEOUT "+live,
		"write a longer one: a call still under way must not be taken for one that never arrived")
}

// checkTest refuses what would move real money by mistake.
func (k *checker) checkTest(c Config) {
	const test = "while LIVEMODE is false"
	k.require(!strings.EqualFold(c.OnerwayBaseURL.Hostname(), liveOnerwayHost), "ONERWAY_BASE_URL",
		"is the provider's live host "+test, "write https://sandbox-acq.onerway.com, or set LIVEMODE to true")
	for i, key := range c.APIKeys {
		k.require(!strings.HasPrefix(key.Key.Reveal(), liveKeyPrefix), "API_KEYS",
			fmt.Sprintf("has a live key in item %d %s", i+1, test), "write keys that begin with "+testKeyPrefix)
	}
	k.require(!strings.HasPrefix(c.OnerwayAPIKey.Reveal(), liveKeyPrefix), "ONERWAY_API_KEY",
		"is a live key "+test, "write the test key of the provider's portal")
}

func isHTTPS(u url.URL) bool { return u.Scheme == "https" }
