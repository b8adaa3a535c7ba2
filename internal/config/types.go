package config

import (
	"net"
	"net/netip"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"time"
)

// OnerwayAPI selects which of the provider's two interfaces is spoken.
type OnerwayAPI string

// The provider's interfaces.
const (
	OnerwayAPITransactions OnerwayAPI = "transactions"
	OnerwayAPIIntents      OnerwayAPI = "intents"
)

// UnmarshalText accepts the known interfaces only.
func (a *OnerwayAPI) UnmarshalText(text []byte) error {
	return choose(a, text, OnerwayAPITransactions, OnerwayAPIIntents)
}

// ConfirmByQuery says when a notification that would end a payment is confirmed by asking the provider.
type ConfirmByQuery string

// When the provider is asked: for every notification, for one that does not match our row, or never.
const (
	ConfirmByQueryAlways   ConfirmByQuery = "always"
	ConfirmByQueryMismatch ConfirmByQuery = "mismatch"
	ConfirmByQueryNever    ConfirmByQuery = "never"
)

// UnmarshalText accepts the known choices only.
func (c *ConfirmByQuery) UnmarshalText(text []byte) error {
	return choose(c, text, ConfirmByQueryAlways, ConfirmByQueryMismatch, ConfirmByQueryNever)
}

// AuthExpiryAction says what is done about an authorization that nobody has captured, half a day before it lapses.
type AuthExpiryAction string

// An event tells of it, or it is voided.
const (
	AuthExpiryWarn AuthExpiryAction = "warn"
	AuthExpiryVoid AuthExpiryAction = "void"
)

// UnmarshalText accepts the known choices only.
func (a *AuthExpiryAction) UnmarshalText(text []byte) error {
	return choose(a, text, AuthExpiryWarn, AuthExpiryVoid)
}

// CardEntry says whether card data may come in by the API.
type CardEntry string

// Cards are taken, or shoppers type theirs on the provider's page only.
const (
	CardEntryDirect     CardEntry = "direct"
	CardEntryHostedOnly CardEntry = "hosted_only"
)

// UnmarshalText accepts the known choices only.
func (e *CardEntry) UnmarshalText(text []byte) error {
	return choose(e, text, CardEntryDirect, CardEntryHostedOnly)
}

// choose takes one of at least two known choices.
func choose[T ~string](into *T, text []byte, known ...T) error {
	if slices.Contains(known, T(text)) {
		*into = T(text)
		return nil
	}
	last := len(known) - 1
	names := make([]string, last)
	for i := range names {
		names[i] = string(known[i])
	}
	return malformed("write "+strings.Join(names, ", ")+" or "+string(known[last]), "is not a choice (%s)", excerpt(text))
}

// Address is a host and port to listen on. Port 0 lets the system choose.
type Address string

// UnmarshalText checks the form; whether the address is free is known only when it is listened on.
func (a *Address) UnmarshalText(text []byte) error {
	_, port, err := net.SplitHostPort(string(text))
	if err == nil {
		_, err = strconv.ParseUint(port, 10, 16)
	}
	if err != nil {
		return malformed("write host:port or :port, such as :8080", "is not an address to listen on (%s)", excerpt(text))
	}
	*a = Address(text)
	return nil
}

// String returns host:port.
func (a Address) String() string { return string(a) }

// UTCOffset is a fixed distance from UTC, in seconds.
type UTCOffset int

// UnmarshalText reads an offset written as +08:00.
func (o *UTCOffset) UnmarshalText(text []byte) error {
	at, err := time.Parse("-07:00", string(text))
	_, seconds := at.Zone()
	if err != nil || seconds < -12*3600 || seconds > 14*3600 {
		return malformed("write an offset between -12:00 and +14:00, such as +08:00",
			"is not an offset from UTC (%s)", excerpt(text))
	}
	*o = UTCOffset(seconds)
	return nil
}

// Location returns the offset as a location for parsing and formatting times.
func (o UTCOffset) Location() *time.Location {
	name := time.Unix(0, 0).In(time.FixedZone("", int(o))).Format("-07:00")
	return time.FixedZone(name, int(o))
}

// Networks is a list of address ranges. Empty means any address.
type Networks []netip.Prefix

// UnmarshalText reads a comma list of addresses and CIDR ranges.
func (n *Networks) UnmarshalText(text []byte) error {
	var networks Networks
	for item := range strings.SplitSeq(string(text), ",") {
		item = strings.TrimSpace(item)
		prefix, err := netip.ParsePrefix(item)
		if err != nil {
			var addr netip.Addr
			if addr, err = netip.ParseAddr(item); err == nil {
				addr = addr.Unmap().WithZone("")
				prefix = netip.PrefixFrom(addr, addr.BitLen())
			}
		}
		if err != nil {
			return malformed("write addresses or ranges separated by commas, such as 203.0.113.7,198.51.100.0/24",
				"has an item that is neither an address nor a range (%s)", excerpt(item))
		}
		networks = append(networks, prefix.Masked())
	}
	*n = networks
	return nil
}

// Allows reports whether addr lies in one of the ranges, or no range is configured.
func (n Networks) Allows(addr netip.Addr) bool {
	if len(n) == 0 {
		return true
	}
	addr = addr.Unmap()
	for _, network := range n {
		if network.Contains(addr) {
			return true
		}
	}
	return false
}

// parseBaseURL reads the absolute http or https URL that paths are added to; a trailing slash is dropped so that they
// can be.
func parseBaseURL(text string) (any, error) {
	const remedy = "write an absolute URL without query or credentials, such as https://pay.example.com"
	u, err := url.Parse(text)
	if err != nil {
		return nil, malformed(remedy, "is not a URL")
	}
	if (u.Scheme != "https" && u.Scheme != "http") || u.Hostname() == "" {
		return nil, malformed(remedy, "is not an absolute http or https URL")
	}
	if u.User != nil || u.RawQuery != "" || u.ForceQuery || u.Fragment != "" {
		return nil, malformed(remedy, "has credentials, a query or a fragment")
	}
	u.Path = strings.TrimRight(u.Path, "/")
	u.RawPath = strings.TrimRight(u.RawPath, "/")
	return *u, nil
}

// excerpt quotes a value that is not secret, short enough for one line.
func excerpt[T string | []byte](value T) string {
	const limit = 40
	if len(value) > limit {
		return strconv.Quote(string(value[:limit])) + "…"
	}
	return strconv.Quote(string(value))
}
