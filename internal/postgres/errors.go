package postgres

import (
	"context"
	"errors"
	"io"
	"net"
	"regexp"
	"strings"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"

	"tillway/internal/fault"
)

// CodeUnavailable is the fault code of a database that cannot serve us now.
const CodeUnavailable = "database_unavailable"

const retryAfter = time.Second

// SQLSTATEs that we act on (PostgreSQL manual, appendix A).
const (
	codeUniqueViolation     = "23505"
	codeCheckViolation      = "23514"
	codeForeignKeyViolation = "23503"
	codeSerialization       = "40001"
	codeDeadlock            = "40P01"
	codeReadOnly            = "25006" // after a failover we still talk to the replica
	codeIdleInTx            = "25P03"
	codeLockNotAvailable    = "55P03"
	codeQueryCanceled       = "57014" // statement_timeout
	codeDatabaseDropped     = "57P04" // a wrong set-up, not an outage
	codeIOError             = "58030"
)

// monthSuffix is what a partition's constraints bear behind the parent's name.
var monthSuffix = regexp.MustCompile(`^_\d{4}_\d{2}$`)

// Translate turns a failure of the database to serve us into a fault that says
// so, for the edge to show, and returns any other error as it is. A domain
// first looks for the errors it expects: IsNoRows, IsUnique, IsCheck.
func Translate(err error) error {
	if err == nil || fault.KindOf(err) != fault.Internal || (!IsUnavailable(err) && !IsRetryable(err)) {
		return err
	}
	// What was under way may have been committed: hence the advice, under
	// which a repetition is right either way.
	return fault.Down(CodeUnavailable, retryAfter, err,
		"The database is not available. Repeat the request with the same Idempotency-Key.")
}

// IsNoRows says that a query found nothing.
func IsNoRows(err error) bool { return errors.Is(err, pgx.ErrNoRows) }

// IsUnique says that a row would repeat what the named constraint or unique
// index keeps unique; an empty name means any. In a partitioned table the
// parent's name is the one to ask for.
func IsUnique(err error, constraint string) bool {
	return violates(err, codeUniqueViolation, constraint)
}

// IsCheck says that a row breaks the named CHECK constraint; an empty name
// means any.
func IsCheck(err error, constraint string) bool {
	return violates(err, codeCheckViolation, constraint)
}

// IsForeignKey says that a row refers to one that does not exist, or is itself
// still referred to; an empty name means any.
func IsForeignKey(err error, constraint string) bool {
	return violates(err, codeForeignKeyViolation, constraint)
}

// IsRetryable says that PostgreSQL took a transaction back because of another,
// so that the same again may succeed.
func IsRetryable(err error) bool {
	code := sqlState(err)
	return code == codeSerialization || code == codeDeadlock
}

// IsUnavailable says that the database could not serve us: unreachable,
// shutting down, out of connections or disk, or slower than our timeouts.
// A caller that went away (context.Canceled) says nothing about the database.
func IsUnavailable(err error) bool {
	if err == nil {
		return false
	}
	if errors.Is(err, ErrCommitUnknown) {
		return true
	}
	if code := sqlState(err); code != "" {
		return unavailableState(code)
	}
	if errors.Is(err, context.Canceled) {
		return false
	}
	return errors.Is(err, context.DeadlineExceeded) || isConnectionError(err)
}

// MayHaveHappened says of a statement or commit that failed that it may have taken effect all the same: its answer was lost.
// A refusal of the database is certain, unless it is FATAL: a server that shuts down sends one also to who waits for a
// synchronous replica, with the transaction committed locally. So is a request that was never written.
func MayHaveHappened(err error) bool {
	if err == nil || IsNoRows(err) || errors.Is(err, pgx.ErrTxCommitRollback) || errors.Is(err, pgx.ErrTxClosed) {
		return false
	}
	pgErr, answered := errors.AsType[*pgconn.PgError](err)
	refused := answered && pgErr.SeverityUnlocalized == "ERROR"
	return !refused && !pgconn.SafeToRetry(err)
}

func unavailableState(code string) bool {
	switch code {
	case codeReadOnly, codeIdleInTx, codeLockNotAvailable, codeQueryCanceled, codeIOError:
		return true
	case codeDatabaseDropped:
		return false
	}
	// Connection exceptions, insufficient resources, operator intervention.
	return strings.HasPrefix(code, "08") || strings.HasPrefix(code, "53") || strings.HasPrefix(code, "57P")
}

func isConnectionError(err error) bool {
	if errors.Is(err, io.EOF) || errors.Is(err, io.ErrUnexpectedEOF) ||
		errors.Is(err, net.ErrClosed) || pgconn.Timeout(err) || pgconn.SafeToRetry(err) {
		return true
	}
	if _, ok := errors.AsType[*pgconn.ConnectError](err); ok {
		return true
	}
	_, ok := errors.AsType[net.Error](err)
	return ok
}

func violates(err error, code, constraint string) bool {
	pgErr, ok := errors.AsType[*pgconn.PgError](err)
	if !ok || pgErr.Code != code {
		return false
	}
	if constraint == "" || pgErr.ConstraintName == constraint {
		return true
	}
	suffix, found := strings.CutPrefix(pgErr.ConstraintName, constraint)
	return found && monthSuffix.MatchString(suffix)
}

func sqlState(err error) string {
	if pgErr, ok := errors.AsType[*pgconn.PgError](err); ok {
		return pgErr.Code
	}
	return ""
}
