package onerway

import (
	"encoding/json"
	"fmt"
	"strings"
	"unicode/utf8"
)

// maxDepth bounds nesting. The provider's deepest message has four levels; a hostile one may not cost us a deep stack.
const maxDepth = 16

// maxExpected is for how many members room is made before they are counted; the longest message that is documented has
// fewer.
const maxExpected = 48

// parseObject splits one strict object into its members, each with its value as written: pieces of text, which is read
// once. encoding/json would accept duplicates, keep the last, and replace invalid UTF-8 silently; its tokens, which would
// let us refuse both, cost more than everything else that is done to a notification.
func parseObject(text string) (map[string]string, error) {
	if !utf8.ValidString(text) {
		return nil, fmt.Errorf("%w: not UTF-8", ErrMalformed)
	}
	members := make(map[string]string, min(strings.Count(text, ":"), maxExpected))
	twice := false
	start := skipSpace(text, 0)
	if start == len(text) || text[start] != '{' {
		return nil, fmt.Errorf("%w: not an object", ErrMalformed)
	}
	end := checkList(text, start, maxDepth, func(name, value string) {
		name = unquoted(name)
		_, known := members[name]
		twice = twice || known
		members[name] = value
	})
	switch {
	case twice:
		return nil, fmt.Errorf("%w: duplicate member", ErrMalformed)
	case end == invalid:
		return nil, fmt.Errorf("%w: not JSON, or nested deeper than %d", ErrMalformed, maxDepth)
	case skipSpace(text, end) != len(text):
		return nil, fmt.Errorf("%w: data after the object", ErrMalformed)
	}
	return members, nil
}

// unquoted is the text of a string literal that was found good.
func unquoted(literal string) string {
	if text := literal[1 : len(literal)-1]; strings.IndexByte(text, '\\') < 0 {
		return text
	}
	var text string
	_ = json.Unmarshal([]byte(literal), &text) // cannot fail: checkString is as strict
	return text
}

// invalid stands for the end of what is not JSON. The check functions return where the thing that begins at i ends.
const invalid = -1

func checkValue(text string, i, levels int) int {
	if i >= len(text) {
		return invalid
	}
	switch c := text[i]; {
	case c == '"':
		return checkString(text, i)
	case c == '{' || c == '[':
		return checkList(text, i, levels, nil)
	case c == '-' || isDigit(c):
		return checkNumber(text, i)
	}
	for _, word := range [...]string{"true", "false", "null"} {
		if strings.HasPrefix(text[i:], word) {
			return i + len(word)
		}
	}
	return invalid
}

// checkList checks an object or an array and shows each of an object's members, if somebody wants to see them: the name's
// literal and the value, both as written. What is shown may turn out to be part of something invalid.
func checkList(text string, i, levels int, show func(name, value string)) int {
	if levels == 0 {
		return invalid
	}
	object, closing := text[i] == '{', text[i]+2 // in ASCII, of either kind
	i = skipSpace(text, i+1)
	if i < len(text) && text[i] == closing {
		return i + 1
	}
	for {
		name := ""
		if object {
			if name, i = checkName(text, i); i == invalid {
				return invalid
			}
		}
		end := checkValue(text, i, levels-1)
		if end == invalid {
			return invalid
		}
		if show != nil {
			show(name, text[i:end])
		}
		i = skipSpace(text, end)
		switch {
		case i < len(text) && text[i] == closing:
			return i + 1
		case i < len(text) && text[i] == ',':
			i = skipSpace(text, i+1)
		default:
			return invalid
		}
	}
}

// checkName checks a member's name with its colon, and returns the name and where the value begins.
func checkName(text string, i int) (string, int) {
	if i >= len(text) || text[i] != '"' {
		return "", invalid
	}
	end := checkString(text, i)
	if end == invalid {
		return "", invalid
	}
	colon := skipSpace(text, end)
	if colon >= len(text) || text[colon] != ':' {
		return "", invalid
	}
	return text[i:end], skipSpace(text, colon+1)
}

func checkString(text string, i int) int {
	for i++; i < len(text); i++ {
		switch c := text[i]; {
		case c == '"':
			return i + 1
		case c < ' ':
			return invalid
		case c != '\\':
		default:
			if i = checkEscape(text, i+1); i == invalid {
				return invalid
			}
		}
	}
	return invalid
}

// checkEscape checks what stands behind a backslash and returns its last byte.
func checkEscape(text string, i int) int {
	const digits = 4
	switch {
	case i < len(text) && strings.IndexByte(`"\/bfnrt`, text[i]) >= 0:
		return i
	case i+digits < len(text) && text[i] == 'u':
		for _, c := range []byte(text[i+1 : i+1+digits]) {
			if !isDigit(c) && (c|0x20 < 'a' || c|0x20 > 'f') {
				return invalid
			}
		}
		return i + digits
	default:
		return invalid
	}
}

func checkNumber(text string, i int) int {
	if text[i] == '-' {
		i++
	}
	if i < len(text) && text[i] == '0' {
		i++
	} else if i = checkDigits(text, i); i == invalid {
		return invalid
	}
	if i < len(text) && text[i] == '.' {
		if i = checkDigits(text, i+1); i == invalid {
			return invalid
		}
	}
	if i < len(text) && text[i]|0x20 == 'e' {
		if i++; i < len(text) && (text[i] == '+' || text[i] == '-') {
			i++
		}
		return checkDigits(text, i)
	}
	return i
}

// checkDigits wants at least one.
func checkDigits(text string, i int) int {
	start := i
	for i < len(text) && isDigit(text[i]) {
		i++
	}
	if i == start {
		return invalid
	}
	return i
}

func skipSpace(text string, i int) int {
	for i < len(text) && (text[i] == ' ' || text[i] == '\n' || text[i] == '\t' || text[i] == '\r') {
		i++
	}
	return i
}

func isDigit(c byte) bool { return c >= '0' && c <= '9' }
