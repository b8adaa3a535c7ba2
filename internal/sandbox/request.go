package sandbox

import (
	"net/netip"
	"net/url"
	"regexp"
	"slices"
)

var (
	emailShape   = regexp.MustCompile(`^[^@\s]+@[^@\s]+$`)
	countryShape = regexp.MustCompile(`^[A-Z]{2}$`)
	moneyCode    = regexp.MustCompile(`^[A-Z]{3}$`)
)

// saleRequest is a doTransaction that passed every check. The card number is gone: behavior and cardFacts stand
// for it.
type saleRequest struct {
	merchantTxnID, originalID, custID    string
	productType, subProductType, txnType string
	amount                               int64
	currency                             string
	strategy                             string
	mpiECI                               string
	email                                string
	returnURL, notifyURL, appID          string
	card                                 cardFacts
	expMonth, expYear                    string
	tokenID                              string // of a card that the provider keeps
	insists                              bool   // on 3DS: the purchase that begins a subscription does
	charge                               *chargeFacts
	local                                *localFacts // of a payment by a local method
	behavior                             behavior
}

type wireAddress struct {
	Email    string `json:"email"`
	Country  string `json:"country"`
	Province string `json:"province"`
}

type wireOrder struct {
	ReturnURL     string `json:"returnUrl"`
	NotifyURL     string `json:"notifyUrl"`
	Products      string `json:"products"`
	AppID         string `json:"appId"`
	TransactionIP string `json:"transactionIp"`
	JavaEnabled   any    `json:"javaEnabled"`
}

type wireProduct struct {
	Name     string `json:"name"`
	Price    string `json:"price"`
	Num      string `json:"num"`
	Currency string `json:"currency"`
}

// param is a top-level parameter as text.
func param(params map[string]any, name string) string { return signedText(params[name]) }

// subProductToken is a payment with a card that the provider keeps.
const subProductToken = "TOKEN"

// readSale checks a doTransaction and reads what the sandbox needs of it.
func (s *Server) readSale(params map[string]any) (saleRequest, error) {
	req := saleRequest{
		merchantTxnID:  param(params, "merchantTxnId"),
		originalID:     param(params, "merchantTxnOriginalId"),
		custID:         param(params, "merchantCustId"),
		productType:    param(params, "productType"),
		subProductType: param(params, "subProductType"),
		txnType:        param(params, "txnType"),
		currency:       param(params, "orderCurrency"),
		strategy:       orElse(param(params, "risk3dsStrategy"), "DEFAULT"),
	}
	if req.subProductType == subProductSubscribe {
		return s.readSubscribe(req, params)
	}
	if req.productType == productLocal {
		return s.readLocal(req, params)
	}
	if err := checkShape(params, s.cfg.Strict); err != nil {
		return saleRequest{}, err
	}
	readInstrument := s.readCard
	direct := req.subProductType == "DIRECT" && (req.txnType == "SALE" || req.txnType == "AUTH")
	byToken := req.subProductType == subProductToken && req.txnType == "SALE"
	if byToken {
		readInstrument = s.readToken
	}
	if req.productType != "CARD" || (!direct && !byToken) {
		return saleRequest{}, refuse(codeUnsupported, "transaction type not supported: %s %s %s",
			req.productType, req.subProductType, req.txnType)
	}
	steps := []func(*saleRequest, map[string]any) error{
		s.readMoney, s.readAddresses, s.readOrder, s.readStrategy, readInstrument,
	}
	for _, step := range steps {
		if err := step(&req, params); err != nil {
			return saleRequest{}, err
		}
	}
	return req, nil
}

func (s *Server) readMoney(req *saleRequest, params map[string]any) error {
	if !moneyCode.MatchString(req.currency) {
		return refuse(codeRejected, "orderCurrency must be an ISO 4217 code")
	}
	if threeDecimal(req.currency) {
		return refuse(codeRejected, "orderCurrency %s is not supported", req.currency)
	}
	amount, err := parseAmount(param(params, "orderAmount"), req.currency)
	if err != nil {
		return err
	}
	if least := minimum(req.currency); amount < least {
		return refuse(codeRejected, "orderAmount is below the minimum of %s %s", formatAmount(least, req.currency), req.currency)
	}
	req.amount = amount
	return nil
}

func (s *Server) readAddresses(req *saleRequest, params map[string]any) error {
	for _, name := range []string{"billingInformation", "shippingInformation"} {
		var address wireAddress
		if err := decodeNested(name, param(params, name), &address); err != nil {
			return err
		}
		switch {
		case !emailShape.MatchString(address.Email) || len(address.Email) > 256:
			return refuse(codeRejected, "%s.email is required", name)
		case !countryShape.MatchString(address.Country):
			return refuse(codeRejected, "%s.country must be an ISO 3166 alpha-2 code", name)
		case (address.Country == "US" || address.Country == "CA") && address.Province == "":
			return refuse(codeInvalidState, "%s.province: invalid state for US, CA or CN", name)
		}
		if name == "billingInformation" {
			req.email = address.Email
		}
	}
	return nil
}

func (s *Server) readOrder(req *saleRequest, params map[string]any) error {
	var order wireOrder
	if err := decodeNested("txnOrderMsg", param(params, "txnOrderMsg"), &order); err != nil {
		return err
	}
	if order.AppID != s.cfg.AppID {
		return refuse(codeInvalidAppID, "appId invalid")
	}
	attended := req.charge == nil || req.charge.terms != nil // a renewal needs no addresses: nobody is there to come back
	if order.ReturnURL != "" || attended {
		if err := s.checkURL(order.ReturnURL); err != nil {
			return err
		}
	}
	order.NotifyURL = orElse(order.NotifyURL, s.cfg.NotifyURL)
	if order.NotifyURL != "" || (s.cfg.Strict && attended) {
		if err := s.checkURL(order.NotifyURL); err != nil {
			return err
		}
	}
	if order.TransactionIP != "" {
		if _, err := netip.ParseAddr(order.TransactionIP); err != nil {
			return refuse(codeInvalidIP, "invalid transactionIp")
		}
	}
	if _, isBool := order.JavaEnabled.(bool); s.cfg.Strict && order.JavaEnabled != nil && !isBool {
		return refuse(codeUnreadable, "txnOrderMsg.javaEnabled must be a JSON boolean")
	}
	req.returnURL, req.notifyURL, req.appID = order.ReturnURL, order.NotifyURL, order.AppID
	if req.charge != nil {
		req.charge.products = order.Products
	}
	return s.checkProducts(order.Products, req)
}

// checkURL is the provider's allow-list of domains, code 13003.
func (s *Server) checkURL(raw string) error {
	parsed, err := url.Parse(raw)
	invalid := err != nil || parsed.Hostname() == "" || (parsed.Scheme != "https" && parsed.Scheme != "http")
	registered := invalid || len(s.cfg.RegisteredHosts) == 0 || slices.Contains(s.cfg.RegisteredHosts, parsed.Hostname())
	if invalid || !registered || (s.cfg.Strict && len(raw) > 256) {
		return refuse(codeInvalidURL, "Invalid transaction URL")
	}
	return nil
}

func (s *Server) readStrategy(req *saleRequest, params map[string]any) error {
	switch req.strategy {
	case "DEFAULT", "INNER", "NONE":
		return nil
	case "EXTERNAL":
	default:
		return refuse(codeRejected, "risk3dsStrategy is not one of DEFAULT, INNER, EXTERNAL, NONE")
	}
	var mpi struct {
		ECI       string `json:"eci"`
		CAVV      string `json:"cavv"`
		XID       string `json:"xid"`
		DSTransID string `json:"dsTransID"`
	}
	if err := decodeNested("mpiInfo", orElse(param(params, "mpiInfo"), "{}"), &mpi); err != nil {
		return err
	}
	if mpi.ECI == "" || len(mpi.ECI) > 2 || mpi.CAVV == "" || (mpi.XID == "" && mpi.DSTransID == "") {
		return refuse(codeRejected, "mpiInfo needs eci, cavv and xid or dsTransID")
	}
	req.mpiECI = mpi.ECI
	return nil
}
