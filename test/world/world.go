package world

import (
	"context"
	"crypto/sha256"
	"encoding/base64"
	"errors"
	"fmt"
	"maps"
	"net/http"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"time"

	"github.com/jackc/pgx/v5/pgxpool"

	"tillway/internal/program"
	"tillway/internal/sandbox"
)

// The keys of a world, known to whoever tests it, and the shop that shoppers come back to.
const (
	Storefront = "sk_test_world_storefront_012345678"
	Operator   = "sk_test_world_operator_01234567890"
	Admin      = "sk_test_world_admin_01234567890123"
	Shop       = "https://shop.example.com"
)

// keep is how many transactions the simulator remembers: all of any run.
const keep = 2_000_000

// Options say what a world is made of.
type Options struct {
	// Binary is the built program, Dir the directory for logs.
	Binary, Dir string
	// Database, which must be migrated, and Redis are connection strings.
	Database, Redis string
	// Environment is added to the service's, or replaces it.
	Environment map[string]string
	// Simulator are further flags of the simulator.
	Simulator []string
	// Services are the commands to run, such as serve or work.
	Services [][]string
}

// World is a running installation.
type World struct {
	Services []*Service
	Provider *Provider
	// DB is a pool on the service's database, for who looks at it from outside.
	DB    *pgxpool.Pool
	front *front
}

// Start starts everything and waits until it is ready.
func Start(ctx context.Context, opts Options) (_ *World, err error) {
	w := &World{}
	defer func() {
		if err != nil {
			err = errors.Join(err, w.Close())
		}
	}()
	if w.DB, err = pgxpool.New(ctx, opts.Database); err != nil {
		return w, fmt.Errorf("open the database: %w", err)
	}
	if w.Provider, err = startProvider(ctx, opts); err != nil {
		return w, err
	}
	if err := w.place(ctx, opts); err != nil {
		return w, err
	}
	for _, s := range w.Services {
		if err := s.start(); err != nil {
			return w, err
		}
	}
	for _, s := range w.Services {
		if err := s.Ready(ctx); err != nil {
			return w, err
		}
	}
	return w, nil
}

// place gives every service its addresses and the front the list of them.
func (w *World) place(ctx context.Context, opts Options) error {
	var backends []string
	for i, command := range opts.Services {
		listen, err := freeAddress(ctx)
		if err != nil {
			return err
		}
		admin, err := freeAddress(ctx)
		if err != nil {
			return err
		}
		name := command[0] + strconv.Itoa(i+1)
		s := &Service{Name: name, Command: command, admin: admin, order: filepath.Join(opts.Dir, name+".order")}
		s.spec = program.Spec{Name: name, Path: opts.Binary, Log: filepath.Join(opts.Dir, name+".log"), Args: command}
		if s.spec.Env = []string{"LISTEN_ADDR=" + listen, "ADMIN_ADDR=" + admin}; command[0] == "serve" {
			backends = append(backends, listen)
			s.listen = listen
		}
		w.Services = append(w.Services, s)
	}
	var err error
	if w.front, err = newFront(backends); err != nil {
		return fmt.Errorf("open the front: %w", err)
	}
	for _, s := range w.Services {
		s.spec.Env = append(s.spec.Env, environment(opts, w, s)...)
	}
	return nil
}

// environment is everything but the addresses.
func environment(opts Options, w *World, s *Service) []string {
	key := sha256.Sum256([]byte(opts.Database))
	env := map[string]string{
		"DATABASE_URL": opts.Database, "REDIS_URL": opts.Redis, "PUBLIC_URL": w.URL(), "HOME": opts.Dir, "TZ": "UTC",
		"DATA_KEY": base64.StdEncoding.EncodeToString(key[:]), "RETURN_SECRET": "a-return-secret-of-a-world-012345",
		"API_KEYS":             "storefront:" + Storefront + ",ops:" + Operator + ",admin:" + Admin,
		"RETURN_URL_ALLOWLIST": Shop, "RATE_LIMIT": "1000000", "LOG_LEVEL": "warn", "OTEL_SDK_DISABLED": "true",
		"ONERWAY_BASE_URL": w.Provider.URL, "ONERWAY_MERCHANT_NO": sandbox.DefaultMerchantNo,
		"ONERWAY_APP_ID": sandbox.DefaultAppID, "ONERWAY_SECRET_KEY": sandbox.DefaultSecretKey,
		"ONERWAY_RATE_LIMIT": "1000000", orderVariable: s.order,
	}
	maps.Copy(env, opts.Environment)
	list := make([]string, 0, len(env))
	for name, value := range env {
		list = append(list, name+"="+value)
	}
	slices.Sort(list)
	return list
}

// URL is the address of the service, whichever process answers.
func (w *World) URL() string { return w.front.url() }

// Close ends everything that was started.
func (w *World) Close() (err error) {
	for _, s := range w.Services {
		if s.process != nil {
			err = errors.Join(err, s.process.Kill())
		}
		_ = os.Remove(s.order)
	}
	if w.Provider != nil {
		err = errors.Join(err, w.Provider.process.Kill())
	}
	if w.front != nil {
		w.front.close()
	}
	if w.DB != nil {
		w.DB.Close()
	}
	return err
}

func freeAddress(ctx context.Context) (string, error) {
	port, err := program.FreePort(ctx)
	return "127.0.0.1:" + port, err
}

// plain asks whether processes are ready and works controls: the other side is stopped and started in between.
var plain = &http.Client{ //nolint:gochecknoglobals // holds nothing: it keeps no connection
	Timeout: 30 * time.Second, Transport: &http.Transport{DisableKeepAlives: true},
}
