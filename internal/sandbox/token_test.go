package sandbox

import (
	"encoding/json"
	"fmt"
	"net/http"
	"testing"

	"github.com/stretchr/testify/require"
)

// bind is a good request to keep a card of cus_1.
func (b *testBundle) bind(card string, edits ...func(map[string]any)) map[string]any {
	params := map[string]any{
		"merchantNo": DefaultMerchantNo, "appId": DefaultAppID, "merchantCustId": "cus_1",
		"email": "buyer@example.com", "country": "DE", "transactionIp": "203.0.113.7",
		"cardInfo": fmt.Sprintf(`{"holderName":"Test Buyer","cardNumber":%q,"month":"12","year":"2030","cvv":"123"}`, card),
	}
	for _, edit := range edits {
		edit(params)
	}
	return params
}

// bound keeps a card of cus_1 and returns its token.
func (b *testBundle) bound(t *testing.T, card string) string {
	t.Helper()
	e := b.call(t, pathBind, b.bind(card))
	require.Equal(t, codeSuccess, e.RespCode, e.RespMsg)
	return signedText(e.Data["tokenId"])
}

// byToken is a sale of 20 with a token of a customer.
func (b *testBundle) byToken(custID, token string, edits ...func(map[string]any)) map[string]any {
	edits = append([]func(map[string]any){
		set("cardInfo", nil), set("merchantCustId", custID), set("subProductType", "TOKEN"),
		set("tokenInfo", fmt.Sprintf(`{"tokenId":%q}`, token)),
	}, edits...)
	return b.sale(cardPays, "20", edits...)
}

// tokens is what queryTokenList shows of a customer.
func (b *testBundle) tokens(t *testing.T, custID string) []any {
	t.Helper()
	e := b.call(t, pathTokens, map[string]any{
		"merchantNo": DefaultMerchantNo, "merchantCustId": custID, "subProductType": "TOKEN", "appId": DefaultAppID,
	})
	require.Equal(t, codeSuccess, e.RespCode, e.RespMsg)
	require.NotContains(t, e.Data, "sign", "the list is unsigned")
	rows, _ := e.Data["tokenInfos"].([]any)
	return rows
}

func TestBindCard_KeepsTheCardForItsCustomer(t *testing.T) {
	t.Parallel()
	b := setup(t)
	e := b.call(t, pathBind, b.bind(cardPays))
	require.Len(t, e.Data["transactionId"], 19)
	require.Len(t, e.Data["tokenId"], 64)
	require.Equal(t, digest(e.Data, unsignedInResponse(), DefaultSecretKey), e.Data["sign"])

	rows := b.tokens(t, "cus_1")
	require.Len(t, rows, 1)
	row, _ := rows[0].(map[string]any)
	require.Len(t, row["id"], 19)
	delete(row, "id")
	require.Equal(t, map[string]any{
		"tokenId": e.Data["tokenId"], "appId": DefaultAppID, "cardNumber": "476134******1390", "paymentMethod": "VISA",
		"year": "2030", "month": "12",
	}, row)
	require.Empty(t, b.tokens(t, "cus_2"))

	booked := b.sandbox.Books(BookQuery{}).Tokens
	require.Len(t, booked, 1)
	require.Equal(t, []any{"cus_1", "VISA", "1390", false}, []any{booked[0].MerchantCustID, booked[0].CardBrand, booked[0].CardLast4, booked[0].Removed})
	shown, err := json.Marshal(b.sandbox.Books(BookQuery{}))
	require.NoError(t, err)
	require.NotContains(t, string(shown), e.Data["tokenId"])
	require.NotContains(t, string(shown), cardPays)
}

func TestBindCard_RefusesAndDeclines(t *testing.T) {
	t.Parallel()
	b := setup(t)
	for name, tc := range map[string]struct {
		code string
		edit func(map[string]any)
	}{
		"no customer":   {codeRejected, set("merchantCustId", nil)},
		"odd customer":  {codeRejected, set("merchantCustId", "a b")},
		"no email":      {codeRejected, set("email", "nobody")},
		"no country":    {codeRejected, set("country", "Germany")},
		"no address":    {codeInvalidIP, set("transactionIp", "here")},
		"other app":     {codeInvalidAppID, set("appId", "1")},
		"no card":       {codeRejected, set("cardInfo", nil)},
		"no number":     {codeInvalidCard, set("cardInfo", `{"holderName":"A","cardNumber":"4111111111111112","month":"12","year":"2030","cvv":"123"}`)},
		"expired":       {codeCardExpired, set("cardInfo", `{"holderName":"A","cardNumber":"4761344136141390","month":"12","year":"2020","cvv":"123"}`)},
		"bad signature": {codeUnreadable, set("sign", "0000")},
	} {
		e := b.call(t, pathBind, b.bind(cardPays, tc.edit))
		require.Equal(t, tc.code, e.RespCode, name)
		require.Nil(t, e.Data, name)
	}
	declined := b.call(t, pathBind, b.bind("4000000000000127"))
	require.Equal(t, "20082", declined.RespCode)
	require.Nil(t, declined.Data["tokenId"])
	require.Equal(t, digest(declined.Data, unsignedInResponse(), DefaultSecretKey), declined.Data["sign"])
	require.Empty(t, b.tokens(t, "cus_1"))
	b.bound(t, "4000000000009995") // without money on it, it is a card all the same
}

func TestBindCard_FaultsLoseTheAnswerAndKeepTheCard(t *testing.T) {
	t.Parallel()
	for _, fault := range []string{"lose_answer", "reset_before_answer", "cut_answer", "http_502_after_charge", "malformed_json", "bad_signature"} {
		t.Run(fault, func(t *testing.T) {
			t.Parallel()
			b := setup(t)
			_, err := b.sandbox.Arm(Fault{Name: fault, Match: Match{Path: pathBind}})
			require.NoError(t, err)
			_, _, _ = b.raw(t, pathBind, b.bind(cardPays))
			require.Len(t, b.tokens(t, "cus_1"), 1)
		})
	}
	b := setup(t)
	_, err := b.sandbox.Arm(Fault{Name: "http_500", Match: Match{Path: pathBind}})
	require.NoError(t, err)
	resp, _, err := b.raw(t, pathBind, b.bind(cardPays))
	require.NoError(t, err)
	require.Equal(t, http.StatusInternalServerError, resp.StatusCode)
	require.Empty(t, b.tokens(t, "cus_1"))
}

func TestTokenSale_ChargesTheCardThatWasBound(t *testing.T) {
	t.Parallel()
	b := setup(t)
	token := b.bound(t, cardPays)
	paid := b.call(t, pathSale, b.byToken("cus_1", token))
	require.Equal(t, "S", paid.status())
	row, _ := b.rows(t, signedText(b.sandbox.Books(BookQuery{}).Transactions[0].MerchantTxnID))[0].(map[string]any)
	require.Equal(t, []any{"TOKEN", "476134******1390"}, []any{row["subProductType"], row["cardNumber"]})
	n := b.nth(t, paid.id(), 1).fields
	require.Equal(t, []any{"S", token}, []any{n["status"], n["tokenId"]})

	challenged := b.call(t, pathSale, b.byToken("cus_1", b.bound(t, "4000020951595032")))
	require.Equal(t, "R", challenged.status())
	declined := b.call(t, pathSale, b.byToken("cus_1", b.bound(t, "4000000000009995")))
	require.Equal(t, []string{"20051", "F"}, []string{declined.RespCode, declined.status()})

	_, _, err := b.raw(t, pathSale, b.byToken("cus_1", b.bound(t, "4000009900000103")))
	require.Error(t, err, "the card's fault strikes its token's sales")
}

func TestTokenSale_RefusesForeignAndRemovedTokens(t *testing.T) {
	t.Parallel()
	b := setup(t)
	token := b.bound(t, cardPays)
	for name, params := range map[string]map[string]any{
		"unknown":          b.byToken("cus_1", "nothing"),
		"another's":        b.byToken("cus_2", token),
		"nobody's":         b.byToken("cus_1", token, set("merchantCustId", nil)),
		"with a card":      b.byToken("cus_1", token, set("cardInfo", `{"cardNumber":"4761344136141390"}`)),
		"no token at all":  b.byToken("cus_1", token, set("tokenInfo", nil)),
		"an authorization": b.byToken("cus_1", token, set("txnType", "AUTH")),
		"a wallet's":       b.byToken("cus_1", token, set("tokenInfo", `{"tokenId":"x","provider":"GooglePay"}`)),
	} {
		e := b.call(t, pathSale, params)
		require.Contains(t, []string{codeRejected, codeUnsupported}, e.RespCode, name)
		require.Nil(t, e.Data, name)
	}
	require.Empty(t, b.sandbox.Books(BookQuery{}).Transactions)

	row, _ := b.tokens(t, "cus_1")[0].(map[string]any)
	remove := map[string]any{"merchantNo": DefaultMerchantNo, "id": row["id"]}
	e := b.call(t, "/v1/txn/removeToken", remove)
	require.Equal(t, []any{codeSuccess, true}, []any{e.RespCode, e.Data["success"]})
	require.Equal(t, digest(e.Data, unsignedInResponse(), DefaultSecretKey), e.Data["sign"])
	require.Equal(t, codeRejected, b.call(t, "/v1/txn/removeToken", remove).RespCode, "a binding is removed once")
	require.Equal(t, codeRejected, b.call(t, pathSale, b.byToken("cus_1", token)).RespCode)
	require.Empty(t, b.tokens(t, "cus_1"))
	require.True(t, b.sandbox.Books(BookQuery{}).Tokens[0].Removed)
}

func TestRemoveToken_ItsPathIsASetting(t *testing.T) {
	t.Parallel()
	b := setup(t, func(c *Config) { c.Sim.RemoveTokenPath = "/v1/txn/deleteToken" })
	b.bound(t, cardPays)
	row, _ := b.tokens(t, "cus_1")[0].(map[string]any)
	e := b.call(t, "/v1/txn/deleteToken", map[string]any{"merchantNo": DefaultMerchantNo, "id": row["id"]})
	require.Equal(t, codeSuccess, e.RespCode)
}

func TestVault_ForgetsTheOldest(t *testing.T) {
	t.Parallel()
	v := newVault(2)
	first := v.keep(binding{id: "1", custID: "a"})
	v.keep(binding{id: "2", custID: "a"})
	v.keep(binding{id: "3", custID: "b"})
	_, found := v.find(first.tokenID, "a")
	require.False(t, found)
	require.Len(t, v.of("a"), 1)
	require.Len(t, v.booked(), 2)
}
