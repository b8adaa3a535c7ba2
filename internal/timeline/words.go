package timeline

import (
	"fmt"
	"strings"
	"time"

	"tillway/internal/cards"
	"tillway/internal/money"
	"tillway/internal/orders"
)

// amount writes minor units of a currency for people. A currency that cannot be read is told as it came.
func amount(minor int64, currency string) string {
	c, err := money.ParseCurrency(currency)
	if err != nil {
		return fmt.Sprintf("%d %s", minor, currency)
	}
	return money.New(minor, c).Display()
}

// attempt names a payment by its number, where that is known.
func attempt(number int) string {
	if number == 0 {
		return "An earlier attempt"
	}
	return fmt.Sprintf("Attempt %d", number)
}

// method names what is paid with, as the shopper knows it.
func method(d orders.PaymentMethodDetails) string {
	if d.Local != nil {
		return d.Local.Method
	}
	if d.Card == nil {
		return "whatever the shopper chooses on the provider's page"
	}
	return card(*d.Card)
}

// card names a card as the shopper knows it.
func card(c cards.Resource) string {
	brand := strings.ReplaceAll(c.Brand, "_", " ")
	if brand == "" || brand == "unknown" {
		brand = "a card"
	} else {
		brand = strings.ToUpper(brand[:1]) + brand[1:]
	}
	if c.Last4 == "" {
		return brand
	}
	return brand + " ending in " + c.Last4
}

// clock writes a time for people. Seconds matter where the provider is asked, and nowhere do zones other than UTC.
func clock(at time.Time) string { return at.UTC().Format("2 January 2006 15:04:05") + " UTC" }

// within says how far ahead a time is, in the largest unit that tells something.
func within(d time.Duration) string {
	for _, unit := range []struct {
		least, size time.Duration
		name        string
	}{
		{48 * time.Hour, 24 * time.Hour, "days"},
		{2 * time.Hour, time.Hour, "hours"},
		{2 * time.Minute, time.Minute, "min"},
		{0, time.Second, "s"},
	} {
		if d >= unit.least {
			return fmt.Sprintf("in %d %s", int64((d+unit.size/2)/unit.size), unit.name)
		}
	}
	return "now"
}

// sentences joins what there is to say.
func sentences(parts ...string) string {
	said := make([]string, 0, len(parts))
	for _, part := range parts {
		if part != "" {
			said = append(said, part)
		}
	}
	return strings.Join(said, " ")
}
