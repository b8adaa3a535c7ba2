package e2e

import (
	"bytes"
	"context"
	"encoding/base64"
	"encoding/hex"
	"fmt"
	"io"
	"maps"
	"net/http"
	"net/http/httptest"
	"regexp"
	"slices"
	"strings"
	"sync"
	"testing"

	"github.com/jackc/pgx/v5"
	"github.com/redis/go-redis/v9"
	"github.com/stretchr/testify/require"

	"tillway/internal/embedded/redistest"
	"tillway/internal/sandbox"
)

// secretCVC is a security code that nothing else in the test is likely to contain next to such a name or between quotes.
const secretCVC = "9317"

// cardNumber completes a prefix, which is unlike anything that a clock or a counter says, to a valid number.
func cardNumber(prefix string) string {
	sum := 0
	for i := range len(prefix) {
		digit := int(prefix[len(prefix)-1-i] - '0')
		if i%2 == 0 {
			if digit *= 2; digit > 9 {
				digit -= 9
			}
		}
		sum += digit
	}
	return prefix + string(rune('0'+(10-sum%10)%10))
}

// spaced writes a number as it stands on a card.
func spaced(number, separator string) string {
	var groups []string
	for ; len(number) > 4; number = number[4:] {
		groups = append(groups, number[:4])
	}
	return strings.Join(append(groups, number), separator)
}

// needles are the forms in which a card number must not be found: as it is, also without its ends, as it stands on a card,
// in base64 wherever it begins, and as the hex of its characters.
func needles(number string) []string {
	found := []string{spaced(number, " "), spaced(number, "-"), hex.EncodeToString([]byte(number)), strings.ToUpper(hex.EncodeToString([]byte(number)))}
	const most = 11 // the first six and the last four may be kept; eleven in a row are neither
	for i := range len(number) - most + 1 {
		found = append(found, number[i:i+most])
	}
	for shift := range 3 {
		encoded := base64.StdEncoding.EncodeToString([]byte(strings.Repeat("\x00", shift) + number))
		found = append(found, encoded[4:len(encoded)-4]) // what its neighbors do not change
	}
	return found
}

var cvcByName = regexp.MustCompile(`(?i)(cvc|cvv|cvn|csc|security[ _]?code)[^0-9a-z]{0,12}` + secretCVC)

// requireClean requires that a text has none of the cards nor the security code.
func requireClean(t *testing.T, where string, content []byte, cards []string) {
	t.Helper()
	require.NotEmpty(t, content, where)
	for _, card := range cards {
		for _, needle := range needles(card) {
			if at := bytes.Index(content, []byte(needle)); at >= 0 {
				t.Errorf("a card number is in the %s (as %s…): …%s…", where, needle[:4], content[max(0, at-200):min(len(content), at+40)])
				break
			}
		}
	}
	for _, needle := range []string{`"` + secretCVC + `"`, `\"` + secretCVC + `\"`, "\t" + secretCVC + "\t", "=" + secretCVC} {
		if at := bytes.Index(content, []byte(needle)); at >= 0 {
			t.Errorf("the security code is in the %s: …%s…", where, content[max(0, at-200):min(len(content), at+40)])
		}
	}
	if found := cvcByName.Find(content); found != nil {
		t.Errorf("the security code is in the %s: %s", where, found)
	}
}

// dumpDatabase writes out every row of every table, partitions and the job queue's included.
func dumpDatabase(t *testing.T, url string) []byte {
	t.Helper()
	ctx := t.Context()
	conn, err := pgx.Connect(ctx, url)
	require.NoError(t, err)
	defer conn.Close(context.WithoutCancel(ctx))
	rows, err := conn.Query(ctx, `
		SELECT format('%I.%I', n.nspname, c.relname) FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace
		WHERE c.relkind = 'r' AND n.nspname NOT IN ('pg_catalog', 'information_schema') ORDER BY 1`)
	require.NoError(t, err)
	tables, err := pgx.CollectRows(rows, pgx.RowTo[string])
	require.NoError(t, err)
	var dump bytes.Buffer
	for _, table := range tables {
		fmt.Fprintf(&dump, "\n-- %s\n", table)
		_, err := conn.PgConn().CopyTo(ctx, &dump, "COPY "+table+" TO STDOUT")
		require.NoError(t, err)
	}
	for _, table := range []string{"orders", "payments", "events", "evidence", "notifications", "api_keys", "river_job"} {
		require.Regexp(t, `-- public\.`+table, dump.String(), "the dump is whole")
	}
	_, err = conn.PgConn().CopyTo(ctx, &dump, "COPY (SELECT query FROM pg_stat_activity) TO STDOUT")
	require.NoError(t, err)
	return dump.Bytes()
}

// dumpRedis writes out every key with its value, as text and as it would lie in a snapshot.
func dumpRedis(t *testing.T, client redis.UniversalClient) []byte {
	t.Helper()
	ctx := t.Context()
	require.NoError(t, client.ConfigSet(ctx, "rdbcompression", "no").Err()) // else DUMP hides repetitions
	var dump bytes.Buffer
	keys := client.Scan(ctx, 0, "*", 1000).Iterator()
	for keys.Next(ctx) {
		key := keys.Val()
		fmt.Fprintf(&dump, "\n%s\n", key)
		kind := client.Type(ctx, key).Val()
		switch kind {
		case "string":
			dump.WriteString(client.Get(ctx, key).Val())
		case "hash":
			fmt.Fprint(&dump, client.HGetAll(ctx, key).Val())
		case "list":
			fmt.Fprint(&dump, client.LRange(ctx, key, 0, -1).Val())
		case "set":
			fmt.Fprint(&dump, client.SMembers(ctx, key).Val())
		case "zset":
			fmt.Fprint(&dump, client.ZRange(ctx, key, 0, -1).Val())
		default:
			require.NotEqual(t, "stream", kind, "teach the scan to read streams")
		}
		dump.WriteString(client.Dump(ctx, key).Val())
	}
	require.NoError(t, keys.Err())
	return dump.Bytes()
}

// collector takes the traces and metrics that the service exports.
type collector struct {
	*httptest.Server
	mu    sync.Mutex
	taken bytes.Buffer
}

func startCollector(t *testing.T) *collector {
	t.Helper()
	c := &collector{}
	c.Server = httptest.NewServer(http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) {
		c.mu.Lock()
		defer c.mu.Unlock()
		_, _ = io.Copy(&c.taken, r.Body)
	}))
	t.Cleanup(c.Close)
	return c
}

func (c *collector) content() []byte {
	c.mu.Lock()
	defer c.mu.Unlock()
	return bytes.Clone(c.taken.Bytes())
}

// scan is the state of the test below: what it has sent, and what it was answered.
type scan struct {
	*world
	cards   []string
	answers bytes.Buffer
}

// newCard is a number that is sent in one way only, so that a find tells where it came from.
func (s *scan) newCard(prefix string) string {
	number := cardNumber(prefix)
	s.cards = append(s.cards, number)
	return number
}

// paying is the body of a payment with the number and the secret code.
func (s *scan) paying(number string, changes object) object {
	card := object{"number": number, "exp_month": 12, "exp_year": 2031, "cvc": secretCVC, "holder_name": "Ada Lovelace"}
	maps.Copy(card, changes)
	return object{"payment_method": object{"type": "card", "card": card}}
}

func (s *scan) post(order, key string, body any, header map[string]string) answer {
	s.t.Helper()
	got := s.service.send(call{
		method: http.MethodPost, path: "/v1/orders/" + order + "/payments", key: key, body: body, header: header, wrong: true,
	})
	require.Less(s.t, got.status, 504, got.body)
	require.NotEqual(s.t, 500, got.status, got.body)
	s.answers.WriteString(got.body)
	fmt.Fprint(&s.answers, got.header)
	return got
}

// TestScan_FindsWhatItLooksFor: a scan that finds nothing proves nothing by itself.
func TestScan_FindsWhatItLooksFor(t *testing.T) {
	t.Parallel()
	number := cardNumber("453917352086471")
	for name, text := range map[string]string{
		"plain": number, "cut short": number[:12], "on the card": spaced(number, " "), "hex": hex.EncodeToString([]byte(number)),
		"base64": base64.StdEncoding.EncodeToString([]byte(`{"number":"` + number + `"}`)),
		"url":    base64.URLEncoding.EncodeToString([]byte(`{"pan":"` + number + `"}`)),
		"third":  base64.RawStdEncoding.EncodeToString([]byte(`"` + number)),
	} {
		require.True(t, slices.ContainsFunc(needles(number), func(n string) bool { return strings.Contains(text, n) }), name)
	}
	require.False(t, slices.ContainsFunc(needles(number), func(n string) bool {
		return strings.Contains(number[:6]+"******"+number[12:], n)
	}), "what may be kept")
	for _, text := range []string{`"cvc":"9317"`, `cvv=9317`, `\"cvv\":\"9317\"`, `security_code: 9317`, `CVC:9317`} {
		require.Regexp(t, cvcByName, text)
	}
}

// TestNoCardNumberOrSecurityCodeStaysAnywhere drives every way in which a card comes in, refused ones included, and then
// looks for it, and for the tokens of those that were saved, in all that is left: database, Redis, logs, traces, metrics and answers.
func TestNoCardNumberOrSecurityCodeStaysAnywhere(t *testing.T) {
	t.Parallel()
	redisServer, traces, metrics := redistest.Private(t), startCollector(t), freePort(t)
	w := start(t, onRedis(redisServer), with("RESOLVE_SCHEDULE", soon), with("ONERWAY_TIMEOUT", "1500ms"),
		with("CALLER_DEADLINE", "1s"), with("ADMIN_ADDR", "127.0.0.1:"+metrics),
		with("OTEL_SDK_DISABLED", "false"), with("OTEL_TRACES_EXPORTER", "otlp"),
		with("OTEL_EXPORTER_OTLP_ENDPOINT", traces.URL), with("OTEL_EXPORTER_OTLP_PROTOCOL", "http/protobuf"))
	s := &scan{world: w}
	s.payInEveryWay()
	s.saveInEveryWay()
	s.payWrongly()
	s.notifyOfCards()
	s.whileTheProviderIsAway()

	exposed, err := plainClient.Get("http://127.0.0.1:" + metrics + "/metrics")
	require.NoError(t, err)
	defer exposed.Body.Close()
	shown, err := io.ReadAll(exposed.Body)
	require.NoError(t, err)
	redisDump := dumpRedis(t, redisServer.Client())
	w.service.stop(t) // flushes the traces

	database := dumpDatabase(t, w.database)
	requireClean(t, "database", database, s.cards)
	requireClean(t, "Redis", redisDump, s.cards)
	requireClean(t, "log of the service", w.service.logged(t), s.cards)
	requireClean(t, "log of the provider", w.provider.logged(t), s.cards)
	requireClean(t, "traces", traces.content(), s.cards)
	requireClean(t, "metrics", shown, s.cards)
	requireClean(t, "answers", s.answers.Bytes(), s.cards)
}

// payInEveryWay pays with cards that succeed, are declined, are challenged, or whose answer is lost.
func (s *scan) payInEveryWay() {
	t := s.t
	s.post(s.service.createOrder(nil).ID, "k-1", s.paying(s.newCard("453917352086471"), nil), nil).requireStatus(t, http.StatusCreated)
	s.post(s.service.createOrder(nil).ID, "k-2", s.paying(spaced(s.newCard("453917352086472"), " "), nil), nil).requireStatus(t, http.StatusCreated)
	s.post(s.service.createOrder(nil).ID, "k-3", s.paying(spaced(s.newCard("453917352086473"), "-"), nil), nil).requireStatus(t, http.StatusCreated)
	s.post(s.service.createOrder(nil).ID, "k-4", s.paying(s.newCard("37913952086474"), nil), nil).requireStatus(t, http.StatusCreated)

	named := s.newCard("453917352086475") // people type it into any field
	s.post(s.service.createOrder(nil).ID, "k-5", s.paying(named, object{"holder_name": named}), nil)

	for fault, prefix := range map[string]string{
		"lose_answer": "453917352086476", "malformed_json": "453917352086477", "bad_signature": "453917352086478",
	} {
		s.provider.arm(sandbox.Fault{Name: fault})
		got := s.post(s.service.createOrder(nil).ID, "k-"+fault, s.paying(s.newCard(prefix), nil), nil)
		require.Less(t, got.status, 300, "unknown, or told of already by the notification: %s", got.body)
	}
	s.provider.arm(sandbox.Fault{Name: "force", Status: "F", Code: "20051"})
	declined := s.service.createOrder(nil).ID
	s.post(declined, "k-6", s.paying(s.newCard("453917352086479"), nil), nil).requireStatus(t, http.StatusPaymentRequired)
	s.post(declined, "k-6", s.paying(s.newCard("453917352086480"), nil), nil).requireStatus(t, http.StatusUnprocessableEntity) // key reused
	s.provider.arm(sandbox.Fault{Name: "force", Status: "F", Code: "12002", Message: "merchant disabled"})
	s.post(s.service.createOrder(nil).ID, "k-7", s.paying(s.newCard("453917352086481"), nil), nil).requireStatus(t, http.StatusUnprocessableEntity)

	slow := s.newCard("453917352086482")
	s.provider.arm(sandbox.Fault{Name: "hang"})
	s.post(s.service.createOrder(nil).ID, "k-8", s.paying(slow, nil), nil).requireStatus(t, http.StatusAccepted)

	challengedBody := s.paying(s.newCard("453917352086483"), nil)
	challengedBody["three_ds"] = object{"strategy": "force"}
	o := s.service.createOrder(nil).ID
	p := into[payment](t, s.post(o, "k-9", challengedBody, nil).requireStatus(t, http.StatusCreated))
	decide(t, s.world, p, "approve")
	s.post(o, "k-10", s.paying(s.newCard("453917352086484"), nil), nil).requireStatus(t, http.StatusConflict)
}

// payWrongly sends cards in requests that are refused.
func (s *scan) payWrongly() {
	o := s.service.createOrder(nil).ID
	in := func(body, changes object) object {
		maps.Copy(body, changes)
		return body
	}
	number := s.newCard("453917352086501")
	s.post(o, "w-1", s.paying(number+"0000", nil), nil)
	s.post(o, "w-2", s.paying(number+"x", nil), nil)
	s.post(o, "w-3", s.paying(s.newCard("453917352086502"), object{"exp_month": 13}), nil)
	s.post(o, "w-4", s.paying(s.newCard("453917352086503"), object{"exp_year": 2001}), nil)
	s.post(o, "w-5", s.paying(s.newCard("453917352086504"), object{"cvc": secretCVC + secretCVC}), nil)
	s.post(o, "w-6", s.paying(s.newCard("453917352086505"), object{"track2": s.newCard("453917352086506")}), nil)
	s.post(o, "w-7", in(s.paying(s.newCard("453917352086507"), nil), object{"pan": s.newCard("453917352086508")}), nil)
	s.post(o, "w-8", in(s.paying(s.newCard("453917352086509"), nil), object{"capture_method": s.newCard("453917352086510")}), nil)
	s.post(o, "w-9", in(s.paying(s.newCard("453917352086511"), nil), object{"return_url": "https://" + s.newCard("453917352086512")}), nil)
	s.post(o, "w-10", in(s.paying(s.newCard("453917352086513"), nil), object{"three_ds": object{"strategy": s.newCard("453917352086514")}}), nil)
	s.post(o, "w-11", object{"payment_method": object{"type": s.newCard("453917352086515")}}, nil)
	s.post(o, "", s.paying(s.newCard("453917352086516"), nil), nil)                                                         // no key
	s.post(o, "w-12", s.paying(s.newCard("453917352086517"), nil), map[string]string{"Authorization": "Bearer sk_test_no"}) // nobody
	s.post(o, "w-13", s.paying(s.newCard("453917352086518"), nil), map[string]string{"Content-Type": "text/plain"})
	s.post(o, "w-14", s.paying(s.newCard("453917352086519"), nil), map[string]string{"Accept": "image/png"})
	s.post("ord_01jz3q8t9kf0p8v6m2c4x5y7za", "w-15", s.paying(s.newCard("453917352086520"), nil), nil) // no such order
	s.post(o, "w-16", `{"payment_method":{"type":"card","card":{"number":"`+s.newCard("453917352086521")+`","cvc":"`+secretCVC+`"`, nil)
	s.post(o, "w-17", `{"payment_method":{"type":"card","card":{"number":`+s.newCard("453917352086522")+`,"cvc":`+secretCVC+`}}}`, nil)
	s.post(o, "w-18", `number=`+s.newCard("453917352086523")+`&cvc=`+secretCVC, map[string]string{"Content-Type": "application/x-www-form-urlencoded"})
	s.post(o, "w-19", `{"payment_method":{"type":"card","card":{"number":["`+s.newCard("453917352086524")+`"],"cvc":{"a":"`+secretCVC+`"}}}}`, nil)
	s.post(o, "w-20", `"`+s.newCard("453917352086525")+`" "`+secretCVC+`"`, nil)
	s.post(o, "w-21", `{"number":"`+s.newCard("453917352086526")+`","number":"`+s.newCard("453917352086527")+`"}`, nil)
	large := s.paying(s.newCard("453917352086528"), nil)
	large["description"] = strings.Repeat("x", 1<<20)
	s.post(o, "w-22", large, nil).requireStatus(s.t, http.StatusRequestEntityTooLarge)
	s.post(s.service.createOrder(object{"billing_details": nil}).ID, "w-23", s.paying(s.newCard("453917352086529"), nil), nil)

	// A caller who hangs up in the middle.
	ctx, hangUp := context.WithCancel(s.t.Context())
	defer hangUp()
	s.provider.arm(sandbox.Fault{Name: "slow", DelayMS: 2000})
	hung, body := make(chan error, 1), s.paying(s.newCard("453917352086530"), nil)
	go func() { // ends with its request
		_, err := s.service.try(ctx, call{method: http.MethodPost, path: "/v1/orders/" + o + "/payments", key: "w-24", body: body})
		hung <- err
	}()
	eventually(s.t, patience, "the charge is at the provider", func() bool { return len(s.provider.books(o).Transactions) > 0 })
	hangUp()
	require.Error(s.t, <-hung)
	s.service.awaitOrder(o, "paid")
}

// notifyOfCards delivers notifications that carry what they never should.
func (s *scan) notifyOfCards() {
	o, p := challenged(s.world, challengeCard, nil)
	for _, body := range []string{
		noticeOf(p).but("status", "P").but("cardNumber", s.newCard("453917352086601")).but("cvv", secretCVC).signed(signingKey),
		noticeOf(p).but("reason", `{"respCode":"20000","card":"`+s.newCard("453917352086602")+`","cvv":"`+secretCVC+`"}`).signed(signingKey),
		noticeOf(p).but("cardInfo", `{"cardNumber":"`+s.newCard("453917352086603")+`","cvv":"`+secretCVC+`"}`).signed("a stranger's key"),
		noticeOf(p).but("merchantTxnId", "pay_01jz3q8t9kf0p8v6m2c4x5y7za").but("remark", "card "+spaced(s.newCard("453917352086604"), " ")).signed(signingKey),
		`{"cardNumber":` + s.newCard("453917352086605") + `,"cvv":` + secretCVC + `}`,
		`cardNumber=` + s.newCard("453917352086606") + `&cvv=` + secretCVC,
	} {
		got, err := s.service.notify(s.t.Context(), body, nil)
		require.NoError(s.t, err)
		require.Less(s.t, got.status, 500, got.body)
		s.answers.WriteString(got.body)
	}
	s.service.awaitOrder(o.ID, "paid")
}

// whileTheProviderIsAway pays into the void.
func (s *scan) whileTheProviderIsAway() {
	s.service.awaiting(func() string { return "payments are open" }, func() bool {
		return len(get[page[payment]](s.service.client, "/v1/payments?status=unknown").Data)+
			len(get[page[payment]](s.service.client, "/v1/payments?status=processing").Data) == 0
	})
	s.provider.stop(s.t)
	s.post(s.service.createOrder(nil).ID, "a-1", s.paying(s.newCard("453917352086701"), nil), nil).requireStatus(s.t, http.StatusServiceUnavailable)
}
