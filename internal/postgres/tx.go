package postgres

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"time"

	"github.com/jackc/pgx/v5"
)

// ErrCommitUnknown says that the connection was lost while a commit was under
// way: the transaction happened wholly or not at all, and only the database
// can say which.
var ErrCommitUnknown = errors.New("commit outcome unknown")

const (
	txAttempts      = 5
	txBackoff       = 5 * time.Millisecond // doubled on each attempt, with jitter
	rollbackTimeout = 5 * time.Second
)

// Beginner starts transactions: a pool, or a connection in tests.
type Beginner interface {
	BeginTx(ctx context.Context, opts pgx.TxOptions) (pgx.Tx, error)
}

// InTx runs do in a transaction at read committed and commits it when do
// returns nil. Where PostgreSQL took the transaction back for the sake of
// another (40001, 40P01), do is run again, up to five times in all, so it must
// touch nothing but the transaction.
func InTx(ctx context.Context, db Beginner, do func(ctx context.Context, tx pgx.Tx) error) error {
	return InTxWith(ctx, db, pgx.TxOptions{}, do)
}

// InTxWith is InTx at another isolation level or access mode.
func InTxWith(ctx context.Context, db Beginner, opts pgx.TxOptions, do func(ctx context.Context, tx pgx.Tx) error) error {
	for attempt := 1; ; attempt++ {
		err := once(ctx, db, opts, do)
		if err == nil || !IsRetryable(err) || attempt == txAttempts {
			return err
		}
		if waitErr := backoff(ctx, attempt); waitErr != nil {
			return errors.Join(waitErr, err)
		}
	}
}

func once(ctx context.Context, db Beginner, opts pgx.TxOptions, do func(ctx context.Context, tx pgx.Tx) error) error {
	tx, err := db.BeginTx(ctx, opts)
	if err != nil {
		return fmt.Errorf("begin: %w", err)
	}
	// After a commit this does nothing. A rollback that fails closes the
	// connection, and with it the transaction, so its error says nothing more.
	defer func() {
		ctx, cancel := context.WithTimeoutCause(context.WithoutCancel(ctx), rollbackTimeout, errors.New("rollback took too long"))
		defer cancel()
		_ = tx.Rollback(ctx)
	}()
	if err := do(ctx, tx); err != nil {
		return err
	}
	return commit(ctx, tx)
}

// commit tells a refusal of the database, after which nothing happened, from a lost answer, after which anything may have.
func commit(ctx context.Context, tx pgx.Tx) error {
	err := tx.Commit(ctx)
	switch {
	case err == nil:
		return nil
	case MayHaveHappened(err):
		return fmt.Errorf("commit: %w: %w", ErrCommitUnknown, err)
	default:
		return fmt.Errorf("commit: %w", err)
	}
}

// backoff spreads out the contenders of a conflict, or returns why ctx ended.
func backoff(ctx context.Context, attempt int) error {
	limit := txBackoff << attempt
	timer := time.NewTimer(limit/2 + rand.N(limit/2)) //nolint:gosec // jitter, not a secret
	defer timer.Stop()
	select {
	case <-ctx.Done():
		return context.Cause(ctx)
	case <-timer.C:
		return nil
	}
}
