package sandbox

import (
	"encoding/json"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"time"
)

// subProductSubscribe is a charge of a subscription: its purchase or a renewal.
const subProductSubscribe = "SUBSCRIBE"

// subscriberShape is what is safe of the three forms that the documents give of merchantCustId (Onerway contract §16).
var subscriberShape = regexp.MustCompile(`^[A-Za-z0-9_-]{1,40}$`)

// readSubscribe checks a doTransaction that begins a subscription (requestType 0) or renews one (1).
func (s *Server) readSubscribe(req saleRequest, params map[string]any) (saleRequest, error) {
	if req.productType != "CARD" || req.txnType != "SALE" {
		return saleRequest{}, refuse(codeUnsupported, "transaction type not supported: %s %s %s",
			req.productType, req.subProductType, req.txnType)
	}
	sub, err := s.readSubscription(params)
	if err != nil {
		return saleRequest{}, err
	}
	needed := append(requiredOfAll(), "merchantCustId", "cardInfo")
	steps := []func(*saleRequest, map[string]any) error{s.readMoney, s.readAddresses, s.readOrder, s.readStrategy, s.readCard}
	switch sub["requestType"] {
	case "0":
		agreed, err := s.readTerms(sub)
		if err != nil {
			return saleRequest{}, err
		}
		req.charge, req.insists = &chargeFacts{terms: &agreed}, !s.cfg.Sim.PlainSubscriptions
	case "1":
		req.charge = &chargeFacts{contractID: sub["contractId"], tokenID: sub["tokenId"]}
		needed = slices.DeleteFunc(needed, func(name string) bool {
			return name == "cardInfo" || name == "billingInformation" || name == "shippingInformation"
		})
		steps = []func(*saleRequest, map[string]any) error{s.readMoney, s.readOrder, s.readRenewal}
	default:
		return saleRequest{}, refuse(codeRejected, "subscription.requestType must be 0 or 1")
	}
	for _, name := range needed {
		if param(params, name) == "" {
			return saleRequest{}, refuse(codeRejected, "%s is required", name)
		}
	}
	if s.cfg.Strict {
		if err := checkLengths(params); err != nil {
			return saleRequest{}, err
		}
	}
	if !subscriberShape.MatchString(req.custID) {
		return saleRequest{}, refuse(codeRejected, "merchantCustId has 1 to 40 letters, digits, _ and -")
	}
	if own := sub["merchantCustId"]; own != req.custID && (own != "" || req.charge.terms != nil) {
		return saleRequest{}, refuse(codeRejected, "subscription.merchantCustId must be the merchantCustId of the request")
	}
	for _, step := range steps {
		if err := step(&req, params); err != nil {
			return saleRequest{}, err
		}
	}
	if s.cfg.Sim.MerchantClock {
		req.charge.sentAt = sentAt(params)
	}
	return req, nil
}

// sentAt is what the merchant's clock says, zero where it says nothing that can be read.
func sentAt(params map[string]any) time.Time {
	text, offset := param(params, "merchantTxnTime"), param(params, "merchantTxnTimeZone")
	if at, err := time.Parse(wireTime+"Z07:00", text+offset); err == nil {
		return at
	}
	at, err := time.ParseInLocation(wireTime, text, zone())
	if err != nil {
		return time.Time{}
	}
	return at
}

// readSubscription reads the object into the text of its members. Strictly, all of them are strings but two.
func (s *Server) readSubscription(params map[string]any) (map[string]string, error) {
	raw := param(params, "subscription")
	if raw == "" {
		return nil, refuse(codeRejected, "subscription is required")
	}
	dec := json.NewDecoder(strings.NewReader(raw))
	dec.UseNumber()
	members := map[string]any{}
	if err := dec.Decode(&members); err != nil {
		return nil, refuse(codeUnreadable, "subscription is not the expected JSON string")
	}
	texts := make(map[string]string, len(members))
	for name, value := range members {
		_, isNumber := value.(json.Number)
		_, isText := value.(string)
		counts := name == "cycleCount" || name == "trialDays"
		if value != nil && ((!isNumber && !isText) || (s.cfg.Strict && isNumber != counts)) {
			return nil, refuse(codeUnreadable, "subscription.%s has the wrong type", name)
		}
		texts[name] = signedText(value)
	}
	return texts, nil
}

// readTerms holds the terms to the table of Onerway contract §7.
func (s *Server) readTerms(sub map[string]string) (terms, error) {
	number := func(name string, least, most int) (int, bool) {
		n, err := strconv.Atoi(orElse(sub[name], "0"))
		return n, err == nil && n >= least && n <= most
	}
	var t terms
	var everyOK, cyclesOK, daysOK bool
	t.every, everyOK = number("frequencyPoint", 1, 99)
	t.cycles, cyclesOK = number("cycleCount", 0, 100)
	t.trialDays, daysOK = number("trialDays", 0, 3650)
	t.unit, t.managed, t.expireDate = sub["frequencyType"], sub["selfExecute"] == "1", sub["expireDate"]
	t.productName, t.notificationEmail = sub["productName"], sub["notificationEmail"]
	trial := t.trialDays != 0 || sub["trialFromPlan"] != "" || sub["trialEnd"] != ""
	switch {
	case sub["selfExecute"] != "1" && sub["selfExecute"] != "2":
		return terms{}, refuse(codeRejected, "subscription.selfExecute must be 1 or 2")
	case sub["mode"] == "":
		return terms{}, refuse(codeRejected, "subscription.mode is required")
	case !everyOK || !cyclesOK || !daysOK:
		return terms{}, refuse(codeRejected, "subscription: frequencyPoint is 1 to 99, cycleCount 1 to 100, trialDays not negative")
	case t.unit != "D" && t.unit != "M" && t.unit != "Y":
		return terms{}, refuse(codeRejected, "subscription.frequencyType must be D, M or Y")
	case !t.managed && (t.unit != "D" || t.cycles != 0 || trial):
		return terms{}, refuse(codeRejected, "subscription: M, Y, cycleCount and trials need selfExecute 1")
	case t.managed && t.cycles == 0 && t.expireDate == "":
		return terms{}, refuse(codeRejected, "subscription: cycleCount or expireDate is required")
	case t.expireDate != "" && !s.future(t.expireDate):
		return terms{}, refuse(codeRejected, "subscription.expireDate must be yyyy-MM-dd, after today")
	case len(t.productName) > 256 || len(t.notificationEmail) > 256 || len(sub["trialFromPlan"]) > 256 || len(sub["trialEnd"]) > 256:
		return terms{}, refuse(codeRejected, "subscription has a member longer than 256")
	}
	return t, nil
}

// dayOf is how a day begins at the provider's; the zero time of what is no day.
func dayOf(text string) time.Time {
	day, err := time.ParseInLocation(time.DateOnly, text, zone())
	if err != nil {
		return time.Time{}
	}
	return day
}

// future tells whether text is a day after the provider's today.
func (s *Server) future(text string) bool {
	return dayOf(text).After(s.now())
}

// readRenewal puts the contract's card in place of one that was sent. Whether it may be charged now is asked under the
// ledger's lock.
func (s *Server) readRenewal(req *saleRequest, params map[string]any) error {
	for _, name := range []string{"cardInfo", "tokenInfo", "mpiInfo"} {
		if param(params, name) != "" {
			return refuse(codeRejected, "%s does not go with a renewal", name)
		}
	}
	purchase, found := s.ledger.purchaseOf(req.charge.contractID)
	if !found {
		return s.noContract()
	}
	req.renews(purchase.saleRequest)
	return nil
}

// renews makes the request a charge of the purchase's card, in which nobody takes part: there is no challenge.
func (r *saleRequest) renews(purchase saleRequest) {
	r.card, r.email = purchase.card, orElse(r.email, purchase.email)
	r.behavior = behavior{challenge: challengeNever, fault: purchase.behavior.fault}
}

func (s *Server) noContract() error {
	return refuse(s.cfg.Sim.SubscriptionCode, "contractId and tokenId are not those of a subscription of this customer")
}

// contractOf is the contract that a renewal names.
func contractOf(params map[string]any) string {
	var sub struct {
		ContractID string `json:"contractId"`
	}
	if err := json.Unmarshal([]byte(param(params, "subscription")), &sub); err != nil {
		return "" // the endpoint refuses it by name
	}
	return sub.ContractID
}
