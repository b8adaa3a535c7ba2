package main

import (
	"fmt"
	"os"
	"strings"
	"sync"
	"time"

	"tillway/test/crash"
)

const (
	barWidth = 24
	// lineEvery so many kills there is a line where no line can grow.
	lineEvery = 20
)

// bar shows how far the run is: on a terminal one line that grows, elsewhere a line now and then.
type bar struct {
	mu                sync.Mutex
	terminal          bool
	begun             time.Time
	before            int // kills of an earlier part of the run
	want, kills, open int
	violations        int
}

func newBar(state crash.State) *bar {
	t := state.Sum()
	info, err := os.Stdout.Stat()
	return &bar{
		terminal: err == nil && info.Mode()&os.ModeCharDevice != 0, begun: time.Now(), before: t.Kills,
		want: state.Kills, kills: t.Kills, open: t.UnderWay, violations: len(t.Findings),
	}
}

func (b *bar) happened(o crash.Outcome) {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.kills++
	b.open += o.UnderWay
	switch {
	case b.terminal:
		fmt.Print("\r" + b.line())
	case b.kills%lineEvery == 0:
		fmt.Println(b.line())
	}
}

func (b *bar) compared(state crash.State) {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.violations = len(state.Sum().Findings)
	if b.terminal {
		fmt.Print("\r" + b.line())
		return
	}
	fmt.Println(b.line())
}

func (b *bar) line() string {
	filled := min(barWidth, barWidth*b.kills/max(1, b.want))
	left := "?"
	if done := b.kills - b.before; done > 0 {
		each := time.Since(b.begun) / time.Duration(done)
		left = (each * time.Duration(b.want-b.kills)).Round(time.Second).String()
	}
	return fmt.Sprintf("[%s%s] %d of %d kills, %d operations under way, %d violations, %s left ",
		strings.Repeat("#", filled), strings.Repeat(".", barWidth-filled), b.kills, b.want, b.open, b.violations, left)
}
