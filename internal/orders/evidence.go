package orders

import (
	"bytes"
	"encoding/json"
	"strings"
)

// storable returns the evidence with everything replaced that PostgreSQL cannot hold: NUL and broken UTF-8 in text, NUL and
// lone surrogates escaped in JSON. What the provider sends is not ours to choose, and news that cannot be written down would
// be lost, on every repetition again.
func (ev Evidence) storable() Evidence {
	for _, text := range []*string{
		&ev.ProviderTransactionID, &ev.ProviderStatus, &ev.ProviderCode, &ev.RedirectURL, &ev.ECI, &ev.CardBrand, &ev.CardCountry,
		&ev.CardLast4, &ev.Display.Code, &ev.Display.ImageURL, &ev.Display.Text,
	} {
		*text = storableText(*text)
	}
	if ev.Failure != nil {
		ev.Failure = &Failure{
			Code: storableText(ev.Failure.Code), DeclineCode: storableText(ev.Failure.DeclineCode),
			Message: storableText(ev.Failure.Message), Category: ev.Failure.Category,
			ProviderCode: storableText(ev.Failure.ProviderCode),
		}
	}
	ev.Body = storableJSON(ev.Body)
	return ev
}

func storableText(s string) string {
	return strings.ReplaceAll(strings.ToValidUTF8(s, "\uFFFD"), "\x00", "\uFFFD")
}

// storableJSON keeps a body as it is where nothing is escaped, which is the rule. What is no JSON at all is kept as a string.
func storableJSON(body []byte) []byte {
	if len(body) == 0 {
		return nil
	}
	valid := json.Valid(body)
	if valid && !bytes.Contains(body, []byte(`\u`)) && bytes.Equal(body, bytes.ToValidUTF8(body, nil)) {
		return body
	}
	var content any = string(body)
	if valid {
		decoder := json.NewDecoder(bytes.NewReader(body))
		decoder.UseNumber()
		if err := decoder.Decode(&content); err != nil {
			content = string(body)
		}
	}
	encoded, err := json.Marshal(content) // mends broken UTF-8 and lone surrogates
	if err != nil {
		return nil
	}
	return bytes.ReplaceAll(encoded, []byte(`\u0000`), []byte(`\ufffd`))
}
