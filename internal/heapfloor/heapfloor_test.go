package heapfloor_test

import (
	"runtime"
	"runtime/debug"
	"runtime/metrics"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"tillway/internal/heapfloor"
)

const megabyte = 1 << 20

// TestSet_HoldsASmallHeapToTheFloorAndALargeOneBelowItsDouble walks through one process's life: the setting is the process's.
func TestSet_HoldsASmallHeapToTheFloorAndALargeOneBelowItsDouble(t *testing.T) {
	t.Parallel()
	before := debug.SetGCPercent(50)
	heapfloor.Set(64 * megabyte)
	require.Equal(t, 50, debug.SetGCPercent(100), "an operator's GOGC stays")
	t.Cleanup(func() { debug.SetGCPercent(before) })

	heapfloor.Set(64 * megabyte)
	require.Eventually(t, func() bool {
		runtime.GC()
		goal := goalOfCollector()
		return goal > 60*megabyte && goal < 68*megabyte
	}, 10*time.Second, 10*time.Millisecond, "a small heap may grow to the floor")

	large := make([]byte, 100*megabyte)
	require.Eventually(t, func() bool {
		runtime.GC()
		goal := goalOfCollector()
		return goal > 170*megabyte && goal < 190*megabyte
	}, 10*time.Second, 10*time.Millisecond, "a large one is collected before it has doubled")
	runtime.KeepAlive(large)

	require.Eventually(t, func() bool {
		runtime.GC()
		return goalOfCollector() < 68*megabyte
	}, 10*time.Second, 10*time.Millisecond, "and small again")
}

// goalOfCollector is the size of the heap at which it will run next.
func goalOfCollector() uint64 {
	sample := []metrics.Sample{{Name: "/gc/heap/goal:bytes"}}
	metrics.Read(sample)
	return sample[0].Value.Uint64()
}
