// Package cardpage draws the page on which a customer gives a new card for a subscription, in each of its states. It knows no
// subscription and reads no request: what it shows it is told. It loads nothing from anywhere and needs no script; the little that it
// has tells the bank more of the browser. No card number or security code is ever on it: who mistypes types again.
package cardpage

import (
	"crypto/sha256"
	_ "embed"
	"encoding/base64"
	"html/template"
	"io"
)

var (
	//go:embed page.html
	layout string
	//go:embed page.css
	style string
	//go:embed page.js
	script string
)

// State is what a page is about.
type State string

// The states.
const (
	// StateForm asks for a card.
	StateForm State = "form"
	// StateWaiting waits for an outcome, and looks again by itself.
	StateWaiting State = "waiting"
	// StateMessage says something, and may lead on.
	StateMessage State = "message"
)

// Page is what the page shows.
type Page struct {
	State       State
	Title, Text string
	// Alert is what went wrong, "" for nothing.
	Alert string
	Facts []Fact
	// Form is set in StateForm, Onward where there is somewhere to go.
	Form   *Form
	Onward *Onward
}

// Fact is a line of what the page is about.
type Fact struct{ Name, Value string }

// Onward is a link to go on by. The URL is one of ours, or the provider's.
type Onward struct{ URL, Label string }

// Form is the fields as they are shown. What is wrong with one is nil where nothing is.
type Form struct {
	ExpiryText, NameText      string
	Number, Expiry, CVC, Name *Mistake
	// Button is what sending it does, Promise what becomes of the card.
	Button, Promise string
	// Agreed is what sending it charges for good, in minor units: the form tells it back.
	Agreed int64
}

// Mistake is what is wrong with a field.
type Mistake struct{ Field, Wrong string }

// Drawer draws pages.
type Drawer struct {
	template *template.Template
	policy   string
}

// New makes a Drawer. PlainBanks lets the form lead on to pages without TLS, as those of a simulator are.
func New(plainBanks bool) *Drawer {
	banks := "https:" // wherever the bank's page is; browsers hold redirects of a form to it too
	if plainBanks {
		banks += " http:"
	}
	return &Drawer{
		template: template.Must(template.New("page").Parse(layout)),
		policy: "default-src 'none'; style-src " + hashOf(style) + "; script-src " + hashOf(script) + "; form-action 'self' " + banks +
			"; base-uri 'none'; frame-ancestors 'none'",
	}
}

func hashOf(text string) string {
	sum := sha256.Sum256([]byte(text))
	return "'sha256-" + base64.StdEncoding.EncodeToString(sum[:]) + "'"
}

// Policy is the content security policy of every page: its own style and script, and nothing from elsewhere.
func (d *Drawer) Policy() string { return d.policy }

// Draw writes a page.
func (d *Drawer) Draw(w io.Writer, p Page) error {
	return d.template.Execute(w, struct {
		Page

		Style  template.CSS
		Script template.JS
	}{p, template.CSS(style), template.JS(script)}) //nolint:gosec // both are compiled in
}
