package onerway

import (
	"context"
	"errors"
	"fmt"
)

// ContractStatus is the state of a subscription's contract (§6, dataStatus).
type ContractStatus string

// The states of a contract.
const (
	ContractPending  ContractStatus = "pending"
	ContractActive   ContractStatus = "active"
	ContractDisabled ContractStatus = "disabled" // not effective
	ContractCanceled ContractStatus = "canceled"
	// ContractUnknown is everything that the contract does not list.
	ContractUnknown ContractStatus = "unknown"
)

// ParseContractStatus reads a dataStatus.
func ParseContractStatus(code string) ContractStatus {
	switch code {
	case "0":
		return ContractPending
	case "1":
		return ContractActive
	case "2":
		return ContractDisabled
	case "3":
		return ContractCanceled
	default:
		return ContractUnknown
	}
}

// SubscriptionStatus is where a subscription stands (§6, subscriptionStatus).
type SubscriptionStatus string

// The states of a subscription, in the provider's own words.
const (
	SubscriptionTrialing   SubscriptionStatus = "trialing"
	SubscriptionPaymentDue SubscriptionStatus = "paymentdue" // the first payment has not succeeded yet
	SubscriptionActive     SubscriptionStatus = "active"
	SubscriptionPastDue    SubscriptionStatus = "pastdue" // a renewal has failed
	SubscriptionPaused     SubscriptionStatus = "paused"
	SubscriptionCanceled   SubscriptionStatus = "canceled"
	SubscriptionEnded      SubscriptionStatus = "ended"
	// SubscriptionUnknown is everything that no source lists.
	SubscriptionUnknown SubscriptionStatus = "unknown"
)

// ParseSubscriptionStatus reads a subscriptionStatus.
func ParseSubscriptionStatus(text string) SubscriptionStatus {
	switch status := SubscriptionStatus(text); status {
	case SubscriptionTrialing, SubscriptionPaymentDue, SubscriptionActive, SubscriptionPastDue, SubscriptionPaused,
		SubscriptionCanceled, SubscriptionEnded:
		return status
	case SubscriptionUnknown:
	}
	return SubscriptionUnknown
}

// Scenarios of a subscription's charge, as Notification.Scenarios says them (§6).
const (
	ScenarioInitial = "SUBSCRIPTION_INITIAL"
	ScenarioRenewal = "SUBSCRIPTION_RENEWAL"
)

// TxnBindCard is the type of the notification that a card is kept, which a managed subscription sends beside that of its
// purchase (§10.5).
const TxnBindCard TxnType = "BIND_CARD"

// ExpireMode says when a cancellation takes effect (§6).
type ExpireMode string

// The modes of a cancellation.
const (
	ExpireNow    ExpireMode = "1"
	ExpirePeriod ExpireMode = "2" // at the end of the current period
	ExpireOnDate ExpireMode = "3" // on ExpireDate
)

// CancelSubscriptionRequest ends a subscription (§8.13).
type CancelSubscriptionRequest struct {
	ContractID Sensitive
	ExpireMode ExpireMode
	ExpireDate string // yyyy-MM-dd, with ExpireOnDate and only then
}

// CancelSubscriptionResponse is the state of the contract after the request. It is unsigned, as the documents have it:
// QuerySubscription asks again. What modes other than ExpireNow answer before their end is not documented.
type CancelSubscriptionResponse struct {
	Contract   ContractStatus
	BodyDigest string // SHA-256 of the body, hex
}

func (r CancelSubscriptionRequest) check() error {
	faults := []error{checkContract(r.ContractID)}
	refuse := refusals(&faults)
	switch r.ExpireMode {
	case ExpireNow, ExpirePeriod, ExpireOnDate:
	default:
		refuse(true, "expireMode is none of 1, 2 and 3")
	}
	refuse((r.ExpireMode == ExpireOnDate) != (r.ExpireDate != ""), "expireDate goes with expireMode 3, and only with it")
	refuse(r.ExpireDate != "" && !isDate(r.ExpireDate), "expireDate is not a date of the form yyyy-MM-dd")
	return errors.Join(faults...)
}

func checkContract(id Sensitive) error {
	if !contractText.MatchString(id.Reveal()) {
		return errors.New("contractId is not 1 to 20 letters, digits, _ and -")
	}
	return nil
}

// CancelSubscription sends one cancellation, exactly once. Its errors are of type *Error: after NeverSent and Refused the
// subscription goes on as it did; after Unknown it may have been canceled, and QuerySubscription can tell.
func (c *Client) CancelSubscription(ctx context.Context, request CancelSubscriptionRequest) (CancelSubscriptionResponse, error) {
	const op = "subCancel"
	if err := request.check(); err != nil {
		return CancelSubscriptionResponse{}, invalidRequest(op, err)
	}
	fields := Fields{"contractId": request.ContractID.Reveal(), "expireMode": string(request.ExpireMode)}
	fields.set("expireDate", request.ExpireDate)
	got, err := c.call(ctx, op, "/v1/txn/sub/cancel", fields, scrubber{others: []Sensitive{request.ContractID}})
	if err != nil {
		return CancelSubscriptionResponse{}, err
	}
	if got.data == "" || got.respCode != CodeApproved {
		return CancelSubscriptionResponse{}, got.withoutData(op)
	}
	status, err := signedText(got.data)
	if err != nil || ParseContractStatus(status) == ContractUnknown {
		return CancelSubscriptionResponse{}, got.doubt(op, ReasonUnreadable, err)
	}
	return CancelSubscriptionResponse{Contract: ParseContractStatus(status), BodyDigest: got.digest}, nil
}

// SubscriptionDetail is what the provider says of a subscription (§8.13). It carries no signature. Members are the provider's
// text, "" where it says nothing.
type SubscriptionDetail struct {
	ContractID         Sensitive
	TokenID            Sensitive
	MerchantCustID     string
	Products           string // order lines, JSON
	OrderAmount        string
	OrderCurrency      string
	FrequencyType      string
	FrequencyPoint     string
	CycleCount         string
	ExpireDate         string
	BillingCycleAnchor string // when it is charged next; no source shows the form
	NotificationEmail  string
	CreateTime         string
	DataStatus         string // the provider's digit: see Contract
	SubscriptionStatus string // the provider's word: see Status

	Fields     Fields // all members of data
	BodyDigest string // SHA-256 of the body, hex
}

// Contract is the state of the contract.
func (d SubscriptionDetail) Contract() ContractStatus { return ParseContractStatus(d.DataStatus) }

// Status is where the subscription stands.
func (d SubscriptionDetail) Status() SubscriptionStatus {
	return ParseSubscriptionStatus(d.SubscriptionStatus)
}

// QuerySubscription asks how a subscription stands. It moves nothing and may be repeated. An answer about something else, or
// without the state of the contract, says nothing and is an error of class Unknown.
func (c *Client) QuerySubscription(ctx context.Context, contractID Sensitive) (SubscriptionDetail, error) {
	const op = "subDetail"
	if err := checkContract(contractID); err != nil {
		return SubscriptionDetail{}, invalidRequest(op, err)
	}
	got, err := c.ask(ctx, op, "/v1/txn/sub/detail", Fields{"contractId": contractID.Reveal()})
	if err != nil {
		return SubscriptionDetail{}, err
	}
	got.respMsg = scrubber{others: []Sensitive{contractID}}.message(got.respMsg)
	if got.data == "" || got.respCode != CodeApproved {
		return SubscriptionDetail{}, got.withoutData(op)
	}
	data, err := parseFields(got.data)
	if err == nil {
		err = checkDetail(data)
	}
	if err != nil {
		return SubscriptionDetail{}, got.doubt(op, ReasonUnreadable, err)
	}
	if data["contractId"] != contractID.Reveal() || data["merchantNo"] != c.merchantNo {
		return SubscriptionDetail{}, got.doubt(op, ReasonMismatch, nil)
	}
	return newSubscriptionDetail(got, data), nil
}

// checkDetail holds what decisions are made by to its form. Counters may be numbers or strings (§16), and what else may be
// missing or new is not known: that is left to who reads it.
func checkDetail(data Fields) error {
	wrong := func(name string) error { return fmt.Errorf("%w: %s of a subscription", ErrMalformed, name) }
	switch {
	case data["dataStatus"] == "":
		return wrong("dataStatus")
	case data["orderAmount"] != "" && !amountText.MatchString(data["orderAmount"]):
		return wrong("orderAmount")
	case data["orderCurrency"] != "" && !currencyText.MatchString(data["orderCurrency"]):
		return wrong("orderCurrency")
	case data["expireDate"] != "" && !isDate(data["expireDate"]):
		return wrong("expireDate")
	case len(data["tokenId"]) > maxToken:
		return wrong("tokenId")
	}
	return nil
}

func newSubscriptionDetail(got answer, data Fields) SubscriptionDetail {
	return SubscriptionDetail{
		ContractID:         Conceal(data["contractId"]),
		TokenID:            Conceal(data["tokenId"]),
		MerchantCustID:     data["merchantCustomerId"],
		Products:           data["products"],
		OrderAmount:        data["orderAmount"],
		OrderCurrency:      data["orderCurrency"],
		FrequencyType:      data["frequencyType"],
		FrequencyPoint:     data["frequencyPoint"],
		CycleCount:         data["cycleCount"],
		ExpireDate:         data["expireDate"],
		BillingCycleAnchor: data["billingCycleAnchor"],
		NotificationEmail:  data["notificationEmail"],
		CreateTime:         data["createTime"],
		DataStatus:         data["dataStatus"],
		SubscriptionStatus: data["subscriptionStatus"],
		Fields:             data,
		BodyDigest:         got.digest,
	}
}
