package onerway

import (
	"errors"
	"regexp"
	"strconv"
	"time"
)

// ExecuteMode says who starts the charges of a subscription after the first (§6, selfExecute).
type ExecuteMode string

// The modes of execution.
const (
	ExecuteManaged ExecuteMode = "1" // the provider charges by itself
	ExecuteSelf    ExecuteMode = "2" // we send every renewal
)

// FrequencyType is the unit of a subscription's interval (§6).
type FrequencyType string

// The units. A subscription that we renew ourselves has days only (§16).
const (
	FrequencyDay   FrequencyType = "D"
	FrequencyMonth FrequencyType = "M"
	FrequencyYear  FrequencyType = "Y"
)

// subscriptionMode is the mode of a subscription's authorization. The list of its values is not public; this one is known
// to work (§6).
const subscriptionMode = "2"

// SubscriptionTerms begin a subscription with a purchase by card (§7, requestType 0). The provider keeps the card under a new
// token for the charges that follow. MerchantCustID of the request names the customer, ReturnURL is where 3DS leads back to.
type SubscriptionTerms struct {
	ProductName    string // without one, a customer can hold only one subscription
	FrequencyType  FrequencyType
	FrequencyPoint int // how many units lie between two charges, 1 to 99
	SelfExecute    ExecuteMode
	ExpireDate     string // yyyy-MM-dd; managed subscriptions need this or CycleCount
	CycleCount     int    // how many charges there are, 1 to 100; managed subscriptions only, 0 for none
	// The trial, of managed subscriptions only. The documents show no values of the first two.
	TrialFromPlan     string
	TrialEnd          string
	TrialDays         int    // 0 for none
	NotificationEmail string // where the provider writes to the customer; managed subscriptions only
}

// SubscriptionRenewal is one later charge of a subscription that we renew ourselves (§7, requestType 1). The customer takes no
// part in it.
type SubscriptionRenewal struct {
	ContractID Sensitive
	TokenID    Sensitive
}

var (
	customerText = regexp.MustCompile(`^[A-Za-z0-9_-]{1,40}$`)
	contractText = regexp.MustCompile(`^[A-Za-z0-9_-]{1,20}$`)
)

// checkSubscribe refuses what §7, §8.1 and §16 do not allow of a subscription's charge.
func (r SaleRequest) checkSubscribe() error {
	var faults []error
	refuse := refusals(&faults)
	refuse(!customerText.MatchString(r.MerchantCustID), "merchantCustId is not 1 to 40 letters, digits, _ and -")
	refuse(r.TxnType != TxnSale, "a subscription is charged by SALE")
	refuse(r.Token != nil, "a subscription's charge has no tokenInfo")
	switch {
	case r.Subscription != nil && r.Renewal != nil:
		refuse(true, "a charge either begins a subscription or renews it")
	case r.Renewal != nil:
		refuse(r.Card != nil || r.MPI != nil || r.Risk3DSStrategy != "", "a renewal has neither a card nor 3DS")
		refuse(!contractText.MatchString(r.Renewal.ContractID.Reveal()), "contractId is not 1 to 20 letters, digits, _ and -")
		faults = append(faults, lengthFault("tokenId", r.Renewal.TokenID.Reveal(), 1, maxToken))
	case r.Subscription != nil:
		faults = append(faults, r.Subscription.check())
	}
	return errors.Join(faults...)
}

func (t SubscriptionTerms) check() error {
	faults := []error{
		lengthFault("productName", t.ProductName, 0, 256),
		lengthFault("trialFromPlan", t.TrialFromPlan, 0, 256),
		lengthFault("trialEnd", t.TrialEnd, 0, 256),
		lengthFault("notificationEmail", t.NotificationEmail, 0, 256),
	}
	refuse := refusals(&faults)
	refuse(t.FrequencyPoint < 1 || t.FrequencyPoint > 99, "frequencyPoint is not 1 to 99")
	refuse(t.CycleCount < 0 || t.CycleCount > 100, "cycleCount is not 1 to 100")
	refuse(t.TrialDays < 0, "trialDays is negative")
	refuse(t.ExpireDate != "" && !isDate(t.ExpireDate), "expireDate is not a date of the form yyyy-MM-dd")
	switch t.FrequencyType {
	case FrequencyDay, FrequencyMonth, FrequencyYear:
	default:
		refuse(true, "frequencyType is none of D, M and Y")
	}
	switch t.SelfExecute {
	case ExecuteManaged:
		refuse(t.CycleCount == 0 && t.ExpireDate == "", "a managed subscription needs cycleCount or expireDate")
	case ExecuteSelf:
		refuse(t.FrequencyType != FrequencyDay, "frequencyType of a subscription that we renew is D")
		managed := t.CycleCount != 0 || t.TrialDays != 0 || t.TrialFromPlan != "" || t.TrialEnd != "" || t.NotificationEmail != ""
		refuse(managed, "cycleCount, trial and notificationEmail are of managed subscriptions only")
	default:
		refuse(true, "selfExecute is neither 1 nor 2")
	}
	return errors.Join(faults...)
}

func isDate(text string) bool {
	_, err := time.Parse(time.DateOnly, text)
	return err == nil
}

// contradicts tells whether a verified answer is about another contract than the renewal's. A decline may name none.
func (r *SubscriptionRenewal) contradicts(response SaleResponse) bool {
	return r != nil && !response.ContractID.Empty() && response.ContractID.Reveal() != r.ContractID.Reveal()
}

// wireTerms is subscription of requestType 0. Only cycleCount and trialDays are numbers (§7).
type wireTerms struct {
	RequestType       string `json:"requestType"`
	MerchantCustID    string `json:"merchantCustId"`
	ProductName       string `json:"productName,omitempty"`
	FrequencyType     string `json:"frequencyType"`
	FrequencyPoint    string `json:"frequencyPoint"`
	CycleCount        int    `json:"cycleCount,omitempty"`
	ExpireDate        string `json:"expireDate,omitempty"`
	Mode              string `json:"mode"`
	SelfExecute       string `json:"selfExecute"`
	TrialFromPlan     string `json:"trialFromPlan,omitempty"`
	TrialEnd          string `json:"trialEnd,omitempty"`
	TrialDays         int    `json:"trialDays,omitempty"`
	NotificationEmail string `json:"notificationEmail,omitempty"`
}

func wireTermsOf(custID string, terms *SubscriptionTerms) *wireTerms {
	if terms == nil {
		return nil
	}
	return &wireTerms{
		RequestType: "0", MerchantCustID: custID, ProductName: terms.ProductName,
		FrequencyType: string(terms.FrequencyType), FrequencyPoint: strconv.Itoa(terms.FrequencyPoint),
		CycleCount: terms.CycleCount, ExpireDate: terms.ExpireDate, Mode: subscriptionMode,
		SelfExecute: string(terms.SelfExecute), TrialFromPlan: terms.TrialFromPlan, TrialEnd: terms.TrialEnd,
		TrialDays: terms.TrialDays, NotificationEmail: terms.NotificationEmail,
	}
}

// wireRenewal is subscription of requestType 1.
type wireRenewal struct {
	RequestType    string `json:"requestType"`
	TokenID        string `json:"tokenId"`
	ContractID     string `json:"contractId"`
	MerchantCustID string `json:"merchantCustId"`
}

func wireRenewalOf(custID string, renewal *SubscriptionRenewal) *wireRenewal {
	if renewal == nil {
		return nil
	}
	return &wireRenewal{
		RequestType: "1", TokenID: renewal.TokenID.Reveal(), ContractID: renewal.ContractID.Reveal(), MerchantCustID: custID,
	}
}
