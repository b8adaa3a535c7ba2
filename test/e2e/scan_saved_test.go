package e2e

import (
	"net/http"

	"github.com/stretchr/testify/require"

	"tillway/internal/onerway"
	"tillway/internal/sandbox"
)

// saveInEveryWay has cards kept that are taken, declined and lost, and pays with them. The provider's tokens are as good as
// cards: they are looked for like these.
func (s *scan) saveInEveryWay() {
	t := s.t
	who := s.service.createCustomer()
	save := func(key, number string, changes object) answer {
		body := s.paying(number, changes)
		card, _ := body["payment_method"].(object)
		got := s.service.send(call{method: http.MethodPost, path: "/v1/payment_methods", key: key, wrong: true, body: object{
			"type": "card", "customer": who.ID, "card": card["card"],
		}})
		require.NotEqual(t, 500, got.status, got.body)
		s.answers.WriteString(got.body)
		return got
	}
	m := into[method](t, save("s-1", s.newCard("453917352086500"), nil).requireStatus(t, http.StatusCreated))
	save("s-1", s.newCard("453917352086501"), nil).requireStatus(t, http.StatusUnprocessableEntity) // key reused
	save("s-2", s.newCard("453917352086502"), object{"exp_year": 2020}).requireStatus(t, http.StatusPaymentRequired)
	named := s.newCard("453917352086503")
	save("s-3", named, object{"holder_name": named})
	for fault, prefix := range map[string]string{"lose_answer": "453917352086504", "bad_signature": "453917352086505"} {
		s.provider.arm(sandbox.Fault{Name: fault, Match: sandbox.Match{Path: "/v1/txn/bindCard"}})
		number := s.newCard(prefix)
		save("s-"+fault, number, nil).requireStatus(t, http.StatusServiceUnavailable)
		save("s-"+fault, number, nil).requireStatus(t, http.StatusCreated)
	}

	pay := s.service.paySaved(s.service.billed(who).ID, m.ID, "k")
	s.answers.WriteString(s.service.send(pay).requireStatus(t, http.StatusCreated).body)
	saving := s.paying(s.newCard("453917352086506"), nil)
	saving["save_payment_method"] = true
	saved := into[savedPayment](t, s.post(s.service.billed(who).ID, "k-save", saving, nil).requireStatus(t, http.StatusCreated))
	require.NotNil(t, saved.PaymentMethod)

	client, err := onerway.New(onerway.Config{
		BaseURL: s.provider.url, MerchantNo: merchantNo, AppID: "1739545982264549376", SecretKey: onerway.Conceal(signingKey),
	})
	require.NoError(t, err)
	defer client.Close()
	tokens, err := client.QueryTokens(t.Context(), who.ID)
	require.NoError(t, err)
	require.GreaterOrEqual(t, len(tokens), 4)
	for _, token := range tokens {
		s.cards = append(s.cards, token.TokenID.Reveal())
	}
	s.answers.WriteString(s.service.send(call{
		method: http.MethodPost, path: "/v1/payment_methods/" + m.ID + "/detach",
	}).requireStatus(t, http.StatusOK).body)
}
