package ratelimit

import "time"

// Lane is a purpose of calls to the provider. Each has its share of the budget and its patience.
type Lane string

// The lanes.
const (
	// LaneSale is a shopper paying: it may use the whole budget, and gives up soon.
	LaneSale Lane = "sale"
	// LaneQuery settles a payment whose outcome is open.
	LaneQuery Lane = "query"
	// LaneRefund is a refund, capture or void.
	LaneRefund Lane = "refund"
	// LaneRenewal is a subscription's charge without the shopper.
	LaneRenewal Lane = "renewal"
	// LaneReconciliation pages through the provider's books.
	LaneReconciliation Lane = "reconciliation"
)

// lane says what a purpose may take.
type lane struct {
	// percent of the rate that it may use; 100 needs no bucket of its own.
	percent int64
	// ahead is how far into the future it may book a call.
	ahead time.Duration
	// wait is how long it tries for a place; 0 tries once.
	wait time.Duration
}

// othersPercent is what all lanes but sale and renewal may use together.
const othersPercent = 60

// rules is the table of lanes. A query may book further ahead than a sale: a storm of sales, whose bookings reach as far
// as they may, then cannot keep open outcomes from being settled. With half of the rate at most, queries cannot keep sales
// out either. Renewals come by the hundred thousand and nobody waits for any of them: they may take the whole rate, but only
// what is free at that moment, so that all others find their places as if there were none. Reconciliation yields to sales, and
// is not kept out by renewals.
func rules() map[Lane]lane {
	return map[Lane]lane{
		LaneSale:           {percent: 100, ahead: time.Second},
		LaneQuery:          {percent: 50, ahead: 1250 * time.Millisecond, wait: 5 * time.Second},
		LaneRefund:         {percent: 30, ahead: time.Second, wait: 5 * time.Second},
		LaneRenewal:        {percent: 100, ahead: 0, wait: 30 * time.Second},
		LaneReconciliation: {percent: 20, ahead: 250 * time.Millisecond, wait: time.Minute},
	}
}

// bucket is a GCRA in microseconds, the resolution of Redis's clock.
type bucket struct {
	name string
	// interval is the time that one call takes from the bucket.
	interval int64
	// tolerance is how far ahead of now its TAT may be for a call to pass: one interval for each call of the burst but one.
	tolerance int64
}

// plan is what one lane's call must pass: the whole budget, where it may book up to ahead, and the buckets of its share,
// which must have room now.
type plan struct {
	total  bucket
	ahead  int64
	shares []bucket
}

// newPlans does the arithmetic for a budget of perSecond calls. A bucket of rate r and burst b lets at most r+b-1 calls
// through in any window of one second, wherever it begins. So the burst is a tenth of the budget (at least 1), the rate
// perSecond-burst+1, and no such window ever sees more than perSecond calls. With 50: burst 5, rate 46.
// A share of p percent has p percent of rate and burst (at least 1).
func newPlans(perSecond int) map[Lane]plan {
	burst := max(1, int64(perSecond)/10)
	rate := int64(perSecond) - burst + 1
	share := func(name string, percent int64) bucket {
		interval := ceil(100*time.Second.Microseconds(), percent*rate)
		return bucket{name: name, interval: interval, tolerance: (max(1, burst*percent/100) - 1) * interval}
	}
	plans := make(map[Lane]plan)
	for name, rule := range rules() {
		p := plan{total: share("total", 100), ahead: rule.ahead.Microseconds()}
		if rule.percent < 100 {
			p.shares = []bucket{share("others", othersPercent), share(string(name), rule.percent)}
		}
		plans[name] = p
	}
	return plans
}

func ceil(a, b int64) int64 { return (a + b - 1) / b }

// booking is the answer to one try: when booked, the call may start after wait; else a new try may succeed after it.
type booking struct {
	booked bool
	wait   int64
}

// book tries a plan on a set of TATs at a time, all in microseconds. bookScript is the same in Lua.
func (p plan) book(tats map[string]int64, now int64) booking {
	var full int64
	for _, share := range p.shares {
		full = max(full, tats[share.name]-share.tolerance-now)
	}
	if full > 0 {
		return booking{wait: full}
	}
	wait := max(0, tats[p.total.name]-p.total.tolerance-now)
	if wait > p.ahead {
		return booking{wait: wait - p.ahead}
	}
	for _, b := range append([]bucket{p.total}, p.shares...) {
		tats[b.name] = max(tats[b.name], now) + b.interval
	}
	return booking{booked: true, wait: wait}
}

// bookScript: KEYS a hash of TATs by bucket. ARGV how far ahead the total may be booked, then name, interval and tolerance
// of each bucket, the total first. Time is Redis's own. The hash outlives every TAT in it; should that clock ever jump
// back, it also ends the wait for it to catch up.
const bookScript = `
local time = redis.call('TIME')
local now = time[1] * 1000000 + time[2]
local buckets = {}
for i = 2, #ARGV, 3 do
  local tat = tonumber(redis.call('HGET', KEYS[1], ARGV[i]) or 0)
  buckets[#buckets + 1] = {name = ARGV[i], interval = tonumber(ARGV[i + 1]), at = tat - ARGV[i + 2], tat = tat}
end
local full = 0
for i = 2, #buckets do full = math.max(full, buckets[i].at - now) end
if full > 0 then return {0, full} end
local wait, ahead = math.max(0, buckets[1].at - now), tonumber(ARGV[1])
if wait > ahead then return {0, wait - ahead} end
for _, b in ipairs(buckets) do
  redis.call('HSET', KEYS[1], b.name, string.format('%.0f', math.max(b.tat, now) + b.interval))
end
redis.call('PEXPIRE', KEYS[1], 60000)
return {1, wait}
`

// args are bookScript's.
func (p plan) args() []any {
	args := []any{p.ahead, p.total.name, p.total.interval, p.total.tolerance}
	for _, share := range p.shares {
		args = append(args, share.name, share.interval, share.tolerance)
	}
	return args
}
