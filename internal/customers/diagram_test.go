package customers_test

import (
	"flag"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"tillway/internal/customers"
)

var update = flag.Bool("update", false, "rewrite the state diagram in docs")

func TestDiagram_ShowsWhatTheFunctionDoes(t *testing.T) {
	t.Parallel()
	path := filepath.Join("..", "..", "docs", "state-payment-method.md")
	if *update {
		require.NoError(t, os.WriteFile(path, []byte(diagram()), 0o644))
	}
	drawn, err := os.ReadFile(path)
	require.NoError(t, err)
	require.Equal(t, diagram(), string(drawn), "%s is stale: run go test ./internal/customers -run Diagram -update", path)
}

func diagram() string {
	var b strings.Builder
	b.WriteString("# States of a payment method\n\nGenerated from `customers.Status.On`; a test fails when it is stale. " +
		"What is pending or failed is shown to nobody but\nwhoever repeats the request that began it. " +
		"Events that no arrow shows change nothing.\n\n```mermaid\nstateDiagram-v2\n    [*] --> pending\n")
	for _, from := range customers.Statuses() {
		for _, e := range customers.Events() {
			if to, ok := from.On(e); ok {
				fmt.Fprintf(&b, "    %s --> %s: %s\n", from, to, e)
			}
		}
	}
	b.WriteString("    failed --> [*]\n    detached --> [*]\n```\n")
	return b.String()
}
