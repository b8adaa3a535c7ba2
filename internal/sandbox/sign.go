package sandbox

import (
	"crypto/sha256"
	"crypto/subtle"
	"encoding/hex"
	"encoding/json"
	"slices"
	"strings"
)

// Names that take no part in a signature, by channel (Onerway contract §3.2–3.4). Everything else takes part, fields
// that do not exist yet included.
func unsignedInRequest() []string  { return []string{"sign"} }
func unsignedInResponse() []string { return []string{"actionType", "sign"} }

func unsignedInNotification() []string {
	return []string{
		"originTransactionId", "originMerchantTxnId", "customsDeclarationAmount", "customsDeclarationCurrency",
		"paymentMethod", "walletTypeName", "periodValue", "tokenExpireTime", "sign",
	}
}

// digest is the provider's signature: values in the byte order of their names, without separators, and the secret.
func (o object) digest(unsigned []string, secret string) string {
	signed := make(object, 0, len(o))
	for _, f := range o {
		if !slices.Contains(unsigned, f.name) {
			signed = append(signed, f)
		}
	}
	slices.SortFunc(signed, func(a, b field) int { return strings.Compare(a.name, b.name) })
	input := make([]byte, 0, 2048)
	for _, f := range signed {
		input = append(input, signedText(f.value)...)
	}
	sum := sha256.Sum256(append(input, secret...))
	return hex.EncodeToString(sum[:])
}

// digest signs what has no order of its own.
func digest(values map[string]any, unsigned []string, secret string) string {
	fields := make(object, 0, len(values))
	for name, value := range values {
		fields = append(fields, field{name, value})
	}
	return fields.digest(unsigned, secret)
}

// signedText is a value as it counts in a signature: text as it traveled, numbers and booleans as their JSON.
func signedText(value any) string {
	switch v := value.(type) {
	case string:
		return v
	case json.Number:
		return v.String()
	case bool:
		if v {
			return "true"
		}
		return "false"
	default: // null; objects never get this far, decodeParams refuses them
		return ""
	}
}

// requestSigned tells whether a request was signed with a key of the merchant. Hexadecimal in upper case is wrong.
func (c Config) requestSigned(params map[string]any) bool {
	given, _ := params["sign"].(string)
	for _, key := range c.secretKeys() {
		want := digest(params, unsignedInRequest(), key)
		if subtle.ConstantTimeCompare([]byte(given), []byte(want)) == 1 {
			return true
		}
	}
	return false
}

// secretKeys are the keys in force, the current one last.
func (c Config) secretKeys() []string {
	if c.PreviousSecretKey == "" {
		return []string{c.SecretKey}
	}
	return []string{c.PreviousSecretKey, c.SecretKey}
}
