package sandbox

import (
	"encoding/json"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

const cardFrictionless = "4000009900000020"

// subscribes is a good purchase of a subscription that the merchant renews every 30 days.
func (b *testBundle) subscribes(sub string, edits ...func(map[string]any)) map[string]any {
	edits = append([]func(map[string]any){
		set("subProductType", "SUBSCRIBE"), set("merchantCustId", "cus_1"), set("subscription", sub),
	}, edits...)
	return b.sale(cardFrictionless, "9.99", edits...)
}

const selfExecuted = `{"requestType":"0","merchantCustId":"cus_1","frequencyType":"D","frequencyPoint":"30","mode":"2","selfExecute":"2"}`

func TestSubscribe_RefusesWhatTheDocumentsCallWrong(t *testing.T) {
	t.Parallel()
	b := setup(t)
	for name, sub := range map[string]string{
		"no JSON":              `{`,
		"no request type":      `{"merchantCustId":"cus_1"}`,
		"another request type": `{"requestType":"2","merchantCustId":"cus_1"}`,
		"a number for text":    `{"requestType":0,"merchantCustId":"cus_1","frequencyType":"D","frequencyPoint":"30","mode":"2","selfExecute":"2"}`,
		"text for a number":    `{"requestType":"0","merchantCustId":"cus_1","frequencyType":"M","frequencyPoint":"1","mode":"2","selfExecute":"1","cycleCount":"12"}`,
		"another customer":     `{"requestType":"0","merchantCustId":"cus_2","frequencyType":"D","frequencyPoint":"30","mode":"2","selfExecute":"2"}`,
		"no mode":              `{"requestType":"0","merchantCustId":"cus_1","frequencyType":"D","frequencyPoint":"30","selfExecute":"2"}`,
		"no execution":         `{"requestType":"0","merchantCustId":"cus_1","frequencyType":"D","frequencyPoint":"30","mode":"2"}`,
		"no interval":          `{"requestType":"0","merchantCustId":"cus_1","frequencyType":"D","mode":"2","selfExecute":"2"}`,
		"weeks":                `{"requestType":"0","merchantCustId":"cus_1","frequencyType":"W","frequencyPoint":"1","mode":"2","selfExecute":"1","cycleCount":2}`,
		"own months":           `{"requestType":"0","merchantCustId":"cus_1","frequencyType":"M","frequencyPoint":"1","mode":"2","selfExecute":"2"}`,
		"own trial":            `{"requestType":"0","merchantCustId":"cus_1","frequencyType":"D","frequencyPoint":"30","mode":"2","selfExecute":"2","trialDays":3}`,
		"managed without end":  `{"requestType":"0","merchantCustId":"cus_1","frequencyType":"M","frequencyPoint":"1","mode":"2","selfExecute":"1"}`,
		"101 cycles":           `{"requestType":"0","merchantCustId":"cus_1","frequencyType":"M","frequencyPoint":"1","mode":"2","selfExecute":"1","cycleCount":101}`,
		"ended already":        `{"requestType":"0","merchantCustId":"cus_1","frequencyType":"D","frequencyPoint":"30","mode":"2","selfExecute":"2","expireDate":"2026-03-01"}`,
	} {
		e := b.call(t, pathSale, b.subscribes(sub))
		require.Contains(t, []string{codeRejected, codeUnreadable}, e.RespCode, name)
		require.Nil(t, e.Data, name)
	}
	for name, edit := range map[string]func(map[string]any){
		"no subscription": set("subscription", nil),
		"no customer":     set("merchantCustId", nil),
		"no card":         set("cardInfo", nil),
		"no address":      set("billingInformation", nil),
		"authorization":   set("txnType", "AUTH"),
	} {
		e := b.call(t, pathSale, b.subscribes(selfExecuted, edit))
		require.Contains(t, []string{codeRejected, codeUnsupported}, e.RespCode, name)
		require.Nil(t, e.Data, name)
	}
	books := b.sandbox.Books(BookQuery{})
	require.Empty(t, books.Transactions)
	require.Empty(t, books.Contracts)
}

func TestSubscribe_3DSIsMandatoryUnlessSwitchedOff(t *testing.T) {
	t.Parallel()
	cases := map[string]struct {
		option         func(*Config)
		card, strategy string
		code, status   string
	}{
		"by default":                 {func(*Config) {}, cardPays, "DEFAULT", codeSuccess, "R"},
		"forbidden by the merchant":  {func(*Config) {}, cardPays, "NONE", codeAuthRefused, "F"},
		"done without a challenge":   {func(*Config) {}, cardFrictionless, "DEFAULT", codeSuccess, "S"},
		"switched off":               {func(c *Config) { c.Sim.PlainSubscriptions = true }, cardPays, "DEFAULT", codeSuccess, "S"},
		"declined before it is done": {func(*Config) {}, "4021937195658141", "DEFAULT", "20051", "F"},
	}
	for name, tc := range cases {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			b := setup(t, tc.option)
			card, err := json.Marshal(map[string]string{
				"holderName": "Test Buyer", "cardNumber": tc.card, "month": "12", "year": "2030", "cvv": "123",
			})
			require.NoError(t, err)
			e := b.call(t, pathSale, b.subscribes(selfExecuted, set("cardInfo", string(card)), set("risk3dsStrategy", tc.strategy)))
			require.Equal(t, []string{tc.code, tc.status}, []string{e.RespCode, e.status()})
			require.Len(t, e.Data["contractId"], 19)
			require.Equal(t, tc.status == "S", e.Data["tokenId"] != nil, "a token comes with the first payment")
			require.Equal(t, digest(e.Data, unsignedInResponse(), DefaultSecretKey), e.Data["sign"])
		})
	}
}

func TestSubscribe_AnExpiredCardIsNotRenewed(t *testing.T) {
	t.Parallel()
	b := setup(t)
	e := b.call(t, pathSale, b.subscribes(selfExecuted))
	sub, err := json.Marshal(map[string]any{"requestType": "1", "contractId": e.Data["contractId"], "tokenId": e.Data["tokenId"]})
	require.NoError(t, err)
	renewal := func() map[string]any {
		return b.subscribes(string(sub), set("cardInfo", nil), set("billingInformation", nil), set("shippingInformation", nil))
	}
	b.clock.move(30 * 24 * time.Hour)
	paid := b.call(t, pathSale, renewal())
	require.Equal(t, []any{"S", e.Data["contractId"], e.Data["tokenId"]}, []any{paid.status(), paid.Data["contractId"], paid.Data["tokenId"]})
	withCard := renewal()
	withCard["cardInfo"] = `{"cardNumber":"4761344136141390"}`
	require.Equal(t, codeRejected, b.call(t, pathSale, withCard).RespCode)
	b.clock.move(5 * 365 * 24 * time.Hour)
	declined := b.call(t, pathSale, renewal())
	require.Equal(t, []string{"20054", "F"}, []string{declined.RespCode, declined.status()})
}

func TestSubscriptionControls_OfDetailAndCancel(t *testing.T) {
	t.Parallel()
	b := setup(t)
	e := b.call(t, pathSale, b.subscribes(selfExecuted))
	about := func(edits ...func(map[string]any)) map[string]any {
		params := map[string]any{"merchantNo": DefaultMerchantNo, "contractId": e.Data["contractId"]}
		for _, edit := range edits {
			edit(params)
		}
		return params
	}
	detail := b.call(t, pathSubShow, about()).Data
	require.NotContains(t, detail, "sign", "it is unsigned")
	for name, value := range detail {
		_, isText := value.(string)
		require.True(t, isText || value == nil, name)
	}
	require.Equal(t, []any{nil, "2026-03-31 09:30:01", "1"}, []any{detail["cycleCount"], detail["billingCycleAnchor"], detail["dataStatus"]})

	for name, params := range map[string]map[string]any{
		"no contract":       about(set("contractId", nil)),
		"its token":         about(set("contractId", e.Data["tokenId"])),
		"another mode":      about(set("expireMode", "4")),
		"mode 3 undated":    about(set("expireMode", "3")),
		"mode 3 today":      about(set("expireMode", "3"), set("expireDate", "2026-03-01")),
		"a date for mode 1": about(set("expireMode", "1"), set("expireDate", "2026-12-31")),
	} {
		_, body, err := b.raw(t, pathSubEnd, params)
		require.NoError(t, err)
		require.Contains(t, string(body), `"respCode":"40000"`, name)
		require.Contains(t, string(body), `"data":null`, name)
	}
	_, err := b.sandbox.Arm(Fault{Name: "lose_answer", Match: Match{Path: pathSubEnd}})
	require.NoError(t, err)
	_, _, err = b.raw(t, pathSubEnd, about())
	require.Error(t, err)
	require.Equal(t, "3", b.call(t, pathSubShow, about()).Data["dataStatus"], "without expireMode it is canceled at once")
}

func TestContract_CountsFromTheBeginning(t *testing.T) {
	t.Parallel()
	for _, tc := range []struct {
		from, unit string
		n          int
		want       string
	}{
		{"2026-01-31", "M", 1, "2026-02-28"},
		{"2026-01-31", "M", 2, "2026-03-31"},
		{"2027-12-31", "M", 2, "2028-02-29"},
		{"2026-08-31", "M", 13, "2027-09-30"},
		{"2028-02-29", "Y", 1, "2029-02-28"},
		{"2028-02-29", "Y", 4, "2032-02-29"},
		{"2026-12-31", "D", 60, "2027-03-01"},
	} {
		require.Equal(t, tc.want, wireDateOf(addPeriods(dayOf(tc.from), tc.unit, tc.n)), "%s %d%s", tc.from, tc.n, tc.unit)
	}
	fast := &contract{startedAt: dayOf("2026-01-31"), pace: 1000, terms: terms{unit: "M", every: 1}}
	due := fast.onClock(fast.dueAt(1))
	require.Equal(t, 28*24*time.Hour/1000, due.Sub(fast.startedAt))
	require.Equal(t, "2026-02-28", wireDateOf(fast.agreed(due)))
}

func TestRenewal_MayCountByTheMerchantsClock(t *testing.T) {
	t.Parallel()
	for ahead, code := range map[string]string{"2026-03-20 12:00:00": codeNotDue, "2026-04-02 12:00:00": codeSuccess} {
		b := setup(t, func(c *Config) { c.Sim.MerchantClock = true })
		begun := b.call(t, pathSale, b.subscribes(selfExecuted, set("merchantTxnTime", "2026-03-01 12:00:00"), set("merchantTxnTimeZone", "+08:00")))
		require.Equal(t, codeSuccess, begun.RespCode)
		sub, err := json.Marshal(map[string]any{"requestType": "1", "contractId": begun.Data["contractId"], "tokenId": begun.Data["tokenId"]})
		require.NoError(t, err)
		renewal := b.subscribes(string(sub), set("cardInfo", nil), set("merchantTxnTime", ahead), set("merchantTxnTimeZone", "+08:00"))
		require.Equal(t, code, b.call(t, pathSale, renewal).RespCode, ahead)
	}
}
