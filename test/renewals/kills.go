package renewals

import (
	"cmp"
	"context"
	"fmt"
	"math/rand/v2"
	"slices"
	"time"

	"tillway/internal/failpoint"
	"tillway/test/world"
)

// randomMoment stands for a kill at no point.
const randomMoment failpoint.Name = ""

// randomShare is how many of the kills strike at random moments: one in so many.
const randomShare = 4

// moment bounds a random moment after a step of the clock.
const moment = 500 * time.Millisecond

// points are where workers die: those of subscriptions, and those of the charges that these make.
func points() []failpoint.Name {
	var names []failpoint.Name
	for _, p := range failpoint.Renewals() {
		if p.By == failpoint.BySweep && !ending(p.Name) {
			names = append(names, p.Name)
		}
	}
	return append(names, failpoint.PayBeforeT1, failpoint.PayAfterT1, failpoint.ProviderWritten, failpoint.ProviderAnswered,
		failpoint.PayAnswered, failpoint.PayAfterT2)
}

// ending tells whether a point is passed only when a contract ends.
func ending(name failpoint.Name) bool {
	return name == failpoint.ContractBeforeEnd || name == failpoint.ContractEnded
}

// killer kills workers and starts them again.
type killer struct {
	world  *world.World
	rand   *rand.Rand
	died   map[failpoint.Name]int
	missed map[failpoint.Name]int
	// armed is the point at which somebody is to die now.
	armed failpoint.Name
	// findings are processes that ended by themselves.
	findings []string
	kills    int
}

func newKiller(w *world.World, seed uint64) *killer {
	return &killer{
		world: w, rand: rand.New(rand.NewPCG(seed, 2)), //nolint:gosec // to be repeated
		died: make(map[failpoint.Name]int), missed: make(map[failpoint.Name]int),
	}
}

// next is where to kill next: at random now and then, else where the fewest have died.
func (k *killer) next() failpoint.Name {
	if k.rand.IntN(randomShare) == 0 {
		return randomMoment
	}
	return slices.MinFunc(points(), func(a, b failpoint.Name) int {
		return cmp.Or(k.died[a]-k.died[b], k.missed[a]-k.missed[b])
	})
}

// arm has whoever comes to the point first die there: of those that work, or of those that serve.
func (k *killer) arm(point failpoint.Name, serve bool) error {
	k.armed = point
	for _, s := range k.world.Services {
		if s.HTTP() != serve {
			continue
		}
		if err := s.Arm(point, 1); err != nil {
			return err
		}
	}
	return nil
}

// strike kills a random worker at a random moment.
func (k *killer) strike(ctx context.Context) error {
	if err := pause(ctx, time.Duration(k.rand.Int64N(int64(moment)))); err != nil {
		return err
	}
	var workers []*world.Service
	for _, s := range k.world.Services {
		if !s.HTTP() && s.Process().Alive() {
			workers = append(workers, s)
		}
	}
	if len(workers) == 0 {
		return nil
	}
	return workers[k.rand.IntN(len(workers))].Process().Kill()
}

// tend starts the dead again, and takes the order back once somebody has died of it.
func (k *killer) tend() error {
	for _, s := range k.world.Services {
		if s.Process().Alive() {
			continue
		}
		if !s.Process().Killed() {
			k.findings = append(k.findings, fmt.Sprintf("%s ended by itself: %v", s.Name, s.Process().Err()))
		}
		k.kills++
		k.died[k.armed]++
		if err := k.disarm(); err != nil {
			return err
		}
		if err := s.Restart(); err != nil {
			return err
		}
	}
	return nil
}

// disarm takes the order back.
func (k *killer) disarm() error {
	k.armed = randomMoment
	for _, s := range k.world.Services {
		if err := s.Disarm(); err != nil {
			return err
		}
	}
	return nil
}

// over ends a step: an order that nobody has obeyed is taken back.
func (k *killer) over() error {
	if k.armed == randomMoment {
		return nil
	}
	k.missed[k.armed]++
	return k.disarm()
}
