package onerway

import (
	"context"
	"net/http"
	"regexp"
	"time"
)

// TxnType says what a transaction does.
type TxnType string

// The transaction types of DoTransaction (§6).
const (
	TxnSale TxnType = "SALE"
	TxnAuth TxnType = "AUTH"
)

// SubProductType says what a transaction is paid with.
type SubProductType string

// The sub-product types of DoTransaction (§8.1).
const (
	SubProductDirect    SubProductType = "DIRECT"
	SubProductToken     SubProductType = "TOKEN"
	SubProductSubscribe SubProductType = "SUBSCRIBE"
)

// Risk3DSStrategy says who decides about 3-D Secure.
type Risk3DSStrategy string

// The 3-D Secure strategies (§6).
const (
	Risk3DSDefault  Risk3DSStrategy = "DEFAULT"
	Risk3DSInner    Risk3DSStrategy = "INNER"
	Risk3DSExternal Risk3DSStrategy = "EXTERNAL"
	Risk3DSNone     Risk3DSStrategy = "NONE"
)

// SaleRequest is one payment by card or local payment method, or a pre-authorization (§8.1), in the provider's words. Empty
// members are not sent.
type SaleRequest struct {
	MerchantTxnID         string // new for every request
	MerchantTxnOriginalID string // the order: the provider lets one transaction of it succeed
	MerchantCustID        string
	MerchantTxnTime       time.Time // default: now
	SubProductType        SubProductType
	TxnType               TxnType
	OrderAmount           string // decimal text in major units
	OrderCurrency         string // ISO 4217, upper case
	Card                  *CardInfo
	Token                 *TokenInfo
	LPMS                  *LPMSInfo            // a local payment method, which makes the product type LPMS
	Subscription          *SubscriptionTerms   // of SUBSCRIBE by card: the purchase that begins a subscription
	Renewal               *SubscriptionRenewal // of SUBSCRIBE by token: one later charge, without addresses and return address
	MPI                   *MPIInfo             // with Risk3DSExternal, and only then
	Risk3DSStrategy       Risk3DSStrategy
	Billing               *Address
	Shipping              *Address
	Order                 TxnOrderMsg
}

// CardInfo is a card as the shopper typed it (§7).
type CardInfo struct {
	HolderName Sensitive
	CardNumber Sensitive
	Month      string // two digits
	Year       string // two or four digits
	CVV        Sensitive
}

// TokenInfo is a stored card, or a wallet's token with its provider.
type TokenInfo struct {
	TokenID  Sensitive
	Provider string
}

// MPIInfo is the result of an authentication that the merchant ran.
type MPIInfo struct {
	ECI       string
	CAVV      Sensitive
	XID       string // 3DS 1
	DSTransID string // 3DS 2
}

// Address is a billing or shipping address (§7). Email and Country are required; Province is for US, CA and CN.
type Address struct {
	FirstName      string `json:"firstName,omitempty"`
	LastName       string `json:"lastName,omitempty"`
	Phone          string `json:"phone,omitempty"`
	Email          string `json:"email"`
	PostalCode     string `json:"postalCode,omitempty"`
	Address        string `json:"address,omitempty"`
	Country        string `json:"country"`
	Province       string `json:"province,omitempty"`
	City           string `json:"city,omitempty"`
	Street         string `json:"street,omitempty"`
	Number         string `json:"number,omitempty"`
	IdentityNumber string `json:"identityNumber,omitempty"`
	BirthDate      string `json:"birthDate,omitempty"`
}

// TxnOrderMsg is what is bought, where answers go and, for 3DS, the shopper's browser (§7). The client adds appId.
type TxnOrderMsg struct {
	ReturnURL        string
	NotifyURL        string
	Products         Products
	TransactionIP    string
	JavaEnabled      *bool
	ColorDepth       string
	ScreenHeight     string
	ScreenWidth      string
	TimeZoneOffset   string
	ContentLength    string
	Language         string
	Accept           string
	UserAgent        string
	CustomerPlatform string
}

// Product is one order line. Price times Num over all lines must sum to the order's amount; a discount's is negative.
type Product struct {
	Name             string `json:"name"`
	Price            string `json:"price"`
	Num              string `json:"num"`
	Currency         string `json:"currency"`
	ProductAvatarURL string `json:"productAvatarUrl,omitempty"`
	Desc             string `json:"desc,omitempty"`
	Type             string `json:"type,omitempty"`
}

// MaxProducts is the most characters that Products.Encode may come to.
const MaxProducts = 1024

// Products are the order lines.
type Products []Product

// Encode is the JSON text that the provider limits to MaxProducts characters.
func (p Products) Encode() (string, error) { return compactJSON(p) }

// SaleResponse is a verified answer to a payment, a capture or a void: its data was signed by the provider. RespCode and
// RespMsg are outside that signature. Ask Outcome what happened; a nil error says only that the answer is genuine.
type SaleResponse struct {
	RespCode string
	RespMsg  string

	TransactionID         string
	MerchantTxnID         string
	PaymentID             string
	PaymentStatus         string
	ResponseTime          string
	TxnTime               string
	TxnTimeZone           string
	OrderAmount           string
	OrderCurrency         string
	TxnAmount             string
	TxnCurrency           string
	Status                string // the provider's letter
	RedirectURL           string
	ActionType            string
	ContractID            Sensitive // of a subscription, with TokenID
	TokenID               Sensitive
	ECI                   string
	SubscriptionManageURL string

	Rule       ResponseRule // how the signature was found good; anything but RuleStandard deserves a log line
	Fields     Fields       // all members of data
	BodyDigest string       // SHA-256 of the body, hex
}

// Outcome is what the answer says about the transaction. Letters and codes that contradict each other, and a required
// action that nobody could perform, are unknown.
func (r SaleResponse) Outcome() Status {
	status := ParseStatus(r.Status)
	switch {
	case status == StatusFailed:
		return status
	case r.RespCode != CodeApproved:
		return StatusUnknown
	case status == StatusRequiresAction:
		if _, possible := r.Action(); !possible {
			return StatusUnknown
		}
	}
	return status
}

// Decline explains an Outcome of StatusFailed.
func (r SaleResponse) Decline() Decline { return DeclineOf(r.RespCode) }

// DoTransaction sends one payment (§8.1), exactly once. Its errors are of type *Error: after NeverSent and Refused
// there is no transaction; after Unknown there may be one.
func (c *Client) DoTransaction(ctx context.Context, request SaleRequest) (SaleResponse, error) {
	const op = "doTransaction"
	scrub := request.scrubber()
	fields, err := c.saleFields(request)
	if err != nil {
		return SaleResponse{}, invalidRequest(op, err)
	}
	got, err := c.call(ctx, op, "/v1/txn/doTransaction", fields, scrub)
	if err != nil {
		return SaleResponse{}, err
	}
	response, err := c.verified(op, request.MerchantTxnID, got, scrub)
	if err == nil && request.Renewal.contradicts(response) {
		return SaleResponse{}, got.doubt(op, ReasonMismatch, nil)
	}
	return response, err
}

// verified reads the signed transaction out of an answer to the request of that id (§3.3). What is not signed, or is about
// something else, proves nothing.
func (c *Client) verified(op, merchantTxnID string, got answer, scrub scrubber) (SaleResponse, error) {
	if got.data == "" {
		return SaleResponse{}, got.withoutData(op)
	}
	data, err := parseFields(got.data)
	if err != nil {
		return SaleResponse{}, got.doubt(op, ReasonUnreadable, err)
	}
	rule, err := VerifyResponse(data, c.secrets)
	if err != nil {
		return SaleResponse{}, got.doubt(op, ReasonBadSignature, err)
	}
	if !c.concerns(merchantTxnID, data) {
		return SaleResponse{}, got.doubt(op, ReasonMismatch, nil)
	}
	scrub.fields(data)
	return newSaleResponse(got, data, rule), nil
}

// doubt is an answer that leaves open what happened.
func (a answer) doubt(op string, reason Reason, cause error) *Error {
	return &Error{
		Class: Unknown, Reason: reason, Op: op, HTTPStatus: http.StatusOK,
		RespCode: a.respCode, RespMsg: a.respMsg, cause: cause,
	}
}

var transactionID = regexp.MustCompile(`^[0-9]{1,20}$`)

// concerns tells whether an answer can be about this request. The signature has no nonce: an answer to another request
// verifies as well. A decline may come without an id, nothing else may.
func (c *Client) concerns(merchantTxnID string, data Fields) bool {
	sameOrEmpty := func(name, ours string) bool { return data[name] == "" || data[name] == ours }
	id := data["transactionId"]
	return sameOrEmpty("merchantNo", c.merchantNo) &&
		sameOrEmpty("merchantTxnId", merchantTxnID) &&
		(transactionID.MatchString(id) || id == "" && ParseStatus(data["status"]) == StatusFailed)
}

func newSaleResponse(got answer, data Fields, rule ResponseRule) SaleResponse {
	return SaleResponse{
		RespCode:              got.respCode,
		RespMsg:               got.respMsg,
		TransactionID:         data["transactionId"],
		MerchantTxnID:         data["merchantTxnId"],
		PaymentID:             data["paymentId"],
		PaymentStatus:         data["paymentStatus"],
		ResponseTime:          data["responseTime"],
		TxnTime:               data["txnTime"],
		TxnTimeZone:           data["txnTimeZone"],
		OrderAmount:           data["orderAmount"],
		OrderCurrency:         data["orderCurrency"],
		TxnAmount:             data["txnAmount"],
		TxnCurrency:           data["txnCurrency"],
		Status:                data["status"],
		RedirectURL:           data["redirectUrl"],
		ActionType:            data["actionType"],
		ContractID:            Conceal(data["contractId"]),
		TokenID:               Conceal(data["tokenId"]),
		ECI:                   data["eci"],
		SubscriptionManageURL: data["subscriptionManageUrl"],
		Rule:                  rule,
		Fields:                data,
		BodyDigest:            got.digest,
	}
}
