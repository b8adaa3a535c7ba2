package telemetry

import (
	"bytes"
	"encoding/json"
	"fmt"
	"log/slog"
	"slices"
	"strconv"
)

// replaceAttr is the slog.HandlerOptions.ReplaceAttr of every logger: it hides what is named like a secret and scrubs
// all other values.
func replaceAttr(groups []string, attr slog.Attr) slog.Attr {
	if isSensitive(attr.Key) || slices.ContainsFunc(groups, isSensitive) {
		return slog.String(attr.Key, redacted)
	}
	switch attr.Value.Kind() {
	case slog.KindString:
		if text := attr.Value.String(); !isProviderID(attr.Key, text) {
			if scrubbed := Scrub(text); scrubbed != text {
				return slog.String(attr.Key, scrubbed)
			}
		}
	case slog.KindInt64:
		return replaceNumber(attr, strconv.FormatInt, attr.Value.Int64())
	case slog.KindUint64:
		return replaceNumber(attr, strconv.FormatUint, attr.Value.Uint64())
	case slog.KindAny:
		if level, ok := attr.Value.Any().(slog.Level); ok {
			return slog.String(attr.Key, level.String()) // on every line; slog would go through encoding/json
		}
		return slog.Attr{Key: attr.Key, Value: redactAny(attr.Value.Any())}
	case slog.KindBool, slog.KindFloat64, slog.KindTime, slog.KindDuration: // hold no card number
	case slog.KindGroup, slog.KindLogValuer: // slog hands over what they resolve to
	}
	return attr
}

// replaceNumber masks a card number logged as a number.
func replaceNumber[N int64 | uint64](attr slog.Attr, format func(N, int) string, value N) slog.Attr {
	const smallest = 1e11 // the least number of twelve digits
	if value < smallest {
		return attr
	}
	if text := format(value, 10); !isProviderID(attr.Key, text) && Scrub(text) != text {
		return slog.String(attr.Key, redacted)
	}
	return attr
}

// isProviderID is true of the provider's own transaction ids: nineteen digits that may by chance pass for a card number
// and that an operator must be able to read. Nothing shorter is let through, whatever its name: the names also occur on
// notifications that nobody has verified yet.
func isProviderID(name, text string) bool {
	switch name {
	case "transaction_id", "provider_transaction_id", "origin_transaction_id", "transactionId", "originTransactionId":
		return isLongID(text)
	default:
		return false
	}
}

// redactAny handles what slog would encode by itself. Errors become their text; anything else is encoded to JSON and
// redacted there, by name and by value, at any depth.
func redactAny(value any) (result slog.Value) {
	defer func() {
		// Methods of nil pointers panic in Error and MarshalJSON; slog survives that, so we have to as well.
		if recover() != nil {
			result = slog.StringValue(fmt.Sprintf("!ERROR: %T cannot be shown", value))
		}
	}()
	switch v := value.(type) {
	case nil:
		return slog.AnyValue(nil)
	case error:
		return slog.StringValue(Scrub(v.Error()))
	case []byte:
		// Bodies come as bytes. In base64 nobody could tell what they hold.
		return slog.StringValue(fmt.Sprintf("[%d bytes]", len(v)))
	}
	encoded, err := json.Marshal(value)
	if err != nil {
		return slog.StringValue(fmt.Sprintf("!ERROR: %T cannot be encoded", value))
	}
	decoder := json.NewDecoder(bytes.NewReader(encoded))
	decoder.UseNumber() // a float would lose the digits of long ids
	var decoded any
	if err := decoder.Decode(&decoded); err != nil {
		return slog.StringValue(fmt.Sprintf("!ERROR: %T cannot be encoded", value))
	}
	return slog.AnyValue(redactJSON("", decoded))
}

// redactJSON redacts a decoded JSON value found under name.
func redactJSON(name string, value any) any {
	if isSensitive(name) {
		return redacted
	}
	switch v := value.(type) {
	case map[string]any:
		for key, item := range v {
			v[key] = redactJSON(key, item)
		}
	case []any:
		for i, item := range v {
			v[i] = redactJSON(name, item)
		}
	case string:
		if !isProviderID(name, v) {
			return Scrub(v)
		}
	case json.Number:
		if text := v.String(); !isProviderID(name, text) && Scrub(text) != text {
			return redacted
		}
	}
	return value
}

// isSensitive reports whether a name says that its value must not be shown: one of its words (split at _ - . and at
// capitals) is a sensitive one. The few exceptions are named whole.
func isSensitive(name string) bool {
	switch name {
	case "idempotency_key", "key_id", "api_key_id", "attempt_number", "sequence_number",
		"card_brand", "card_last4", "card_country", "card_type":
		return false
	}
	start := 0
	for i := 0; i <= len(name); i++ {
		boundary := i == len(name) || name[i] == '_' || name[i] == '-' || name[i] == '.' || name[i] == ' '
		if !boundary && !isCapitalOfWord(name, i) {
			continue
		}
		if sensitiveWord(name[start:i]) {
			return true
		}
		start = i
		if boundary {
			start = i + 1
		}
	}
	return false
}

// isCapitalOfWord is true at the K of clientKey and of APIKey.
func isCapitalOfWord(name string, i int) bool {
	if i == 0 || !isUpper(name[i]) {
		return false
	}
	return !isUpper(name[i-1]) || (i+1 < len(name) && name[i+1] >= 'a' && name[i+1] <= 'z')
}

// sensitiveWord compares without allocation: names are short, and longer words are none of ours.
func sensitiveWord(word string) bool {
	var lower [16]byte
	if len(word) < 3 || len(word) > len(lower) {
		return false
	}
	for i := range len(word) {
		c := word[i]
		if isUpper(c) {
			c |= 0x20
		}
		lower[i] = c
	}
	switch string(lower[:len(word)]) {
	case "card", "cards", "cardno", "cardnumber", "cardinfo", "pan", "number", "cvc", "cvc2", "cvv", "cvv2", "cavv", "mpi",
		"authorization", "cookie", "sign", "signature", "secret", "secrets", "clientsecret", "secretkey",
		"token", "tokens", "accesstoken", "key", "keys", "apikey", "password", "passwd", "pwd", "credential", "credentials":
		return true
	}
	return false
}

func isUpper(c byte) bool { return c >= 'A' && c <= 'Z' }
