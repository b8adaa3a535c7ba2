package config

import (
	"errors"
	"strings"
	"time"

	"tillway/internal/fault"
	"tillway/internal/subscriptions/calendar"
	"tillway/internal/subscriptions/dunning"
)

// Timezone is a zone by its IANA name.
type Timezone struct{ location *time.Location }

// UnmarshalText reads an IANA name.
func (z *Timezone) UnmarshalText(text []byte) (err error) {
	if z.location, err = calendar.Zone(string(text)); err != nil {
		return malformed("write an IANA name such as Europe/Berlin", "names no time zone (%s)", excerpt(string(text)))
	}
	return nil
}

// Location is the zone.
func (z Timezone) Location() *time.Location { return z.location }

// DunningPolicy is what is done when a subscription's period cannot be charged.
type DunningPolicy struct{ policy dunning.Policy }

// UnmarshalText reads a JSON object; what it leaves out is as in dunning.Default.
func (p *DunningPolicy) UnmarshalText(text []byte) (err error) {
	p.policy, err = dunning.Parse(text, dunning.Default(), "DUNNING_POLICY")
	if refused, ok := errors.AsType[*fault.Error](err); ok {
		return malformed(`write a JSON object such as {"retry_days":[1,3,5],"give_up_days":14,"end":"unpaid"}`, "is refused: %s", strings.TrimSuffix(refused.Message, "."))
	}
	return err
}

// Policy is the policy, whole and valid.
func (p DunningPolicy) Policy() dunning.Policy { return p.policy }
