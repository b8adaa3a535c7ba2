package api

import (
	"mime"
	"net/http"
	"strings"

	"github.com/gin-gonic/gin"

	"tillway/internal/fault"
)

const (
	mediaJSON    = "application/json"
	mediaV1      = "application/vnd.tillway.v1+json"
	mediaProblem = "application/problem+json"
)

const mediaInContext = "media"

// negotiated is how answers to one request are labeled.
type negotiated struct{ success, failure string }

func mediaOf(c *gin.Context) negotiated {
	if n, ok := c.Value(mediaInContext).(negotiated); ok {
		return n
	}
	// Refused before negotiation: errors still take the form that was asked for.
	n, _ := negotiate(c.Request.Header.Values("Accept"))
	return n
}

// negotiate settles the media types of an API request and refuses those that we do not speak: an unknown version is 406 in
// Accept, 415 in Content-Type (API.md §1).
func (s *server) negotiate(c *gin.Context) {
	if s.routeOf(c).face != faceAPI {
		return
	}
	accept := c.Request.Header.Values("Accept")
	n, ok := negotiate(accept)
	c.Set(mediaInContext, n)
	if file := s.routeOf(c).file; file != "" && parseAccept(accept).quality(file) > 0 {
		ok = true
	}
	if !ok {
		s.refuse(c, fault.New(fault.NotAcceptable, "not_acceptable",
			"Accept names nothing that we speak: %s or %s.", mediaV1, mediaJSON))
		return
	}
	if c.Request.Method == http.MethodGet {
		return // nothing of its body is read; clients that say what it would be on every request are common
	}
	if err := checkContentType(c.Request); err != nil {
		s.refuse(c, err)
	}
}

// negotiate reads Accept (RFC 9110 §12.5.1). Plain JSON wins when nothing tells it from the versioned type; problem
// documents must be named. It reports false when nothing of ours is acceptable.
func negotiate(accept []string) (negotiated, bool) {
	ranges := parseAccept(accept)
	plain, versioned, named := ranges.quality(mediaJSON), ranges.quality(mediaV1), ranges.named(mediaProblem)
	n := negotiated{success: mediaJSON}
	if versioned > plain || (versioned == plain && ranges.named(mediaV1) > ranges.named(mediaJSON)) {
		n.success = mediaV1
	}
	n.failure = n.success
	if named > 0 && named >= max(ranges.named(mediaJSON), ranges.named(mediaV1)) {
		n.failure = mediaProblem
	}
	return n, len(ranges) == 0 || max(plain, versioned, named) > 0
}

// checkContentType refuses bodies that are not JSON of a version that we know. None at all counts as JSON.
func checkContentType(r *http.Request) error {
	if encoding := r.Header.Get("Content-Encoding"); encoding != "" && !strings.EqualFold(encoding, "identity") {
		return fault.New(fault.UnsupportedMedia, "unsupported_media_type", "Send the body without Content-Encoding.")
	}
	values := r.Header.Values("Content-Type")
	if len(values) == 0 || (len(values) == 1 && (values[0] == mediaJSON || values[0] == mediaV1)) { // nearly always
		return nil
	}
	media, params, err := mime.ParseMediaType(values[0])
	charset, hasCharset := params["charset"]
	switch {
	case err != nil || len(values) > 1 || (media != mediaJSON && media != mediaV1):
		return fault.New(fault.UnsupportedMedia, "unsupported_media_type",
			"Content-Type must be %s or %s.", mediaV1, mediaJSON)
	case hasCharset && !strings.EqualFold(charset, "utf-8"):
		return fault.New(fault.UnsupportedMedia, "unsupported_media_type", "JSON is sent in UTF-8.")
	}
	return nil
}

// acceptRanges are the media ranges of an Accept header, with their weights in thousandths.
type acceptRanges []acceptRange

type acceptRange struct {
	media   string
	quality int
}

func parseAccept(values []string) acceptRanges {
	var ranges acceptRanges
	for item := range strings.SplitSeq(strings.Join(values, ","), ",") {
		if strings.TrimSpace(item) == "" {
			continue
		}
		if media := strings.TrimSpace(item); media == mediaJSON || media == mediaV1 || media == "*/*" { // nearly always
			ranges = append(ranges, acceptRange{media, 1000})
			continue
		}
		media, params, err := mime.ParseMediaType(item)
		if err != nil {
			continue // an unreadable range accepts nothing
		}
		if media == "*" { // as Java's own client writes it
			media = "*/*"
		}
		quality, ok := 1000, true
		if q, weighted := params["q"]; weighted {
			quality, ok = thousandths(q)
		}
		if ok {
			ranges = append(ranges, acceptRange{media, quality})
		}
	}
	if ranges == nil && len(values) > 0 && strings.TrimSpace(strings.Join(values, "")) != "" {
		return acceptRanges{{media: "", quality: 0}} // something was asked for, and it cannot be read
	}
	return ranges
}

// thousandths reads a qvalue (RFC 9110 §12.4.2): 0, 1, or up to three decimals. Java's own client writes .2 for 0.2.
func thousandths(text string) (int, bool) {
	whole, fraction, _ := strings.Cut(text, ".")
	if whole == "" {
		whole = "0"
	}
	if (whole != "0" && whole != "1") || len(fraction) > 3 || strings.Trim(fraction, "0123456789") != "" {
		return 0, false
	}
	value := int(whole[0]-'0') * 1000
	for i, unit := 0, 100; i < len(fraction); i, unit = i+1, unit/10 {
		value += int(fraction[i]-'0') * unit
	}
	return value, value <= 1000
}

// quality is the weight of a media type: that of the most specific range that covers it, 0 for none. No ranges at all
// accept everything.
func (r acceptRanges) quality(media string) int {
	if len(r) == 0 {
		return 1000
	}
	major, _, _ := strings.Cut(media, "/")
	for _, pattern := range []string{media, major + "/*", "*/*"} {
		if quality, found := r.lookup(pattern); found {
			return quality
		}
	}
	return 0
}

// named is the weight of a media type that is named itself, not covered by a wildcard.
func (r acceptRanges) named(media string) int {
	quality, _ := r.lookup(media)
	return quality
}

func (r acceptRanges) lookup(pattern string) (int, bool) {
	best, found := 0, false
	for _, one := range r {
		if one.media == pattern {
			best, found = max(best, one.quality), true
		}
	}
	return best, found
}
