package strictjson

import (
	"slices"
	"strings"

	"tillway/internal/fault"
	"tillway/internal/jsonwalk"
)

const (
	// maxDepth bounds nesting; the deepest request of the API has five levels.
	maxDepth = 20
	// fewMembers is how many are compared one by one to find a repeated name. More are looked up, or a megabyte of them
	// would take minutes.
	fewMembers = 16
)

// parser walks a document whose syntax was checked.
type parser struct {
	jsonwalk.Walker

	// open are the parts of the objects and arrays that are not closed yet.
	open []part
}

func (p *parser) value(at *place, depth int) (Value, error) {
	switch first := p.Peek(); first {
	case '{', '[':
		if depth >= maxDepth {
			return Value{}, fault.InvalidParam(at.String(), "The body is nested deeper than %d levels.", maxDepth)
		}
		if first == '{' {
			return p.object(at, depth+1)
		}
		return p.array(at, depth+1)
	case '"':
		text := p.String()
		if strings.IndexByte(text, 0) >= 0 {
			return Value{}, fault.InvalidParam(at.String(), "%s must not contain NUL characters.", at.subject())
		}
		if p.Torn() {
			return Value{}, fault.InvalidParam(at.String(), "%s must not escape half of a surrogate pair.", at.subject())
		}
		return Value{kind: kindString, text: text}, nil
	case 'n':
		p.Scalar()
		return Value{kind: kindNull}, nil
	case 't', 'f':
		return Value{kind: kindBool, text: p.Scalar()}, nil
	default:
		return Value{kind: kindNumber, text: p.Scalar()}, nil
	}
}

func (p *parser) object(at *place, depth int) (Value, error) {
	first := len(p.open)
	var seen map[string]bool    // once there are many
	member := place{within: at} // one for all members
	for p.Enter(); p.More(); {
		name := p.Name()
		member.name = name
		if strings.IndexByte(name, 0) >= 0 {
			return Value{}, fault.InvalidParam(member.String(), "The names of fields must not contain NUL characters.")
		}
		if p.Torn() {
			return Value{}, fault.InvalidParam(member.String(), "The names of fields must not escape half of a surrogate pair.")
		}
		if seen == nil && len(p.open)-first >= fewMembers {
			seen = namesOf(p.open[first:])
		}
		if repeated(name, p.open[first:], seen) {
			return Value{}, fault.InvalidParam(member.String(), "%s is given more than once.", member.String())
		}
		if seen != nil {
			seen[name] = true
		}
		value, err := p.value(&member, depth)
		if err != nil {
			return Value{}, err
		}
		p.open = append(p.open, part{name: name, value: value})
	}
	return p.closed(kindObject, first), nil
}

func (p *parser) array(at *place, depth int) (Value, error) {
	first := len(p.open)
	element := place{within: at, element: true}
	for p.Enter(); p.More(); {
		element.index = len(p.open) - first
		value, err := p.value(&element, depth)
		if err != nil {
			return Value{}, err
		}
		p.open = append(p.open, part{value: value})
	}
	return p.closed(kindArray, first), nil
}

// closed makes a value of the parts that were opened since first.
func (p *parser) closed(k kind, first int) Value {
	value := Value{kind: k, parts: slices.Clone(p.open[first:])}
	p.open = p.open[:first]
	return value
}

func namesOf(parts []part) map[string]bool {
	names := make(map[string]bool, len(parts))
	for _, member := range parts {
		names[member.name] = true
	}
	return names
}

func repeated(name string, among []part, seen map[string]bool) bool {
	if seen != nil {
		return seen[name]
	}
	return slices.ContainsFunc(among, func(member part) bool { return member.name == name })
}
