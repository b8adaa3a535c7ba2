package crash

import (
	"context"
	"fmt"
	"math/rand/v2"
	"time"

	"tillway/internal/failpoint"
	"tillway/test/audit"
	"tillway/test/world"
)

const (
	// pointPatience is how long a process is waited for to come to its point.
	pointPatience = time.Minute
	// A random moment lies between these after the process is ready.
	soonest, latest = 50 * time.Millisecond, 700 * time.Millisecond
	// straysPerJob make it likely that the armed process gets one of their jobs.
	straysPerJob = 6
)

// killAll carries out a plan, one kill after the other. Whoever was killed comes back while the next is chosen.
func (b *batch) killAll(ctx context.Context, plan []Kill) error {
	random := rand.New(rand.NewPCG(uint64(b.number), uint64(len(plan)))) //nolint:gosec // spreads the kills
	for _, k := range plan {
		outcome, err := b.kill(ctx, k, random)
		if err != nil {
			return fmt.Errorf("kill at %s under %s: %w", orRandom(k), k.Fault, err)
		}
		b.report.Outcomes = append(b.report.Outcomes, outcome)
		if b.setup.Happened != nil {
			b.setup.Happened(outcome)
		}
	}
	return nil
}

func (b *batch) kill(ctx context.Context, k Kill, random *rand.Rand) (Outcome, error) {
	outcome := Outcome{Kill: k}
	victims := b.victims(k, random)
	for _, s := range victims {
		if err := s.Ready(ctx); err != nil {
			return outcome, err
		}
	}
	if err := strike(ctx, b.world.Provider, k.Fault); err != nil {
		return outcome, err
	}
	var err error
	if k.Point == "" {
		err = pause(ctx, soonest+time.Duration(random.Int64N(int64(latest-soonest))))
	} else {
		outcome.Reached, err = b.awaitDeath(ctx, victims[0], k)
	}
	if err != nil {
		return outcome, err
	}
	for _, s := range victims {
		if err := s.Process().Kill(); err != nil {
			return outcome, err
		}
	}
	return outcome, b.revive(ctx, victims, &outcome)
}

// revive counts what was under way when the victims died, and starts them again.
func (b *batch) revive(ctx context.Context, victims []*world.Service, outcome *Outcome) error {
	names, err := audit.UnderWay(ctx, b.world.DB)
	if err != nil {
		return err
	}
	outcome.UnderWay = len(names)
	for _, name := range names {
		b.seen[name] = true
	}
	for _, s := range victims {
		if !s.Process().Killed() {
			b.find("%s ended by itself: %v", s.Name, s.Process().Err())
		}
		if err := s.Disarm(); err != nil {
			return err
		}
		if err := s.Restart(); err != nil {
			return err
		}
	}
	return nil
}

// victims chooses who dies.
func (b *batch) victims(k Kill, random *rand.Rand) []*world.Service {
	if k.Everything {
		return b.world.Services
	}
	var fit []*world.Service
	for _, s := range b.world.Services {
		passes := s.Works()
		if k.By == failpoint.ByRequest {
			passes = s.HTTP()
		}
		if k.Point == "" || passes {
			fit = append(fit, s)
		}
	}
	return fit[random.IntN(len(fit)):][:1]
}

// awaitDeath arms a process and waits for its end; false when it did not come to its point.
func (b *batch) awaitDeath(ctx context.Context, s *world.Service, k Kill) (bool, error) {
	if err := s.Arm(k.Point, k.Nth); err != nil {
		return false, err
	}
	if k.By == failpoint.ByJob {
		b.strays.sell(ctx, straysPerJob)
	}
	timer := time.NewTimer(pointPatience)
	defer timer.Stop()
	select {
	case <-s.Process().Done():
		return true, nil
	case <-timer.C:
		return false, nil
	case <-ctx.Done():
		return false, context.Cause(ctx)
	}
}

func pause(ctx context.Context, d time.Duration) error {
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-timer.C:
		return nil
	case <-ctx.Done():
		return context.Cause(ctx)
	}
}

func orRandom(k Kill) string {
	if k.Point == "" {
		return "a random moment"
	}
	return string(k.Point)
}
