package apidocs

import (
	"html/template"
	"strconv"
	"strings"

	"gopkg.in/yaml.v3"
)

// field is one row of a table of fields or parameters.
type field struct {
	Name     string
	Place    string // of a parameter: path, query, header
	Type     kind
	Required bool
	About    template.HTML
	Values   []string // the values of an enumeration that the type's own section does not list
	Limits   string
}

// kind is a type as people say it: "list of", a name that may lead to a section, "or null".
type kind struct{ Before, Name, Link, After string }

// fieldsOf lists a schema's properties; those of an object inside follow it, with their path.
func (d *document) fieldsOf(s schema, prefix string) []field {
	s = resolve(d.Components.Schemas, s.Ref, s)
	var fields []field
	for _, property := range s.Properties {
		one := d.fieldOf(prefix+property.Key, property.Value)
		for _, required := range s.Required {
			one.Required = one.Required || required == property.Key
		}
		fields = append(fields, one)
		if property.Value.Ref == "" {
			fields = append(fields, d.fieldsOf(property.Value, prefix+property.Key+".")...)
		}
	}
	return fields
}

func (d *document) fieldOf(name string, s schema) field {
	target := resolve(d.Components.Schemas, s.Ref, s)
	about := s.Description
	if about == "" && len(target.Properties) == 0 && len(target.Enum) == 0 {
		about = target.Description // of small schemas without a section of their own
	}
	one := field{Name: name, Type: d.kindOf(s), About: markdown(about), Limits: limits(target)}
	if s.Ref == "" && len(s.Enum) > 1 {
		one.Values = s.Enum
	}
	return one
}

// errorCodeSchema has no section of its own: its values are the table of errors.
const errorCodeSchema = "ErrorCode"

// hasSection tells whether a schema is worth a section: objects and enumerations are, a pattern for a string is not.
func hasSection(s schema) bool { return len(s.Properties) > 0 || len(s.Enum) > 0 || isMap(s) }

func isMap(s schema) bool { return s.AdditionalProperties.Kind == yaml.MappingNode }

func (d *document) kindOf(s schema) kind {
	switch {
	case s.Ref != "":
		return d.named(s.Ref)
	case len(s.AllOf) > 0:
		return d.kindOf(s.AllOf[0])
	case len(s.OneOf) > 0:
		names := make([]string, 0, len(s.OneOf))
		for _, one := range s.OneOf {
			k := d.kindOf(one)
			names = append(names, k.Before+k.Name+k.After)
		}
		return kind{Name: strings.Join(names, " or ")}
	case s.Items != nil:
		k := d.kindOf(*s.Items)
		k.Before = "list of " + k.Before
		return k
	case s.Type == "string" && len(s.Enum) == 1:
		return kind{Name: strconv.Quote(s.Enum[0])}
	}
	k := kind{Name: s.Type}
	if s.Type == "" {
		k.Name = "anything"
	}
	if s.Nullable {
		k.After = " or null"
	}
	return k
}

func (d *document) named(ref string) kind {
	s, _ := d.Components.Schemas.get(target(ref))
	k := kind{Name: s.Type}
	switch {
	case target(ref) == errorCodeSchema:
		k = kind{Name: errorCodeSchema, Link: "#errors"}
	case hasSection(s):
		k = kind{Name: target(ref), Link: "#schema-" + target(ref)}
	}
	if s.Nullable {
		k.After = " or null"
	}
	return k
}

// limits says a schema's bounds in words.
func limits(s schema) string {
	var parts []string
	number := func(n *int64) string { return strconv.FormatInt(*n, 10) }
	switch {
	case s.Minimum != nil && s.Maximum != nil:
		parts = append(parts, number(s.Minimum)+" to "+number(s.Maximum))
	case s.Minimum != nil && *s.Minimum != 0:
		parts = append(parts, "at least "+number(s.Minimum))
	case s.Maximum != nil:
		parts = append(parts, "at most "+number(s.Maximum))
	}
	if s.MaxLength != nil {
		parts = append(parts, "at most "+number(s.MaxLength)+" characters")
	}
	if s.Default.Value != "" {
		parts = append(parts, "default "+s.Default.Value)
	}
	return strings.Join(parts, "; ")
}
