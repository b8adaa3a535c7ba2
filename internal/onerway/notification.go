package onerway

import (
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"strings"
	"time"
)

// SignatureHeader is the header in which newer notifications are signed (§3.5).
const SignatureHeader = "X-RH-Signature"

// MaxNotification is the size in bytes beyond which a notification is not read.
const MaxNotification = 256 << 10

// maxSignatures bounds the work that an unauthenticated header can cause. A rotation needs two.
const maxSignatures = 8

// Notification is a message from the provider whose signature was verified (§10). Members are the provider's text.
//
// Some members are not covered by the signature: OriginTransactionID, OriginMerchantTxnID, PaymentMethod,
// WalletTypeName, PeriodValue, TokenExpireTime and the customs declaration. Whoever replays a message may change those
// at will, so no money is matched by them.
type Notification struct {
	NotifyType    string
	TxnType       string
	TransactionID string
	MerchantNo    string
	MerchantTxnID string
	Status        string // the provider's letter
	PaymentID     string
	PaymentStatus string

	OriginTransactionID string // not signed
	OriginMerchantTxnID string // not signed

	ResponseTime string
	TxnTime      string
	TxnTimeZone  string

	OrderAmount                string
	OrderCurrency              string
	TxnAmount                  string
	TxnCurrency                string
	SettleRate                 string
	CustomsDeclarationAmount   string // not signed
	CustomsDeclarationCurrency string // not signed

	PaymentMethod        string // not signed
	WalletTypeName       string // not signed
	PaymentMethodDetails string
	CardBinCountry       string
	ChannelRequestID     string
	ECI                  string
	PeriodValue          string // not signed
	Reason               string

	ContractID         Sensitive
	TokenID            Sensitive
	TokenExpireTime    string // not signed
	Scenarios          string
	Products           string
	DataStatus         string // of the contract: see ParseContractStatus
	SubscriptionStatus string // see ParseSubscriptionStatus

	ChargebackDate     string
	ImportTime         string
	AppealDueTime      string
	ChargebackAmount   string
	ChargebackCurrency string
	ChargebackStatus   string
	ChargebackARN      string
	ChargebackCode     string
	ChargebackReason   string

	Fields     Fields // all members, also those not named above
	BodyDigest string // SHA-256 of the body, hex
}

// VerifyNotification reads a notification's body and proves that the provider made it. header is the value of
// SignatureHeader, several lines joined by commas. A header that is present decides alone; when it is absent or empty,
// the body's own sign does. The current secret is tried first, then the previous one.
//
// The errors match ErrMalformed or ErrBadSignature. A verified message is still to be compared with our own record: see
// Sign for what the signature does not prove.
func VerifyNotification(raw []byte, header string, secrets Secrets) (Notification, error) {
	if len(raw) > MaxNotification {
		return Notification{}, fmt.Errorf("%w: larger than %d bytes", ErrMalformed, MaxNotification)
	}
	fields, err := ParseFields(raw)
	if err != nil {
		return Notification{}, err
	}
	given, err := givenSignatures(fields, header)
	if err != nil {
		return Notification{}, err
	}
	if !anyMatches(given, fields, secrets) {
		return Notification{}, ErrBadSignature
	}
	if fields["transactionId"] == "" {
		return Notification{}, fmt.Errorf("%w: no transactionId", ErrMalformed)
	}
	return newNotification(raw, fields), nil
}

// givenSignatures are the signatures that the message claims. One malformed item spoils the header: we do not guess
// what its author meant.
func givenSignatures(fields Fields, header string) ([]string, error) {
	if strings.TrimSpace(header) == "" {
		if !isSignature(fields["sign"]) {
			return nil, fmt.Errorf("%w: no usable sign in the body", ErrBadSignature)
		}
		return []string{fields["sign"]}, nil
	}
	items := strings.SplitN(header, ",", maxSignatures+1)
	if len(items) > maxSignatures {
		return nil, fmt.Errorf("%w: more than %d items in %s", ErrBadSignature, maxSignatures, SignatureHeader)
	}
	given := make([]string, 0, len(items))
	for _, item := range items {
		signature, version1 := strings.CutPrefix(strings.TrimSpace(item), "v1=")
		if !version1 || !isSignature(signature) {
			return nil, fmt.Errorf("%w: malformed item in %s", ErrBadSignature, SignatureHeader)
		}
		given = append(given, signature)
	}
	return given, nil
}

// isSignature reports whether text is a SHA-256 in lower-case hex.
func isSignature(text string) bool {
	if len(text) != 2*sha256.Size {
		return false
	}
	for _, c := range []byte(text) {
		if !isDigit(c) && (c < 'a' || c > 'f') {
			return false
		}
	}
	return true
}

func anyMatches(given []string, fields Fields, secrets Secrets) bool {
	for _, secret := range secrets.usable() {
		computed := Sign(fields, ExcludedFromNotification, secret)
		for _, signature := range given {
			if sameSignature(signature, computed) {
				return true
			}
		}
	}
	return false
}

// Outcome is what the notification says about its transaction.
func (n Notification) Outcome() Status { return ParseStatus(n.Status) }

// Decline explains an Outcome of StatusFailed by the notification's reason.
func (n Notification) Decline() Decline {
	code, _ := ParseReason(n.Reason)
	return DeclineOf(code)
}

// TransactionTime is when the transaction took place, or false when the notification does not say (refunds and
// cancellations may not). Unzoned times are read in fallback.
func (n Notification) TransactionTime(fallback *time.Location) (time.Time, bool) {
	at, err := ParseTime(n.TxnTime, n.TxnTimeZone, fallback)
	return at, err == nil
}

// ParseReason reads a reason (§10.4), a JSON string with the provider's code and text. A reason that is no JSON is all
// text; the code is then empty.
func ParseReason(reason string) (string, string) {
	fields, err := parseFields(reason)
	if err != nil || fields["respCode"] == "" {
		return "", reason
	}
	return fields["respCode"], fields["respMsg"]
}

func newNotification(raw []byte, fields Fields) Notification {
	digest := sha256.Sum256(raw)
	return Notification{
		NotifyType:                 fields["notifyType"],
		TxnType:                    fields["txnType"],
		TransactionID:              fields["transactionId"],
		MerchantNo:                 fields["merchantNo"],
		MerchantTxnID:              fields["merchantTxnId"],
		Status:                     fields["status"],
		PaymentID:                  fields["paymentId"],
		PaymentStatus:              fields["paymentStatus"],
		OriginTransactionID:        fields["originTransactionId"],
		OriginMerchantTxnID:        fields["originMerchantTxnId"],
		ResponseTime:               fields["responseTime"],
		TxnTime:                    fields["txnTime"],
		TxnTimeZone:                fields["txnTimeZone"],
		OrderAmount:                fields["orderAmount"],
		OrderCurrency:              fields["orderCurrency"],
		TxnAmount:                  fields["txnAmount"],
		TxnCurrency:                fields["txnCurrency"],
		SettleRate:                 fields["settleRate"],
		CustomsDeclarationAmount:   fields["customsDeclarationAmount"],
		CustomsDeclarationCurrency: fields["customsDeclarationCurrency"],
		PaymentMethod:              fields["paymentMethod"],
		WalletTypeName:             fields["walletTypeName"],
		PaymentMethodDetails:       fields["paymentMethodDetails"],
		CardBinCountry:             fields["cardBinCountry"],
		ChannelRequestID:           fields["channelRequestId"],
		ECI:                        fields["eci"],
		PeriodValue:                fields["periodValue"],
		Reason:                     fields["reason"],
		ContractID:                 Conceal(fields["contractId"]),
		TokenID:                    Conceal(fields["tokenId"]),
		TokenExpireTime:            fields["tokenExpireTime"],
		Scenarios:                  fields["scenarios"],
		Products:                   fields["products"],
		DataStatus:                 fields["dataStatus"],
		SubscriptionStatus:         fields["subscriptionStatus"],
		ChargebackDate:             fields["chargebackDate"],
		ImportTime:                 fields["importTime"],
		AppealDueTime:              fields["appealDueTime"],
		ChargebackAmount:           fields["chargebackAmount"],
		ChargebackCurrency:         fields["chargebackCurrency"],
		ChargebackStatus:           fields["chargebackStatus"],
		ChargebackARN:              fields["chargebackArn"],
		ChargebackCode:             fields["chargebackCode"],
		ChargebackReason:           fields["chargebackReason"],
		Fields:                     fields,
		BodyDigest:                 hex.EncodeToString(digest[:]),
	}
}

// StoredNotification reads a notification that was verified when it came and was kept in a redacted form, whose signature
// therefore proves nothing any more. bodyDigest is that of the body as it came. What the form hides, the notification does not
// have: the contract and its token.
func StoredNotification(body []byte, bodyDigest string) (Notification, error) {
	fields, err := ParseFields(body)
	if err != nil {
		return Notification{}, err
	}
	n := newNotification(body, fields)
	n.BodyDigest, n.ContractID, n.TokenID = bodyDigest, Sensitive{}, Sensitive{}
	return n, nil
}
