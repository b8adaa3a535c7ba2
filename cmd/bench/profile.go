package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"os"
	"path/filepath"
	"time"
)

// profile takes a CPU profile of the service while a turn runs, where --profile asks for it; what it returns waits for its
// end and adds what was allocated since the start. Profiling costs the turn a few percent.
func (s *stack) profile(ctx context.Context, svc *service, name string) func() error {
	if s.options.profile == "" {
		return func() error { return nil }
	}
	seconds := int((s.options.warmup + s.options.duration).Seconds())
	done := make(chan error, 1)
	go func() { // ends with the profile, which the returned function waits for
		path := fmt.Sprintf("/debug/pprof/profile?seconds=%d", seconds)
		done <- s.fetchProfile(ctx, svc, path, name+"-cpu.pprof")
	}()
	return func() error {
		return errors.Join(<-done, s.fetchProfile(ctx, svc, "/debug/pprof/allocs", name+"-allocs.pprof"))
	}
}

func (s *stack) fetchProfile(ctx context.Context, svc *service, path, name string) (err error) {
	request, err := http.NewRequestWithContext(ctx, http.MethodGet, "http://"+svc.admin+path, http.NoBody)
	if err != nil {
		return fmt.Errorf("ask for a profile: %w", err)
	}
	response, err := (&http.Client{Timeout: 5 * time.Minute}).Do(request)
	if err != nil {
		return fmt.Errorf("ask for a profile: %w", err)
	}
	defer response.Body.Close()
	if response.StatusCode != http.StatusOK {
		return fmt.Errorf("ask for a profile: %s answers %s", path, response.Status)
	}
	if err := os.MkdirAll(s.options.profile, 0o750); err != nil {
		return fmt.Errorf("make the directory of --profile: %w", err)
	}
	file, err := os.Create(filepath.Join(s.options.profile, name)) //nolint:gosec // named by --profile
	if err != nil {
		return fmt.Errorf("write a profile: %w", err)
	}
	defer func() { err = errors.Join(err, file.Close()) }()
	if _, err := io.Copy(file, response.Body); err != nil {
		return fmt.Errorf("write a profile: %w", err)
	}
	return nil
}
