package audit

import (
	"context"
	"fmt"
	"time"

	"github.com/jackc/pgx/v5/pgxpool"
)

// Lost tells how long it took to find out about payments that were charged and whose answers were lost.
type Lost struct {
	Count           int
	P50, P95, Worst time.Duration
}

// lostSQL looks at payments that succeeded although what came back on the call was worth nothing.
const lostSQL = `
SELECT count(*), coalesce(percentile_cont(0.5) WITHIN GROUP (ORDER BY took), 0),
       coalesce(percentile_cont(0.95) WITHIN GROUP (ORDER BY took), 0), coalesce(max(took), 0)
FROM (SELECT extract(epoch FROM final_at - sent_at)::float8 AS took FROM payments p
      WHERE status = 'succeeded'
        AND EXISTS (SELECT FROM evidence e WHERE e.payment_id = p.id AND e.source = 'answer' AND e.outcome = 'unknown')) lost`

// TimeToTruth measures from sending to the final status.
func TimeToTruth(ctx context.Context, db *pgxpool.Pool) (Lost, error) {
	var l Lost
	var p50, p95, worst float64
	if err := db.QueryRow(ctx, lostSQL).Scan(&l.Count, &p50, &p95, &worst); err != nil {
		return l, fmt.Errorf("measure the time to truth: %w", err)
	}
	l.P50, l.P95, l.Worst = seconds(p50), seconds(p95), seconds(worst)
	return l, nil
}

func seconds(s float64) time.Duration {
	return time.Duration(s * float64(time.Second)).Round(10 * time.Millisecond)
}
