package demo

import (
	"bytes"
	"os"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

func TestShorten_ShowsTheNamedMembersInTheirOrder(t *testing.T) {
	t.Parallel()
	body := []byte(`{"object":"order","status":"paid","card":{ "last4": "1390" },"id":"ord_1"}`)

	want := []string{"{", `  "id": "ord_1",`, `  "status": "paid",`, `  "card": {"last4":"1390"},`, "  …", "}"}
	require.Equal(t, want, strings.Split(shorten(body, []string{"id", "status", "card", "absent"}), "\n"))
	require.Equal(t, "<html>", shorten([]byte("<html>"), nil), "what is no object is shown as it is")
}

func TestBrief_RoundsForReading(t *testing.T) {
	t.Parallel()
	require.Equal(t, "0.9 ms", brief(912*time.Microsecond))
	require.Equal(t, "34 ms", brief(34_500*time.Microsecond))
	require.Equal(t, "4.2 s", brief(4231*time.Millisecond))
}

func TestPrinter_ColorsOnlyWhenItMay(t *testing.T) {
	t.Parallel()
	var plain, colored bytes.Buffer
	(&printer{w: &plain}).good("paid")
	(&printer{w: &colored, color: true}).good("paid")

	require.Equal(t, "   paid\n", plain.String())
	require.Equal(t, "\x1b[32m   paid\x1b[0m\n", colored.String())
}

func TestWantsColor_OnlyOnATerminalWhoseOwnerLikesIt(t *testing.T) {
	t.Parallel()
	file, err := os.CreateTemp(t.TempDir(), "out")
	require.NoError(t, err)
	t.Cleanup(func() { _ = file.Close() })
	device, err := os.OpenFile(os.DevNull, os.O_WRONLY, 0) // a character device, as terminals are
	require.NoError(t, err)
	t.Cleanup(func() { _ = device.Close() })

	require.False(t, WantsColor(file, nil))
	require.False(t, WantsColor(&bytes.Buffer{}, nil))
	require.True(t, WantsColor(device, nil))
	require.False(t, WantsColor(device, map[string]string{"NO_COLOR": "1"}))
	require.False(t, WantsColor(device, map[string]string{"TERM": "dumb"}))
}
