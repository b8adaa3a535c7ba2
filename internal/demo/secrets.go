package demo

import (
	"bytes"
	"crypto/rand"
	"encoding/base64"
	"errors"
	"fmt"
	"os"
	"strings"
)

// secretsName is the file in the directory of the demo that keeps what must stay the same between runs: with another
// DATA_KEY the orders of the last run could not be read any more.
const secretsName = "demo.env"

// secrets are made once and kept.
type secrets struct {
	DataKey, ReturnSecret           string
	StorefrontKey, OpsKey, AdminKey string
	DatabasePassword                string
}

// kept is one line of the file.
type kept struct {
	name  string
	value *string
	make  func() string
}

func (s *secrets) all() []kept {
	return []kept{
		{"DATA_KEY", &s.DataKey, newDataKey},
		{"RETURN_SECRET", &s.ReturnSecret, newToken},
		{"STOREFRONT_KEY", &s.StorefrontKey, newAPIKey},
		{"OPS_KEY", &s.OpsKey, newAPIKey},
		{"ADMIN_KEY", &s.AdminKey, newAPIKey},
		{"DATABASE_PASSWORD", &s.DatabasePassword, newToken},
	}
}

func newDataKey() string {
	var key [32]byte
	_, _ = rand.Read(key[:]) // never fails, says its documentation
	return base64.StdEncoding.EncodeToString(key[:])
}

// newToken is 32 characters of 5 bits.
func newToken() string {
	const length = 32
	return (rand.Text() + rand.Text())[:length]
}

func newAPIKey() string { return "sk_test_" + newToken() }

// loadSecrets reads the file, and makes what it lacks.
func loadSecrets(path string) (secrets, error) {
	var s secrets
	raw, err := os.ReadFile(path) //nolint:gosec // the demo's own directory
	if err != nil && !errors.Is(err, os.ErrNotExist) {
		return s, fmt.Errorf("read the demo's keys: %w", err)
	}
	found := make(map[string]string)
	for line := range strings.Lines(string(raw)) {
		if name, value, ok := strings.Cut(strings.TrimSpace(line), "="); ok && !strings.HasPrefix(name, "#") {
			found[name] = value
		}
	}
	var file bytes.Buffer
	file.WriteString("# Keys of the demo, made once. `make demo-reset` forgets them together with the data.\n")
	complete := true
	for _, k := range s.all() {
		*k.value = found[k.name]
		if *k.value == "" {
			*k.value, complete = k.make(), false
		}
		fmt.Fprintf(&file, "%s=%s\n", k.name, *k.value)
	}
	if complete {
		return s, nil
	}
	// Renamed when whole: half a file would lose keys that the data needs.
	whole := path + ".new"
	if err := os.WriteFile(whole, file.Bytes(), 0o600); err != nil {
		return s, fmt.Errorf("keep the demo's keys: %w", err)
	}
	if err := os.Rename(whole, path); err != nil {
		return s, fmt.Errorf("keep the demo's keys: %w", err)
	}
	return s, nil
}
