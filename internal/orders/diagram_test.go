package orders

import (
	"flag"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

var update = flag.Bool("update", false, "rewrite the state diagrams in docs")

func TestDiagrams_ShowWhatTheFunctionsDo(t *testing.T) {
	t.Parallel()

	for name, content := range map[string]string{
		"state-payment.md":      paymentDiagram(),
		"state-order.md":        orderDiagram(),
		"state-refund.md":       refundDiagram(),
		"state-modification.md": modificationDiagram(),
		"state-dispute.md":      disputeDiagram(),
	} {
		path := filepath.Join("..", "..", "docs", name)
		if *update {
			require.NoError(t, os.WriteFile(path, []byte(content), 0o644))
		}
		drawn, err := os.ReadFile(path)
		require.NoError(t, err)
		require.Equal(t, content, string(drawn), "%s is stale: run go test ./internal/orders -run Diagrams -update", path)
	}
}

// edges collects the labels of a diagram's arrows, in the order in which the arrows first appear.
type edges struct {
	order  []string
	labels map[string][]string
}

func (e *edges) add(from, to, label string) {
	arrow := from + " --> " + to
	if e.labels == nil {
		e.labels = map[string][]string{}
	}
	if _, known := e.labels[arrow]; !known {
		e.order = append(e.order, arrow)
	}
	if !slices.Contains(e.labels[arrow], label) {
		e.labels[arrow] = append(e.labels[arrow], label)
	}
}

func (e *edges) mermaid(start string, finals []string) string {
	var b strings.Builder
	fmt.Fprintf(&b, "```mermaid\nstateDiagram-v2\n    [*] --> %s\n", start)
	for _, arrow := range e.order {
		fmt.Fprintf(&b, "    %s: %s\n", arrow, strings.Join(e.labels[arrow], " | "))
	}
	for _, f := range finals {
		fmt.Fprintf(&b, "    %s --> [*]\n", f)
	}
	b.WriteString("```\n")
	return b.String()
}

// drawing is a state machine's diagram: an arrow for every outcome that moves a status.
func drawing[S, O ~string](statuses []S, outcomes []O, next func(S, O) (S, Verdict), final func(S) bool) string {
	var drawn edges
	var finals []string
	for _, from := range statuses {
		for _, outcome := range outcomes {
			switch to, verdict := next(from, outcome); verdict {
			case VerdictMove:
				drawn.add(string(from), string(to), string(outcome))
			case VerdictLate:
				drawn.add(string(from), string(to), "late "+string(outcome))
			}
		}
		if final(from) {
			finals = append(finals, string(from))
		}
	}
	return drawn.mermaid(string(statuses[0]), finals)
}

func paymentDiagram() string {
	return `# States of a payment

Generated from ` + "`orders.NextPayment`" + `; a test fails when it is stale. An arrow bears the outcomes, as evidence tells
them, that lead along it. News that no arrow shows changes no status: it is repeated, stale, or contradicts a final status,
which opens a discrepancy. One contradiction moves all the same: a success or authorization that a query refutes becomes
` + "`failed` or `canceled`" + `, unless money has been given back since.

` + drawing(PaymentStatuses(), Outcomes(), NextPayment, func(s PaymentStatus) bool { return !s.Open() && s != PaymentAuthorized })
}

func modificationDiagram() string {
	return `# States of a capture or void

Generated from ` + "`orders.NextModification`" + `; a test fails when it is stale. An arrow bears the outcomes, as evidence tells them,
that lead along it. What succeeded moves its payment: a capture takes the money, a void ends the hold. What failed leaves the
authorization as it was. News that no arrow shows changes no status: it is repeated, stale, or contradicts a final status,
which opens a discrepancy.

` + drawing(ModificationStatuses(), Outcomes(), NextModification, func(s ModificationStatus) bool { return !s.Open() })
}

func disputeDiagram() string {
	return `# States of a chargeback

Generated from ` + "`orders.NextDispute`" + `; a test fails when it is stale. A state is stage and status of the dispute in one word; an
arrow bears what the provider says that leads along it. The bank has the money in every state but ` + "`first_appeal_won`" + `,
` + "`second_appeal_won` and `withdrawn`" + `. News that no arrow shows moves nothing: it is repeated, older than what we know, or
contradicts it, and then the provider is asked, whose own record wins. A pre-dispute is a warning and has one state only.

` + drawing(DisputePhases(), DisputeOutcomes(), NextDispute, func(p DisputePhase) bool { _, s := p.shown(""); return s.Closed() })
}

func refundDiagram() string {
	return `# States of a refund

Generated from ` + "`orders.NextRefund`" + `; a test fails when it is stale. An arrow bears the outcomes, as evidence tells them, that
lead along it. While a refund is open its amount is reserved on its payment and order; every unsuccessful end gives it back.
News that no arrow shows changes no status: it is repeated, stale, or contradicts a final status, which opens a discrepancy.
One contradiction moves all the same: a success that a query refutes becomes what the query says. A late success counts only
while the payment still holds that much.

` + drawing(RefundStatuses(), RefundOutcomes(), NextRefund, func(s RefundStatus) bool { return !s.Open() }) + `
## The approval of a refund

Generated from ` + "`orders.NextApproval`" + `. A refund that needs a second person stays ` + "`pending`" + ` and unsent while its approval is
required. Approved, it is sent; rejected, it is ` + "`rejected`" + `; withdrawn by then, it is ` + "`canceled`" + ` and nobody decides any more.

` + drawing(RefundApprovalStatuses(), RefundDecisions(), NextApproval, func(s RefundApprovalStatus) bool { return s != RefundApprovalRequired })
}

// happening is something that changes an order's facts.
type happening struct {
	label    string
	possible func(Facts) bool
	apply    func(*Facts)
}

// happenings is everything that can happen to an order of two minor units.
func happenings() []happening {
	payable := func(f Facts) bool { return DeriveStatus(f).Payable() }
	live := func(f Facts) bool { return f.LivePayment }
	held := func(f Facts) bool { return f.Authorized > 0 && f.Paid == 0 }
	ended := func(f Facts) bool { return !f.LivePayment && f.Authorized == 0 }
	hold := func(f *Facts) { f.LivePayment, f.Authorized = false, 2 }
	take := func(f *Facts) { f.LivePayment, f.Authorized, f.Paid = false, 2, 2 }
	return []happening{
		{"payment begins", payable, func(f *Facts) { f.LivePayment = true }},
		{"payment ends without money", live, func(f *Facts) { f.LivePayment = false }},
		{"money held", live, hold},
		{"money taken", live, take},
		{"captured", held, take},
		{"voided or lapsed", held, func(f *Facts) { f.Authorized = 0 }},
		{"late money held", ended, hold},
		{"late money taken", ended, take},
		{
			"success refuted or reversed",
			func(f Facts) bool { return f.Paid > 0 && f.Refunded == 0 },
			func(f *Facts) { f.Authorized, f.Paid = 0, 0 },
		},
		{"part refunded", func(f Facts) bool { return f.Refunded+1 < f.Paid }, func(f *Facts) { f.Refunded++ }},
		{"all refunded", func(f Facts) bool { return f.Refunded < f.Paid }, func(f *Facts) { f.Refunded = f.Paid }},
		{"refund refuted by a query", func(f Facts) bool { return f.Refunded > 0 }, func(f *Facts) { f.Refunded = 0 }},
		{"canceled", func(f Facts) bool { return DeriveStatus(f).Cancelable() }, func(f *Facts) { f.Canceled = true }},
		{"time over", payable, func(f *Facts) { f.Expired = true }},
	}
}

// orderDiagram explores what can happen to an order, one fact at a time, from its creation on.
func orderDiagram() string {
	var drawn edges
	seen, queue := map[Facts]bool{{}: true}, []Facts{{}}
	for len(queue) > 0 {
		f := queue[0]
		queue = queue[1:]
		for _, h := range happenings() {
			if !h.possible(f) {
				continue
			}
			next := f
			h.apply(&next)
			if from, to := DeriveStatus(f), DeriveStatus(next); from != to {
				drawn.add(string(from), string(to), h.label)
			}
			if !seen[next] {
				seen[next] = true
				queue = append(queue, next)
			}
		}
	}
	return `# States of an order

Generated from ` + "`orders.DeriveStatus`" + ` by trying out everything that can happen to an order; a test fails when it is stale.
An order's status is never set, only derived from recorded facts, so money outranks everything: an order that was canceled
or expired and is paid all the same says so, and what its ` + "`late_payment`" + ` policy makes of that is another matter.

` + drawn.mermaid(string(DeriveStatus(Facts{})), nil)
}
