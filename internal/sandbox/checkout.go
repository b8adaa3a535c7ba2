package sandbox

import (
	"context"
	"crypto/rand"
	"encoding/hex"
	"time"
)

// checkoutPath is the page of a checkout session; its key stands in the query, in the provider's form: 32 hex digits.
const checkoutPath = "/checkout"

// checkoutFacts is what the transactions of one checkout session share. It does not change after the session was opened, so
// copies of a transaction may share it.
type checkoutFacts struct {
	key, page string
	expiresAt time.Time
	lines     []checkoutLine
	// outcome and settle are what faults ordered with the session make of every payment of it.
	outcome *outcome
	settle  *settlement
}

// checkoutLine is one line of what is bought, as the page shows it.
type checkoutLine struct{ Name, Quantity, Total string }

// openCheckout opens a session on the provider's own page (Onerway contract §8.2). Nothing is charged: its transaction waits
// for a shopper (U) until one pays, or until the session ends.
func (s *Server) openCheckout(params map[string]any, baseURL string, p *plan) reply {
	req, lines, err := s.readCheckout(params)
	if err != nil {
		return refused(err)
	}
	now := s.now()
	key := newCheckoutKey()
	made, isNew := s.ledger.add(transaction{
		saleRequest: req,
		merchantNo:  s.cfg.MerchantNo,
		status:      statusAwaiting,
		createdAt:   now,
		changedAt:   now,
		listedFrom:  now.Add(p.hidden),
		downUntil:   now.Add(p.queriesDown),
		notify:      p.notify,
		holdsFor:    s.scaled(s.cfg.AuthLifetime),
		checkout: &checkoutFacts{
			key: key, page: baseURL + checkoutPath + "?key=" + key, expiresAt: now.Add(s.scaled(checkoutLifetime)), lines: lines,
			outcome: p.outcome, settle: p.settle,
		},
	}, func(*transaction, bool) {})
	if !isNew {
		return s.duplicate(made)
	}
	s.agenda.add(made.checkout.expiresAt, func(context.Context) { s.closeCheckout(key) })
	rep := reply{reason: success(), data: made.checkoutAnswer(s.cfg.Sim), made: &made}
	if s.cfg.Sim.Duplicate == DuplicateReplayed {
		s.keepAnswer(made.id, rep)
	}
	return rep
}

// newCheckoutKey is a key that nobody guesses: who has it may pay.
func newCheckoutKey() string {
	key := make([]byte, 16)
	_, _ = rand.Read(key) // never fails: crypto/rand would end the process
	return hex.EncodeToString(key)
}

// readCheckout checks a session's request. It has no card: of cardInfo only the holder's name may stand there.
func (s *Server) readCheckout(params map[string]any) (saleRequest, []checkoutLine, error) {
	req := saleRequest{
		merchantTxnID:  param(params, "merchantTxnId"),
		originalID:     param(params, "merchantTxnOriginalId"),
		custID:         param(params, "merchantCustId"),
		productType:    param(params, "productType"),
		subProductType: param(params, "subProductType"),
		txnType:        param(params, "txnType"),
		currency:       param(params, "orderCurrency"),
		strategy:       "DEFAULT",
	}
	if err := s.checkCheckout(params); err != nil {
		return saleRequest{}, nil, err
	}
	known := (req.productType == "CARD" || req.productType == "ALL") && req.subProductType == "DIRECT" &&
		(req.txnType == "SALE" || req.txnType == txnAuth)
	if !known {
		return saleRequest{}, nil, refuse(codeUnsupported, "transaction type not supported: %s %s %s",
			req.productType, req.subProductType, req.txnType)
	}
	for _, step := range []func(*saleRequest, map[string]any) error{s.readMoney, s.readAddresses, s.readOrder} {
		if err := step(&req, params); err != nil {
			return saleRequest{}, nil, err
		}
	}
	lines, err := checkoutLines(params, req.currency)
	return req, lines, err
}

func (s *Server) checkCheckout(params map[string]any) error {
	for _, name := range requiredOfAll() {
		if param(params, name) == "" {
			return refuse(codeRejected, "%s is required", name)
		}
	}
	if info := param(params, "cardInfo"); info != "" {
		var card wireCard
		if err := decodeNested("cardInfo", info, &card); err != nil {
			return err
		}
		if card != (wireCard{HolderName: card.HolderName}) {
			return refuse(codeRejected, "cardInfo: only holderName is accepted here")
		}
	}
	if !s.cfg.Strict {
		return nil
	}
	for _, name := range []string{"paymentMode", "osType", "risk3dsStrategy", "tokenInfo"} {
		if param(params, name) != "" {
			return refuse(codeRejected, "%s is not a parameter of this endpoint", name)
		}
	}
	return checkLengths(params)
}

// checkoutLines are the lines of the order, for the page. What the lenient sandbox let pass is shown as it came.
func checkoutLines(params map[string]any, currency string) ([]checkoutLine, error) {
	var order wireOrder
	if err := decodeNested("txnOrderMsg", param(params, "txnOrderMsg"), &order); err != nil {
		return nil, err
	}
	var products []wireProduct
	if err := decodeNested("txnOrderMsg.products", order.Products, &products); err != nil {
		return nil, err
	}
	lines := make([]checkoutLine, 0, len(products))
	for _, p := range products {
		line := checkoutLine{Name: p.Name, Quantity: p.Num, Total: p.Price}
		if total, err := p.total(currency); err == nil {
			line.Total = signedAmount(total, currency)
		}
		lines = append(lines, line)
	}
	return lines, nil
}

// signedAmount writes an amount that may be a discount's.
func signedAmount(amount int64, currency string) string {
	if amount < 0 {
		return "−" + formatAmount(-amount, currency)
	}
	return formatAmount(amount, currency)
}

// checkoutAnswer is the data object of /txn/payment: the members of its table, in the order of its example.
func (t transaction) checkoutAnswer(sim SimOptions) object {
	data := object{
		{"transactionId", t.id},
		{"merchantTxnId", t.merchantTxnID},
		{"merchantNo", t.merchantNo},
		{"responseTime", ""},
		{"txnTime", ""},
		{"orderAmount", t.amountText()},
		{"orderCurrency", t.currency},
		{"txnAmount", ""},
		{"txnCurrency", nil},
		{"txnTimeZone", nil},
		{"status", string(t.status)},
		{"reason", nil},
		{"redirectUrl", t.checkout.page},
		{"sign", nil},
		{"contractId", ""},
		{"tokenId", nil},
		{"eci", nil},
		{"transactionOrderNo", nil},
		{"periodValue", nil},
		{"lpmsType", nil},
		{"qrCode", nil},
		{"subscriptionManageUrl", nil},
	}
	if sim.PaymentIntents {
		data = append(data, t.intentMembers(sim)...)
	}
	return data
}

// pageURL is the page on which a shopper goes on with a transaction; empty where there is nothing to do.
func (t transaction) pageURL() string {
	if t.checkout != nil && t.status != statusAction {
		return t.checkout.page
	}
	return t.redirectURL
}
