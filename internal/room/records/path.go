package records

import (
	"iter"
	"strings"

	"postern.example/postern/internal/room/records/rawjson"
)

// at ranges over the values at path below v. A path "a|b" gives the values of
// both; a list on the way or at the end gives its elements.
func at(v rawjson.Value, path string) iter.Seq[rawjson.Value] {
	return func(yield func(rawjson.Value) bool) {
		for alt := range strings.SplitSeq(path, "|") {
			if !descend(v, alt, true, yield) {
				return
			}
		}
	}
}

// whole is like at, but gives a list at the end as one value.
func whole(v rawjson.Value, path string) iter.Seq[rawjson.Value] {
	return func(yield func(rawjson.Value) bool) {
		for alt := range strings.SplitSeq(path, "|") {
			if !descend(v, alt, false, yield) {
				return
			}
		}
	}
}

func descend(v rawjson.Value, path string, items bool, yield func(rawjson.Value) bool) bool {
	name, rest, more := strings.Cut(path, ".")
	m := v.Get(name)
	if m.Type() == rawjson.Absent {
		return true
	}
	if !more && !items {
		return yield(m)
	}
	for item := range m.Items() {
		if !more {
			if !yield(item) {
				return false
			}
		} else if !descend(item, rest, items, yield) {
			return false
		}
	}
	return true
}

// first returns the first value at path, absent if there is none.
func first(v rawjson.Value, path string) rawjson.Value {
	for x := range at(v, path) {
		return x
	}
	return rawjson.Value{}
}

// text returns the first string at path.
func text(v rawjson.Value, path string) string { return first(v, path).Text() }
