package cards

// Resource is the public form of what is known of a card (API.md §2); the country is that of its issuer, once the provider
// has named it. The expiry of a card that was typed on the provider's page is null: nobody tells it.
type Resource struct {
	Brand    string  `json:"brand"`
	Last4    string  `json:"last4"`
	ExpMonth *int    `json:"exp_month"`
	ExpYear  *int    `json:"exp_year"`
	Country  *string `json:"country"`
}

// Resource returns the card's public form.
func (s Summary) Resource() Resource {
	r := Resource{Brand: s.Brand, Last4: s.Last4}
	if s.ExpMonth != 0 {
		r.ExpMonth, r.ExpYear = &s.ExpMonth, &s.ExpYear
	}
	if s.Country != "" {
		r.Country = &s.Country
	}
	return r
}
