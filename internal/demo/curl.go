package demo

import (
	"net/http"
	"strings"
)

// continued breaks a command into lines that a shell joins again.
const continued = " \\\n  "

// createCurl is the command that repeats the creation of an order and leaves its id in $ORDER.
func (c *client) createCurl(r request) string {
	return keep("ORDER", "ord_[0-9a-z]*", c.curl(r, ""))
}

// challengeCurl is the command that repeats a payment that wants 3DS and leaves the address of its page in $PAGE.
func (c *client) challengeCurl(r request, order string) string {
	return keep("PAGE", `http[^"]*/3dsSecure/[^"]*`, c.curl(r, order))
}

// keep shows what a command answers, and leaves the first match in a variable for the commands that follow. Not every
// machine has jq.
func keep(variable, pattern, command string) string {
	return variable + "=$(" + command + continued + "| tee /dev/stderr | grep -o '" + pattern + "' | head -n 1)"
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
