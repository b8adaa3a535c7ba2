package strictjson

import (
	"strconv"
	"unicode/utf8"

	"tillway/internal/fault"
)

// place is where a value stands: a member of an object or an element of an array. The body itself is nil. It becomes text
// only in an error, which most requests are spared.
type place struct {
	within  *place
	name    string
	index   int
	element bool
	// path is the whole path, where the places on the way are not at hand.
	path string
}

func placeAt(path string) *place { return &place{path: path} }

// String is the path of a value, as items[2].color.
func (p *place) String() string {
	switch {
	case p == nil:
		return ""
	case p.path != "":
		return p.path
	}
	path := p.within.String()
	switch {
	case p.element:
		return path + "[" + strconv.Itoa(p.index) + "]"
	case path == "":
		return showable(p.name)
	default:
		return path + "." + showable(p.name)
	}
}

// subject is how an error about the value begins.
func (p *place) subject() string { return subject(p.String()) }

func (p *place) null() error {
	return fault.InvalidParam(p.String(), "%s must not be null.", p.String())
}

// showable is a member's name as it may be repeated to the caller and in logs. Somebody will send a card number as a
// name one day.
func showable(name string) string {
	const longest, digitsAllowed = 64, 11
	digits := 0
	for _, r := range name {
		if r < ' ' || r == utf8.RuneError || r == 0x7f {
			return "(unprintable)"
		}
		if r >= '0' && r <= '9' {
			digits++
		}
	}
	if digits > digitsAllowed {
		return "(digits)"
	}
	if utf8.RuneCountInString(name) > longest {
		return string([]rune(name)[:longest-1]) + "…"
	}
	return name
}

func subject(path string) string {
	if path == "" {
		return "The body"
	}
	return path
}
