package idempotency

import (
	"cmp"
	"crypto/hmac"
	"crypto/sha256"
	"encoding/binary"
	"encoding/json"
	"slices"
	"unicode/utf8"

	"tillway/internal/jsonwalk"
)

// Fingerprint tells whether two requests with one key ask for the same: the HMAC of method, route and the body's meaning.
// Order of members, white space and escapes in strings do not count; the text of numbers does (1 is not 1.0), as does
// the order of repeated members. A body that is not JSON counts byte by byte.
//
// It is keyed because a body may hold a card number, and there are few enough of those to try them all on a plain hash.
func (k *Keys) Fingerprint(method, route string, body []byte) [32]byte {
	var field digest
	if utf8.Valid(body) && json.Valid(body) {
		field = digestJSON(body)
	} else {
		field = digest{tagRaw, string(body)}
	}
	text := make([]byte, 0, 128)
	text = appendField(appendText(appendText(text, method), route), field)
	mac := hmac.New(sha256.New, k.fingerprint)
	_, _ = mac.Write(text) // a hash never fails
	return [32]byte(mac.Sum(text[:0]))
}

// What a digest's first byte says of the rest.
const (
	tagRaw     = "r"
	tagObject  = "o"
	tagArray   = "a"
	tagString  = "s"
	tagNumber  = "n"
	tagLiteral = "l"
)

// digest is what a value counts as: a scalar's own text, or the hash of an object's or array's parts. Hashing level by
// level keeps the work linear in the size of a body however deep it is nested.
type digest struct {
	tag  string
	text string
}

type member struct{ name, value digest }

// digester walks a valid document.
type digester struct {
	jsonwalk.Walker

	// open are the members of the objects that are not closed yet.
	open []member
	// buffer is what is hashed next.
	buffer []byte
}

// digestJSON returns the canonical digest of a valid document.
func digestJSON(body []byte) digest {
	const members, bytes = 16, 512 // enough for most requests; more grow
	d := digester{Walker: jsonwalk.New(body), open: make([]member, 0, members), buffer: make([]byte, 0, bytes)}
	return d.value()
}

func (d *digester) value() digest {
	switch d.Peek() {
	case '{':
		return d.object()
	case '[':
		return d.array()
	case '"':
		return digest{tagString, d.String()}
	case 't', 'f', 'n':
		return digest{tagLiteral, d.Scalar()}
	default:
		return digest{tagNumber, d.Scalar()}
	}
}

func (d *digester) array() digest {
	h := sha256.New()
	for d.Enter(); d.More(); {
		element := d.value()
		d.buffer = appendField(d.buffer[:0], element)
		_, _ = h.Write(d.buffer) // a hash never fails
	}
	return digest{tagArray, string(h.Sum(d.buffer[:0]))}
}

func (d *digester) object() digest {
	first := len(d.open)
	for d.Enter(); d.More(); {
		name := digest{tagString, d.Name()}
		value := d.value()
		d.open = append(d.open, member{name, value})
	}
	members := d.open[first:]
	d.open = d.open[:first]
	slices.SortStableFunc(members, func(a, b member) int { return cmp.Compare(a.name.text, b.name.text) })
	d.buffer = d.buffer[:0]
	for _, m := range members {
		d.buffer = appendField(appendField(d.buffer, m.name), m.value)
	}
	sum := sha256.Sum256(d.buffer)
	return digest{tagObject, string(sum[:])}
}

func appendField(to []byte, field digest) []byte {
	to = binary.BigEndian.AppendUint64(to, uint64(len(field.tag)+len(field.text)))
	return append(append(to, field.tag...), field.text...)
}
