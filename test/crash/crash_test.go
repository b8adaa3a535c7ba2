package crash_test

import (
	"testing"

	"github.com/stretchr/testify/require"

	"tillway/internal/embedded/redistest"
	"tillway/internal/failpoint"
	"tillway/internal/postgres/pgtest"
	"tillway/internal/program"
	"tillway/internal/sandbox"
	"tillway/test/crash"
)

// TestKilledAtEveryPoint_TheBooksAgree is the first batch of `make crash`: every point, and some random moments.
func TestKilledAtEveryPoint_TheBooksAgree(t *testing.T) {
	t.Parallel()
	server, err := program.BuildKillable(t.Context())
	require.NoError(t, err)
	report, err := crash.Run(t.Context(), crash.Setup{
		Binary: server, Dir: t.TempDir(), Database: pgtest.URL(t), Redis: redistest.URL(t), Shoppers: 24, Rounds: 1,
		Happened: func(o crash.Outcome) {
			t.Logf("%-26s %-24s reached %t, %d under way", o.Point, o.Fault, o.Reached, o.UnderWay)
		},
	}, 1, 0, crash.KillsPerRound())
	require.NoError(t, err)
	require.Empty(t, report.Audit.Findings)
	require.Len(t, report.Outcomes, crash.KillsPerRound())
	require.Positive(t, report.Audit.Paid)
	require.Positive(t, report.Distinct)
	reached := report.Reached()
	for _, point := range failpoint.All() {
		require.Positive(t, reached[point.Name], "nobody died at %s: the place is not reached, or the load does not go there", point.Name)
	}
	t.Logf("%+v in %.0f s", report.Audit, report.Seconds)
}

func TestPlan_CrossesEveryPointWithEveryFault(t *testing.T) {
	t.Parallel()
	type pair struct {
		point failpoint.Name
		fault string
	}
	met := map[pair]bool{}
	for round := range 1 + len(sandbox.FaultNames()) {
		plan := crash.Plan(7, round)
		require.Len(t, plan, crash.KillsPerRound())
		require.Equal(t, plan, crash.Plan(7, round), "a seed says it all")
		for _, k := range plan {
			met[pair{k.Point, k.Fault}] = true
		}
	}
	for _, point := range failpoint.All() {
		for _, fault := range sandbox.FaultNames() {
			require.True(t, met[pair{point.Name, fault}], "%s under %s", point.Name, fault)
		}
	}
	require.NotEqual(t, crash.Plan(7, 0), crash.Plan(8, 0))
}
