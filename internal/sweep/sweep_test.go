package sweep_test

import (
	"bytes"
	"context"
	"errors"
	"log/slog"
	"sync/atomic"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"tillway/internal/sweep"
)

var errBroken = errors.New("broken")

func sweeper(log *bytes.Buffer) sweep.Sweeper {
	return sweep.Sweeper{Log: slog.New(slog.NewTextHandler(log, nil)), Now: time.Now, Batch: 3, Concurrency: 2}
}

// untouched is work that must not be begun.
func untouched(t *testing.T) func(context.Context, int) error {
	t.Helper()
	return func(_ context.Context, n int) error {
		t.Errorf("%d was begun", n)
		return nil
	}
}

func TestDue_DoesWhatIsClaimed_AndGoesOnAfterAFailure(t *testing.T) {
	t.Parallel()
	var log bytes.Buffer
	var sum atomic.Int64
	claim := func(_ context.Context, batch int) ([]int64, error) { return []int64{1, 2, 4}[:batch], nil }
	swept, err := sweep.Due(t.Context(), sweeper(&log), "sums", claim, func(_ context.Context, n int64) error {
		sum.Add(n)
		if n == 2 {
			return errBroken
		}
		return nil
	})
	require.NoError(t, err)
	require.Equal(t, sweep.Result{Done: 3, More: true}, swept)
	require.EqualValues(t, 7, sum.Load())
	require.Contains(t, log.String(), "sweep=sums")
	require.Contains(t, log.String(), "broken")
}

func TestDue_TellsThatItCouldNotClaim(t *testing.T) {
	t.Parallel()
	var log bytes.Buffer
	claim := func(ctx context.Context, _ int) ([]int, error) {
		_, bounded := ctx.Deadline()
		require.True(t, bounded)
		return nil, errBroken
	}
	_, err := sweep.Due(t.Context(), sweeper(&log), "none", claim, untouched(t))
	require.ErrorIs(t, err, errBroken)
}

func TestDue_BeginsNothingAfterTheEnd(t *testing.T) {
	t.Parallel()
	ctx, cancel := context.WithCancel(t.Context())
	claim := func(context.Context, int) ([]int, error) { cancel(); return []int{1, 2}, nil }
	var log bytes.Buffer
	swept, err := sweep.Due(ctx, sweeper(&log), "none", claim, untouched(t))
	require.NoError(t, err)
	require.Zero(t, swept.Done)
}

func TestRepeat_SweepsUntilTheEnd(t *testing.T) {
	t.Parallel()
	var log bytes.Buffer
	ctx, cancel := context.WithCancel(t.Context())
	sweeps := 0
	sweeper(&log).Repeat(ctx, "many", func(context.Context) (sweep.Result, error) {
		if sweeps++; sweeps == 5 {
			cancel()
		}
		return sweep.Result{Done: 3, More: true}, nil
	})
	require.Equal(t, 5, sweeps)
}

func TestSummary_KeepsManyFailuresToOneLine(t *testing.T) {
	t.Parallel()
	require.NoError(t, sweep.Summary([]error{nil, nil}))
	require.Equal(t, errBroken, sweep.Summary([]error{nil, errBroken}))
	require.EqualError(t, sweep.Summary([]error{errBroken, nil, errBroken}), "2 of 3, the first: broken")
}

func TestDrain_SweepsWhileThereIsMore(t *testing.T) {
	t.Parallel()
	for name, tc := range map[string]struct {
		last sweep.Result
		err  error
	}{"until none is left": {}, "until one fails": {sweep.Result{More: true}, errBroken}} {
		var log bytes.Buffer
		sweeps := 0
		sweeper(&log).Drain(t.Context(), "some", func(context.Context) (sweep.Result, error) {
			if sweeps++; sweeps == 3 {
				return tc.last, tc.err
			}
			return sweep.Result{More: true}, nil
		})
		require.Equal(t, 3, sweeps, name)
		require.Equal(t, tc.err != nil, log.Len() > 0, name)
	}
}
