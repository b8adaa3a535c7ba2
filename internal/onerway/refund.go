package onerway

import (
	"context"
	"net/http"
)

// RefundType says what an OnlineRefund does (§6).
type RefundType string

// The refund types.
const (
	RefundApply    RefundType = "0"
	RefundWithdraw RefundType = "1"
)

// TxnRefund is the type of a refund's transaction, in queries and notifications only.
const TxnRefund TxnType = "REFUND"

// RefundRequest applies for a refund, or takes an application back (§8.8).
type RefundRequest struct {
	Type          RefundType
	MerchantTxnID string // the refund's own
	// OriginTransactionID is the paid transaction with RefundApply, the refund's transaction with RefundWithdraw.
	OriginTransactionID string
	RefundAmount        string // decimal text in major units of the payment's currency
}

// RefundResponse is the provider's acceptance of the request, and nothing more: what becomes of the refund its staff
// decides. It is unsigned.
type RefundResponse struct {
	RespCode      string
	RespMsg       string
	TransactionID string // of the refund; "" for a withdrawal
	BodyDigest    string // SHA-256 of the body, hex
}

// OnlineRefund sends the request, exactly once. Its errors are of type *Error: after NeverSent and Refused there is no
// refund; after Unknown there may be one.
func (c *Client) OnlineRefund(ctx context.Context, request RefundRequest) (RefundResponse, error) {
	const op = "onlineRefund"
	fields := Fields{"refundType": string(request.Type)}
	for name, value := range map[string]string{
		"merchantTxnId": request.MerchantTxnID, "originTransactionId": request.OriginTransactionID,
		"refundAmount": request.RefundAmount,
	} {
		if err := required(name, value); err != nil {
			return RefundResponse{}, invalidRequest(op, err)
		}
		fields[name] = value
	}
	got, err := c.call(ctx, op, "/v1/txn/onlineRefund", fields, scrubber{})
	if err != nil {
		return RefundResponse{}, err
	}
	if got.respCode != CodeApproved {
		return RefundResponse{}, got.withoutData(op)
	}
	response := RefundResponse{RespCode: got.respCode, RespMsg: got.respMsg, BodyDigest: got.digest}
	if request.Type == RefundWithdraw {
		return response, nil
	}
	response.TransactionID, err = signedText(got.data)
	if err != nil || !transactionID.MatchString(response.TransactionID) {
		// Accepted, it says, and not under which transaction: only the query can tell.
		return RefundResponse{}, &Error{
			Class: Unknown, Reason: ReasonUnreadable, Op: op, HTTPStatus: http.StatusOK, RespCode: got.respCode, cause: ErrMalformed,
		}
	}
	return response, nil
}
