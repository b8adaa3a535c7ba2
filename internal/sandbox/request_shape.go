package sandbox

import (
	"slices"
	"time"
)

// checkShape holds the top level to the table of Onerway contract §8.1: strings only, present, not too long.
func checkShape(params map[string]any, strict bool) error {
	instrument := "cardInfo"
	switch {
	case param(params, "productType") == productLocal:
		instrument = "lpmsInfo"
	case param(params, "subProductType") == subProductToken:
		instrument = "tokenInfo"
	}
	for _, name := range slices.Concat(requiredOfAll(), []string{instrument}) {
		if param(params, name) == "" {
			return refuse(codeRejected, "%s is required", name)
		}
	}
	if !strict {
		return nil
	}
	return checkLengths(params)
}

// requiredOfAll are the members that a payment and a checkout session both need.
func requiredOfAll() []string {
	return []string{
		"merchantNo", "merchantTxnId", "productType", "subProductType", "txnType",
		"orderAmount", "orderCurrency", "billingInformation", "shippingInformation", "txnOrderMsg",
	}
}

// checkLengths holds the members of §8.1 to their lengths and forms.
func checkLengths(params map[string]any) error {
	if err := checkTexts(params, []textLimit{
		{"merchantNo", 20},
		{"merchantTxnId", 64},
		{"merchantTxnOriginalId", 128},
		{"merchantCustId", 50},
		{"merchantTxnTimeZone", 64},
		{"productType", 16},
		{"subProductType", 16},
		{"txnType", 16},
		{"orderAmount", 19},
		{"orderCurrency", 8},
		{"risk3dsStrategy", 16},
		{"paymentMode", 16},
		{"osType", 16},
		{"originTransactionId", 20},
	}); err != nil {
		return err
	}
	if at := param(params, "merchantTxnTime"); at != "" {
		if _, err := time.Parse(wireTime, at); err != nil {
			return refuse(codeRejected, "merchantTxnTime must be yyyy-MM-dd HH:mm:ss")
		}
	}
	return nil
}

// textLimit is the longest that a member may be, in bytes.
type textLimit struct {
	name  string
	limit int
}

// checkTexts refuses what is no string and what is too long.
func checkTexts(params map[string]any, limits []textLimit) error {
	for name, value := range params {
		if _, isText := value.(string); !isText && value != nil {
			return refuse(codeUnreadable, "%s must be a string", name)
		}
	}
	for _, member := range limits {
		if len(param(params, member.name)) > member.limit {
			return refuse(codeRejected, "%s is longer than %d", member.name, member.limit)
		}
	}
	return nil
}
