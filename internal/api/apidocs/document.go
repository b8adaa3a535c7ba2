package apidocs

import (
	"fmt"
	"strings"

	"gopkg.in/yaml.v3"
)

// ordered is a mapping that keeps the order of its file: a document is read in the order in which it was written.
type ordered[T any] []entry[T]

type entry[T any] struct {
	Key   string
	Value T
}

// UnmarshalYAML reads a mapping without merge keys.
func (o *ordered[T]) UnmarshalYAML(node *yaml.Node) error {
	if node.Kind != yaml.MappingNode {
		return fmt.Errorf("line %d: not a mapping", node.Line)
	}
	for i := 0; i+1 < len(node.Content); i += 2 {
		one := entry[T]{Key: node.Content[i].Value}
		if err := node.Content[i+1].Decode(&one.Value); err != nil {
			return fmt.Errorf("%s: %w", one.Key, err)
		}
		*o = append(*o, one)
	}
	return nil
}

func (o ordered[T]) get(key string) (T, bool) {
	for _, one := range o {
		if one.Key == key {
			return one.Value, true
		}
	}
	var none T
	return none, false
}

// The parts of OpenAPI 3.0 that the document uses.
type (
	document struct {
		Info struct {
			Title       string `yaml:"title"`
			Version     string `yaml:"version"`
			Description string `yaml:"description"`
		} `yaml:"info"`
		Tags []struct {
			Name        string `yaml:"name"`
			Description string `yaml:"description"`
		} `yaml:"tags"`
		Security   []map[string][]string `yaml:"security"`
		Paths      ordered[pathItem]     `yaml:"paths"`
		Components struct {
			Headers    ordered[header]    `yaml:"headers"`
			Parameters ordered[parameter] `yaml:"parameters"`
			Responses  ordered[response]  `yaml:"responses"`
			Schemas    ordered[schema]    `yaml:"schemas"`
			Examples   ordered[example]   `yaml:"examples"`
		} `yaml:"components"`
		ErrorCodes ordered[errorCode] `yaml:"x-error-codes"`
	}
	pathItem struct {
		Parameters []parameter        `yaml:"parameters"`
		Operations ordered[operation] `yaml:"-"` // by method
	}
	operation struct {
		OperationID string                 `yaml:"operationId"`
		Tags        []string               `yaml:"tags"`
		Summary     string                 `yaml:"summary"`
		Description string                 `yaml:"description"`
		Security    *[]map[string][]string `yaml:"security"`
		Parameters  []parameter            `yaml:"parameters"`
		RequestBody *requestBody           `yaml:"requestBody"`
		Responses   ordered[response]      `yaml:"responses"`
	}
	parameter struct {
		Ref         string `yaml:"$ref"`
		Name        string `yaml:"name"`
		In          string `yaml:"in"`
		Required    bool   `yaml:"required"`
		Description string `yaml:"description"`
		Schema      schema `yaml:"schema"`
	}
	header struct {
		Ref         string `yaml:"$ref"`
		Description string `yaml:"description"`
		Schema      schema `yaml:"schema"`
	}
	requestBody struct {
		Required    bool               `yaml:"required"`
		Description string             `yaml:"description"`
		Content     ordered[mediaType] `yaml:"content"`
	}
	response struct {
		Ref         string             `yaml:"$ref"`
		Description string             `yaml:"description"`
		Headers     ordered[header]    `yaml:"headers"`
		Content     ordered[mediaType] `yaml:"content"`
		ErrorCodes  []string           `yaml:"x-error-codes"`
	}
	mediaType struct {
		Schema   schema           `yaml:"schema"`
		Example  yaml.Node        `yaml:"example"`
		Examples ordered[example] `yaml:"examples"`
	}
	example struct {
		Ref     string    `yaml:"$ref"`
		Summary string    `yaml:"summary"`
		Value   yaml.Node `yaml:"value"`
	}
	schema struct {
		Ref                  string          `yaml:"$ref"`
		Type                 string          `yaml:"type"`
		Description          string          `yaml:"description"`
		Nullable             bool            `yaml:"nullable"`
		Enum                 []string        `yaml:"enum"`
		Default              yaml.Node       `yaml:"default"`
		Minimum              *int64          `yaml:"minimum"`
		Maximum              *int64          `yaml:"maximum"`
		MaxLength            *int64          `yaml:"maxLength"`
		MaxProperties        *int64          `yaml:"maxProperties"`
		Required             []string        `yaml:"required"`
		Properties           ordered[schema] `yaml:"properties"`
		AdditionalProperties yaml.Node       `yaml:"additionalProperties"`
		Items                *schema         `yaml:"items"`
		OneOf                []schema        `yaml:"oneOf"`
		AllOf                []schema        `yaml:"allOf"`
	}
	errorCode struct {
		Status  int    `yaml:"status"`
		Type    string `yaml:"type"`
		Meaning string `yaml:"meaning"`
		Action  string `yaml:"action"`
	}
)

// UnmarshalYAML tells a path's operations from its common parameters.
func (p *pathItem) UnmarshalYAML(node *yaml.Node) error {
	var members ordered[yaml.Node]
	if err := node.Decode(&members); err != nil {
		return fmt.Errorf("read a path: %w", err)
	}
	for _, member := range members {
		if member.Key == "parameters" {
			if err := member.Value.Decode(&p.Parameters); err != nil {
				return fmt.Errorf("read a path's parameters: %w", err)
			}
			continue
		}
		one := entry[operation]{Key: strings.ToUpper(member.Key)}
		if err := member.Value.Decode(&one.Value); err != nil {
			return fmt.Errorf("read the operation %s: %w", member.Key, err)
		}
		p.Operations = append(p.Operations, one)
	}
	return nil
}

func parse(source []byte) (*document, error) {
	doc := &document{}
	if err := yaml.Unmarshal(source, doc); err != nil {
		return nil, fmt.Errorf("read the OpenAPI document: %w", err)
	}
	return doc, nil
}

// target is the last part of a reference: "Order" of "#/components/schemas/Order".
func target(ref string) string { return ref[strings.LastIndexByte(ref, '/')+1:] }

// resolve follows a reference into the components; what is not there stays as it is, without content.
func resolve[T any](components ordered[T], ref string, inline T) T {
	if ref == "" {
		return inline
	}
	if found, ok := components.get(target(ref)); ok {
		return found
	}
	return inline
}
