package details_test

import (
	"errors"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"tillway/internal/details"
	"tillway/internal/fault"
)

const pan = "4761 3441 3614 1390"

func TestContact_RefusesWhatCannotBeKept(t *testing.T) {
	t.Parallel()
	long := strings.Repeat("x", 257)
	for name, tc := range map[string]struct {
		param   string
		contact details.Contact
	}{
		"long name":       {"b.first_name", details.Contact{FirstName: long}},
		"card as name":    {"b.last_name", details.Contact{LastName: pan}},
		"card as phone":   {"b.phone", details.Contact{Phone: pan}},
		"no email":        {"b.email", details.Contact{Email: "nobody"}},
		"named email":     {"b.email", details.Contact{Email: "A <a@example.com>"}},
		"control in line": {"b.address.line1", details.Contact{Address: &details.Address{Line1: "\x00"}}},
		"no country":      {"b.address.country", details.Contact{Address: &details.Address{Country: "Germany"}}},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			refused, ok := errors.AsType[*fault.Error](tc.contact.Normalize("b"))
			require.True(t, ok)
			require.Equal(t, fault.Invalid, refused.Kind)
			require.Equal(t, "parameter_invalid", refused.Code)
			require.Equal(t, tc.param, refused.Param)
			require.NotContains(t, refused.Message, pan)
		})
	}
}

func TestContact_NormalizesItsOwnCopy(t *testing.T) {
	t.Parallel()
	given := &details.Contact{Email: "a@example.com", Address: &details.Address{Country: "de"}}
	kept := given.Clone()
	require.NoError(t, kept.Normalize("b"))
	require.Equal(t, "DE", kept.Address.Country)
	require.Equal(t, "de", given.Address.Country)

	var none *details.Contact
	require.Nil(t, none.Clone())
	require.NoError(t, none.Normalize("b"))
}

func TestPatch_MergesMetadata(t *testing.T) {
	t.Parallel()
	text := func(s string) *string { return &s }
	present := details.Metadata{"a": "1", "b": "2"}
	description, merged, err := details.Patch{Metadata: map[string]*string{"b": nil, "c": text("3")}}.Apply("kept", present)
	require.NoError(t, err)
	require.Equal(t, "kept", description)
	require.Equal(t, details.Metadata{"a": "1", "c": "3"}, merged)
	require.Equal(t, details.Metadata{"a": "1", "b": "2"}, present, "the present metadata is not the patch's to change")

	description, merged, err = details.Patch{Description: text(""), ClearMetadata: true}.Apply("old", present)
	require.NoError(t, err)
	require.Empty(t, description)
	require.Empty(t, merged)

	_, _, err = details.Patch{Metadata: map[string]*string{"note": text(pan)}}.Apply("", present)
	require.Error(t, err)
}
