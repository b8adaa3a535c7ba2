package telemetry

import (
	"net/http"
	"net/http/pprof"
)

// AdminHandler serves /metrics and /debug/pprof, for an address that the public cannot reach. Importing pprof also
// registers its pages with http.DefaultServeMux, which nothing in the service serves.
func AdminHandler(t *Telemetry) http.Handler {
	mux := http.NewServeMux()
	mux.Handle("GET /metrics", t.Handler())
	mux.HandleFunc("GET /debug/pprof/", pprof.Index)
	mux.HandleFunc("GET /debug/pprof/cmdline", pprof.Cmdline)
	mux.HandleFunc("GET /debug/pprof/profile", pprof.Profile)
	mux.HandleFunc("GET /debug/pprof/symbol", pprof.Symbol)
	mux.HandleFunc("POST /debug/pprof/symbol", pprof.Symbol)
	mux.HandleFunc("GET /debug/pprof/trace", pprof.Trace)
	return mux
}
