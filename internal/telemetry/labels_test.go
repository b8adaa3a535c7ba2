package telemetry

import (
	"strconv"
	"testing"

	"github.com/stretchr/testify/require"
	"go.opentelemetry.io/otel/attribute"
	"go.opentelemetry.io/otel/metric"
)

func TestLabelSets_AreMadeOnceAndBounded(t *testing.T) {
	t.Parallel()
	var sets labelSets
	want := attribute.NewSet(attribute.String("b", "1"), attribute.String("a", ""))
	for range 2 {
		got := metric.NewAddConfig([]metric.AddOption{sets.of("b", "1", "a", "")}).Attributes()
		require.True(t, want.Equals(&got))
	}
	require.Len(t, sets.known, 1)
	for i := range 2 * cardinalityLimit {
		got := metric.NewAddConfig([]metric.AddOption{sets.of("n", strconv.Itoa(i))}).Attributes()
		require.Equal(t, 1, got.Len())
	}
	require.Len(t, sets.known, cardinalityLimit)
}
