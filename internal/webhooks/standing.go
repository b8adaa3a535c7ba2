package webhooks

import (
	"context"
	"encoding/binary"
	"fmt"
	"time"

	"github.com/google/uuid"

	"tillway/internal/postgres"
	"tillway/internal/postgres/dbsqlc"
)

const (
	// standingFor is how long a notification that was given up is held against us; after that it is history.
	standingFor = 7 * 24 * time.Hour
	// maxCounted bounds what counting costs.
	maxCounted = 1000
)

// Standing counts the notifications of the last week that are not applied, by status, at most a thousand of each.
func (r *Receiver) Standing(ctx context.Context) (map[string]int64, error) {
	since := r.now().Add(-standingFor)
	rows, err := r.queries.NotificationsStanding(ctx, dbsqlc.NotificationsStandingParams{
		Since: firstIDAt(since), Month: monthOf(since), Counted: maxCounted,
	})
	if err != nil {
		return nil, fmt.Errorf("count notifications: %w", postgres.Translate(err))
	}
	counts := make(map[string]int64, len(rows))
	for _, row := range rows {
		counts[row.Status] = row.Notifications
	}
	return counts, nil
}

// firstIDAt is below every UUIDv7 drawn from then on: they begin with milliseconds since 1970 (RFC 9562 §5.7).
func firstIDAt(at time.Time) uuid.UUID {
	var id uuid.UUID
	binary.BigEndian.PutUint64(id[:8], uint64(max(0, at.UnixMilli()))<<16)
	return id
}
