package main

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"time"
)

// clockTick is what /proc counts CPU time in: USER_HZ, 100 on every Linux that Go runs on.
const clockTick = 10 * time.Millisecond

// cpuTime is the time that a process has spent on CPUs; with children, those that it has forked as well, ended or not.
func cpuTime(ctx context.Context, pid int, withChildren bool) (time.Duration, error) {
	stat, err := readStat(pid)
	if errors.Is(err, os.ErrNotExist) {
		return cpuTimeOfPS(ctx, pid)
	}
	if err != nil {
		return 0, err
	}
	if !withChildren {
		return stat.own, nil
	}
	total := stat.own + stat.ended
	paths, err := filepath.Glob("/proc/[0-9]*")
	if err != nil {
		return 0, fmt.Errorf("list processes: %w", err)
	}
	for _, path := range paths {
		id, err := strconv.Atoi(filepath.Base(path))
		if err != nil {
			continue
		}
		if child, err := readStat(id); err == nil && child.parent == pid { // one that has ended meanwhile is in ended
			total += child.own
		}
	}
	return total, nil
}

// procStat is what we read of /proc/<pid>/stat.
type procStat struct {
	parent     int
	own, ended time.Duration // of the process; of its children that have ended
}

func readStat(pid int) (procStat, error) {
	raw, err := os.ReadFile(filepath.Join("/proc", strconv.Itoa(pid), "stat"))
	if err != nil {
		return procStat{}, fmt.Errorf("read the CPU time of %d: %w", pid, err)
	}
	// The second field is the program's name in brackets, which may hold anything; the third follows the last bracket.
	fields := strings.Fields(string(raw[bytes.LastIndexByte(raw, ')')+1:]))
	numbers := make([]int64, 0, 5)
	for _, place := range []int{1, 11, 12, 13, 14} { // ppid, utime, stime, cutime, cstime
		n, err := strconv.ParseInt(fields[place], 10, 64)
		if err != nil {
			return procStat{}, fmt.Errorf("read the CPU time of %d: %w", pid, err)
		}
		numbers = append(numbers, n)
	}
	return procStat{
		parent: int(numbers[0]),
		own:    time.Duration(numbers[1]+numbers[2]) * clockTick,
		ended:  time.Duration(numbers[3]+numbers[4]) * clockTick,
	}, nil
}

// cpuTimeOfPS serves systems without /proc. It sees the process alone, in hundredths of a second.
func cpuTimeOfPS(ctx context.Context, pid int) (time.Duration, error) {
	out, err := exec.CommandContext(ctx, "ps", "-o", "time=", "-p", strconv.Itoa(pid)).Output() //nolint:gosec // a number
	if err != nil {
		return 0, fmt.Errorf("ask ps for the CPU time of %d: %w", pid, err)
	}
	minutes, seconds, found := strings.Cut(strings.TrimSpace(string(out)), ":")
	m, minutesErr := strconv.Atoi(minutes)
	s, secondsErr := strconv.ParseFloat(seconds, 64)
	if !found || minutesErr != nil || secondsErr != nil {
		return 0, fmt.Errorf("read the CPU time of %d from %q", pid, out)
	}
	return time.Duration(m)*time.Minute + time.Duration(s*float64(time.Second)), nil
}

// memory is what a process holds in RAM, in bytes.
type memory struct{ resident, peak int64 }

// memoryOf reads VmRSS and VmHWM; without /proc there is the present size only.
func memoryOf(ctx context.Context, pid int) (memory, error) {
	raw, err := os.ReadFile(filepath.Join("/proc", strconv.Itoa(pid), "status"))
	if errors.Is(err, os.ErrNotExist) {
		raw, err = exec.CommandContext(ctx, "ps", "-o", "rss=", "-p", strconv.Itoa(pid)).Output() //nolint:gosec // a number
		raw = append([]byte("VmRSS: "), raw...)
	}
	if err != nil {
		return memory{}, fmt.Errorf("read the memory of %d: %w", pid, err)
	}
	var m memory
	for line := range strings.Lines(string(raw)) {
		name, value, _ := strings.Cut(line, ":")
		kilobytes, err := strconv.ParseInt(strings.TrimSuffix(strings.TrimSpace(value), " kB"), 10, 64)
		switch {
		case err != nil:
		case name == "VmRSS":
			m.resident = kilobytes << 10
		case name == "VmHWM":
			m.peak = kilobytes << 10
		}
	}
	m.peak = max(m.peak, m.resident)
	return m, nil
}
