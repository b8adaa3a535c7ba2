package demo

import (
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"os"
	"strings"
	"sync"
	"time"
)

// printer writes to the terminal. The shop's pages print too, so it is guarded.
type printer struct {
	mu    sync.Mutex
	w     io.Writer
	color bool
}

const (
	bold  = "1"
	faint = "2"
	green = "32"
)

func (p *printer) style(code, text string) string {
	if !p.color || text == "" {
		return text
	}
	return "\x1b[" + code + "m" + text + "\x1b[0m"
}

func (p *printer) write(text string) {
	p.mu.Lock()
	defer p.mu.Unlock()
	fmt.Fprintln(p.w, text)
}

func (p *printer) title(text string) { p.write("\n" + p.style(bold, text) + "\n") }

// part is one line about something that was started.
func (p *printer) part(name, format string, args ...any) {
	p.write(fmt.Sprintf("  %s %s", p.style(bold, fmt.Sprintf("%-11s", name)), fmt.Sprintf(format, args...)))
}

// step is the headline of one thing that is shown.
func (p *printer) step(number int, text string) {
	p.write("\n" + p.style(bold, fmt.Sprintf("%d. %s", number, text)))
}

func (p *printer) say(format string, args ...any) {
	p.write(indent(fmt.Sprintf(format, args...)))
}

func (p *printer) good(format string, args ...any) {
	p.write(p.style(green, indent(fmt.Sprintf(format, args...))))
}

func (p *printer) note(text string) { p.write(text) }

// command is a text to paste into a shell. It is not indented, since a continued line of JSON would be too.
func (p *printer) command(text string) { p.write("\n" + text + "\n") }

// answer is an HTTP answer, cut down to the named members.
func (p *printer) answer(a answer, members ...string) {
	p.write(p.style(faint, indent(fmt.Sprintf("%s in %s\n%s", a.status, brief(a.took), shorten(a.body, members)))))
}

func indent(text string) string {
	return "   " + strings.ReplaceAll(text, "\n", "\n   ")
}

// shorten shows the members of a JSON object that matter here, nested ones on one line.
func shorten(body []byte, members []string) string {
	var object map[string]json.RawMessage
	if json.Unmarshal(body, &object) != nil {
		return string(body)
	}
	var b strings.Builder
	b.WriteString("{\n")
	for _, name := range members {
		var line bytes.Buffer
		if value, found := object[name]; found && json.Compact(&line, value) == nil {
			fmt.Fprintf(&b, "  %q: %s,\n", name, line.String())
			delete(object, name)
		}
	}
	if len(object) > 0 {
		b.WriteString("  …\n")
	}
	b.WriteString("}")
	return b.String()
}

// brief rounds a duration for reading.
func brief(d time.Duration) string {
	switch {
	case d < 10*time.Millisecond:
		return fmt.Sprintf("%.1f ms", float64(d)/float64(time.Millisecond))
	case d < time.Second:
		return fmt.Sprintf("%d ms", d.Milliseconds())
	default:
		return fmt.Sprintf("%.1f s", d.Seconds())
	}
}

// WantsColor tells whether out is a terminal whose owner has not asked for plain text (https://no-color.org).
func WantsColor(out io.Writer, environ map[string]string) bool {
	file, ok := out.(*os.File)
	if !ok || environ["NO_COLOR"] != "" || environ["TERM"] == "dumb" {
		return false
	}
	info, err := file.Stat()
	return err == nil && info.Mode()&os.ModeCharDevice != 0
}
