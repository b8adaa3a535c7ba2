package pgtest_test

import (
	"testing"

	"github.com/stretchr/testify/require"

	"tillway/internal/postgres/pgtest"
)

func TestNew_GivesEachTestItsOwnMigratedDatabase(t *testing.T) {
	t.Parallel()
	first, second := pgtest.New(t), pgtest.New(t)
	_, err := first.Exec(t.Context(), "CREATE TABLE only_here (id int)")
	require.NoError(t, err)

	var jobs, leaked int
	require.NoError(t, second.QueryRow(t.Context(), "SELECT count(*) FROM river_job").Scan(&jobs))
	require.NoError(t, second.QueryRow(t.Context(), "SELECT count(*) FROM pg_class WHERE relname = 'only_here'").Scan(&leaked))
	require.Zero(t, jobs)
	require.Zero(t, leaked)
}
