package onerway

import (
	"encoding/json"
	"errors"
	"fmt"
	"time"
)

// The longest that a shopper can be asked to read: what a QR code holds at most, and a page of text. What is longer is not
// shown in part, for half of a code or of a voucher is none.
const (
	maxCode    = 4296
	maxContext = 4096
)

// LPMSInfo says which local payment method pays, and what some of them have to know of the payer (§7).
type LPMSInfo struct {
	Type          string // the provider's name of the method: lpmsType
	BankName      string
	IBAN          Sensitive
	PrepaidNumber Sensitive // its length is not stated; no longer than an IBAN's here
}

func (i *LPMSInfo) check() error {
	if i == nil {
		return nil
	}
	return errors.Join(
		lengthFault("lpmsType", i.Type, 1, 64),
		lengthFault("bankName", i.BankName, 0, 128),
		lengthFault("iBan", i.IBAN.Reveal(), 0, 64),
		lengthFault("prepaidNumber", i.PrepaidNumber.Reveal(), 0, 64),
	)
}

// checkLocal holds a sale by a local method to its one combination (§8.1): there is no card, so nothing of one either.
func (r SaleRequest) checkLocal() error {
	faults := []error{r.LPMS.check()}
	refuse := refusals(&faults)
	refuse(r.SubProductType != SubProductDirect || r.TxnType != TxnSale, "a local payment method goes with DIRECT and SALE, and only with them")
	refuse(r.MPI != nil || r.Risk3DSStrategy != "", "a local payment method has no 3-D Secure")
	return errors.Join(faults...)
}

type wireLPMS struct {
	Type          string `json:"lpmsType"`
	BankName      string `json:"bankName,omitempty"`
	IBAN          string `json:"iBan,omitempty"`
	PrepaidNumber string `json:"prepaidNumber,omitempty"`
}

func wireLPMSOf(info *LPMSInfo) *wireLPMS {
	if info == nil {
		return nil
	}
	return &wireLPMS{Type: info.Type, BankName: info.BankName, IBAN: info.IBAN.Reveal(), PrepaidNumber: info.PrepaidNumber.Reveal()}
}

// Action is what an answer asks the shopper to do: to go to a page (RedirectURL), to scan a code (Code, CodeImageURL or both,
// with the end of its life where that is known), or to follow a text (Text).
type Action struct {
	RedirectURL  string
	Code         string // what the code says
	CodeImageURL string // a picture of it
	ExpiresAt    time.Time
	Text         string
}

// Action is what the answer asks the shopper to do; false where that is not in the contract, or lacks what it needs. An answer
// that names no actionType, as older ones do, and those of the checkout page, can only mean its page.
func (r SaleResponse) Action() (Action, bool) {
	switch r.ActionType {
	case "", "RedirectURL":
		return Action{RedirectURL: r.RedirectURL}, r.RedirectURL != ""
	case "QrCode":
		action, err := parseCodeForm(r.Fields["codeForm"])
		return action, err == nil
	case "ShowContext":
		text := r.Fields["presentContext"]
		return Action{Text: text}, text != "" && text != withheldText && len(text) <= maxContext
	default:
		return Action{}, false
	}
}

// parseCodeForm reads a code that is to be shown (§6). No source shows the members of its details [judgement]: they are read as
// those of the interface whose form it has, Alipay+ order codes, where displayType says whether codeValue is the code's text or
// the address of a picture. A detail of another kind is not shown, and without one that is there is nothing to scan.
func parseCodeForm(text string) (Action, error) {
	form, err := parseObject(text)
	if err != nil {
		return Action{}, err
	}
	var action Action
	if action.ExpiresAt, err = parseExpiry(form["expireTime"]); err != nil {
		return Action{}, err
	}
	var details []json.RawMessage
	if err := json.Unmarshal([]byte(form["codeDetails"]), &details); err != nil {
		return Action{}, fmt.Errorf("%w: codeDetails is no list", ErrMalformed)
	}
	for _, raw := range details {
		detail, err := ParseFields(raw)
		if err != nil {
			return Action{}, err
		}
		value := detail["codeValue"]
		switch detail["displayType"] {
		case "", "TEXT":
			set(&action.Code, value)
		case "SMALLIMAGE", "MIDDLEIMAGE", "BIGIMAGE":
			set(&action.CodeImageURL, value)
		}
	}
	if action.Code == "" && action.CodeImageURL == "" || len(action.Code) > maxCode {
		return Action{}, fmt.Errorf("%w: no code to show", ErrMalformed)
	}
	return action, nil
}

// set keeps the first value that there is.
func set(to *string, value string) {
	if *to == "" {
		*to = value
	}
}

// parseExpiry reads the time as a member's value is written; the zero time where there is none.
func parseExpiry(value string) (time.Time, error) {
	text, err := signedText(value)
	if err != nil || text == "" {
		return time.Time{}, err
	}
	for _, layout := range [...]string{time.RFC3339, "2006-01-02T15:04:05Z0700"} {
		if at, err := time.Parse(layout, text); err == nil {
			return at, nil
		}
	}
	return time.Time{}, fmt.Errorf("%w: expireTime is no time with an offset", ErrMalformed)
}
