package postgres

import (
	"context"
	"fmt"
	"reflect"
	"slices"
	"strings"
	"unicode"

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
	// ByCreation pages by created_at and then by id, for lists that bound it and have an index on it. Ids alone would have every
	// row read that is newer than the bound: PostgreSQL does not know that they grow with time.
	ByCreation bool

	conditions []string
	args       []any
}

// Where adds a condition such as "status = %s" with its argument.
func (k *Keyset) Where(condition string, arg any) {
	k.args = append(k.args, arg)
	k.conditions = append(k.conditions, fmt.Sprintf(condition, fmt.Sprintf("$%d", len(k.args))))
}

// sql returns the query of those columns for one row more than a page, so that a next page is seen.
func (k *Keyset) sql(columns string) (string, []any) {
	direction := "DESC"
	if k.After != nil {
		k.Where(k.place("<"), *k.After)
	}
	if k.Before != nil {
		k.Where(k.place(">"), *k.Before)
		direction = "ASC"
	}
	query := "SELECT " + columns + " FROM " + k.Table
	if len(k.conditions) > 0 {
		query += " WHERE " + strings.Join(k.conditions, " AND ")
	}
	order := k.ID + " " + direction
	if k.ByCreation {
		order = "created_at " + direction + ", " + order
	}
	return fmt.Sprintf("%s ORDER BY %s LIMIT %d", query, order, k.Limit+1), k.args
}

// place is the condition that a row lies on one side of the cursor, which is the condition's argument.
func (k *Keyset) place(side string) string {
	if !k.ByCreation {
		return k.ID + " " + side + " %s"
	}
	return fmt.Sprintf("(created_at, %[1]s) %[2]s ((SELECT created_at FROM %[3]s WHERE %[1]s = %%[1]s), %%[1]s)", k.ID, side, k.Table)
}

// SelectPage runs the query and returns the page, newest first, and whether more rows lie beyond it. Row is a row as dbsqlc has it:
// a column that a later version has added is not asked for, so that older processes go on listing beside newer ones.
//
// The query is planned each time, for its own arguments. A plan that was made for any argument reads the whole table by id to find
// the few rows of a rare status, where an index would have found them at once.
func SelectPage[Row any](ctx context.Context, pool *pgxpool.Pool, k Keyset) ([]Row, bool, error) {
	query, args := k.sql(columnsOf[Row]())
	rows, err := pool.Query(ctx, query, append([]any{pgx.QueryExecModeCacheDescribe}, args...)...)
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

// columnsOf names the columns that a row type was generated from.
func columnsOf[Row any]() string {
	row := reflect.TypeFor[Row]()
	names := make([]string, row.NumField())
	for i := range names {
		names[i] = pgx.Identifier{columnOf(row.Field(i).Name)}.Sanitize()
	}
	return strings.Join(names, ", ")
}

// columnOf undoes what sqlc makes of a column's name: MerchantTxnID was merchant_txn_id.
func columnOf(field string) string {
	var name strings.Builder
	for i, char := range field {
		if i > 0 && unicode.IsUpper(char) && !unicode.IsUpper(rune(field[i-1])) {
			name.WriteByte('_')
		}
		name.WriteRune(unicode.ToLower(char))
	}
	return name.String()
}
