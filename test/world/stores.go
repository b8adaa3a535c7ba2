package world

import (
	"context"
	"errors"
	"fmt"
	"net/url"

	"github.com/jackc/pgx/v5"

	"tillway/internal/embedded"
	"tillway/migrations"
)

// Stores are a private PostgreSQL and Redis.
type Stores struct {
	pg    *embedded.Postgres
	redis *embedded.Redis
	made  int
}

// OpenStores starts both and makes the database that others are copied from.
func OpenStores(ctx context.Context) (_ *Stores, err error) {
	s := &Stores{}
	defer func() {
		if err != nil {
			err = errors.Join(err, s.Close(context.WithoutCancel(ctx)))
		}
	}()
	if s.redis, err = embedded.StartRedis(ctx, embedded.RedisOptions{}); err != nil {
		return s, err
	}
	if s.pg, err = embedded.StartPostgres(ctx, embedded.PostgresOptions{}); err != nil {
		return s, err
	}
	_, err = migrations.Up(ctx, s.pg.URL())
	return s, err
}

// Redis is the connection string of Redis.
func (s *Stores) Redis() string { return s.redis.URL() }

// NewDatabase makes a fresh database with every migration applied and returns its connection string.
func (s *Stores) NewDatabase(ctx context.Context) (string, error) {
	s.made++
	name := fmt.Sprintf("world%d", s.made)
	if err := s.admin(ctx, "CREATE DATABASE "+name+" TEMPLATE tillway"); err != nil {
		return "", err
	}
	return s.urlOf(name)
}

// Drop removes a database that NewDatabase made.
func (s *Stores) Drop(ctx context.Context, database string) error {
	u, err := url.Parse(database)
	if err != nil {
		return fmt.Errorf("drop a database: %w", err)
	}
	return s.admin(ctx, "DROP DATABASE IF EXISTS "+pgx.Identifier{u.Path[1:]}.Sanitize()+" WITH (FORCE)")
}

func (s *Stores) admin(ctx context.Context, statement string) error {
	target, err := s.urlOf("postgres")
	if err != nil {
		return err
	}
	conn, err := pgx.Connect(ctx, target)
	if err != nil {
		return fmt.Errorf("reach PostgreSQL: %w", err)
	}
	defer conn.Close(context.WithoutCancel(ctx))
	if _, err := conn.Exec(ctx, statement); err != nil {
		return fmt.Errorf("%s: %w", statement, err)
	}
	return nil
}

func (s *Stores) urlOf(database string) (string, error) {
	u, err := url.Parse(s.pg.URL())
	if err != nil {
		return "", fmt.Errorf("read PostgreSQL's address: %w", err)
	}
	u.Path = "/" + database
	return u.String(), nil
}

// Close stops both and forgets what they held.
func (s *Stores) Close(ctx context.Context) (err error) {
	if s.redis != nil {
		err = s.redis.Stop(ctx)
	}
	if s.pg != nil {
		err = errors.Join(err, s.pg.Stop(ctx))
	}
	return err
}
