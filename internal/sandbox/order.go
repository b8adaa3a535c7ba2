package sandbox

import (
	"log/slog"
	"net/http"
	"strconv"
	"strings"
)

// faultHeader is how a merchant orders faults for one call: <fault>[;delay_ms=8000][;copies=3][,<fault>…]. It is not the
// provider's, who ignores it, and it is not signed.
const faultHeader = "X-Sandbox-Fault"

// ordered is what strikes one call because of its card, or because its header asks for it.
func (s *Server) ordered(r *http.Request, name string) []Fault {
	faults := faultsOf(name)
	header := r.Header.Get(faultHeader)
	if header == "" {
		return faults
	}
	asked, wrong := s.faults.parseAll(header)
	for _, why := range wrong {
		s.log.WarnContext(r.Context(), "sandbox fault not understood, ignored",
			slog.String("why", why), slog.String("path", r.URL.Path))
	}
	return append(faults, asked...)
}

// parseAll reads a header, and says what is wrong with those of its faults that are left out.
func (b *faultBook) parseAll(header string) (faults []Fault, wrong []string) {
	for item := range strings.SplitSeq(header, ",") {
		f, why := b.parse(item)
		if why != "" {
			wrong = append(wrong, strconv.Quote(item)+": "+why)
			continue
		}
		faults = append(faults, f)
	}
	return faults, wrong
}

// parse reads one fault of the header, or says what is wrong with it.
func (b *faultBook) parse(item string) (f Fault, wrong string) {
	name, options, _ := strings.Cut(item, ";")
	f.Name = strings.TrimSpace(name)
	if _, known := b.specs[f.Name]; !known {
		return f, "no such fault"
	}
	for option := range strings.SplitSeq(options, ";") {
		key, value, _ := strings.Cut(strings.TrimSpace(option), "=")
		switch key {
		case "":
		case "delay_ms":
			ms, err := strconv.ParseInt(value, 10, 32)
			if err != nil || ms < 0 {
				return f, "delay_ms must be a number of milliseconds"
			}
			f.DelayMS = ms
		case "copies":
			copies, err := strconv.Atoi(value)
			if err != nil || copies < 0 || copies > 100 {
				return f, "copies must be 0 to 100"
			}
			f.Copies = copies
		case "status":
			f.Status = value
		case "code":
			f.Code = value
		default:
			return f, "no such option: " + key
		}
	}
	return f, ""
}
