package reconcile_test

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"tillway/internal/orders"
	"tillway/internal/reconcile"
)

// chargebacks is a list of several pages, all of them empty, that notes what was asked of it.
type chargebacks struct {
	mu    sync.Mutex
	pages int
	fail  map[int]error
	asked []asked
	hold  chan struct{}
}

type asked struct {
	from, to time.Time
	page     int
}

func (*chargebacks) FindDispute(context.Context, string) (orders.DisputeEvidence, error) {
	return orders.DisputeEvidence{}, errSilent
}

func (c *chargebacks) ListDisputes(_ context.Context, from, to time.Time, page int) ([]orders.DisputeEvidence, bool, error) {
	if c.hold != nil {
		<-c.hold
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	c.asked = append(c.asked, asked{from, to, page})
	return nil, page < c.pages, c.fail[page]
}

func (c *chargebacks) take() []asked {
	c.mu.Lock()
	defer c.mu.Unlock()
	taken := c.asked
	c.asked = nil
	return taken
}

const interval = 15 * time.Minute

// importing is an importer before a list, on the bundle's database; its provider's clock is real.
func (b *testBundle) importing(list *chargebacks) *reconcile.Importer {
	log := slog.New(slog.DiscardHandler)
	service := orders.New(b.pool, b.provider, nil, log, b.now, orders.Config{Disputes: list, SecretKey: make([]byte, 32)})
	return reconcile.NewImporter(service, log, b.now, b.now, interval)
}

func TestImport_ReadsEveryPageOncePerInterval(t *testing.T) {
	t.Parallel()
	b := setup(t)
	list := &chargebacks{pages: 3}
	importer := b.importing(list)
	swept, err := importer.Import(t.Context(), orders.ImportOfDisputes)
	require.NoError(t, err)
	require.Equal(t, 3, swept.Done)
	first := list.take()
	require.Len(t, first, 3)
	for i, page := range first {
		require.Equal(t, i+1, page.page)
		require.Equal(t, 72*time.Hour, page.to.Sub(page.from), "three days, overlapping")
		require.Equal(t, first[0].to, page.to, "one range for all pages")
	}
	swept, err = importer.Import(t.Context(), orders.ImportOfDisputes)
	require.NoError(t, err)
	require.Zero(t, swept.Done, "not due")
	require.Empty(t, list.take())

	b.pass(interval)
	_, err = importer.Import(t.Context(), orders.ImportOfDisputes)
	require.NoError(t, err)
	require.Len(t, list.take(), 3)
}

func TestImport_BeginsWhereTheLastWholeReadingEnded(t *testing.T) {
	t.Parallel()
	b := setup(t)
	list := &chargebacks{pages: 1}
	importer := b.importing(list)
	_, err := importer.Import(t.Context(), orders.ImportOfDisputes)
	require.NoError(t, err)
	whole := list.take()[0].to

	b.pass(10 * 24 * time.Hour) // nobody ran meanwhile
	list.fail = map[int]error{1: errors.New("away")}
	_, err = importer.Import(t.Context(), orders.ImportOfDisputes)
	require.ErrorContains(t, err, "away")
	require.WithinDuration(t, whole.Add(-72*time.Hour), list.take()[0].from, time.Millisecond)

	b.pass(time.Minute) // tried again soon, from as far back
	list.fail = nil
	_, err = importer.Import(t.Context(), orders.ImportOfDisputes)
	require.NoError(t, err)
	require.WithinDuration(t, whole.Add(-72*time.Hour), list.take()[0].from, time.Millisecond)

	b.pass(interval)
	_, err = importer.Import(t.Context(), orders.ImportOfDisputes)
	require.NoError(t, err)
	again := list.take()[0]
	require.Equal(t, 72*time.Hour+interval, again.to.Sub(again.from).Round(time.Minute), "from what is covered now")

	b.pass(200 * 24 * time.Hour)
	_, err = importer.Import(t.Context(), orders.ImportOfDisputes)
	require.NoError(t, err)
	again = list.take()[0]
	require.Equal(t, 89*24*time.Hour, again.to.Sub(again.from), "no farther than the provider answers")
}

func TestImport_APageThatFailsDoesNotKeepTheOthersFromIt(t *testing.T) {
	t.Parallel()
	b := setup(t)
	list := &chargebacks{pages: 1, fail: map[int]error{1: errSilent}}
	_, err := b.importing(list).Import(t.Context(), orders.ImportOfDisputes)
	require.ErrorIs(t, err, errSilent)
	var due time.Time
	require.NoError(t, b.pool.QueryRow(t.Context(), "SELECT due_at FROM imports WHERE name = 'disputes' AND covered_until IS NULL").Scan(&due))
	require.WithinDuration(t, b.now().Add(time.Minute), due, 5*time.Second, "soon, and nothing is covered")
}

func TestImport_IsDoneByOneOfManyProcesses(t *testing.T) {
	t.Parallel()
	b := setup(t)
	list := &chargebacks{pages: 1, hold: make(chan struct{})}
	finished := make(chan error)
	for range 8 {
		go func() { // reports to finished
			_, err := b.importing(list).Import(t.Context(), orders.ImportOfDisputes)
			finished <- err
		}()
	}
	for range 7 {
		require.NoError(t, <-finished)
	}
	close(list.hold)
	require.NoError(t, <-finished)
	require.Len(t, list.take(), 1)
}

func TestImport_WhoDiesOverItLeavesItToOthers(t *testing.T) {
	t.Parallel()
	b := setup(t)
	list := &chargebacks{pages: 1}
	importer := b.importing(list)
	service := orders.New(b.pool, b.provider, nil, slog.New(slog.DiscardHandler), b.now, orders.Config{SecretKey: make([]byte, 32)})
	dead, due, err := service.ClaimImport(t.Context(), orders.ImportOfDisputes, 10*time.Minute)
	require.NoError(t, err)
	require.True(t, due)
	_, err = importer.Import(t.Context(), orders.ImportOfDisputes)
	require.NoError(t, err)
	require.Empty(t, list.take(), "it is somebody's")
	b.pass(10 * time.Minute)
	_, err = importer.Import(t.Context(), orders.ImportOfDisputes)
	require.NoError(t, err)
	require.Len(t, list.take(), 1)
	require.NoError(t, service.FinishImport(t.Context(), dead, 0, b.now().Add(time.Hour)), "who comes back late changes nothing")
	_, err = importer.Import(t.Context(), orders.ImportOfDisputes)
	require.NoError(t, err)
	require.Empty(t, list.take(), fmt.Sprint("still not due after ", dead.Name))
}
