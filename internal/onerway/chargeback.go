package onerway

import (
	"context"
	"errors"
	"fmt"
	"strconv"
	"strings"
	"time"
)

// ChargebackStatus is the provider's word for where a chargeback stands (§6).
type ChargebackStatus string

// The chargeback statuses.
const (
	ChargebackNew                  ChargebackStatus = "NEW"
	ChargebackFirstAppeal          ChargebackStatus = "FA"
	ChargebackFirstAppealWon       ChargebackStatus = "FAS"
	ChargebackFirstAppealLost      ChargebackStatus = "FAF"
	ChargebackFirstAppealTimedOut  ChargebackStatus = "FAT"
	ChargebackSecondAppeal         ChargebackStatus = "SA"
	ChargebackSecondAppealWon      ChargebackStatus = "SAS"
	ChargebackSecondAppealLost     ChargebackStatus = "SAF"
	ChargebackSecondAppealTimedOut ChargebackStatus = "SAT"
	ChargebackAccepted             ChargebackStatus = "ACCEPT"
	ChargebackRevoked              ChargebackStatus = "REVOKE"
	// ChargebackDeleted comes in notifications only: the query does not list what was deleted.
	ChargebackDeleted ChargebackStatus = "DELETE"
)

// ChargebackRequest says which chargebacks a query asks for (§8.14). Ids or both times are needed.
type ChargebackRequest struct {
	ChargebackIDs        []string
	OriginTransactionIDs []string
	ImportedFrom         time.Time // at most 90 days before ImportedTo
	ImportedTo           time.Time
	Page                 int // from 1; 0 means 1. The provider answers ten rows a page
}

// Chargeback is one row of the chargeback query. Rows carry no signature; they are believed because we asked for them.
type Chargeback struct {
	MerchantNo          string
	ChargebackID        string
	ImportTime          string
	MerchantTxnID       string // of the payment
	OriginTransactionID string // of the payment
	ChargebackAmount    string
	ChargebackCurrency  string
	ChargebackDate      string
	ChargebackReason    string
	ChargebackARN       string
	ChargebackCode      string
	AppealDueTime       string
	ChargebackStatus    string
	Fields              Fields
}

// ListChargebacks asks for chargebacks (§8.14). The provider has to have enabled it for the merchant. It moves nothing and may
// be repeated.
func (c *Client) ListChargebacks(ctx context.Context, request ChargebackRequest) (Page[Chargeback], error) {
	const op = "chargebackList"
	fields, err := c.chargebackFields(request)
	if err != nil {
		return Page[Chargeback]{}, invalidRequest(op, err)
	}
	return query(ctx, c, op, "/v1/chargeback/list", fields, newChargeback)
}

func (c *Client) chargebackFields(r ChargebackRequest) (Fields, error) {
	ranged := !r.ImportedFrom.IsZero() && !r.ImportedTo.IsZero()
	switch {
	case r.ImportedFrom.IsZero() != r.ImportedTo.IsZero():
		return nil, errors.New("a time range needs both ends")
	case ranged && (r.ImportedTo.Before(r.ImportedFrom) || r.ImportedTo.Sub(r.ImportedFrom) > maxRange):
		return nil, errors.New("a time range spans 0 to 90 days")
	case !ranged && len(r.ChargebackIDs) == 0 && len(r.OriginTransactionIDs) == 0:
		return nil, errors.New("nothing is selected")
	}
	fields := Fields{"current": strconv.Itoa(max(r.Page, 1))}
	for name, values := range map[string][]string{
		"chargebackIds": r.ChargebackIDs, "originTransactionIds": r.OriginTransactionIDs,
	} {
		for _, value := range values {
			if !transactionID.MatchString(value) {
				return nil, fmt.Errorf("%s has a value that is not 1 to 20 digits", name)
			}
		}
		fields.set(name, strings.Join(values, ","))
	}
	if ranged {
		fields["importTimeStart"] = formatTime(r.ImportedFrom, c.zone)
		fields["importTimeEnd"] = formatTime(r.ImportedTo, c.zone)
	}
	return fields, nil
}

func newChargeback(row Fields) Chargeback {
	return Chargeback{
		MerchantNo:          row["merchantNo"],
		ChargebackID:        row["chargebackId"],
		ImportTime:          row["importTime"],
		MerchantTxnID:       row["merchantTxnId"],
		OriginTransactionID: row["originTransactionId"],
		ChargebackAmount:    row["chargebackAmount"],
		ChargebackCurrency:  row["chargebackCurrency"],
		ChargebackDate:      row["chargebackDate"],
		ChargebackReason:    row["chargebackReason"],
		ChargebackARN:       row["chargebackArn"],
		ChargebackCode:      row["chargebackCode"],
		AppealDueTime:       row["appealDueTime"],
		ChargebackStatus:    row["chargebackStatus"],
		Fields:              row,
	}
}
