package main

import (
	"bytes"
	"encoding/json"
	"os"
	"os/exec"
	"path/filepath"
	"runtime/debug"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

// It shows that the benchmark works, not how fast anything is: on a machine that runs tests, figures mean nothing.
func TestBench_RunsEveryScenario(t *testing.T) {
	t.Parallel()
	result, err := bench(t.Context(), options{
		scenarios: scenarioNames(), duration: time.Second, warmup: 200 * time.Millisecond, rounds: 1, clients: 2,
		notifications: 20, inFlight: 4, starts: 1, notifyAfter: 20 * time.Millisecond, slowness: 200 * time.Millisecond,
		subscriptions: sizes{5, 40}, due: 20, rate: 20, server: buildServer(t),
	})
	require.NoError(t, err)
	require.Len(t, result.Targets, 6)
	require.Positive(t, result.Payments.Median.Service)
	require.Positive(t, result.Payments.Median.PreparedRatio)
	require.Positive(t, result.Payments.CPU["service"])
	require.Positive(t, result.Payments.OverheadAlone.P50)
	require.Positive(t, result.Notifications.Median.Service)
	require.Positive(t, result.Notifications.Median.PreparedRatio)
	require.Positive(t, result.Memory.PeakMB)
	require.EqualValues(t, 4, result.Memory.InFlight)
	require.Positive(t, result.Ready.WorstMS)

	require.Len(t, result.Renewals.Sizes, 2)
	for i, due := range []int{5, 20} {
		drained := result.Renewals.Sizes[i]
		require.Equal(t, due, drained.Due)
		require.Positive(t, drained.PerSecond)
		require.Positive(t, drained.First.Pages)
		require.Contains(t, strings.Join(drained.Plan, "\n"), "Update on subscriptions")
	}

	// The ratio means something only while both sides write the same.
	require.Equal(t, "1/1/4/2/1", result.Payments.Footprint.Rows)
	require.Equal(t, result.Payments.Footprint.Rows, result.Payments.TwinPrint.Rows)
	require.Equal(t, "0/0/0/1/1", result.Notifications.Footprint.Rows)
	require.Equal(t, result.Notifications.Footprint.Rows, result.Notifications.TwinPrint.Rows)

	var text, encoded bytes.Buffer
	require.NoError(t, result.publish(&text, options{}))
	require.Contains(t, text.String(), "payments, ratio to the bare SQL")
	require.Contains(t, text.String(), "40 subscriptions, 20 due")
	require.NoError(t, result.publish(&encoded, options{json: true}))
	require.True(t, json.Valid(encoded.Bytes()))
}

// buildServer builds the service as the tests were built: under the race detector its packages are compiled by then.
func buildServer(t *testing.T) string {
	t.Helper()
	path := filepath.Join(t.TempDir(), "server")
	args := []string{"build", "-buildvcs=false", "-o", path}
	if info, ok := debug.ReadBuildInfo(); ok && slices.Contains(info.Settings, debug.BuildSetting{Key: "-race", Value: "true"}) {
		args = append(args, "-race")
	}
	out, err := exec.CommandContext(t.Context(), "go", append(args, "tillway/cmd/server")...).CombinedOutput()
	require.NoError(t, err, string(out))
	return path
}

func TestParse_RefusesWhatItCannotRun(t *testing.T) {
	t.Parallel()
	for name, args := range map[string][]string{
		"unknown scenario":    {"--scenario", "speed"},
		"no round":            {"--rounds", "0"},
		"short round":         {"--duration", "500ms"},
		"stray argument":      {"payments"},
		"fewer than a client": {"--notifications", "3"},
		"no rate":             {"--rate", "0"},
		"shrinking tables":    {"--subscriptions", "20,10"},
		"no size":             {"--subscriptions", "0"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			_, err := parse(args)
			require.Error(t, err)
		})
	}
	opts, err := parse(nil)
	require.NoError(t, err)
	require.Equal(t, scenarioNames(), opts.scenarios)
}

func TestReadTwin_TakesTheFiguresOrFails(t *testing.T) {
	t.Parallel()
	const summary = `number of clients: 16
number of transactions actually processed: 1738
number of failed transactions: 0 (0.000%)
latency average = 37.064 ms
initial connection time = 9.211 ms
tps = 431.681015 (without initial connection time)
`
	got, err := readTwin(summary)
	require.NoError(t, err)
	require.Equal(t, twinResult{Transactions: 1738, PerSecond: 431.681015, LatencyMS: 37.064}, got)

	_, err = readTwin(string(bytes.Replace([]byte(summary), []byte(": 0 ("), []byte(": 2 ("), 1)))
	require.ErrorContains(t, err, "2 transactions failed")
	_, err = readTwin("pgbench: error: connection refused")
	require.Error(t, err)
}

func TestProviderTime_IsReadFromServerTiming(t *testing.T) {
	t.Parallel()
	got, err := providerTime("app;dur=1.2, db;dur=3.4, psp;dur=5.6")
	require.NoError(t, err)
	require.Equal(t, 5600*time.Microsecond, got)
	_, err = providerTime("app;dur=1.2")
	require.Error(t, err)
}

func TestOrderID_IsFoundInAnAnswer(t *testing.T) {
	t.Parallel()
	got, err := orderID([]byte(`{"id":"ord_01jz3q8t9kf0p8v6m2c4x5y7za","object":"order"}`))
	require.NoError(t, err)
	require.Equal(t, "ord_01jz3q8t9kf0p8v6m2c4x5y7za", got)
	_, err = orderID([]byte(`{"error":{"code":"internal"}}`))
	require.Error(t, err)
}

func TestQuantile_LiesBetweenNeighbors(t *testing.T) {
	t.Parallel()
	values := []float64{4, 1, 3, 2}
	require.InDelta(t, 2.5, median(values), 1e-9)
	require.InDelta(t, 4, quantile(values, 1), 1e-9)
	require.InDelta(t, 3.97, quantile(values, 0.99), 1e-9)
	require.Zero(t, median(nil))
}

func TestCPUTime_CountsAProcessAndItsChildren(t *testing.T) {
	t.Parallel()
	cmd := exec.CommandContext(t.Context(), "sh", "-c", "i=0; while [ $i -lt 200000 ]; do i=$((i+1)); done; echo done; read line")
	in, err := cmd.StdinPipe()
	require.NoError(t, err)
	out, err := cmd.StdoutPipe()
	require.NoError(t, err)
	require.NoError(t, cmd.Start())
	_, err = out.Read(make([]byte, 8)) // it has worked, and waits
	require.NoError(t, err)

	own, err := cpuTime(t.Context(), cmd.Process.Pid, false)
	require.NoError(t, err)
	require.Positive(t, own)
	size, err := memoryOf(t.Context(), cmd.Process.Pid)
	require.NoError(t, err)
	require.Positive(t, size.resident)
	require.GreaterOrEqual(t, size.peak, size.resident)
	if _, err := os.Stat("/proc/" + strconv.Itoa(os.Getpid())); err == nil {
		family, err := cpuTime(t.Context(), os.Getpid(), true)
		require.NoError(t, err)
		require.GreaterOrEqual(t, family, own)
	}
	require.NoError(t, in.Close())
	_ = cmd.Wait() // read at the end of input makes the shell's status 1
}

func TestTenths_AreClaimsOfTheFirstAndTheLastOfWhatWasDue(t *testing.T) {
	t.Parallel()
	var samples []claims
	for i := range int64(12) { // ten rows and one call each, the last ever dearer
		samples = append(samples, claims{calls: 7 + i, rows: 500 + 10*i, pages: 100 * i * i, ms: float64(i)})
	}
	first, last := tenths(samples, 100)
	require.Equal(t, claimReport{Claims: 1, Rows: 10, MS: 1, Pages: 100}, first)
	require.Equal(t, claimReport{Claims: 1, Rows: 10, MS: 1, Pages: 1900}, last)
	first, last = tenths(samples[:1], 100)
	require.Zero(t, first.Claims)
	require.Zero(t, last.Claims)
}

func TestMeasure_FindsTheRateAndItsSlowestStretch(t *testing.T) {
	t.Parallel()
	var starts []time.Time
	begin := time.Now()
	for i := range 400 { // ten a second, and five a second after twenty seconds
		at := time.Duration(i) * 100 * time.Millisecond
		if i >= 200 {
			at = 20*time.Second + time.Duration(i-200)*200*time.Millisecond
		}
		starts = append(starts, begin.Add(at))
	}
	var d drainReport
	d.measure(starts, 10)
	require.InDelta(t, 6.67, d.PerSecond, 0.02)
	require.InDelta(t, 0.667, d.Share, 0.002)
	require.InDelta(t, 5, d.Slowest, 0.1)
	require.Equal(t, 10, d.Most)
	var none drainReport
	none.measure(nil, 10)
	require.Zero(t, none)
}
