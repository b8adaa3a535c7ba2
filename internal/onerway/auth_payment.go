package onerway

import (
	"context"
	"errors"
)

// The transaction types of AuthPayment (§6), in queries and notifications too.
const (
	TxnCapture TxnType = "CAPTURE"
	TxnVoid    TxnType = "VOID"
)

// AuthPaymentRequest captures or voids an authorization (§8.9).
type AuthPaymentRequest struct {
	MerchantTxnID       string // the capture's or the void's own, new for every request
	OriginTransactionID string // of the successful AUTH
	TxnType             TxnType
	// OrderAmount captures a part: decimal text in major units of the authorization's currency. Empty captures all, and a
	// void never has one. The sources disagree whether there is such a member (§16), so it is sent only where it is needed.
	OrderAmount string
}

// check refuses what the contract forbids before it reaches the wire.
func (r AuthPaymentRequest) check() error {
	faults := []error{lengthFault("merchantTxnId", r.MerchantTxnID, 1, 64)}
	refuse := func(wrong bool, text string) {
		if wrong {
			faults = append(faults, errors.New(text))
		}
	}
	refuse(!transactionID.MatchString(r.OriginTransactionID), "originTransactionId is not 1 to 20 digits")
	refuse(r.TxnType != TxnCapture && r.TxnType != TxnVoid, "txnType is neither CAPTURE nor VOID")
	refuse(r.OrderAmount != "" && r.TxnType == TxnVoid, "orderAmount goes with CAPTURE only")
	refuse(r.OrderAmount != "" && !amountText.MatchString(r.OrderAmount), "orderAmount is not a decimal of at most two places")
	return errors.Join(faults...)
}

// AuthPayment sends one capture or void (§8.9), exactly once. It is a transaction of its own: the answer has the shape of
// DoTransaction's, with another TransactionID than the authorization's. Its errors are of type *Error: after NeverSent and
// Refused the authorization stands as it did, as far as this request is concerned; after Unknown it may be captured or void.
func (c *Client) AuthPayment(ctx context.Context, request AuthPaymentRequest) (SaleResponse, error) {
	const op = "authPayment"
	if err := request.check(); err != nil {
		return SaleResponse{}, invalidRequest(op, err)
	}
	fields := Fields{
		"merchantTxnId":       request.MerchantTxnID,
		"originTransactionId": request.OriginTransactionID,
		"txnType":             string(request.TxnType),
	}
	fields.set("orderAmount", request.OrderAmount)
	got, err := c.call(ctx, op, "/v1/txn/authPayment", fields, scrubber{})
	if err != nil {
		return SaleResponse{}, err
	}
	response, err := c.verified(op, request.MerchantTxnID, got, scrubber{})
	if err != nil {
		return SaleResponse{}, err
	}
	if response.TransactionID == request.OriginTransactionID {
		// The answer to the authorization verifies as well, and its success is not ours.
		return SaleResponse{}, got.doubt(op, ReasonMismatch, nil)
	}
	return response, nil
}
