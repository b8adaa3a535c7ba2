package redistest

import (
	"net/url"
	"strconv"

	"github.com/redis/go-redis/v9"
)

// urlOf is the connection string of a logical database of the server that the
// options name.
func urlOf(opts redis.Options, db int) string {
	u := url.URL{Scheme: "redis", Host: opts.Addr, Path: "/" + strconv.Itoa(db)}
	if opts.TLSConfig != nil {
		u.Scheme = "rediss"
	}
	if opts.Network == "unix" {
		u = url.URL{Scheme: "unix", Path: opts.Addr, RawQuery: "db=" + strconv.Itoa(db)}
	}
	if opts.Username != "" || opts.Password != "" {
		u.User = url.UserPassword(opts.Username, opts.Password)
	}
	return u.String()
}
