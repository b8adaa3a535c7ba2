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
	// obedience is how long a process may take to die of an order that it has read.
	obedience = 250 * time.Millisecond
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
	if err := b.reviveLate(); err != nil {
		return outcome, err
	}
	victims := b.victims(k, random)
	if k.Point == "" { // to a point, who is still starting comes later
		for _, s := range victims {
			if err := b.ready(ctx, s); err != nil {
				return outcome, err
			}
		}
	}
	if err := strike(ctx, b.world.Provider, k.Fault); err != nil {
		return outcome, err
	}
	var err error
	if k.Point == "" {
		err = pause(ctx, soonest+time.Duration(random.Int64N(int64(latest-soonest))))
	} else {
		var dead []*world.Service
		dead, err = b.awaitDeath(ctx, victims, k)
		if outcome.Reached = len(dead) > 0; outcome.Reached {
			victims = dead
		} else {
			victims = victims[random.IntN(len(victims)):][:1]
		}
	}
	if err != nil {
		return outcome, err
	}
	for _, s := range victims {
		if err := s.Process().Kill(); err != nil {
			return outcome, err
		}
	}
	// What reads the provider's lists keeps others from it for ten minutes.
	if err := audit.EndReadings(ctx, b.world.DB); err != nil {
		return outcome, err
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

// reviveLate starts those again who obeyed their order only after somebody else had died of it.
func (b *batch) reviveLate() error {
	for _, s := range b.world.Services {
		select {
		case <-s.Process().Done():
			if !s.Process().Killed() {
				b.find("%s ended by itself: %v", s.Name, s.Process().Err())
			}
			if err := s.Restart(); err != nil {
				return err
			}
		default:
		}
	}
	return nil
}

// ready waits for a process, and for the next one if it still obeys an order.
func (b *batch) ready(ctx context.Context, s *world.Service) error {
	err := s.Ready(ctx)
	if err == nil || ctx.Err() != nil {
		return err
	}
	if err := b.reviveLate(); err != nil {
		return err
	}
	return s.Ready(ctx)
}

// victims chooses who dies: at a point whoever of those who pass it comes there first.
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
	if k.Point != "" {
		return fit
	}
	return fit[random.IntN(len(fit)):][:1]
}

// awaitDeath arms processes, waits until one of them has come to its point, and returns those that did; none after waiting
// in vain.
func (b *batch) awaitDeath(ctx context.Context, armed []*world.Service, k Kill) ([]*world.Service, error) {
	waiting, stop := context.WithTimeout(ctx, pointPatience)
	defer stop()
	died := make(chan struct{}, len(armed))
	for _, s := range armed {
		if err := s.Arm(k.Point, k.Nth); err != nil {
			return nil, err
		}
		gone := s.Process().Done() // of this run: the process may be started again before anybody waits here
		go func() {                // ends with the process or the waiting
			select {
			case <-gone:
				died <- struct{}{}
			case <-waiting.Done():
			}
		}()
	}
	if k.By == failpoint.ByJob {
		b.strays.sell(ctx, straysPerJob)
	}
	select {
	case <-died:
	case <-waiting.Done():
	}
	return b.disarm(ctx, armed)
}

// disarm takes the orders back and returns the processes that had obeyed them by then.
func (b *batch) disarm(ctx context.Context, armed []*world.Service) (dead []*world.Service, err error) {
	for _, s := range armed {
		if err := s.Disarm(); err != nil {
			return nil, err
		}
	}
	if err := pause(ctx, obedience); err != nil {
		return nil, err
	}
	for _, s := range armed {
		select {
		case <-s.Process().Done():
			dead = append(dead, s)
		default:
		}
	}
	return dead, nil
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
