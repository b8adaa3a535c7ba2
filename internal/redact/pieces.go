package redact

import (
	"encoding/json"
	"iter"
	"strings"
	"unicode/utf8"
)

// The functions of this file take JSON texts apart without building a tree of them. The texts were found valid by
// json.Valid: nothing is checked again.

// trimSpace returns a value without the space around it.
func trimSpace(text string) string { return strings.Trim(text, " \n\t\r") }

// members yields an object's members in the order in which they are written, those of one name too: the name's text and
// the value as written.
func members(object string) iter.Seq2[string, string] {
	return func(yield func(name, value string) bool) {
		i := skipSpace(object, 1)
		for object[i] == '"' {
			end := valueEnd(object, i)
			name := unquoted(object[i:end])
			i = skipSpace(object, skipSpace(object, end)+1) // behind the colon
			end = valueEnd(object, i)
			if !yield(name, object[i:end]) {
				return
			}
			if i = skipSpace(object, end); object[i] == ',' {
				i = skipSpace(object, i+1)
			}
		}
	}
}

// elements yields an array's elements as written.
func elements(array string) iter.Seq[string] {
	return func(yield func(value string) bool) {
		i := skipSpace(array, 1)
		for array[i] != ']' {
			end := valueEnd(array, i)
			if !yield(array[i:end]) {
				return
			}
			if i = skipSpace(array, end); array[i] == ',' {
				i = skipSpace(array, i+1)
			}
		}
	}
}

// valueEnd returns where the value that begins at i ends.
func valueEnd(text string, i int) int {
	for open := 0; i < len(text); {
		switch text[i] {
		case '"':
			i = stringEnd(text, i)
		case '{', '[':
			open++
			i++
		case '}', ']':
			open--
			i++
		default: // a number, a word, or what stands between values of a list
			for i++; i < len(text) && strings.IndexByte(" \n\t\r,:\"[]{}", text[i]) < 0; i++ {
			}
		}
		if open == 0 {
			break
		}
	}
	return i
}

func stringEnd(text string, i int) int {
	for i++; text[i] != '"'; i++ {
		if text[i] == '\\' {
			i++
		}
	}
	return i + 1
}

func skipSpace(text string, i int) int {
	for text[i] == ' ' || text[i] == '\n' || text[i] == '\t' || text[i] == '\r' {
		i++
	}
	return i
}

// unquoted is the text of a string literal; if there is no escape in it, a piece of the literal.
func unquoted(literal string) string {
	if text := literal[1 : len(literal)-1]; strings.IndexByte(text, '\\') < 0 {
		return text
	}
	var text string
	_ = json.Unmarshal([]byte(literal), &text) // cannot fail: the literal is valid
	return withoutNUL(text)
}

// withoutNUL is a text as PostgreSQL can keep it. It is made so before anything is read into it: a text that is no JSON
// because of its NUL would be stored as JSON that was never looked into.
func withoutNUL(text string) string { return strings.ReplaceAll(text, "\x00", "\uFFFD") }

// appendQuoted appends text as a string literal, as encoding/json writes it without HTML escaping.
func appendQuoted(out []byte, text string) []byte {
	const hexDigits = "0123456789abcdef"
	out = append(out, '"')
	done := 0
	for i := 0; i < len(text); {
		c := text[i]
		if c >= ' ' && c != '"' && c != '\\' && c < utf8.RuneSelf {
			i++
			continue
		}
		char, size := utf8.DecodeRuneInString(text[i:])
		if c < utf8.RuneSelf || char == '\u2028' || char == '\u2029' { // the last two end a line in JavaScript
			out = append(out, text[done:i]...)
			if short := strings.IndexByte("\"\\\b\f\n\r\t", c); short >= 0 {
				out = append(out, '\\', `"\bfnrt`[short])
			} else {
				out = append(out, '\\', 'u', hexDigits[char>>12], hexDigits[char>>8&0xF], hexDigits[char>>4&0xF], hexDigits[char&0xF])
			}
			done = i + size
		}
		i += size
	}
	return append(append(out, text[done:]...), '"')
}

// validUTF8 is a text as encoding/json reads it.
func validUTF8(text string) string {
	if utf8.ValidString(text) {
		return text
	}
	return string([]rune(text)) // each byte that is wrong becomes U+FFFD
}
