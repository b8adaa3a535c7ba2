package postgres

import (
	"context"
	"errors"
	"fmt"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgxpool"
)

// InPipelinedTx runs a transaction at read committed in two round trips instead of one per statement: what read queues
// travels with BEGIN, what write queues travels with COMMIT. Results are taken by the callbacks of the queued statements;
// write runs when all of read's callbacks have. An error of write rolls back. Like InTx it starts over where PostgreSQL
// took the transaction back for the sake of another, so read and write must touch nothing but their batch.
func InPipelinedTx(
	ctx context.Context, pool *pgxpool.Pool, read func(*pgx.Batch), write func(*pgx.Batch) error,
) error {
	for attempt := 1; ; attempt++ {
		err := pool.AcquireFunc(ctx, func(conn *pgxpool.Conn) error { return pipelineOnce(ctx, conn, read, write) })
		if err == nil || !IsRetryable(err) || attempt == txAttempts {
			return err
		}
		if waitErr := backoff(ctx, attempt); waitErr != nil {
			return errors.Join(waitErr, err)
		}
	}
}

func pipelineOnce(ctx context.Context, conn *pgxpool.Conn, read func(*pgx.Batch), write func(*pgx.Batch) error) error {
	committed := false
	defer func() {
		if !committed && !conn.Conn().IsClosed() && conn.Conn().PgConn().TxStatus() != 'I' {
			rollbackPipeline(ctx, conn)
		}
	}()
	first := &pgx.Batch{}
	first.Queue("begin")
	read(first)
	if err := conn.SendBatch(ctx, first).Close(); err != nil {
		return err
	}
	second := &pgx.Batch{}
	if err := write(second); err != nil {
		return err
	}
	second.Queue("commit")
	if err := conn.SendBatch(ctx, second).Close(); err != nil {
		return fmt.Errorf("commit: %w", err)
	}
	committed = true
	return nil
}

// rollbackPipeline frees the connection for the next user; a connection whose rollback fails is closed by the pool.
func rollbackPipeline(ctx context.Context, conn *pgxpool.Conn) {
	ctx, cancel := context.WithTimeoutCause(context.WithoutCancel(ctx), rollbackTimeout, errors.New("rollback took too long"))
	defer cancel()
	_, _ = conn.Exec(ctx, "rollback")
}
