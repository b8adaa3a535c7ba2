package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"sync"

	"golang.org/x/sync/errgroup"

	"tillway/test/crash"
	"tillway/test/world"
)

// rounds of kills that share an installation: every round in one of its own would spend half of its time on starting one.
const rounds = 4

// runner makes batches side by side.
type runner struct {
	options options
	bar     *bar

	mu    sync.Mutex
	state crash.State
}

// batches makes those that the state lacks.
func (r *runner) batches(ctx context.Context) error {
	done := map[int]bool{}
	for _, b := range r.state.Batches {
		done[b.Batch] = true
	}
	size := rounds * crash.KillsPerRound()
	numbers := make(chan int, r.state.Kills/size+1)
	for number := range cap(numbers) {
		if number*size < r.state.Kills && !done[number] {
			numbers <- number
		}
	}
	close(numbers)
	group, ctx := errgroup.WithContext(ctx)
	for range r.options.worlds {
		group.Go(func() error { return r.worker(ctx, numbers, size) })
	}
	return group.Wait()
}

// worker makes one batch after another, on a PostgreSQL and a Redis of its own.
func (r *runner) worker(ctx context.Context, numbers <-chan int, size int) (err error) {
	stores, err := world.OpenStores(ctx)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, stores.Close(context.WithoutCancel(ctx))) }()
	for number := range numbers {
		if err := r.batch(ctx, stores, number, min(size, r.state.Kills-number*size)); err != nil {
			return fmt.Errorf("batch %d: %w", number, err)
		}
	}
	return nil
}

// batch runs one batch on a fresh database and keeps what came of it.
func (r *runner) batch(ctx context.Context, stores *world.Stores, number, kills int) (err error) {
	database, err := stores.NewDatabase(ctx)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, stores.Drop(context.WithoutCancel(ctx), database)) }()
	logs := filepath.Join(filepath.Dir(r.options.state), fmt.Sprintf("batch%d", number))
	report, err := crash.Run(ctx, crash.Setup{
		Binary: r.options.binary, Dir: logs, Database: database,
		Redis: stores.Redis(), Shoppers: r.options.shoppers, Rounds: rounds, Happened: r.bar.happened,
	}, r.state.Seed, number, kills)
	if err != nil {
		return err
	}
	if len(report.Audit.Findings) == 0 { // else the logs tell more
		if err := os.RemoveAll(logs); err != nil {
			return fmt.Errorf("remove the logs: %w", err)
		}
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	r.state.Batches = append(r.state.Batches, report)
	r.bar.compared(r.state)
	return r.state.Save(r.options.state)
}
