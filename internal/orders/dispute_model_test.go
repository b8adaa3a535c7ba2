package orders_test

import (
	"context"
	"fmt"
	"slices"
	"time"

	"tillway/internal/money"
	"tillway/internal/orders"
)

// modelCase is a dispute as the provider has it: a chargeback, or a warning when it has no phase.
type modelCase struct {
	id, origin string
	phase      orders.DisputePhase
	amount     money.Amount
	raised     time.Time
	// deleted: the list does not have a case that was withdrawn.
	deleted bool
	said    []orders.DisputeEvidence
}

func (k *modelCase) evidence(source orders.Source) orders.DisputeEvidence {
	ev := orders.DisputeEvidence{
		Source: source, Outcome: orders.DisputeOutcome(k.phase), ProviderDisputeID: k.id, Origin: k.origin, Amount: k.amount,
		RaisedAt: k.raised, ProviderStatus: string(k.phase), Body: []byte(`{}`),
	}
	if k.phase == "" {
		ev.Outcome = orders.DisputeOutcomeWarned
	}
	return ev
}

func (k *modelCase) say() { k.said = append(k.said, k.evidence(orders.SourceNotification)) }

// takes reports whether the bank has the money of the case.
func (k *modelCase) takes() bool {
	switch k.phase {
	case "", orders.PhaseFirstAppealWon, orders.PhaseSecondAppealWon, orders.PhaseWithdrawn:
		return false
	default:
		return true
	}
}

// warn lets a bank warn of a chargeback of a charge that took money, raise lets it take a part or all of what no other
// chargeback is about. Both are of the transaction that took the money.
func (m *modelProvider) warn(which int) { m.begin(which, "", 0) }

func (m *modelProvider) raise(which int, part int64) { m.begin(which, orders.PhaseRaised, part) }

func (m *modelProvider) begin(which int, phase orders.DisputePhase, part int64) {
	m.mu.Lock()
	defer m.mu.Unlock()
	c := m.pick(which)
	if c == nil || !c.took() {
		return
	}
	amount := money.New(c.takenMinor(), c.sale.Amount.Currency)
	for _, k := range m.cases {
		if k.origin == c.origin() && k.phase != "" && phase != "" {
			amount.Minor -= k.amount.Minor
		}
	}
	if part > 0 {
		amount.Minor = min(amount.Minor, part)
	}
	if amount.Minor <= 0 {
		return
	}
	k := &modelCase{
		id: fmt.Sprintf("d%d-%s", len(m.cases), c.sale.MerchantTxnID), origin: c.origin(), phase: phase, amount: amount, raised: m.now(),
	}
	k.say()
	m.cases = append(m.cases, k)
}

// advance lets a case go one step, if it can go there.
func (m *modelProvider) advance(which int, to orders.DisputePhase, deleted bool) {
	m.mu.Lock()
	defer m.mu.Unlock()
	if len(m.cases) == 0 {
		return
	}
	k := m.cases[which%len(m.cases)]
	steps := map[orders.DisputePhase][]orders.DisputePhase{
		orders.PhaseRaised:          {orders.PhaseFirstAppeal, orders.PhaseAccepted, orders.PhaseWithdrawn},
		orders.PhaseFirstAppeal:     {orders.PhaseFirstAppealWon, orders.PhaseFirstAppealLost, orders.PhaseWithdrawn},
		orders.PhaseFirstAppealWon:  {orders.PhaseSecondAppeal},
		orders.PhaseFirstAppealLost: {orders.PhaseSecondAppeal},
		orders.PhaseSecondAppeal:    {orders.PhaseSecondAppealWon, orders.PhaseSecondAppealLost, orders.PhaseWithdrawn},
	}
	if slices.Contains(steps[k.phase], to) {
		k.phase, k.deleted = to, to == orders.PhaseWithdrawn && deleted
		k.say()
	}
}

// FindDispute answers as queries do; of a warning there is nothing to ask.
func (m *modelProvider) FindDispute(_ context.Context, id string) (orders.DisputeEvidence, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	if m.down {
		return orders.DisputeEvidence{}, errModelDown
	}
	for _, k := range m.cases {
		if k.id == id && k.phase != "" && !k.deleted {
			return k.evidence(orders.SourceQuery), nil
		}
	}
	return orders.DisputeEvidence{Source: orders.SourceQuery, Outcome: orders.DisputeOutcomeNotFound, ProviderDisputeID: id}, nil
}

// ListDisputes lists one chargeback a page, whenever it began.
func (m *modelProvider) ListDisputes(_ context.Context, _, _ time.Time, page int) ([]orders.DisputeEvidence, bool, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	if m.down {
		return nil, false, errModelDown
	}
	var listed []orders.DisputeEvidence
	for _, k := range m.cases {
		if k.phase != "" && !k.deleted {
			listed = append(listed, k.evidence(orders.SourceQuery))
		}
	}
	if page > len(listed) {
		return nil, false, nil
	}
	return listed[page-1 : page], page < len(listed), nil
}

// disputeNews is a piece of news of a case, picked by two numbers.
func (m *modelProvider) disputeNews(which, piece int) (ev orders.DisputeEvidence, some bool) {
	m.mu.Lock()
	defer m.mu.Unlock()
	if len(m.cases) == 0 {
		return ev, false
	}
	k := m.cases[which%len(m.cases)]
	return k.said[piece%len(k.said)], true
}

// disputesNow returns the cases as they are.
func (m *modelProvider) disputesNow() []modelCase {
	m.mu.Lock()
	defer m.mu.Unlock()
	all := make([]modelCase, 0, len(m.cases))
	for _, k := range m.cases {
		all = append(all, *k)
	}
	return all
}
