package onerway

import (
	"context"
	"encoding/json"
	"net/http"
)

// CancelResponse is the provider's word that it looks into a transaction, and nothing more. It is unsigned.
type CancelResponse struct {
	RespCode   string
	Status     string // the provider's letter: I, the cancellation is under way
	BodyDigest string // SHA-256 of the body, hex
}

// CancelTransaction asks the provider to cancel a transaction that is stuck in processing (§8.10): it establishes the truth, gives
// back what was taken, and tells of it in a notification CANCEL. Asking twice cancels once. Its errors are of type *Error:
// after NeverSent and Refused nothing is being canceled, as far as this request is concerned; after Unknown it may be.
func (c *Client) CancelTransaction(ctx context.Context, originTransactionID string) (CancelResponse, error) {
	const op = "cancelTxn"
	if err := required("originTransactionId", originTransactionID); err != nil {
		return CancelResponse{}, invalidRequest(op, err)
	}
	got, err := c.call(ctx, op, "/v1/txn/cancelTxn", Fields{"originTransactionId": originTransactionID}, scrubber{})
	if err != nil {
		return CancelResponse{}, err
	}
	if got.respCode != CodeApproved {
		return CancelResponse{}, got.withoutData(op)
	}
	var data struct {
		TransactionID string `json:"transactionId"`
		Status        string `json:"status"`
	}
	if err := json.Unmarshal([]byte(got.data), &data); err != nil || data.TransactionID == "" || data.Status == "" {
		return CancelResponse{}, &Error{
			Class: Unknown, Reason: ReasonUnreadable, Op: op, HTTPStatus: http.StatusOK, RespCode: got.respCode, cause: ErrMalformed,
		}
	}
	return CancelResponse{RespCode: got.respCode, Status: data.Status, BodyDigest: got.digest}, nil
}
