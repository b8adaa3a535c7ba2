package sandbox

import (
	"strings"
	"time"
)

// productLocal is the product type of a payment by a local method.
const productLocal = "LPMS"

// localWay is how a local method asks the shopper for the money.
type localWay int

const (
	byPage   localWay = iota // a page of the shopper's bank (RedirectURL)
	byCode                   // a code to scan (QrCode)
	byText                   // a voucher to read and pay by (ShowContext)
	byDebit                  // nothing: the bank is asked, and takes a moment
	byNumber                 // nothing: a number that was paid for before
)

// localMethod is one local payment method. The names are the provider's; how each asks for the money is made up [sim].
type localMethod struct {
	lpmsType string
	way      localWay
	does     string
}

func localMethods() []localMethod {
	return []localMethod{
		{"iDEAL", byPage, "sends the shopper to a page of the bank, where a person pays or declines (RedirectURL)"},
		{"PromptPay", byCode, "shows a code whose text is the address of the bank's page (QrCode)"},
		{"Konbini", byText, "shows a voucher with a number; a person pays it on the page that this page links to (ShowContext)"},
		{"SEPADD", byDebit, "needs iBan; answers P, and success with its notification two seconds later"},
		{"WebMoney", byNumber, "needs prepaidNumber; pays at once, unless the number ends in 0000: declined, 20051"},
	}
}

// localFacts is what a payment by a local method is made with. Account and number of the payer are gone with the request.
type localFacts struct {
	localMethod

	until time.Time // when nobody can pay any more
	empty bool      // the prepaid number has no money
}

type wireLocal struct {
	LpmsType      string `json:"lpmsType"`
	BankName      string `json:"bankName"`
	IBAN          string `json:"iBan"`
	PrepaidNumber string `json:"prepaidNumber"`
}

// readLocal checks a doTransaction by a local method (Onerway contract §7, §8.1).
func (s *Server) readLocal(req saleRequest, params map[string]any) (saleRequest, error) {
	if err := checkShape(params, s.cfg.Strict); err != nil {
		return saleRequest{}, err
	}
	if req.subProductType != "DIRECT" || req.txnType != "SALE" {
		return saleRequest{}, refuse(codeUnsupported, "transaction type not supported: %s %s %s",
			req.productType, req.subProductType, req.txnType)
	}
	for _, step := range []func(*saleRequest, map[string]any) error{s.readMoney, s.readAddresses, s.readOrder, s.readLpmsInfo} {
		if err := step(&req, params); err != nil {
			return saleRequest{}, err
		}
	}
	return req, nil
}

func (s *Server) readLpmsInfo(req *saleRequest, params map[string]any) error {
	for _, name := range []string{"cardInfo", "tokenInfo", "mpiInfo", "risk3dsStrategy"} {
		if s.cfg.Strict && param(params, name) != "" {
			return refuse(codeRejected, "%s is not a parameter of local payment methods", name)
		}
	}
	var info wireLocal
	if err := decodeNested("lpmsInfo", param(params, "lpmsInfo"), &info); err != nil {
		return err
	}
	if len(info.LpmsType) > 64 || len(info.BankName) > 128 || len(info.IBAN) > 64 {
		return refuse(codeRejected, "lpmsInfo: a member is too long")
	}
	for _, method := range localMethods() {
		if method.lpmsType != info.LpmsType {
			continue
		}
		if method.way == byDebit && info.IBAN == "" {
			return refuse(codeRejected, "lpmsInfo.iBan is required")
		}
		if method.way == byNumber && info.PrepaidNumber == "" {
			return refuse(codeRejected, "lpmsInfo.prepaidNumber is required")
		}
		req.local = &localFacts{
			localMethod: method, until: s.now().Add(s.scaled(challengeLifetime)), empty: strings.HasSuffix(info.PrepaidNumber, "0000"),
		}
		return nil
	}
	return refuse(codeUnsupported, "lpmsType not supported")
}

// decideLocal settles where a payment by a local method stands at first.
func (t *transaction) decideLocal() {
	switch t.local.way {
	case byPage, byCode, byText:
		t.status = statusAction
	case byDebit:
		t.status = statusProcessing
	case byNumber:
		t.status, t.reason = statusSuccess, success()
		if t.local.empty {
			t.status, t.reason = statusFailed, reason{"20051", "Insufficient funds"}
		}
	}
}

// planLocal is what becomes of a debit by itself, unless a fault says otherwise.
func (p *plan) planLocal(local *localFacts) {
	if local != nil && local.way == byDebit && p.outcome == nil && p.settle == nil {
		p.settle = &settlement{outcome: outcome{status: statusSuccess, reason: success()}, after: settleDelay}
	}
}

// askedFor is what the answer asks of the shopper: the members redirectUrl, codeForm, presentContext and actionType.
func (t transaction) askedFor() (page, code, voucher, action any) {
	if t.status != statusAction || t.redirectURL == "" {
		return text(t.redirectURL), nil, nil, nil
	}
	switch {
	case t.local == nil || t.local.way == byPage:
		return t.redirectURL, nil, nil, "RedirectURL"
	case t.local.way == byCode:
		return nil, t.codeForm(), nil, "QrCode"
	default:
		return nil, nil, t.voucher(), "ShowContext"
	}
}

// codeForm is the code to scan: JSON in a string, as everything nested is. Its details are as those of Alipay+ order codes
// [sim]: no source shows them.
func (t transaction) codeForm() any {
	form, err := object{
		{"expireTime", t.local.until.In(zone()).Format(time.RFC3339)},
		{"codeDetails", []object{{{"codeValue", t.redirectURL}, {"displayType", "TEXT"}}}},
	}.json()
	if err != nil {
		return nil // three strings always encode
	}
	return string(form)
}

// voucher is what a person takes to a till. Its number is the end of the transaction's.
func (t transaction) voucher() string {
	number := t.id[len(t.id)-12:]
	return "Voucher " + strings.Join([]string{number[:4], number[4:8], number[8:]}, " ") + "\n" +
		"Pay " + t.amountText() + " " + t.currency + " with this number at a till of the sandbox, until " +
		wireTimeOf(t.local.until) + " " + wireZone + "."
}

// methodName is what the payment was made with, as rows and notifications tell it.
func (t transaction) methodName() string {
	if t.local != nil {
		return t.local.lpmsType
	}
	return t.card.brand
}
