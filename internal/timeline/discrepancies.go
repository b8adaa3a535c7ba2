package timeline

import (
	"encoding/json"
	"fmt"
	"strings"

	"tillway/internal/orders"
)

// discrepancyEntry tells that our record and the provider's differ, or that they do no longer.
func discrepancyEntry(entry *Entry, e orders.HistoryEvent) {
	var d orders.DiscrepancyResource
	if json.Unmarshal(e.Object, &d) != nil {
		return
	}
	entry.Payment = d.Payment
	entry.Details = Details{
		Status: string(d.Status), Discrepancy: d.ID.String(), Class: d.Class, Refund: orEmpty(d.Refund),
		MoneyAtRisk: &d.MoneyAtRisk, Currency: orEmpty(d.Currency),
	}
	what := strings.ReplaceAll(d.Class, "_", " ")
	switch d.Status {
	case orders.DiscrepancyOpen:
		entry.Text = sentences(classWords(d.Class), riskWords(d), "A person must look.")
	case orders.DiscrepancyAutoResolved:
		entry.Text = fmt.Sprintf("The discrepancy (%s) has ended by itself: later news explained it.", what)
	case orders.DiscrepancyResolved:
		entry.Actor = ActorMerchant
		entry.Text = fmt.Sprintf("A person closed the discrepancy (%s): %s", what, orEmpty(d.Reason))
	}
}

func riskWords(d orders.DiscrepancyResource) string {
	if d.Currency == nil || d.MoneyAtRisk == 0 {
		return ""
	}
	return "At risk: " + amount(d.MoneyAtRisk, *d.Currency) + "."
}

func classWords(class string) string {
	switch class {
	case "amount":
		return "The provider speaks of another amount than ours."
	case "currency":
		return "The provider speaks of another currency than ours."
	case "status":
		return "The provider and our record disagree on how it ended."
	case "provider_transaction_id":
		return "The provider names another transaction than the one on record."
	case "surplus":
		return "Another payment took money for this order, which needed none: somebody has to decide what becomes of it."
	case "late_payment":
		return "Money arrived after its payment had been given up: somebody has to decide whether it stays."
	case "reversal":
		return "Money that counted has been taken back, or was never taken."
	case "unsettled":
		return "The provider has not said for a week how it went."
	case "refund":
		return "Money that has to go back could not be sent back."
	case "refund_match":
		return "Several refunds at the provider could be ours."
	case "dispute":
		return "Money of the order is disputed by the shopper's bank."
	case "over_dispute":
		return "The bank has taken back more than was there: money of it had gone back to the shopper already."
	case orders.ClassPeriodMissed:
		return "This period of the subscription was not charged in its time, and is not charged later by itself."
	case orders.ClassContractMissing:
		return "The subscription's first purchase was paid, and the provider has not named the contract for later charges."
	case orders.ClassRenewalRefused:
		return "The provider refused to charge this period for a reason that lies with us. It is not tried again by itself."
	case orders.ClassPaidAfterEnd:
		return "This period was paid when its subscription had ended: somebody has to decide whether the money stays."
	case "over_refund":
		return "The provider gave back money that had been freed and used again."
	}
	return "Our record and the provider's differ (" + strings.ReplaceAll(class, "_", " ") + ")."
}
