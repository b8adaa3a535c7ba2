package lifecycle_test

import (
	"flag"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"tillway/internal/subscriptions/lifecycle"
)

var update = flag.Bool("update", false, "rewrite the state diagram in docs")

func TestDiagram_ShowsWhatTheFunctionsDo(t *testing.T) {
	t.Parallel()
	path := filepath.Join("..", "..", "..", "docs", "state-subscription.md")
	if *update {
		require.NoError(t, os.WriteFile(path, []byte(diagram()), 0o644))
	}
	drawn, err := os.ReadFile(path)
	require.NoError(t, err)
	require.Equal(t, diagram(), string(drawn), "%s is stale: run go test ./internal/subscriptions/lifecycle -run Diagram -update", path)
}

func diagram() string {
	var b strings.Builder
	b.WriteString("# States of a subscription\n\nGenerated from `lifecycle.Next` and `lifecycle.Allows`; a test fails when it is stale. " +
		"An\narrow bears what happens. What no arrow shows changes no status: it is known already, cannot happen, or is money that " +
		"came\nafter the end.\n\n```mermaid\nstateDiagram-v2\n    [*] --> incomplete\n")
	for _, from := range lifecycle.Statuses() {
		for _, to := range lifecycle.Statuses() {
			var labels []string
			for _, happening := range lifecycle.Happenings() {
				if next, verdict := lifecycle.Next(from, happening); verdict == lifecycle.VerdictMove && next == to {
					labels = append(labels, string(happening))
				}
			}
			if labels != nil {
				fmt.Fprintf(&b, "    %s --> %s: %s\n", from, to, strings.Join(labels, " | "))
			}
		}
		if from.Final() {
			fmt.Fprintf(&b, "    %s --> [*]\n", from)
		}
	}
	b.WriteString("```\n\nWhat a subscription may be asked to do:\n\n| status |")
	rule := "|---|"
	for _, command := range lifecycle.Commands() {
		fmt.Fprintf(&b, " %s |", command)
		rule += "---|"
	}
	b.WriteString("\n" + rule + "\n")
	for _, status := range lifecycle.Statuses() {
		fmt.Fprintf(&b, "| %s |", status)
		for _, command := range lifecycle.Commands() {
			mark := " |"
			if lifecycle.Allows(status, command) {
				mark = " yes |"
			}
			b.WriteString(mark)
		}
		b.WriteString("\n")
	}
	return b.String()
}
