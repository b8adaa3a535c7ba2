package world

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"os"
	"strconv"
	"strings"
	"time"

	"tillway/internal/failpoint"
	"tillway/internal/program"
)

const (
	orderVariable = failpoint.OrderVariable
	startPatience = 3 * time.Minute
	pollEvery     = 20 * time.Millisecond
)

// Service is one process of the service, and the place that it comes back to.
type Service struct {
	Name          string
	Command       []string
	listen, admin string // listen is "" for a process without HTTP
	order         string
	spec          program.Spec
	process       *program.Process
}

func (s *Service) start() error {
	var err error
	s.process, err = program.Start(s.spec)
	return err
}

// HTTP tells whether the process serves requests.
func (s *Service) HTTP() bool { return s.listen != "" }

// Works tells whether the process settles, expires and works the queue.
func (s *Service) Works() bool {
	return len(s.Command) == 1
}

// Process is the present run.
func (s *Service) Process() *program.Process { return s.process }

// Arm makes the process, which must be built with the tag failpoint, die at the nth passing of a point from now on.
func (s *Service) Arm(point failpoint.Name, nth int) error {
	draft := s.order + ".part"
	if err := os.WriteFile(draft, []byte(string(point)+" "+strconv.Itoa(nth)), 0o600); err != nil {
		return fmt.Errorf("arm %s: %w", s.Name, err)
	}
	return os.Rename(draft, s.order)
}

// Disarm takes the order back.
func (s *Service) Disarm() error {
	if err := os.Remove(s.order); err != nil && !errors.Is(err, os.ErrNotExist) {
		return fmt.Errorf("disarm %s: %w", s.Name, err)
	}
	return nil
}

// Restart starts the process again after its end; Ready waits for it.
func (s *Service) Restart() error { return s.start() }

// Ready waits until the process takes requests, or works.
func (s *Service) Ready(ctx context.Context) error {
	ctx, cancel := context.WithTimeoutCause(ctx, startPatience, errors.New("it was not ready in time"))
	defer cancel()
	address := "http://" + s.admin + "/metrics"
	if s.HTTP() {
		address = "http://" + s.listen + "/readyz"
	}
	if err := s.process.Await(ctx, pollEvery, func(ctx context.Context) error { return ask(ctx, address, nil) }); err != nil {
		logged, _ := s.process.Logged()
		return fmt.Errorf("%w: %s", err, logged[max(0, len(logged)-2000):])
	}
	return nil
}

// Goroutines is how many goroutines the process has.
func (s *Service) Goroutines(ctx context.Context) (int, error) {
	var profile strings.Builder
	if err := ask(ctx, "http://"+s.admin+"/debug/pprof/goroutine?debug=1", &profile); err != nil {
		return 0, err
	}
	count, _, _ := strings.Cut(strings.TrimPrefix(profile.String(), "goroutine profile: total "), "\n")
	n, err := strconv.Atoi(count)
	if err != nil {
		return 0, fmt.Errorf("count the goroutines of %s: %w", s.Name, err)
	}
	return n, nil
}

// Metric is the value of a metric without labels, or the sum over its labels.
func (s *Service) Metric(ctx context.Context, name string) (sum float64, err error) {
	var text strings.Builder
	if err := ask(ctx, "http://"+s.admin+"/metrics", &text); err != nil {
		return 0, err
	}
	found := false
	for line := range strings.Lines(text.String()) {
		rest, ok := strings.CutPrefix(line, name)
		if !ok || (rest[0] != ' ' && rest[0] != '{') {
			continue
		}
		fields := strings.Fields(line)
		value, err := strconv.ParseFloat(fields[len(fields)-1], 64)
		if err != nil {
			return 0, fmt.Errorf("read metric %s of %s: %w", name, s.Name, err)
		}
		sum, found = sum+value, true
	}
	if !found {
		return 0, fmt.Errorf("%s has no metric %s", s.Name, name)
	}
	return sum, nil
}

// ask requires that address answers 200 and copies the answer into body, unless that is nil.
func ask(ctx context.Context, address string, body io.Writer) error {
	request, err := http.NewRequestWithContext(ctx, http.MethodGet, address, http.NoBody)
	if err != nil {
		return fmt.Errorf("ask %s: %w", address, err)
	}
	answer, err := plain.Do(request)
	if err != nil {
		return fmt.Errorf("ask %s: %w", address, err)
	}
	defer answer.Body.Close()
	if answer.StatusCode != http.StatusOK {
		return fmt.Errorf("%s answers %s", address, answer.Status)
	}
	if body == nil {
		return nil
	}
	if _, err := io.Copy(body, answer.Body); err != nil {
		return fmt.Errorf("read %s: %w", address, err)
	}
	return nil
}
