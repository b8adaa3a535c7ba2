package postgres

import (
	"context"
	"fmt"
	"time"

	"github.com/jackc/pgx/v5"
)

// boundLayout writes a bound with its offset, so that the session's time zone
// cannot shift a month.
const boundLayout = "2006-01-02 15:04:05Z07:00"

// EnsureMonthlyPartitions makes the partitions of a table that is partitioned
// by range of a timestamptz: one for the month of from and for each that
// follows, months in all, named <table>_2026_11. Those that exist are left
// alone, and any number of processes may ask at once.
//
// A month of which the default partition holds rows already stays there: what
// was written without a partition is kept, not moved. That month has none of its
// own then, and the others are made all the same.
//
// A partition is made beside the table and attached, which lets reads and
// writes of the others go on; CREATE TABLE ... PARTITION OF would wait for,
// and then stop, all of them.
func EnsureMonthlyPartitions(ctx context.Context, db Beginner, table string, from time.Time, months int) error {
	from = from.UTC()
	first := time.Date(from.Year(), from.Month(), 1, 0, 0, 0, 0, time.UTC)
	for i := range months {
		month := first.AddDate(0, i, 0)
		err := InTx(ctx, db, func(ctx context.Context, tx pgx.Tx) error {
			return ensurePartition(ctx, tx, table, month)
		})
		if IsCheck(err, "") { // nothing else is checked: the new partition is empty
			continue
		}
		if err != nil {
			return fmt.Errorf("ensure the partition of %s for %s: %w", table, month.Format("2006-01"), err)
		}
	}
	return nil
}

func ensurePartition(ctx context.Context, tx pgx.Tx, table string, month time.Time) error {
	suffix := month.Format("_2006_01")
	exists, err := isPartition(ctx, tx, table, table+suffix)
	if err != nil || exists {
		return err
	}
	if _, err := tx.Exec(ctx, "SELECT pg_advisory_xact_lock(hashtextextended('partition ' || $1, 0))", table); err != nil {
		return err
	}
	// Somebody may have made it while we waited.
	if exists, err = isPartition(ctx, tx, table, table+suffix); err != nil || exists {
		return err
	}
	parent, child := pgx.Identifier{table}.Sanitize(), pgx.Identifier{table + suffix}.Sanitize()
	for _, sql := range []string{
		fmt.Sprintf("CREATE TABLE %s (LIKE %s INCLUDING ALL EXCLUDING IDENTITY)", child, parent),
		fmt.Sprintf("ALTER TABLE %s ATTACH PARTITION %s FOR VALUES FROM ('%s') TO ('%s')", parent, child,
			month.Format(boundLayout), month.AddDate(0, 1, 0).Format(boundLayout)),
	} {
		if _, err := tx.Exec(ctx, sql); err != nil {
			return err
		}
	}
	return nameIndexes(ctx, tx, table, suffix)
}

// isPartition finds the partition by name in pg_class: to_regclass may answer
// from a cache that the advisory lock, unlike a table's, does not refresh.
func isPartition(ctx context.Context, tx pgx.Tx, table, partition string) (bool, error) {
	var exists bool
	err := tx.QueryRow(ctx, `
		SELECT EXISTS (
			SELECT FROM pg_inherits JOIN pg_class child ON child.oid = inhrelid
			WHERE inhparent = to_regclass(quote_ident($1)) AND child.relname = $2
		)`, table, partition).Scan(&exists)
	return exists, err
}

// nameIndexes gives each index of the new partition, and so the constraint on
// it, the name of the parent's and the month. PostgreSQL would make up a name
// from the columns, which a unique violation then reports: see IsUnique.
func nameIndexes(ctx context.Context, tx pgx.Tx, table, suffix string) error {
	rows, err := tx.Query(ctx, `
		SELECT format('ALTER INDEX %s RENAME TO %I', child.oid::regclass, parent.relname || $2)
		FROM pg_inherits
		JOIN pg_class child ON child.oid = inhrelid
		JOIN pg_class parent ON parent.oid = inhparent
		JOIN pg_index ON indexrelid = child.oid
		WHERE indrelid = to_regclass(quote_ident($1 || $2)) AND child.relname <> parent.relname || $2`, table, suffix)
	if err != nil {
		return err
	}
	renames, err := pgx.CollectRows(rows, pgx.RowTo[string])
	if err != nil {
		return err
	}
	for _, sql := range renames {
		if _, err := tx.Exec(ctx, sql); err != nil {
			return err
		}
	}
	return nil
}
