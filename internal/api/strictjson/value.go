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
	"strconv"
	"strings"
	"unicode/utf8"

	"tillway/internal/fault"
)

// maxDepth bounds nesting; the deepest request of the API has five levels.
const maxDepth = 20

type kind string

const (
	kindNull   kind = "null"
	kindBool   kind = "a boolean"
	kindNumber kind = "a number"
	kindString kind = "a string"
	kindArray  kind = "an array"
	kindObject kind = "an object"
)

// Value is one JSON value that was read.
type Value struct {
	kind kind
	// text is the content of a string, the literal of a number, or true or false.
	text    string
	items   []Value
	members []member
}

type member struct {
	name  string
	value Value
}

// Parse reads a body. An empty one counts as {}. It refuses what is not one JSON object in UTF-8, repeated members, NUL
// characters (PostgreSQL cannot keep them) and nesting beyond any request of the API.
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
	decoder := json.NewDecoder(bytes.NewReader(body))
	decoder.UseNumber()
	p := parser{tokens: decoder}
	value, err := p.value("", 0)
	if err != nil {
		return Value{}, err
	}
	if value.kind != kindObject {
		return Value{}, fault.New(fault.Invalid, "parameter_invalid", "The body must be a JSON object, not %s.", value.kind)
	}
	return value, nil
}

// wellFormed settles the syntax before the tokens are walked: the tokenizer alone lets some mistakes pass.
func wellFormed(body []byte) error {
	var whole json.RawMessage
	err := json.Unmarshal(body, &whole)
	if err == nil {
		return nil
	}
	if syntax, ok := errors.AsType[*json.SyntaxError](err); ok { // its text quotes the body, so only the place is told
		return fault.New(fault.Invalid, "parameter_invalid", "The body is not valid JSON (at byte %d).", syntax.Offset)
	}
	return fault.New(fault.Invalid, "parameter_invalid", "The body is not valid JSON.")
}

type parser struct{ tokens *json.Decoder }

func (p parser) value(path string, depth int) (Value, error) {
	token, err := p.next()
	if err != nil {
		return Value{}, err
	}
	switch token := token.(type) {
	case json.Delim:
		if depth >= maxDepth {
			return Value{}, fault.InvalidParam(path, "The body is nested deeper than %d levels.", maxDepth)
		}
		if token == '{' {
			return p.object(path, depth+1)
		}
		return p.array(path, depth+1)
	case string:
		if strings.ContainsRune(token, 0) {
			return Value{}, fault.InvalidParam(path, "%s must not contain NUL characters.", subject(path))
		}
		return Value{kind: kindString, text: token}, nil
	case json.Number:
		return Value{kind: kindNumber, text: token.String()}, nil
	case bool:
		return Value{kind: kindBool, text: strconv.FormatBool(token)}, nil
	default:
		return Value{kind: kindNull}, nil
	}
}

func (p parser) object(path string, depth int) (Value, error) {
	object := Value{kind: kindObject}
	seen := map[string]bool{}
	for p.tokens.More() {
		token, err := p.next()
		if err != nil {
			return Value{}, err
		}
		name, _ := token.(string)
		at := join(path, name)
		switch {
		case strings.ContainsRune(name, 0):
			return Value{}, fault.InvalidParam(at, "The names of fields must not contain NUL characters.")
		case seen[name]:
			return Value{}, fault.InvalidParam(at, "%s is given more than once.", at)
		}
		seen[name] = true
		value, err := p.value(at, depth)
		if err != nil {
			return Value{}, err
		}
		object.members = append(object.members, member{name: name, value: value})
	}
	_, err := p.next()
	return object, err
}

func (p parser) array(path string, depth int) (Value, error) {
	array := Value{kind: kindArray}
	for p.tokens.More() {
		value, err := p.value(index(path, len(array.items)), depth)
		if err != nil {
			return Value{}, err
		}
		array.items = append(array.items, value)
	}
	_, err := p.next()
	return array, err
}

func (p parser) next() (json.Token, error) {
	token, err := p.tokens.Token()
	if err != nil { // the syntax was checked, so this does not happen
		return nil, fault.New(fault.Invalid, "parameter_invalid", "The body is not valid JSON.")
	}
	return token, nil
}

func join(path, name string) string {
	if path == "" {
		return showable(name)
	}
	return path + "." + showable(name)
}

func index(path string, i int) string { return path + "[" + strconv.Itoa(i) + "]" }

// showable is a member's name as it may be repeated to the caller and in logs. Somebody will send a card number as a
// name one day.
func showable(name string) string {
	const longest, digitsAllowed = 64, 11
	digits := 0
	for _, r := range name {
		if r < ' ' || r == utf8.RuneError || r == 0x7f {
			return "(unprintable)"
		}
		if r >= '0' && r <= '9' {
			digits++
		}
	}
	if digits > digitsAllowed {
		return "(digits)"
	}
	if utf8.RuneCountInString(name) > longest {
		return string([]rune(name)[:longest-1]) + "…"
	}
	return name
}

func subject(path string) string {
	if path == "" {
		return "The body"
	}
	return path
}
