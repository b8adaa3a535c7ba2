package idempotency_test

import (
	"context"
	"errors"
	"sync/atomic"

	"github.com/redis/go-redis/v9"
)

// loseAnswers lets the first script run and drops what it answered, as a connection that breaks does.
type loseAnswers struct{ lost atomic.Bool }

func (h *loseAnswers) DialHook(next redis.DialHook) redis.DialHook { return next }

func (h *loseAnswers) ProcessPipelineHook(next redis.ProcessPipelineHook) redis.ProcessPipelineHook {
	return next
}

func (h *loseAnswers) ProcessHook(next redis.ProcessHook) redis.ProcessHook {
	return func(ctx context.Context, cmd redis.Cmder) error {
		err := next(ctx, cmd)
		isScript := cmd.Name() == "evalsha" || cmd.Name() == "eval"
		if err == nil && isScript && h.lost.CompareAndSwap(false, true) {
			err = errors.New("connection reset by peer")
			cmd.SetErr(err)
		}
		return err
	}
}
