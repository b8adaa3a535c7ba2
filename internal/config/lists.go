package config

import (
	"net/netip"
	"net/url"
	"slices"
	"strings"
	"unicode"
)

// Role is what an API key may do.
type Role string

// The roles.
const (
	RoleStorefront Role = "storefront"
	RoleOps        Role = "ops"
	RoleAdmin      Role = "admin"
)

// APIKey is a key to bootstrap an installation with.
type APIKey struct {
	Role Role
	Key  Secret
}

// APIKeys is the list of bootstrap keys.
type APIKeys []APIKey

// UnmarshalText reads role:key,role:key. A fault names the item by its place, since the item itself is secret.
func (k *APIKeys) UnmarshalText(text []byte) error {
	const remedy = "write role:key,role:key with the roles storefront, ops and admin"
	var keys APIKeys
	for item := range strings.SplitSeq(string(text), ",") {
		place := len(keys) + 1
		name, key, found := strings.Cut(strings.TrimSpace(item), ":")
		if !found || key == "" || strings.ContainsFunc(key, notVisible) {
			return malformed(remedy, "has no usable key in item %d", place)
		}
		role := Role(name)
		if !slices.Contains([]Role{RoleStorefront, RoleOps, RoleAdmin}, role) {
			return malformed(remedy, "has an unknown role in item %d", place)
		}
		if slices.ContainsFunc(keys, func(other APIKey) bool { return other.Key.Reveal() == key }) {
			return malformed("give every item a key of its own", "repeats a key in item %d", place)
		}
		keys = append(keys, APIKey{Role: role, Key: Secret(key)})
	}
	*k = keys
	return nil
}

// notVisible is true of what cannot stand in an Authorization header.
func notVisible(r rune) bool { return r <= ' ' || r > '~' }

// LocalMethods are the local payment methods that are offered, by the provider's names of them. Empty means none.
type LocalMethods []string

// UnmarshalText reads a comma list. The provider's names have spaces and signs in them, such as Alipay+.
func (m *LocalMethods) UnmarshalText(text []byte) error {
	const remedy = "write the provider's names (lpmsType) separated by commas, such as iDEAL,PromptPay"
	const longest = 64 // of an lpmsType
	var methods LocalMethods
	for item := range strings.SplitSeq(string(text), ",") {
		item = strings.TrimSpace(item)
		switch {
		case item == "" || len(item) > longest || strings.ContainsFunc(item, unicode.IsControl):
			return malformed(remedy, "has an item that is no name of a method (%s)", excerpt(item))
		case slices.Contains(methods, item):
			return malformed("name every method once", "repeats a method (%s)", excerpt(item))
		}
		methods = append(methods, item)
	}
	*m = methods
	return nil
}

// Origins is the list of origins (scheme, host, port) that a shopper may be sent back to. Empty means none.
type Origins []string

// UnmarshalText reads a comma list of origins: https anywhere, http on loopback only.
func (o *Origins) UnmarshalText(text []byte) error {
	const remedy = "write origins separated by commas, such as https://shop.example.com,http://localhost:3000"
	var origins Origins
	for item := range strings.SplitSeq(string(text), ",") {
		item = strings.TrimSpace(item)
		u, err := url.Parse(item)
		if err != nil || u.Host == "" || u.RawQuery != "" || u.Fragment != "" || strings.Trim(u.Path, "/") != "" {
			return malformed(remedy, "has an item that is not an origin (%s)", excerpt(item))
		}
		origin, ok := originOf(u)
		if !ok {
			return malformed(remedy, "has an item that is neither https nor http on loopback (%s)", excerpt(item))
		}
		origins = append(origins, origin)
	}
	*o = origins
	return nil
}

// Allows reports whether the origin of u is on the list. A URL with credentials never is: browsers and people read
// https://shop.example.com@evil.example differently.
func (o Origins) Allows(u *url.URL) bool {
	origin, ok := originOf(u)
	return ok && slices.Contains(o, origin)
}

// Has reports whether an origin, as a browser tells it, is on the list.
func (o Origins) Has(origin string) bool { return slices.Contains(o, origin) }

// originOf returns the origin in the form that browsers compare: lower case, without the scheme's own port.
func originOf(u *url.URL) (string, bool) {
	scheme, host, port := strings.ToLower(u.Scheme), strings.ToLower(u.Hostname()), u.Port()
	if host == "" || u.User != nil || u.Opaque != "" {
		return "", false
	}
	if scheme != "https" && (scheme != "http" || !isLoopback(host)) {
		return "", false
	}
	if strings.Contains(host, ":") {
		host = "[" + host + "]"
	}
	if port == "" || (scheme == "https" && port == "443") || (scheme == "http" && port == "80") {
		return scheme + "://" + host, true
	}
	return scheme + "://" + host + ":" + port, true
}

func isLoopback(host string) bool {
	if host == "localhost" || strings.HasSuffix(host, ".localhost") {
		return true
	}
	addr, err := netip.ParseAddr(host)
	return err == nil && addr.IsLoopback()
}
