package apidocs

import (
	"html/template"
	"net/http"
	"slices"
	"strconv"
	"strings"

	"gopkg.in/yaml.v3"
)

// page is what the template shows.
type page struct {
	Title, Version string
	Style          template.CSS
	About          template.HTML
	Guide          template.HTML
	Guides         []anchor
	Groups         []group
	Schemas        []schemaView
	Errors         []errorView
}

type anchor struct{ ID, Title string }

type group struct {
	ID, Title  string
	About      template.HTML
	Operations []operationView
}

type operationView struct {
	ID, Method, Path, Summary string
	About                     template.HTML
	Access                    string
	Parameters                []field
	Body                      *bodyView
	Answers                   []answerView
}

type bodyView struct {
	About    template.HTML
	Media    string
	Schema   kind
	Fields   []field
	Examples []exampleView
}

type answerView struct {
	Status   string
	Title    string
	About    template.HTML
	Schema   kind
	Media    string
	Codes    []string
	Headers  []string
	Examples []exampleView
}

type exampleView struct{ Summary, JSON string }

type schemaView struct {
	Name   string
	About  template.HTML
	Values []string
	Fields []field
}

type errorView struct {
	Code, Type      string
	Status          int
	Meaning, Action template.HTML
}

func newPage(doc *document, guide, style string) page {
	p := page{
		Title: doc.Info.Title, Version: doc.Info.Version, Style: template.CSS(style), //nolint:gosec // our own file
		About: markdown(doc.Info.Description), Guide: markdown(guide), Guides: headings(guide),
	}
	for _, tag := range doc.Tags {
		g := group{ID: slug(tag.Name), Title: tag.Name, About: markdown(tag.Description)}
		for _, path := range doc.Paths {
			g.Operations = append(g.Operations, doc.operationsOf(path, tag.Name)...)
		}
		p.Groups = append(p.Groups, g)
	}
	for _, s := range doc.Components.Schemas {
		if hasSection(s.Value) && s.Key != errorCodeSchema {
			p.Schemas = append(p.Schemas, doc.schemaView(s.Key, s.Value))
		}
	}
	for _, e := range doc.ErrorCodes {
		p.Errors = append(p.Errors, errorView{
			Code: e.Key, Type: e.Value.Type, Status: e.Value.Status,
			Meaning: markdown(e.Value.Meaning), Action: markdown(e.Value.Action),
		})
	}
	return p
}

func headings(guide string) []anchor {
	var found []anchor
	for line := range strings.SplitSeq(guide, "\n") {
		if title, isHeading := strings.CutPrefix(line, "## "); isHeading {
			title, id, _ := strings.Cut(strings.TrimSuffix(title, "}"), " {#")
			found = append(found, anchor{ID: id, Title: title})
		}
	}
	return found
}

func slug(title string) string { return strings.ReplaceAll(strings.ToLower(title), " ", "-") }

func (d *document) operationsOf(path entry[pathItem], tag string) []operationView {
	var views []operationView
	for _, op := range path.Value.Operations {
		if slices.Contains(op.Value.Tags, tag) {
			views = append(views, d.operationView(op.Key, path, op.Value))
		}
	}
	return views
}

func (d *document) operationView(method string, path entry[pathItem], op operation) operationView {
	v := operationView{
		ID: op.OperationID, Method: method, Path: path.Key, Summary: op.Summary, About: markdown(op.Description),
		Access: d.access(op),
	}
	for _, p := range append(slices.Clone(path.Value.Parameters), op.Parameters...) {
		p = resolve(d.Components.Parameters, p.Ref, p)
		v.Parameters = append(v.Parameters, d.parameterFields(p)...)
	}
	if op.RequestBody != nil && len(op.RequestBody.Content) > 0 {
		media := op.RequestBody.Content[0]
		v.Body = &bodyView{
			About: markdown(op.RequestBody.Description), Media: media.Key, Schema: d.kindOf(media.Value.Schema),
			Fields: d.fieldsOf(media.Value.Schema, ""), Examples: d.examplesOf(media.Value),
		}
	}
	for _, r := range op.Responses {
		v.Answers = append(v.Answers, d.answerView(r.Key, resolve(d.Components.Responses, r.Value.Ref, r.Value)))
	}
	return v
}

// parameterFields is one row, or one for each member of a deep object: created[gte], created[lt], ….
func (d *document) parameterFields(p parameter) []field {
	s := resolve(d.Components.Schemas, p.Schema.Ref, p.Schema)
	if len(s.Properties) == 0 {
		one := d.fieldOf(p.Name, p.Schema)
		one.Place, one.Required = p.In, p.Required
		if p.Description != "" {
			one.About = markdown(p.Description)
		}
		return []field{one}
	}
	fields := make([]field, 0, len(s.Properties))
	for i, property := range s.Properties {
		one := d.fieldOf(p.Name+"["+property.Key+"]", property.Value)
		one.Place = p.In
		if i == 0 {
			one.About = markdown(property.Value.Description + " " + p.Description)
		}
		fields = append(fields, one)
	}
	return fields
}

// access says in a phrase what opens the operation.
func (d *document) access(op operation) string {
	wanted := d.Security
	if op.Security != nil {
		wanted = *op.Security
	}
	var ways []string
	for _, way := range wanted {
		for name := range way {
			ways = append(ways, map[string]string{"secretKey": "secret key", "clientSecret": "the order's client secret"}[name])
		}
	}
	if len(ways) == 0 {
		return "no key"
	}
	return strings.Join(ways, " or ")
}

func (d *document) answerView(status string, r response) answerView {
	v := answerView{Status: status, About: markdown(r.Description), Codes: r.ErrorCodes}
	if number, err := strconv.Atoi(status); err == nil {
		v.Title = http.StatusText(number)
	}
	for _, h := range r.Headers {
		v.Headers = append(v.Headers, h.Key)
	}
	if len(r.Content) > 0 {
		media := r.Content[0]
		v.Media, v.Examples = media.Key, d.examplesOf(media.Value)
		if strings.HasSuffix(media.Key, "json") {
			v.Schema = d.kindOf(media.Value.Schema)
		}
	}
	return v
}

func (d *document) examplesOf(media mediaType) []exampleView {
	views := make([]exampleView, 0, len(media.Examples))
	for _, one := range media.Examples {
		shown := resolve(d.Components.Examples, one.Value.Ref, one.Value)
		views = append(views, exampleView{Summary: shown.Summary, JSON: toJSON(&shown.Value)})
	}
	return views
}

func toJSON(node *yaml.Node) string {
	var b strings.Builder
	writeJSON(&b, node, "")
	return b.String()
}

func (d *document) schemaView(name string, s schema) schemaView {
	return schemaView{Name: name, About: markdown(s.Description), Values: s.Enum, Fields: d.fieldsOf(s, "")}
}
