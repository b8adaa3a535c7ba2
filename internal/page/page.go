// Package page reads one page of a list, newest first (API.md §1), for every domain that has lists. It owns cursors, page
// sizes and creation-time bounds; which filters a list has is the domain's matter.
//
// A cursor is the id of a listed resource. One that names nothing is refused rather than answered with an empty page, which
// a caller would take for the end of the list.
package page

import (
	"context"
	"fmt"
	"strings"
	"time"
	"unicode/utf8"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5/pgxpool"

	"tillway/internal/fault"
	"tillway/internal/ids"
	"tillway/internal/postgres"
)

const maxLimit = 100

// Request selects a part of a list. The cursors are ids of the listed resource as text; at most one is set. Limit is 1 to
// 100.
type Request struct {
	Limit                       int
	StartingAfter, EndingBefore string
}

// List is one page of a list.
type List[T any] struct {
	Data    []T
	HasMore bool
}

// TimeRange bounds a creation time in unix seconds; nil is no bound.
type TimeRange struct{ GT, GTE, LT, LTE *int64 }

// Keyset begins the query of a page over a table whose ids are of entity E. The error is a fault Invalid.
func Keyset[E ids.Entity](r Request, table string) (postgres.Keyset, error) {
	k := postgres.Keyset{Table: table, ID: "id", Limit: r.Limit}
	if r.Limit < 1 || r.Limit > maxLimit {
		return k, fault.InvalidParam("limit", "limit must be between 1 and %d.", maxLimit)
	}
	if r.StartingAfter != "" && r.EndingBefore != "" {
		return k, fault.InvalidParam("ending_before", "Give starting_after or ending_before, not both.")
	}
	if r.StartingAfter != "" {
		id, err := ids.Parse[E](r.StartingAfter)
		if err != nil {
			return k, unknownCursor("starting_after")
		}
		k.After = id.Nullable()
	}
	if r.EndingBefore != "" {
		id, err := ids.Parse[E](r.EndingBefore)
		if err != nil {
			return k, unknownCursor("ending_before")
		}
		k.Before = id.Nullable()
	}
	return k, nil
}

func unknownCursor(param string) error {
	return fault.InvalidParam(param, "%s is not the id of a listed resource.", param)
}

// Read runs the query and maps its rows. A cursor is looked up by exists, whatever the filters; one that names nothing is a
// fault Invalid.
func Read[Row, T any](
	ctx context.Context, pool *pgxpool.Pool, k postgres.Keyset, from func(Row) (T, error),
	exists func(context.Context, uuid.UUID) (bool, error),
) (List[T], error) {
	list := List[T]{Data: []T{}}
	cursor, param := k.After, "starting_after"
	if k.Before != nil {
		cursor, param = k.Before, "ending_before"
	}
	rows, more, err := postgres.SelectPage[Row](ctx, pool, k)
	if err != nil {
		return list, postgres.Translate(err)
	}
	for _, row := range rows {
		item, err := from(row)
		if err != nil {
			return list, err
		}
		list.Data = append(list.Data, item)
	}
	list.HasMore = more
	if cursor == nil {
		return list, nil
	}
	found, err := exists(ctx, *cursor)
	if err != nil {
		return list, fmt.Errorf("look up a cursor: %w", postgres.Translate(err))
	}
	if !found {
		return list, unknownCursor(param)
	}
	return list, nil
}

// Equal adds a condition such as "status = %s" unless the value is empty. A value that PostgreSQL's text cannot hold equals
// none of it: to ask would be an error.
func Equal(k *postgres.Keyset, condition, value string) {
	switch {
	case value == "":
	case !utf8.ValidString(value), strings.ContainsRune(value, 0):
		k.Where("%s", false)
	default:
		k.Where(condition, value)
	}
}

// Bound adds a condition such as "amount >= %s" unless the value is nil.
func Bound(k *postgres.Keyset, condition string, value *int64) {
	if value != nil {
		k.Where(condition, *value)
	}
}

// Where adds the bounds to a list of rows that have an index on created_at, and has it paged by that.
func (r TimeRange) Where(k *postgres.Keyset) {
	r.Bound(k)
	k.ByCreation = r != TimeRange{}
}

// Bound adds the bounds to a list that is paged by id all the same.
func (r TimeRange) Bound(k *postgres.Keyset) {
	for _, b := range []struct {
		condition string
		unix      *int64
	}{
		{"created_at >= %s", r.GTE},
		{"created_at < %s", r.LT},
		{"created_at >= %s", next(r.GT)},
		{"created_at < %s", next(r.LTE)},
	} {
		if b.unix != nil {
			k.Where(b.condition, time.Unix(within(*b.unix), 0).UTC())
		}
	}
}

// next moves a bound to the next second: created is answered in whole seconds, so "> 5" means from 6 on and "<= 5" means
// before 6, whatever fraction the row has.
func next(unix *int64) *int64 {
	if unix == nil {
		return nil
	}
	second := within(*unix) + 1
	return &second
}

// within keeps a bound inside what PostgreSQL can compare. Nothing was created before 1970 or will be after 9999.
func within(unix int64) int64 {
	const year10000 = 253_402_300_800
	return min(max(unix, -1), year10000)
}
