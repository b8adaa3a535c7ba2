package onerway

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
)

// defaultRemoveTokenPath is where tokens are removed unless Config says otherwise: no source names the path (§8.7).
const defaultRemoveTokenPath = "/v1/txn/removeToken" //nolint:gosec // an address, no secret

// BindCardRequest keeps a card for a customer (§8.5). No money moves.
type BindCardRequest struct {
	MerchantCustID string // of the customer, at most 50 characters
	Card           *CardInfo
	Email          string
	Country        string // ISO 3166-1 alpha-2
	TransactionIP  string // of whoever asks for it
}

// BindCardResponse is a verified answer to a bindCard: the card was kept, or it was declined. RespCode is outside the
// signature; a token is inside.
type BindCardResponse struct {
	RespCode      string
	TransactionID string
	TokenID       Sensitive // empty when the card was declined
	BodyDigest    string    // SHA-256 of the body, hex
}

// Decline explains an answer without a token.
func (r BindCardResponse) Decline() Decline { return DeclineOf(r.RespCode) }

// BoundToken is one card that the provider keeps for a customer (§8.6).
type BoundToken struct {
	ID            string // of the binding: what RemoveToken takes
	TokenID       Sensitive
	AppID         string
	CardNumber    string // masked: first six and last four digits
	PaymentMethod string
	Year, Month   string
}

func (r BindCardRequest) check() error {
	faults := []error{
		lengthFault("merchantCustId", r.MerchantCustID, 1, 50),
		lengthFault("email", r.Email, 1, 256),
		lengthFault("country", r.Country, 1, 64),
		lengthFault("transactionIp", r.TransactionIP, 1, 64),
	}
	if r.Card == nil {
		faults = append(faults, errors.New("cardInfo is missing"))
	}
	return errors.Join(faults...)
}

// BindCard sends one request to keep a card, exactly once. Its errors are of type *Error: after NeverSent and Refused the
// card was not kept; after Unknown it may have been, and QueryTokens can tell.
func (c *Client) BindCard(ctx context.Context, request BindCardRequest) (BindCardResponse, error) {
	const op = "bindCard"
	if err := request.check(); err != nil {
		return BindCardResponse{}, invalidRequest(op, err)
	}
	scrub := scrubber{cardNumber: request.Card.CardNumber, others: []Sensitive{request.Card.CVV, request.Card.HolderName}}
	fields := Fields{
		"appId": c.appID, "merchantCustId": request.MerchantCustID, "email": request.Email,
		"country": request.Country, "transactionIp": request.TransactionIP,
	}
	if err := setNested(fields, "cardInfo", wireCardOf(request.Card)); err != nil {
		return BindCardResponse{}, invalidRequest(op, err)
	}
	got, err := c.call(ctx, op, "/v1/txn/bindCard", fields, scrub)
	if err != nil {
		return BindCardResponse{}, err
	}
	data, err := c.signedData(op, got)
	if err != nil {
		return BindCardResponse{}, err
	}
	response := BindCardResponse{
		RespCode: got.respCode, TransactionID: data["transactionId"], TokenID: Conceal(data["tokenId"]), BodyDigest: got.digest,
	}
	if !transactionID.MatchString(response.TransactionID) || response.TokenID.Empty() == (got.respCode == CodeApproved) ||
		len(data["tokenId"]) > maxToken {
		return BindCardResponse{}, got.doubt(op, ReasonMismatch, nil)
	}
	return response, nil
}

const maxToken = 300 // characters of a tokenId (§2.4)

// signedData reads the data of an answer and holds it to its signature (§3.3).
func (c *Client) signedData(op string, got answer) (Fields, error) {
	if got.data == "" {
		return nil, got.withoutData(op)
	}
	data, err := parseFields(got.data)
	if err != nil {
		return nil, got.doubt(op, ReasonUnreadable, err)
	}
	if _, err := VerifyResponse(data, c.secrets); err != nil {
		return nil, got.doubt(op, ReasonBadSignature, err)
	}
	return data, nil
}

// QueryTokens lists the cards that the provider keeps for a customer of ours (§8.6): those for charges that we start. The
// answer is unsigned.
func (c *Client) QueryTokens(ctx context.Context, merchantCustID string) ([]BoundToken, error) {
	const op = "queryTokenList"
	if err := lengthFault("merchantCustId", merchantCustID, 1, 50); err != nil {
		return nil, invalidRequest(op, err)
	}
	got, err := c.ask(ctx, op, "/v1/txn/queryTokenList", Fields{
		"appId": c.appID, "merchantCustId": merchantCustID, "subProductType": string(SubProductToken),
	})
	if err != nil {
		return nil, err
	}
	if got.data == "" || got.respCode != CodeApproved {
		return nil, got.withoutData(op)
	}
	tokens, err := parseTokens(got.data)
	if err != nil {
		return nil, got.doubt(op, ReasonUnreadable, err)
	}
	return tokens, nil
}

// parseTokens reads the list. An answer without one does not say that there are no tokens.
func parseTokens(data string) ([]BoundToken, error) {
	members, err := parseObject(data)
	if err != nil {
		return nil, err
	}
	var rows []json.RawMessage
	if err := json.Unmarshal([]byte(members["tokenInfos"]), &rows); err != nil || rows == nil {
		return nil, fmt.Errorf("%w: no token list", ErrMalformed)
	}
	tokens := make([]BoundToken, 0, len(rows))
	for _, raw := range rows {
		row, err := ParseFields(raw)
		if err != nil {
			return nil, err
		}
		if row["id"] == "" || row["tokenId"] == "" || len(row["tokenId"]) > maxToken {
			return nil, fmt.Errorf("%w: a token without its ids", ErrMalformed)
		}
		tokens = append(tokens, BoundToken{
			ID: row["id"], TokenID: Conceal(row["tokenId"]), AppID: row["appId"], CardNumber: row["cardNumber"],
			PaymentMethod: row["paymentMethod"], Year: row["year"], Month: row["month"],
		})
	}
	return tokens, nil
}

// RemoveToken makes the provider forget one card, by the id of its binding (§8.7). After any error but one of class
// NeverSent or Refused it may be forgotten; QueryTokens can tell, and removing it again does no harm.
func (c *Client) RemoveToken(ctx context.Context, bindingID string) error {
	const op = "removeToken"
	if !transactionID.MatchString(bindingID) {
		return invalidRequest(op, errors.New("id is not 1 to 20 digits"))
	}
	got, err := c.call(ctx, op, c.removeTokenPath, Fields{"id": bindingID}, scrubber{})
	if err != nil {
		return err
	}
	data, err := c.signedData(op, got)
	if err != nil {
		return err
	}
	if got.respCode != CodeApproved || data["success"] != "true" {
		return &Error{
			Class: Refused, Reason: ReasonCode, Op: op, HTTPStatus: http.StatusOK, RespCode: got.respCode, RespMsg: got.respMsg,
		}
	}
	return nil
}
