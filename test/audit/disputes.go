package audit

import (
	"context"
	"strings"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"

	"tillway/internal/sandbox"
)

// dispute is what we say of a chargeback, or of the warning of one.
type dispute struct {
	PaymentID  uuid.UUID
	ProviderID string
	Stage      string
	Status     string
	Currency   string
	Amount     int64
	Claimed    int64
}

func (d *dispute) named() caseName { return caseName{d.Stage == "pre_dispute", d.ProviderID} }

// caseName is how both sides name a case.
type caseName struct {
	warning bool
	id      string
}

const disputesSQL = `SELECT payment_id, provider_dispute_id, stage, status, currency, amount, amount_claimed FROM disputes`

func (s *ours) readDisputes(ctx context.Context, tx pgx.Tx) error {
	disputes, err := collect(ctx, tx, disputesSQL, pgx.RowToAddrOfStructByPos[dispute])
	for _, d := range disputes {
		s.disputes[d.named()] = d
	}
	return err
}

// standing is the provider's status of a case in our words. A case that was withdrawn stays at its stage.
func standing(status string) (stage, ours string) {
	stages := map[string][2]string{
		"PRE_DISPUTE": {"pre_dispute", "warning"}, "NEW": {"chargeback", "open"}, "ACCEPT": {"chargeback", "accepted"},
		"FA": {"first_appeal", "under_review"}, "FAS": {"first_appeal", "won"}, "FAF": {"first_appeal", "lost"}, "FAT": {"first_appeal", "lost"},
		"SA": {"second_appeal", "under_review"}, "SAS": {"second_appeal", "won"}, "SAF": {"second_appeal", "lost"}, "SAT": {"second_appeal", "lost"},
		"REVOKE": {"", "withdrawn"},
	}
	return stages[status][0], stages[status][1]
}

// disputes holds every chargeback to the provider's, and what they take of a payment to what banks hold of it.
func (a *auditor) disputes() {
	held, known := map[uuid.UUID]int64{}, map[caseName]bool{}
	of := a.transactions()
	for _, c := range a.c.Books.Chargebacks {
		name := caseName{c.PreDispute, c.ChargebackID}
		known[name] = true
		minor := minorOf(c.Amount, c.Currency)
		if p := of[c.OriginTransactionID]; p != nil && c.Holds {
			held[p.ID] += minor
			a.report.ChargedBack += minor
		}
		if d := a.ours.disputes[name]; d != nil {
			a.dispute(c, d, of[c.OriginTransactionID])
		} else if !c.PreDispute || a.acknowledged(c.ChargebackID) {
			a.find("the provider has dispute %s (%s), which we do not", c.ChargebackID, c.Status)
		}
	}
	for name, d := range a.ours.disputes {
		a.report.Disputes++
		if !known[name] {
			a.find("dispute %s is not the provider's", d.ProviderID)
		}
	}
	for _, p := range a.ours.payments {
		a.report.Claimed += p.Claimed
		if p.Claimed != held[p.ID] {
			a.find("payment %s: banks hold %d of it, we say %d", p.name(), held[p.ID], p.Claimed)
		}
		if there := max(0, min(p.Claimed, p.Captured-p.Refunded-p.RefundPending)); p.Disputed != there {
			a.find("payment %s: %d disputed, %d of what banks hold is there", p.name(), p.Disputed, there)
		}
	}
}

// dispute holds one case to the provider's.
func (a *auditor) dispute(c sandbox.BookedChargeback, d *dispute, of *payment) {
	minor := minorOf(c.Amount, c.Currency)
	if d.Amount != minor || !strings.EqualFold(d.Currency, c.Currency) {
		a.find("dispute %s: %s %s there, %d here", c.ChargebackID, c.Amount, c.Currency, d.Amount)
	}
	if of == nil || of.ID != d.PaymentID {
		a.find("dispute %s is of another payment there", c.ChargebackID)
	}
	stage, status := standing(c.Status)
	if d.Status != status || stage != "" && d.Stage != stage {
		a.find("dispute %s is %s there and %s/%s here", c.ChargebackID, c.Status, d.Stage, d.Status)
	}
}

// transactions are our payments by the provider's transactions that took their money.
func (a *auditor) transactions() map[string]*payment {
	of := map[string]*payment{}
	for _, t := range a.c.Books.Transactions {
		if m := a.ours.modifications[t.MerchantTxnID]; m != nil {
			of[t.TransactionID] = a.ours.byID[m.PaymentID]
		} else if p := a.ours.payments[t.MerchantTxnID]; p != nil {
			of[t.TransactionID] = p
		}
	}
	return of
}

// acknowledged reports whether a notification of a transaction reached us.
func (a *auditor) acknowledged(transaction string) bool {
	for _, d := range a.c.Deliveries {
		if d.TransactionID == transaction && d.Acknowledged && d.Kind != "forged" {
			return true
		}
	}
	return false
}
