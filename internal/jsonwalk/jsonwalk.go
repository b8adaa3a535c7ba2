// Package jsonwalk reads a JSON document that is known to be valid, without copying: names, strings and numbers are pieces
// of the document's own text. It checks nothing; whoever walks has called json.Valid before, or the walk may panic.
package jsonwalk

import (
	"encoding/json"
	"strconv"
	"strings"
	"unicode/utf16"
	"unicode/utf8"
)

// Walker stands somewhere in a document.
type Walker struct {
	text string
	at   int
	// torn: a string that was read escapes half of a character.
	torn bool
}

// New returns a walker at the beginning of a valid document.
func New(document []byte) Walker { return Walker{text: string(document)} }

// Peek skips white space and returns the byte that follows, which tells what kind of value begins there.
func (w *Walker) Peek() byte {
	for {
		switch next := w.text[w.at]; next {
		case ' ', '\t', '\r', '\n':
			w.at++
		default:
			return next
		}
	}
}

// Enter reads the opening bracket of an object or array.
func (w *Walker) Enter() {
	w.Peek()
	w.at++
}

// More reports whether the object or array has another member or element, and reads the comma before it or else the
// closing bracket.
func (w *Walker) More() bool {
	switch w.Peek() {
	case '}', ']':
		w.at++
		return false
	case ',':
		w.at++
	}
	return true
}

// Name reads a member's name and the colon after it.
func (w *Walker) Name() string {
	name := w.String()
	w.Peek()
	w.at++
	return name
}

// String reads a string. Escapes are rare, and left to encoding/json.
func (w *Walker) String() string {
	w.Peek()
	start, escaped := w.at, false
	for w.at++; w.text[w.at] != '"'; w.at++ {
		if w.text[w.at] == '\\' {
			escaped = true
			w.at++
		}
	}
	w.at++
	if !escaped {
		return w.text[start+1 : w.at-1]
	}
	var text string
	_ = json.Unmarshal([]byte(w.text[start:w.at]), &text) // the document is valid
	if strings.ContainsRune(text, utf8.RuneError) && tears(w.text[start+1:w.at-1]) {
		w.torn = true
	}
	return text
}

// Torn reports whether a string that was read so far escapes half of a character (a lone surrogate, RFC 8259 §8.2). It is no
// text; encoding/json reads it as U+FFFD without a word.
func (w *Walker) Torn() bool { return w.torn }

// tears reports whether a string, as it is written, escapes a surrogate without its other half.
func tears(written string) bool {
	const none, escape = utf8.RuneError, len(`\u0000`)
	half := none // of a pair whose other half must follow at once
	for i := 0; i < len(written); {
		unit := none
		width := 1
		if written[i] == '\\' {
			width = 2
			if written[i+1] == 'u' {
				width = escape
				code, _ := strconv.ParseUint(written[i+2:i+escape], 16, 16) // the document is valid
				unit = rune(code)
			}
		}
		i += width
		switch {
		case half != none:
			if utf16.DecodeRune(half, unit) == utf8.RuneError {
				return true
			}
			half = none
		case utf16.IsSurrogate(unit):
			half = unit
		}
	}
	return half != none
}

// Scalar reads a number, true, false or null, as it is written.
func (w *Walker) Scalar() string {
	w.Peek()
	start := w.at
	for w.at < len(w.text) && strings.IndexByte(" \t\r\n,]}", w.text[w.at]) < 0 {
		w.at++
	}
	return w.text[start:w.at]
}
