package sandbox

import (
	"encoding/json"
	"net/netip"
	"regexp"
)

// custShape is what the provider takes for a merchant's customer (Onerway contract §8.1).
var custShape = regexp.MustCompile(`^[A-Za-z0-9_-]{1,50}$`)

// bindCard keeps a card for a customer, if its issuer does not say no to it. No money moves, and nothing is notified.
func (s *Server) bindCard(params map[string]any, _ string, _ *plan) reply {
	var read saleRequest
	if err := s.readBinding(&read, params); err != nil {
		return refused(err)
	}
	bound := binding{
		id: s.ledger.drawID(s.now()), custID: param(params, "merchantCustId"), card: read.card, behavior: read.behavior,
		month: read.expMonth, year: read.expYear, createdAt: s.now(),
	}
	data := object{{"transactionId", s.ledger.drawID(s.now())}, {"tokenId", nil}, {"sign", nil}}
	if why := read.behavior.declinesBinding(); why != (reason{}) {
		return reply{reason: why, data: data, signed: true}
	}
	bound = s.vault.keep(bound)
	return reply{reason: success(), data: data.with("tokenId", bound.tokenID), signed: true}
}

// declinesBinding is why an issuer does not let its card be kept: any reason for which it declines a payment but that there
// is no money on it, which is no question yet [sim].
func (b behavior) declinesBinding() reason {
	if b.decline.code == "20051" {
		return reason{}
	}
	return b.decline
}

func (s *Server) readBinding(read *saleRequest, params map[string]any) error {
	for _, name := range []string{"merchantNo", "appId", "merchantCustId", "cardInfo", "email", "country", "transactionIp"} {
		if param(params, name) == "" {
			return refuse(codeRejected, "%s is required", name)
		}
	}
	if s.cfg.Strict {
		if err := checkTexts(params, []textLimit{
			{"merchantNo", 20}, {"appId", 20}, {"merchantCustId", 50}, {"email", 256}, {"country", 64}, {"transactionIp", 64},
		}); err != nil {
			return err
		}
	}
	switch {
	case param(params, "appId") != s.cfg.AppID:
		return refuse(codeInvalidAppID, "appId invalid")
	case !custShape.MatchString(param(params, "merchantCustId")):
		return refuse(codeRejected, "merchantCustId has letters, digits, _ and - only")
	case !emailShape.MatchString(param(params, "email")):
		return refuse(codeRejected, "email is required")
	case !countryShape.MatchString(param(params, "country")):
		return refuse(codeRejected, "country must be an ISO 3166 alpha-2 code")
	}
	if _, err := netip.ParseAddr(param(params, "transactionIp")); err != nil {
		return refuse(codeInvalidIP, "invalid transactionIp")
	}
	return s.readCard(read, params)
}

// queryTokenList lists what a customer has. It is unsigned, as the documents say.
func (s *Server) queryTokenList(params map[string]any, _ string, _ *plan) reply {
	custID := param(params, "merchantCustId")
	if custID == "" {
		return refused(refuse(codeRejected, "merchantCustId is required"))
	}
	if app := param(params, "appId"); app != "" && app != s.cfg.AppID {
		return refused(refuse(codeInvalidAppID, "appId invalid"))
	}
	rows := []object{}
	switch kind := param(params, "subProductType"); kind {
	case "TOKEN", "":
		for _, b := range s.vault.of(custID) {
			rows = append(rows, object{
				{"id", b.id},
				{"tokenId", b.tokenID},
				{"appId", s.cfg.AppID},
				{"cardNumber", b.card.masked()},
				{"paymentMethod", b.card.brand},
				{"year", b.year},
				{"month", b.month},
			})
		}
	case "SUBSCRIBE": // kept with contracts, not here
	default:
		return refused(refuse(codeRejected, "subProductType is not TOKEN or SUBSCRIBE: %s", kind))
	}
	return reply{reason: success(), data: object{{"merchantNo", s.cfg.MerchantNo}, {"tokenInfos", rows}}}
}

// removeToken ends a binding, by its own id and not by its token.
func (s *Server) removeToken(params map[string]any, _ string, _ *plan) reply {
	if !s.vault.remove(param(params, "id")) {
		return refused(refuse(codeRejected, "id is not that of a binding"))
	}
	return reply{reason: success(), data: object{{"success", true}, {"sign", nil}}, signed: true}
}

// tokenOf is the token that a request pays with.
func tokenOf(params map[string]any) string {
	var token struct {
		TokenID string `json:"tokenId"`
	}
	if err := json.Unmarshal([]byte(param(params, "tokenInfo")), &token); err != nil {
		return "" // the endpoint refuses it by name
	}
	return token.TokenID
}

// readToken puts the card behind a token in place of one that was sent. It must be the customer's own, and not be removed.
func (s *Server) readToken(req *saleRequest, params map[string]any) error {
	var token struct {
		TokenID  string `json:"tokenId"`
		Provider string `json:"provider"`
	}
	if err := decodeNested("tokenInfo", param(params, "tokenInfo"), &token); err != nil {
		return err
	}
	if token.Provider != "" {
		return refuse(codeUnsupported, "tokenInfo.provider %s is not supported", token.Provider)
	}
	if param(params, "cardInfo") != "" {
		return refuse(codeRejected, "cardInfo and tokenInfo exclude each other")
	}
	if req.custID == "" {
		return refuse(codeRejected, "merchantCustId is required")
	}
	bound, found := s.vault.find(token.TokenID, req.custID)
	if !found {
		return refuse(codeRejected, "tokenInfo.tokenId is not a token of this customer")
	}
	if err := s.checkExpiry(bound.month, bound.year); err != nil {
		return err
	}
	req.card, req.behavior, req.tokenID = bound.card, bound.behavior, bound.tokenID
	return nil
}
