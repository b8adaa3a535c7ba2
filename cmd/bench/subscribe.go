package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"sync/atomic"
	"time"

	"golang.org/x/sync/errgroup"
)

const (
	customerBody = `{"email":"anna.schmidt@shop.example","billing_details":{"email":"anna.schmidt@shop.example","address":{"country":"DE"}}}`
	// subscriptionBody begins with a card that the simulator authenticates without a challenge.
	subscriptionBody = `{"customer":"%s","amount":999,"currency":"eur","interval":"month","description":"Membership",` +
		`"return_url":"https://shop.example/account","payment_method":{"type":"card","card":{"number":"4000009900000020",` +
		`"exp_month":12,"exp_year":2040,"cvc":"123","holder_name":"Anna Schmidt"}}}`
	// activePatience is how long the last contracts may take to arrive.
	activePatience = time.Minute
	tellEvery      = 10_000
)

// subscribe has the service begin subscriptions until there are count, and waits until it may charge all of them.
func (r *renewalsRun) subscribe(ctx context.Context, count int) error {
	progress("beginning %d subscriptions", count-r.begun)
	var next atomic.Int64
	next.Store(int64(r.begun))
	group, groupCtx := errgroup.WithContext(ctx)
	for range r.options.clients {
		group.Go(func() error { return r.subscriber(groupCtx, &next, int64(count)) })
	}
	if err := group.Wait(); err != nil {
		return fmt.Errorf("begin subscriptions: %w", err)
	}
	r.begun = count
	return r.until(ctx, activePatience, "all subscriptions are active",
		"SELECT count(*) = $1 FROM subscriptions WHERE status = 'active' AND idempotency_key IS NOT NULL", count)
}

// subscriber begins one subscription after the other, each of a customer of its own, on one connection.
func (r *renewalsRun) subscriber(ctx context.Context, next *atomic.Int64, last int64) error {
	c, err := dial(ctx, r.service.addr)
	if err != nil {
		return err
	}
	defer c.close()
	for ctx.Err() == nil {
		n := next.Add(1)
		if n > last {
			return nil
		}
		if n%tellEvery == 0 {
			progress("%d of %d subscriptions", n, last)
		}
		customer, err := created(c, "/v1/customers", fmt.Sprintf("customer-%d", n), []byte(customerBody))
		if err != nil {
			return err
		}
		if _, err := created(c, "/v1/subscriptions", fmt.Sprintf("subscription-%d", n), fmt.Appendf(nil, subscriptionBody, customer)); err != nil {
			return err
		}
	}
	return context.Cause(ctx)
}

// created posts a resource and returns its id.
func created(c *client, path, key string, body []byte) (string, error) {
	got, err := c.post(path, headers(key), body)
	if err != nil {
		return "", err
	}
	var made struct {
		ID string `json:"id"`
	}
	if got.status != http.StatusCreated || json.Unmarshal(got.body, &made) != nil {
		return "", fmt.Errorf("post %s: %d %s", path, got.status, got.body)
	}
	return made.ID, nil
}

// fill adds subscriptions that are not due until there are size, and leaves the table as a vacuum does.
func (r *renewalsRun) fill(ctx context.Context, size int) error {
	var have int
	if err := r.db.QueryRow(ctx, "SELECT count(*) FROM subscriptions").Scan(&have); err != nil {
		return fmt.Errorf("count subscriptions: %w", err)
	}
	text, err := script("subscriptions.sql")
	if err != nil {
		return err
	}
	if size > have {
		progress("adding %d that are not due", size-have)
		if err := r.fillWithoutTriggers(ctx, text, size-have); err != nil {
			return fmt.Errorf("fill the table: %w", err)
		}
	}
	for _, statement := range []string{"VACUUM ANALYZE subscriptions", "VACUUM ANALYZE subscription_contracts", "CHECKPOINT"} {
		if _, err := r.db.Exec(ctx, statement); err != nil {
			return fmt.Errorf("%s: %w", statement, err)
		}
	}
	return nil
}

// fillWithoutTriggers spares copies the checks and records of those that move.
func (r *renewalsRun) fillWithoutTriggers(ctx context.Context, text string, count int) (err error) {
	tx, err := r.db.Begin(ctx)
	if err != nil {
		return err
	}
	defer func() {
		if err != nil {
			err = errors.Join(err, tx.Rollback(context.WithoutCancel(ctx)))
		}
	}()
	if _, err := tx.Exec(ctx, "SET LOCAL session_replication_role = replica"); err != nil {
		return err
	}
	if _, err := tx.Exec(ctx, text, count); err != nil {
		return err
	}
	return tx.Commit(ctx)
}

// until polls a question until the answer is yes.
func (r *renewalsRun) until(ctx context.Context, patience time.Duration, what, query string, args ...any) error {
	ctx, cancel := context.WithTimeoutCause(ctx, patience, errors.New("it took too long"))
	defer cancel()
	for {
		var yes bool
		if err := r.db.QueryRow(ctx, query, args...).Scan(&yes); err != nil {
			return fmt.Errorf("look whether %s: %w", what, err)
		}
		if yes {
			return nil
		}
		if err := wait(ctx, 100*time.Millisecond); err != nil {
			return fmt.Errorf("wait until %s: %w", what, err)
		}
	}
}
