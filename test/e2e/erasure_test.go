package e2e

import (
	"context"
	"crypto/rand"
	"maps"
	"net/http"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/jackc/pgx/v5"
	"github.com/stretchr/testify/require"

	"tillway/internal/sandbox"
)

// mark is a word that a test writes in one place only; what is left of it tells where that was.
const mark = "zarniwoop."

var marks = regexp.MustCompile(`zarniwoop\.[a-z-]+`)

// marksLeft are the places whose words the database still has.
func (w *world) marksLeft() []string {
	w.t.Helper()
	found := marks.FindAllString(strings.ToLower(string(dumpDatabase(w.t, w.database))), -1)
	slices.Sort(found)
	return slices.Compact(found)
}

// markedColumns are the columns of text that hold a mark, and those that hold none. Left out are those that the database lets have
// words of ours alone (…_known).
func (w *world) markedColumns() (marked, others []string) {
	w.t.Helper()
	const textual = `SELECT c.relname::text AS tab, a.attname::text AS col FROM pg_attribute a
		JOIN pg_class c ON c.oid = a.attrelid JOIN pg_namespace n ON n.oid = c.relnamespace
		WHERE n.nspname = 'public' AND c.relkind IN ('r', 'p') AND NOT c.relispartition AND a.attnum > 0 AND NOT a.attisdropped
			AND a.atttypid IN ('text'::regtype, 'text[]'::regtype, 'jsonb'::regtype, 'json'::regtype, 'varchar'::regtype,
				'varchar[]'::regtype, 'bytea'::regtype, 'inet'::regtype)
			AND NOT EXISTS (SELECT FROM pg_constraint WHERE conrelid = c.oid AND contype = 'c' AND conname = c.relname || '_' || a.attname || '_known')
		ORDER BY 1, 2`
	w.aside(func(ctx context.Context, conn *pgx.Conn) {
		rows, err := conn.Query(ctx, textual)
		require.NoError(w.t, err)
		columns, err := pgx.CollectRows(rows, pgx.RowToStructByPos[struct{ Table, Column string }])
		require.NoError(w.t, err)
		for _, c := range columns {
			var holds bool
			sql := "SELECT EXISTS (SELECT FROM " + pgx.Identifier{c.Table}.Sanitize() + " WHERE strpos(lower(" +
				pgx.Identifier{c.Column}.Sanitize() + "::text), $1) > 0)"
			require.NoError(w.t, conn.QueryRow(ctx, sql, mark).Scan(&holds), c)
			if name := c.Table + "." + c.Column; holds {
				marked = append(marked, name)
			} else {
				others = append(others, name)
			}
		}
	})
	return marked, others
}

// markedDetails are contact details whose every text is marked.
func markedDetails(place string) object {
	return object{
		"first_name": mark + place, "last_name": mark + place, "email": mark + place + "@example.com",
		"address": object{"line1": mark + place, "line2": mark + place, "city": mark + place, "postal_code": "1", "country": "DE"},
	}
}

// impersonal are the columns in which nobody is told of, by whatever says so.
var impersonal = map[string]string{
	`^(goose_db_version|river_\w+|api_keys|test_clock|imports)\.`:                                               "not about customers; jobs carry ids",
	`\.(currency|eci|notify_type|txn_type)$`:                                                                    "one of a list's words",
	`\.(failure_\w+|reason_code|provider_status|provider_code|arn)$`:                                            "a code of a network or the provider, or our text for it",
	`^(refunds|notifications)\.reason$`:                                                                         "our own words for why",
	`\.(merchant_txn_id|provider_transaction_id|provider_dispute_id|transaction_id|subject|provider_customer)$`: "a number of the provider's, or of ours",
	`\.(idempotency_\w+|cancel_key|cancel_principal|correlation_id|created_by|decided_by|resolved_by)$`:         "who asked, and by which technical name (API.md §1)",
	`\.(card_brand|card_last4|card_country|token_sealed|token_digest)$`:                                         "what is kept of a card",
	`\.(digest|body_hash)$`:                          "a hash",
	`^((customer_)?events\.type|evidence\.outcome)$`: "one of our own words",
	`^notifications\.sealed$`:                        "tokens of the provider's",
	`^subscriptions\.(description|metadata)$`:        "erased by TestErase_EndsWhatTheCustomerHas; no request brings them here",
	`^subscriptions\.(interval_unit|time_zone|dunning_policy|last_failure|return_url)$`: "terms, codes, and the shop's page",
	`^subscription_(moves|totals)\.(from_status|to_status|interval_unit)$`:              "words of a list",
	`^subscription_contracts\.contract_id$`:                                             "a number of the provider's",
	`^discrepancies\.(ours|theirs)$`:                                                    "amounts, ids and statuses",
	`^notifications\.remote_address$`:                                                   "who sent it: the provider",
	`^payments\.redirect_url$`:                                                          "the provider's page, while the shopper is there",
	`^payments\.local_method$`:                                                          "the provider's name of a way to pay",
	`^payments\.display_\w+$`:                                                           "the provider's words, while the shopper is to pay by them; none of an erased order",
	`^orders\.(items|reference)$`:                                                       "the books: documented as kept",
	`^(orders|payments)\.return_url$`:                                                   "the shop's page: documented as kept",
}

// TestErasure_LeavesNoWordOfAPersonAnywhere writes a word of its own into every text that callers and the provider can bring
// about a customer, requires that each column that kept one loses it, and that every other column is known to tell of nobody.
func TestErasure_LeavesNoWordOfAPersonAnywhere(t *testing.T) {
	t.Parallel()
	w := start(t)
	post := func(path string, body object) answer {
		return w.service.send(call{method: http.MethodPost, path: path, key: rand.Text(), body: body})
	}
	who := into[customer](t, post("/v1/customers", object{
		"email": mark + "customer-email@example.com", "name": mark + "customer-name", "phone": mark + "customer-phone",
		"description": mark + "customer-description", "billing_details": markedDetails("customer-billing"),
		"metadata": object{"k": mark + "customer-metadata"},
	}).requireStatus(t, http.StatusCreated))
	saving := w.service.saveCall(who, goodCard, rand.Text())
	maps.Copy(saving.body.(object), object{
		"billing_details": markedDetails("method-billing"), "metadata": object{"k": mark + "method-metadata"},
	})
	w.service.send(saving).requireStatus(t, http.StatusCreated)

	ordered := func() order {
		return w.service.createOrder(object{
			"customer": who.ID, "description": mark + "order-description", "metadata": object{"k": mark + "order-metadata"},
			"billing_details": markedDetails("order-billing"), "shipping_details": markedDetails("order-shipping"),
		})
	}
	paying := object{
		"metadata": object{"k": mark + "payment-metadata"}, "browser": object{"user_agent": mark + "browser", "accept": mark + "browser"},
		"payment_method": object{"type": "card", "card": object{
			"number": goodCard, "exp_month": 12, "exp_year": 2031, "cvc": "123", "holder_name": mark + "holder",
		}},
	}
	o, other := ordered(), ordered()
	w.provider.arm(sandbox.Fault{Name: "force", Status: "F", Code: "20051", Message: mark + "decline-message"})
	post("/v1/orders/"+o.ID+"/payments", paying).requireStatus(t, http.StatusPaymentRequired)
	p := into[payment](t, post("/v1/orders/"+o.ID+"/payments", paying).requireStatus(t, http.StatusCreated))
	p = w.service.awaitPayment(p.ID, "succeeded")
	post("/v1/payments/"+p.ID, object{"description": mark + "payment-description"}).requireStatus(t, http.StatusOK)
	post("/v1/orders/"+other.ID+"/payments", object{
		"payment_method": object{"type": "hosted"}, "description": mark + "hosted-description",
	}).requireStatus(t, http.StatusCreated)
	refunded := func() answer {
		return post("/v1/refunds", object{
			"payment": p.ID, "amount": 100, "description": mark + "refund-description",
			"metadata": object{"k": mark + "refund-metadata"}, "allow_duplicate": true,
		})
	}
	refunded().requireStatus(t, http.StatusCreated)
	w.provider.arm(sandbox.Fault{Name: "force", Status: "F", Code: "60017", Message: mark + "refund-message"})
	refunded()
	w.provider.refundInPortal(p.ProviderTransactionID, object{"amount": "1.00"})

	warned := w.provider.raise(p.ProviderTransactionID, "pre_dispute", sandbox.Case{Amount: "2.00", Reason: mark + "warning-reason"})
	raised := w.provider.raise(p.ProviderTransactionID, "chargeback", sandbox.Case{Amount: "2.00", Reason: mark + "chargeback-reason"})
	w.service.awaiting(func() string { return "disputes are missing" }, func() bool { return len(w.service.disputesOf(o.ID)) == 2 })
	open := into[page[struct{ ID string }]](t, w.service.send(call{
		method: http.MethodGet, path: "/v1/ops/discrepancies?order=" + o.ID + "&status=open", as: operator,
	}).requireStatus(t, http.StatusOK))
	require.NotEmpty(t, open.Data)
	w.service.send(call{
		method: http.MethodPost, path: "/v1/ops/discrepancies/" + open.Data[0].ID + "/resolve", key: "resolve", as: operator,
		body: object{"reason": mark + "resolution"},
	}).requireStatus(t, http.StatusOK)

	told := func(n notice, key string) {
		got, err := w.service.notify(t.Context(), n.signed(key), nil)
		require.NoError(t, err)
		require.Less(t, got.status, 500, got.body)
	}
	told(noticeOf(p).but("holderName", mark+"notice").but("reason", `{"respCode":"20000","respMsg":"`+mark+`notice-message"}`), signingKey)
	told(noticeOf(p).but("email", mark+"forged-notice"), "a stranger's key")
	told(noticeOf(p).but("merchantTxnId", "R-77").but("email", mark+"forged-transaction"), "a stranger's key")
	unknown := notice{
		"notifyType": "CHARGEBACK", "merchantNo": merchantNo, "transactionId": "2084000000000000999", "chargebackStatus": "NEW",
		"chargebackAmount": "3.00", "chargebackCurrency": "EUR", "chargebackReason": mark + "unmatched-reason",
	}
	told(unknown.but("originTransactionId", p.ProviderTransactionID), signingKey)
	told(unknown.but("transactionId", "2084000000000000998").but("originMerchantTxnId", p.MerchantTxnID), signingKey)

	kept := []string{
		"customer-email", "customer-name", "customer-phone", "customer-description", "customer-billing", "customer-metadata",
		"method-billing", "method-metadata", "order-description", "order-metadata", "order-billing", "order-shipping",
		"payment-metadata", "payment-description", "hosted-description", "refund-description", "refund-metadata",
		"warning-reason", "chargeback-reason", "resolution", "notice", "notice-message", "forged-notice", "forged-transaction",
		"unmatched-reason",
	}
	for i, place := range kept {
		kept[i] = mark + place
	}
	require.Subset(t, w.marksLeft(), kept, "the test would prove nothing without them")
	marked, others := w.markedColumns()
	others = slices.DeleteFunc(others, func(column string) bool {
		for pattern := range impersonal {
			if regexp.MustCompile(pattern).MatchString(column) {
				return true
			}
		}
		return false
	})
	require.Empty(t, others, "may they tell who a customer is? Then mark them above and erase them; else say why not")
	require.Contains(t, marked, "disputes.reason")

	w.service.send(call{method: http.MethodDelete, path: "/v1/customers/" + who.ID}).requireStatus(t, http.StatusOK)
	var left []string
	w.service.awaiting(func() string { return "still known: " + strings.Join(left, ", ") }, func() bool {
		left = w.marksLeft()
		return len(left) == 0
	})

	// What is told later brings nothing back: the next step of a dispute, and the same message again.
	w.provider.move(raised.ChargebackID, "FA", false)
	w.service.awaiting(func() string { return "the dispute has not moved" }, func() bool {
		return slices.ContainsFunc(w.service.disputesOf(o.ID), func(d dispute) bool { return d.Status == "under_review" })
	})
	w.provider.control(http.MethodPost, "/sandbox/chargebacks/"+warned.ChargebackID+"/redeliver", nil, nil)
	w.provider.raise(p.ProviderTransactionID, "chargeback", sandbox.Case{Amount: "1.00", Reason: mark + "late-reason"})
	w.service.awaiting(func() string { return "the late dispute is missing" }, func() bool { return len(w.service.disputesOf(o.ID)) == 3 })
	told(unknown.but("transactionId", "2084000000000000997").but("originTransactionId", p.ProviderTransactionID), signingKey)
	told(unknown.but("transactionId", "2084000000000000996").but("originMerchantTxnId", p.MerchantTxnID), "a stranger's key")
	require.Empty(t, w.marksLeft())
	require.EqualValues(t, 2700, w.service.order(o.ID).AmountPaid, "the books stay")
}
