package demo

import (
	"context"
	"errors"
	"fmt"
)

// stack is what has been started and is to be stopped.
type stack struct{ parts []part }

type part struct {
	name string
	stop func(context.Context) error
}

func (s *stack) push(name string, stop func(context.Context) error) {
	s.parts = append(s.parts, part{name, stop})
}

// stop stops the newest part first and goes on whatever fails.
func (s *stack) stop(ctx context.Context) error {
	var failed []error
	for len(s.parts) > 0 {
		last := s.parts[len(s.parts)-1]
		s.parts = s.parts[:len(s.parts)-1]
		if err := last.stop(ctx); err != nil {
			failed = append(failed, fmt.Errorf("stop %s: %w", last.name, err))
		}
	}
	return errors.Join(failed...)
}

// task is a part that runs in this process until it is told to end.
type task struct {
	name string
	done chan struct{} // closed when it has ended
	err  error         // how it ended; read after done
}

// run starts a task that outlives ctx, since parts end in an order of their own. A task that ends before it was told to
// ends the demo.
func (d *demo) run(ctx context.Context, name string, do func(context.Context) error) *task {
	ctx, cancel := context.WithCancel(context.WithoutCancel(ctx))
	t := &task{name: name, done: make(chan struct{})}
	go func() { // awaited when the task is stopped
		t.err = do(ctx)
		told := ctx.Err() != nil
		close(t.done)
		if !told {
			d.fail(t.failure())
		}
	}()
	d.running.push(name, func(context.Context) error {
		early := t.ended() // then it has ended the demo, and said why
		cancel()
		<-t.done
		if early || errors.Is(t.err, context.Canceled) {
			return nil
		}
		return t.err
	})
	return t
}

func (t *task) ended() bool {
	select {
	case <-t.done:
		return true
	default:
		return false
	}
}

// failure is why a task that nobody told to end is over.
func (t *task) failure() error {
	if t.err == nil {
		return fmt.Errorf("%s ended by itself", t.name)
	}
	return fmt.Errorf("%s ended: %w", t.name, t.err)
}
