// Package heapfloor owns how large a small heap may grow before the garbage collector runs. Go waits until the heap has
// doubled, which serves large heaps well; ours is small and filled quickly, so that it is collected many times a second,
// for an eighth of the service's CPU time. With a floor the collector waits for the floor: memory that the process needs at
// its peaks anyway saves time in between. A heap that has outgrown the floor is collected a little sooner than by default,
// so that the peaks stay what they are: such a heap is collected seldom as it is.
//
// It does not limit memory, and whoever sets GOGC has the last word.
package heapfloor

import (
	"runtime"
	"runtime/debug"
	"runtime/metrics"
)

const (
	// usual is the percentage that Go starts with, beyond that of a heap beyond the floor, and the least that is set here.
	usual, beyond = 100, 70
	// smallest is the heap below which Go never collects at the usual percentage; it grows with the percentage.
	smallest = 4 << 20
)

// Set keeps the floor from now on, for the whole process. It does nothing where GOGC says something else than the default.
func Set(bytes uint64) {
	f := &floor{bytes: bytes, most: max(usual, bytes*usual/smallest)}
	if before := debug.SetGCPercent(int(f.most)); before != usual { //nolint:gosec // a size of memory
		debug.SetGCPercent(before)
		return
	}
	f.afterNext()
}

type floor struct {
	bytes uint64
	// most is the percentage at which Go's own least heap is the floor.
	most uint64
}

// afterNext adjusts the percentage after each collection, which is when finalizers of what was dropped are run.
func (f *floor) afterNext() {
	// Larger than what the runtime packs several of into one block, whose finalizers may never run.
	runtime.SetFinalizer(&[32]byte{}, func(*[32]byte) {
		debug.SetGCPercent(f.percent())
		f.afterNext()
	})
}

// percent is the growth that leads to the floor, from what lives now. What the collector must scan besides the heap
// counts as living (runtime documentation of GOGC).
func (f *floor) percent() int {
	samples := []metrics.Sample{
		{Name: "/gc/heap/live:bytes"}, {Name: "/gc/scan/stack:bytes"}, {Name: "/gc/scan/globals:bytes"},
	}
	metrics.Read(samples)
	live := samples[0].Value.Uint64()
	base := live + samples[1].Value.Uint64() + samples[2].Value.Uint64()
	if base == 0 || live >= f.bytes {
		return beyond
	}
	return int(min(f.most, max(beyond, (f.bytes-live)*100/base))) //nolint:gosec // a size of memory
}
