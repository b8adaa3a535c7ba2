package program

import (
	"context"
	"errors"
	"math/rand/v2"
	"net"
	"strconv"
	"sync"
)

// Ports below those that the system hands out by itself stay free while a process is stopped and started.
const (
	portFloor, portCount = 10_000, 20_000
	portAttempts         = 100
)

// given remembers the ports that were handed out; two processes must not get the same one.
var given sync.Map //nolint:gochecknoglobals // ports belong to the machine, so to the process

// FreePort returns a loopback port that stays free until it is used.
func FreePort(ctx context.Context) (string, error) {
	for range portAttempts {
		port := strconv.Itoa(portFloor + rand.IntN(portCount)) //nolint:gosec // any will do
		if _, taken := given.LoadOrStore(port, true); taken {
			continue
		}
		listener, err := (&net.ListenConfig{}).Listen(ctx, "tcp", "127.0.0.1:"+port)
		if err == nil {
			return port, listener.Close()
		}
	}
	return "", errors.New("no free port")
}
