// Package dunning decides what follows a failed charge of a subscription's period: another try, a word with the customer or
// with the merchant, or the end. It is a pure function of a policy and a case: it reads no clock, keeps nothing, sends nothing.
//
// A policy is the merchant's, for all subscriptions and, where wanted, for one. What the card schemes allow stands above it:
// they fine merchants for trying a declined card too often (Visa and Mastercard count retries of one card by day and by
// thirty days), so the caps hold for a token across all subscriptions that are charged with it, and a policy can only lower
// them.
package dunning

import (
	"encoding/json"
	"maps"
	"slices"

	"tillway/internal/fault"
)

// End is what becomes of a subscription whose period is given up.
type End string

// The ends.
const (
	// EndUnpaid: it waits, uncharged, for a new card.
	EndUnpaid End = "unpaid"
	// EndCancel: it is canceled.
	EndCancel End = "cancel"
)

// Ends lists the ends.
func Ends() []End { return []End{EndUnpaid, EndCancel} }

// Valid reports whether the text is an end.
func (e End) Valid() bool { return slices.Contains(Ends(), e) }

// What the schemes allow, and what a policy may ask for.
const (
	SchemeDayCap   = 10 // failed attempts with one token in 24 hours
	SchemeMonthCap = 18 // and in 30 days
	MaxRetries     = SchemeMonthCap
	MaxDays        = 60
)

// Policy is the plan after a period's first failure. Days are 24 hours, counted from that failure.
type Policy struct {
	// RetryDays are the days on which a soft decline is tried again, ascending, before GiveUpDays. It may be empty.
	RetryDays []int `json:"retry_days"`
	// GiveUpDays is how long the period may stay unpaid, 1 to MaxDays.
	GiveUpDays int `json:"give_up_days"`
	// End is what follows then.
	End End `json:"end"`
	// DayCap and MonthCap are how many attempts with one token may fail in 24 hours and in 30 days before it is left alone:
	// 1 to SchemeDayCap and SchemeMonthCap.
	DayCap   int `json:"day_cap"`
	MonthCap int `json:"month_cap"`
}

// Default is the policy of an installation that says nothing else (design §4).
func Default() Policy {
	return Policy{
		RetryDays: []int{1, 3, 5, 7, 10}, GiveUpDays: 14, End: EndUnpaid, DayCap: SchemeDayCap, MonthCap: SchemeMonthCap,
	}
}

// Parse reads a policy from a JSON object whose members may be left out: those are as in base. Its refusals name the member
// under param, as in "dunning.retry_days": unknown_field for one that there is not, parameter_invalid for a value that is not
// allowed.
func Parse(text []byte, base Policy, param string) (Policy, error) {
	var members map[string]json.RawMessage
	if err := json.Unmarshal(text, &members); err != nil || members == nil {
		return Policy{}, fault.InvalidParam(param, "%s must be a JSON object.", param).Because(err)
	}
	p := base
	p.RetryDays = slices.Clone(base.RetryDays)
	for _, name := range slices.Sorted(maps.Keys(members)) {
		into := p.member(name)
		if into == nil {
			return Policy{}, fault.New(fault.Invalid, "unknown_field", "%s has no field %q.", param, name).WithParam(param + "." + name)
		}
		if err := json.Unmarshal(members[name], into); err != nil || string(members[name]) == "null" {
			return Policy{}, fault.InvalidParam(param+"."+name, "%s.%s is not of the right type.", param, name).Because(err)
		}
	}
	return p, p.Validate(param)
}

// member is where a member of the JSON object is read into, nil where there is no such member.
func (p *Policy) member(name string) any {
	switch name {
	case "retry_days":
		p.RetryDays = nil
		return &p.RetryDays
	case "give_up_days":
		return &p.GiveUpDays
	case "end":
		return &p.End
	case "day_cap":
		return &p.DayCap
	case "month_cap":
		return &p.MonthCap
	}
	return nil
}

// Validate refuses, as parameter_invalid, the first member whose value is not allowed.
func (p Policy) Validate(param string) error {
	refuse := func(name, format string, args ...any) error {
		return fault.InvalidParam(param+"."+name, param+"."+name+" "+format, args...)
	}
	switch {
	case p.GiveUpDays < 1 || p.GiveUpDays > MaxDays:
		return refuse("give_up_days", "must be 1 to %d.", MaxDays)
	case len(p.RetryDays) > MaxRetries:
		return refuse("retry_days", "must be at most %d days.", MaxRetries)
	case !p.End.Valid():
		return refuse("end", "must be unpaid or cancel.")
	case p.DayCap < 1 || p.DayCap > SchemeDayCap:
		return refuse("day_cap", "must be 1 to %d.", SchemeDayCap)
	case p.MonthCap < 1 || p.MonthCap > SchemeMonthCap:
		return refuse("month_cap", "must be 1 to %d.", SchemeMonthCap)
	}
	last := 0
	for _, day := range p.RetryDays {
		if day <= last || day >= p.GiveUpDays {
			return refuse("retry_days", "must be ascending, from 1, and before give_up_days.")
		}
		last = day
	}
	return nil
}
