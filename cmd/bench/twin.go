package main

import (
	"context"
	"embed"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"runtime"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/jackc/pgx/v5"

	"tillway/internal/ids"
)

//go:embed sql/*.sql
var scripts embed.FS

// script joins files of sql/ into one.
func script(names ...string) (string, error) {
	var joined strings.Builder
	for _, name := range names {
		text, err := scripts.ReadFile("sql/" + name)
		if err != nil {
			return "", fmt.Errorf("read script %s: %w", name, err)
		}
		joined.Write(text)
		joined.WriteByte('\n')
	}
	return joined.String(), nil
}

// sample reads what the service wrote for one order, by the names that the twin's scripts use.
func (s *stack) sample(ctx context.Context, order ids.Order) (map[string]string, error) {
	text, err := script("sample.sql")
	if err != nil {
		return nil, err
	}
	rows, err := s.db.Query(ctx, text, order.UUID())
	if err != nil {
		return nil, fmt.Errorf("read a payment to copy: %w", err)
	}
	values := make(map[string]string)
	var name string
	var value *string
	_, err = pgx.ForEachRow(rows, []any{&name, &value}, func() error {
		if value == nil {
			return fmt.Errorf("%s of %s is null; the twin expects contents", name, order)
		}
		values[name] = *value
		return nil
	})
	if err != nil {
		return nil, fmt.Errorf("read a payment to copy: %w", err)
	}
	if len(values) == 0 {
		return nil, fmt.Errorf("order %s has no paid and confirmed payment to copy", order)
	}
	return values, nil
}

// The twin runs under two of pgbench's protocols. PostgreSQL parses and plans every statement of the plain twin anew, as it
// does for pgbench unless told otherwise and for every program without prepared statements; this is the twin of the
// targets. (Not pgbench's "simple", which pastes values into the text and cannot quote them.) The prepared twin has each
// statement parsed once for a connection, as the service has.
const (
	plain    = "extended"
	prepared = "prepared"
)

// twinResult is what pgbench says of one run.
type twinResult struct {
	Transactions int     `json:"transactions"`
	PerSecond    float64 `json:"per_second"`
	LatencyMS    float64 `json:"latency_ms"`
	// What the run cost: in PostgreSQL, and in pgbench.
	postgres, pgbench time.Duration
}

// runTwin runs a script with pgbench, with as many connections as the service has clients. Limit is --time or
// --transactions with its value; variables are what the script's :names stand for.
func (s *stack) runTwin(ctx context.Context, protocol, text string, variables map[string]string, limit string) (twinResult, error) {
	for name, value := range variables {
		if value == "" { // pgbench takes no empty variable
			text = regexp.MustCompile(":"+name+`\b`).ReplaceAllLiteralString(text, "''")
		}
	}
	file := filepath.Join(s.dir, "twin.sql")
	if err := os.WriteFile(file, []byte(text), 0o600); err != nil {
		return twinResult{}, fmt.Errorf("write the twin's script: %w", err)
	}
	threads := min(s.options.clients, runtime.NumCPU())
	args := []string{
		"--no-vacuum", "--protocol=" + protocol, "--client=" + strconv.Itoa(s.options.clients), "--jobs=" + strconv.Itoa(threads),
		"--file=" + file, "--define=n=0",
	}
	for name, value := range variables {
		if value != "" {
			args = append(args, "--define="+name+"="+value)
		}
	}
	slices.Sort(args)
	cmd := exec.CommandContext(ctx, s.pgbench, append(args, limit)...) //nolint:gosec // our own scripts
	cmd.Env = s.programEnv()
	before, err := cpuTime(ctx, s.pg.PID(), true)
	if err != nil {
		return twinResult{}, err
	}
	out, err := cmd.CombinedOutput()
	if err != nil {
		return twinResult{}, fmt.Errorf("pgbench: %w: %s", err, out[max(0, len(out)-logTail):])
	}
	result, err := readTwin(string(out))
	if err != nil {
		return twinResult{}, err
	}
	after, err := cpuTime(ctx, s.pg.PID(), true)
	result.postgres, result.pgbench = after-before, cmd.ProcessState.UserTime()+cmd.ProcessState.SystemTime()
	return result, err
}

var (
	twinDone    = regexp.MustCompile(`number of transactions actually processed: (\d+)`)
	twinRate    = regexp.MustCompile(`tps = ([\d.]+) \(without initial connection time\)`)
	twinLatency = regexp.MustCompile(`latency average = ([\d.]+) ms`)
	twinFailed  = regexp.MustCompile(`number of failed transactions: (\d+)`)
)

// readTwin reads pgbench's summary (PostgreSQL 14 and later).
func readTwin(out string) (twinResult, error) {
	var result twinResult
	var errs []error
	number := func(pattern *regexp.Regexp) float64 {
		found := pattern.FindStringSubmatch(out)
		if found == nil {
			errs = append(errs, fmt.Errorf("no %q", pattern))
			return 0
		}
		n, err := strconv.ParseFloat(found[1], 64)
		errs = append(errs, err)
		return n
	}
	result.Transactions, result.PerSecond, result.LatencyMS = int(number(twinDone)), number(twinRate), number(twinLatency)
	if failed := twinFailed.FindStringSubmatch(out); failed != nil && failed[1] != "0" {
		errs = append(errs, fmt.Errorf("%s transactions failed", failed[1]))
	}
	if err := errors.Join(errs...); err != nil {
		return result, fmt.Errorf("read pgbench's summary: %w: %s", err, out)
	}
	return result, nil
}

// writes is what a database has written: rows by table, and bytes of write-ahead log.
type writes struct{ orders, payments, events, evidence, notifications, wal int64 }

// written counts the rows of a database. The log is the whole server's: only one side works at a time.
func written(ctx context.Context, db database) (writes, error) {
	var w writes
	err := db.QueryRow(ctx, `SELECT (SELECT count(*) FROM orders), (SELECT count(*) FROM payments),
		(SELECT count(*) FROM events), (SELECT count(*) FROM evidence), (SELECT count(*) FROM notifications),
		pg_current_wal_lsn() - '0/0'::pg_lsn`).
		Scan(&w.orders, &w.payments, &w.events, &w.evidence, &w.notifications, &w.wal)
	if err != nil {
		return w, fmt.Errorf("count what was written: %w", err)
	}
	return w, nil
}

// since returns what came after an earlier count.
func (w writes) since(before writes) writes {
	return writes{
		w.orders - before.orders, w.payments - before.payments, w.events - before.events, w.evidence - before.evidence,
		w.notifications - before.notifications, w.wal - before.wal,
	}
}

// plus adds two counts.
func (w writes) plus(more writes) writes {
	return writes{
		w.orders + more.orders, w.payments + more.payments, w.events + more.events, w.evidence + more.evidence,
		w.notifications + more.notifications, w.wal + more.wal,
	}
}

// per spreads what was written over so many payments or notifications.
func (w writes) per(count int64) footprint {
	parts := make([]string, 0, 5)
	for _, rows := range []int64{w.orders, w.payments, w.events, w.evidence, w.notifications} {
		text := strconv.FormatFloat(float64(rows)/float64(max(count, 1)), 'f', 3, 64)
		parts = append(parts, strings.TrimSuffix(strings.TrimRight(text, "0"), "."))
	}
	return footprint{Rows: strings.Join(parts, "/"), WALBytes: float64(w.wal) / float64(max(count, 1))}
}
