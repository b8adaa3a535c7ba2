package api

import (
	"context"
	"net/http"
	"strings"
)

// rootResource is where a program starts: links to everything that its key may do.
type rootResource struct {
	Object   string `json:"object"`
	Version  string `json:"version"`
	Livemode bool   `json:"livemode"`
	// Role is what the key may do.
	Role  string `json:"role"`
	Links links  `json:"_links"`
}

func (s *server) getRoot(_ context.Context, in *call[none]) (*answer, error) {
	l := links{"self": {Href: "/v1"}, "describedby": {Href: "/openapi.yaml"}, "help": {Href: "/docs"}}
	for _, r := range s.table {
		if r.rel == "" || !r.allows(in.Caller) {
			continue
		}
		to := link{Href: r.pattern, Templated: strings.Contains(r.pattern, "{")}
		if r.method != http.MethodGet {
			to.Method = r.method
		}
		l[r.rel] = to
	}
	return &answer{Body: rootResource{
		Object: "root", Version: "v1", Livemode: s.Livemode, Role: string(in.Caller.key.Role), Links: l,
	}}, nil
}
