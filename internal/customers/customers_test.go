package customers_test

import (
	"context"
	"errors"
	"log/slog"
	"sync/atomic"
	"testing"
	"time"

	"github.com/jackc/pgx/v5/pgxpool"
	"github.com/stretchr/testify/require"

	"tillway/internal/customers"
	"tillway/internal/details"
	"tillway/internal/fault"
	"tillway/internal/ids"
	"tillway/internal/jobs"
	"tillway/internal/page"
	"tillway/internal/postgres/pgtest"
)

const (
	patience     = 30 * time.Second
	callTimeout  = 5 * time.Second
	abandonAfter = 2 * time.Second
)

type testBundle struct {
	pool    *pgxpool.Pool
	service *customers.Service
	vault   *vault
	ahead   atomic.Int64
	// erase is what the service's eraser does.
	erase func(context.Context, ids.Customer) error
}

func setup(t *testing.T) *testBundle {
	t.Helper()
	b := &testBundle{pool: pgtest.New(t), vault: &vault{}}
	log := slog.New(slog.DiscardHandler)
	inserter, err := jobs.NewInserter(b.pool, log)
	require.NoError(t, err)
	b.service, err = customers.New(b.pool, inserter, b.vault, log, b.now, customers.Config{
		DataKey: []byte("a key of thirty-two bytes for us"), CallTimeout: callTimeout, AbandonAfter: abandonAfter,
		Erase: func(ctx context.Context, id ids.Customer) error { return b.erase(ctx, id) },
	})
	require.NoError(t, err)
	return b
}

// now is a clock that a test moves on.
func (b *testBundle) now() time.Time { return time.Now().Add(time.Duration(b.ahead.Load())) }

// work runs the queue until the test ends.
func (b *testBundle) work(t *testing.T) {
	t.Helper()
	runner, err := jobs.New(b.pool, slog.New(slog.DiscardHandler), time.Now, jobs.Options{}, b.service.Register)
	require.NoError(t, err)
	ctx, stop := context.WithCancel(t.Context())
	done := make(chan error, 1)
	go func() { done <- runner.Run(ctx) }()
	t.Cleanup(func() {
		stop()
		require.NoError(t, <-done)
	})
}

func (b *testBundle) create(t *testing.T, req customers.CreateRequest) customers.Customer {
	t.Helper()
	created, err := b.service.Create(t.Context(), req)
	require.NoError(t, err)
	return created.Customer
}

func TestCreate_TheAnswerIsWhatIsStored(t *testing.T) {
	t.Parallel()
	b := setup(t)
	for _, req := range []customers.CreateRequest{
		{CorrelationID: "c"},
		{
			Email: "a@example.com", Name: "A", Phone: "1", Description: "d", Metadata: details.Metadata{"a": "1"},
			Billing: &details.Contact{Address: &details.Address{Country: "de"}},
		},
	} {
		made := b.create(t, req)
		read, err := b.service.Get(t.Context(), made.ID)
		require.NoError(t, err)
		require.Equal(t, made, read)
	}
	_, err := b.service.Get(t.Context(), ids.New[ids.CustomerEntity]())
	require.Equal(t, fault.NotFound, fault.KindOf(err))
}

// The erasure commits with the deletion, and is tried until it succeeds.
func TestDelete_ErasesUntilItSucceeds(t *testing.T) {
	t.Parallel()
	b := setup(t)
	made := b.create(t, customers.CreateRequest{Email: "a@example.com", Name: "A", Metadata: details.Metadata{"a": "1"}})
	var tries atomic.Int64
	erased := make(chan ids.Customer, 10)
	b.erase = func(_ context.Context, id ids.Customer) error {
		if tries.Add(1) == 1 {
			return errors.New("not yet")
		}
		erased <- id
		return nil
	}
	gone, err := b.service.Delete(t.Context(), made.ID)
	require.NoError(t, err)
	require.True(t, gone.Deleted())
	again, err := b.service.Delete(t.Context(), made.ID)
	require.NoError(t, err)
	require.Equal(t, gone, again)
	require.Equal(t, customers.Customer{
		ID: made.ID, Metadata: details.Metadata{}, CreatedAt: made.CreatedAt, UpdatedAt: gone.UpdatedAt, DeletedAt: gone.DeletedAt,
	}, gone)

	b.work(t)
	select {
	case id := <-erased:
		require.Equal(t, made.ID, id)
	case <-time.After(patience):
		t.Fatal("nobody erased")
	}
	require.Never(t, func() bool { return len(erased) > 0 }, time.Second, 100*time.Millisecond, "deleting twice orders one erasure")

	_, err = b.service.Update(t.Context(), made.ID, customers.Patch{})
	require.Equal(t, fault.NotFound, fault.KindOf(err))
	list, err := b.service.List(t.Context(), customers.Filter{}, page.Request{Limit: 10})
	require.NoError(t, err)
	require.Empty(t, list.Data)
}

func TestDatabase_KeepsNothingOfADeletedCustomer(t *testing.T) {
	t.Parallel()
	b := setup(t)
	made := b.create(t, customers.CreateRequest{})
	_, err := b.service.Delete(t.Context(), made.ID)
	require.NoError(t, err)
	for _, column := range []string{"email", "name", "phone", "description", "correlation_id"} {
		_, err := b.pool.Exec(t.Context(), "UPDATE customers SET "+column+" = 'x'")
		require.ErrorContains(t, err, "customers_nothing_kept_of_deleted", column)
	}
}
