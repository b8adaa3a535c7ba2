package gateway

import (
	"strings"
	"time"
	"unicode"

	"tillway/internal/onerway"
	"tillway/internal/orders"
)

// maxImageURL is the longest address of a picture that is passed on.
const maxImageURL = 2048

// localMethod writes what a local method is paid with in the provider's terms. Nothing of it is shortened: half of an account is
// none.
func localMethod(l orders.Local) *onerway.LPMSInfo {
	return &onerway.LPMSInfo{
		Type: l.Method, BankName: l.BankName, IBAN: onerway.Conceal(l.IBAN), PrepaidNumber: onerway.Conceal(l.PrepaidNumber),
	}
}

// display is what the shopper is to be shown; nothing where a card pays, for which the contract knows a page alone, and nothing
// that could not be shown whole and as it is.
func (a attempt) display() orders.Display {
	if a.method != orders.MethodLocal {
		return orders.Display{}
	}
	d := orders.Display{Code: a.action.Code, ImageURL: webAddress(a.action.CodeImageURL), Text: plainText(a.action.Text)}
	if strings.ContainsFunc(d.Code, unicode.IsControl) {
		d.Code = ""
	}
	if len(d.ImageURL) > maxImageURL {
		d.ImageURL = ""
	}
	if !a.action.ExpiresAt.IsZero() && (d.Code != "" || d.ImageURL != "") {
		d.ExpiresAt = a.action.ExpiresAt.UTC().Truncate(time.Second)
	}
	return d
}

// plainText is a text of lines without any other control characters, and without those that turn its direction around, by which
// it could look like another. It is no HTML, whatever stands in it, and must not be shown as such.
func plainText(text string) string {
	text = strings.ReplaceAll(text, "\r\n", "\n")
	return strings.TrimSpace(strings.Map(func(r rune) rune {
		if r != '\n' && (unicode.IsControl(r) || unicode.Is(unicode.Bidi_Control, r)) {
			return ' '
		}
		return r
	}, text))
}
