package records

import (
	"cmp"
	"crypto/sha256"
	"encoding/binary"
	"fmt"
	"slices"
	"time"

	"postern.example/postern/internal/room/records/rawjson"
	"postern.example/postern/internal/word/fault"
	"postern.example/postern/internal/word/person"
)

// Record is what a chart's index holds of one resource: enough to search, to
// order a list and to see that a second import changes nothing.
type Record struct {
	ID      person.ResourceID
	Version uint32
	Flags   Flags
	Status  uint8    // see Definition.StatusCode
	Sort    int64    // order of lists in milliseconds of Unix time; unsorted for none
	Dates   []Dates  // one for each date column of the type
	Tokens  []uint64 // codes: sorted, unique; see token
	Links   []uint64 // identifiers, references and words, likewise; apart, because few resources share them
	Digest  [32]byte // of the stored form
}

// Dates is the time that one date parameter covers, [Low, High) in milliseconds
// of Unix time. Both zero means no date.
type Dates struct{ Low, High int64 }

// unsorted is the Sort of a resource without a usable date: after all others.
const unsorted = openLow

// token is the search key of one parameter value: eight bytes of a hash. It
// stands only inside the sealed index, so a short hash without a key is enough;
// a collision can show a resource of the same chart too many, no other chart's.
func token(param, system, code string) uint64 {
	h := sha256.New()
	var n [4]byte
	for _, s := range []string{param, system, code} {
		binary.BigEndian.PutUint32(n[:], uint32(len(s)))
		h.Write(n[:])
		h.Write([]byte(s))
	}
	return binary.BigEndian.Uint64(h.Sum(nil))
}

// The tokens of one coding answer the four forms of a token search (FHIR R4
// 3.1.1.4.10): code, system|code, system| and |code.
const (
	anySystem = "\x00any"
	anyCode   = "\x00any"
)

func codingTokens(dst []uint64, param, system, code string) []uint64 {
	if code != "" {
		dst = append(dst, token(param, anySystem, code), token(param, system, code))
	}
	if system != "" {
		dst = append(dst, token(param, system, anyCode))
	}
	return dst
}

// updatedColumn stands for the time of storage among the date columns, first of
// them. No path has an underscore.
const updatedColumn = "_lastUpdated"

// dateColumns lists the paths of a type's date parameters, each once.
func (d *Definition) dateColumns() []string {
	if d.columns != nil {
		return d.columns
	}
	paths := []string{updatedColumn}
	for _, p := range d.Search {
		if p.Kind == DateParam && !slices.Contains(paths, p.Path) {
			paths = append(paths, p.Path)
		}
	}
	return paths
}

// schema identifies what the index of a type holds. An index written under
// another schema is refused as stale and made anew from the bodies.
func (d *Definition) schema() uint64 {
	if d.schemaID != 0 {
		return d.schemaID
	}
	h := sha256.New()
	_, _ = fmt.Fprintf(h, "index 3\n%q %q\n%q\n", d.Type, d.Order, d.Status)
	for _, p := range d.Search {
		_, _ = fmt.Fprintf(h, "%q %d %q %q\n", p.Name, p.Kind, p.Path, p.System)
	}
	return binary.BigEndian.Uint64(h.Sum(nil))
}

// describe makes the index record of a resource in stored form; Version and the
// time of storage are left to the caller, see storedAt.
func (c *Catalogue) describe(body []byte, flags Flags) (Record, error) {
	v, err := rawjson.Parse(body, rawjson.Limits{})
	if err != nil {
		return Record{}, fault.Wrap(fault.Tampered, "index resource", err)
	}
	v = v.Indexed()
	def := c.def(v.Get("resourceType").Text())
	if def == nil {
		return Record{}, fault.New(fault.Internal, "index resource: type without definition")
	}
	id, err := parseResourceID(v.Get("id").Text())
	if err != nil {
		return Record{}, fault.Wrap(fault.Internal, "index resource", err)
	}
	r := Record{ID: id, Flags: flags, Sort: unsorted, Digest: sha256.Sum256(body)}
	if def.Status.Path != "" {
		r.Status = def.statusNumber(text(v, def.Status.Path))
	}
	r.Dates = append(make([]Dates, 0, len(def.dateColumns())), Dates{})
	for _, path := range def.dateColumns()[1:] {
		s := firstSpan(v, path, &r.Flags)
		r.Dates = append(r.Dates, Dates{s.low, s.high})
	}
	if def.Order != "" {
		r.Sort = sortKey(firstSpan(v, def.Order, &r.Flags))
	}
	for _, p := range def.Search {
		switch {
		case p.Kind == TokenParam && p.isIdentifier():
			r.Links = valueTokens(r.Links, v, p)
		case p.Kind == TokenParam:
			r.Tokens = valueTokens(r.Tokens, v, p)
		case p.Kind == StringParam:
			r.Links = stringTokens(r.Links, v, p)
		case p.Kind == ReferenceParam:
			r.Links = referenceTokens(r.Links, v, p)
		}
	}
	slices.Sort(r.Tokens)
	r.Tokens = slices.Compact(r.Tokens)
	slices.Sort(r.Links)
	r.Links = slices.Compact(r.Links)
	return r, nil
}

// storedAt completes a record with the time at which its version was stored, which
// the client sees to the millisecond.
func (r *Record) storedAt(t time.Time) {
	ms := t.UnixMilli()
	r.Dates[0] = Dates{ms, ms + 1}
}

// sortKey is the moment by which a list is ordered: the start, else the end. The other
// bound may be as odd as it likes.
func sortKey(s span) int64 {
	key := s.low
	if key == openLow {
		key = s.high
	}
	if s == (span{}) || key == openHigh || odd(key) {
		return unsorted
	}
	return key
}

// firstSpan is the time of the first alternative of path that is present.
func firstSpan(v rawjson.Value, path string, flags *Flags) span {
	for x := range at(v, path) {
		s, ok, err := valueSpan(x)
		if err != nil || !ok {
			continue
		}
		if absurd(s) {
			*flags |= FlagOddDate
		}
		return s
	}
	return span{}
}

func valueTokens(dst []uint64, v rawjson.Value, p Param) []uint64 {
	for x := range at(v, p.Path) {
		switch {
		case x.Type() == rawjson.String:
			dst = codingTokens(dst, p.Name, p.System, x.Text())
		case x.Get("coding").Type() == rawjson.Array:
			for c := range x.Get("coding").Items() {
				dst = codingTokens(dst, p.Name, c.Get("system").Text(), c.Get("code").Text())
			}
		case x.Get("value").Type() == rawjson.String: // Identifier
			dst = codingTokens(dst, p.Name, x.Get("system").Text(), x.Get("value").Text())
		case x.Get("code").Type() == rawjson.String:
			dst = codingTokens(dst, p.Name, x.Get("system").Text(), x.Get("code").Text())
		}
	}
	return dst
}

// compareRecords is the order inside a part: newest first, then by identifier.
func compareRecords(a, b Record) int {
	if c := cmp.Compare(b.Sort, a.Sort); c != 0 {
		return c
	}
	return slices.Compare(a.ID.Bytes(), b.ID.Bytes())
}
