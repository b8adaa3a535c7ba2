package gateway

import (
	"context"
	"fmt"
	"log/slog"
	"regexp"

	"tillway/internal/cards"
	"tillway/internal/details"
	"tillway/internal/onerway"
	"tillway/internal/orders"
)

// contractName and maxToken are what the provider takes back from us when it is to charge (§7).
var contractName = regexp.MustCompile(`^[A-Za-z0-9_-]{1,20}$`)

const maxToken = 300

// subscribeTerms has a card sale begin a contract.
func subscribeTerms(request *onerway.SaleRequest, terms orders.Terms) {
	request.SubProductType, request.MerchantCustID = onerway.SubProductSubscribe, terms.ProviderCustomer
	request.Subscription = &onerway.SubscriptionTerms{
		ProductName:   cut(oneLine(terms.ProductName), maxLongText),
		FrequencyType: onerway.FrequencyDay, FrequencyPoint: terms.FrequencyDays, SelfExecute: onerway.ExecuteSelf,
	}
	if m := terms.Managed; m != nil {
		request.Subscription.SelfExecute, request.Subscription.FrequencyPoint = onerway.ExecuteManaged, m.Count
		request.Subscription.FrequencyType = frequencyOf(m.Unit)
		request.Subscription.CycleCount, request.Subscription.ExpireDate = m.Cycles, m.ExpireOn
		request.Subscription.TrialDays = m.TrialDays
	}
}

// frequencyOf is a unit in the provider's terms; "" for one that it does not know, which the wire client refuses.
func frequencyOf(unit string) onerway.FrequencyType {
	switch unit {
	case "day":
		return onerway.FrequencyDay
	case "month":
		return onerway.FrequencyMonth
	case "year":
		return onerway.FrequencyYear
	}
	return ""
}

// renewalRequest writes the renewal of a subscription in the provider's terms: without a card, without 3DS, and with addresses
// only where we know enough of one (§8.1).
func renewalRequest(sale orders.Sale) (onerway.SaleRequest, error) {
	amount, ok := wireDecimal(sale.Amount)
	if !ok {
		return onerway.SaleRequest{}, fmt.Errorf("%s: %w", sale.Amount, errInexpressible)
	}
	order := orderMsg(sale, amount)
	order.ReturnURL = ""
	request := onerway.SaleRequest{
		MerchantTxnID: sale.MerchantTxnID, MerchantTxnOriginalID: sale.OriginalID, MerchantCustID: sale.Contract.ProviderCustomer,
		MerchantTxnTime: sale.SentAt, SubProductType: onerway.SubProductSubscribe, TxnType: onerway.TxnSale,
		OrderAmount: amount, OrderCurrency: sale.Amount.Currency.Code(), Order: order,
		Renewal: &onerway.SubscriptionRenewal{
			ContractID: onerway.Conceal(sale.Contract.ID), TokenID: onerway.Conceal(sale.Contract.Token.Reveal()),
		},
	}
	if sale.Billing != (details.Contact{}) {
		billing, shipping := addresses(sale)
		request.Billing, request.Shipping = &billing, &shipping
	}
	return request, nil
}

// contractOf is what signed members name of a contract. What we could not send back is no name of one.
func (g *Gateway) contractOf(ctx context.Context, merchantTxnID string, contract, token onerway.Sensitive) orders.Contract {
	var named orders.Contract
	if text := contract.Reveal(); contractName.MatchString(text) {
		named.ID = text
	} else if text != "" {
		g.oddContract(ctx, "contract", merchantTxnID)
	}
	if text := token.Reveal(); text != "" && len(text) <= maxToken {
		named.Token = cards.NewToken(text)
	} else if text != "" {
		g.oddContract(ctx, "token", merchantTxnID)
	}
	return named
}

func (g *Gateway) oddContract(ctx context.Context, kind, merchantTxnID string) {
	g.observer.UnmappedProviderValue(ctx, kind)
	g.log.ErrorContext(ctx, "the provider named a contract in a form that it does not take back",
		slog.String("kind", kind), slog.String("merchant_txn_id", merchantTxnID))
}

// scenarioOf is what a payment is of; "" for what no source documents, which changes nothing of the payment.
func scenarioOf(scenarios string) orders.Scenario {
	switch scenarios {
	case onerway.ScenarioInitial:
		return orders.ScenarioInitial
	case onerway.ScenarioRenewal:
		return orders.ScenarioRenewal
	}
	return ""
}
