package sandbox

import (
	"encoding/json"
	"testing"

	"github.com/stretchr/testify/require"
)

func TestObject_IsWrittenAsTheStandardLibraryWould(t *testing.T) {
	t.Parallel()
	for _, value := range []string{"", "plain", `"quoted" \ back`, "<b> & co", "line\nfeed\x00", "zażółć 漢字", "\xff broken", "\u2028"} {
		written, err := object{{"member", value}, {value, nil}}.json()
		require.NoError(t, err)
		quoted, err := encode(value)
		require.NoError(t, err)
		require.Equal(t, `{"member":`+string(quoted)+`,`+string(quoted)+`:null}`, string(written))
		require.True(t, json.Valid(written))
	}
}

func TestObject_KeepsTheOrderOfItsMembers(t *testing.T) {
	t.Parallel()
	written, err := object{
		{"z", 1}, {"a", true}, {"list", []object{{{"b", "1"}}, {}}}, {"none", []object{}}, {"data", object(nil)},
	}.json()
	require.NoError(t, err)
	require.JSONEq(t, `{"z":1,"a":true,"list":[{"b":"1"},{}],"none":[],"data":null}`, string(written))
	require.Equal(t, []string{"z", "a", "list", "b", "none", "data"}, memberNames(t, written))
}

func TestObject_RefusesATypeThatIsNotOfTheWire(t *testing.T) {
	t.Parallel()
	_, err := object{{"rate", 1.5}}.json()
	require.ErrorContains(t, err, "member rate: encode float64")
}
