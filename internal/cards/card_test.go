package cards_test

import (
	"encoding/json"
	"errors"
	"fmt"
	"testing"

	"github.com/stretchr/testify/require"

	"tillway/internal/cards"
	"tillway/internal/fault"
)

func visa() cards.Card {
	return cards.Card{Number: "4761344136141390", ExpMonth: 12, ExpYear: 2030, CVC: "987", HolderName: "A B"}
}

func TestCard_RefusesWhatIsNone(t *testing.T) {
	t.Parallel()
	for param, spoil := range map[string]func(*cards.Card){
		"card.number":      func(c *cards.Card) { c.Number = "4761-3441" },
		"card.exp_month":   func(c *cards.Card) { c.ExpMonth = 13 },
		"card.exp_year":    func(c *cards.Card) { c.ExpYear = 30 },
		"card.cvc":         func(c *cards.Card) { c.CVC = "12a" },
		"card.holder_name": func(c *cards.Card) { c.HolderName = "4761344136141390" },
	} {
		card := visa()
		spoil(&card)
		refused, ok := errors.AsType[*fault.Error](card.Check("card"))
		require.True(t, ok, param)
		require.Equal(t, fault.Invalid, refused.Kind)
		require.Equal(t, param, refused.Param)
	}
	require.NoError(t, visa().Check("card"))
}

func TestCard_ShowsItsLastFourDigitsOnly(t *testing.T) {
	t.Parallel()
	card := visa()
	raw, err := json.Marshal(map[string]any{"card": card, "at": &card})
	require.NoError(t, err)
	for _, text := range []string{
		fmt.Sprint(card), fmt.Sprintf("%+v", card), fmt.Sprintf("%#v", card), card.LogValue().String(), string(raw),
	} {
		require.NotContains(t, text, "4761")
		require.NotContains(t, text, "987")
	}
}

func TestCard_SummaryNamesTheScheme(t *testing.T) {
	t.Parallel()
	for number, brand := range map[string]string{
		"4761344136141390": "visa", "2221008123677736": "mastercard", "5555555555554444": "mastercard",
		"378282246310005": "amex", "3530111333300000": "jcb", "30569309025904": "diners",
		"6011111111111117": "discover", "6200000000000005": "unionpay", "9999999999999995": "unknown",
	} {
		card := visa()
		card.Number = number
		require.Equal(t, cards.Summary{Brand: brand, Last4: number[len(number)-4:], ExpMonth: 12, ExpYear: 2030}, card.Summary())
	}
}

func TestToken_ShowsItselfToNobody(t *testing.T) {
	t.Parallel()
	token := cards.NewToken("tok-secret")
	saved := struct{ hidden cards.Saved }{cards.Saved{Token: token}}
	raw, err := json.Marshal(cards.Saved{Token: token})
	require.NoError(t, err)
	for _, text := range []string{
		fmt.Sprint(token), fmt.Sprintf("%s %v %+v %#v %q", token, token, token, token, token), string(raw),
		fmt.Sprintf("%+v", saved), fmt.Sprintf("%#v", &saved), token.LogValue().String(),
	} {
		require.NotContains(t, text, "tok-secret")
	}
	require.Equal(t, "tok-secret", token.Reveal())
	require.True(t, cards.Token{}.IsZero())
}
