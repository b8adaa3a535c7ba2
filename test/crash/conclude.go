package crash

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/redis/go-redis/v9"

	"tillway/test/audit"
)

// conclude lets everything come to rest, answers who was not answered, and compares the books.
func (b *batch) conclude(ctx context.Context) error {
	if err := b.world.Provider.DisarmAll(ctx); err != nil {
		return err
	}
	for _, s := range b.world.Services {
		if err := b.ready(ctx, s); err != nil {
			return err
		}
	}
	// Keys that dead processes held are free at once, and everything that was answered is forgotten: the rows must do.
	if err := flush(ctx, b.setup.Redis); err != nil {
		return err
	}
	left, err := b.answerAll(ctx)
	if err != nil {
		return err
	}
	if left > 0 {
		b.find("%d requests are not answered although everything works: %s", left, strings.Join(b.shop.Record().Unanswered(), ", "))
	}
	waiting, err := audit.Waiting(ctx, b.world.DB)
	if err != nil {
		return err
	}
	for _, refund := range waiting {
		b.shop.Approve(ctx, refund)
	}
	if err := errors.Join(audit.EndClaims(ctx, b.world.DB), audit.AskAboutDisputes(ctx, b.world.DB)); err != nil {
		return err
	}
	if err := b.rest(ctx); err != nil {
		return err
	}
	// News of a late success may have met the dead each time that it was delivered.
	books, err := b.world.Provider.Books(ctx)
	if err != nil {
		return err
	}
	if err := audit.LookAgain(ctx, b.world.DB, books); err != nil {
		return err
	}
	if err := b.rest(ctx); err != nil {
		return err
	}
	return b.audit(ctx)
}

// answerAll repeats the requests that got no answer, as long as some get theirs, and returns how many are left. Some are still
// told to wait, since what they began may be in flight; and many of the cards break the provider's answers by themselves, a
// few of which in a row open the circuit for a while.
func (b *batch) answerAll(ctx context.Context) (left int, err error) {
	for fewer := true; fewer; {
		before := left
		left, err = until(ctx, restPatience, func() (int, error) {
			if err := audit.FreeCards(ctx, b.world.DB); err != nil {
				return 0, err
			}
			return b.shop.Finish(ctx), nil
		})
		fewer = err == nil && left > 0 && (before == 0 || left < before)
	}
	return left, err
}

func flush(ctx context.Context, url string) error {
	options, err := redis.ParseURL(url)
	if err != nil {
		return fmt.Errorf("read the address of Redis: %w", err)
	}
	client := redis.NewClient(options)
	defer client.Close()
	if err := client.FlushDB(ctx).Err(); err != nil {
		return fmt.Errorf("flush Redis: %w", err)
	}
	return nil
}

// rest waits until nothing is open. What waits for the provider's staff is approved; the claims of the dead and the distances of the schedule are not waited for.
func (b *batch) rest(ctx context.Context) error {
	var hurried time.Time
	left, err := until(ctx, restPatience, func() (int, error) {
		if time.Since(hurried) > hurry {
			hurried = time.Now()
			if err := errors.Join(b.world.Provider.ApproveRefunds(ctx), audit.Hurry(ctx, b.world.DB)); err != nil {
				return 0, err
			}
		}
		return audit.Unsettled(ctx, b.world.DB)
	})
	if err == nil && left > 0 {
		b.find("%d operations have no end %s after the last kill", left, restPatience)
	}
	return err
}

// audit compares the books until they agree, or patience ends.
func (b *batch) audit(ctx context.Context) error {
	told, faults, _ := b.shop.Record().Everything()
	var compared audit.Report
	_, err := until(ctx, auditPatience, func() (int, error) {
		books, err := b.world.Provider.Books(ctx)
		if err != nil {
			return 0, err
		}
		deliveries, err := b.world.Provider.Deliveries(ctx)
		if err != nil {
			return 0, err
		}
		compared, err = audit.Compare(ctx, audit.Case{
			DB: b.world.DB, Books: books, Deliveries: deliveries, Told: told, Strays: b.strays.all(),
			Bursts: b.shop.Record().Bursts(),
		})
		return len(compared.Findings), err
	})
	compared.Findings = append(append(b.report.Audit.Findings, compared.Findings...), faults...)
	b.report.Audit = compared
	if err != nil {
		return err
	}
	return b.goroutines(ctx)
}

// goroutines requires that no process keeps any for work that is over.
func (b *batch) goroutines(ctx context.Context) error {
	for _, s := range b.world.Services {
		most := b.baseline[s.Name] + strayGoroutines
		now, err := until(ctx, auditPatience, func() (int, error) {
			count, err := s.Goroutines(ctx)
			return max(0, count-most), err
		})
		if err != nil {
			return err
		}
		if now > 0 {
			b.find("%s has %d goroutines at rest, it had %d when it was new", s.Name, most+now, b.baseline[s.Name])
		}
	}
	return nil
}

// until repeats a count until it is zero or patience ends, and returns the last.
func until(ctx context.Context, patience time.Duration, count func() (int, error)) (int, error) {
	tick := time.NewTicker(restPoll)
	defer tick.Stop()
	for deadline := time.Now().Add(patience); ; {
		left, err := count()
		if err != nil || left == 0 || time.Now().After(deadline) {
			return left, err
		}
		select {
		case <-ctx.Done():
			return left, context.Cause(ctx)
		case <-tick.C:
		}
	}
}
