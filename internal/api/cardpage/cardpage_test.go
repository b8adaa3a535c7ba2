package cardpage_test

import (
	"crypto/sha256"
	"encoding/base64"
	"regexp"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
	"golang.org/x/net/html"

	"tillway/internal/api/cardpage"
)

func draw(t *testing.T, p cardpage.Page) string {
	t.Helper()
	var b strings.Builder
	require.NoError(t, cardpage.New(false).Draw(&b, p))
	return b.String()
}

func form() cardpage.Page {
	return cardpage.Page{
		State: cardpage.StateForm, Title: "Your new card", Alert: `<b>"declined"</b>`, Facts: []cardpage.Fact{{Name: "For", Value: "<script>"}},
		Form: &cardpage.Form{
			ExpiryText: `12/30"`, NameText: "<Ada>", Number: &cardpage.Mistake{Field: "number", Wrong: "No card number."}, Button: "Pay €1.00",
			Promise: "It is given back.",
		},
	}
}

func TestPolicy_AllowsThePagesOwnStyleAndScriptAndNothingElse(t *testing.T) {
	t.Parallel()
	page, policy := draw(t, form()), cardpage.New(false).Policy()
	for _, element := range []string{"style", "script"} {
		text := regexp.MustCompile(`(?s)<` + element + `>(.*?)</` + element + `>`).FindStringSubmatch(page)
		require.Len(t, text, 2)
		sum := sha256.Sum256([]byte(text[1]))
		require.Contains(t, policy, element+"-src 'sha256-"+base64.StdEncoding.EncodeToString(sum[:])+"';")
	}
	require.True(t, strings.HasPrefix(policy, "default-src 'none'; "), policy)
	require.True(t, strings.HasSuffix(policy, "; form-action 'self' https:; base-uri 'none'; frame-ancestors 'none'"), policy)
	require.Contains(t, cardpage.New(true).Policy(), "form-action 'self' https: http:;")
	for _, foreign := range []string{"src=", "<img", "<link", "<iframe", "@import", "url(", ` style="`, " onclick"} {
		require.NotContains(t, page, foreign)
	}
}

func TestPage_EscapesWhatItIsTold(t *testing.T) {
	t.Parallel()
	page := draw(t, form())
	for _, raw := range []string{"<b>", "<Ada>", `12/30""`, "<dd><script>"} {
		require.NotContains(t, page, raw)
	}
	require.Contains(t, page, "&lt;script&gt;")
	away := draw(t, cardpage.Page{State: cardpage.StateMessage, Onward: &cardpage.Onward{URL: "javascript:alert(1)", Label: "On"}})
	require.NotContains(t, away, "javascript:alert")
}

// Every field has a label, says what it is to the browser's own memory of cards, and says what is wrong with it; what a card could
// be used with is never filled in.
func TestForm_NamesItsFields(t *testing.T) {
	t.Parallel()
	root, err := html.Parse(strings.NewReader(draw(t, form())))
	require.NoError(t, err)
	labels, fields := map[string]bool{}, map[string]map[string]string{}
	for n := range root.Descendants() {
		attributes := map[string]string{}
		for _, a := range n.Attr {
			attributes[a.Key] = a.Val
		}
		switch {
		case n.Data == "label":
			labels[attributes["for"]] = true
		case n.Data == "input" && attributes["type"] != "hidden":
			fields[attributes["name"]] = attributes
		}
	}
	for name, autocomplete := range map[string]string{"number": "cc-number", "expiry": "cc-exp", "cvc": "cc-csc", "name": "cc-name"} {
		require.Equal(t, autocomplete, fields[name]["autocomplete"])
		require.True(t, labels[fields[name]["id"]], name)
		require.Contains(t, fields[name], "required")
		require.Contains(t, fields[name], "maxlength")
	}
	require.Len(t, fields, 4)
	require.NotContains(t, fields["number"], "value")
	require.NotContains(t, fields["cvc"], "value")
	require.Equal(t, "number-wrong", fields["number"]["aria-describedby"])
	require.NotContains(t, fields["name"], "aria-invalid")
}

func TestWaiting_LooksAgainByItself(t *testing.T) {
	t.Parallel()
	require.Contains(t, draw(t, cardpage.Page{State: cardpage.StateWaiting}), `http-equiv="refresh"`)
	for _, p := range []cardpage.Page{form(), {State: cardpage.StateMessage}} {
		require.NotContains(t, draw(t, p), "refresh")
	}
}
