package sandbox

import (
	"bytes"
	"encoding/json"
	"fmt"
	"strconv"
)

// field and object are a JSON object that keeps the order of its members: the provider's examples have one, and
// clients that compare bodies with them should not stumble over ours.
type field struct {
	name  string
	value any // string, bool, int, object, []object or nil
}

type object []field

// signed sets the object's sign member, which must be there.
func (o object) signed(unsigned []string, secret string) object {
	return o.with("sign", o.digest(unsigned, secret))
}

// with sets the member of that name, if the object has it.
func (o object) with(name string, value any) object {
	for i := range o {
		if o[i].name == name {
			o[i].value = value
		}
	}
	return o
}

// text is a member that is null when empty.
func text(s string) any {
	if s == "" {
		return nil
	}
	return s
}

// json writes the members in their order, text unescaped as the provider does; a nil object is null. Every answer and
// every notification goes through here, so it spares what reflection would cost.
func (o object) json() ([]byte, error) {
	return o.appendTo(make([]byte, 0, 1024))
}

func (o object) appendTo(out []byte) ([]byte, error) {
	if o == nil {
		return append(out, "null"...), nil
	}
	var err error
	out = append(out, '{')
	for i, f := range o {
		if i > 0 {
			out = append(out, ',')
		}
		if out, err = appendText(out, f.name); err != nil {
			return nil, err
		}
		out = append(out, ':')
		if out, err = appendValue(out, f.value); err != nil {
			return nil, fmt.Errorf("member %s: %w", f.name, err)
		}
	}
	return append(out, '}'), nil
}

func appendValue(out []byte, value any) ([]byte, error) {
	switch v := value.(type) {
	case nil:
		return append(out, "null"...), nil
	case string:
		return appendText(out, v)
	case bool:
		return strconv.AppendBool(out, v), nil
	case int:
		return strconv.AppendInt(out, int64(v), 10), nil
	case object:
		return v.appendTo(out)
	case []object:
		return appendList(out, v)
	default:
		return nil, fmt.Errorf("encode %T: not a type of the wire", value)
	}
}

func appendList(out []byte, list []object) ([]byte, error) {
	var err error
	out = append(out, '[')
	for i, o := range list {
		if i > 0 {
			out = append(out, ',')
		}
		if out, err = o.appendTo(out); err != nil {
			return nil, err
		}
	}
	return append(out, ']'), nil
}

// appendText quotes plain ASCII as it stands and leaves everything else to encoding/json.
func appendText(out []byte, s string) ([]byte, error) {
	for i := range len(s) {
		if c := s[i]; c < ' ' || c > '~' || c == '"' || c == '\\' {
			quoted, err := encode(s)
			return append(out, quoted...), err
		}
	}
	return append(append(append(out, '"'), s...), '"'), nil
}

// encode is json.Marshal without the escaping of <, > and &.
func encode(value any) ([]byte, error) {
	var out bytes.Buffer
	enc := json.NewEncoder(&out)
	enc.SetEscapeHTML(false)
	if err := enc.Encode(value); err != nil {
		return nil, fmt.Errorf("encode %T: %w", value, err)
	}
	return bytes.TrimRight(out.Bytes(), "\n"), nil
}
