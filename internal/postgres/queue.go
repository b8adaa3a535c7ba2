package postgres

import (
	"context"
	"errors"
	"fmt"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"
)

// ErrGuard says that a queued statement touched no row although the lock that its transaction holds makes that impossible.
var ErrGuard = errors.New("write under lock touched no row")

var errNotQueueable = errors.New("a query of many rows cannot be queued")

// Queue lets generated queries travel in a batch: dbsqlc.New(postgres.NewQueue(batch)).OrderMove(…) sends nothing and
// queues the statement with its arguments. A queued :one query must answer the number of rows that it touched. The answer
// is seen only after the whole batch has run, so a guard that may fail must not answer zero but fail by itself, and the whole
// with it, as refuse_stale() does. Zero rows are a defect of what a lock taken earlier makes certain, reported as ErrGuard.
type Queue struct{ batch *pgx.Batch }

// NewQueue queues into the batch.
func NewQueue(batch *pgx.Batch) Queue { return Queue{batch: batch} }

// Exec queues a statement without a result.
func (q Queue) Exec(_ context.Context, sql string, args ...any) (pgconn.CommandTag, error) {
	q.batch.Queue(sql, args...)
	return pgconn.CommandTag{}, nil
}

// Query is not supported: its rows would have to be read before the batch is sent.
func (q Queue) Query(context.Context, string, ...any) (pgx.Rows, error) { return nil, errNotQueueable }

// QueryRow queues a statement that answers the number of rows it touched.
func (q Queue) QueryRow(_ context.Context, sql string, args ...any) pgx.Row {
	q.batch.Queue(sql, args...).QueryRow(func(row pgx.Row) error {
		var touched int64
		if err := row.Scan(&touched); err != nil {
			return fmt.Errorf("guarded write: %w", err)
		}
		if touched == 0 {
			return ErrGuard
		}
		return nil
	})
	return queuedRow{}
}

// queuedRow stands for a row that is not there yet; its statement's callback reads it.
type queuedRow struct{}

// Scan leaves the destinations as they are.
func (queuedRow) Scan(...any) error { return nil }
