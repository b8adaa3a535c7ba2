package crash

import (
	"math/rand/v2"

	"tillway/internal/failpoint"
	"tillway/internal/sandbox"
)

// RandomPerRound is how many kills of a round strike at random moments; every point has one besides.
const RandomPerRound = 3

// passings bounds how often requests pass a point before it kills.
const passings = 3

// noFault is a kill on a good day.
const noFault = "none"

// Kill is one death: where, and what the provider does meanwhile.
type Kill struct {
	// Point is where the process dies; "" for a random moment. By is who passes it.
	Point failpoint.Name `json:"point"`
	By    failpoint.By   `json:"by"`
	// Nth is at which passing of the point.
	Nth int `json:"nth"`
	// Fault is the simulator's; Everything takes all processes down at once, as a power cut does.
	Fault      string `json:"fault"`
	Everything bool   `json:"everything"`
}

// KillsPerRound is the length of a plan.
func KillsPerRound() int { return len(failpoint.All()) + RandomPerRound }

// Plan returns the kills of one round: every point once, each with another fault than in the round before, so that after as
// many rounds as there are faults every point has met every fault.
func Plan(seed uint64, round int) []Kill {
	random := rand.New(rand.NewPCG(seed, uint64(round))) //nolint:gosec // to be repeated
	faults := append([]string{noFault}, sandbox.FaultNames()...)
	offsets := rand.New(rand.NewPCG(seed, 0)).Perm(len(faults)) //nolint:gosec // the same for every round
	var kills []Kill
	for i, point := range failpoint.All() {
		most := 1
		if point.By == failpoint.ByRequest {
			most = passings
		}
		kills = append(kills, Kill{
			Point: point.Name, By: point.By, Nth: 1 + random.IntN(most), Fault: faults[(offsets[i%len(offsets)]+round)%len(faults)],
		})
	}
	for i := range RandomPerRound {
		kills = append(kills, Kill{Fault: faults[random.IntN(len(faults))], Everything: i%3 == 0})
	}
	random.Shuffle(len(kills), func(i, j int) { kills[i], kills[j] = kills[j], kills[i] })
	return kills
}
