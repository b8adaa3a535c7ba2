package apidocs

import (
	"html"
	"html/template"
	"regexp"
	"strings"
)

// markdown renders what our descriptions use of Markdown: paragraphs, "##" headings with an {#anchor}, bullet lists, fenced
// code, tables, and inline code, bold and links. Everything else is shown as it stands; nothing is ever raw HTML.
func markdown(text string) template.HTML {
	var b strings.Builder
	lines := strings.Split(strings.TrimSpace(text), "\n")
	for len(lines) > 0 {
		lines = block(&b, lines)
	}
	return template.HTML(b.String()) //nolint:gosec // built of escaped text only
}

// block renders the first block and returns the lines behind it.
func block(b *strings.Builder, lines []string) []string {
	line := lines[0]
	switch {
	case strings.TrimSpace(line) == "":
		return lines[1:]
	case strings.HasPrefix(line, "## "):
		title, anchor, _ := strings.Cut(strings.TrimSuffix(line[3:], "}"), " {#")
		b.WriteString(`<h2 id="` + html.EscapeString(anchor) + `">` + inline(title) + "</h2>\n")
		return lines[1:]
	case strings.HasPrefix(line, "```"):
		code, rest := until(lines[1:], func(l string) bool { return strings.HasPrefix(l, "```") })
		b.WriteString("<pre><code>" + html.EscapeString(strings.Join(code, "\n")) + "</code></pre>\n")
		return rest[min(1, len(rest)):]
	case strings.HasPrefix(line, "- "):
		items, rest := until(lines, func(l string) bool { return !strings.HasPrefix(l, "- ") && !strings.HasPrefix(l, "  ") })
		list(b, items)
		return rest
	case strings.HasPrefix(line, "|"):
		rows, rest := until(lines, func(l string) bool { return !strings.HasPrefix(l, "|") })
		table(b, rows)
		return rest
	default:
		text, rest := until(lines, startsBlock)
		if len(text) == 0 { // a line that only looks like the start of a block
			text, rest = lines[:1], lines[1:]
		}
		b.WriteString("<p>" + inline(strings.Join(text, " ")) + "</p>\n")
		return rest
	}
}

func startsBlock(l string) bool {
	return strings.TrimSpace(l) == "" || strings.HasPrefix(l, "- ") || strings.HasPrefix(l, "|") || strings.HasPrefix(l, "```")
}

// until splits the lines before the first that ends the block.
func until(lines []string, ends func(string) bool) (taken, rest []string) {
	for i, line := range lines {
		if ends(line) {
			return lines[:i], lines[i:]
		}
	}
	return lines, nil
}

func list(b *strings.Builder, lines []string) {
	b.WriteString("<ul>\n")
	for len(lines) > 0 {
		more, rest := until(lines[1:], func(l string) bool { return strings.HasPrefix(l, "- ") })
		item := []string{strings.TrimPrefix(lines[0], "- ")}
		for _, line := range more {
			item = append(item, strings.TrimSpace(line))
		}
		b.WriteString("<li>" + inline(strings.Join(item, " ")) + "</li>\n")
		lines = rest
	}
	b.WriteString("</ul>\n")
}

// table renders rows of cells between bars; the second row is the rule under the head. The head's words are repeated in
// the cells, for the narrow layout that has no head.
func table(b *strings.Builder, rows []string) {
	head := cells(rows[0])
	b.WriteString("<table><thead><tr>")
	for _, cell := range head {
		b.WriteString("<th>" + inline(cell) + "</th>")
	}
	b.WriteString("</tr></thead><tbody>\n")
	for _, row := range rows[min(2, len(rows)):] {
		b.WriteString("<tr>")
		for i, cell := range cells(row) {
			label := ""
			if i < len(head) {
				label = head[i]
			}
			b.WriteString(`<td data-label="` + html.EscapeString(label) + `">` + inline(cell) + "</td>")
		}
		b.WriteString("</tr>\n")
	}
	b.WriteString("</tbody></table>\n")
}

func cells(row string) []string {
	parts := strings.Split(strings.Trim(strings.TrimSpace(row), "|"), "|")
	for i := range parts {
		parts[i] = strings.TrimSpace(parts[i])
	}
	return parts
}

var (
	codeSpan = regexp.MustCompile("`([^`]+)`")
	boldSpan = regexp.MustCompile(`\*\*([^*]+)\*\*`)
	linkSpan = regexp.MustCompile(`\[([^\]]+)\]\(((?:/|https://)[^)\s]*)\)`)
)

// inline renders the spans of one line. Code is set apart first, so that nothing inside it is read as anything else.
func inline(text string) string {
	var b strings.Builder
	last := 0
	for _, at := range codeSpan.FindAllStringSubmatchIndex(text, -1) {
		b.WriteString(prose(text[last:at[0]]) + "<code>" + html.EscapeString(text[at[2]:at[3]]) + "</code>")
		last = at[1]
	}
	b.WriteString(prose(text[last:]))
	return b.String()
}

func prose(text string) string {
	text = html.EscapeString(text)
	text = boldSpan.ReplaceAllString(text, "<strong>$1</strong>")
	return linkSpan.ReplaceAllString(text, `<a href="$2">$1</a>`)
}
