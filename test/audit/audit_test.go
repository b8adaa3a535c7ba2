package audit

import (
	"strings"
	"testing"

	"github.com/google/uuid"
	"github.com/stretchr/testify/require"

	"tillway/internal/sandbox"
	"tillway/test/storefront"
)

// books are both sides of a small shop that agree; tests tamper with them.
type books struct {
	ours    *ours
	c       Case
	order   *order
	payment *payment
	refund  *refund
	method  *method
	dispute *dispute
}

// agreeing is an order of 27.00 EUR, paid with a saved card, of which 7.00 EUR went back and the bank took 5.00.
func agreeing(t *testing.T) *books {
	t.Helper()
	b := &books{
		order: &order{
			ID: uuid.New(), Status: "partially_refunded", Currency: "EUR", Amount: 2700, AmountPaid: 2700, Refunded: 700,
			LastSequence: 6, Events: 6, FirstEvent: 1, LastEvent: 6,
		},
		method: &method{ID: uuid.New(), ProviderCustomer: "cus_1", Status: "active", Last4: "4242", HasToken: true},
	}
	b.payment = &payment{
		ID: uuid.New(), OrderID: b.order.ID, Status: "succeeded", Currency: "EUR", Captured: 2700, Refunded: 700, Method: "card", Saved: true,
		Disputed: 500, Claimed: 500,
	}
	b.payment.MerchantTxnID = b.payment.name()
	b.refund = &refund{
		ID: uuid.New(), OrderID: b.order.ID, PaymentID: b.payment.ID, Status: "succeeded", Currency: "EUR", Amount: 700,
		Approval: "approved", CreatedBy: "key_1", DecidedBy: "key_2",
	}
	b.refund.MerchantTxnID = b.refund.name()
	b.dispute = &dispute{
		PaymentID: b.payment.ID, ProviderID: "d1", Stage: "first_appeal", Status: "under_review", Currency: "EUR", Amount: 500, Claimed: 500,
	}
	b.ours = &ours{
		orders: map[string]*order{}, payments: map[string]*payment{}, refunds: map[string]*refund{b.refund.MerchantTxnID: b.refund},
		modifications: map[string]*modification{}, ofOrder: map[string][]*payment{}, byID: map[uuid.UUID]*payment{},
		noted: map[string]bool{}, methods: map[string]*method{b.method.name(): b.method}, customers: map[string]bool{"cus_1": true},
		disputes: map[caseName]*dispute{b.dispute.named(): b.dispute},
	}
	b.ours.index([]*order{b.order}, []*payment{b.payment}, []string{"t1"})
	b.c = Case{
		Books: sandbox.Books{
			Transactions: []sandbox.BookedTransaction{
				{TransactionID: "t1", MerchantTxnID: b.payment.MerchantTxnID, TxnType: "SALE", Status: "S", OrderAmount: "27.00", OrderCurrency: "EUR"},
				{
					TransactionID: "t2", OriginTransactionID: "t1", MerchantTxnID: b.refund.MerchantTxnID, TxnType: "REFUND", Status: "S",
					OrderAmount: "7.00", OrderCurrency: "EUR",
				},
			},
			Calls: map[string]int{b.payment.MerchantTxnID: 1, b.refund.MerchantTxnID: 1},
			Chargebacks: []sandbox.BookedChargeback{
				{ChargebackID: "d1", OriginTransactionID: "t1", Status: "FA", Amount: "5.00", Currency: "EUR", Holds: true},
			},
			Tokens: []sandbox.BookedToken{{ID: "b1", MerchantCustID: "cus_1", CardLast4: "4242"}},
		},
		Deliveries: []sandbox.Delivery{{TransactionID: "t1", Acknowledged: true}},
		Told: []storefront.Told{
			{Object: "customer", ID: "cus_1", Key: "k0"},
			{Object: "payment_method", ID: b.method.name(), Key: "k1"},
			{Object: "order", ID: b.order.name(), Key: "k2"},
			{Object: "payment", ID: b.payment.name(), Key: "k3", Succeeded: true},
			{Object: "refund", ID: b.refund.name(), Key: "k4"},
		},
		Bursts: []string{b.payment.name()},
	}
	return b
}

func TestCompare_FindsNothingInBooksThatAgree(t *testing.T) {
	t.Parallel()
	b := agreeing(t)
	report := compare(b.ours, b.c)
	require.Empty(t, report.Findings)
	require.Equal(t, Report{
		Orders: 1, Payments: 1, Paid: 1, Refunds: 1, Saved: 1, Cards: 1, Charged: 2700, Captured: 2700, GivenBack: 700, Refunded: 700,
		Approved: 1, Bursts: 1, Disputes: 1, Claimed: 500, ChargedBack: 500,
	}, report)
}

// requireFinds says that the audit sees what was done to the books, in these words among others.
func requireFinds(t *testing.T, tampered map[string]func(*books)) {
	t.Helper()
	for sentence, tamper := range tampered {
		t.Run(sentence, func(t *testing.T) {
			t.Parallel()
			b := agreeing(t)
			tamper(b)
			for _, finding := range compare(b.ours, b.c).Findings {
				if matches(finding, sentence) {
					return
				}
			}
			require.Fail(t, "not found", "%q is not among %q", sentence, compare(b.ours, b.c).Findings)
		})
	}
}

func TestCompare_SeesMoneyThatDiffers(t *testing.T) {
	t.Parallel()
	requireFinds(t, map[string]func(*books){
		"payment * was charged twice": func(b *books) {
			b.c.Books.Transactions = append(b.c.Books.Transactions, b.c.Books.Transactions[0])
		},
		"the provider has payment * (S), which we do not": func(b *books) { delete(b.ours.payments, b.payment.MerchantTxnID) },
		"the provider has not ended payment *: U":         func(b *books) { b.c.Books.Transactions[0].Status = "U" },
		"payment * is succeeded and was not charged":      func(b *books) { b.c.Books.Transactions[0].Status = "F" },
		"payment * was charged and is failed here":        func(b *books) { b.payment.Status = "failed" },
		"* was sent 2 times":                              func(b *books) { b.c.Books.Calls[b.payment.MerchantTxnID] = 2 },
		"refund * was carried out and is failed here":     func(b *books) { b.refund.Status = "failed" },
		"refund * is succeeded and was not carried out*":  func(b *books) { b.c.Books.Transactions[1].Status = "F" },
		"key k3 was answered payment *, which is not there": func(b *books) {
			b.c.Told[3].ID = "pay_other"
		},
		"the notification of t1 was acknowledged and is not stored": func(b *books) { b.ours.noted = nil },
		"key k leads to more than one row":                          func(b *books) { b.ours.twice = []string{"k"} },
	})
}

func TestCompare_SeesCardsThatDiffer(t *testing.T) {
	t.Parallel()
	requireFinds(t, map[string]func(*books){
		"customer cus_1 has 1 cards saved that end in 4242, of which the provider keeps 0": func(b *books) {
			b.c.Books.Tokens[0].Removed = true
		},
		"the provider keeps 2 cards of customer cus_1 that end in 4242, of which 1 are saved here": func(b *books) {
			b.c.Books.Tokens = append(b.c.Books.Tokens, b.c.Books.Tokens[0])
		},
		"payment method * is detached and its card not removed": func(b *books) { b.method.Status = "detached" },
		"payment method * is still being saved":                 func(b *books) { b.method.Status = "pending" },
		"payment * was made with a card that is not its customer's": func(b *books) {
			b.ours.borrowed = []uuid.UUID{b.payment.ID}
		},
		"key k1 was answered payment method *, which is not there": func(b *books) { b.ours.methods = nil },
		"key k0 was answered customer cus_1, who is not there":     func(b *books) { b.ours.customers = nil },
	})
}

func TestCompare_SeesRefundsThatNobodyAllowed(t *testing.T) {
	t.Parallel()
	requireFinds(t, map[string]func(*books){
		"refund * was sent, its approval is required": func(b *books) { b.refund.Approval = "required" },
		"refund * was sent, its approval is rejected": func(b *books) { b.refund.Approval = "rejected" },
		"refund * was not approved and is succeeded":  func(b *books) { b.refund.Approval = "rejected" },
		"refund * was decided on by who asked for it": func(b *books) { b.refund.DecidedBy = b.refund.CreatedBy },
		"of the refunds of payment * that were asked for at once 2 were accepted": func(b *books) {
			second := *b.refund
			second.Status, second.Open = "pending", true
			b.ours.refunds["second"] = &second
		},
		"of the refunds of payment * that were asked for at once none was accepted": func(b *books) { b.ours.refunds = nil },
		"* was sent 2 times": func(b *books) { b.c.Books.Calls[b.refund.MerchantTxnID] = 2 },
	})
}

func TestCompare_SeesDisputesThatDiffer(t *testing.T) {
	t.Parallel()
	requireFinds(t, map[string]func(*books){
		"the provider has dispute d1 (FA), which we do not": func(b *books) { b.ours.disputes = nil },
		"the provider has dispute t1 (PRE_DISPUTE), which we do not": func(b *books) {
			warning := sandbox.BookedChargeback{ChargebackID: "t1", PreDispute: true, Status: "PRE_DISPUTE", Amount: "5.00", Currency: "EUR"}
			b.c.Books.Chargebacks = append(b.c.Books.Chargebacks, warning)
		},
		"dispute d1 is not the provider's":             func(b *books) { b.c.Books.Chargebacks = nil },
		"dispute d1 is FAS there and first_appeal/*":   func(b *books) { b.c.Books.Chargebacks[0].Status = "FAS" },
		"dispute d1: 5.00 EUR there, 600 here":         func(b *books) { b.dispute.Amount = 600 },
		"dispute d1 is of another payment there":       func(b *books) { b.dispute.PaymentID = uuid.New() },
		"payment *: banks hold 0 of it, we say 500":    func(b *books) { b.c.Books.Chargebacks[0].Holds = false },
		"banks have taken 500 back in all, we say 600": func(b *books) { b.payment.Claimed = 600 },
		"payment *: 400 disputed, 500 of what banks hold is there": func(b *books) {
			b.payment.Disputed = 400
		},
		"payment *: 700 refunded, 0 pending and 2100 disputed of 2700": func(b *books) { b.payment.Disputed = 2100 },
	})
}

// matches reports whether a sentence fits a pattern, in which * stands for anything.
func matches(sentence, pattern string) bool {
	parts := strings.Split(pattern, "*")
	if !strings.HasPrefix(sentence, parts[0]) || !strings.HasSuffix(sentence, parts[len(parts)-1]) {
		return false
	}
	for _, part := range parts {
		_, rest, found := strings.Cut(sentence, part)
		if !found {
			return false
		}
		sentence = rest
	}
	return true
}
