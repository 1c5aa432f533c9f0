package records

import "postern.example/postern/internal/room/records/rawjson"

// memo remembers what pieces of JSON say while one page reads many resources. The
// results of a chart say the same names, ranges and laboratories hundreds of times,
// and taking those apart is most of the cost of a page. A piece is known by all of its
// bytes, so nothing can be taken for another. It lives as long as the page and
// holds what the page holds anyway; a nil memo remembers nothing.
type memo struct {
	coded  map[string]Coded
	lists  map[string][]Coded
	ranges map[string][]Range
	links  map[string][]Link
	marks  map[string]Mark
}

func newMemo() *memo {
	return &memo{map[string]Coded{}, map[string][]Coded{}, map[string][]Range{}, map[string][]Link{}, map[string]Mark{}}
}

// once is read(v), or what it was for the same bytes.
func once[T any](known map[string]T, v rawjson.Value, read func(rawjson.Value) T) T {
	if known == nil || v.Type() == rawjson.Absent {
		return read(v)
	}
	if x, ok := known[string(v.Raw())]; ok {
		return x
	}
	x := read(v)
	known[string(v.Raw())] = x
	return x
}

func (m *memo) concept(v rawjson.Value) Coded {
	if m == nil {
		return coded(v)
	}
	return once(m.coded, v, coded)
}

// concepts reads a list of concepts, which is all of v.
func (m *memo) concepts(v rawjson.Value) []Coded {
	read := func(v rawjson.Value) []Coded { return codedItems(v) }
	if m == nil {
		return read(v)
	}
	return once(m.lists, v, read)
}

func (m *memo) usual(v rawjson.Value) []Range {
	if m == nil {
		return rangeItems(v)
	}
	return once(m.ranges, v, rangeItems)
}

func (m *memo) who(v rawjson.Value) []Link {
	if m == nil {
		return linkItems(v)
	}
	return once(m.links, v, linkItems)
}

func (m *memo) mark(v rawjson.Value) Mark {
	if m == nil {
		return marked(v)
	}
	return once(m.marks, v, marked)
}
