package api

import (
	"net/url"
	"slices"
	"strconv"
	"strings"
	"time"
	"unicode/utf8"

	"tillway/internal/fault"
	"tillway/internal/ids"
	"tillway/internal/orders"
)

const (
	defaultLimit = 10
	maxLimit     = 100
	maxFilter    = 512 // characters; the longest that could find something is an email address or a reference
)

// query reads the parameters of a request's query. The first fault is kept, and what was never asked for is refused at the
// end, like an unknown field of a body.
type query struct {
	values url.Values
	read   []string
	// accepted are the parameters as they were understood, each written in its one canonical way: what links repeat.
	accepted url.Values
	err      error
}

// newQuery refuses queries that cannot be read, and what PostgreSQL could not compare with.
func newQuery(raw string) (*query, error) {
	if raw == "" {
		return &query{accepted: url.Values{}}, nil
	}
	values, err := url.ParseQuery(raw)
	if err != nil {
		return nil, fault.New(fault.Invalid, "parameter_invalid", "The query is not properly encoded.")
	}
	for name, all := range values {
		for _, value := range append(slices.Clone(all), name) {
			if !utf8.ValidString(value) || strings.ContainsRune(value, 0) {
				return nil, fault.New(fault.Invalid, "parameter_invalid", "The query must be UTF-8 without NUL characters.")
			}
		}
	}
	return &query{values: values, accepted: url.Values{}}, nil
}

func (q *query) fail(param, format string, args ...any) {
	if q.err == nil {
		q.err = fault.InvalidParam(param, format, args...)
	}
}

// text returns a parameter, "" when it is absent. Given empty or twice it means nothing, so it is refused.
func (q *query) text(name string) string {
	q.read = append(q.read, name)
	values, given := q.values[name]
	switch {
	case !given:
		return ""
	case len(values) > 1:
		q.fail(name, "%s is given more than once.", name)
	case values[0] == "":
		q.fail(name, "%s is empty.", name)
	case utf8.RuneCountInString(values[0]) > maxFilter:
		q.fail(name, "%s is too long.", name)
	default:
		q.accepted.Set(name, values[0])
		return values[0]
	}
	return ""
}

// folded returns a parameter that is compared without regard to case, in lower case.
func (q *query) folded(name string) string {
	text := strings.ToLower(q.text(name))
	if text != "" {
		q.accepted.Set(name, text)
	}
	return text
}

// number returns an integer parameter, nil when it is absent.
func (q *query) number(name string) *int64 {
	text := q.text(name)
	if text == "" {
		return nil
	}
	n, err := strconv.ParseInt(text, 10, 64)
	if err != nil || text[0] == '+' {
		q.fail(name, "%s must be an integer.", name)
		return nil
	}
	q.accepted.Set(name, strconv.FormatInt(n, 10))
	return &n
}

// unix returns a parameter that is a time in unix seconds.
func (q *query) unix(name string) *int64 {
	n := q.number(name)
	if n == nil {
		return nil
	}
	if err := checkUnix(name, *n); err != nil {
		if q.err == nil {
			q.err = err
		}
		return nil
	}
	return n
}

// span returns from and to: until now, and as long as it is by default, where the request does not say.
func (q *query) span(now time.Time, length time.Duration) (from, to time.Time) {
	begin, end := q.unix("from"), q.unix("to")
	to = now.UTC().Truncate(time.Second)
	if end != nil {
		to = time.Unix(*end, 0).UTC()
	}
	if begin == nil {
		return to.Add(-length), to
	}
	return time.Unix(*begin, 0).UTC(), to
}

func (q *query) created() orders.TimeRange {
	return orders.TimeRange{
		GT: q.unix("created[gt]"), GTE: q.unix("created[gte]"), LT: q.unix("created[lt]"), LTE: q.unix("created[lte]"),
	}
}

// limit returns how many to return at most.
func (q *query) limit(otherwise int) int {
	limit := q.number("limit")
	if limit == nil {
		return otherwise
	}
	if *limit < 1 || *limit > maxLimit {
		q.fail("limit", "limit must be between 1 and %d.", maxLimit)
	}
	return int(*limit)
}

func (q *query) page() orders.Page {
	page := orders.Page{
		Limit: q.limit(defaultLimit), StartingAfter: q.text("starting_after"), EndingBefore: q.text("ending_before"),
	}
	if page.StartingAfter != "" && page.EndingBefore != "" {
		q.fail("ending_before", "starting_after and ending_before exclude each other.")
	}
	return page
}

// enum returns a parameter that is one of a few words.
func enum[T ~string](q *query, name string, known []T) T {
	value := T(q.text(name))
	if value != "" && !slices.Contains(known, value) {
		words := make([]string, len(known))
		for i, word := range known {
			words[i] = string(word)
		}
		q.fail(name, "%s must be one of %s.", name, strings.Join(words, ", "))
	}
	return value
}

// identifier returns a parameter that is the identifier of an entity.
func identifier[E ids.Entity](q *query, name string) ids.ID[E] {
	text := q.text(name)
	if text == "" {
		return ids.ID[E]{}
	}
	id, err := ids.Parse[E](text)
	if err != nil || id.IsZero() {
		q.fail(name, "%s is not a valid identifier of its kind.", name)
		return id
	}
	q.accepted.Set(name, id.String())
	return id
}

// finish reports the first fault, unknown parameters included.
func (q *query) finish() error {
	names := make([]string, 0, len(q.values))
	for name := range q.values {
		if !slices.Contains(q.read, name) {
			names = append(names, name)
		}
	}
	if len(names) == 0 {
		return q.err
	}
	slices.Sort(names)
	name := excerpt(names[0])
	return fault.New(fault.Invalid, "unknown_field", "%s is not a parameter of this request.", name).WithParam(name)
}
