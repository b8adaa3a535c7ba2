package reconcile

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"time"

	"golang.org/x/sync/errgroup"

	"tillway/internal/orders"
	"tillway/internal/sweep"
)

const (
	// overlap is how much of what was read before is read again: what the provider's books show late, or showed on a page that
	// moved while it was read, is found the next time, for three days (design §6).
	overlap = 72 * time.Hour
	// farthest is how far back a reading goes at most (Onerway contract §8.11, §8.14).
	farthest = 89 * 24 * time.Hour
	// maxPages bounds one reading. What is left is read the next time, since the time that was covered stays where it was; a
	// merchant with more in three days than that would be told so in the log.
	maxPages = 1000
	// importPatience bounds one reading, and is how long a process that dies while it reads keeps the others from it.
	importPatience = 10 * time.Minute
	// importFailed is how soon a reading that failed is tried again.
	importFailed = time.Minute
)

// DefaultInterval is how often the provider's lists are read.
const DefaultInterval = 15 * time.Minute

var (
	errImport   = errors.New("reading the provider's list took too long")
	errTooLong  = errors.New("the provider's list has more pages than are read at once")
	errNoAnswer = errors.New("the list was not read to its end")
)

// pages reads one page of a list, from 1 on, of what began at the provider within a time range, and applies it.
type pages func(ctx context.Context, from, to time.Time, page int) (more bool, err error)

// Importer reads what the provider's books have that nobody told us: chargebacks, and refunds that were made in its portal. It
// owns when they are read and how far back; what a row means is for package orders to judge. Any number of processes may run one
// on one database: a list is read by one of them at a time.
type Importer struct {
	orders  *orders.Service
	sweeper sweep.Sweeper
	lists   map[orders.ImportName]pages
	// realNow is the provider's time, as far as we know it: the real one, whatever a test clock says.
	realNow  func() time.Time
	interval time.Duration
}

// NewImporter makes an Importer. realNow is real time, where the clock of the orders may be moved by tests.
func NewImporter(service *orders.Service, log *slog.Logger, now, realNow func() time.Time, interval time.Duration) *Importer {
	return &Importer{
		orders: service, sweeper: sweep.Sweeper{Log: log, Now: now}, realNow: realNow, interval: interval,
		lists: map[orders.ImportName]pages{
			orders.ImportOfDisputes: service.ImportDisputes, orders.ImportOfRefunds: service.ImportRefunds,
		},
	}
}

// Run imports until ctx ends.
func (i *Importer) Run(ctx context.Context) error {
	var group errgroup.Group
	for name := range i.lists {
		group.Go(func() error {
			i.sweeper.Repeat(ctx, "import of "+string(name), func(ctx context.Context) (sweep.Result, error) { return i.Import(ctx, name) })
			return nil
		})
	}
	return group.Wait()
}

// Import reads a list if it is due. What could not be applied is an error, after everything else was; the list is then read
// again soon, from as far back.
func (i *Importer) Import(ctx context.Context, name orders.ImportName) (sweep.Result, error) {
	ctx, cancel := context.WithTimeoutCause(ctx, importPatience, errImport)
	defer cancel()
	claimed, due, err := i.orders.ClaimImport(ctx, name, importPatience)
	if err != nil || !due {
		return sweep.Result{}, err
	}
	to := i.realNow().UTC()
	read, err := i.read(ctx, i.lists[name], i.from(claimed, to), to)
	again, covered := i.interval, to
	if err != nil {
		again, covered = min(importFailed, i.interval), time.Time{}
		err = fmt.Errorf("import %s: %w", name, err)
	}
	finishing, cancel := sweep.Patiently(context.WithoutCancel(ctx))
	defer cancel()
	return sweep.Result{Done: read}, errors.Join(err, i.orders.FinishImport(finishing, claimed, again, covered))
}

// from is where a reading begins: a while before what was covered, and no farther back than the provider answers.
func (i *Importer) from(claimed orders.Import, to time.Time) time.Time {
	from := to.Add(-overlap)
	if covered := claimed.CoveredUntil; !covered.IsZero() && covered.Add(-overlap).Before(from) {
		from = covered.Add(-overlap)
	}
	if earliest := to.Add(-farthest); from.Before(earliest) {
		from = earliest
	}
	return from
}

// read goes through the pages of a list. A page that could not be applied in full does not end it; one that did not come does.
func (i *Importer) read(ctx context.Context, list pages, from, to time.Time) (read int, err error) {
	var failures []error
	for page := 1; page <= maxPages; page++ {
		more, err := list(ctx, from, to, page)
		failures = append(failures, err)
		if ctx.Err() != nil {
			return read, errors.Join(append(failures, errNoAnswer, context.Cause(ctx))...)
		}
		read++
		if !more {
			return read, sweep.Summary(failures)
		}
	}
	return read, errors.Join(append(failures, errTooLong)...)
}
