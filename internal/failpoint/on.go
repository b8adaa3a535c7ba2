//go:build failpoint

package failpoint

import (
	"net/http"
	"net/http/httptrace"
	"os"
	"strconv"
	"strings"
	"sync"
	"syscall"
)

// passed counts how often the ordered point was passed since the order was given.
var passed struct { //nolint:gochecknoglobals // one process, one death
	sync.Mutex

	order string
	times int
}

// Hit ends the process when its order says so.
func Hit(name Name) {
	raw, err := os.ReadFile(os.Getenv(OrderVariable)) //nolint:forbidigo,gosec // not a setting of the product: the crash test's
	if err != nil {
		return
	}
	order := strings.TrimSpace(string(raw))
	point, count, _ := strings.Cut(order, " ")
	if point != string(name) {
		return
	}
	passed.Lock()
	defer passed.Unlock()
	if passed.order != order {
		passed.order, passed.times = order, 0
	}
	passed.times++
	if nth, err := strconv.Atoi(count); err != nil || passed.times < nth {
		return
	}
	_ = syscall.Kill(os.Getpid(), syscall.SIGKILL)
	select {} // the kernel needs a moment, in which nothing may go on
}

// Transport passes ProviderWritten once a request is written and ProviderAnswered once the head of its answer is here.
func Transport(next http.RoundTripper) http.RoundTripper { return watched{next} }

type watched struct{ next http.RoundTripper }

// RoundTrip sends the request.
func (w watched) RoundTrip(request *http.Request) (*http.Response, error) {
	ctx := httptrace.WithClientTrace(request.Context(), &httptrace.ClientTrace{
		WroteRequest: func(httptrace.WroteRequestInfo) { Hit(ProviderWritten) },
	})
	answer, err := w.next.RoundTrip(request.WithContext(ctx))
	if err == nil {
		Hit(ProviderAnswered)
	}
	return answer, err
}
