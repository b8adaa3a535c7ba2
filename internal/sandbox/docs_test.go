package sandbox

import (
	"net/http"
	"os"
	"regexp"
	"testing"

	"github.com/stretchr/testify/require"
)

// TestDocs_TellOfEveryCardAndFault holds the guide that merchants read to what the simulator does.
func TestDocs_TellOfEveryCardAndFault(t *testing.T) {
	t.Parallel()
	text, err := os.ReadFile("../api/apidocs/guide.md")
	require.NoError(t, err)
	told := map[string]string{}
	for _, row := range regexp.MustCompile("(?m)^\\| `([a-z0-9_]+)` \\| (?:`([0-9]{16})`|–) \\| ").FindAllStringSubmatch(string(text), -1) {
		told[row[1]] = row[2]
	}
	catalog := map[string]string{}
	for _, spec := range faultCatalog() {
		catalog[spec.name] = spec.card
	}
	require.Equal(t, catalog, told)

	known := cardBehaviors()
	numbers := regexp.MustCompile("`([0-9]{16})`").FindAllStringSubmatch(string(text), -1)
	require.NotEmpty(t, numbers)
	for _, number := range numbers {
		require.Contains(t, known, number[1])
	}
	var controls http.ServeMux
	New(Config{}).routeControls(&controls)
	for _, path := range regexp.MustCompile(`\$SANDBOX(/sandbox/[A-Za-z_/]+)`).FindAllStringSubmatch(string(text), -1) {
		found := false
		for _, method := range []string{http.MethodGet, http.MethodPost} {
			req, err := http.NewRequestWithContext(t.Context(), method, path[1], nil)
			require.NoError(t, err)
			_, pattern := controls.Handler(req)
			found = found || pattern != ""
		}
		require.True(t, found, path[1])
	}
}

func TestDocs_LeadToThePage(t *testing.T) {
	t.Parallel()
	b := setup(t)
	require.Contains(t, b.browse(t, "/docs", nil), "Metadata")
}
