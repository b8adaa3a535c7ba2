package onerway

import (
	"fmt"
	"time"
)

const (
	timeLayout = "2006-01-02 15:04:05"
	zoneLayout = "-07:00"
)

// ParseZone reads the provider's offset text, such as "+08:00" (§5).
func ParseZone(text string) (*time.Location, error) {
	parsed, err := time.Parse(zoneLayout, text)
	if err != nil {
		return nil, fmt.Errorf("time zone %q is not an offset like +08:00", text)
	}
	_, offset := parsed.Zone()
	return time.FixedZone(text, offset), nil
}

// ParseTime reads a time of the provider. It has no offset of its own: zone is the message's txnTimeZone, and where
// that is absent, as in query rows, the zone configured for the merchant applies.
func ParseTime(text, zone string, fallback *time.Location) (time.Time, error) {
	location := fallback
	if zone != "" {
		parsed, err := ParseZone(zone)
		if err != nil {
			return time.Time{}, err
		}
		location = parsed
	}
	at, err := time.ParseInLocation(timeLayout, text, location)
	if err != nil {
		return time.Time{}, fmt.Errorf("time %q is not of the form %s", text, timeLayout)
	}
	return at.UTC(), nil
}

func formatTime(at time.Time, zone *time.Location) string { return at.In(zone).Format(timeLayout) }
