package sandbox

import (
	"net/http"
	"net/url"
	"strings"
)

// The address of a 3DS page has the provider's shape: …/3dsSecure/direct/RDT_3DS_DDC_<merchantNo><transactionId>.
const (
	challengePath   = "/3dsSecure/direct/"
	challengePrefix = "RDT_3DS_DDC_"
)

// challenged finds the transaction of a 3DS page.
func (s *Server) challenged(r *http.Request) (transaction, bool) {
	id, found := strings.CutPrefix(r.PathValue("key"), challengePrefix+s.cfg.MerchantNo)
	if !found {
		return transaction{}, false
	}
	t, found := s.ledger.get(id)
	return t, found && t.redirectURL != "" && t.local == nil
}

// showChallenge is the page on which the shopper decides.
func (s *Server) showChallenge(w http.ResponseWriter, r *http.Request) {
	t, found := s.challenged(r)
	if !found {
		s.showPage(w, http.StatusNotFound, "missing.html", nil)
		return
	}
	s.showPage(w, http.StatusOK, "challenge.html", map[string]any{
		"Shop":      originOf(t.returnURL),
		"Amount":    t.amountText(),
		"Currency":  t.currency,
		"Card":      t.card.brand + " •••• " + t.card.last4,
		"ID":        t.id,
		"At":        wireTimeOf(t.createdAt) + " " + wireZone,
		"Open":      t.status == statusAction,
		"Status":    statusInWords(t.status),
		"ReturnURL": wayOn(t),
	})
}

// answerChallenge takes the shopper's decision and sends the browser back to the shop. A page that is answered twice
// changes nothing the second time.
func (s *Server) answerChallenge(w http.ResponseWriter, r *http.Request) {
	t, found := s.challenged(r)
	if !found {
		s.showPage(w, http.StatusNotFound, "missing.html", nil)
		return
	}
	r.Body = http.MaxBytesReader(w, r.Body, 4096)
	switch r.PostFormValue("action") {
	case "approve":
		t = s.settle(t.id, t.approved(), false)
	case "fail":
		t = s.settle(t.id, outcome{status: statusFailed, reason: reason{codeAuthFailed, "3DS authentication failed"}}, false)
	case "leave":
	default:
		s.showPage(w, http.StatusBadRequest, "missing.html", nil)
		return
	}
	sendOn(w, wayOn(t))
}

// wayOn is where the shopper goes from a 3DS page: back to the shop, or to the checkout page where there is one that can
// still be paid on.
func wayOn(t transaction) string {
	if t.checkout != nil && t.status != statusSuccess {
		return t.checkout.page
	}
	return returnAddress(t)
}

// sendOn is not http.Redirect: that would tidy up the unescaped + of the time zone, which is part of the contract.
func sendOn(w http.ResponseWriter, address string) {
	w.Header().Set("Cache-Control", "no-store")
	w.Header().Set("Location", address)
	w.WriteHeader(http.StatusSeeOther)
}

// approved is what comes of a challenge that the shopper passes.
func (t transaction) approved() outcome {
	if t.behavior.afterChallenge != (reason{}) {
		return outcome{status: statusFailed, reason: t.behavior.afterChallenge}
	}
	return outcome{status: statusSuccess, reason: success(), eci: authenticatedECI(t.card.brand)}
}

// returnAddress is returnUrl with the documented parameters: spaces as %20, the + of +08:00 as it is, no signature.
func returnAddress(t transaction) string {
	why := t.reason.message
	if t.status == statusSuccess {
		why = "Payment successful"
	}
	pairs := [][2]string{
		{"transactionId", t.id},
		{"merchantTxnId", t.merchantTxnID},
		{"merchantNo", t.merchantNo},
		{"responseTime", wireTimeOf(t.changedAt)},
		{"txnTime", wireTimeOf(t.createdAt)},
		{"txnTimeZone", wireZone},
		{"orderAmount", t.amountText()},
		{"orderCurrency", t.currency},
		{"txnAmount", t.amountText()},
		{"txnCurrency", t.currency},
		{"status", string(t.status)},
		{"reason", why},
		{"eci", t.eci},
	}
	query := make([]string, 0, len(pairs))
	for _, pair := range pairs {
		query = append(query, pair[0]+"="+escapeLoosely(pair[1]))
	}
	address, fragment, hasFragment := strings.Cut(t.returnURL, "#")
	separator := "?"
	if strings.Contains(address, "?") {
		separator = "&"
	}
	address += separator + strings.Join(query, "&")
	if hasFragment {
		address += "#" + fragment
	}
	return address
}

func escapeLoosely(value string) string {
	return strings.NewReplacer("+", "%20", "%2B", "+", "%3A", ":").Replace(url.QueryEscape(value))
}

// originOf is scheme and host of an address, or nothing.
func originOf(raw string) string {
	parsed, err := url.Parse(raw)
	if err != nil || parsed.Host == "" {
		return ""
	}
	return parsed.Scheme + "://" + parsed.Host
}

func statusInWords(st status) string {
	switch st {
	case statusSuccess:
		return "is paid"
	case statusFailed:
		return "has failed"
	case statusClosed:
		return "is closed"
	case statusAction:
		return "is waiting for authentication"
	case statusAwaiting:
		return "is waiting for payment"
	case statusProcessing, statusReview:
	}
	return "is being processed"
}
