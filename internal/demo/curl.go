package demo

import (
	"net/http"
	"strings"
)

// continued breaks a command into lines that a shell joins again.
const continued = " \\\n  "

// createCurl is the command that repeats the creation of an order. It leaves the new order's id in $ORDER, for the
// commands that follow, and shows the answer.
func (c *client) createCurl(r request) string {
	return "ORDER=$(" + c.curl(r, "") + continued + "| tee /dev/stderr | grep -o 'ord_[0-9a-z]*' | head -n 1)"
}

// curl is the command that repeats the request. The id of the order that it is about becomes $ORDER: an order is paid
// once, so a command that named it could not be repeated.
func (c *client) curl(r request, order string) string {
	address := c.base + r.path
	if order != "" {
		address = strings.ReplaceAll(address, order, "$ORDER")
	}
	command := `curl -sS -w '\n' "` + address + `"` + continued + `-H "Authorization: Bearer ` + c.key + `"`
	if r.method == http.MethodPost {
		// Not every machine has uuidgen. A second and a random number differ each time it is run.
		command += continued + `-H "Idempotency-Key: $(date +%s)-$RANDOM"` +
			continued + `-H "Content-Type: application/json"` +
			continued + "-d " + quote(r.body)
	}
	return command
}

// quote makes one word of a text that has no single quote in it, as none of ours has.
func quote(text string) string { return "'" + text + "'" }
