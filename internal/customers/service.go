package customers

import (
	"context"
	"fmt"
	"log/slog"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgxpool"
	"github.com/riverqueue/river"

	"tillway/internal/fault"
	"tillway/internal/ids"
	"tillway/internal/postgres"
	"tillway/internal/postgres/dbsqlc"
	"tillway/internal/seal"
)

// Eraser takes out of what it owns whatever tells who a deleted customer was. It must be safe to repeat.
type Eraser func(ctx context.Context, customer ids.Customer) error

// Config holds the settings of a Service.
type Config struct {
	Livemode bool
	// Erase is run when a customer has been deleted.
	Erase Eraser
	// DataKey seals tokens: 32 bytes.
	DataKey []byte
	// CallTimeout is how long a call to the provider may take.
	CallTimeout time.Duration
	// AbandonAfter is how long the answer to a binding may stay lost before it is given up.
	AbandonAfter time.Duration
}

// Limits of a Config that names none.
const (
	defaultCallTimeout  = 30 * time.Second
	defaultAbandonAfter = 10 * time.Minute
)

// Service keeps customers. It is safe for concurrent use by any number of processes on one database.
type Service struct {
	pool    *pgxpool.Pool
	queries *dbsqlc.Queries
	jobs    *river.Client[pgx.Tx]
	vault   Vault
	sealer  *seal.Sealer
	log     *slog.Logger
	now     func() time.Time
	config  Config
}

// New makes a Service. Jobs adds the work that deletions and bindings make necessary.
func New(
	pool *pgxpool.Pool, jobs *river.Client[pgx.Tx], vault Vault, log *slog.Logger, now func() time.Time, config Config,
) (*Service, error) {
	sealer, err := seal.New(config.DataKey, "payment_methods")
	if err != nil {
		return nil, err
	}
	if config.CallTimeout == 0 {
		config.CallTimeout = defaultCallTimeout
	}
	if config.AbandonAfter == 0 {
		config.AbandonAfter = defaultAbandonAfter
	}
	return &Service{
		pool: pool, queries: dbsqlc.New(pool), jobs: jobs, vault: vault, sealer: sealer, log: log, config: config,
		// The database keeps microseconds: what is decided on must be what is stored.
		now: func() time.Time { return now().UTC().Truncate(time.Microsecond) },
	}, nil
}

// Get returns a customer, a deleted one too, or a fault NotFound.
func (s *Service) Get(ctx context.Context, id ids.Customer) (Customer, error) {
	row, err := s.queries.CustomerGet(ctx, id.UUID())
	if postgres.IsNoRows(err) {
		return Customer{}, missing(id)
	}
	if err != nil {
		return Customer{}, fmt.Errorf("read customer %s: %w", id, postgres.Translate(err))
	}
	return fromRow(row)
}

// there returns a customer that is not deleted, or a fault NotFound.
func (s *Service) there(ctx context.Context, id ids.Customer) (Customer, error) {
	c, err := s.Get(ctx, id)
	if err == nil && c.Deleted() {
		err = missing(id)
	}
	return c, err
}

func missing(id ids.Customer) error { return fault.Missing("customer", id.String()) }
