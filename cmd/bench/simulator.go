package main

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"time"
)

// simulator is the running sandbox of Onerway.
type simulator struct {
	*child
	addr string
}

func (s *stack) startSimulator(ctx context.Context, latency time.Duration, flags ...string) (*simulator, error) {
	addr, err := freeAddress(ctx)
	if err != nil {
		return nil, err
	}
	args := append([]string{"sandbox", "--listen", addr, "--latency", latency.String()}, flags...)
	c, err := startChild(ctx, s.dir, "sandbox", s.binary, nil, args...)
	if err != nil {
		return nil, err
	}
	ctx, cancel := context.WithTimeoutCause(ctx, startPatience, errors.New("the simulator did not start in time"))
	defer cancel()
	if err := c.await(ctx, 10*time.Millisecond, dialable(addr)); err != nil {
		return nil, errors.Join(err, c.stop())
	}
	sim := &simulator{child: c, addr: addr}
	if err := sim.notifyAfter(ctx, s.options.notifyAfter); err != nil {
		return nil, errors.Join(err, c.stop())
	}
	return sim, nil
}

// notifyAfter has every notification follow its answer by d. By itself the simulator notifies at the very moment of its
// answer, when the service has not recorded it yet.
func (sim *simulator) notifyAfter(ctx context.Context, d time.Duration) error {
	if d == 0 {
		return nil
	}
	c, err := dial(ctx, sim.addr)
	if err != nil {
		return err
	}
	defer c.close()
	got, err := c.post("/sandbox/faults", "", fmt.Appendf(nil, `{"fault":"late_notification","times":-1,"delay_ms":%d}`, d.Milliseconds()))
	if err != nil {
		return err
	}
	if got.status >= http.StatusMultipleChoices {
		return fmt.Errorf("delay notifications: %d %s", got.status, got.body)
	}
	return nil
}
