package config

import (
	"encoding/base64"
	"fmt"
	"io"
	"log/slog"
)

const redacted = "[redacted]"

// Secret is a text that must not be shown. Every way of printing, logging or encoding it gives "[redacted]"; Reveal is
// the only way to the value, so that the places that use it can be found by name.
type Secret string

// Reveal returns the secret itself.
func (s Secret) Reveal() string { return string(s) }

// IsZero reports whether nothing was configured.
func (s Secret) IsZero() bool { return s == "" }

// String hides the value.
func (s Secret) String() string { return redacted }

// GoString hides the value from %#v.
func (s Secret) GoString() string { return redacted }

// Format hides the value from every verb: %d on a string type would print it inside the complaint about the verb.
func (s Secret) Format(f fmt.State, _ rune) { _, _ = io.WriteString(f, redacted) }

// LogValue hides the value from slog.
func (s Secret) LogValue() slog.Value { return slog.StringValue(redacted) }

// MarshalText hides the value from encoders of text.
func (s Secret) MarshalText() ([]byte, error) { return []byte(redacted), nil }

// MarshalJSON hides the value from JSON.
func (s Secret) MarshalJSON() ([]byte, error) { return []byte(`"` + redacted + `"`), nil }

// keySize is the size of a Key: what HMAC-SHA-256 and AES-256 both want.
const keySize = 32

// Key is 32 bytes of key material, written in base64. Like Secret it never shows itself.
type Key []byte

// UnmarshalText reads base64 in either alphabet, padded or not.
func (k *Key) UnmarshalText(text []byte) error {
	for _, encoding := range []*base64.Encoding{
		base64.StdEncoding, base64.RawStdEncoding, base64.URLEncoding, base64.RawURLEncoding,
	} {
		if raw, err := encoding.DecodeString(string(text)); err == nil && len(raw) == keySize {
			*k = raw
			return nil
		}
	}
	return malformed("make one with: openssl rand -base64 32", "is not %d bytes in base64", keySize)
}

// Reveal returns the key itself.
func (k Key) Reveal() []byte { return k }

// IsZero reports whether nothing was configured.
func (k Key) IsZero() bool { return len(k) == 0 }

// String hides the key.
func (k Key) String() string { return redacted }

// GoString hides the key from %#v.
func (k Key) GoString() string { return redacted }

// Format hides the key from every verb.
func (k Key) Format(f fmt.State, _ rune) { _, _ = io.WriteString(f, redacted) }

// LogValue hides the key from slog.
func (k Key) LogValue() slog.Value { return slog.StringValue(redacted) }

// MarshalText hides the key from encoders of text.
func (k Key) MarshalText() ([]byte, error) { return []byte(redacted), nil }

// MarshalJSON hides the key from JSON.
func (k Key) MarshalJSON() ([]byte, error) { return []byte(`"` + redacted + `"`), nil }
