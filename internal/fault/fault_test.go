package fault_test

import (
	"errors"
	"fmt"
	"io"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"tillway/internal/fault"
)

func TestConstructors_SayWhatTheirNameSays(t *testing.T) {
	t.Parallel()

	for name, tc := range map[string]struct {
		err  *fault.Error
		want fault.Error
		text string
	}{
		"new": {
			fault.New(fault.Conflict, "order_not_payable", "The order is %s.", "paid"),
			fault.Error{Kind: fault.Conflict, Code: "order_not_payable", Message: "The order is paid."},
			"order_not_payable: The order is paid.",
		},
		"invalid": {
			fault.InvalidParam("items[0].quantity", "quantity must be at least %d.", 1),
			fault.Error{Kind: fault.Invalid, Code: "parameter_invalid", Message: "quantity must be at least 1.", Param: "items[0].quantity"},
			"parameter_invalid: quantity must be at least 1.",
		},
		"missing parameter": {
			fault.MissingParam("currency"),
			fault.Error{Kind: fault.Invalid, Code: "parameter_missing", Message: "currency is required.", Param: "currency"},
			"parameter_missing: currency is required.",
		},
		"missing resource": {
			fault.Missing("order", "ord_\"1"),
			fault.Error{Kind: fault.NotFound, Code: "resource_missing", Message: `No such order: "ord_\"1".`},
			`resource_missing: No such order: "ord_\"1".`,
		},
		"down": {
			fault.Down("provider_unavailable", 3*time.Second, nil, "Nothing was charged."),
			fault.Error{Kind: fault.Unavailable, Code: "provider_unavailable", Message: "Nothing was charged.", RetryAfter: 3 * time.Second},
			"provider_unavailable: Nothing was charged.",
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()

			require.Equal(t, tc.want, *tc.err)
			require.EqualError(t, tc.err, tc.text)
		})
	}
}

func TestError_KeepsItsCauseForLogsAlone(t *testing.T) {
	t.Parallel()

	for _, err := range []*fault.Error{
		fault.Down("database_unavailable", time.Second, io.ErrUnexpectedEOF, "The database is not available."),
		fault.New(fault.Unavailable, "database_unavailable", "The database is not available.").Because(io.ErrUnexpectedEOF),
	} {
		require.ErrorIs(t, err, io.ErrUnexpectedEOF)
		require.Equal(t, "The database is not available.", err.Message)
		require.EqualError(t, err, "database_unavailable: The database is not available.: unexpected EOF")
	}
	require.NoError(t, fault.New(fault.Invalid, "x", "y").Unwrap())
}

func TestError_IsASentinelByKindAndCode(t *testing.T) {
	t.Parallel()

	sentinel := fault.New(fault.Conflict, "reference_in_use", "")
	err := fmt.Errorf("create: %w", fault.New(fault.Conflict, "reference_in_use", "Another order has it.").WithParam("reference"))
	require.ErrorIs(t, err, sentinel)
	require.NotErrorIs(t, err, fault.New(fault.Refused, "reference_in_use", ""))
	require.NotErrorIs(t, err, fault.New(fault.Conflict, "order_not_payable", ""))
	require.NotErrorIs(t, err, io.EOF)
}

func TestKindOf_BlamesTheCallerOnlyForFaults(t *testing.T) {
	t.Parallel()

	for name, tc := range map[string]struct {
		err  error
		want fault.Kind
	}{
		"nothing":              {nil, fault.Internal},
		"a plain error":        {errors.New("plain"), fault.Internal},
		"a fault":              {fault.MissingParam("amount"), fault.Invalid},
		"a wrapped fault":      {fmt.Errorf("a: %w", fmt.Errorf("b: %w", fault.Missing("order", "1"))), fault.NotFound},
		"joined":               {errors.Join(io.EOF, fault.New(fault.Refused, "x", "y")), fault.Refused},
		"a fault with a cause": {fault.Down("x", 0, fault.MissingParam("p"), "y"), fault.Unavailable},
	} {
		require.Equal(t, tc.want, fault.KindOf(tc.err), name)
	}
}
