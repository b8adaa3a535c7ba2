package migrations_test

import (
	"database/sql"
	"testing"

	"github.com/jackc/pgx/v5"
	_ "github.com/jackc/pgx/v5/stdlib" // database/sql driver
	"github.com/riverqueue/river/riverdriver/riverpgxv5"
	"github.com/riverqueue/river/rivermigrate"
	"github.com/stretchr/testify/require"
	"golang.org/x/sync/errgroup"

	"tillway/internal/postgres/pgtest"
	"tillway/migrations"
)

const riverVersions = 8

func TestUp_AfterDownToNothingMakesTheSameSchema(t *testing.T) {
	t.Parallel()
	url := pgtest.Blank(t)
	_, err := migrations.Up(t.Context(), url)
	require.NoError(t, err)
	before := schema(t, url)
	require.NotEmpty(t, before)

	for {
		undone, err := migrations.Down(t.Context(), url)
		require.NoError(t, err)
		if undone == nil {
			break
		}
	}
	require.Empty(t, schema(t, url))

	done, err := migrations.Up(t.Context(), url)
	require.NoError(t, err)
	require.GreaterOrEqual(t, len(done), riverVersions)
	require.Equal(t, before, schema(t, url))
}

func TestRiver_AgreesWithOurCopyOfItsSchema(t *testing.T) {
	t.Parallel()
	ours, theirs := pgtest.Blank(t), pgtest.Blank(t)
	db, err := sql.Open("pgx", ours)
	require.NoError(t, err)
	t.Cleanup(func() { _ = db.Close() })
	provider, err := migrations.NewProvider(db)
	require.NoError(t, err)
	for version := 1; version <= riverVersions; version++ {
		_, err := provider.UpTo(t.Context(), int64(version))
		require.NoError(t, err)
		require.Equal(t, version, riverVersion(t, ours))
	}

	river, err := rivermigrate.New(riverpgxv5.New(pgtest.Open(t, theirs)), nil)
	require.NoError(t, err)
	_, err = river.Migrate(t.Context(), rivermigrate.DirectionUp, nil)
	require.NoError(t, err)
	require.Len(t, river.AllVersions(), riverVersions, "River has a new version: it needs a file here")
	require.Equal(t, schema(t, theirs), schema(t, ours))

	for version := riverVersions; version > 1; version-- {
		_, err := provider.DownTo(t.Context(), int64(version-1))
		require.NoError(t, err)
		require.Equal(t, version-1, riverVersion(t, ours))
	}
}

func TestRiver_ValidatesTheWholeSchema(t *testing.T) {
	t.Parallel()
	river, err := rivermigrate.New(riverpgxv5.New(pgtest.New(t)), nil)
	require.NoError(t, err)

	result, err := river.Validate(t.Context(), nil)
	require.NoError(t, err)
	require.True(t, result.OK, result.Messages)
}

func TestUp_IsSafeForSeveralReplicasAtOnce(t *testing.T) {
	t.Parallel()
	url := pgtest.Blank(t)

	var group errgroup.Group
	for range 4 {
		group.Go(func() error {
			_, err := migrations.Up(t.Context(), url)
			return err
		})
	}

	require.NoError(t, group.Wait())
	pending, err := migrations.Pending(t.Context(), url)
	require.NoError(t, err)
	require.False(t, pending)
}

func TestStatus_TellsWhatIsPending(t *testing.T) {
	t.Parallel()
	url := pgtest.Blank(t)
	pending, err := migrations.Pending(t.Context(), url)
	require.NoError(t, err)
	require.True(t, pending)

	_, err = migrations.Up(t.Context(), url)
	require.NoError(t, err)
	_, err = migrations.Down(t.Context(), url)
	require.NoError(t, err)

	status, err := migrations.Status(t.Context(), url)
	require.NoError(t, err)
	require.EqualValues(t, "pending", status[len(status)-1].State)
	require.EqualValues(t, "applied", status[0].State)
}

// riverVersion is the highest version that River itself believes applied.
func riverVersion(t *testing.T, url string) int {
	t.Helper()
	river, err := rivermigrate.New(riverpgxv5.New(pgtest.Open(t, url)), nil)
	require.NoError(t, err)
	versions, err := river.ExistingVersions(t.Context())
	require.NoError(t, err)
	require.NotEmpty(t, versions)
	require.Len(t, versions, versions[len(versions)-1].Version, "without gaps")
	return versions[len(versions)-1].Version
}

// schema lists what a database holds, but for goose's own table.
func schema(t *testing.T, url string) []string {
	t.Helper()
	conn, err := pgx.Connect(t.Context(), url)
	require.NoError(t, err)
	defer conn.Close(t.Context())
	rows, err := conn.Query(t.Context(), `
		SELECT line FROM (
			SELECT format('column %s.%s %s null=%s default=%s', table_name, column_name, data_type, is_nullable, column_default) AS line
			FROM information_schema.columns WHERE table_schema = 'public'
			UNION ALL SELECT indexdef FROM pg_indexes WHERE schemaname = 'public'
			UNION ALL SELECT format('constraint %s on %s: %s', conname, conrelid::regclass, pg_get_constraintdef(oid))
			FROM pg_constraint WHERE connamespace = 'public'::regnamespace
			UNION ALL SELECT pg_get_triggerdef(oid) FROM pg_trigger WHERE NOT tgisinternal
			UNION ALL SELECT pg_get_functiondef(oid) FROM pg_proc WHERE pronamespace = 'public'::regnamespace AND prokind <> 'a'
			UNION ALL SELECT format('type %s of %s', enumlabel, enumtypid::regtype) FROM pg_enum
		) lines WHERE line NOT LIKE '%goose_db_version%' ORDER BY line`)
	require.NoError(t, err)
	lines, err := pgx.CollectRows(rows, pgx.RowTo[string])
	require.NoError(t, err)
	return lines
}
