package gateway

import (
	"cmp"
	"context"
	"fmt"
	"time"

	"tillway/internal/onerway"
	"tillway/internal/orders"
	"tillway/internal/ratelimit"
)

var _ orders.DisputeGateway = (*Gateway)(nil)

// maxChargebackPages bounds what a list may claim to have; the provider answers ten rows a page (§8.14).
const maxChargebackPages = 100_000

// disputeNews is what a notification says of a chargeback. The payment that it names is a hint (§10.4): not signed.
func (g *Gateway) disputeNews(ctx context.Context, n onerway.Notification) orders.DisputeNews {
	ev := orders.DisputeEvidence{
		Source: orders.SourceNotification, Outcome: g.disputeOutcome(ctx, n.TransactionID, n.ChargebackStatus),
		ProviderDisputeID: n.TransactionID, Origin: n.OriginTransactionID,
		Amount: readAmount(n.ChargebackAmount, n.ChargebackCurrency), Reason: n.ChargebackReason, ReasonCode: n.ChargebackCode,
		ARN: n.ChargebackARN, ProviderStatus: n.ChargebackStatus, RaisedAt: g.at(n.ImportTime), EvidenceDueBy: g.at(n.AppealDueTime),
		Digest: digestOf(n.BodyDigest), Body: bodyOf(n.Fields),
	}
	return orders.DisputeNews{Evidence: ev}
}

// warning is what a notification says of a chargeback that may come. Which members it has besides the first four no source tells
// (§10.5, §17): what is there is read. The warned of transaction may be its own number.
func (g *Gateway) warning(n onerway.Notification) orders.DisputeNews {
	amount := readAmount(n.ChargebackAmount, n.ChargebackCurrency)
	if amount.IsZero() {
		amount = readAmount(n.OrderAmount, n.OrderCurrency)
	}
	return orders.DisputeNews{Evidence: orders.DisputeEvidence{
		Source: orders.SourceNotification, Outcome: orders.DisputeOutcomeWarned, ProviderDisputeID: n.TransactionID,
		Origin: cmp.Or(n.OriginTransactionID, n.TransactionID), Amount: amount, Reason: n.ChargebackReason,
		ReasonCode: n.ChargebackCode, ARN: n.ChargebackARN, ProviderStatus: cmp.Or(n.ChargebackStatus, n.Status),
		RaisedAt: g.at(n.ImportTime), EvidenceDueBy: g.at(n.AppealDueTime),
		Digest: digestOf(n.BodyDigest), Body: bodyOf(n.Fields),
	}}
}

// FindDispute asks for a chargeback by its number. Its row is believed over any notification: it comes over a connection that
// we opened ourselves.
func (g *Gateway) FindDispute(ctx context.Context, providerDisputeID string) (orders.DisputeEvidence, error) {
	page, err := askIn(ctx, g, ratelimit.LaneQuery, "query_dispute", func() (onerway.Page[onerway.Chargeback], error) {
		return g.provider.ListChargebacks(ctx, onerway.ChargebackRequest{ChargebackIDs: []string{providerDisputeID}})
	})
	if err != nil {
		return orders.DisputeEvidence{}, fmt.Errorf("find dispute %s: %w", providerDisputeID, err)
	}
	for _, row := range page.Rows {
		if row.ChargebackID == providerDisputeID {
			return g.chargeback(ctx, row, page.BodyDigest), nil
		}
	}
	if !bare(page) {
		return orders.DisputeEvidence{}, fmt.Errorf("find dispute %s: %w", providerDisputeID, errOffTopic)
	}
	return orders.DisputeEvidence{
		Source: orders.SourceQuery, Outcome: orders.DisputeOutcomeNotFound, ProviderDisputeID: providerDisputeID,
		Digest: digestOf(page.BodyDigest),
	}, nil
}

// ListDisputes pages through the chargebacks that the provider took in within a time range, off the way of everything else.
func (g *Gateway) ListDisputes(ctx context.Context, from, to time.Time, number int) ([]orders.DisputeEvidence, bool, error) {
	page, err := askIn(ctx, g, ratelimit.LaneReconciliation, "list_disputes", func() (onerway.Page[onerway.Chargeback], error) {
		return g.provider.ListChargebacks(ctx, onerway.ChargebackRequest{ImportedFrom: from, ImportedTo: to, Page: number})
	})
	if err != nil {
		return nil, false, err
	}
	if !isPage(page, number) || page.TotalPages > maxChargebackPages {
		return nil, false, errOffTopic
	}
	found := make([]orders.DisputeEvidence, 0, len(page.Rows))
	for _, row := range page.Rows {
		found = append(found, g.chargeback(ctx, row, page.BodyDigest))
	}
	return found, number < page.TotalPages, nil
}

// isPage tells whether an answer is the page that was asked for.
func isPage[T any](page onerway.Page[T], number int) bool {
	return page.Current == number || (number == 1 && isFirst(page.Current))
}

func (g *Gateway) chargeback(ctx context.Context, row onerway.Chargeback, digest string) orders.DisputeEvidence {
	return orders.DisputeEvidence{
		Source: orders.SourceQuery, Outcome: g.disputeOutcome(ctx, row.ChargebackID, row.ChargebackStatus),
		ProviderDisputeID: row.ChargebackID, Origin: row.OriginTransactionID,
		Amount: readAmount(row.ChargebackAmount, row.ChargebackCurrency), Reason: row.ChargebackReason,
		ReasonCode: row.ChargebackCode, ARN: row.ChargebackARN, ProviderStatus: row.ChargebackStatus,
		RaisedAt: g.at(row.ImportTime), EvidenceDueBy: g.at(row.AppealDueTime), Digest: digestOf(digest), Body: bodyOf(row.Fields),
	}
}

// at reads a time of the provider's, which bears no zone in these messages; zero where it is none.
func (g *Gateway) at(text string) time.Time {
	at, err := onerway.ParseTime(text, "", g.zone)
	if err != nil {
		return time.Time{}
	}
	return at
}

// disputeOutcome is what a chargeback's status means (§6). A word that the contract does not list is counted and logged.
func (g *Gateway) disputeOutcome(ctx context.Context, id, word string) orders.DisputeOutcome {
	var phase orders.DisputePhase
	switch onerway.ChargebackStatus(word) {
	case onerway.ChargebackNew:
		phase = orders.PhaseRaised
	case onerway.ChargebackFirstAppeal:
		phase = orders.PhaseFirstAppeal
	case onerway.ChargebackFirstAppealWon:
		phase = orders.PhaseFirstAppealWon
	case onerway.ChargebackFirstAppealLost, onerway.ChargebackFirstAppealTimedOut:
		phase = orders.PhaseFirstAppealLost
	case onerway.ChargebackSecondAppeal:
		phase = orders.PhaseSecondAppeal
	case onerway.ChargebackSecondAppealWon:
		phase = orders.PhaseSecondAppealWon
	case onerway.ChargebackSecondAppealLost, onerway.ChargebackSecondAppealTimedOut:
		phase = orders.PhaseSecondAppealLost
	case onerway.ChargebackAccepted:
		phase = orders.PhaseAccepted
	case onerway.ChargebackRevoked, onerway.ChargebackDeleted:
		phase = orders.PhaseWithdrawn
	default:
		g.unmapped(ctx, "chargeback_status", id, word)
		return orders.DisputeOutcomeUnknown
	}
	return orders.DisputeOutcome(phase)
}
