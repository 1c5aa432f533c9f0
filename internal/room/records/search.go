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
}

// Result is the outcome of a search of one part.
type Result struct {
	Hits  []Hit // at most Query.Count, in the order asked for
	Total int   // all that match
}

// Search scans a part. It needs time in proportion to the records, some five
// nanoseconds each, and no memory but the result's.
func (p Part) Search(q Query) Result {
	ok := p.matchingSets(q)
	var res Result
	for k := range p.count {
		i := k
		if q.Oldest {
			i = p.count - 1 - k
		}
		if !ok[p.setOf(i)] || !p.matches(i, q) {
			continue
		}
		if res.Total++; len(res.Hits) < q.Count {
			b := p.record(i)
			res.Hits = append(res.Hits, Hit{resourceIDFromBytes(b[:16]), binary.BigEndian.Uint32(b[16:]),
				Flags(binary.BigEndian.Uint16(b[20:])), b[22]})
		}
	}
	return res
}

// matchingSets says for each set of tokens whether it satisfies every token
// parameter.
func (p Part) matchingSets(q Query) []bool {
	ok := make([]bool, p.sets)
	for s := range ok {
		ok[s] = true
		for _, anyOf := range q.tokens {
			ok[s] = ok[s] && slices.ContainsFunc(anyOf, func(t uint64) bool { return p.hasToken(s, t) })
		}
	}
	return ok
}

func (p Part) hasToken(set int, t uint64) bool {
	from, to := p.set(set)
	for i := from; i < to; i++ {
		if p.token(i) == t {
			return true
		}
	}
	return false
}

func (p Part) matches(i int, q Query) bool {
	for _, anyOf := range q.ids {
		if !slices.ContainsFunc(anyOf, func(id person.ResourceID) bool { return bytes.Equal(p.record(i)[:16], id.Bytes()) }) {
			return false
		}
	}
	for _, anyOf := range q.dates {
		if !slices.ContainsFunc(anyOf, func(c dateTest) bool { return c.holds(p.dates(i, c.column)) }) {
			return false
		}
	}
	return true
}
