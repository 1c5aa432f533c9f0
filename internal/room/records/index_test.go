package records

import (
	"crypto/sha256"
	"encoding/binary"
	"errors"
	"fmt"
	"slices"
	"testing"

	"pgregory.net/rapid"
	"postern.example/postern/internal/word/fault"
	"postern.example/postern/internal/word/person"
)

func numberedID(n uint64) person.ResourceID {
	var b [16]byte
	binary.BigEndian.PutUint64(b[8:], n)
	return resourceIDFromBytes(b[:])
}

// drawRecords makes records of a type with few codes and dates, so that queries
// often match.
func drawRecords(t *rapid.T, def *Definition) []Record {
	columns := len(def.dateColumns())
	ids := rapid.SliceOfNDistinct(rapid.Uint64Range(0, 1000), 0, 40, rapid.ID[uint64]).Draw(t, "ids")
	var recs []Record
	for _, n := range ids {
		r := Record{ID: numberedID(n), Version: rapid.Uint32().Draw(t, "version"), Flags: Flags(rapid.Uint16().Draw(t, "flags")),
			Status: uint8(rapid.IntRange(0, 8).Draw(t, "status")), Sort: rapid.Int64Range(-5, 5).Draw(t, "sort"),
			Digest: sha256.Sum256(binary.BigEndian.AppendUint64(nil, n))}
		for range columns {
			low := rapid.Int64Range(0, 10).Draw(t, "low")
			r.Dates = append(r.Dates, Dates{low, low + rapid.Int64Range(0, 10).Draw(t, "length")})
		}
		for _, code := range rapid.SliceOfNDistinct(rapid.SampledFrom([]string{"a", "b", "c"}), 0, 3, rapid.ID[string]).Draw(t, "codes") {
			r.Tokens = codingTokens(r.Tokens, "code", "http://loinc.org", code)
		}
		slices.Sort(r.Tokens)
		r.Tokens = slices.Compact(r.Tokens)
		r.Links = rapid.SampledFrom([][]uint64{nil, {1}, {1, 2}, r.Tokens}).Draw(t, "links")
		recs = append(recs, r)
	}
	return recs
}

func same(a, b Record) bool {
	return a.ID == b.ID && a.Version == b.Version && a.Flags == b.Flags && a.Status == b.Status && a.Sort == b.Sort &&
		a.Digest == b.Digest && slices.Equal(a.Dates, b.Dates) && slices.Equal(a.Tokens, b.Tokens) && slices.Equal(a.Links, b.Links)
}

func TestPartKeepsItsRecords(t *testing.T) {
	c := catalogue(t)
	rapid.Check(t, func(t *rapid.T) {
		typ := rapid.SampledFrom(c.Types()).Draw(t, "type")
		recs := drawRecords(t, c.def(typ))
		shuffled := rapid.Permutation(recs).Draw(t, "shuffled")
		b, err := c.EncodePart(typ, recs)
		if err != nil {
			t.Fatal(err)
		}
		again, err := c.EncodePart(typ, shuffled)
		if err != nil || string(again) != string(b) {
			t.Fatal("the encoding depends on the order of insertion")
		}
		p, err := c.OpenPart(typ, b)
		if err != nil {
			t.Fatal(err)
		}
		got := p.Records()
		for i, r := range recs { // EncodePart sorted them
			if !same(got[i], r) {
				t.Fatalf("record %d is %+v, want %+v", i, got[i], r)
			}
			if found, ok := p.Find(r.ID); !ok || !same(found, r) {
				t.Fatal("Find does not find a record")
			}
		}
		if _, ok := p.Find(numberedID(5000)); ok {
			t.Fatal("Find finds what is not there")
		}
	})
}

// TestSearchAgainstModel compares Search with a naive filter.
func TestSearchAgainstModel(t *testing.T) {
	c := catalogue(t)
	def := c.def("Observation")
	rapid.Check(t, func(t *rapid.T) {
		recs := drawRecords(t, def)
		b, err := c.EncodePart("Observation", recs)
		if err != nil {
			t.Fatal(err)
		}
		p, err := c.OpenPart("Observation", b)
		if err != nil {
			t.Fatal(err)
		}
		code := rapid.SampledFrom([]string{"", "a", "http://loinc.org|b", "a,c", "|a", "http://loinc.org|"}).Draw(t, "code")
		op := rapid.SampledFrom([]string{"eq", "ne", "gt", "lt", "ge", "le", "sa", "eb"}).Draw(t, "op")
		low := rapid.Int64Range(0, 12).Draw(t, "wanted")
		want := span{low, low + rapid.Int64Range(1, 5).Draw(t, "span")}
		q := Query{Count: rapid.IntRange(0, 50).Draw(t, "count"), Oldest: rapid.Bool().Draw(t, "oldest"),
			dates: [][]dateTest{{{dateOp(slices.Index(dateOps(), op)), want, 1}}}}
		if code != "" {
			if err := q.addTokens(Param{Name: "code"}, code); err != nil {
				t.Fatal(err)
			}
		}
		var expected []person.ResourceID
		for _, r := range recs {
			if (code == "" || slices.ContainsFunc(q.tokens[0], func(x uint64) bool { return slices.Contains(r.Tokens, x) })) && modelDate(op, r.Dates[1], want) {
				expected = append(expected, r.ID)
			}
		}
		if q.Oldest {
			slices.Reverse(expected)
		}
		res := p.Search(q)
		if res.Total != len(expected) || len(res.Hits) != min(q.Count, len(expected)) {
			t.Fatalf("%d of %d found, want %d", len(res.Hits), res.Total, len(expected))
		}
		for i, h := range res.Hits {
			if h.ID != expected[i] {
				t.Fatalf("hit %d is out of order", i)
			}
		}
	})
}

// modelDate is FHIR's wording, written once more.
func modelDate(op string, d Dates, w span) bool {
	if d == (Dates{}) {
		return false
	}
	contains := d.Low >= w.low && d.High <= w.high
	switch op {
	case "eq":
		return contains
	case "ne":
		return !contains
	case "gt":
		return d.High > w.high
	case "lt":
		return d.Low < w.low
	case "ge":
		return contains || d.High > w.high
	case "le":
		return contains || d.Low < w.low
	case "sa":
		return d.Low >= w.high
	case "eb":
		return d.High <= w.low
	}
	return false
}

func TestPartRefuses(t *testing.T) {
	c := catalogue(t)
	rec := func(n uint64) Record { return Record{ID: numberedID(n), Dates: []Dates{{}, {}}, Tokens: []uint64{n}} }
	if _, err := c.EncodePart("Observation", []Record{rec(1), rec(1)}); err == nil {
		t.Error("one resource twice was encoded")
	}
	if _, err := c.EncodePart("Observation", []Record{{ID: numberedID(1)}}); err == nil {
		t.Error("a record without its dates was encoded")
	}
	if _, err := c.EncodePart("Nothing", nil); err == nil {
		t.Error("an unknown type was encoded")
	}
	b, err := c.EncodePart("Observation", []Record{rec(1), rec(2), rec(3)})
	if err != nil {
		t.Fatal(err)
	}
	for n := range b {
		if _, err := c.OpenPart("Observation", b[:n]); !fault.Is(err, fault.Tampered) {
			t.Fatalf("%d bytes of a part: %v", n, err)
		}
	}
	if _, err := c.OpenPart("Observation", append(clone(b), 0)); err == nil {
		t.Error("a byte too many was accepted")
	}
	if _, err := c.OpenPart("Encounter", b); !errors.Is(err, ErrStale) {
		t.Errorf("another type's part: %v, want stale", err)
	}
	swapped := clone(b)
	size, at := recordSize+32, len(b)-3*(recordSize+32)
	copy(swapped[at:], b[at+size:at+2*size])
	copy(swapped[at+size:], b[at:at+size])
	if _, err := c.OpenPart("Observation", swapped); err == nil {
		t.Error("records out of order were accepted")
	}
}

func FuzzOpenPart(f *testing.F) {
	c := catalogue(f)
	for n := range 3 {
		var recs []Record
		for i := range n * 2 {
			recs = append(recs, Record{ID: numberedID(uint64(i)), Dates: []Dates{{1, 2}, {1, 2}}, Tokens: []uint64{uint64(n)}})
		}
		b, err := c.EncodePart("Observation", recs)
		if err != nil {
			f.Fatal(err)
		}
		f.Add(b)
	}
	q := Query{Count: 10, tokens: [][]uint64{{1}}, dates: [][]dateTest{{{opEqual, span{0, 5}, 0}}}}
	f.Fuzz(func(t *testing.T, in []byte) {
		p, err := c.OpenPart("Observation", in)
		if err != nil {
			return
		}
		_ = p.Search(q)
		again, err := c.EncodePart("Observation", p.Records())
		if err != nil || string(again) != string(in) {
			t.Fatalf("accepted bytes that are not the canonical encoding (%v)", err)
		}
	})
}

// decodeCanonical is decodeManifest for bytes that nobody has vouched for.
func decodeCanonical(b []byte) (Manifest, error) {
	m, err := decodeManifest(b)
	if err != nil {
		return Manifest{}, err
	}
	again, err := m.Encode()
	if err != nil || string(again) != string(b) {
		return Manifest{}, errPart
	}
	return m, nil
}

func TestManifest(t *testing.T) {
	m := Manifest{Parts: []PartRef{{Type: "Patient", Version: 1, Count: 1}, {Type: "Condition", Version: 7, Count: 300, Digest: sha256.Sum256(nil)}}}
	b, err := m.Encode()
	if err != nil {
		t.Fatal(err)
	}
	got, err := decodeCanonical(b)
	if err != nil || len(got.Parts) != 2 || got.Parts[0].Type != "Condition" {
		t.Fatalf("decoded %+v, %v", got, err)
	}
	if p, ok := got.Part("Condition"); !ok || p.Version != 7 || p.Count != 300 {
		t.Errorf("part is %+v", p)
	}
	if _, ok := got.Part("Goal"); ok {
		t.Error("a part that is not there")
	}
	d1, _ := m.Digest()
	d2, _ := got.Digest()
	if d1 != d2 {
		t.Error("the digest depends on the order of parts")
	}
	got.Parts[0].Version++
	if d3, _ := got.Digest(); d3 == d1 {
		t.Error("the digest does not cover the version")
	}
	for _, bad := range []Manifest{
		{Parts: []PartRef{{Type: "Goal", Version: 1}, {Type: "Goal", Version: 1}}},
		{Parts: []PartRef{{Type: "goal", Version: 1}}}, {Parts: []PartRef{{Type: "Goal"}}}, {Parts: []PartRef{{Type: "Goal", Version: 1, Count: -1}}},
	} {
		if _, err := bad.Encode(); err == nil {
			t.Errorf("%+v was encoded", bad)
		}
		if _, err := bad.Digest(); err == nil {
			t.Errorf("%+v has a digest", bad)
		}
	}
	if _, err := decodeCanonical(append(b, 0)); err == nil {
		t.Error("a byte too many was accepted")
	}
	if e, err := (Manifest{}).Encode(); err != nil {
		t.Error(err)
	} else if _, err := decodeCanonical(e); err != nil {
		t.Error(err)
	}
}

func FuzzManifest(f *testing.F) {
	b, _ := Manifest{Parts: []PartRef{{Type: "Goal", Version: 3, Count: 2}}}.Encode()
	f.Add(b)
	f.Fuzz(func(t *testing.T, in []byte) {
		m, err := decodeCanonical(in)
		if err != nil {
			return
		}
		if again, err := m.Encode(); err != nil || string(again) != string(in) {
			t.Fatal("accepted a manifest that is not canonical")
		}
	})
}

// benchPart is a chart's index of 2,000 observations of 40 codes over ten years.
func benchPart(b *testing.B, c *Catalogue) Part {
	b.Helper()
	var recs []Record
	for i := range 2000 {
		r := Record{ID: numberedID(uint64(i)), Version: 1, Status: 3, Sort: int64(i) * 157_000_000}
		r.Dates = []Dates{{r.Sort, r.Sort + 1000}}
		r.Tokens = codingTokens(r.Tokens, "code", "http://loinc.org", fmt.Sprintf("%d-0", i%40))
		r.Tokens = codingTokens(r.Tokens, "category", "http://terminology.hl7.org/CodeSystem/observation-category", []string{"laboratory", "vital-signs"}[i%2])
		r.Tokens = codingTokens(r.Tokens, "status", "http://hl7.org/fhir/observation-status", "final")
		slices.Sort(r.Tokens)
		recs = append(recs, r)
	}
	enc, err := c.EncodePart("Observation", recs)
	if err != nil {
		b.Fatal(err)
	}
	b.ReportMetric(float64(len(enc)), "bytes")
	p, err := c.OpenPart("Observation", enc)
	if err != nil {
		b.Fatal(err)
	}
	return p
}

func BenchmarkSearch2000(b *testing.B) {
	c := catalogue(b)
	for name, text := range map[string]string{
		"newest50": "_count=50", "code": "code=http://loinc.org|7-0&_count=50", "category-date": "category=laboratory&date=ge1975&_count=50",
	} {
		b.Run(name, func(b *testing.B) {
			p := benchPart(b, c)
			q, err := c.ParseSearch("Observation", text)
			if err != nil {
				b.Fatal(err)
			}
			b.ReportAllocs()
			for b.Loop() {
				if res := p.Search(q); len(res.Hits) != 50 {
					b.Fatalf("%d hits", len(res.Hits))
				}
			}
		})
	}
}

func BenchmarkOpenPart2000(b *testing.B) {
	c := catalogue(b)
	p := benchPart(b, c)
	b.ReportAllocs()
	for b.Loop() {
		if _, err := c.OpenPart("Observation", p.b); err != nil {
			b.Fatal(err)
		}
	}
}
