package orders_test

import (
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"tillway/internal/fault"
	"tillway/internal/money"
	"tillway/internal/orders"
)

func TestDispute_TakesWhatIsDisputedFromWhatCanBeRefunded(t *testing.T) {
	t.Parallel()
	b := setupDisputes(t)
	raised := b.told(orders.SourceQuery, orders.PhaseRaised)
	raised.Amount.Minor = 1500
	d, verdict := b.hears(raised)
	require.Equal(t, orders.VerdictMove, verdict)
	require.Equal(t, "[chargeback/open:1500] disputed 1500 of 1500 [dispute:1500]", b.state())
	require.Equal(t, []string{"dispute.opened", "reconciliation.discrepancy", "order.needs_review"}, b.events(b.paid.ID)[4:])
	require.Equal(t, orders.StatusPaid, b.get(b.paid.ID).Status)
	stored, err := b.service.GetDispute(t.Context(), d.ID)
	require.NoError(t, err)
	require.Equal(t, d, stored)
	require.Equal(t, []any{"Fraud - Card Absent", "10.4", "24011346121000000000001", raised.EvidenceDueBy, raised.RaisedAt},
		[]any{stored.Reason, stored.ReasonCode, stored.ARN, stored.EvidenceDueBy, stored.RaisedAt})

	_, err = b.service.Refund(t.Context(), b.request(1201, ""))
	requireFault(t, err, fault.Refused, "refund_exceeds_remaining")
	require.EqualValues(t, 1200, b.refund(0).Amount.Minor, "the rest can be given back")
	_, err = b.service.Refund(t.Context(), b.request(1, ""))
	requireFault(t, err, fault.Refused, "refund_exceeds_remaining")

	won := raised
	won.Outcome = orders.DisputeOutcome(orders.PhaseFirstAppealWon)
	b.hears(won)
	require.Equal(t, "[first_appeal/won:1500] disputed 0 of 0 []", b.state(), "the money is back, and nobody has to look")
	require.EqualValues(t, 1500, b.testBundle.payment(b.payment.ID).Refundable())
	require.Equal(t, []string{"dispute.closed", "reconciliation.discrepancy"}, b.events(b.paid.ID)[8:])
}

func TestDispute_EndsTheSameInEveryOrderTwiceAndAtOnce(t *testing.T) {
	t.Parallel()
	steps := []orders.DisputePhase{
		orders.PhaseRaised, orders.PhaseFirstAppeal, orders.PhaseFirstAppealLost, orders.PhaseSecondAppeal, orders.PhaseSecondAppealWon,
	}
	for name, order := range map[string][]int{
		"in order": {0, 1, 2, 3, 4}, "backwards": {4, 3, 2, 1, 0}, "mixed": {2, 0, 4, 1, 3}, "twice": {0, 0, 3, 3, 1, 2, 4, 4, 0},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			b := setupDisputes(t)
			for i, step := range order {
				source := orders.SourceNotification
				if i == 0 {
					source = orders.SourceQuery // the first has to prove its payment
				}
				b.hears(b.told(source, steps[step]))
			}
			require.Equal(t, "[second_appeal/won:2700] disputed 0 of 0 []", b.state())
			b.events(b.paid.ID) // without gaps
		})
	}
	t.Run("at once", func(t *testing.T) {
		t.Parallel()
		b := setupDisputes(t)
		var wg sync.WaitGroup
		for i := range 20 {
			wg.Go(func() {
				_, _, err := b.process().ApplyDispute(t.Context(), b.told(orders.SourceQuery, steps[i%len(steps)]), nil)
				require.NoError(t, err)
			})
		}
		wg.Wait()
		require.Equal(t, "[second_appeal/won:2700] disputed 0 of 0 []", b.state())
		b.events(b.paid.ID)
	})
}

func TestDispute_ANotificationAloneDoesNotSayWhichPaymentItIsOf(t *testing.T) {
	t.Parallel()
	b := setupDisputes(t)
	foreign := b.pay(b.order(), "foreign")
	forged := b.told(orders.SourceNotification, orders.PhaseRaised)
	forged.Origin = b.testBundle.payment(foreign.ID).ProviderTransactionID

	_, _, err := b.service.ApplyDispute(t.Context(), forged, nil)
	require.ErrorIs(t, err, orders.ErrNoDispute)
	require.Zero(t, b.count("SELECT count(*) FROM disputes"))

	b.disputes.knows(b.told(orders.SourceQuery, orders.PhaseRaised))
	news := orders.DisputeNews{Evidence: forged}
	require.NoError(t, b.service.Discover(t.Context(), news, time.Second))
	require.NoError(t, b.service.Hear(t.Context(), news, nil))
	require.Equal(t, "[chargeback/open:2700] disputed 2700 of 2700 [dispute:2700]", b.state(), "the provider's record names the payment")
	require.Zero(t, b.testBundle.payment(foreign.ID).AmountDisputed)
	require.False(t, b.get(foreign.Order).NeedsReview)

	forged.Outcome = orders.DisputeOutcome(orders.PhaseAccepted)
	require.NoError(t, b.service.Hear(t.Context(), orders.DisputeNews{Evidence: forged}, nil))
	require.Equal(t, "[chargeback/accepted:2700] disputed 2700 of 2700 []", b.state(), "its signed part is believed of a known case")
	require.Zero(t, b.testBundle.payment(foreign.ID).AmountDisputed)
}

func TestDispute_OfMoneyThatWentBackAlready(t *testing.T) {
	t.Parallel()
	b := setupDisputes(t)
	b.hear(b.refund(2000), orders.SourceNotification, orders.RefundOutcomeSucceeded)
	pending := b.refund(300)

	b.hears(b.told(orders.SourceQuery, orders.PhaseRaised))
	require.Equal(t, "[chargeback/open:2700] disputed 400 of 2700 [dispute:2700 over_dispute:2300]", b.state(),
		"the case is whole, the amounts add up, and a person is told what the shopper may have twice")

	b.hear(pending, orders.SourceNotification, orders.RefundOutcomeRejected)
	require.Equal(t, "[chargeback/open:2700] disputed 700 of 2700 [dispute:2700 over_dispute:2300]", b.state(),
		"what a rejected refund frees is the bank's already")
	_, err := b.service.Refund(t.Context(), b.request(1, ""))
	requireFault(t, err, fault.Refused, "refund_exceeds_remaining")

	b.hears(b.told(orders.SourceNotification, orders.PhaseWithdrawn))
	require.Equal(t, "[chargeback/withdrawn:2700] disputed 0 of 0 []", b.state())
	require.EqualValues(t, 700, b.testBundle.payment(b.payment.ID).Refundable())
}

func TestDispute_ARefundThatFailsBeforeOrAfterComesToTheSame(t *testing.T) {
	t.Parallel()
	states := map[bool]string{}
	for _, refundFirst := range []bool{true, false} {
		b := setupDisputes(t)
		r := b.refund(1000)
		dispute := func() { b.hears(b.told(orders.SourceQuery, orders.PhaseRaised)) }
		fail := func() { b.hear(r, orders.SourceNotification, orders.RefundOutcomeDeclined) }
		if refundFirst {
			fail()
			dispute()
		} else {
			dispute()
			require.Equal(t, "[chargeback/open:2700] disputed 1700 of 2700 [dispute:2700 over_dispute:1000]", b.state())
			fail()
		}
		states[refundFirst] = b.state()
	}
	require.Equal(t, "[chargeback/open:2700] disputed 2700 of 2700 [dispute:2700]", states[true])
	require.Equal(t, states[true], states[false])
}

func TestDispute_InAnotherCurrencyMovesNothing(t *testing.T) {
	t.Parallel()
	b := setupDisputes(t)
	usd, err := money.ParseCurrency("usd")
	require.NoError(t, err)
	ev := b.told(orders.SourceQuery, orders.PhaseRaised)
	ev.Amount = money.New(3000, usd)
	b.hears(ev)
	require.Equal(t, "[chargeback/open:3000] disputed 0 of 0 [currency:3000 dispute:3000]", b.state())
	require.EqualValues(t, 2700, b.testBundle.payment(b.payment.ID).Refundable())
}

func TestDispute_OtherAmountsAreBelievedOfAQueryAlone(t *testing.T) {
	t.Parallel()
	b := setupDisputes(t)
	d, _ := b.hears(b.told(orders.SourceQuery, orders.PhaseRaised))
	less := b.told(orders.SourceNotification, orders.PhaseFirstAppeal)
	less.Amount.Minor = 1000
	_, verdict := b.hears(less)
	require.Equal(t, orders.VerdictMismatch, verdict)
	require.Equal(t, "[chargeback/open:2700] disputed 2700 of 2700 [amount:2700 dispute:2700]", b.state())

	b.disputes.knows(less)
	due, err := b.service.ClaimDueDisputes(t.Context(), 10)
	require.NoError(t, err)
	require.Len(t, due, 1, "the doubt is asked about at once")
	require.Equal(t, d.ID, due[0].ID)
	require.NoError(t, b.service.SettleDispute(t.Context(), due[0], time.Second))
	require.Equal(t, "[first_appeal/under_review:1000] disputed 1000 of 1000 [dispute:2700]", b.state())
}

func TestDispute_OfTwoDecisionsTheProvidersRecordWins(t *testing.T) {
	t.Parallel()
	b := setupDisputes(t)
	b.hears(b.told(orders.SourceQuery, orders.PhaseFirstAppealWon))
	_, verdict := b.hears(b.told(orders.SourceNotification, orders.PhaseFirstAppealLost))
	require.Equal(t, orders.VerdictConflict, verdict)
	require.Equal(t, "[first_appeal/won:2700] disputed 0 of 0 [status:2700]", b.state())

	b.disputes.knows(b.told(orders.SourceQuery, orders.PhaseFirstAppealLost))
	b.clock.advance(time.Second)
	due, err := b.service.ClaimDueDisputes(t.Context(), 10)
	require.NoError(t, err)
	require.Len(t, due, 1)
	require.NoError(t, b.service.SettleDispute(t.Context(), due[0], time.Second))
	require.Equal(t, "[first_appeal/lost:2700] disputed 2700 of 2700 []", b.state())

	stale := b.told(orders.SourceQuery, orders.PhaseFirstAppealWon)
	stale.AskedAt = b.clock.Now().Add(-time.Hour)
	_, verdict = b.hears(stale)
	require.Equal(t, orders.VerdictConflict, verdict, "an answer to a question from before the decision decides nothing")
	require.Equal(t, "[first_appeal/lost:2700] disputed 2700 of 2700 [status:2700]", b.state())
}

func TestDispute_AnOldMessageAgainMovesNothing(t *testing.T) {
	t.Parallel()
	b := setupDisputes(t)
	b.hears(b.told(orders.SourceQuery, orders.PhaseSecondAppealLost))
	before := b.state()
	for _, phase := range []orders.DisputePhase{orders.PhaseRaised, orders.PhaseFirstAppeal, orders.PhaseFirstAppealWon} {
		_, verdict := b.hears(b.told(orders.SourceNotification, phase))
		require.Equal(t, orders.VerdictStale, verdict)
	}
	require.Equal(t, before, b.state())
}

func TestDispute_ThatTheProviderForgetsIsForAPerson(t *testing.T) {
	t.Parallel()
	b := setupDisputes(t)
	b.hears(b.told(orders.SourceQuery, orders.PhaseRaised))
	b.disputes.knows()
	for range 3 {
		require.Equal(t, "[chargeback/open:2700] disputed 2700 of 2700 [dispute:2700]", b.state())
		b.clock.advance(25 * time.Hour)
		due, err := b.service.ClaimDueDisputes(t.Context(), 10)
		require.NoError(t, err)
		require.Len(t, due, 1)
		require.NoError(t, b.service.SettleDispute(t.Context(), due[0], time.Second))
	}
	require.Equal(t, "[chargeback/open:2700] disputed 2700 of 2700 [dispute:2700 status:2700]", b.state())
	b.hears(b.told(orders.SourceNotification, orders.PhaseWithdrawn)) // DELETE, which notifications alone tell
	require.Equal(t, "[chargeback/withdrawn:2700] disputed 0 of 0 [status:2700]", b.state())
}

func TestDispute_SilenceIsAskedAboutAgain(t *testing.T) {
	t.Parallel()
	b := setupDisputes(t)
	b.hears(b.told(orders.SourceQuery, orders.PhaseRaised))
	b.clock.advance(25 * time.Hour)
	due, err := b.service.ClaimDueDisputes(t.Context(), 10)
	require.NoError(t, err)
	require.Error(t, b.service.SettleDispute(t.Context(), due[0], time.Second))
	b.clock.advance(3 * time.Hour)
	due, err = b.service.ClaimDueDisputes(t.Context(), 10)
	require.NoError(t, err)
	require.Len(t, due, 1, "after a tenth of its age")
}

func TestDispute_AWarningTakesNothing(t *testing.T) {
	t.Parallel()
	b := setupDisputes(t)
	warned := b.told(orders.SourceNotification, "")
	warned.Outcome = orders.DisputeOutcomeWarned
	b.hears(warned)
	require.Equal(t, "[pre_dispute/warning:2700] disputed 0 of 0 [dispute:2700]", b.state())
	_, verdict := b.hears(warned)
	require.Equal(t, orders.VerdictSame, verdict)
	require.Equal(t, []string{"dispute.opened", "reconciliation.discrepancy", "order.needs_review"}, b.events(b.paid.ID)[4:])
	require.EqualValues(t, 2700, b.testBundle.payment(b.payment.ID).Refundable())

	b.hears(b.told(orders.SourceQuery, orders.PhaseRaised)) // under the same number: a case of its own
	require.Equal(t, "[chargeback/open:2700 pre_dispute/warning:2700] disputed 2700 of 2700 [dispute:2700 dispute:2700]", b.state())

	nobodys := warned
	nobodys.ProviderDisputeID, nobodys.Origin = "17", "nobody's"
	_, _, err := b.service.ApplyDispute(t.Context(), nobodys, nil)
	require.ErrorIs(t, err, orders.ErrNoPayment)
}

func TestDispute_OfAnotherPaymentThanBeforeIsForAPerson(t *testing.T) {
	t.Parallel()
	b := setupDisputes(t)
	b.hears(b.told(orders.SourceQuery, orders.PhaseRaised))
	other := b.told(orders.SourceQuery, orders.PhaseAccepted)
	other.Origin = "somebody's"
	_, verdict := b.hears(other)
	require.Equal(t, orders.VerdictMismatch, verdict)
	require.Equal(t, "[chargeback/open:2700] disputed 2700 of 2700 [dispute:2700 provider_transaction_id:2700]", b.state())
}

func TestDispute_WhatAPersonHasLookedAtIsNotAskedForAgain(t *testing.T) {
	t.Parallel()
	b := setupDisputes(t)
	b.hears(b.told(orders.SourceQuery, orders.PhaseRaised))
	open, err := b.service.ListDiscrepancies(t.Context(), orders.DiscrepancyFilter{Status: orders.DiscrepancyOpen}, orders.Page{Limit: 2})
	require.NoError(t, err)
	_, err = b.service.ResolveDiscrepancy(t.Context(), orders.Resolve{Discrepancy: open.Data[0].ID, Reason: "seen", By: "key_1"})
	require.NoError(t, err)
	b.hears(b.told(orders.SourceNotification, orders.PhaseFirstAppeal))
	b.hears(b.told(orders.SourceNotification, orders.PhaseFirstAppealLost))
	require.Equal(t, "[first_appeal/lost:2700] disputed 2700 of 2700 []", b.state())
	b.hears(b.told(orders.SourceNotification, orders.PhaseSecondAppeal))
	require.Equal(t, "[second_appeal/under_review:2700] disputed 2700 of 2700 [dispute:2700]", b.state(), "it was decided, and goes on")
}

func TestDispute_LateMoneyThatTheBankHasTakenBackIsNotRefundedToo(t *testing.T) {
	t.Parallel()
	b := setupDisputes(t)
	b.gateway.sale = answer(orders.OutcomeDeclined)
	o := b.order()
	p := b.pay(o, "late")
	require.Equal(t, orders.PaymentFailed, b.testBundle.payment(p.ID).Status)
	_, err := b.pool.Exec(t.Context(), "UPDATE payments SET provider_transaction_id = 'late' WHERE id = $1", p.ID.UUID())
	require.NoError(t, err)
	ev := b.told(orders.SourceQuery, orders.PhaseRaised)
	ev.Origin = "late"
	b.hears(ev)
	require.EqualValues(t, 2700, b.testBundle.payment(p.ID).AmountClaimed)
	require.Zero(t, b.testBundle.payment(p.ID).AmountDisputed, "no money of it is known")

	news := taken(orders.SourceNotification, o.Amount, p.MerchantTxnID)
	news.ProviderTransactionID = "late"
	b.apply(p, news)
	settled := b.testBundle.payment(p.ID)
	require.Equal(t, orders.PaymentSucceeded, settled.Status)
	require.EqualValues(t, 2700, settled.AmountDisputed)
	require.EqualValues(t, 2700, b.get(o.ID).AmountDisputed)
	require.Zero(t, settled.AmountRefundPending)
	require.True(t, b.get(o.ID).NeedsReview)
}

func TestImportDisputes_FindsWhatNobodyTold(t *testing.T) {
	t.Parallel()
	b := setupDisputes(t)
	foreign := b.told(orders.SourceQuery, orders.PhaseRaised)
	foreign.ProviderDisputeID, foreign.Origin = "17", "nobody's"
	b.disputes.knows(b.told(orders.SourceQuery, orders.PhaseRaised), foreign)
	for range 2 {
		more, err := b.service.ImportDisputes(t.Context(), time.Now().Add(-time.Hour), time.Now(), 1)
		require.NoError(t, err)
		require.False(t, more)
	}
	require.Equal(t, "[chargeback/open:2700] disputed 2700 of 2700 [dispute:2700]", b.state())
	missing, err := b.service.ListDiscrepancies(t.Context(), orders.DiscrepancyFilter{Class: "missing_here"}, orders.Page{Limit: 5})
	require.NoError(t, err)
	require.Len(t, missing.Data, 1)
	require.EqualValues(t, 2700, missing.Data[0].AtRisk.Minor)
	_, err = b.service.ResolveDiscrepancy(t.Context(), orders.Resolve{Discrepancy: missing.Data[0].ID, Reason: "another shop's", By: "key_1"})
	require.NoError(t, err)
	_, err = b.service.ImportDisputes(t.Context(), time.Now().Add(-time.Hour), time.Now(), 1)
	require.NoError(t, err)
	require.Equal(t, 1, b.count("SELECT count(*) FROM discrepancies WHERE class = 'missing_here'"), "it is not asked about twice")
}

func TestImportDisputes_EndsWhatWasMissing(t *testing.T) {
	t.Parallel()
	b := setupDisputes(t)
	early := b.told(orders.SourceQuery, orders.PhaseRaised)
	early.Origin = "not yet known"
	b.disputes.knows(early)
	_, err := b.service.ImportDisputes(t.Context(), time.Now().Add(-time.Hour), time.Now(), 1)
	require.NoError(t, err)
	require.Equal(t, 1, b.count("SELECT count(*) FROM discrepancies WHERE class = 'missing_here' AND status = 'open'"))
	b.hears(b.told(orders.SourceQuery, orders.PhaseRaised))
	require.Zero(t, b.count("SELECT count(*) FROM discrepancies WHERE class = 'missing_here' AND status = 'open'"))
}

func TestListDisputes_ByEveryFilter(t *testing.T) {
	t.Parallel()
	b := setupDisputes(t)
	d, _ := b.hears(b.told(orders.SourceQuery, orders.PhaseRaised))
	elsewhere := b.order()
	for name, tc := range map[string]struct {
		filter orders.DisputeFilter
		found  int
	}{
		"all": {orders.DisputeFilter{}, 1}, "status": {orders.DisputeFilter{Status: orders.DisputeOpen}, 1},
		"other status": {orders.DisputeFilter{Status: orders.DisputeWon}, 0}, "order": {orders.DisputeFilter{Order: b.paid.ID}, 1},
		"other order": {orders.DisputeFilter{Order: elsewhere.ID}, 0}, "payment": {orders.DisputeFilter{Payment: b.payment.ID}, 1},
	} {
		list, err := b.service.ListDisputes(t.Context(), tc.filter, orders.Page{Limit: 5})
		require.NoError(t, err, name)
		require.Len(t, list.Data, tc.found, name)
	}
	_, err := b.service.ListDisputes(t.Context(), orders.DisputeFilter{Status: "odd"}, orders.Page{Limit: 5})
	requireParam(t, err, "status")
	after, err := b.service.ListDisputes(t.Context(), orders.DisputeFilter{}, orders.Page{Limit: 5, StartingAfter: d.ID.String()})
	require.NoError(t, err)
	require.Empty(t, after.Data)
}

func TestDispute_TheDatabaseRefusesWhatMustNeverBe(t *testing.T) {
	t.Parallel()
	b := setupDisputes(t)
	b.hears(b.told(orders.SourceQuery, orders.PhaseRaised))
	warned := b.told(orders.SourceNotification, "")
	warned.Outcome, warned.ProviderDisputeID = orders.DisputeOutcomeWarned, "18"
	b.hears(warned)
	copied := func(id string) string {
		return "INSERT INTO disputes SELECT gen_random_uuid(), order_id, payment_id, livemode, stage, status, amount, currency, amount_claimed, " +
			"reason, reason_code, arn, provider_dispute_id, provider_status, 0, 0, '', now(), now(), now(), NULL, NULL, now(), closed_at " +
			"FROM disputes WHERE provider_dispute_id = '" + id + "'"
	}
	for sql, constraint := range map[string]string{
		"UPDATE payments SET amount_disputed = 2700, amount_claimed = 0":                   "payments_disputed_within_claimed",
		"UPDATE payments SET amount_refunded = 1":                                          "payments_refunded_within_captured",
		"UPDATE orders SET amount_disputed = 2701":                                         "orders_refunded_within_paid",
		"UPDATE disputes SET amount_claimed = 1":                                           "disputes_claim_whole",
		"UPDATE disputes SET amount_claimed = amount WHERE status = 'warning'":             "disputes_claim_whole",
		"UPDATE disputes SET status = 'won', amount_claimed = 0 WHERE status = 'open'":     "disputes_closed_at_when_closed",
		"UPDATE disputes SET next_check_at = NULL WHERE status = 'open'":                   "disputes_checked_while_open",
		"UPDATE disputes SET stage = 'chargeback'":                                         "disputes_warning_before_chargeback",
		"UPDATE disputes SET amount = 0, amount_claimed = 0":                               "disputes_amount_positive",
		"UPDATE disputes SET status = 'settled', amount_claimed = 0 WHERE status = 'open'": "disputes_status_known",
		"UPDATE disputes SET stage = 'third_appeal' WHERE status = 'open'":                 "disputes_stage_known",
		"UPDATE disputes SET currency = 'eur'":                                             "disputes_currency_iso4217",
		"UPDATE disputes SET order_id = gen_random_uuid()":                                 "disputes_order_fkey",
		"UPDATE disputes SET payment_id = gen_random_uuid()":                               "disputes_payment_fkey",
		copied(caseID): "disputes_chargeback_key",
		copied("18"):   "disputes_pre_dispute_key",
	} {
		_, err := b.pool.Exec(t.Context(), sql)
		require.ErrorContains(t, err, constraint, sql)
	}
}
