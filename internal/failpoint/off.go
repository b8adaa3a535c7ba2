//go:build !failpoint

package failpoint

import "net/http"

// Hit does nothing in a program that is built without the tag failpoint.
func Hit(Name) {}

// Transport returns next: a program that is built without the tag failpoint watches nothing.
func Transport(next http.RoundTripper) http.RoundTripper { return next }
