package records

import (
	"bytes"
	"encoding/binary"
	"errors"
	"fmt"
	"slices"

	"postern.example/postern/internal/word/fault"
	"postern.example/postern/internal/word/person"
)

// Part is the index of one type in one chart, in the form in which it is sealed
// and searched: nothing is decoded beforehand.
//
//	magic "PXP2" | schema 8 | date columns 1 | records 4 | sets 4 | tokens 4
//	set ends: 4 bytes each, the index after the set's last token
//	tokens:   8 bytes each; a set's tokens ascend
//	records:  id 16 | version 4 | flags 2 | status 1 | set 4 | sort 8 | dates 16 each | links 4 | digest 32
//
// Numbers are big endian. Records with the same tokens share a set, so a search
// looks at each combination of codes once and then compares set numbers. Links, the
// number of another set, holds what is nearly the record's own: were it in the first
// one, no two records would share any. A part of the first form, "PXP1", has none; it
// is always stale, and read by the rework alone.
// Encoding is canonical: records are ordered newest first and sets by first
// use, so equal contents have equal bytes.
type Part struct {
	b                   []byte
	columns, count      int
	setEnds, tokens, at int // where the tables start
	sets                int
	old                 bool // of the first form
}

const (
	partMagic  = "PXP2"
	oldMagic   = "PXP1"
	partHeader = 4 + 8 + 1 + 4 + 4 + 4
	recordSize = 16 + 4 + 2 + 1 + 4 + 8 + 4 + 32 // and 16 for each date column
	maxRecords = 1 << 24
	setAt      = 23 // places inside a record
	sortAt     = 27
	datesFrom  = 35
	linksFrom  = 36 // from the end, as is the digest
)

// EncodePart makes the part of a type from its records, which it sorts.
func (c *Catalogue) EncodePart(typ string, recs []Record) ([]byte, error) {
	def := c.def(typ)
	if def == nil {
		return nil, fmt.Errorf("encode index: type without definition")
	}
	columns := len(def.dateColumns())
	slices.SortFunc(recs, compareRecords)
	var ends []uint32
	var tokens []uint64
	numbers := map[string]uint32{}
	number := func(of []uint64) uint32 {
		key := string(tokenBytes(of))
		n, ok := numbers[key]
		if !ok {
			n = uint32(len(ends))
			numbers[key] = n
			tokens = append(tokens, of...)
			ends = append(ends, uint32(len(tokens)))
		}
		return n
	}
	setsOf := make([][2]uint32, len(recs))
	for i, r := range recs {
		if len(r.Dates) != columns || i > 0 && compareRecords(recs[i-1], r) >= 0 {
			return nil, fmt.Errorf("encode index: record %d is malformed or stands twice", i)
		}
		setsOf[i][0] = number(r.Tokens)
		setsOf[i][1] = number(r.Links)
	}
	b := make([]byte, 0, partHeader+4*len(ends)+8*len(tokens)+len(recs)*(recordSize+16*columns))
	b = append(b, partMagic...)
	b = binary.BigEndian.AppendUint64(b, def.schema())
	b = append(b, byte(columns))
	for _, n := range []int{len(recs), len(ends), len(tokens)} {
		b = binary.BigEndian.AppendUint32(b, uint32(n))
	}
	for _, e := range ends {
		b = binary.BigEndian.AppendUint32(b, e)
	}
	b = append(b, tokenBytes(tokens)...)
	for i, r := range recs {
		b = r.encode(b, setsOf[i])
	}
	return b, nil
}

func tokenBytes(ts []uint64) []byte {
	b := make([]byte, 0, 8*len(ts))
	for _, t := range ts {
		b = binary.BigEndian.AppendUint64(b, t)
	}
	return b
}

func (r Record) encode(b []byte, sets [2]uint32) []byte {
	b = append(b, r.ID.Bytes()...)
	b = binary.BigEndian.AppendUint32(b, r.Version)
	b = binary.BigEndian.AppendUint16(b, uint16(r.Flags))
	b = append(b, r.Status)
	b = binary.BigEndian.AppendUint32(b, sets[0])
	b = binary.BigEndian.AppendUint64(b, uint64(r.Sort))
	for _, d := range r.Dates {
		b = binary.BigEndian.AppendUint64(b, uint64(d.Low))
		b = binary.BigEndian.AppendUint64(b, uint64(d.High))
	}
	b = binary.BigEndian.AppendUint32(b, sets[1])
	return append(b, r.Digest[:]...)
}

var errPart = fault.New(fault.Tampered, "open index: malformed part")

// ErrStale is returned for a part that was written under other definitions: its
// chart is indexed anew (Store.ReindexAll, or at the next use) and then served.
var ErrStale = fault.New(fault.Unavailable, "open index: written under another definition")

// OpenPart checks a part and keeps b, which must not change.
func (c *Catalogue) OpenPart(typ string, b []byte) (Part, error) {
	return c.openPart(typ, b, false)
}

// openPart is OpenPart. A part that was checked before, in the same sealed bytes,
// needs no second look at its tables.
func (c *Catalogue) openPart(typ string, b []byte, checked bool) (Part, error) {
	def := c.def(typ)
	if def == nil || len(b) < partHeader || string(b[:4]) != partMagic && string(b[:4]) != oldMagic {
		return Part{}, errPart
	}
	if binary.BigEndian.Uint64(b[4:]) != def.schema() {
		return Part{}, ErrStale
	}
	p := Part{b: b, old: b[3] == oldMagic[3], columns: int(b[12]), count: int(binary.BigEndian.Uint32(b[13:])),
		sets: int(binary.BigEndian.Uint32(b[17:]))}
	tokens := int(binary.BigEndian.Uint32(b[21:]))
	if p.columns != len(def.dateColumns()) || p.count > maxRecords || p.sets > 2*p.count || tokens > len(b)/8 {
		return Part{}, errPart
	}
	p.setEnds = partHeader
	p.tokens = p.setEnds + 4*p.sets
	p.at = p.tokens + 8*tokens
	if p.at+p.count*p.size() != len(b) {
		return Part{}, errPart
	}
	if checked {
		return p, nil
	}
	return p, p.checkTables(tokens)
}

// staleRecords decodes a part that was written under other definitions, by what
// it says of itself; stale is false for one of the definitions that hold now. Its
// dates and tokens are of no use.
func (c *Catalogue) staleRecords(typ string, b []byte) (recs []Record, stale bool, err error) {
	if _, err := c.openPart(typ, b, false); !errors.Is(err, ErrStale) {
		return nil, false, err
	}
	was := &Definition{Type: typ, columns: make([]string, b[12]), schemaID: binary.BigEndian.Uint64(b[4:])}
	old := &Catalogue{byType: map[string]*Definition{typ: was}}
	p, err := old.openPart(typ, b, false)
	if err != nil {
		return nil, false, err
	}
	return p.Records(), true, nil
}

// checkTables makes sure that no later read leaves the part, and that the
// encoding is the canonical one.
func (p Part) checkTables(tokens int) error {
	last := 0
	for i := range p.sets {
		from, to := p.set(i)
		if to < from || to > tokens {
			return errPart
		}
		for t := from + 1; t < to; t++ {
			if p.token(t-1) >= p.token(t) {
				return errPart
			}
		}
		last = to
	}
	if last != tokens {
		return errPart
	}
	return p.checkRecords()
}

func (p Part) checkRecords() error {
	seen, size := uint32(0), p.size()
	rest := p.b[p.at:]
	last := int64(openHigh)
	for i := 0; len(rest) >= size; i++ {
		rec := rest[:size:size]
		sort := int64(binary.BigEndian.Uint64(rec[sortAt:]))
		if !p.firstUse(binary.BigEndian.Uint32(rec[setAt:]), &seen) || !p.old && !p.firstUse(binary.BigEndian.Uint32(rec[size-linksFrom:]), &seen) {
			return errPart
		}
		if sort >= last && i > 0 && (sort > last || bytes.Compare(p.record(i - 1)[:16], rec[:16]) >= 0) {
			return errPart
		}
		last, rest = sort, rest[size:]
	}
	if int(seen) != p.sets {
		return errPart
	}
	return nil
}

// firstUse reports whether set is one that was seen before, or the next.
func (p Part) firstUse(set uint32, seen *uint32) bool {
	if set < *seen {
		return true
	}
	ok := set == *seen && int(set) < p.sets
	*seen++
	return ok
}

func (p Part) size() int {
	if p.old {
		return recordSize - 4 + 16*p.columns
	}
	return recordSize + 16*p.columns
}

func (p Part) record(i int) []byte { return p.b[p.at+i*p.size():][:p.size()] }

func (p Part) set(i int) (from, to int) {
	if i > 0 {
		from = int(binary.BigEndian.Uint32(p.b[p.setEnds+4*(i-1):]))
	}
	return from, int(binary.BigEndian.Uint32(p.b[p.setEnds+4*i:]))
}

func (p Part) token(i int) uint64 { return binary.BigEndian.Uint64(p.b[p.tokens+8*i:]) }

// Len is the number of records.
func (p Part) Len() int { return p.count }

// Record decodes the i-th record, in the part's order.
func (p Part) Record(i int) Record {
	b := p.record(i)
	r := Record{ID: resourceIDFromBytes(b[:16]), Version: binary.BigEndian.Uint32(b[16:]),
		Flags: Flags(binary.BigEndian.Uint16(b[20:])), Status: b[22], Sort: int64(binary.BigEndian.Uint64(b[sortAt:]))}
	for c := range p.columns {
		r.Dates = append(r.Dates, datesAt(b, c))
	}
	r.Tokens = p.tokensOf(binary.BigEndian.Uint32(b[setAt:]))
	if !p.old {
		r.Links = p.tokensOf(binary.BigEndian.Uint32(b[p.size()-linksFrom:]))
	}
	copy(r.Digest[:], b[p.size()-32:])
	return r
}

func (p Part) tokensOf(set uint32) []uint64 {
	from, to := p.set(int(set))
	var out []uint64
	for t := from; t < to; t++ {
		out = append(out, p.token(t))
	}
	return out
}

func datesAt(rec []byte, column int) Dates {
	b := rec[datesFrom+16*column:]
	return Dates{int64(binary.BigEndian.Uint64(b)), int64(binary.BigEndian.Uint64(b[8:]))}
}

// Records decodes all records, for a part that will be changed.
func (p Part) Records() []Record {
	out := make([]Record, p.count)
	for i := range out {
		out[i] = p.Record(i)
	}
	return out
}

// Find returns the record of one resource.
func (p Part) Find(id person.ResourceID) (Record, bool) {
	want, size := id.Bytes(), p.size()
	for i, at := 0, p.at; i < p.count; i, at = i+1, at+size {
		if bytes.Equal(p.b[at:at+16], want) {
			return p.Record(i), true
		}
	}
	return Record{}, false
}
