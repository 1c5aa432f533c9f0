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
	ok := p.matchingSets(q.tokens)
	b, size, from, step := p.b, p.size(), p.at, p.size()
	if q.Oldest {
		from, step = len(b)-size, -size
	}
	res := Result{Hits: make([]Hit, 0, min(q.Count, p.count, 64))}
	filtered := len(q.ids)+len(q.dates) > 0
	for range p.count {
		rec := b[from : from+size]
		from += step
		if !ok[binary.BigEndian.Uint32(rec[setAt:])] || filtered && !q.matches(rec) {
			continue
		}
		if res.Total++; len(res.Hits) < q.Count {
			res.Hits = append(res.Hits, Hit{resourceIDFromBytes(rec[:16]), binary.BigEndian.Uint32(rec[16:]),
				Flags(binary.BigEndian.Uint16(rec[20:])), rec[22]})
		}
	}
	return res
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
	from, to := p.set(set)
	for i := from; i < to; i++ {
		if p.token(i) == t {
			return true
		}
	}
	return false
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
