package renewals_test

import (
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"tillway/internal/sandbox"
	"tillway/test/renewals"
)

var (
	anchor = time.Date(2027, 1, 31, 10, 0, 0, 0, time.UTC)
	second = time.Date(2027, 2, 28, 10, 0, 0, 0, time.UTC)
	third  = time.Date(2027, 3, 31, 10, 0, 0, 0, time.UTC)
	fourth = time.Date(2027, 4, 30, 10, 0, 0, 0, time.UTC)
	now    = time.Date(2027, 4, 20, 0, 0, 0, 0, time.UTC)
)

// story is a monthly subscription of the 31st whose second period is declined once.
func story() *renewals.Story {
	return &renewals.Story{
		Name: "s", Begun: true, Anchor: anchor, Done: []time.Time{second.Add(-12 * time.Hour)},
		Terms: renewals.Terms{Interval: "month", Zone: time.UTC, Amount: 999, GivesUp: "unpaid", Acts: []renewals.Act{
			{Do: renewals.Decline, Period: 1, Code: "20051", Times: 1},
		}},
	}
}

// right is what both sides tell of it when all went well.
func right() renewals.Seen {
	paid := func(at time.Time) renewals.Attempt { return renewals.Attempt{At: at, Paid: true, Amount: 999} }
	order := func(id string, from, to time.Time) renewals.Order {
		return renewals.Order{ID: id, From: from, To: to, Status: "paid", Amount: 999, Paid: 999, Succeeded: 1}
	}
	return renewals.Seen{
		Status:    "active",
		Orders:    []renewals.Order{order("1", anchor, second), order("2", second, third), order("3", third, fourth)},
		Contracts: []string{"active"}, Sequences: []int64{1, 2, 3, 4, 5, 6},
		Attempts: map[string][]renewals.Attempt{
			"1": {paid(anchor)}, "3": {paid(third.Add(time.Hour))},
			"2": {{At: second.Add(time.Hour), Code: "20051", Amount: 999}, paid(second.Add(26 * time.Hour))},
		},
		Events: []string{
			"subscription.created", "subscription.activated", "subscription.past_due", "subscription.renewed",
			"subscription.recovered", "subscription.renewed",
		},
	}
}

func TestJudge_FindsNothingWhereAllIsRight(t *testing.T) {
	t.Parallel()
	require.Empty(t, story().Judge(right(), now))
}

func TestJudge_CountsTheDaysOfThePolicyFromAFailureThatNeverReachedTheProvider(t *testing.T) {
	t.Parallel()
	seen := right()
	tried := seen.Attempts["2"]
	tried[0].At, tried[1].At = second.Add(12*time.Hour), second.Add(24*time.Hour) // the first failed on the way, at the beginning
	require.Empty(t, story().Judge(seen, now))
	tried[1].At = second.Add(23 * time.Hour)
	require.Len(t, story().Judge(seen, now), 1, "sooner than a day after it")
	tried[0].At, tried[1].At = second.Add(20*time.Hour), second.Add(72*time.Hour)
	require.Empty(t, story().Judge(seen, now), "the first day was too near to the first try")
	tried[1].At = second.Add(25 * time.Hour)
	require.Len(t, story().Judge(seen, now), 1)
}

func TestJudge_LetsAPeriodBeCalledOff(t *testing.T) {
	t.Parallel()
	for do, status := range map[renewals.Deed]string{renewals.Pause: "paused", renewals.CancelNow: "canceled"} {
		s, seen := story(), right()
		s.Acts = append(s.Acts, renewals.Act{Do: do})
		s.Done = append(s.Done, third.Add(13*time.Hour))
		seen.Status, seen.Events[len(seen.Events)-1] = status, "subscription."+status
		seen.Orders[2].Status, seen.Orders[2].Paid, seen.Orders[2].Succeeded, seen.Attempts["3"] = "canceled", 0, 0, nil
		if do == renewals.CancelNow {
			seen.Contracts = []string{"canceled"}
		}
		require.Empty(t, s.Judge(seen, now), do)
		s.Done[1] = third.Add(13 * 24 * time.Hour)
		require.NotEmpty(t, s.Judge(seen, now), "%s: there was time to charge it", do)
	}
}

// recovered is a story whose second period is declined for good, and paid by a card that is given three days later.
func recovered() (*renewals.Story, renewals.Seen) {
	s, seen := story(), right()
	given := second.Add(72 * time.Hour)
	s.Acts = []renewals.Act{{Do: renewals.Decline, Period: 1, Code: "20054", Times: -1}, {Do: renewals.NewCard, Period: 1}}
	s.Done = append(s.Done, given)
	seen.Contracts = []string{"active", "canceled"}
	seen.Attempts["2"][0].Code, seen.Attempts["2"][1].At = "20054", given.Add(-time.Minute)
	return s, seen
}

func TestJudge_OfAPeriodThatANewCardPays(t *testing.T) {
	t.Parallel()
	s, seen := recovered()
	require.Empty(t, s.Judge(seen, now))
	seen.Attempts["2"][1].At = second.Add(80 * time.Hour)
	require.Contains(t, join(s.Judge(seen, now)), "was to be paid by the card of", "nobody tries again after that")
	s, seen = recovered()
	seen.Attempts["2"] = append(seen.Attempts["2"], seen.Attempts["2"][1])
	require.Contains(t, join(s.Judge(seen, now)), "was charged 2 times")
	s, seen = recovered()
	seen.Contracts[1] = "active"
	require.Contains(t, join(s.Judge(seen, now)), "has 2 contracts to charge by")
}

func TestJudge_OfACardThatIsOnlyVerified(t *testing.T) {
	t.Parallel()
	s, seen := story(), right()
	seen.Orders = append(seen.Orders,
		renewals.Order{ID: "v", Status: "refunded", Amount: 100, Paid: 100, Refunded: 100, Succeeded: 1},
		renewals.Order{ID: "lost", Status: "canceled", Amount: 100})
	seen.Attempts["v"] = []renewals.Attempt{{At: third.Add(day), Paid: true, Amount: 100}}
	require.Len(t, s.Judge(seen, now), 2, "no card was given")
	s.Acts, s.Done = append(s.Acts, renewals.Act{Do: renewals.NewCard}), append(s.Done, third.Add(day))
	require.Empty(t, s.Judge(seen, now))
	seen.Orders[3].Refunded = 0
	require.Contains(t, join(s.Judge(seen, now)), "0 of 100 were given back")
}

const day = 24 * time.Hour

func TestJudge_LetsAPeriodWaitForTheProvidersNextDay(t *testing.T) {
	t.Parallel()
	daily := &renewals.Story{Name: "s", Begun: true, Anchor: anchor, Terms: renewals.Terms{Interval: "day", Zone: time.UTC, Amount: 999}}
	// Charged twelve hours late, at 6:00 of the provider's first of February, which ends at 16:00 UTC.
	late, next := anchor.Add(12*time.Hour), anchor.AddDate(0, 0, 1)
	seen := renewals.Seen{
		Status: "active", Contracts: []string{"active"}, Sequences: []int64{1, 2},
		Orders:   []renewals.Order{{ID: "1", From: anchor, To: next, Status: "paid", Amount: 999, Paid: 999, Succeeded: 1}},
		Attempts: map[string][]renewals.Attempt{"1": {{At: late, Paid: true, Amount: 999}}},
		Events:   []string{"subscription.created", "subscription.activated"},
	}
	require.Empty(t, daily.Judge(seen, next.Add(5*time.Hour)))
	require.Len(t, daily.Judge(seen, next.Add(7*time.Hour)), 1)
}

func TestJudge_FindsWhatIsWrong(t *testing.T) {
	t.Parallel()
	for want, spoil := range map[string]func(s *renewals.Story, seen *renewals.Seen){
		"was charged 2 times": func(_ *renewals.Story, seen *renewals.Seen) {
			seen.Attempts["3"] = append(seen.Attempts["3"], seen.Attempts["3"][0])
		},
		"has no order":                      func(_ *renewals.Story, seen *renewals.Seen) { seen.Orders = seen.Orders[:2] },
		"has two orders":                    func(_ *renewals.Story, seen *renewals.Seen) { seen.Orders = append(seen.Orders, seen.Orders[2]) },
		"where nothing is to be charged":    func(_ *renewals.Story, seen *renewals.Seen) { seen.Orders[2].From = third.Add(time.Hour) },
		"by the calendar":                   func(_ *renewals.Story, seen *renewals.Seen) { seen.Orders[1].To = third.AddDate(0, 0, -3) },
		"and 1000 was charged":              func(_ *renewals.Story, seen *renewals.Seen) { seen.Attempts["3"][0].Amount = 1000 },
		"and 999 was asked for":             func(_ *renewals.Story, seen *renewals.Seen) { seen.Orders[2].Amount = 1000 },
		"charged before it began":           func(_ *renewals.Story, seen *renewals.Seen) { seen.Attempts["3"][0].At = third.Add(-time.Second) },
		"was first tried at":                func(_ *renewals.Story, seen *renewals.Seen) { seen.Attempts["3"][0].At = third.Add(72 * time.Hour) },
		"is to be paid, and its order is":   func(_ *renewals.Story, seen *renewals.Seen) { seen.Orders[2].Status = "open" },
		"0 payments that succeeded":         func(_ *renewals.Story, seen *renewals.Seen) { seen.Orders[2].Succeeded = 0 },
		"0 of 999 are paid here":            func(_ *renewals.Story, seen *renewals.Seen) { seen.Orders[2].Paid = 0 },
		"tried 1 times, and 2 times":        func(_ *renewals.Story, seen *renewals.Seen) { seen.Attempts["2"] = seen.Attempts["2"][1:] },
		"declined with 20054":               func(_ *renewals.Story, seen *renewals.Seen) { seen.Attempts["2"][0].Code = "20054" },
		"and due from":                      func(_ *renewals.Story, seen *renewals.Seen) { seen.Attempts["2"][1].At = second.Add(2 * time.Hour) },
		"nothing kept it from being":        func(_ *renewals.Story, seen *renewals.Seen) { seen.Orders[2].Review = true },
		"left to a person, and charged":     func(_ *renewals.Story, seen *renewals.Seen) { seen.Orders[2].Review = true },
		"it is past_due, and ought to be":   func(_ *renewals.Story, seen *renewals.Seen) { seen.Status = "past_due" },
		"has 0 contracts to charge by":      func(_ *renewals.Story, seen *renewals.Seen) { seen.Contracts = nil },
		"has number 4":                      func(_ *renewals.Story, seen *renewals.Seen) { seen.Sequences[2] = 4 },
		"renewed was told 1 times":          func(_ *renewals.Story, seen *renewals.Seen) { seen.Events = seen.Events[:5] },
		"and never began":                   func(s *renewals.Story, _ *renewals.Seen) { s.Begun = false },
		"it never began, and order 1":       func(s *renewals.Story, _ *renewals.Seen) { s.Begun = false },
		"ought to be expired":               func(s *renewals.Story, _ *renewals.Seen) { s.EndsAt = now.Add(-time.Hour) },
		"still has a contract to charge by": func(s *renewals.Story, _ *renewals.Seen) { s.EndsAt = now.Add(-time.Hour) },
		"after it had ended at":             func(s *renewals.Story, _ *renewals.Seen) { s.EndsAt = third.Add(time.Minute) },
		"while it was paused": func(s *renewals.Story, _ *renewals.Seen) {
			s.Acts = append(s.Acts, renewals.Act{Do: renewals.Pause})
			s.Done = append(s.Done, third.Add(time.Minute))
		},
		"was given up, and its order is":               func(s *renewals.Story, _ *renewals.Seen) { s.Acts[0].Times, s.Acts[0].Code = -1, "20054" },
		"was given up after 2 tries, with 4 days left": func(s *renewals.Story, _ *renewals.Seen) { s.Acts[0].Times = -1 },
		"is for no period":                             func(_ *renewals.Story, seen *renewals.Seen) { seen.Orders[0].From = time.Time{} },
		"it is active, and ought to be unpaid": func(s *renewals.Story, _ *renewals.Seen) {
			s.Acts[0].Times = -1
		},
	} {
		t.Run(want, func(t *testing.T) {
			t.Parallel()
			s, seen := story(), right()
			spoil(s, &seen)
			findings := s.Judge(seen, now)
			require.NotEmpty(t, findings)
			require.Contains(t, join(findings), want)
		})
	}
}

func join(findings []string) (text string) {
	for _, f := range findings {
		text += f + "\n"
	}
	return text
}

func TestCompareMoney_FindsWhatIsWrong(t *testing.T) {
	t.Parallel()
	payments := func() []renewals.Payment {
		return []renewals.Payment{{"pay_1", "ord_1", "succeeded", 999}, {"pay_2", "ord_2", "failed", 500}}
	}
	books := func() sandbox.Books {
		return sandbox.Books{Transactions: []sandbox.BookedTransaction{
			{TxnType: "SALE", MerchantTxnID: "pay_1", MerchantTxnOriginalID: "ord_1", Status: "S", OrderAmount: "9.99", Calls: 1},
			{TxnType: "SALE", MerchantTxnID: "pay_2", MerchantTxnOriginalID: "ord_2", Status: "F", OrderAmount: "5.00", Calls: 1},
		}}
	}
	require.Empty(t, renewals.CompareMoney(payments(), books(), false))
	for want, spoil := range map[string]func(p []renewals.Payment, b *sandbox.Books){
		"and we do not":           func(_ []renewals.Payment, b *sandbox.Books) { b.Transactions[1].MerchantTxnID = "pay_3" },
		"we say that it failed":   func(_ []renewals.Payment, b *sandbox.Books) { b.Transactions[1].Status = "S" },
		"and the provider says F": func(_ []renewals.Payment, b *sandbox.Books) { b.Transactions[0].Status = "F" },
		"and we say 999":          func(_ []renewals.Payment, b *sandbox.Books) { b.Transactions[0].OrderAmount = "99.90" },
		"charged order ord_1 more than once": func(_ []renewals.Payment, b *sandbox.Books) {
			b.Transactions = append(b.Transactions, b.Transactions[0])
		},
		"was sent 2 times":               func(_ []renewals.Payment, b *sandbox.Books) { b.Transactions[0].Calls = 2 },
		"the provider did not charge it": func(p []renewals.Payment, _ *sandbox.Books) { p[0].MerchantTxnID = "pay_9" },
		"is still unknown":               func(p []renewals.Payment, _ *sandbox.Books) { p[1].Status = "unknown" },
	} {
		t.Run(want, func(t *testing.T) {
			t.Parallel()
			p, b := payments(), books()
			spoil(p, &b)
			require.Contains(t, join(renewals.CompareMoney(p, b, false)), want)
		})
	}
}
