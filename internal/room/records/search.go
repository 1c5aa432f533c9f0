package records

import (
	"bytes"
	"encoding/binary"
	"slices"

	"postern.example/postern/internal/word/person"
)

// Hit is one resource that a search found.
type Hit struct {
	ID      person.ResourceID
	Version uint32
	Flags   Flags
	Status  uint8

	key int64 // by which the search is ordered
}

func (h Hit) place() position { return position{key: h.key, id: h.ID} }

// Result is the outcome of a search of one part.
type Result struct {
	Hits          []Hit // at most Query.Count, in the order asked for
	Total         int   // all that match
	Before, After bool  // whether matches stand before and after Hits
}

// Search scans a part. It needs time in proportion to the records, some five
// nanoseconds each. In the part's own order, from its beginning, it needs no memory but the
// result's; else a Hit for each match.
func (p Part) Search(q Query) Result {
	if q.from != nil || q.sort > 0 {
		return p.searchPage(q)
	}
	res := Result{Hits: make([]Hit, 0, min(q.Count, p.count, 64))}
	for rec := range p.matching(q) {
		if res.Total++; len(res.Hits) < q.Count {
			res.Hits = append(res.Hits, p.hit(rec, q))
		}
	}
	res.After = res.Total > len(res.Hits)
	return res
}

// searchPage is Search for another order than the part's, and for a page that begins
// in the middle. A page begins at a place in the order, not at a count: what is stored
// meanwhile moves nothing, so no resource is left out and none comes twice.
func (p Part) searchPage(q Query) Result {
	var all []Hit
	for rec := range p.matching(q) {
		all = append(all, p.hit(rec, q))
	}
	order := func(a, b Hit) int { return a.place().compare(b.place(), q.Oldest) }
	if q.sort > 0 {
		slices.SortFunc(all, order)
	}
	from, to := 0, min(q.Count, len(all))
	if q.from != nil {
		i, there := slices.BinarySearchFunc(all, *q.from, func(h Hit, at position) int { return h.place().compare(at, q.Oldest) })
		if q.from.back {
			from, to = max(0, i-q.Count), i
		} else {
			if there {
				i++
			}
			from, to = i, min(i+q.Count, len(all))
		}
	}
	return Result{Hits: all[from:to], Total: len(all), Before: from > 0, After: to < len(all)}
}

// matching ranges over the records that a query matches, in the part's order or, for
// the oldest first, from its end.
func (p Part) matching(q Query) func(func([]byte) bool) {
	return func(yield func([]byte) bool) {
		ok := p.matchingSets(q.tokens)
		var linked []bool
		if len(q.links) > 0 {
			linked = p.matchingSets(q.links)
		}
		size := p.size()
		from, step := p.at, size
		if q.Oldest {
			from, step = len(p.b)-size, -size
		}
		filtered := len(q.ids)+len(q.dates) > 0
		for range p.count {
			rec := p.b[from : from+size]
			from += step
			if !ok[binary.BigEndian.Uint32(rec[setAt:])] || linked != nil && !linked[binary.BigEndian.Uint32(rec[size-linksFrom:])] ||
				filtered && !q.matches(rec) {
				continue
			}
			if !yield(rec) {
				return
			}
		}
	}
}

// hit reads the record of a match, with what its place in the order depends on.
func (p Part) hit(rec []byte, q Query) Hit {
	h := Hit{ID: resourceIDFromBytes(rec[:16]), Version: binary.BigEndian.Uint32(rec[16:]),
		Flags: Flags(binary.BigEndian.Uint16(rec[20:])), Status: rec[22]}
	if q.sort == 0 {
		h.key = int64(binary.BigEndian.Uint64(rec[sortAt:])) //#nosec G115 -- the inverse of encode
	} else if d := datesAt(rec, q.sort-1); d == (Dates{}) {
		h.key = unsorted
	} else {
		h.key = sortKey(span{d.Low, d.High})
	}
	return h
}

// matchingSets says for each set of tokens whether it satisfies every token
// parameter.
func (p Part) matchingSets(tokens [][]uint64) []bool {
	ok := make([]bool, p.sets)
	for s := range ok {
		ok[s] = true
		for _, anyOf := range tokens {
			ok[s] = ok[s] && slices.ContainsFunc(anyOf, func(t uint64) bool { return p.hasToken(s, t) })
		}
	}
	return ok
}

func (p Part) hasToken(set int, t uint64) bool {
	from, end := p.set(set)
	for to := end; from < to; { // a set's tokens ascend
		if mid := from + (to-from)/2; p.token(mid) < t {
			from = mid + 1
		} else {
			to = mid
		}
	}
	return from < end && p.token(from) == t
}

func (q *Query) matches(rec []byte) bool {
	for _, anyOf := range q.ids {
		if !slices.ContainsFunc(anyOf, func(id person.ResourceID) bool { return bytes.Equal(rec[:16], id.Bytes()) }) {
			return false
		}
	}
	for _, anyOf := range q.dates {
		holds := false
		for i := range anyOf {
			holds = holds || anyOf[i].holds(datesAt(rec, anyOf[i].column))
		}
		if !holds {
			return false
		}
	}
	return true
}
