package renewals

import (
	"fmt"
	"io"
	"maps"
	"slices"
	"strings"
	"time"

	"tillway/internal/failpoint"
)

// Publish writes the report as Markdown.
func (r Report) Publish(w io.Writer, commit string) {
	t := r.Totals
	var statuses []string
	for _, status := range slices.Sorted(maps.Keys(t.Statuses)) {
		statuses = append(statuses, fmt.Sprintf("%d %s", t.Statuses[status], status))
	}
	fmt.Fprintf(w, `# Renewals report

Written by `+"`make crash`"+` (`+"`crash renewals`"+`), which `+"`go doc ./test/renewals`"+` explains. Subscriptions renew on the test clock while the
processes that charge them are killed by SIGKILL, answers are lost and notifications lost or sent twice; then both sides' books are
held against a model that shares no code with the service.

| | |
|---|---|
| Commit | %s |
| Seed | %d |
| Subscriptions | %d, of which %d began; at the end %s |
| Time that passed | %s to %s |
| Processes that charge | %d |
| Duration | %s, %d moves of the clock |
| Orders | %d, %d of them left to a person because an earlier period was owed while they passed |
| Charges | **%d** for %d minor units; %d declined; %d that never reached the provider's books and were made again |
| Kills | **%d** |
| Faults | %s |
| Looks at the money meanwhile | %d |
| **Violations** | **%d** |

`, commit, r.Seed, r.Subscriptions, t.Begun, strings.Join(statuses, ", "), r.From.Format(time.DateOnly), r.Now.Format(time.DateOnly),
		Workers, (time.Duration(r.Seconds) * time.Second).String(), r.Steps, t.Orders, t.Missed,
		t.Paid, t.Charged, t.Declined, t.Technical, r.Kills, strings.Join(r.Faults, ", "), r.AuditedMeantime, len(r.Findings))
	for _, finding := range r.Findings {
		fmt.Fprintf(w, "- %s\n", finding)
	}
	fmt.Fprint(w, `
## What was compared

- Every period of the calendar, by naive arithmetic in its zone, has one order, from its beginning to the next; nothing else has.
- A period is paid by one charge that succeeded on both sides, of the amount that was asked for, or by none where the policy gave up.
- It is tried as often as the provider was told to decline and the policy allows, on the policy's days, never before it begins, never
  twice on one day of the provider's, never while it is paused or after its end.
- One that is declined for good is paid once by the new card that is given; what only verifies a new card is given back whole, and
  the contract of the old one is ended.
- A period is left to a person only where an earlier one was owed until it had passed.
- Every subscription has the status that its story says; the provider has one contract to charge by, and none once it has ended.
- No payment was sent twice or is unknown; the provider has none that we do not have; no discrepancy is open.
- The events of every customer count from 1 without a gap, and tell of each renewal, failure, recovery and end once.

## Where processes died

| Point | What a death there means | Died there | Not reached in its step |
|---|---|---|---|
`)
	means := make(map[failpoint.Name]string)
	means[randomMoment] = "anything; also who died beside another at a point"
	for _, p := range append(failpoint.All(), failpoint.Renewals()...) {
		means[p.Name] = p.Means
	}
	for _, name := range slices.Sorted(maps.Keys(r.Died)) {
		shown := "`" + string(name) + "`"
		if name == randomMoment {
			shown = "(random moment)"
		}
		fmt.Fprintf(w, "| %s | %s | %d | %d |\n", shown, means[name], r.Died[name], r.Missed[name])
	}
}
