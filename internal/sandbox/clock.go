package sandbox

import "time"

// pace is how much faster than the clock a subscription's days go by (ClockScale).
type pace float64

// quickened is how much of a subscription's time goes by while the clock shows that much.
func (p pace) quickened(elapsed time.Duration) time.Duration {
	if p == 1 {
		return elapsed // exactly: years of nanoseconds do not fit a float
	}
	return time.Duration(float64(elapsed) * float64(p))
}

// slowed is the opposite.
func (p pace) slowed(elapsed time.Duration) time.Duration {
	if p == 1 {
		return elapsed
	}
	return time.Duration(float64(elapsed) / float64(p))
}
