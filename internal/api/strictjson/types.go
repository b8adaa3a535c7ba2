package strictjson

import (
	"reflect"
	"strings"

	"tillway/internal/fault"
)

// Digits is an integer that may also be written as a string of digits, as browsers and card forms do.
type Digits int

// DecodeStrict reads a number or a string of digits.
func (d *Digits) DecodeStrict(v Value, path string) error {
	text := v.text
	switch v.kind {
	case kindNull:
		return nil
	case kindNumber:
	case kindString:
		if digits := strings.TrimPrefix(text, "-"); digits == "" || strings.Trim(digits, "0123456789") != "" {
			return v.wrongDigits(path)
		}
	case kindBool, kindArray, kindObject:
		return v.wrongDigits(path)
	}
	n, err := parseInteger(text, placeAt(path))
	if err != nil {
		return err
	}
	*d = Digits(n)
	return nil
}

// Int returns the number, nil for nil.
func (d *Digits) Int() *int {
	if d == nil {
		return nil
	}
	n := int(*d)
	return &n
}

func (v Value) wrongDigits(path string) error {
	return fault.InvalidParam(path, "%s must be an integer or a string of digits.", subject(path))
}

// Nullable tells a member that was null from one that was absent: in an update, null clears.
type Nullable[T any] struct {
	// Set: the member was there. Null: and it was null.
	Set, Null bool
	Value     T
}

// DecodeStrict reads null or a T.
func (n *Nullable[T]) DecodeStrict(v Value, path string) error {
	n.Set = true
	if v.kind == kindNull {
		n.Null = true
		return nil
	}
	return v.into(reflect.ValueOf(&n.Value).Elem(), placeAt(path))
}
