// Package migrations holds the database schema, embedded in the binary, and
// runs it through goose.
//
// Files are numbered in sequence and never edited once merged. River's schema
// takes 00001 to 00009, one file per River version, so that the tables of the
// job queue are migrated, locked and reported with ours; our own start at
// 00010. Several replicas may migrate at once: a session lock in PostgreSQL
// lets one of them work and the others find nothing left to do.
package migrations

import (
	"context"
	"crypto/sha256"
	"database/sql"
	"embed"
	"encoding/hex"
	"errors"
	"fmt"
	"io/fs"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/stdlib"
	"github.com/pressly/goose/v3"
	"github.com/pressly/goose/v3/lock"
)

// FS holds the migration files.
//
//go:embed *.sql
var FS embed.FS

// Replicas ask for the lock every second, for up to ten minutes: a new index
// on a large table takes its time.
const lockPeriod, lockAttempts = 1, 600

// NewProvider returns goose's provider of our migrations on db, session-locked.
func NewProvider(db *sql.DB) (*goose.Provider, error) {
	locker, err := lock.NewPostgresSessionLocker(lock.WithLockTimeout(lockPeriod, lockAttempts))
	if err != nil {
		return nil, fmt.Errorf("make the migration lock: %w", err)
	}
	provider, err := goose.NewProvider(goose.DialectPostgres, db, FS,
		goose.WithSessionLocker(locker), goose.WithDisableGlobalRegistry(true))
	if err != nil {
		return nil, fmt.Errorf("read the migrations: %w", err)
	}
	return provider, nil
}

// Up applies what is pending and returns what it applied.
func Up(ctx context.Context, url string) ([]*goose.MigrationResult, error) {
	return with(url, func(p *goose.Provider) ([]*goose.MigrationResult, error) {
		done, err := p.Up(ctx)
		if err != nil {
			return done, fmt.Errorf("migrate up: %w", err)
		}
		return done, nil
	})
}

// Down takes back the newest migration. It returns nil when none is applied.
func Down(ctx context.Context, url string) (*goose.MigrationResult, error) {
	return with(url, func(p *goose.Provider) (*goose.MigrationResult, error) {
		done, err := p.Down(ctx)
		if errors.Is(err, goose.ErrNoNextVersion) {
			return nil, nil
		}
		if err != nil {
			return done, fmt.Errorf("migrate down: %w", err)
		}
		return done, nil
	})
}

// Status lists every migration with when it was applied.
func Status(ctx context.Context, url string) ([]*goose.MigrationStatus, error) {
	return with(url, func(p *goose.Provider) ([]*goose.MigrationStatus, error) {
		status, err := p.Status(ctx)
		if err != nil {
			return nil, fmt.Errorf("migration status: %w", err)
		}
		return status, nil
	})
}

// Pending says whether the database lacks a migration of this binary. It takes
// no lock, so a readiness probe may ask while another replica migrates.
func Pending(ctx context.Context, url string) (bool, error) {
	return with(url, func(p *goose.Provider) (bool, error) {
		pending, err := p.HasPending(ctx)
		if err != nil {
			return false, fmt.Errorf("look for pending migrations: %w", err)
		}
		return pending, nil
	})
}

// with opens a connection of its own: the pool's statement timeout would cut a
// long migration short.
func with[T any](url string, do func(*goose.Provider) (T, error)) (result T, err error) {
	config, err := pgx.ParseConfig(url)
	if err != nil {
		return result, fmt.Errorf("parse the database url: %w", err)
	}
	db := stdlib.OpenDB(*config)
	defer func() { err = errors.Join(err, db.Close()) }()
	provider, err := NewProvider(db)
	if err != nil {
		return result, err
	}
	return do(provider)
}

// Digest names the schema that the files make: it changes with any of them.
func Digest() (string, error) {
	hash := sha256.New()
	err := fs.WalkDir(FS, ".", func(path string, entry fs.DirEntry, err error) error {
		if err != nil || entry.IsDir() {
			return err
		}
		content, err := FS.ReadFile(path)
		if err != nil {
			return err
		}
		fmt.Fprintf(hash, "%s %d\n%s", path, len(content), content)
		return nil
	})
	if err != nil {
		return "", fmt.Errorf("digest the migrations: %w", err)
	}
	return hex.EncodeToString(hash.Sum(nil))[:16], nil
}
