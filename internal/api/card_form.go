package api

import (
	"log/slog"
	"net/http"
	"net/netip"
	"regexp"
	"strconv"
	"strings"

	"github.com/gin-gonic/gin"

	"tillway/internal/api/cardpage"
	"tillway/internal/cards"
	"tillway/internal/orders"
)

// maxCardForm is how large the form of a card can be.
const maxCardForm = 16 << 10

// cardForm is a card as it was typed on our page. It lives as long as the request and is never written, and number and security
// code are not even shown again.
type cardForm struct {
	number, expiry, cvc, name string
	month, year               int
	agreed                    int64 // what the page said that is charged for good, in minor units; 0 if it did not
	browser                   orders.Browser
	wrong                     map[string]string // by field
}

// LogValue keeps card data out of logs.
func (cardForm) LogValue() slog.Value { return slog.StringValue("[card]") }

// String keeps card data out of formatted text.
func (cardForm) String() string { return "[card]" }

// GoString keeps card data out of %#v.
func (cardForm) GoString() string { return "[card]" }

// readCardForm reads the form, of which anything may be missing: it is judged field by field.
func readCardForm(c *gin.Context) (cardForm, error) {
	r := c.Request
	r.Body = http.MaxBytesReader(c.Writer, r.Body, maxCardForm)
	if err := r.ParseForm(); err != nil {
		return cardForm{}, err
	}
	read := func(name string) string { return strings.TrimSpace(r.PostForm.Get(name)) }
	f := cardForm{
		number: strings.NewReplacer(" ", "", "-", "", "\u00a0", "").Replace(read("number")), expiry: read("expiry"), cvc: read("cvc"),
		name: read("name"), browser: browserOf(c, read), wrong: map[string]string{},
	}
	if agreed, err := strconv.ParseInt(read("agreed"), 10, 64); err == nil { // what is no number was not told by our page
		f.agreed = agreed
	}
	f.check()
	return f, nil
}

var expiryShape = regexp.MustCompile(`^([0-9]{1,2}) ?[/-]? ?(?:20)?([0-9]{2})$`)

// check notes what is wrong with the fields. Whether the card is good is the bank's to say.
func (f *cardForm) check() {
	if !isDigits(f.number, minCardDigits, maxCardDigits) {
		f.wrong["number"] = "A card number has 12 to 19 digits."
	}
	if parts := expiryShape.FindStringSubmatch(f.expiry); parts != nil {
		f.month, _ = strconv.Atoi(parts[1]) // digits, by the shape
		f.year, _ = strconv.Atoi(parts[2])
		f.year += 2000
	}
	if f.month < 1 || f.month > 12 {
		f.expiry, f.wrong["expiry"] = "", "Please write month and year, such as 12/30."
	}
	if !isDigits(f.cvc, 3, 4) {
		f.wrong["cvc"] = "The security code has 3 or 4 digits."
	}
	if f.name == "" || !isLine(f.name, maxHolderName) || strings.ContainsFunc(f.name, func(r rune) bool { return r >= '0' && r <= '9' }) {
		f.name, f.wrong["name"] = "", "Please write the name on the card."
	}
}

func (f *cardForm) valid() bool { return len(f.wrong) == 0 }

func (f *cardForm) card() cards.Card {
	return cards.Card{Number: f.number, ExpMonth: f.month, ExpYear: f.year, CVC: f.cvc, HolderName: f.name}
}

// shown is the form as it is shown again: without number and security code.
func (f *cardForm) shown() *cardpage.Form {
	mistake := func(field string) *cardpage.Mistake {
		if text := f.wrong[field]; text != "" {
			return &cardpage.Mistake{Field: field, Wrong: text}
		}
		return nil
	}
	return &cardpage.Form{
		ExpiryText: f.expiry, NameText: f.name,
		Number: mistake("number"), Expiry: mistake("expiry"), CVC: mistake("cvc"), Name: mistake("name"),
	}
}

// browserOf is what is known of the visitor's browser: by its request, and by the page's script where that could run.
func browserOf(c *gin.Context, read func(name string) string) orders.Browser {
	header := c.Request.Header
	language, _, _ := strings.Cut(header.Get("Accept-Language"), ",")
	b := orders.Browser{
		UserAgent: header.Get("User-Agent"), Accept: header.Get("Accept"), Language: language,
		ColorDepth: numberIn(read("color_depth")), ScreenHeight: numberIn(read("screen_height")), ScreenWidth: numberIn(read("screen_width")),
		TimeZoneOffset: numberIn(read("time_zone_offset")),
	}
	if told := read("language"); told != "" {
		b.Language = told
	}
	if java := read("java_enabled"); java == "true" || java == "false" {
		enabled := java == "true"
		b.JavaEnabled = &enabled
	}
	// Behind a proxy nobody is believed about the visitor's address, and the proxy's is nothing to tell a bank.
	if address, err := netip.ParseAddr(c.RemoteIP()); err == nil && address.IsGlobalUnicast() && !address.IsPrivate() {
		b.IP = address.String()
	}
	for _, text := range []*string{&b.UserAgent, &b.Accept, &b.Language} {
		if !isLine(*text, maxBrowserText) {
			*text = ""
		}
	}
	return b
}

// numberIn is a number that a script has told, nil for none, or one beyond all screens.
func numberIn(text string) *int {
	const most = 100_000
	n, err := strconv.Atoi(text)
	if err != nil || n < -most || n > most {
		return nil
	}
	return &n
}
