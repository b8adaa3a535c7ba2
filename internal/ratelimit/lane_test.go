package ratelimit_test

import (
	"testing"
	"time"

	"github.com/alicebob/miniredis/v2"
	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"

	"tillway/internal/embedded/redistest"
	"tillway/internal/ratelimit"
)

const second = int64(1_000_000) // in microseconds

var anyLane = rapid.SampledFrom(ratelimit.Lanes())

func TestBudget_NeverStartsMoreThanTheBudgetInAnySecond(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		perSecond := rapid.IntRange(1, 60).Draw(t, "per second")
		budget := ratelimit.NewBudget(perSecond)
		now, starts := int64(0), []int64{}
		for range 300 {
			now += rapid.Int64Range(0, second/20).Draw(t, "later")
			if booked, wait := budget.Book(anyLane.Draw(t, "lane"), now); booked {
				starts = append(starts, now+wait)
			}
		}
		for i := range starts {
			if i+perSecond < len(starts) && starts[i+perSecond]-starts[i] < second {
				t.Fatalf("%d calls from %d to %d", perSecond+1, starts[i], starts[i+perSecond])
			}
		}
	})
}

// storm asks for every lane's next place as fast as it may, for two minutes, and counts what each got a second. Of a budget
// of 100 the burst is 10 and the rate 91.
func storm(lanes ...ratelimit.Lane) map[ratelimit.Lane]float64 {
	const seconds = 120
	budget, got := ratelimit.NewBudget(100), map[ratelimit.Lane]float64{}
	for now := int64(0); now < seconds*second; now += 1000 {
		for _, lane := range lanes {
			if booked, wait := budget.Book(lane, now); booked && now+wait < seconds*second {
				got[lane] += 1.0 / seconds
			}
		}
	}
	return got
}

func TestBudget_SharesWhenEverybodyWantsEverything(t *testing.T) {
	t.Parallel()
	got := storm(ratelimit.LaneSale)
	require.InDelta(t, 92, got[ratelimit.LaneSale], 2, "sales may use all of it")

	got = storm(ratelimit.LaneSale, ratelimit.LaneQuery)
	require.InDelta(t, 46, got[ratelimit.LaneSale], 3)
	require.InDelta(t, 46, got[ratelimit.LaneQuery], 3, "sales cannot keep queries out")

	got = storm(ratelimit.LaneSale, ratelimit.LaneReconciliation)
	require.InDelta(t, 91, got[ratelimit.LaneSale], 3)
	require.Less(t, got[ratelimit.LaneReconciliation], 2.0, "reconciliation yields to sales")

	// Even when the others ask first each time, sales keep their two fifths.
	got = storm(ratelimit.LaneReconciliation, ratelimit.LaneRenewal, ratelimit.LaneRefund,
		ratelimit.LaneQuery, ratelimit.LaneSale)
	require.GreaterOrEqual(t, got[ratelimit.LaneSale], 0.4*91-2)

	for lane, percent := range map[ratelimit.Lane]float64{
		ratelimit.LaneQuery: 50, ratelimit.LaneRefund: 30, ratelimit.LaneReconciliation: 20,
	} {
		require.InDelta(t, 91*percent/100, storm(lane)[lane], 2, lane)
		require.InDelta(t, 91*percent/100, storm(ratelimit.LaneRenewal, lane)[lane], 2, "renewals do not keep out %s", lane)
	}
	require.InDelta(t, 92, storm(ratelimit.LaneRenewal)[ratelimit.LaneRenewal], 2, "renewals may use all that is free")
	got = storm(ratelimit.LaneRenewal, ratelimit.LaneSale)
	require.InDelta(t, 91, got[ratelimit.LaneSale], 3)
	require.Less(t, got[ratelimit.LaneRenewal], 2.0, "renewals yield to sales")
}

func TestBudget_LetsRenewalsHaveWhatSalesLeave(t *testing.T) {
	t.Parallel()
	const seconds = 120
	budget, renewals, longest := ratelimit.NewBudget(100), 0, int64(0)
	for now := int64(0); now < seconds*second; now += 1000 {
		if booked, _ := budget.Book(ratelimit.LaneRenewal, now); booked {
			renewals++
		}
		if now%25_000 == 0 { // 40 sales a second
			booked, wait := budget.Book(ratelimit.LaneSale, now)
			require.True(t, booked)
			longest = max(longest, wait)
		}
	}
	require.InDelta(t, 91-40, float64(renewals)/seconds, 2)
	require.LessOrEqual(t, longest, 2*second/91, "a sale waits for two calls at most")
}

func TestBudget_TellsASaleWhenItsPlaceIs(t *testing.T) {
	t.Parallel()
	budget := ratelimit.NewBudget(10) // burst 1, rate 10
	for place := range int64(11) {
		booked, wait := budget.Book(ratelimit.LaneSale, 0)
		require.True(t, booked)
		require.Equal(t, place*second/10, wait)
	}
	booked, wait := budget.Book(ratelimit.LaneSale, 0)
	require.False(t, booked, "no sale waits for longer than a second")
	require.Equal(t, second/10, wait)
	booked, _ = budget.Book(ratelimit.LaneSale, wait)
	require.True(t, booked)
}

// The same arithmetic stands in Go and in Lua; both must say the same to every sequence of calls.
func TestBudget_IsTheSameInRedis(t *testing.T) {
	t.Parallel()
	server := miniredis.RunT(t)
	client := redistest.Open(t, "redis://"+server.Addr())
	rapid.Check(t, func(r *rapid.T) {
		server.FlushAll()
		perSecond := rapid.IntRange(1, 200).Draw(r, "per second")
		outbound, err := ratelimit.NewOutbound(ratelimit.OutboundOptions{
			Redis: client, PerSecond: perSecond, Patience: unhurried,
		})
		if err != nil {
			r.Fatal(err)
		}
		budget, now := ratelimit.NewBudget(perSecond), int64(1_800_000_000)*second
		for range 30 {
			now += rapid.Int64Range(0, second/10).Draw(r, "later")
			server.SetTime(time.UnixMicro(now))
			lane := anyLane.Draw(r, "lane")
			booked, wait := budget.Book(lane, now)
			sharedBooked, sharedWait, outcome := outbound.Try(t.Context(), lane)
			if outcome != ratelimit.OutcomeGranted || booked != sharedBooked || wait != sharedWait {
				r.Fatalf("%s at %d: here %v %d, in redis %v %d (%s)", lane, now, booked, wait, sharedBooked, sharedWait, outcome)
			}
		}
	})
}
