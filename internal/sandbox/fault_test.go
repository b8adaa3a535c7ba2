package sandbox

import (
	"encoding/json"
	"net/http"
	"slices"
	"strconv"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

// cardOf is the reserved card of a fault.
func cardOf(t *testing.T, fault string) string {
	t.Helper()
	for _, spec := range faultCatalog() {
		if spec.name == fault {
			return spec.card
		}
	}
	t.Fatalf("no fault %s", fault)
	return ""
}

// struck is what a test wants to know after a fault.
type struck struct {
	resp   *http.Response
	body   string
	err    error
	booked []BookedTransaction
}

func (b *testBundle) strike(t *testing.T, fault string) struck {
	t.Helper()
	params := b.sale(cardOf(t, fault), "5")
	resp, body, err := b.raw(t, pathSale, params)
	return struck{resp, string(body), err, b.sandbox.Books(BookQuery{MerchantTxnID: signedText(params["merchantTxnId"])}).Transactions}
}

func TestFault_AnswerThatNeverArrivesHasCharged(t *testing.T) {
	t.Parallel()
	for _, fault := range []string{"lose_answer", "reset_before_answer", "cut_answer"} {
		t.Run(fault, func(t *testing.T) {
			t.Parallel()
			b := setup(t)
			s := b.strike(t, fault)
			require.Error(t, s.err)
			require.Len(t, s.booked, 1)
			require.Equal(t, "S", s.booked[0].Status)
			eventually(t, func() bool { return len(b.shop.notifications()) == 1 }, "the notification comes all the same")
			require.Len(t, b.rows(t, s.booked[0].MerchantTxnID), 1)
		})
	}
}

func TestFault_HangLastsUntilTheClientGivesUp(t *testing.T) {
	t.Parallel()
	b := setup(t)
	params := b.sale(cardOf(t, "hang"), "5")
	params["sign"] = digest(params, unsignedInRequest(), DefaultSecretKey)
	body, err := json.Marshal(params)
	require.NoError(t, err)
	done := make(chan error, 1)
	var client sync.WaitGroup
	defer client.Wait()
	client.Go(func() {
		_, _, err := b.post(t, pathSale, "application/json", body)
		done <- err
	})
	eventually(t, func() bool { return len(b.shop.notifications()) == 1 }, "charged and notified")
	require.Empty(t, done, "and still no answer")
	b.sandbox.closeOnce.Do(func() { close(b.sandbox.closing) }) // what the end of Run does
	require.Error(t, <-done)
}

func TestFault_RefusalsChargeNothing(t *testing.T) {
	t.Parallel()
	b := setup(t)
	for fault, code := range map[string]int{"http_500": 500, "rate_limited": 429} {
		s := b.strike(t, fault)
		require.NoError(t, s.err)
		require.Equal(t, code, s.resp.StatusCode)
		require.Empty(t, s.booked)
	}
	s := b.strike(t, "refuse_connection")
	require.Error(t, s.err)
	require.Empty(t, s.booked)
}

func TestFault_SpoiltAnswersHaveCharged(t *testing.T) {
	t.Parallel()
	b := setup(t)
	sign := func(body string) (status, given, right string) {
		var e envelope
		require.NoError(t, json.Unmarshal([]byte(body), &e))
		return e.status(), signedText(e.Data["sign"]), digest(e.Data, unsignedInResponse(), DefaultSecretKey)
	}
	cases := map[string]func(s struck){
		"http_502_after_charge": func(s struck) {
			require.Equal(t, http.StatusBadGateway, s.resp.StatusCode)
			require.Contains(t, s.body, "<html>")
		},
		"malformed_json": func(s struck) { require.False(t, json.Valid([]byte(s.body))) },
		"bad_signature": func(s struck) {
			status, given, right := sign(s.body)
			require.Equal(t, "S", status)
			require.Len(t, given, 64)
			require.NotEqual(t, right, given)
		},
		"missing_signature": func(s struck) { require.Contains(t, s.body, `"sign":null`) },
		"unmapped_status": func(s struck) {
			status, given, right := sign(s.body)
			require.Equal(t, "X", status)
			require.Equal(t, right, given)
		},
	}
	for fault, check := range cases {
		s := b.strike(t, fault)
		require.NoError(t, s.err, fault)
		check(s)
		require.Len(t, s.booked, 1, fault)
		require.Equal(t, "S", s.booked[0].Status, fault)
	}
}

func TestFault_SlowTakesItsTime(t *testing.T) {
	t.Parallel()
	b := setup(t)
	_, err := b.sandbox.Arm(Fault{Name: "slow", DelayMS: 80})
	require.NoError(t, err)
	started := time.Now()
	require.Equal(t, "S", b.charge(t, cardPays, "5").status())
	require.GreaterOrEqual(t, time.Since(started), 80*time.Millisecond)
}

func TestFault_ProcessingEndsInSuccess(t *testing.T) {
	t.Parallel()
	b := setup(t)
	s := b.strike(t, "processing")
	require.Contains(t, s.body, `"status":"P"`)
	require.Equal(t, "P", s.booked[0].Status)
	quietly(t, func() bool { return len(b.shop.notifications()) > 0 }, "nothing final yet")
	b.clock.move(settleDelay)
	eventually(t, func() bool { return len(b.shop.notifications()) == 1 }, "then it is")
	require.Equal(t, "S", b.shop.notifications()[0].fields["status"])
}

func TestFault_LateSuccessTurnsADeclineRound(t *testing.T) {
	t.Parallel()
	b := setup(t)
	s := b.strike(t, "late_success")
	require.Contains(t, s.body, `"status":"F"`)
	eventually(t, func() bool { return len(b.shop.notifications()) == 1 }, "the failure is notified")
	b.clock.move(settleDelay)
	eventually(t, func() bool { return len(b.shop.notifications()) == 2 }, "and the success after it")
	require.Equal(t, "F", b.shop.notifications()[0].fields["status"])
	require.Equal(t, "S", b.shop.notifications()[1].fields["status"])
	require.Equal(t, "5.00", b.sandbox.Books(BookQuery{}).Totals["USD"].Charged)
}

func TestFault_NotificationBeforeTheAnswer(t *testing.T) {
	t.Parallel()
	b := setup(t)
	s := b.strike(t, "notify_before_answer")
	require.Contains(t, s.body, `"status":"S"`)
	require.Len(t, b.shop.notifications(), 1, "it was there before the answer was")
	quietly(t, func() bool { return len(b.shop.notifications()) > 1 }, "and comes once")
}

func TestFault_NotificationsGoWrong(t *testing.T) {
	t.Parallel()
	statuses := func(b *testBundle) (all []any) {
		for _, n := range b.shop.notifications() {
			all = append(all, n.fields["status"])
		}
		return all
	}
	arrived := func(t *testing.T, b *testBundle, n int) {
		t.Helper()
		eventually(t, func() bool { return len(b.shop.notifications()) == n }, "all of them")
	}
	t.Run("duplicated", func(t *testing.T) {
		t.Parallel()
		b := setup(t)
		_, err := b.sandbox.Arm(Fault{Name: "duplicate_notification", Copies: 20})
		require.NoError(t, err)
		b.charge(t, cardPays, "5")
		arrived(t, b, 20)
		for _, n := range b.shop.notifications() {
			require.Equal(t, string(b.shop.notifications()[0].body), string(n.body))
		}
	})
	t.Run("missing", func(t *testing.T) {
		t.Parallel()
		b := setup(t)
		b.strike(t, "no_notification")
		b.clock.move(24 * time.Hour)
		quietly(t, func() bool { return len(b.shop.notifications()) > 0 }, "none")
	})
	t.Run("late", func(t *testing.T) {
		t.Parallel()
		b := setup(t)
		b.strike(t, "late_notification")
		quietly(t, func() bool { return len(b.shop.notifications()) > 0 }, "not yet")
		b.clock.move(10 * time.Second)
		arrived(t, b, 1)
	})
	t.Run("out of order", func(t *testing.T) {
		t.Parallel()
		b := setup(t)
		b.strike(t, "out_of_order")
		arrived(t, b, 1)
		b.clock.move(time.Second)
		arrived(t, b, 2)
		require.Equal(t, []any{"S", "P"}, statuses(b))
	})
	t.Run("forged", func(t *testing.T) {
		t.Parallel()
		b := setup(t)
		b.strike(t, "forged_notification")
		arrived(t, b, 1)
		b.clock.move(time.Second)
		arrived(t, b, 2)
		require.Equal(t, []any{"F", "S"}, statuses(b))
		forged := b.shop.notifications()[0].fields
		require.NotEqual(t, digest(forged, unsignedInNotification(), DefaultSecretKey), forged["sign"])
	})
	t.Run("after a challenge too", func(t *testing.T) {
		t.Parallel()
		b := setup(t)
		_, err := b.sandbox.Arm(Fault{Name: "duplicate_notification", Copies: 3})
		require.NoError(t, err)
		b.click(t, b.charge(t, "4000020951595032", "5"), "approve")
		arrived(t, b, 3)
	})
}

func TestFault_QueriesLagOrFail(t *testing.T) {
	t.Parallel()
	b := setup(t)
	s := b.strike(t, "query_lag")
	id := s.booked[0].MerchantTxnID
	require.Empty(t, b.rows(t, id))
	b.clock.move(5 * time.Second)
	require.Len(t, b.rows(t, id), 1)

	_, err := b.sandbox.Arm(Fault{Name: "query_down", Times: 2})
	require.NoError(t, err)
	for range 2 {
		resp, _, err := b.raw(t, pathList, query("merchantTxnIds", id))
		require.NoError(t, err)
		require.Equal(t, http.StatusServiceUnavailable, resp.StatusCode)
	}
	require.Len(t, b.rows(t, id), 1)
}

func TestFault_ForceBooksWhateverIsAsked(t *testing.T) {
	t.Parallel()
	b := setup(t)
	_, err := b.sandbox.Arm(Fault{Name: "force", Code: "50134", Message: "Who knows"})
	require.NoError(t, err)
	_, err = b.sandbox.Arm(Fault{Name: "decline_by_status"})
	require.NoError(t, err)
	e := b.charge(t, cardPays, "5")
	require.Equal(t, []string{"20000", "F"}, []string{e.RespCode, e.status()}, "both faults strike the one call")
	require.Equal(t, "50134", b.sandbox.Books(BookQuery{}).Transactions[0].ReasonCode)
}

func TestFault_StrikesOnlyWhatItMatches(t *testing.T) {
	t.Parallel()
	strikes := call{pathSale, "txn-1", "order-1", "5", "USD", "1390", ""}
	cases := []struct {
		name  string
		match Match
		hits  int
	}{
		{"everything", Match{}, 1},
		{"the transaction", Match{MerchantTxnID: "txn-1"}, 1},
		{"another", Match{MerchantTxnID: "txn-2"}, 0},
		{"the order", Match{MerchantTxnOriginalID: "order-1"}, 1},
		{"the amount, written otherwise", Match{Amount: "5.00"}, 1},
		{"another amount", Match{Amount: "50"}, 0},
		{"the card", Match{CardLast4: "1390"}, 1},
		{"the card and another order", Match{CardLast4: "1390", MerchantTxnOriginalID: "order-2"}, 0},
		{"another endpoint", Match{Path: pathList}, 0},
	}
	for _, tc := range cases {
		t.Run(tc.name, func(t *testing.T) {
			t.Parallel()
			book := newFaultBook(0)
			_, err := book.arm(Fault{Name: "http_500", Match: tc.match, Times: -1})
			require.NoError(t, err)
			book.plan(strikes, nil)
			require.Equal(t, tc.hits, book.list()[0].Hits)
		})
	}
}

func TestFault_RateStrikesTheSameShareForTheSameSeed(t *testing.T) {
	t.Parallel()
	upwards := make([]int, 2000)
	for i := range upwards {
		upwards[i] = i
	}
	downwards := slices.Clone(upwards)
	slices.Reverse(downwards)
	pick := func(seed int64, order []int) []int {
		book := newFaultBook(seed)
		_, err := book.arm(Fault{Name: "http_500", Rate: 0.05, Times: -1})
		require.NoError(t, err)
		var chosen []int
		for _, i := range order {
			if book.plan(call{path: pathSale, merchantTxnID: strconv.Itoa(i)}, nil).refuseWith != 0 {
				chosen = append(chosen, i)
			}
		}
		slices.Sort(chosen)
		return chosen
	}
	struck := pick(7, upwards)
	require.InDelta(t, 100, len(struck), 50)
	require.Equal(t, struck, pick(7, downwards), "in whatever order the calls come")
	require.NotEqual(t, struck, pick(8, upwards))
}

func TestFault_EveryAnswerFaultCanBeMovedToAQuery(t *testing.T) {
	t.Parallel()
	b := setup(t)
	_, err := b.sandbox.Arm(Fault{Name: "malformed_json", Match: Match{Path: pathList}})
	require.NoError(t, err)
	require.Equal(t, "S", b.charge(t, cardPays, "5").status())
	_, body, err := b.raw(t, pathList, query("merchantTxnIds", "txn-1"))
	require.NoError(t, err)
	require.False(t, json.Valid(body))
}
