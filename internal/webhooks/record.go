package webhooks

import (
	"context"
	"crypto/sha256"
	"fmt"
	"net/netip"
	"strings"
	"time"
	"unicode/utf8"

	"github.com/jackc/pgx/v5/pgtype"

	"tillway/internal/cards"
	"tillway/internal/ids"
	"tillway/internal/onerway"
	"tillway/internal/orders"
	"tillway/internal/postgres/dbsqlc"
	"tillway/internal/redact"
	"tillway/internal/telemetry"
)

// status is where a notification stands (API.md, Ops).
type status string

const (
	// statusReceived: stored; of a kind that we do not act on.
	statusReceived status = "received"
	// statusApplied: its news reached its payment, whatever the verdict.
	statusApplied status = "applied"
	// statusUnmatched: no payment of ours has its reference yet; it may be ahead of us.
	statusUnmatched status = "unmatched"
	// statusFailed: applying it failed; a job tries again.
	statusFailed status = "failed"
	// statusDead: we have given up trying.
	statusDead status = "dead"
	// statusQuarantined: not proven to be the provider's.
	statusQuarantined status = "quarantined"
)

// retried reports whether a job tries again.
func (s status) retried() bool { return s == statusUnmatched || s == statusFailed }

// Bounds of what is stored of a message's own words.
const (
	maxWord   = 64
	maxReason = 500
)

// record is what is stored of a notification, redacted.
type record struct {
	hash                       [sha256.Size]byte
	notifyType, txnType        string
	transactionID, merchantTxn string
	source                     string
	body                       []byte
	hidden                     cards.Token
	correlationID              string
}

func (r *Receiver) record(ctx context.Context, n onerway.Notification, d Delivery) (record, error) {
	body, err := redact.JSON(d.Body)
	if err != nil {
		return record{}, fmt.Errorf("redact notification: %w", err) // not reached: what was verified is JSON
	}
	hidden, err := hiddenOf(n)
	if err != nil {
		return record{}, err
	}
	return record{
		hash: sha256.Sum256(d.Body), notifyType: word("notifyType", n.NotifyType), txnType: word("txnType", n.TxnType),
		transactionID: word("transactionId", n.TransactionID), merchantTxn: word("merchantTxnId", n.MerchantTxnID),
		source: address(d.Source), body: body, hidden: hidden, correlationID: telemetry.CorrelationID(ctx),
	}, nil
}

func (rec record) applied(applied orders.Applied, now time.Time) dbsqlc.NotificationAppliedParams {
	return dbsqlc.NotificationAppliedParams{
		ID: ids.New[ids.NotificationEntity]().UUID(), Month: monthOf(now), BodyHash: rec.hash[:],
		Reason: string(applied.Verdict), NotifyType: rec.notifyType, TxnType: rec.txnType,
		TransactionID: rec.transactionID, MerchantTxnID: rec.merchantTxn,
		OrderID: applied.Order.Nullable(), PaymentID: applied.Payment.ID.Nullable(),
		RemoteAddress: rec.source, Body: string(rec.body), Erased: applied.Erased, CorrelationID: rec.correlationID, Now: now,
	}
}

func (rec record) kept(s status, reason string, now time.Time) dbsqlc.NotificationKeepParams {
	return dbsqlc.NotificationKeepParams{
		ID: ids.New[ids.NotificationEntity]().UUID(), Month: monthOf(now), BodyHash: rec.hash[:], Status: string(s),
		Reason: reasonText(reason), NotifyType: rec.notifyType, TxnType: rec.txnType, TransactionID: rec.transactionID,
		MerchantTxnID: rec.merchantTxn, RemoteAddress: rec.source, Body: string(rec.body),
		CorrelationID: rec.correlationID, Now: now,
	}
}

func monthOf(at time.Time) pgtype.Date {
	at = at.UTC()
	return pgtype.Date{Time: time.Date(at.Year(), at.Month(), 1, 0, 0, 0, 0, time.UTC), Valid: true}
}

// word redacts and bounds a member that becomes a column.
func word(name, text string) string { return clip(redact.Member(name, text), maxWord) }

func reasonText(text string) string { return clip(redact.Member("", text), maxReason) }

// clip cuts a text to so many bytes, between characters.
func clip(text string, limit int) string {
	if len(text) <= limit {
		return text
	}
	for limit > 0 && !utf8.RuneStart(text[limit]) {
		limit--
	}
	return strings.ToValidUTF8(text[:limit], "")
}

func address(source netip.Addr) string {
	if !source.IsValid() {
		return ""
	}
	return source.String()
}
