package demo

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"time"

	"github.com/alicebob/miniredis/v2"
	embeddedpostgres "github.com/fergusstrange/embedded-postgres"
)

// playedRedis is miniredis, in this process. Its keys expire only when it is told how much time has passed.
func (d *demo) playedRedis(ctx context.Context) (store, error) {
	played := miniredis.NewMiniRedis()
	if err := played.Start(); err != nil {
		return store{}, fmt.Errorf("play Redis: %w", err)
	}
	d.running.push("miniredis", func(context.Context) error { played.Close(); return nil })
	d.run(ctx, "the clock of miniredis", func(ctx context.Context) error {
		const step = time.Second
		tick := time.NewTicker(step)
		defer tick.Stop()
		for {
			select {
			case <-tick.C:
				played.FastForward(step)
			case <-ctx.Done():
				return nil
			}
		}
	})
	return store{url: "redis://" + played.Addr() + "/0", where: "no Docker either; played by miniredis in this process"}, nil
}

// downloadedPostgres runs PostgreSQL from programs that are fetched on the first run and kept.
func (d *demo) downloadedPostgres(ctx context.Context) (store, error) {
	root, err := filepath.Abs(d.path(downloadedDir))
	if err != nil {
		return store{}, fmt.Errorf("resolve %s: %w", d.Dir, err)
	}
	port, err := freePort(ctx)
	if err != nil {
		return store{}, err
	}
	endLeftover(ctx, root)
	cfg := embeddedpostgres.DefaultConfig().
		Version(embeddedpostgres.V17).Port(port).StartTimeout(time.Minute).Logger(io.Discard).
		Database("tillway").Username("postgres").Password(d.secrets.DatabasePassword).
		CachePath(filepath.Join(root, "cache")).RuntimePath(filepath.Join(root, "runtime")).
		BinariesPath(filepath.Join(root, "programs")).DataPath(filepath.Join(root, "data")).
		StartParameters(map[string]string{"timezone": "UTC", "log_timezone": "UTC", "unix_socket_directories": ""})
	server := embeddedpostgres.NewDatabase(cfg)
	if err := server.Start(); err != nil {
		return store{}, err
	}
	return store{
		url: cfg.GetConnectionURL() + "?sslmode=disable", where: "downloaded, data in " + root,
		stop: func(context.Context) error { return server.Stop() },
	}, nil
}

// endLeftover ends the server of a run that was killed: it would keep its data to itself.
func endLeftover(ctx context.Context, root string) {
	data := filepath.Join(root, "data")
	if _, err := os.Stat(filepath.Join(data, "postmaster.pid")); errors.Is(err, os.ErrNotExist) {
		return
	}
	// Fails when nothing runs there any more, which is as well.
	_ = exec.CommandContext(ctx, filepath.Join(root, "programs", "bin", "pg_ctl"), //nolint:gosec // our own download
		"stop", "-w", "-m", "fast", "-D", data).Run()
}

func freePort(ctx context.Context) (uint32, error) {
	var config net.ListenConfig
	listener, err := config.Listen(ctx, "tcp", "localhost:0")
	if err != nil {
		return 0, fmt.Errorf("find a free port: %w", err)
	}
	defer listener.Close()
	address, ok := listener.Addr().(*net.TCPAddr)
	if !ok {
		return 0, fmt.Errorf("find a free port: %s has none", listener.Addr())
	}
	return uint32(address.Port), nil //nolint:gosec // a port fits
}
