package api

import (
	"context"
	"time"

	"tillway/internal/fault"
	"tillway/internal/testclock"
)

// testClockResource is the clock of a test installation.
type testClockResource struct {
	Object string `json:"object"`
	Now    int64  `json:"now"`
	// OffsetSeconds is how far it is ahead of real time, in whole seconds, rounded down.
	OffsetSeconds int64 `json:"offset_seconds"`
	Livemode      bool  `json:"livemode"`
	Links         links `json:"_links"`
}

// moveClockBody moves the clock: by so many seconds, or to a time in unix seconds.
type moveClockBody struct {
	AdvanceSeconds *int64 `json:"advance_seconds"`
	Now            *int64 `json:"now"`
}

// checkShape wants one of the two, within what a duration can hold; whether the clock may go there is its own to say.
func (b *moveClockBody) checkShape() error {
	const longest = int64(testclock.MaxStep / time.Second)
	switch {
	case b.AdvanceSeconds == nil && b.Now == nil:
		return fault.New(fault.Invalid, "parameter_missing", "Give advance_seconds, or now.").WithParam("advance_seconds")
	case b.AdvanceSeconds != nil && b.Now != nil:
		return fault.InvalidParam("now", "Give advance_seconds or now, not both.")
	case b.AdvanceSeconds != nil && (*b.AdvanceSeconds < 1 || *b.AdvanceSeconds > longest):
		return fault.InvalidParam("advance_seconds", "advance_seconds must be between 1 and %d.", longest)
	case b.Now != nil && (*b.Now < 0 || *b.Now > testclock.Latest().Unix()):
		return fault.InvalidParam("now", "now must be unix seconds, at most %d.", testclock.Latest().Unix())
	}
	return nil
}

func (s *server) getTestClock(ctx context.Context, in *call[none]) (*answer, error) {
	reading, err := s.TestClock.Read(ctx)
	if err != nil {
		return nil, err
	}
	return s.testClock(reading, in.Caller), nil
}

func (s *server) moveTestClock(ctx context.Context, in *call[moveClockBody]) (*answer, error) {
	var (
		reading testclock.Reading
		err     error
		idem    = testclock.Idempotency(in.Idempotency)
	)
	if in.Body.AdvanceSeconds != nil {
		reading, err = s.TestClock.Advance(ctx, time.Duration(*in.Body.AdvanceSeconds)*time.Second, idem)
	} else {
		reading, err = s.TestClock.Set(ctx, time.Unix(*in.Body.Now, 0), idem)
	}
	if err != nil {
		return nil, err
	}
	return s.testClock(reading, in.Caller), nil
}

func (s *server) testClock(r testclock.Reading, caller principal) *answer {
	l := links{"self": {Href: testClockPattern}}
	s.offer(l, caller, "test_clock:advance", "POST", testClockPattern, "")
	return &answer{Replayed: r.Replayed, Body: testClockResource{
		Object: "test_clock", Now: r.Now.Unix(), OffsetSeconds: int64(r.Ahead / time.Second), Links: l,
	}}
}
