package orders

import (
	"cmp"
	"log/slog"
	"regexp"
	"slices"
	"strings"
	"time"
	"unicode/utf8"

	"tillway/internal/cards"
	"tillway/internal/details"
	"tillway/internal/fault"
)

// The limits of the provider (Onerway contract §7), in characters. Of a prepaid number none is stated; it gets an IBAN's.
const (
	maxLocalMethod = 64
	maxBankName    = 128
	minPrepaid     = 8
	maxPrepaid     = 64
)

// ibanText is the form of an IBAN (ISO 13616). Whether there is such an account is the bank's to say.
var ibanText = regexp.MustCompile(`^[A-Z]{2}[0-9]{2}[A-Z0-9]{11,30}$`)

// Local is what a payment by a local method is made with. Method is the provider's name of it, and all that is kept: an account
// or a prepaid number lives in memory for one call and nowhere else.
type Local struct {
	Method        string
	BankName      string
	IBAN          string
	PrepaidNumber string
}

// LogValue keeps accounts out of logs.
func (l Local) LogValue() slog.Value { return slog.StringValue(l.String()) }

// String shows the method only.
func (l Local) String() string { return "local method " + l.Method }

// GoString keeps accounts out of %#v.
func (l Local) GoString() string { return l.String() }

// MarshalJSON keeps accounts out of any JSON.
func (l Local) MarshalJSON() ([]byte, error) { return []byte(`"[local]"`), nil }

// check refuses what the provider does not take, and never repeats an account.
func (l Local) check() error {
	const param = "payment_method.local"
	switch prepaid := utf8.RuneCountInString(l.PrepaidNumber); {
	case l.Method == "":
		return fault.MissingParam(param + ".method")
	case l.IBAN != "" && !ibanText.MatchString(l.IBAN):
		return fault.InvalidParam(param+".iban", "%s.iban is not an IBAN.", param)
	case l.PrepaidNumber != "" && (prepaid < minPrepaid || prepaid > maxPrepaid || !isLine(l.PrepaidNumber)):
		return fault.InvalidParam(param+".prepaid_number", "%s.prepaid_number must be text of %d to %d characters.", param, minPrepaid, maxPrepaid)
	case !isLine(l.Method) || !isLine(l.BankName):
		return fault.InvalidParam(param, "The texts of %s are of one line each.", param)
	}
	if err := details.CheckText(param+".method", l.Method, maxLocalMethod); err != nil {
		return err
	}
	return details.CheckText(param+".bank_name", l.BankName, maxBankName)
}

func isLine(text string) bool {
	return utf8.ValidString(text) && !strings.ContainsFunc(text, func(r rune) bool { return r < ' ' || r == 0x7f })
}

// checkLocal checks a payment by a local method: nothing of a card goes with it, and no local method can hold money.
func (r PayRequest) checkLocal() error {
	switch {
	case r.Card != (cards.Card{}):
		return fault.InvalidParam("payment_method.card", "A local payment method takes no card.")
	case r.ThreeDS.MPI != nil || (r.ThreeDS.Strategy != "" && r.ThreeDS.Strategy != ThreeDSAuto):
		return fault.InvalidParam("three_ds", "3D Secure is for cards; leave three_ds out.")
	case r.Save:
		return fault.InvalidParam("save_payment_method", "Only a card can be saved.")
	case r.CaptureMethod == CaptureManual:
		return fault.New(fault.Refused, "payment_method_not_allowed",
			"A local payment method takes the money at once and holds none. Leave capture_method out.").WithParam("capture_method")
	}
	return r.Local.check()
}

// admitLocal refuses a local method that this installation does not offer.
func (c Config) admitLocal(r PayRequest) error {
	if r.Method != MethodLocal || slices.Contains(c.LocalMethods, r.Local.Method) {
		return nil
	}
	return fault.New(fault.Refused, "payment_method_not_allowed",
		"This installation does not offer that local payment method (LOCAL_PAYMENT_METHODS).").WithParam("payment_method.local.method")
}

// Display is what a shopper is to be shown, to pay by it: a code, as its text or as the address of a picture or both, which
// may end at a time; or a text. It is the provider's, is shown while the payment is open, and is gone when it has ended.
type Display struct {
	Code      string
	ImageURL  string
	ExpiresAt time.Time
	Text      string
}

// IsZero reports whether there is nothing to show.
func (d Display) IsZero() bool { return d == Display{} }

// local reports whether the payment is by a local method.
func (p Payment) local() bool { return p.Method == MethodLocal }

// actionKnown reports whether anybody knows what the shopper is to do: this news says it, or earlier news did.
func (c *change) actionKnown() bool {
	shown := !c.evidence.Display.IsZero() || !c.payment.Display.IsZero()
	return cmp.Or(c.evidence.RedirectURL, c.payment.RedirectURL) != "" || (c.payment.local() && shown)
}

// learnAction takes over what the shopper is to do. Only an answer to the request says it, and what is there to show is not kept
// of an order that has been erased.
func (c *change) learnAction() {
	p, ev := &c.payment, c.evidence
	switch {
	case p.local() && !ev.Display.IsZero() && !c.order.Erased():
		p.Display, p.RedirectURL = ev.Display, ""
	case ev.RedirectURL != "":
		p.RedirectURL, p.Display = ev.RedirectURL, Display{}
	}
}

// codeMargin is for how long after its end a code may still have been paid by.
const codeMargin = time.Minute

// codeEndsAt is when the code of a payment can surely not be paid by any more; the zero time where there is none that ends.
func (p Payment) codeEndsAt() time.Time {
	if p.Display.ExpiresAt.IsZero() {
		return time.Time{}
	}
	return p.Display.ExpiresAt.Add(codeMargin)
}

// localTimeout explains the end of a local payment that nobody has made.
func localTimeout(providerCode string) *Failure {
	return &Failure{
		Code: "processing_error", DeclineCode: "local_payment_expired", Category: FailureSoft, ProviderCode: providerCode,
		Message: "The shopper did not pay in time. Nothing was charged.",
	}
}

// withoutCard explains a failure in words that do not speak of a card, where none was there to pay with.
func (p Payment) withoutCard(f Failure) *Failure {
	if !p.local() {
		return &f
	}
	switch f.Code {
	case "insufficient_funds":
		f.Message = "There are insufficient funds to pay with."
	case "processing_error":
		if f.Category == FailureTechnical {
			f.Message = "The payment could not be processed right now. Please try again later."
		}
	default:
		f.Code, f.Message = "payment_declined", "The payment was declined by the bank or wallet. Please pay in another way."
	}
	return &f
}
