package api

import (
	"net/netip"

	"tillway/internal/api/strictjson"
	"tillway/internal/fault"
	"tillway/internal/orders"
)

type browserBody struct {
	IP             string             `json:"ip"`
	UserAgent      string             `json:"user_agent"`
	Accept         string             `json:"accept"`
	Language       string             `json:"language"`
	JavaEnabled    *bool              `json:"java_enabled"`
	ColorDepth     *strictjson.Digits `json:"color_depth"`
	ScreenHeight   *strictjson.Digits `json:"screen_height"`
	ScreenWidth    *strictjson.Digits `json:"screen_width"`
	TimeZoneOffset *strictjson.Digits `json:"time_zone_offset"`
	ContentLength  *strictjson.Digits `json:"content_length"`
}

// Limits of the provider (Onerway contract §7).
const (
	maxBrowserText = 2048
	maxLanguage    = 64
)

func (b *browserBody) checkShape() error {
	if b == nil {
		return nil
	}
	// A zone (fe80::1%eth0) is a name on the shopper's own machine; the provider refuses it as no address.
	if address, err := netip.ParseAddr(b.IP); b.IP != "" && (err != nil || address.Zone() != "") {
		return fault.InvalidParam("browser.ip", "browser.ip must be an IPv4 or IPv6 address.")
	}
	for _, field := range []struct {
		name, value string
		most        int
	}{
		{"user_agent", b.UserAgent, maxBrowserText}, {"accept", b.Accept, maxBrowserText}, {"language", b.Language, maxLanguage},
	} {
		if !isLine(field.value, field.most) {
			return fault.InvalidParam("browser."+field.name, "browser.%s must be text of at most %d characters.", field.name, field.most)
		}
	}
	return nil
}

// browser is what is known of the shopper's browser.
func (b *browserBody) browser() orders.Browser {
	if b == nil {
		return orders.Browser{}
	}
	return orders.Browser{
		IP: b.IP, UserAgent: b.UserAgent, Accept: b.Accept, Language: b.Language, JavaEnabled: b.JavaEnabled,
		ColorDepth: b.ColorDepth.Int(), ScreenHeight: b.ScreenHeight.Int(), ScreenWidth: b.ScreenWidth.Int(),
		TimeZoneOffset: b.TimeZoneOffset.Int(), ContentLength: b.ContentLength.Int(),
	}
}
