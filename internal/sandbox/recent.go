package sandbox

// recent is a list of the latest entries: at its limit, each new one takes the place of the oldest.
type recent[T any] struct {
	entries []T // the oldest first
	limit   int
}

// add appends an entry and returns the one that it pushed out, if any.
func (r *recent[T]) add(entry T) (oldest T, full bool) {
	if full = len(r.entries) >= r.limit; full {
		var none T
		oldest, r.entries[0] = r.entries[0], none // the array lives on for a while, what it points to must not
		r.entries = r.entries[1:]
	}
	r.entries = append(r.entries, entry)
	return oldest, full
}

func (r *recent[T]) clear() { r.entries = nil }
