package strictjson

import (
	"encoding"
	"reflect"
	"slices"
	"strconv"
	"strings"
	"sync"

	"tillway/internal/fault"
)

// Decoder is implemented by types that read themselves. They are offered null as well.
type Decoder interface {
	DecodeStrict(v Value, path string) error
}

// Decode fills the struct that dst points to. Members are matched by `json` tags, exactly; a member without a field is
// refused (unknown_field), a field tagged `strict:"required"` without a member too (parameter_missing). A null counts as
// absent, except as an element of an array.
//
// Fields may be structs, slices, string-keyed maps, pointers, strings, booleans, int and int64, types that read
// themselves from text (identifiers) and Decoders. Anything else is a programming mistake and is refused as unreadable,
// which the first test of an endpoint finds.
func (v Value) Decode(dst any) error {
	target := reflect.ValueOf(dst)
	if target.Kind() != reflect.Pointer || target.IsNil() {
		return fault.New(fault.Internal, "internal_error", "strictjson: cannot decode into %T", dst)
	}
	return v.into(target.Elem(), nil)
}

func (v Value) into(dst reflect.Value, at *place) error {
	if decoder, ok := asInterface[Decoder](dst); ok {
		return decoder.DecodeStrict(v, at.String())
	}
	if v.kind == kindNull {
		return nil
	}
	if dst.Kind() == reflect.Pointer {
		dst.Set(reflect.New(dst.Type().Elem()))
		return v.into(dst.Elem(), at)
	}
	if text, ok := asInterface[encoding.TextUnmarshaler](dst); ok {
		return v.intoText(text, at)
	}
	switch k := dst.Kind(); {
	case k == reflect.Struct:
		return v.intoStruct(dst, at)
	case k == reflect.Slice:
		return v.intoSlice(dst, at)
	case k == reflect.Map:
		return v.intoMap(dst, at)
	case k == reflect.String:
		if v.kind != kindString {
			return v.mismatch(at, kindString)
		}
		dst.SetString(v.text)
		return nil
	case k == reflect.Bool:
		if v.kind != kindBool {
			return v.mismatch(at, kindBool)
		}
		dst.SetBool(v.text == "true")
		return nil
	case dst.CanInt():
		n, err := v.integer(at)
		if err != nil {
			return err
		}
		dst.SetInt(n)
		return nil
	}
	return fault.New(fault.Internal, "internal_error", "strictjson: cannot decode %s into %s", at.String(), dst.Type())
}

func (v Value) intoText(dst encoding.TextUnmarshaler, at *place) error {
	if v.kind != kindString {
		return v.mismatch(at, kindString)
	}
	if v.text == "" || dst.UnmarshalText([]byte(v.text)) != nil {
		return fault.InvalidParam(at.String(), "%s is not a valid identifier of its kind.", at.subject())
	}
	return nil
}

func (v Value) intoStruct(dst reflect.Value, at *place) error {
	if v.kind != kindObject {
		return v.mismatch(at, kindObject)
	}
	fields := fieldsOf(dst.Type())
	member := place{within: at}
	for i := range v.parts {
		m := &v.parts[i]
		member.name = m.name
		position := slices.IndexFunc(fields, func(f field) bool { return f.name == m.name })
		if position < 0 {
			path := member.String()
			return fault.New(fault.Invalid, "unknown_field", "%s is not a field of this request.", path).WithParam(path)
		}
		if err := m.value.into(dst.Field(fields[position].index), &member); err != nil {
			return err
		}
	}
	for _, f := range fields { // in their order, so that the answer is always the same
		if f.required && !v.has(f.name) {
			member.name = f.name
			return fault.MissingParam(member.String())
		}
	}
	return nil
}

func (v Value) intoSlice(dst reflect.Value, at *place) error {
	if v.kind != kindArray {
		return v.mismatch(at, kindArray)
	}
	dst.Set(reflect.MakeSlice(dst.Type(), len(v.parts), len(v.parts)))
	element := place{within: at, element: true}
	for i := range v.parts {
		item := &v.parts[i].value
		element.index = i
		if item.kind == kindNull {
			return element.null()
		}
		if err := item.into(dst.Index(i), &element); err != nil {
			return err
		}
	}
	return nil
}

func (v Value) intoMap(dst reflect.Value, at *place) error {
	if v.kind != kindObject {
		return v.mismatch(at, kindObject)
	}
	elem := dst.Type().Elem()
	dst.Set(reflect.MakeMapWithSize(dst.Type(), len(v.parts)))
	member := place{within: at}
	for i := range v.parts {
		m := &v.parts[i]
		member.name = m.name
		if m.value.kind == kindNull && elem.Kind() != reflect.Pointer {
			return member.null()
		}
		slot := reflect.New(elem).Elem()
		if err := m.value.into(slot, &member); err != nil {
			return err
		}
		dst.SetMapIndex(reflect.ValueOf(m.name).Convert(dst.Type().Key()), slot)
	}
	return nil
}

// integer reads a whole number. 1.0 and 1e2 are refused: where money is meant, what was written is what was meant.
func (v Value) integer(at *place) (int64, error) {
	if v.kind != kindNumber {
		return 0, fault.InvalidParam(at.String(), "%s must be an integer, not %s.", at.subject(), v.kind)
	}
	return parseInteger(v.text, at)
}

func parseInteger(text string, at *place) (int64, error) {
	if strings.ContainsAny(text, ".eE") {
		return 0, fault.InvalidParam(at.String(),
			"%s must be an integer, written without a fraction or an exponent.", at.subject())
	}
	n, err := strconv.ParseInt(text, 10, 64)
	if err != nil {
		return 0, fault.InvalidParam(at.String(), "%s is out of range.", at.subject())
	}
	return n, nil
}

func (v Value) mismatch(at *place, wanted kind) error {
	return fault.InvalidParam(at.String(), "%s must be %s, not %s.", at.subject(), wanted, v.kind)
}

func (v Value) has(name string) bool {
	return slices.ContainsFunc(v.parts, func(m part) bool { return m.name == name && m.value.kind != kindNull })
}

// field is a member that a struct may have.
type field struct {
	name     string
	index    int
	required bool
}

// known remembers the fields of the structs that were read, which are the few types of request bodies.
var known sync.Map //nolint:gochecknoglobals // of reflect.Type to []field: follows from the types, so it never differs

func fieldsOf(t reflect.Type) []field {
	if found, ok := known.Load(t); ok {
		fields, _ := found.([]field)
		return fields
	}
	fields := make([]field, 0, t.NumField())
	for i := range t.NumField() {
		f := t.Field(i)
		if name := nameOf(f); name != "" {
			fields = append(fields, field{name: name, index: i, required: f.Tag.Get("strict") == "required"})
		}
	}
	known.Store(t, fields)
	return fields
}

// nameOf returns the member's name, "" for a field that requests cannot set.
func nameOf(f reflect.StructField) string {
	name, _, _ := strings.Cut(f.Tag.Get("json"), ",")
	if name == "-" || !f.IsExported() {
		return ""
	}
	return name
}

func asInterface[T any](dst reflect.Value) (T, bool) {
	var none T
	if !dst.CanAddr() {
		return none, false
	}
	return reflect.TypeAssert[T](dst.Addr())
}
