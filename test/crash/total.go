package crash

import (
	"slices"

	"tillway/internal/failpoint"
)

// Total is what all batches came to.
type Total struct {
	Batches, Kills, Reached, Random, Missed, Cuts           int
	UnderWay, Distinct, Stories                             int
	Orders, Payments, Paid, Failed, Surplus, Review, Faults int
	Refunds, Holds, Captures, Voids, Hosted, Saved, Cards   int
	Approved, Rejected, Bursts, Disputes                    int
	Charged, Captured, GivenBack, Refunded                  int64
	Claimed, ChargedBack                                    int64
	Seconds                                                 float64
	Findings                                                []string
	Rows                                                    []Row
}

// Row is what happened at one point, "" for random moments.
type Row struct {
	Point failpoint.Name
	// Died is how many processes died at the point, Missed how many had to be killed elsewhere after waiting.
	Died, Missed     int
	Faults, UnderWay int
}

// Sum adds the batches up.
func (s State) Sum() Total {
	t := Total{Batches: len(s.Batches)}
	points := []failpoint.Name{""}
	for _, point := range failpoint.All() {
		points = append(points, point.Name)
	}
	rows, met := make(map[failpoint.Name]*Row), make(map[failpoint.Name]map[string]bool)
	all := map[string]bool{}
	for _, point := range points {
		rows[point], met[point] = &Row{Point: point}, map[string]bool{}
	}
	for _, b := range s.Batches {
		t.addBatch(b)
		for _, o := range b.Outcomes {
			row := rows[o.Point]
			if row == nil {
				continue // a point of an older program
			}
			t.addKill(o, row)
			met[o.Point][o.Fault], all[o.Fault] = true, true
		}
	}
	for _, point := range points {
		t.addRow(rows[point], met[point])
	}
	t.Faults = len(all)
	return t
}

func (t *Total) addRow(row *Row, met map[string]bool) {
	row.Faults = len(met)
	t.Rows = append(t.Rows, *row)
}

func (t *Total) addBatch(b Report) {
	t.Distinct += b.Distinct
	t.Stories += b.Stories
	t.Seconds += b.Seconds
	t.Orders += b.Audit.Orders
	t.Payments += b.Audit.Payments
	t.Paid += b.Audit.Paid
	t.Failed += b.Audit.Failed
	t.Surplus += b.Audit.Surplus
	t.Review += b.Audit.Review
	t.Refunds += b.Audit.Refunds
	t.Holds += b.Audit.Holds
	t.Captures += b.Audit.Captures
	t.Voids += b.Audit.Voids
	t.Hosted += b.Audit.Hosted
	t.Saved += b.Audit.Saved
	t.Cards += b.Audit.Cards
	t.Approved += b.Audit.Approved
	t.Rejected += b.Audit.Rejected
	t.Bursts += b.Audit.Bursts
	t.Disputes += b.Audit.Disputes
	t.Claimed += b.Audit.Claimed
	t.ChargedBack += b.Audit.ChargedBack
	t.GivenBack += b.Audit.GivenBack
	t.Refunded += b.Audit.Refunded
	t.Charged += b.Audit.Charged
	t.Captured += b.Audit.Captured
	t.Findings = slices.Concat(t.Findings, b.Audit.Findings)
}

func (t *Total) addKill(o Outcome, row *Row) {
	t.Kills++
	t.UnderWay += o.UnderWay
	row.UnderWay += o.UnderWay
	switch {
	case o.Reached:
		t.Reached++
		row.Died++
	case o.Point == "":
		t.Random++
		row.Died++
	default:
		t.Missed++
		row.Missed++
	}
	if o.Everything {
		t.Cuts++
	}
}
