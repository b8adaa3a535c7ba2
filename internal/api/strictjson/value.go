// Package strictjson reads request bodies the way a payments API must: what it does not understand it refuses, and it
// says where. encoding/json forgives too much for that: it takes unknown and repeated members, matches names in any
// case, and its errors do not name the member.
//
// Its invariants: every error is a fault of kind Invalid whose Param is the full path of the member (items[2].color);
// no error repeats a value that was sent, since it may be card data; no input makes it panic.
package strictjson

import (
	"bytes"
	"encoding/json"
	"errors"
	"unicode/utf8"

	"tillway/internal/fault"
	"tillway/internal/jsonwalk"
)

type kind uint8

const (
	kindNull kind = iota
	kindBool
	kindNumber
	kindString
	kindArray
	kindObject
)

// String says what a value of this kind is, as an error does.
func (k kind) String() string {
	return [...]string{"null", "a boolean", "a number", "a string", "an array", "an object"}[k]
}

// Value is one JSON value that was read.
type Value struct {
	kind kind
	// text is the content of a string, the literal of a number, or true or false.
	text string
	// parts are the members of an object, or the elements of an array, which have no names.
	parts []part
}

type part struct {
	name  string
	value Value
}

// Parse reads a body. An empty one counts as {}. It refuses what is not one JSON object in UTF-8, repeated members, NUL
// characters (PostgreSQL cannot keep them), escapes of half a character (it would be kept as another) and nesting beyond any request of the API.
func Parse(body []byte) (Value, error) {
	if !utf8.Valid(body) {
		return Value{}, fault.New(fault.Invalid, "parameter_invalid", "The body must be UTF-8.")
	}
	if len(bytes.TrimSpace(body)) == 0 {
		return Value{kind: kindObject}, nil
	}
	if err := wellFormed(body); err != nil {
		return Value{}, err
	}
	p := parser{Walker: jsonwalk.New(body), open: make([]part, 0, fewMembers)}
	value, err := p.value(nil, 0)
	if err != nil {
		return Value{}, err
	}
	if value.kind != kindObject {
		return Value{}, fault.New(fault.Invalid, "parameter_invalid", "The body must be a JSON object, not %s.", value.kind)
	}
	return value, nil
}

// wellFormed settles the syntax before the document is walked, so that the walk need not.
func wellFormed(body []byte) error {
	if json.Valid(body) {
		return nil
	}
	var whole json.RawMessage
	err := json.Unmarshal(body, &whole)
	if syntax, ok := errors.AsType[*json.SyntaxError](err); ok { // its text quotes the body, so only the place is told
		return fault.New(fault.Invalid, "parameter_invalid", "The body is not valid JSON (at byte %d).", syntax.Offset)
	}
	return fault.New(fault.Invalid, "parameter_invalid", "The body is not valid JSON.")
}
