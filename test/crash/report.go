package crash

import (
	"fmt"
	"io"
	"text/tabwriter"
	"time"

	"tillway/internal/failpoint"
)

// Table writes what happened at each point, and the sums.
func (t Total) Table(w io.Writer) {
	table := tabwriter.NewWriter(w, 0, 0, 2, ' ', tabwriter.AlignRight)
	fmt.Fprintln(table, "point\tdied there\tkilled elsewhere\tfaults met\tunder way\t")
	for _, row := range t.Rows {
		fmt.Fprintf(table, "%s\t%d\t%d\t%d\t%d\t\n", nameOf(row.Point), row.Died, row.Missed, row.Faults, row.UnderWay)
	}
	_ = table.Flush()
	fmt.Fprintf(w, "\n%d kills, %d operations in flight or due among them (%d different ones), %d violations, %s\n",
		t.Kills, t.UnderWay, t.Distinct, len(t.Findings), t.duration())
	for _, finding := range t.Findings {
		fmt.Fprintln(w, "VIOLATION:", finding)
	}
}

func nameOf(point failpoint.Name) string {
	if point == "" {
		return "(random moment)"
	}
	return string(point)
}

func (t Total) duration() time.Duration {
	return time.Duration(t.Seconds * float64(time.Second)).Round(time.Second)
}

// Publish writes the report of a run as Markdown.
func (s State) Publish(w io.Writer) {
	t := s.Sum()
	fmt.Fprintf(w, `# Crash report

Written by `+"`make crash`"+`, which `+"`go doc ./test/crash`"+` explains. While shoppers buy, processes of the real service are killed
by SIGKILL, at named points of the code (`+"`internal/failpoint`"+`) and at random moments, each time under one of the simulator's
faults. After every batch the shoppers finish, everything comes to rest, and both sides' books are compared.

| | |
|---|---|
| Commit | %s |
| Started | %s |
| Seed | %d |
| Batches | %d |
| Duration | %s, %.1f s for each kill, comparing included |
| Kills | **%d**: %d at their point, %d at random moments (%d of them took every process at once), %d at a random moment after the point was not reached in %s |
| Operations in flight or due, summed over the kills | **%d** |
| Different operations among them | %d |
| Faults met | %d |
| **Violations** | **%d** |

`, s.Commit, s.Started, s.Seed, t.Batches, t.duration(), t.Seconds/float64(max(1, t.Kills)),
		t.Kills, t.Reached, t.Random, t.Cuts, t.Missed, pointPatience, t.UnderWay, t.Distinct, t.Faults, len(t.Findings))
	for _, finding := range t.Findings {
		fmt.Fprintf(w, "- %s\n", finding)
	}
	fmt.Fprintf(w, `
## What the shops did

%d visits; %d orders, %d payments, %d refunds. %d orders were paid, %d payments failed; %d payments were surplus, %d orders
need a review. %d payments were made on the provider's page, %d with one of %d cards that are saved. Of %d authorizations %d were
captured, %d voided; the others still hold money. The provider charged %d minor units in all, we say %d; it gave %d back, we say %d. A second person approved %d refunds and rejected %d.
Of each of %d payments fifty refunds were asked for at once, with room for one. Banks raised %d disputes and hold %d, we say %d.

## What was counted

An operation is in flight or due when, just after a process died, the database shows it without its end (a payment, refund,
capture or void that is open), a check or an expiry whose time has come, or a job that waits to run. One that is open at two kills
counts at both; the different ones are counted too.

## What was compared

- The provider has no payment that we do not have, and has ended all of them.
- What it charged is succeeded here, with the same amount; what is succeeded here was charged.
- Every authorization holds money, was captured or was voided on both sides alike; none is captured twice.
- No payment, refund, capture or void was sent twice; no order is charged twice, unless the second is surplus that was given back or is under review.
- An order's paid amount is that of the one payment that counts; the sums over everything agree.
- No more is refunded than was captured, on both sides, and both sides agree. Of refunds asked for at once no more are accepted than there
  is room for. What needs a second person is sent when one has approved it, and not before.
- Every chargeback and warning stands here where it stands at the provider, with the same amount, of the same payment; refunded, pending
  and disputed together are no more than was captured.
- Nothing is open: no payment, capture, void, check, expired order or job, and no refund but where a person was called to look. No process
  keeps goroutines of work that is over.
- The events of every order count from 1 without a gap.
- Every card that is saved here is kept by the provider, and it keeps no other; a saved card pays for its own customer only.
- Every key leads to one row, whatever was answered to it and however often, after Redis has forgotten everything.
- What a shop was told is so; a notification that was acknowledged is stored.

## By point

| Point | What a death there means | Died there | Elsewhere | Faults met | Under way |
|---|---|---|---|---|---|
`, t.Stories, t.Orders, t.Payments, t.Refunds, t.Paid, t.Failed, t.Surplus, t.Review,
		t.Hosted, t.Saved, t.Cards, t.Holds, t.Captures, t.Voids, t.Charged, t.Captured, t.GivenBack, t.Refunded,
		t.Approved, t.Rejected, t.Bursts, t.Disputes, t.ChargedBack, t.Claimed)
	means := make(map[failpoint.Name]string)
	means[""] = "anything"
	for _, point := range failpoint.All() {
		means[point.Name] = point.Means
	}
	for _, row := range t.Rows {
		fmt.Fprintf(w, "| `%s` | %s | %d | %d | %d | %d |\n", nameOf(row.Point), means[row.Point], row.Died, row.Missed, row.Faults, row.UnderWay)
	}
	fmt.Fprint(w, `
A worker's claim on a check (30 s), the queue's on a job (90 s) and the next step of the schedule are brought forward after the
last kill of a batch; the soak waits for them in real time. The simulator's waits are shortened 300 times, our schedule asks within seconds.
`)
}
