package main

import (
	"context"
	"fmt"
	"time"

	"tillway/internal/jobs"
)

// workers wires what runs in the background: the job queue and the sweeps.
func (a *app) workers() ([]func(context.Context) error, error) {
	runner, err := jobs.New(a.pool, a.log, time.Now, jobs.Options{}, a.receiver.Register)
	if err != nil {
		return nil, fmt.Errorf("set up the job queue: %w", err)
	}
	return []func(context.Context) error{runner.Run}, nil
}
