package strictjson

import (
	"encoding"
	"reflect"
	"strconv"
	"strings"

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
	return v.into(target.Elem(), "")
}

func (v Value) into(dst reflect.Value, path string) error {
	if decoder, ok := asInterface[Decoder](dst); ok {
		return decoder.DecodeStrict(v, path)
	}
	if v.kind == kindNull {
		return nil
	}
	if dst.Kind() == reflect.Pointer {
		dst.Set(reflect.New(dst.Type().Elem()))
		return v.into(dst.Elem(), path)
	}
	if text, ok := asInterface[encoding.TextUnmarshaler](dst); ok {
		return v.intoText(text, path)
	}
	switch k := dst.Kind(); {
	case k == reflect.Struct:
		return v.intoStruct(dst, path)
	case k == reflect.Slice:
		return v.intoSlice(dst, path)
	case k == reflect.Map:
		return v.intoMap(dst, path)
	case k == reflect.String:
		if v.kind != kindString {
			return v.mismatch(path, kindString)
		}
		dst.SetString(v.text)
		return nil
	case k == reflect.Bool:
		if v.kind != kindBool {
			return v.mismatch(path, kindBool)
		}
		dst.SetBool(v.text == "true")
		return nil
	case dst.CanInt():
		n, err := v.integer(path)
		if err != nil {
			return err
		}
		dst.SetInt(n)
		return nil
	}
	return fault.New(fault.Internal, "internal_error", "strictjson: cannot decode %s into %s", path, dst.Type())
}

func (v Value) intoText(dst encoding.TextUnmarshaler, path string) error {
	if v.kind != kindString {
		return v.mismatch(path, kindString)
	}
	if v.text == "" || dst.UnmarshalText([]byte(v.text)) != nil {
		return fault.InvalidParam(path, "%s is not a valid identifier of its kind.", subject(path))
	}
	return nil
}

func (v Value) intoStruct(dst reflect.Value, path string) error {
	if v.kind != kindObject {
		return v.mismatch(path, kindObject)
	}
	fields := fieldsOf(dst.Type())
	for _, m := range v.members {
		at := join(path, m.name)
		field, known := fields[m.name]
		if !known {
			return fault.New(fault.Invalid, "unknown_field", "%s is not a field of this request.", at).WithParam(at)
		}
		if err := m.value.into(dst.Field(field.index), at); err != nil {
			return err
		}
	}
	for i := range dst.NumField() { // in the order of the fields, so that the answer is always the same
		name := nameOf(dst.Type().Field(i))
		if field, known := fields[name]; known && field.required && !v.has(name) {
			return fault.MissingParam(join(path, name))
		}
	}
	return nil
}

func (v Value) intoSlice(dst reflect.Value, path string) error {
	if v.kind != kindArray {
		return v.mismatch(path, kindArray)
	}
	dst.Set(reflect.MakeSlice(dst.Type(), len(v.items), len(v.items)))
	for i, item := range v.items {
		at := index(path, i)
		if item.kind == kindNull {
			return fault.InvalidParam(at, "%s must not be null.", at)
		}
		if err := item.into(dst.Index(i), at); err != nil {
			return err
		}
	}
	return nil
}

func (v Value) intoMap(dst reflect.Value, path string) error {
	if v.kind != kindObject {
		return v.mismatch(path, kindObject)
	}
	elem := dst.Type().Elem()
	dst.Set(reflect.MakeMapWithSize(dst.Type(), len(v.members)))
	for _, m := range v.members {
		at := join(path, m.name)
		if m.value.kind == kindNull && elem.Kind() != reflect.Pointer {
			return fault.InvalidParam(at, "%s must not be null.", at)
		}
		slot := reflect.New(elem).Elem()
		if err := m.value.into(slot, at); err != nil {
			return err
		}
		dst.SetMapIndex(reflect.ValueOf(m.name).Convert(dst.Type().Key()), slot)
	}
	return nil
}

// integer reads a whole number. 1.0 and 1e2 are refused: where money is meant, what was written is what was meant.
func (v Value) integer(path string) (int64, error) {
	if v.kind != kindNumber {
		return 0, fault.InvalidParam(path, "%s must be an integer, not %s.", subject(path), v.kind)
	}
	return parseInteger(v.text, path)
}

func parseInteger(text, path string) (int64, error) {
	if strings.ContainsAny(text, ".eE") {
		return 0, fault.InvalidParam(path, "%s must be an integer, written without a fraction or an exponent.", subject(path))
	}
	n, err := strconv.ParseInt(text, 10, 64)
	if err != nil {
		return 0, fault.InvalidParam(path, "%s is out of range.", subject(path))
	}
	return n, nil
}

func (v Value) mismatch(path string, wanted kind) error {
	return fault.InvalidParam(path, "%s must be %s, not %s.", subject(path), wanted, v.kind)
}

func (v Value) has(name string) bool {
	for _, m := range v.members {
		if m.name == name {
			return m.value.kind != kindNull
		}
	}
	return false
}

type field struct {
	index    int
	required bool
}

func fieldsOf(t reflect.Type) map[string]field {
	fields := make(map[string]field, t.NumField())
	for i := range t.NumField() {
		f := t.Field(i)
		if name := nameOf(f); name != "" {
			fields[name] = field{index: i, required: f.Tag.Get("strict") == "required"}
		}
	}
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
