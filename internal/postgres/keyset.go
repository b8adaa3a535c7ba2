package postgres

import (
	"context"
	"fmt"
	"slices"
	"strings"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgxpool"
)

// Keyset builds the query of one page of a list, newest first by a UUIDv7 id: sqlc cannot make filters that come and go.
// Conditions are our own text with one %s for the argument's place; arguments always travel apart from the text.
type Keyset struct {
	// Table and ID name the table and its id column.
	Table, ID string
	// Limit is the page size; After and Before are the ids next to which the page lies, at most one of them set.
	Limit         int
	After, Before *uuid.UUID

	conditions []string
	args       []any
}

// Where adds a condition such as "status = %s" with its argument.
func (k *Keyset) Where(condition string, arg any) {
	k.args = append(k.args, arg)
	k.conditions = append(k.conditions, fmt.Sprintf(condition, fmt.Sprintf("$%d", len(k.args))))
}

// sql returns the query for one row more than a page, so that a next page is seen.
func (k *Keyset) sql() (string, []any) {
	direction := "DESC"
	if k.After != nil {
		k.Where(k.ID+" < %s", *k.After)
	}
	if k.Before != nil {
		k.Where(k.ID+" > %s", *k.Before)
		direction = "ASC"
	}
	query := "SELECT * FROM " + k.Table
	if len(k.conditions) > 0 {
		query += " WHERE " + strings.Join(k.conditions, " AND ")
	}
	return fmt.Sprintf("%s ORDER BY %s %s LIMIT %d", query, k.ID, direction, k.Limit+1), k.args
}

// SelectPage runs the query and returns the page, newest first, and whether more rows lie beyond it.
func SelectPage[Row any](ctx context.Context, pool *pgxpool.Pool, k Keyset) ([]Row, bool, error) {
	query, args := k.sql()
	rows, err := pool.Query(ctx, query, args...)
	if err != nil {
		return nil, false, fmt.Errorf("list %s: %w", k.Table, err)
	}
	page, err := pgx.CollectRows(rows, pgx.RowToStructByPos[Row])
	if err != nil {
		return nil, false, fmt.Errorf("list %s: %w", k.Table, err)
	}
	more := len(page) > k.Limit
	if more {
		page = page[:k.Limit]
	}
	if k.Before != nil {
		slices.Reverse(page)
	}
	return page, more, nil
}
