package telemetry

import (
	"sync"

	"go.opentelemetry.io/otel/attribute"
	"go.opentelemetry.io/otel/metric"
)

// maxLabels is how many labels an instrument has at most.
const maxLabels = 3

// labelSets remembers sets of labels: there are few, and to make one costs more than to count. It is safe for concurrent
// use, and empty when zero.
type labelSets struct {
	mu    sync.RWMutex
	known map[[2 * maxLabels]string]metric.MeasurementOption
}

// of returns the set of the given names, each with its value after it.
func (l *labelSets) of(pairs ...string) metric.MeasurementOption {
	var key [2 * maxLabels]string
	copy(key[:], pairs)
	l.mu.RLock()
	set, ok := l.known[key]
	l.mu.RUnlock()
	if ok {
		return set
	}
	attributes := make([]attribute.KeyValue, 0, maxLabels)
	for i := 0; i+1 < len(key) && key[i] != ""; i += 2 {
		attributes = append(attributes, attribute.String(key[i], key[i+1]))
	}
	set = metric.WithAttributeSet(attribute.NewSet(attributes...))
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.known == nil {
		l.known = make(map[[2 * maxLabels]string]metric.MeasurementOption)
	}
	if len(l.known) < cardinalityLimit { // what nobody foresaw is counted, and made anew each time
		l.known[key] = set
	}
	return set
}
