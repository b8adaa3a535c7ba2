package onerway

import (
	"errors"
	"fmt"
	"regexp"
	"time"
	"unicode/utf8"
)

var (
	amountText   = regexp.MustCompile(`^[0-9]{1,16}(\.[0-9]{1,2})?$`)
	currencyText = regexp.MustCompile(`^[A-Z]{3}$`)
)

// commonRequest is what a payment and a checkout session have in common (§8.1, §8.2).
type commonRequest struct {
	merchantTxnID, originalID, custID string
	at                                time.Time
	txnType                           TxnType
	amount, currency                  string
	billing, shipping                 *Address
	order                             TxnOrderMsg
	renewal                           bool // needs neither addresses nor a way back: nobody is there to take it
}

func (r commonRequest) check() error {
	least := 1
	if r.renewal {
		least = 0
	}
	faults := []error{
		lengthFault("merchantTxnId", r.merchantTxnID, 1, 64),
		lengthFault("merchantTxnOriginalId", r.originalID, 0, 128),
		lengthFault("merchantCustId", r.custID, 0, 50),
		lengthFault("returnUrl", r.order.ReturnURL, least, 256),
		lengthFault("notifyUrl", r.order.NotifyURL, least, 256),
	}
	refuse := refusals(&faults)
	refuse(!amountText.MatchString(r.amount), "orderAmount is not a decimal of at most two places")
	refuse(!currencyText.MatchString(r.currency), "orderCurrency is not three capital letters")
	refuse(r.txnType != TxnSale && r.txnType != TxnAuth, "txnType is neither SALE nor AUTH")
	refuse(len(r.order.Products) == 0, "products are missing")
	for _, address := range []*Address{r.billing, r.shipping} {
		missing := address == nil && !r.renewal
		refuse(missing || address != nil && (address.Email == "" || address.Country == ""), "an address needs email and country")
	}
	return errors.Join(faults...)
}

// refusals collects what is wrong with a request.
func refusals(faults *[]error) func(wrong bool, text string) {
	return func(wrong bool, text string) {
		if wrong {
			*faults = append(*faults, errors.New(text))
		}
	}
}

func (r SaleRequest) common() commonRequest {
	return commonRequest{
		merchantTxnID: r.MerchantTxnID, originalID: r.MerchantTxnOriginalID, custID: r.MerchantCustID, at: r.MerchantTxnTime,
		txnType: r.TxnType, amount: r.OrderAmount, currency: r.OrderCurrency, billing: r.Billing, shipping: r.Shipping, order: r.Order,
		renewal: r.Renewal != nil,
	}
}

// check refuses what the contract forbids before it reaches the wire, where a mistake costs a failed payment.
func (r SaleRequest) check() error {
	faults := []error{r.common().check()}
	refuse := refusals(&faults)
	subscribes := r.Subscription != nil || r.Renewal != nil
	refuse(subscribes != (r.SubProductType == SubProductSubscribe), "a subscription goes with subProductType SUBSCRIBE, and only with it")
	refuse(r.Renewal == nil && r.instruments() != 1, "exactly one of card, token and local payment method pays")
	if r.LPMS != nil {
		faults = append(faults, r.checkLocal())
	}
	switch r.SubProductType {
	case SubProductDirect: // by card, by a wallet's token, or by a local method
	case SubProductToken:
		refuse(r.Token == nil, "subProductType TOKEN needs a token")
	case SubProductSubscribe:
		faults = append(faults, r.checkSubscribe())
	default:
		refuse(true, "subProductType is none of DIRECT, TOKEN and SUBSCRIBE")
	}
	refuse((r.MPI != nil) != (r.Risk3DSStrategy == Risk3DSExternal), "mpiInfo goes with strategy EXTERNAL, and only with it")
	return errors.Join(faults...)
}

func (r SaleRequest) instruments() int {
	given := 0
	for _, isGiven := range [...]bool{r.Card != nil, r.Token != nil, r.LPMS != nil} {
		if isGiven {
			given++
		}
	}
	return given
}

func lengthFault(name, value string, least, most int) error {
	if length := utf8.RuneCountInString(value); length < least || length > most {
		return fmt.Errorf("%s has %d characters, not %d to %d", name, length, least, most)
	}
	return nil
}

// commonFields is the wire form of what requests have in common.
func (c *Client) commonFields(r commonRequest) (Fields, error) {
	at := r.at
	if at.IsZero() {
		at = c.now()
	}
	fields := Fields{
		"merchantTxnId":       r.merchantTxnID,
		"merchantTxnTime":     formatTime(at, c.zone),
		"merchantTxnTimeZone": c.zoneText,
		"txnType":             string(r.txnType),
		"orderAmount":         r.amount,
		"orderCurrency":       r.currency,
	}
	fields.set("merchantTxnOriginalId", r.originalID)
	fields.set("merchantCustId", r.custID)
	return fields, errors.Join(
		setNested(fields, "billingInformation", r.billing),
		setNested(fields, "shippingInformation", r.shipping),
		c.setOrder(fields, r.order),
	)
}

// saleFields is the request's wire form before merchantNo and sign.
func (c *Client) saleFields(request SaleRequest) (Fields, error) {
	if err := request.check(); err != nil {
		return nil, err
	}
	fields, err := c.commonFields(request.common())
	if err != nil {
		return nil, err
	}
	product := ProductCard
	if request.LPMS != nil {
		product = ProductLPMS
	}
	fields["productType"], fields["subProductType"] = string(product), string(request.SubProductType)
	fields.set("risk3dsStrategy", string(request.Risk3DSStrategy))
	return fields, errors.Join(
		setNested(fields, "cardInfo", wireCardOf(request.Card)),
		setNested(fields, "tokenInfo", wireTokenOf(request.Token)),
		setNested(fields, "lpmsInfo", wireLPMSOf(request.LPMS)),
		setNested(fields, "mpiInfo", wireMPIOf(request.MPI)),
		setNested(fields, "subscription", wireTermsOf(request.MerchantCustID, request.Subscription)),
		setNested(fields, "subscription", wireRenewalOf(request.MerchantCustID, request.Renewal)),
	)
}

// setNested adds an object as the compact JSON string that the provider expects and signs.
func setNested[T any](fields Fields, name string, value *T) error {
	if value == nil {
		return nil
	}
	text, err := compactJSON(value)
	if err != nil {
		return fmt.Errorf("encode %s: %w", name, err)
	}
	fields[name] = text
	return nil
}

// scrubber collects what must not come back out of an answer's free text.
func (r SaleRequest) scrubber() scrubber {
	var secrets scrubber
	if r.Card != nil {
		secrets.cardNumber = r.Card.CardNumber
		secrets.others = append(secrets.others, r.Card.CVV, r.Card.HolderName)
	}
	if r.Token != nil {
		secrets.others = append(secrets.others, r.Token.TokenID)
	}
	if r.LPMS != nil {
		secrets.accounts = append(secrets.accounts, r.LPMS.IBAN, r.LPMS.PrepaidNumber)
	}
	if r.Renewal != nil {
		secrets.others = append(secrets.others, r.Renewal.ContractID, r.Renewal.TokenID)
	}
	if r.MPI != nil {
		secrets.others = append(secrets.others, r.MPI.CAVV)
	}
	return secrets
}

// The wire types below are the only ones that hold revealed values, and they live no longer than their encoding.

type wireCard struct {
	HolderName string `json:"holderName"`
	CardNumber string `json:"cardNumber"`
	Month      string `json:"month"`
	Year       string `json:"year"`
	CVV        string `json:"cvv"`
}

func wireCardOf(card *CardInfo) *wireCard {
	if card == nil {
		return nil
	}
	return &wireCard{
		HolderName: card.HolderName.Reveal(), CardNumber: card.CardNumber.Reveal(),
		Month: card.Month, Year: card.Year, CVV: card.CVV.Reveal(),
	}
}

type wireToken struct {
	TokenID  string `json:"tokenId"`
	Provider string `json:"provider,omitempty"`
}

func wireTokenOf(token *TokenInfo) *wireToken {
	if token == nil {
		return nil
	}
	return &wireToken{TokenID: token.TokenID.Reveal(), Provider: token.Provider}
}

type wireMPI struct {
	ECI       string `json:"eci"`
	CAVV      string `json:"cavv"`
	XID       string `json:"xid,omitempty"`
	DSTransID string `json:"dsTransID,omitempty"`
}

func wireMPIOf(mpi *MPIInfo) *wireMPI {
	if mpi == nil {
		return nil
	}
	return &wireMPI{ECI: mpi.ECI, CAVV: mpi.CAVV.Reveal(), XID: mpi.XID, DSTransID: mpi.DSTransID}
}

// wireOrder is txnOrderMsg: products travel as a JSON string inside it, javaEnabled alone as a real boolean (§2.2).
type wireOrder struct {
	ReturnURL        string `json:"returnUrl,omitempty"`
	NotifyURL        string `json:"notifyUrl,omitempty"`
	AppID            string `json:"appId"`
	Products         string `json:"products"`
	TransactionIP    string `json:"transactionIp,omitempty"`
	JavaEnabled      *bool  `json:"javaEnabled,omitempty"`
	ColorDepth       string `json:"colorDepth,omitempty"`
	ScreenHeight     string `json:"screenHeight,omitempty"`
	ScreenWidth      string `json:"screenWidth,omitempty"`
	TimeZoneOffset   string `json:"timeZoneOffset,omitempty"`
	ContentLength    string `json:"contentLength,omitempty"`
	Language         string `json:"language,omitempty"`
	Accept           string `json:"accept,omitempty"`
	UserAgent        string `json:"userAgent,omitempty"`
	CustomerPlatform string `json:"customerPlatform,omitempty"`
}

func (c *Client) setOrder(fields Fields, order TxnOrderMsg) error {
	products, err := order.Products.Encode()
	if err != nil {
		return fmt.Errorf("encode products: %w", err)
	}
	if err := lengthFault("products", products, 1, MaxProducts); err != nil {
		return err
	}
	return setNested(fields, "txnOrderMsg", &wireOrder{
		ReturnURL: order.ReturnURL, NotifyURL: order.NotifyURL, AppID: c.appID, Products: products,
		TransactionIP: order.TransactionIP, JavaEnabled: order.JavaEnabled, ColorDepth: order.ColorDepth,
		ScreenHeight: order.ScreenHeight, ScreenWidth: order.ScreenWidth, TimeZoneOffset: order.TimeZoneOffset,
		ContentLength: order.ContentLength, Language: order.Language, Accept: order.Accept,
		UserAgent: order.UserAgent, CustomerPlatform: order.CustomerPlatform,
	})
}
