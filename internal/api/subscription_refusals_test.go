package api_test

import (
	"context"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"tillway/internal/api"
	"tillway/internal/apikeys"
	"tillway/internal/ids"
)

// Every refusal to begin a subscription, with its whole body. None leaves anything behind.
func TestSubscription_RefusalsToBegin(t *testing.T) {
	t.Parallel()
	b := setup(t)
	nobody := ids.New[ids.CustomerEntity]().String()
	stranger := b.createCustomer(t, object{}).str("id")
	const missing, wrong, unknown = "parameter_missing", "parameter_invalid", "unknown_field"
	const cardOnly = "A subscription begins with a card's data (payment_method.type card): the provider agrees on later charges with no other."
	saved := object{"type": "saved", "payment_method": ids.New[ids.PaymentMethodEntity]().String()}
	body := b.club(t, goodCard)
	for name, c := range map[string]struct {
		change               object
		status               int
		code, message, param string
	}{
		"no customer":        {object{"customer": nil}, 400, missing, "customer is required.", "customer"},
		"nobody":             {object{"customer": nobody}, 400, wrong, "There is no such customer. Create one with POST /v1/customers.", "customer"},
		"not a customer":     {object{"customer": "pay_1"}, 400, wrong, "customer is not a valid identifier of its kind.", "customer"},
		"no amount":          {object{"amount": nil}, 400, missing, "amount is required.", "amount"},
		"amount 0":           {object{"amount": 0}, 400, wrong, "amount must be between 1 and 99999999 minor units.", "amount"},
		"no currency":        {object{"currency": nil}, 400, missing, "currency is required.", "currency"},
		"currency":           {object{"currency": "ZZZ"}, 400, wrong, "currency must be an ISO 4217 code such as eur.", "currency"},
		"three decimals":     {object{"currency": "KWD"}, 422, "currency_not_supported", "KWD has three decimals.", "currency"},
		"no interval":        {object{"interval": nil}, 400, missing, "interval is required.", "interval"},
		"interval":           {object{"interval": "hour"}, 400, wrong, "interval must be one of day, week, month and year.", "interval"},
		"interval_count 0":   {object{"interval_count": 0}, 400, wrong, "interval_count must be a positive number.", "interval_count"},
		"interval_count 13":  {object{"interval_count": 13}, 400, wrong, "interval_count must be 1 to 12 for interval month.", "interval_count"},
		"time_zone":          {object{"time_zone": "Mars/Base"}, 400, wrong, "time_zone must be an IANA name such as Europe/Berlin.", "time_zone"},
		"description":        {object{"description": strings.Repeat("x", 351)}, 400, wrong, "description has at most 350 characters.", "description"},
		"trial_days":         {object{"trial_days": -1}, 400, wrong, "trial_days must be between 0 and 730.", "trial_days"},
		"ends_at past":       {object{"ends_at": 1}, 400, wrong, "ends_at must be in the future.", "ends_at"},
		"ends_at in trial":   {object{"ends_at": time.Now().Add(48 * time.Hour).Unix(), "trial_days": 3}, 400, wrong, "ends_at must be after the trial: nothing would ever be charged.", "ends_at"},
		"ends_at":            {object{"ends_at": -1}, 400, wrong, "ends_at must be a time in unix seconds.", "ends_at"},
		"the PSP's interval": {object{"collection": "provider_managed", "interval": "day", "interval_count": 100}, 400, wrong, "interval_count must be 1 to 99 for interval day, where the provider charges by itself.", "interval_count"},
		"the PSP's end":      {object{"collection": "provider_managed", "ends_at": time.Now().Truncate(24 * time.Hour).Add(24*time.Hour - time.Second).Unix()}, 400, wrong, "ends_at must be on a later day, where the provider charges by itself.", "ends_at"},
		"collection":         {object{"collection": "by_hand"}, 400, wrong, "collection must be self_managed or provider_managed.", "collection"},
		"no payment_method":  {object{"payment_method": nil}, 400, missing, "payment_method is required.", "payment_method"},
		"a wallet":           {object{"payment_method": object{"type": "wallet"}}, 400, wrong, "payment_method.type must be card, saved, hosted or local.", "payment_method.type"},
		"a saved card":       {object{"payment_method": saved}, 422, "payment_method_not_allowed", cardOnly, "payment_method.type"},
		"the PSP's own page": {object{"payment_method": object{"type": "hosted"}}, 422, "payment_method_not_allowed", cardOnly, "payment_method.type"},
		"a bank's own way":   {object{"payment_method": object{"type": "local", "local": object{"method": "iDEAL"}}}, 422, "payment_method_not_allowed", cardOnly, "payment_method.type"},
		"no card":            {object{"payment_method": object{"type": "card"}}, 400, missing, "payment_method.card is required.", "payment_method.card"},
		"strategy":           {object{"three_ds": object{"strategy": "always"}}, 400, wrong, "three_ds.strategy must be auto, force or skip.", "three_ds.strategy"},
		"browser":            {object{"browser": object{"ip": "localhost"}}, 400, wrong, "browser.ip must be an IPv4 or IPv6 address.", "browser.ip"},
		"return_url":         {object{"return_url": "https://evil.example.com/"}, 400, wrong, "return_url is not on the allow-list. Add its origin to RETURN_URL_ALLOWLIST.", "return_url"},
		"no email":           {object{"customer": stranger}, 400, missing, "A payment needs billing_details.email, on the order or its customer.", "billing_details.email"},
		"metadata":           {object{"metadata": object{strings.Repeat("k", 41): "v"}}, 400, wrong, "A metadata key has 1 to 40 characters.", "metadata"},
		"dunning":            {object{"dunning": 1}, 400, wrong, "dunning must be an object, not a number.", "dunning"},
		"dunning.end":        {object{"dunning": object{"end": "shrug"}}, 400, wrong, "dunning.end must be unpaid or cancel.", "dunning.end"},
		"dunning.retry_days": {object{"dunning": object{"retry_days": []int{3, 1}}}, 400, wrong, "dunning.retry_days must be ascending, from 1, and before give_up_days.", "dunning.retry_days"},
		"dunning.pardon":     {object{"dunning": object{"pardon": true}}, 400, unknown, "dunning.pardon is not a field of this request.", "dunning.pardon"},
		"unknown":            {object{"quantity": 2}, 400, unknown, "quantity is not a field of this request.", "quantity"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			changed := orderless(object{}, body, c.change)
			b.do(t, request{method: "POST", path: "/v1/subscriptions", body: changed, key: strings.ReplaceAll(name, " ", "-"), wrong: true}).
				refused(t, c.status, invalid, c.code, c.message, c.param)
		})
	}
	t.Cleanup(func() {
		require.Zero(t, b.provider.saleCount())
		rows := 0
		require.NoError(t, b.pool.QueryRow(context.Background(), "SELECT count(*) FROM subscriptions").Scan(&rows)) // the test's own has ended
		require.Zero(t, rows)
	})
}

func TestSubscription_RefusalsWithoutARow(t *testing.T) {
	t.Parallel()
	b := setup(t)
	body := b.club(t, goodCard)
	b.do(t, request{method: "POST", path: "/v1/subscriptions", body: body, wrong: true}).refused(t, http.StatusBadRequest, invalid,
		"idempotency_key_required", "This request needs an Idempotency-Key header: a value of your own that is new for each thing you want done.", "Idempotency-Key")
	b.do(t, request{method: "POST", path: "/v1/subscriptions", body: body, key: "k", as: apikeys.RoleOps}).refused(t, http.StatusForbidden, invalid,
		"forbidden", "The role of this key, ops, may not do this.", "")
	for query, message := range map[string]string{
		"status=gone": "status must be one of incomplete, trialing, active, past_due, unpaid, paused, canceled, expired.",
		"customer=x":  "customer is not a valid identifier of its kind.",
	} {
		param, _, _ := strings.Cut(query, "=")
		b.do(t, request{method: "GET", path: "/v1/subscriptions?" + query, wrong: true}).refused(t, http.StatusBadRequest, invalid, "parameter_invalid", message, param)
	}

	id := ids.New[ids.SubscriptionEntity]().String()
	missing := `No such subscription: "` + id + `".`
	path := "/v1/subscriptions/" + id
	for _, r := range []request{
		{method: "GET", path: path},
		{method: "POST", path: path, body: object{"amount": 1}},
		{method: "POST", path: path + "/cancel"},
		{method: "POST", path: path + "/pause"},
		{method: "POST", path: path + "/resume"},
		{method: "GET", path: path + "/orders"},
		{method: "GET", path: path + "/update_link"},
	} {
		b.do(t, r).refused(t, http.StatusNotFound, invalid, "resource_missing", missing, "")
	}

	b.begin(t, b.club(t, unsentCard), "free").refused(t, http.StatusServiceUnavailable, "api_error", "provider_unavailable",
		"The payment provider cannot be reached. Nothing was charged; repeat the request.", "")
	require.Equal(t, http.StatusCreated, b.begin(t, body, "free").status, "the key is free again")
	refused := b.begin(t, b.club(t, refusedCard), "refused")
	require.Equal(t, http.StatusUnprocessableEntity, refused.status, refused.body)
	requireError(t, refused, invalid, "provider_refused", "The provider refused the request.", b, refused.str("error.payment.id"))
}

func TestSubscription_RefusalsOfItsState(t *testing.T) {
	t.Parallel()
	b := setup(t)
	waits := b.begin(t, b.club(t, challengeCard), "waits").str("id")
	path, ended := b.subscribed(t)
	b.do(t, request{method: "POST", path: path + "/cancel"})
	open, _ := b.subscribed(t)
	managed, _ := b.subscribed(t, object{"collection": "provider_managed"})
	const changeable, cancelable, pausable, paused = "subscription_not_changeable", "subscription_not_cancelable", "subscription_not_pausable", "subscription_not_paused"
	for name, c := range map[string]struct {
		path, command        string
		body                 any
		status               int
		code, message, param string
	}{
		"cancel what waits":      {"/v1/subscriptions/" + waits, "/cancel", nil, 409, cancelable, "The subscription is incomplete and cannot be canceled.", ""},
		"cancel it later":        {"/v1/subscriptions/" + waits, "/cancel", object{"at_period_end": true}, 409, cancelable, "The subscription is incomplete and cannot be canceled.", ""},
		"pause what has ended":   {path, "/pause", nil, 409, pausable, "The subscription is canceled and cannot be paused.", ""},
		"pause the PSP":          {managed, "/pause", nil, 409, pausable, "The provider charges this subscription by itself and cannot be told to pause. Cancel it instead.", ""},
		"resume what runs":       {open, "/resume", nil, 409, paused, "The subscription is active, not paused.", ""},
		"change what has ended":  {path, "", object{"amount": 1}, 409, changeable, "The subscription is canceled: only its description and metadata can be changed.", ""},
		"change the PSP's terms": {managed, "", object{"amount": 1}, 422, "provider_managed_terms", "The provider charges this subscription by the terms that it began with. Cancel it and create another one.", ""},
		"have the PSP go on":     {managed, "", object{"ends_at": nil}, 422, "provider_managed_terms", "The provider charges this subscription by the terms that it began with. Cancel it and create another one.", ""},
		"charge more often":      {open, "", object{"interval": "day"}, 422, "interval_not_allowed", "", "interval"},
		"no such interval":       {open, "", object{"interval": "hour"}, 400, "parameter_invalid", "interval must be one of day, week, month and year.", "interval"},
		"too many":               {open, "", object{"interval_count": 0}, 400, "parameter_invalid", "interval_count must be 1 to 12 for interval month.", "interval_count"},
		"amount":                 {open, "", object{"amount": 0}, 400, "parameter_invalid", "amount must be between 1 and 99999999 minor units.", "amount"},
		"ends_at past":           {open, "", object{"ends_at": 1}, 400, "parameter_invalid", "ends_at must be in the future.", "ends_at"},
		"ends_at":                {open, "", object{"ends_at": -1}, 400, "parameter_invalid", "ends_at must be a time in unix seconds.", "ends_at"},
		"dunning":                {open, "", object{"dunning": object{"day_cap": 11}}, 400, "parameter_invalid", "dunning.day_cap must be 1 to 10.", "dunning.day_cap"},
		"cancel by update":       {open, "", object{"cancel_at_period_end": true}, 400, "parameter_invalid", "cancel_at_period_end can only be taken back here (false). Cancel with POST …/cancel and at_period_end.", "cancel_at_period_end"},
		"unknown":                {open, "", object{"currency": "usd"}, 400, "unknown_field", "currency is not a field of this request.", "currency"},
		"unknown way to cancel":  {open, "/cancel", object{"now": true}, 400, "unknown_field", "now is not a field of this request.", "now"},
		"link of what has ended": {path, "/update_link", nil, 409, changeable, "The subscription is canceled and self_managed: its card cannot be changed.", ""},
		"link to the PSP's":      {managed, "/update_link", nil, 409, changeable, "The subscription is active and provider_managed: its card cannot be changed.", ""},
		"link of what waits":     {"/v1/subscriptions/" + waits, "/update_link", nil, 409, changeable, "The subscription is incomplete and self_managed: its card cannot be changed.", ""},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			r := request{method: "POST", path: c.path + c.command, body: c.body, wrong: true}
			if c.command == "/update_link" {
				r.method = "GET"
			}
			before := b.do(t, request{method: "GET", path: c.path}).json
			got := b.do(t, r)
			if c.code == "interval_not_allowed" {
				require.Contains(t, got.str("error.message"), "The customer has agreed to charges that are at least ")
				c.message = got.str("error.message")
			}
			got.refused(t, c.status, invalid, c.code, c.message, c.param)
			require.Equal(t, before, b.do(t, request{method: "GET", path: c.path}).json, "changes nothing")
		})
	}
	require.NotEmpty(t, ended.str("id"))
}

func TestSubscription_HostedOnlyTakesNoCard(t *testing.T) {
	t.Parallel()
	b := setup(t, func(d *api.Deps) { d.CardEntry = api.CardEntryHostedOnly })
	const message = "This installation takes no card data (CARD_ENTRY=hosted_only). A subscription begins with one: none can be created here."
	for _, method := range []object{{"type": "saved"}, {"type": "hosted"}, {"type": "card"}, payBody(goodCard)["payment_method"].(object)} { //nolint:forcetypeassert // made so
		body := b.club(t, goodCard, object{"payment_method": method})
		b.do(t, request{method: "POST", path: "/v1/subscriptions", body: body, key: "k"}).refused(t, http.StatusUnprocessableEntity, invalid,
			"payment_method_not_allowed", message, "payment_method.card")
	}
	require.NotContains(t, b.logs.String(), goodCard)
	require.Zero(t, b.provider.saleCount())
}
