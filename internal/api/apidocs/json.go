package apidocs

import (
	"strconv"
	"strings"

	"gopkg.in/yaml.v3"
)

// writeJSON renders an example as JSON, in the order of its file. Short lists and mappings stay on one line.
func writeJSON(b *strings.Builder, node *yaml.Node, indent string) {
	switch node.Kind {
	case yaml.AliasNode:
		writeJSON(b, node.Alias, indent)
	case yaml.MappingNode:
		pairs := merged(node)
		writeBlock(b, '{', '}', len(pairs), indent, func(i int, deeper string) {
			b.WriteString(strconv.Quote(pairs[i].Key) + ": ")
			writeJSON(b, pairs[i].Value, deeper)
		})
	case yaml.SequenceNode:
		writeBlock(b, '[', ']', len(node.Content), indent, func(i int, deeper string) {
			writeJSON(b, node.Content[i], deeper)
		})
	case yaml.DocumentNode, yaml.ScalarNode:
		if node.Tag == "!!str" {
			b.WriteString(strconv.Quote(node.Value))
			return
		}
		b.WriteString(node.Value)
	}
}

func writeBlock(b *strings.Builder, begin, end byte, items int, indent string, item func(i int, deeper string)) {
	b.WriteByte(begin)
	deeper := indent + "  "
	for i := range items {
		if i > 0 {
			b.WriteByte(',')
		}
		b.WriteString("\n" + deeper)
		item(i, deeper)
	}
	if items > 0 {
		b.WriteString("\n" + indent)
	}
	b.WriteByte(end)
}

// merged returns a mapping's pairs with YAML's merge keys carried out: what the mapping says itself wins, in the place
// that the merged mapping gave it.
func merged(node *yaml.Node) ordered[*yaml.Node] {
	if node.Kind == yaml.AliasNode {
		return merged(node.Alias)
	}
	var pairs ordered[*yaml.Node]
	for i := 0; i+1 < len(node.Content); i += 2 {
		if node.Content[i].Tag == "!!merge" {
			pairs = merged(node.Content[i+1])
		}
	}
	for i := 0; i+1 < len(node.Content); i += 2 {
		key, value := node.Content[i], node.Content[i+1]
		if key.Tag != "!!merge" {
			pairs = pairs.set(key.Value, value)
		}
	}
	return pairs
}

func (o ordered[T]) set(key string, value T) ordered[T] {
	for i := range o {
		if o[i].Key == key {
			o[i].Value = value
			return o
		}
	}
	return append(o, entry[T]{Key: key, Value: value})
}
