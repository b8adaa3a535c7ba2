package onerway

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"strconv"
	"strings"
	"time"
)

const maxRange = 90 * 24 * time.Hour

// Selection says which transactions a query asks for (§8.11, §8.12). At least one of the ids or both times are needed.
type Selection struct {
	MerchantTxnIDs []string
	TransactionIDs []string
	From, To       time.Time // at most 90 days apart
	TxnTypes       []string  // needs From and To
	Page           int       // from 1; 0 means 1
	Size           int       // 0 leaves it to the provider (10)
}

// ListRequest asks for transactions.
type ListRequest struct{ Selection }

// PaymentsRequest asks for payment intents.
type PaymentsRequest struct {
	PaymentID string
	Selection
}

// Page is one page of a query's rows. Empty Rows is a statement: the provider answered, and knows none.
type Page[T any] struct {
	Rows          []T
	Current       int
	Size          int
	TotalPages    int
	TotalElements int
	BodyDigest    string
}

// Transaction is one row of the transaction query. Rows carry no signature.
type Transaction struct {
	TransactionID       string
	MerchantTxnID       string
	OriginTransactionID string
	PaymentID           string
	TxnTime             string
	ProductType         string
	SubProductType      string
	TxnType             string
	Status              string // the provider's letter
	OrderAmount         string
	OrderCurrency       string
	TxnAmount           string
	TxnCurrency         string
	SettleRate          string
	CardType            string
	PaymentMethod       string
	WalletTypeName      string
	CardNumber          string // masked by the provider
	CardBinCountry      string
	ECI                 string
	ARN                 string
	Reason              string
	AppID               string
	Fields              Fields
}

// Outcome is what the row says about the transaction. A query gives no page to perform an action on, so a required
// action stays one without it.
func (t Transaction) Outcome() Status { return ParseStatus(t.Status) }

// Decline explains an Outcome of StatusFailed by the row's reason.
func (t Transaction) Decline() Decline {
	code, _ := ParseReason(t.Reason)
	return DeclineOf(code)
}

// PaymentIntent is one row of the payment query. Rows carry no signature.
type PaymentIntent struct {
	PaymentID         string
	LastTransactionID string
	PaymentStatus     string
	MerchantTxnID     string
	OrderAmount       string
	OrderCurrency     string
	ProductType       string
	SubProductType    string
	AppID             string
	Fields            Fields
}

// ListTransactions asks for transactions, refunds included (§8.11). It moves nothing and may be repeated.
func (c *Client) ListTransactions(ctx context.Context, request ListRequest) (Page[Transaction], error) {
	fields, err := c.selectionFields(request.Selection, false)
	if err != nil {
		return Page[Transaction]{}, invalidRequest("list", err)
	}
	return query(ctx, c, "list", "/v1/txn/list", fields, newTransaction)
}

// QueryPayments asks for payment intents (§8.12). It moves nothing and may be repeated.
func (c *Client) QueryPayments(ctx context.Context, request PaymentsRequest) (Page[PaymentIntent], error) {
	fields, err := c.selectionFields(request.Selection, request.PaymentID != "")
	if err != nil {
		return Page[PaymentIntent]{}, invalidRequest("queryPayments", err)
	}
	fields.set("paymentId", request.PaymentID)
	if request.Size == 0 {
		fields["size"] = "10" // every recorded call of this endpoint sends one
	}
	return query(ctx, c, "queryPayments", "/v1/txn/queryPayments", fields, newPaymentIntent)
}

func (c *Client) selectionFields(selection Selection, selected bool) (Fields, error) {
	ranged := !selection.From.IsZero() && !selection.To.IsZero()
	switch {
	case selection.From.IsZero() != selection.To.IsZero():
		return nil, errors.New("a time range needs both ends")
	case ranged && (selection.To.Before(selection.From) || selection.To.Sub(selection.From) > maxRange):
		return nil, errors.New("a time range spans 0 to 90 days")
	case len(selection.TxnTypes) > 0 && !ranged:
		return nil, errors.New("transaction types need a time range")
	case !selected && !ranged && len(selection.MerchantTxnIDs) == 0 && len(selection.TransactionIDs) == 0:
		return nil, errors.New("nothing is selected")
	}
	fields := Fields{"current": strconv.Itoa(max(selection.Page, 1))}
	for name, values := range map[string][]string{
		"merchantTxnIds": selection.MerchantTxnIDs,
		"transactionIds": selection.TransactionIDs,
		"txnTypes":       selection.TxnTypes,
	} {
		for _, value := range values {
			if value == "" || strings.Contains(value, ",") {
				return nil, fmt.Errorf("%s has a value that a comma-separated list cannot carry", name)
			}
		}
		fields.set(name, strings.Join(values, ","))
	}
	if ranged {
		fields["startTime"] = formatTime(selection.From, c.zone)
		fields["endTime"] = formatTime(selection.To, c.zone)
	}
	if selection.Size > 0 {
		fields["size"] = strconv.Itoa(selection.Size)
	}
	return fields, nil
}

// query makes one paged call. A page must hold a content list: an answer without one says nothing, least of all that
// there are no such transactions.
func query[T any](
	ctx context.Context, c *Client, op, path string, fields Fields, row func(Fields) T,
) (Page[T], error) {
	got, err := c.ask(ctx, op, path, fields)
	if err != nil {
		return Page[T]{}, err
	}
	if got.data == "" || got.respCode != CodeApproved {
		return Page[T]{}, got.withoutData(op)
	}
	page, err := parsePage(got.data, row)
	if err != nil {
		return Page[T]{}, &Error{
			Class: Unknown, Reason: ReasonUnreadable, Op: op, HTTPStatus: http.StatusOK,
			RespCode: got.respCode, cause: err,
		}
	}
	page.BodyDigest = got.digest
	return page, nil
}

func parsePage[T any](data string, row func(Fields) T) (Page[T], error) {
	members, err := parseObject(data)
	if err != nil {
		return Page[T]{}, err
	}
	var rows []json.RawMessage
	if err := json.Unmarshal([]byte(members["content"]), &rows); err != nil || rows == nil {
		return Page[T]{}, fmt.Errorf("%w: no content list", ErrMalformed)
	}
	page := Page[T]{Rows: make([]T, 0, len(rows))}
	for _, raw := range rows {
		fields, err := ParseFields(raw)
		if err != nil {
			return Page[T]{}, err
		}
		page.Rows = append(page.Rows, row(fields))
	}
	for name, counter := range map[string]*int{
		"current": &page.Current, "size": &page.Size,
		"totalPages": &page.TotalPages, "totalElements": &page.TotalElements,
	} {
		// Counters come as numbers or as strings (§16), and are absent in some answers.
		text, err := signedText(members[name])
		if err != nil {
			return Page[T]{}, err
		}
		if text == "" {
			continue
		}
		if *counter, err = strconv.Atoi(text); err != nil {
			return Page[T]{}, fmt.Errorf("%w: %s is not a number", ErrMalformed, name)
		}
	}
	return page, nil
}

func newTransaction(row Fields) Transaction {
	return Transaction{
		TransactionID:       row["transactionId"],
		MerchantTxnID:       row["merchantTxnId"],
		OriginTransactionID: row["originTransactionId"],
		PaymentID:           row["paymentId"],
		TxnTime:             row["txnTime"],
		ProductType:         row["productType"],
		SubProductType:      row["subProductType"],
		TxnType:             row["txnType"],
		Status:              row["status"],
		OrderAmount:         row["orderAmount"],
		OrderCurrency:       row["orderCurrency"],
		TxnAmount:           row["txnAmount"],
		TxnCurrency:         row["txnCurrency"],
		SettleRate:          row["settleRate"],
		CardType:            row["cardType"],
		PaymentMethod:       row["paymentMethod"],
		WalletTypeName:      row["walletTypeName"],
		CardNumber:          row["cardNumber"],
		CardBinCountry:      row["cardBinCountry"],
		ECI:                 row["eci"],
		ARN:                 row["arn"],
		Reason:              row["reason"],
		AppID:               row["appId"],
		Fields:              row,
	}
}

func newPaymentIntent(row Fields) PaymentIntent {
	return PaymentIntent{
		PaymentID:         row["paymentId"],
		LastTransactionID: row["lastTransactionId"],
		PaymentStatus:     row["paymentStatus"],
		MerchantTxnID:     row["merchantTxnId"],
		OrderAmount:       row["orderAmount"],
		OrderCurrency:     row["orderCurrency"],
		ProductType:       row["productType"],
		SubProductType:    row["subProductType"],
		AppID:             row["appId"],
		Fields:            row,
	}
}
