package gateway

import (
	"context"
	"encoding/hex"
	"encoding/json"
	"log/slog"
	"net/url"

	"tillway/internal/onerway"
	"tillway/internal/orders"
	"tillway/internal/redact"
)

// attempt is what one message says of one transaction, in the provider's words, wherever the message came from.
type attempt struct {
	merchantTxnID string
	transactionID string
	txnType       string
	letter        string         // the transaction's status as it came
	status        onerway.Status // what the letter means together with the rest of the message
	paymentStatus string         // the intent's, "" when the message names none
	amount        string
	currency      string
	code          string         // why, "" when the message does not say
	action        onerway.Action // what the shopper is asked to do
	eci           string
	brand         string
	country       string
	last4         string
	method        orders.MethodType // "" where the message does not say, and nobody else did
	fields        onerway.Fields
	digest        string
}

// answer is the evidence of a verified answer to a sale, an authorization, a checkout session, a capture or a void.
func (g *Gateway) answer(
	ctx context.Context, merchantTxnID string, method orders.MethodType, kind onerway.TxnType, r onerway.SaleResponse,
) orders.Evidence {
	if r.Rule != onerway.RuleStandard {
		g.log.WarnContext(ctx, "answer signed by another rule than documented",
			slog.String("merchant_txn_id", merchantTxnID), slog.String("rule", string(r.Rule)))
	}
	code := r.RespCode
	if code == onerway.CodeApproved && r.Outcome() == onerway.StatusFailed {
		// A decline may come in an answer that was itself a success (§2.3); then the reason, if any, stands in the data.
		if reason, _ := onerway.ParseReason(r.Fields["reason"]); reason != "" {
			code = reason
		}
	}
	action, possible := r.Action()
	if onerway.ParseStatus(r.Status) == onerway.StatusRequiresAction && !possible {
		g.unmapped(ctx, "action", merchantTxnID, r.ActionType)
	}
	return g.evidence(ctx, orders.SourceAnswer, attempt{
		merchantTxnID: merchantTxnID, transactionID: r.TransactionID, txnType: string(kind), letter: r.Status,
		status: r.Outcome(), paymentStatus: r.PaymentStatus, amount: r.OrderAmount, currency: r.OrderCurrency, code: code,
		action: action, eci: r.ECI, method: method, fields: r.Fields, digest: r.BodyDigest,
	})
}

// evidence says in our words what the message says.
func (g *Gateway) evidence(ctx context.Context, source orders.Source, a attempt) orders.Evidence {
	g.checkStatus(ctx, a)
	if modifies(a.txnType) {
		a = ofModification(a)
	}
	outcome := outcomeOf(a)
	if outcome != orders.OutcomeUnknown || source == orders.SourceQuery {
		// A message that contradicts itself is not mended by its intent; only the query for the intent is.
		outcome = combine(outcome, a.paymentStatus)
	}
	ev := orders.Evidence{
		Source: source, Outcome: outcome,
		Amount: readAmount(a.amount, a.currency), ProviderTransactionID: a.transactionID,
		ProviderStatus: a.letter, ProviderCode: a.code, ECI: a.eci, CardBrand: a.brand, CardCountry: a.country,
		CardLast4: a.last4,
		Digest:    digestOf(a.digest), Body: bodyOf(a.fields),
	}
	if a.paymentStatus != "" {
		ev.ProviderStatus += "/" + a.paymentStatus
	}
	switch ev.Outcome {
	case orders.OutcomeDeclined, orders.OutcomeAttemptFailed:
		g.checkCode(ctx, a.merchantTxnID, a.code)
		explain(&ev, onerway.DeclineOf(a.code))
	case orders.OutcomeClosed:
		// Why a transaction was closed is told where the provider says it in words that we know.
		if info, known := onerway.LookupCode(a.code); known && info.Failure != "" {
			explain(&ev, onerway.DeclineOf(a.code))
		}
	case orders.OutcomeActionRequired:
		ev.RedirectURL, ev.Display = webAddress(a.action.RedirectURL), a.display()
		if source == orders.SourceAnswer && ev.RedirectURL == "" && ev.Display.IsZero() {
			ev.Outcome = orders.OutcomeUnknown // a shopper cannot be sent there, or shown that
			g.unmapped(ctx, "action", a.merchantTxnID, "an address, code or text that cannot be shown")
		}
	case orders.OutcomeUnknown:
		g.checkCode(ctx, a.merchantTxnID, a.code)
	case orders.OutcomeSucceeded, orders.OutcomeAuthorized, orders.OutcomeReversed, orders.OutcomeProcessing,
		orders.OutcomeNeverSent, orders.OutcomeNotFound:
	}
	return ev
}

// outcomeOf is what a transaction's status means for a sale, an authorization, a capture or a void:
//
//	S succeeded, or authorized for AUTH   F declined   P processing   R action required   N closed
//
// U (waiting for payment) asks the shopper of a checkout session to act. It cannot be said of a card sale, nor I (a refund in
// review) of either: like a letter that the contract does not list, they are unknown.
func outcomeOf(a attempt) orders.Outcome {
	switch a.status {
	case onerway.StatusAwaitingPayment:
		if a.method == orders.MethodHosted {
			return orders.OutcomeActionRequired
		}
	case onerway.StatusSucceeded:
		if a.txnType == string(onerway.TxnAuth) {
			return orders.OutcomeAuthorized
		}
		return orders.OutcomeSucceeded
	case onerway.StatusFailed:
		return orders.OutcomeDeclined
	case onerway.StatusProcessing:
		return orders.OutcomeProcessing
	case onerway.StatusRequiresAction:
		return orders.OutcomeActionRequired
	case onerway.StatusClosed:
		return orders.OutcomeClosed
	case onerway.StatusInReview, onerway.StatusUnknown:
	}
	return orders.OutcomeUnknown
}

// explain writes down why a payment did not succeed.
func explain(ev *orders.Evidence, decline onerway.Decline) {
	ev.Failure = &orders.Failure{
		Code: string(decline.Failure), DeclineCode: decline.DeclineCode, Message: decline.Message,
		Category: categoryOf(decline.Category), ProviderCode: decline.ProviderCode,
	}
	switch decline.Failure {
	case onerway.FailureAuthenticationFailed:
		ev.ThreeDSResult = orders.ThreeDSFailed
	case onerway.FailureAuthenticationTimeout:
		ev.ThreeDSResult = orders.ThreeDSTimeout
	case onerway.FailureAuthenticationRejected:
		ev.ThreeDSResult = orders.ThreeDSRejected
	case onerway.FailureCardDeclined, onerway.FailureExpiredCard, onerway.FailureIncorrectCVC,
		onerway.FailureInsufficientFunds, onerway.FailureInvalidNumber, onerway.FailureProcessingError:
	}
}

func categoryOf(class onerway.CodeClass) orders.FailureCategory {
	switch class {
	case onerway.ClassSoft:
		return orders.FailureSoft
	case onerway.ClassHard:
		return orders.FailureHard
	case onerway.ClassConfiguration:
		return orders.FailureConfiguration
	case onerway.ClassTechnical, onerway.ClassUnclear, onerway.ClassApproved:
	}
	return orders.FailureTechnical
}

// inexpressible is the evidence of a sale that cannot be written in the provider's terms, such as one whose addresses of
// ours are too long. Nothing was sent, and unlike after a failed connection, repeating it would change nothing.
func inexpressible() orders.Evidence {
	return orders.Evidence{
		Source: orders.SourceAnswer, Outcome: orders.OutcomeDeclined,
		Failure: &orders.Failure{
			Code: string(onerway.FailureProcessingError), DeclineCode: "request_rejected", Category: orders.FailureConfiguration,
			Message: "The payment could not be processed. Nothing was charged; please contact the shop.",
		},
	}
}

// checkStatus counts and logs a letter that the contract does not list. Where an intent speaks, the transaction may be silent.
func (g *Gateway) checkStatus(ctx context.Context, a attempt) {
	silent := a.letter == "" && a.paymentStatus != ""
	if (onerway.ParseStatus(a.letter) == onerway.StatusUnknown && !silent) || !knownIntent(a.paymentStatus) {
		g.unmapped(ctx, "status", a.merchantTxnID, a.letter+"/"+a.paymentStatus)
	}
}

// checkCode counts and logs a code that no source documents.
func (g *Gateway) checkCode(ctx context.Context, merchantTxnID, code string) {
	if _, known := onerway.LookupCode(code); !known && code != "" {
		g.unmapped(ctx, "code", merchantTxnID, code)
	}
}

func (g *Gateway) unmapped(ctx context.Context, kind, merchantTxnID, value string) {
	g.observer.UnmappedProviderValue(ctx, kind)
	g.log.ErrorContext(ctx, "the provider said a word that we do not know", slog.String("kind", kind),
		slog.String("value", cut(value, 64)), slog.String("merchant_txn_id", merchantTxnID))
}

// classOf is the result of a sale as a metric label.
func classOf(ev orders.Evidence) string {
	switch ev.Outcome {
	case orders.OutcomeSucceeded, orders.OutcomeAuthorized:
		return "approved"
	case orders.OutcomeDeclined, orders.OutcomeAttemptFailed:
		return string(ev.Failure.Category)
	case orders.OutcomeActionRequired, orders.OutcomeProcessing, orders.OutcomeClosed, orders.OutcomeReversed,
		orders.OutcomeUnknown, orders.OutcomeNeverSent, orders.OutcomeNotFound:
	}
	return string(ev.Outcome)
}

// webAddress is an address that a browser may be sent to, else "": a javascript: or data: address would run in our page.
func webAddress(text string) string {
	address, err := url.Parse(text)
	if err != nil || address.Host == "" || (address.Scheme != "https" && address.Scheme != "http") {
		return ""
	}
	return text
}

func digestOf(text string) []byte {
	digest, err := hex.DecodeString(text)
	if err != nil || len(digest) == 0 {
		return nil
	}
	return digest
}

// bodyOf is a message as it may be kept: without instruments, names, signature and empty members. A body that cannot be
// made safe is not kept.
func bodyOf(fields onerway.Fields) []byte {
	members := fields.Redacted()
	for name, value := range members {
		if value == "" || name == "sign" {
			delete(members, name)
		}
	}
	for _, name := range []string{"holderName", "email"} {
		if members[name] != "" {
			members[name] = redact.Redacted
		}
	}
	if len(members) == 0 {
		return nil
	}
	return redact.Texts(members)
}

// errorBody keeps what is known of a call that failed; its texts were scrubbed by the client.
func errorBody(failed *onerway.Error) []byte {
	return redacted(map[string]any{"error": map[string]any{
		"class": failed.Class, "reason": failed.Reason, "http_status": failed.HTTPStatus,
		"resp_code": failed.RespCode, "resp_msg": failed.RespMsg,
	}})
}

func redacted(value any) []byte {
	raw, err := json.Marshal(value)
	if err != nil {
		return nil
	}
	body, err := redact.JSON(raw)
	if err != nil {
		return nil
	}
	return body
}
