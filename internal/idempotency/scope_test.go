package idempotency_test

import (
	"errors"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"tillway/internal/fault"
	"tillway/internal/idempotency"
)

func TestValidateKey_AcceptsOneVisibleKey(t *testing.T) {
	t.Parallel()
	for _, key := range []string{"k", "!~", "8e03978e-40d5-43e8-bc93-6894a57f9324", strings.Repeat("x", 255)} {
		got, err := idempotency.ValidateKey([]string{key})
		require.NoError(t, err)
		require.Equal(t, key, got)
	}
}

func TestValidateKey_Refuses(t *testing.T) {
	t.Parallel()
	for name, test := range map[string]struct {
		values []string
		code   string
	}{
		"none":             {nil, "idempotency_key_required"},
		"two":              {[]string{"a", "a"}, "parameter_invalid"},
		"empty":            {[]string{""}, "parameter_invalid"},
		"256 characters":   {[]string{strings.Repeat("x", 256)}, "parameter_invalid"},
		"a space":          {[]string{"a b"}, "parameter_invalid"},
		"a tab":            {[]string{"a\t"}, "parameter_invalid"},
		"a line feed":      {[]string{"a\n"}, "parameter_invalid"},
		"delete":           {[]string{"a\x7f"}, "parameter_invalid"},
		"beyond ASCII":     {[]string{"é"}, "parameter_invalid"},
		"not even Unicode": {[]string{"\xff"}, "parameter_invalid"},
		"a card number":    {[]string{"5555341244441115"}, "parameter_invalid"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			_, err := idempotency.ValidateKey(test.values)
			requireFault(t, err, fault.Invalid, test.code)
			refusal, _ := errors.AsType[*fault.Error](err)
			require.Equal(t, "Idempotency-Key", refusal.Param)
		})
	}
}
