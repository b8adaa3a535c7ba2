package gateway_test

import (
	"fmt"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"tillway/internal/onerway"
	"tillway/internal/sandbox"
)

// The contract says nothing of months that lack the day on which a subscription began. The simulator takes the last day they
// have, and counts from the beginning each time, so that the 31st comes back [sim].
func TestSubscription_ManagedMonthsFromThe31stForThreeYears(t *testing.T) {
	t.Parallel()
	start := day(2027, 1, 31)
	b := setup(t, startingOn(start))
	of := b.begun(t, monthly(37))
	b.sandbox.Advance(start.AddDate(3, 0, 0).Sub(start))
	require.Eventually(t, func() bool { return len(b.contract(t).Renewals) == 36 }, 10*time.Second, time.Millisecond)

	last := []int{31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31}
	for i, renewal := range b.contract(t).Renewals {
		year, month := 2027+(i+1)/12, (i+1)%12
		date := last[month]
		if year == 2028 && month == 1 {
			date = 29
		}
		require.Equal(t, []any{i + 1, "S", "9.99", "USD"}, []any{renewal.Period, renewal.Status, renewal.OrderAmount, renewal.OrderCurrency})
		require.True(t, day(year, time.Month(month+1), date).Equal(renewal.CreatedAt), "%d: %s", renewal.Period, renewal.CreatedAt)
	}
	require.Eventually(t, func() bool { return len(b.told("SALE")) == 37 }, 10*time.Second, time.Millisecond)
	ids := map[string]bool{}
	for _, told := range b.told("SALE") {
		ids[told.MerchantTxnID] = true
		require.Equal(t, of.ContractID, told.ContractID)
	}
	require.Len(t, ids, 37)
	require.Equal(t, "369.63", b.sandbox.Books(sandbox.BookQuery{}).Totals["USD"].Charged)

	require.Equal(t, onerway.SubscriptionActive, b.detail(t, of).Status(), "its last month is paid")
	b.sandbox.Advance(29 * days)
	require.Equal(t, onerway.SubscriptionEnded, b.detail(t, of).Status())
	b.sandbox.Advance(100 * days)
	require.Never(t, func() bool { return len(b.contract(t).Renewals) > 36 }, 60*time.Millisecond, 5*time.Millisecond)
}

func TestSubscription_AManagedOneIsTriedAgainAndThenGivenUp(t *testing.T) {
	t.Parallel()
	b := setup(t, startingOn(day(2026, 3, 1)))
	of := b.begun(t, monthly(12))
	decline := "/sandbox/contracts/" + of.ContractID.Reveal() + "/decline"
	charged := func(n int) {
		t.Helper()
		require.Eventually(t, func() bool { return len(b.contract(t).Renewals) == n }, 5*time.Second, time.Millisecond)
	}
	require.Equal(t, 200, b.control(t, decline, `{"code":"20005"}`))
	b.sandbox.Advance(31 * days)
	charged(1)
	require.Equal(t, onerway.SubscriptionPastDue, b.detail(t, of).Status())
	b.sandbox.Advance(days)
	charged(2)
	require.Equal(t, onerway.SubscriptionActive, b.detail(t, of).Status())

	require.Equal(t, 200, b.control(t, decline, `{"code":"70002","times":-1}`))
	b.sandbox.Advance(60 * days)
	charged(6)
	require.Equal(t, onerway.SubscriptionCanceled, b.detail(t, of).Status())
	var told []string
	for _, renewal := range b.contract(t).Renewals {
		told = append(told, fmt.Sprintf("%d %s %s", renewal.Period, renewal.Status, renewal.CreatedAt.Format(time.DateOnly)))
	}
	require.Equal(t, []string{
		"1 F 2026-04-01", "1 S 2026-04-02", "2 F 2026-05-01", "2 F 2026-05-02", "2 F 2026-05-04", "2 F 2026-05-06",
	}, told)
	require.Eventually(t, func() bool { return len(b.told("SALE")) == 7 }, 5*time.Second, time.Millisecond)
}

func TestSubscription_ManagedChargesUnderFaults(t *testing.T) {
	t.Parallel()
	for fault, notifications := range map[string]int{"no_notification": 0, "duplicate_notification": 2, "processing": 1, "late_success": 2} {
		t.Run(fault, func(t *testing.T) {
			t.Parallel()
			b := setup(t, startingOn(day(2026, 3, 1)))
			b.begun(t, monthly(12))
			require.Eventually(t, func() bool { return len(b.told("SALE")) == 1 }, 5*time.Second, time.Millisecond)
			_, err := b.sandbox.Arm(sandbox.Fault{Name: fault, Match: sandbox.Match{Path: "managed_renewal"}})
			require.NoError(t, err)
			b.sandbox.Advance(31 * days)
			require.Eventually(t, func() bool { return len(b.contract(t).Renewals) == 1 }, 5*time.Second, time.Millisecond)
			b.sandbox.Advance(time.Hour) // a time to settle
			require.Eventually(t, func() bool { return b.contract(t).Renewals[0].Status == "S" }, 5*time.Second, time.Millisecond)
			require.Eventually(t, func() bool { return len(b.told("SALE")) == 1+notifications }, 5*time.Second, time.Millisecond)
		})
	}
}

func TestSubscription_ATrialPutsOffTheFirstRenewal(t *testing.T) {
	t.Parallel()
	b := setup(t, startingOn(day(2026, 3, 1)))
	terms := monthly(0)
	terms.TrialDays, terms.ExpireDate = 14, "2026-06-15"
	of := b.begun(t, terms)
	require.Equal(t, onerway.SubscriptionTrialing, b.detail(t, of).Status())
	require.Equal(t, "2026-03-15 12:00:00", b.detail(t, of).BillingCycleAnchor)
	b.sandbox.Advance(200 * days)
	require.Eventually(t, func() bool { return len(b.contract(t).Renewals) == 3 }, 5*time.Second, time.Millisecond)
	require.Never(t, func() bool { return len(b.contract(t).Renewals) > 3 }, 60*time.Millisecond, 5*time.Millisecond)
	require.Equal(t, onerway.SubscriptionEnded, b.detail(t, of).Status(), "its day has come")
}
