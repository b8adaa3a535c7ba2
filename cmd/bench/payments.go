package main

import (
	"context"
	"errors"
	"fmt"
	"strconv"
	"time"

	"tillway/internal/ids"
)

// settlePatience is how long the last notifications may take once the load has ended.
const settlePatience = 15 * time.Second

// payments is the main scenario: create an order, pay it by card, be notified. It alternates with the twin.
func (s *stack) payments(ctx context.Context) (_ *paymentsReport, err error) {
	svc, sim, err := s.pair(ctx, s.options.latency)
	if err != nil {
		return nil, err
	}
	defer func() { err = errors.Join(err, svc.stop(), sim.stop()) }()
	model, err := s.firstPayment(ctx, svc, "payments")
	if err != nil {
		return nil, err
	}
	values, err := s.sample(ctx, model)
	if err != nil {
		return nil, err
	}
	scenario := &paymentsRun{stack: s, service: svc, simulator: sim, values: values, report: &paymentsReport{}, twins: map[string]*twinRun{plain: {}, prepared: {}}}
	if err := scenario.warmTwin(ctx); err != nil {
		return nil, err
	}
	for round := 1; round <= s.options.rounds; round++ {
		if err := scenario.round(ctx, round); err != nil {
			return nil, fmt.Errorf("round %d: %w", round, err)
		}
	}
	if err := scenario.alone(ctx); err != nil {
		return nil, err
	}
	memory, err := memoryOf(ctx, svc.pid())
	if err != nil {
		return nil, err
	}
	scenario.report.finish(scenario, memory)
	return scenario.report, nil
}

// firstPayment makes one payment and waits for its notification.
func (s *stack) firstPayment(ctx context.Context, svc *service, name string) (ids.Order, error) {
	shop, err := newShopper(ctx, svc.addr, "first-"+name, &gauge{})
	if err != nil {
		return ids.Order{}, err
	}
	defer shop.close()
	order, _, err := shop.buy()
	if err != nil {
		return ids.Order{}, err
	}
	return order, s.settled(ctx)
}

// settled waits until every payment of the service is confirmed.
func (s *stack) settled(ctx context.Context) error {
	ctx, cancel := context.WithTimeoutCause(ctx, settlePatience, errors.New("notifications were not applied in time"))
	defer cancel()
	for {
		var open int
		err := s.db.QueryRow(ctx, "SELECT count(*) FROM payments WHERE NOT confirmed").Scan(&open)
		if err != nil {
			return fmt.Errorf("count unconfirmed payments: %w", err)
		}
		if open == 0 {
			return nil
		}
		if err := wait(ctx, 50*time.Millisecond); err != nil {
			return fmt.Errorf("%d payments are unconfirmed: %w", open, err)
		}
	}
}

// twinRun is what the twin did in all rounds under one protocol.
type twinRun struct {
	wrote    writes
	cpu      map[string]time.Duration
	payments int64
}

// paymentsRun is the scenario under way.
type paymentsRun struct {
	*stack

	service     *service
	simulator   *simulator
	values      map[string]string // what the twin writes
	report      *paymentsReport
	busy, quiet []times // of the rounds; of one client alone
	cpu         map[string]time.Duration
	measured    int64 // payments in all windows
	ours        writes
	twins       map[string]*twinRun // by protocol
}

func (r *paymentsRun) processes() processes {
	return processes{service: r.service.pid(), simulator: r.simulator.pid(), postgres: r.pg.PID(), redis: r.redis.PID()}
}

// warmTwin spares the twin's first round what the service's first round is spared by its own warm-up.
func (r *paymentsRun) warmTwin(ctx context.Context) error {
	for _, protocol := range []string{plain, prepared} {
		if _, err := r.twinTurn(ctx, protocol, 0, time.Second); err != nil {
			return err
		}
	}
	return nil
}

func (r *paymentsRun) round(ctx context.Context, number int) error {
	ours, err := r.serviceTurn(ctx, number)
	if err != nil {
		return fmt.Errorf("service: %w", err)
	}
	turn, err := compare(ours, func(protocol string) (twinResult, error) {
		return r.twinTurn(ctx, protocol, number, r.options.duration)
	})
	if err != nil {
		return err
	}
	r.report.Rounds = append(r.report.Rounds, turn)
	turn.tell(number)
	return nil
}

// serviceTurn loads the service and returns its payments per second: those whose notification was applied in the window.
func (r *paymentsRun) serviceTurn(ctx context.Context, number int) (float64, error) {
	if err := r.checkpoint(ctx); err != nil {
		return 0, err
	}
	before, err := written(ctx, r.db)
	if err != nil {
		return 0, err
	}
	l := &load{clients: r.options.clients, name: "round-" + strconv.Itoa(number)}
	stopProfile := r.profile(ctx, r.service, "payments-"+strconv.Itoa(number))
	w, err := l.run(ctx, r.service.addr, r.processes(), r.options.warmup, r.options.duration)
	if err := errors.Join(err, stopProfile()); err != nil {
		return 0, err
	}
	if err := r.settled(ctx); err != nil {
		return 0, err
	}
	after, err := written(ctx, r.db)
	if err != nil {
		return 0, err
	}
	applied, err := r.applied(ctx, w)
	if err != nil {
		return 0, err
	}
	r.ours = r.ours.plus(after.since(before))
	r.busy = append(r.busy, l.times...)
	r.measured += applied
	r.cpu = addTimes(r.cpu, w.cpu)
	return float64(applied) / w.seconds(), nil
}

// applied counts the notifications that the service applied in a window.
func (s *stack) applied(ctx context.Context, w window) (int64, error) {
	var n int64
	err := s.db.QueryRow(ctx, "SELECT count(*) FROM notifications WHERE applied_at >= $1 AND applied_at < $2", w.from, w.to).Scan(&n)
	if err != nil {
		return 0, fmt.Errorf("count applied notifications: %w", err)
	}
	return n, nil
}

func (r *paymentsRun) twinTurn(ctx context.Context, protocol string, number int, duration time.Duration) (twinResult, error) {
	if err := r.checkpoint(ctx); err != nil {
		return twinResult{}, err
	}
	before, err := written(ctx, r.twin)
	if err != nil {
		return twinResult{}, err
	}
	text, err := script("payments.sql", "notification.sql")
	if err != nil {
		return twinResult{}, err
	}
	r.values["run"] = protocol + "-" + strconv.Itoa(number)
	result, err := r.runTwin(ctx, protocol, text, r.values, "--time="+strconv.Itoa(int(duration.Seconds())))
	if err != nil {
		return twinResult{}, err
	}
	after, err := written(ctx, r.twin)
	twin := r.twins[protocol]
	twin.wrote = twin.wrote.plus(after.since(before))
	twin.cpu = addTimes(twin.cpu, map[string]time.Duration{"postgres": result.postgres, "load": result.pgbench})
	twin.payments += int64(result.Transactions)
	return result, err
}

// alone measures one client with nothing else going on: the service's own time without any queue.
func (r *paymentsRun) alone(ctx context.Context) error {
	l := &load{clients: 1, name: "alone"}
	_, err := l.run(ctx, r.service.addr, r.processes(), r.options.warmup/4, max(r.options.duration/4, time.Second))
	r.quiet = l.times
	if err != nil {
		return fmt.Errorf("one client alone: %w", err)
	}
	return r.settled(ctx)
}

func addTimes(sum, more map[string]time.Duration) map[string]time.Duration {
	if sum == nil {
		sum = make(map[string]time.Duration, len(more))
	}
	for name, d := range more {
		sum[name] += d
	}
	return sum
}
