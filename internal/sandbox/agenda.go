package sandbox

import (
	"container/heap"
	"context"
	"sync"
	"time"
)

// agenda is what the provider will do later, by its own clock.
type agenda struct {
	now  func() time.Time
	poll time.Duration // how often to look at a clock that somebody else moves; zero for the real one

	mu    sync.Mutex
	tasks taskHeap
	count int
	nudge chan struct{}
}

type task struct {
	at    time.Time
	order int
	do    func(context.Context)
	// inTurn: nothing that is due later is begun before it is done.
	inTurn bool
}

func newAgenda(now func() time.Time, polled bool) *agenda {
	a := &agenda{now: now, nudge: make(chan struct{}, 1)}
	if polled {
		a.poll = 10 * time.Millisecond
	}
	return a
}

// add notes a task. It is done once, in a goroutine of its own, as soon as run sees that its time has come.
func (a *agenda) add(at time.Time, do func(context.Context)) { a.put(task{at: at, do: do}) }

// addInTurn notes a short task that may note the next one of its kind: where the clock has jumped over many, they are done in the order
// of their times.
func (a *agenda) addInTurn(at time.Time, do func(context.Context)) {
	a.put(task{at: at, do: do, inTurn: true})
}

func (a *agenda) put(t task) {
	a.mu.Lock()
	a.count++
	t.order = a.count
	heap.Push(&a.tasks, t)
	a.mu.Unlock()
	a.wake()
}

// size is how many tasks wait.
func (a *agenda) size() int {
	a.mu.Lock()
	defer a.mu.Unlock()
	return len(a.tasks)
}

// wake makes run look at the clock again.
func (a *agenda) wake() {
	select {
	case a.nudge <- struct{}{}:
	default: // a nudge is waiting already
	}
}

// clear drops every task.
func (a *agenda) clear() {
	a.mu.Lock()
	defer a.mu.Unlock()
	a.tasks = nil
}

// run does tasks when they are due until ctx ends, and returns when the last has finished.
func (a *agenda) run(ctx context.Context) {
	var running sync.WaitGroup
	defer running.Wait()
	for {
		due, next := a.takeDue()
		for _, t := range due {
			if t.inTurn {
				t.do(ctx)
			} else {
				running.Go(func() { t.do(ctx) })
			}
		}
		if !a.rest(ctx, next) {
			return
		}
	}
}

// takeDue removes what is due, up to the first that is done in turn, and says how long the next task has, or a negative time when there
// is none.
func (a *agenda) takeDue() ([]task, time.Duration) {
	now := a.now()
	a.mu.Lock()
	defer a.mu.Unlock()
	var due []task
	for len(a.tasks) > 0 && !a.tasks[0].at.After(now) {
		first := a.tasks[0]
		due = append(due, first)
		heap.Pop(&a.tasks)
		if first.inTurn {
			break
		}
	}
	if len(a.tasks) == 0 {
		return due, -1
	}
	return due, max(a.tasks[0].at.Sub(now), 0)
}

// rest waits for the next task, a nudge or the end; false at the end.
func (a *agenda) rest(ctx context.Context, next time.Duration) bool {
	var timeout <-chan time.Time
	if next >= 0 {
		if a.poll > 0 {
			next = min(next, a.poll)
		}
		timer := time.NewTimer(next)
		defer timer.Stop()
		timeout = timer.C
	}
	select {
	case <-ctx.Done():
		return false
	case <-a.nudge:
	case <-timeout:
	}
	return ctx.Err() == nil
}

// taskHeap orders tasks by time, and by their entry where the time is the same.
type taskHeap []task

func (h taskHeap) Len() int      { return len(h) }
func (h taskHeap) Swap(i, j int) { h[i], h[j] = h[j], h[i] }
func (h taskHeap) Less(i, j int) bool {
	if h[i].at.Equal(h[j].at) {
		return h[i].order < h[j].order
	}
	return h[i].at.Before(h[j].at)
}

// Push is for container/heap, which hands on what add gave it.
func (h *taskHeap) Push(x any) {
	if t, isTask := x.(task); isTask {
		*h = append(*h, t)
	}
}

// Pop is for container/heap.
func (h *taskHeap) Pop() any {
	last := len(*h) - 1
	t := (*h)[last]
	(*h)[last] = task{}
	*h = (*h)[:last]
	return t
}
