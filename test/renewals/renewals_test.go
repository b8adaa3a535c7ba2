package renewals_test

import (
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"tillway/internal/embedded/redistest"
	"tillway/internal/failpoint"
	"tillway/internal/postgres/pgtest"
	"tillway/internal/program"
	"tillway/test/renewals"
)

// TestKilledOverRenewals_EveryPeriodIsChargedOnce is a small `make crash` of subscriptions: a dozen, for some months.
func TestKilledOverRenewals_EveryPeriodIsChargedOnce(t *testing.T) {
	t.Parallel()
	server, err := program.BuildKillable(t.Context())
	require.NoError(t, err)
	report, err := renewals.Run(t.Context(), renewals.Setup{
		Binary: server, Dir: t.TempDir(), Database: pgtest.URL(t), Redis: redistest.URL(t), Seed: 1, Subscriptions: 11,
		Lasts: 150 * 24 * time.Hour, KillEvery: 1,
		Passed: func(r renewals.Report) { t.Logf("%s: %d kills, %+v", r.Now.Format(time.DateOnly), r.Kills, r.Totals) },
	})
	t.Logf("%+v", report)
	require.NoError(t, err)
	require.Empty(t, report.Findings)
	require.Positive(t, report.Totals.Paid)
	require.Positive(t, report.Totals.Declined)
	for _, point := range failpoint.Renewals() {
		require.Positive(t, report.Died[point.Name], "nobody died at %s", point.Name)
	}
}
