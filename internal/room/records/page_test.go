package records

import (
	"bytes"
	"crypto/sha256"
	"encoding/json"
	"fmt"
	"net/url"
	"slices"
	"strings"
	"testing"

	"pgregory.net/rapid"

	"postern.example/postern/internal/trust/access"
	"postern.example/postern/internal/word/fault"
	"postern.example/postern/internal/word/person"
	"postern.example/postern/internal/word/phi"
	"postern.example/postern/test/covers"
)

// memoryLinks keeps what it seals, by caller and path, as package session would.
type memoryLinks struct{ kept map[string]string }

func (m *memoryLinks) SealQuery(c person.Caller, path, text string) (string, error) {
	sum := sha256.Sum256([]byte(c.Key() + " " + path + " " + text))
	name := fmt.Sprintf("s%x", sum[:9])
	m.kept[c.Key()+" "+path+" "+name] = text
	return name, nil
}

func (m *memoryLinks) OpenQuery(c person.Caller, path, sealed string) (string, error) {
	text, ok := m.kept[c.Key()+" "+path+" "+sealed]
	if !ok {
		return "", fault.New(fault.Gone, "open query")
	}
	return text, nil
}

// page is an answer as a program reads it.
type page struct {
	Type  string
	Total int
	Link  []struct{ Relation, URL string }
	Entry []struct {
		FullURL  string
		Resource struct {
			ResourceType, ID string
			Meta             struct{ VersionID, LastUpdated string }
		}
		Search  struct{ Mode string }
		Request struct{ Method, URL string }
	}
}

func (p page) link(relation string) string {
	for _, l := range p.Link {
		if l.Relation == relation {
			return l.URL
		}
	}
	return ""
}

// modes lists Type/id of the entries of one mode.
func (p page) modes(mode string) (out []string) {
	for _, e := range p.Entry {
		if e.Search.Mode == mode {
			out = append(out, e.Resource.ResourceType+"/"+e.Resource.ID)
		}
	}
	return out
}

const testBase = "https://portal.example/fhir/R4"

func (k *clinicKit) ask(t *testing.T, c person.Caller, typ, text string) (p page, err error) {
	t.Helper()
	err = k.store.Searchset(t.Context(), c, typ, text, testBase, func(d phi.Doc) error {
		return json.Unmarshal(d.Reveal(), &p)
	})
	return p, err
}

// follow asks for the page that a link leads to.
func (k *clinicKit) follow(t *testing.T, c person.Caller, link string) (page, error) {
	t.Helper()
	u, err := url.Parse(link)
	if err != nil || !strings.HasPrefix(link, testBase+"/") {
		t.Fatalf("link %q, %v", link, err)
	}
	return k.ask(t, c, strings.TrimPrefix(u.Path, "/fhir/R4/"), u.RawQuery)
}

// Maya turns the pages of her results: each comes once, in order, and the way back
// leads over the same pages. No address says what she asked for.
func TestPagesLeadOverEverythingOnce(t *testing.T) {
	covers.Covers(t, "SD-3")
	eachStore(t, func(t *testing.T, k *clinicKit) {
		maya := k.people.Add(t, k.persona(t, "mother"), k.Clock.Now(), person.RolePatient)
		for _, order := range []string{"", "&_sort=date", "&_sort=-date", "&_sort=_lastUpdated", "&_sort=-_lastUpdated"} {
			text := "category=laboratory" + order
			whole, err := k.ask(t, maya, "Observation", text+"&_count=1000")
			if err != nil || whole.Total < 15 || whole.link("next") != "" {
				t.Fatalf("%s: %d, %v", order, whole.Total, err)
			}
			var got []string
			p, err := k.ask(t, maya, "Observation", text+"&_count=7")
			var last page
			for pages := 0; err == nil; pages++ {
				for _, l := range p.Link {
					if strings.Contains(l.URL, "laboratory") || strings.Contains(l.URL, "category") {
						t.Fatalf("the link %s says what was asked", l.URL)
					}
				}
				if p.Total != whole.Total || (pages > 0) != (p.link("previous") != "") || pages > 20 {
					t.Fatalf("page %d: total %d, links %v", pages, p.Total, p.Link)
				}
				if again, err := k.follow(t, maya, p.link("self")); err != nil || !slices.Equal(again.modes("match"), p.modes("match")) {
					t.Fatalf("self leads elsewhere: %v", err)
				}
				if pages > 0 {
					if back, err := k.follow(t, maya, p.link("previous")); err != nil || !slices.Equal(back.modes("match"), last.modes("match")) {
						t.Fatalf("the way back: %v, want %v, %v", back.modes("match"), last.modes("match"), err)
					}
				}
				got, last = append(got, p.modes("match")...), p
				if p.link("next") == "" {
					break
				}
				p, err = k.follow(t, maya, p.link("next"))
			}
			if err != nil || !slices.Equal(got, whole.modes("match")) {
				t.Errorf("%s: the pages hold %d of %d, %v", order, len(got), whole.Total, err)
			}
		}
	})
}

// A new result that comes in between two pages moves nothing.
func TestAChartThatGrowsBetweenPages(t *testing.T) {
	eachStore(t, func(t *testing.T, k *clinicKit) {
		bundle := func(days ...int) []byte {
			rs := []string{`{"resourceType":"Patient","id":"11111111-1111-4111-8111-111111111111","name":[{"family":"Field","given":["Rosa"]}],"birthDate":"1984-05-01"}`}
			for _, d := range days {
				rs = append(rs, fmt.Sprintf(`{"resourceType":"Observation","id":"22222222-2222-4222-8222-2222222222%02d","status":"final","code":{"text":"Glucose"},"subject":{"reference":"Patient/11111111-1111-4111-8111-111111111111"},"effectiveDateTime":"2026-01-%02d"}`, d, d))
			}
			return []byte(bundleOf(rs...))
		}
		rosa := k.load(t, bundle(2, 4, 6, 8, 10)).Patient
		c := k.people.Add(t, rosa, k.Clock.Now(), person.RolePatient)
		p, err := k.ask(t, c, "Observation", "_count=2")
		if err != nil {
			t.Fatal(err)
		}
		seen := p.modes("match")
		k.load(t, bundle(1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12))
		for p.link("next") != "" {
			if p, err = k.follow(t, c, p.link("next")); err != nil {
				t.Fatal(err)
			}
			seen = append(seen, p.modes("match")...)
		}
		// 10, 8 before; then what is older than 8: 7 to 1.
		if once := slices.Compact(slices.Sorted(slices.Values(seen))); p.Total != 12 || len(seen) != 9 || len(once) != 9 {
			t.Errorf("%d seen, %d once, total %d", len(seen), len(once), p.Total)
		}
	})
}

// A link opens for whom it was made and where it was made, and nobody learns from
// another's.
func TestALinkIsItsCallersOwn(t *testing.T) {
	covers.Covers(t, "SD-3")
	eachStore(t, func(t *testing.T, k *clinicKit) {
		mother := k.persona(t, "mother")
		maya := k.people.Add(t, mother, k.Clock.Now(), person.RolePatient)
		nurse := k.people.Add(t, person.PatientID{}, k.Clock.Now(), person.RoleNurse)
		k.people.Assign(nurse.Account(), mother)
		text := "patient=" + person.PatientResource(mother).String() + "&_count=3"
		hers, err := k.ask(t, maya, "Observation", text)
		if err != nil || hers.link("next") == "" {
			t.Fatalf("%v, %v", hers.Link, err)
		}
		// The same question of somebody else, who may ask it, gets links of its own.
		theirs, err := k.ask(t, nurse, "Observation", text)
		if err != nil || theirs.link("next") == "" || theirs.link("next") == hers.link("next") || theirs.link("self") == hers.link("self") {
			t.Errorf("the nurse was given %v, %v", theirs.Link, err)
		}
		if _, err := k.follow(t, nurse, theirs.link("next")); err != nil {
			t.Errorf("the nurse's own link: %v", err)
		}
		refused := func(what string, err error, want fault.Kind) {
			t.Helper()
			if !fault.Is(err, want) {
				t.Errorf("%s: %v, want %v", what, err, want)
			}
		}
		_, err = k.follow(t, nurse, hers.link("next"))
		refused("another's link", err, fault.Gone)
		if fault.Message(err) != "error.page-link" {
			t.Errorf("another's link says %s", fault.Message(err))
		}
		_, err = k.follow(t, maya, strings.Replace(hers.link("next"), "Observation", "Condition", 1))
		refused("another type", err, fault.Gone)
		_, err = k.follow(t, maya, hers.link("next")+"x")
		refused("a changed link", err, fault.Gone)
		_, err = k.follow(t, maya, hers.link("next")+"&patient=x")
		refused("a link and more", err, fault.Invalid)
		_, err = k.follow(t, maya, hers.link("next")+"&_page=s1")
		refused("two links", err, fault.Invalid)
		// A client may ask for another number on the way (some always do), or for JSON.
		if p, err := k.follow(t, maya, strings.Replace(hers.link("next"), "_count=3", "_count=1&_format=json", 1)); err != nil || len(p.Entry) != 1 || !strings.Contains(p.link("next"), "_count=1&") {
			t.Errorf("another count: %v, %v", p.Link, err)
		}
		_, err = k.follow(t, maya, strings.Replace(hers.link("next"), "_count=3", "_count=-1", 1))
		refused("a bad count", err, fault.Invalid)
		_, err = k.follow(t, maya, hers.link("next")+"&_format=xml")
		refused("another form", err, fault.NotAcceptable)
		// After her account is suspended, the link that was the nurse's opens nothing.
		k.people.Set(nurse.Account(), access.Standing{Roles: []person.Role{person.RoleNurse}})
		_, err = k.follow(t, nurse, theirs.link("next"))
		refused("a link that outlives the right", err, fault.NotFound)
	})
}

func TestPositionsComeBack(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		text := rapid.String().Draw(t, "text")
		at := &position{key: rapid.Int64().Draw(t, "key"), id: numberedID(rapid.Uint64().Draw(t, "id")), back: rapid.Bool().Draw(t, "back")}
		if rapid.Bool().Draw(t, "first") {
			at = nil
		}
		got, rest, err := decodePage(encodePage(at, text))
		if err != nil || rest != text || (got == nil) != (at == nil) || at != nil && *got != *at {
			t.Fatalf("%+v comes back as %+v, %q as %q, %v", at, got, text, rest, err)
		}
	})
}

// A link whose text was cut short, or begins with no form that there is, is over; it
// leads to no page and ends nobody's server.
func TestALinkCutShortIsOver(t *testing.T) {
	for _, back := range []bool{false, true} {
		whole := encodePage(&position{key: 3, id: numberedID(4), back: back}, "")
		for n := range whole {
			if at, _, err := decodePage(whole[:n]); !fault.Is(err, fault.Gone) {
				t.Errorf("%d bytes of it lead to %+v, %v", n, at, err)
			}
		}
		if at, text, err := decodePage(whole); err != nil || at == nil || text != "" {
			t.Errorf("all of it: %+v, %q, %v", at, text, err)
		}
	}
	for _, s := range []string{"", "\x00code=a", "\x04code=a"} {
		if _, _, err := decodePage(s); !fault.Is(err, fault.Gone) {
			t.Errorf("%q: %v", s, err)
		}
	}
}

// Pages of any search, however small and in whichever order, are the search in pieces.
func TestPagesAreTheSearchInPieces(t *testing.T) {
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
		q := Query{Count: 1000, Oldest: rapid.Bool().Draw(t, "oldest"), sort: rapid.IntRange(0, 2).Draw(t, "sort")}
		if rapid.Bool().Draw(t, "by code") {
			q.tokens = [][]uint64{{token("code", anySystem, "a")}}
		}
		whole := p.Search(q)
		q.Count = rapid.IntRange(1, 5).Draw(t, "count")
		var got []Hit
		res := p.Search(q)
		for {
			got = append(got, res.Hits...)
			if res.Total != whole.Total || res.After != (len(got) < whole.Total) {
				t.Fatalf("total %d of %d, after %v with %d", res.Total, whole.Total, res.After, len(got))
			}
			if !res.After {
				break
			}
			at := res.Hits[len(res.Hits)-1].place()
			q.from = &at
			next := p.Search(q)
			if len(next.Hits) == 0 {
				t.Fatal("a page that was announced is empty")
			}
			back := next.Hits[0].place()
			back.back = true
			q.from = &back
			if again := p.Search(q); !slices.Equal(again.Hits, res.Hits) {
				t.Fatalf("the way back gives %v, want %v", again.Hits, res.Hits)
			}
			res = next
		}
		if !slices.Equal(got, whole.Hits) {
			t.Fatalf("pages %v, whole %v", got, whole.Hits)
		}
	})
}

func FuzzPage(f *testing.F) {
	f.Add(encodePage(nil, "code=a"))
	f.Add(encodePage(&position{key: 3, id: numberedID(4), back: true}, "code=a"))
	f.Fuzz(func(t *testing.T, s string) {
		at, text, err := decodePage(s)
		if err == nil && encodePage(at, text) != s {
			t.Fatal("a page has two forms")
		}
		if sealed, _, err := parseLink(s); err == nil && sealed != "" {
			if v, err := url.ParseQuery(s); err != nil || len(v[PageParam]) != 1 || len(v) > 3 {
				t.Fatal("something stood beside the link")
			}
		}
	})
}

// The first form of an index is read by the rework alone.
func TestAnIndexOfTheFirstFormIsStale(t *testing.T) {
	c := catalogue(t)
	for n := range 4 {
		var recs []Record
		for i := range n {
			recs = append(recs, Record{ID: numberedID(uint64(i)), Version: 2, Flags: 1, Dates: []Dates{{}, {1, 2}}, Tokens: []uint64{uint64(i / 2)}})
		}
		b, err := c.EncodePart("Observation", recs)
		if err != nil {
			t.Fatal(err)
		}
		// Without links, every set but the codes' goes, and four bytes of every record.
		old := &Catalogue{byType: map[string]*Definition{"Observation": {Type: "Observation", columns: []string{"a", "b"}, schemaID: 7}}}
		was := asFirstForm(recs)
		if _, err := c.OpenPart("Observation", was); err != ErrStale { //nolint:errorlint // the very value
			t.Fatalf("first form: %v", err)
		}
		if _, err := old.OpenPart("Observation", was); err != nil {
			t.Fatalf("first form, read as such: %v", err)
		}
		got, stale, err := c.staleRecords("Observation", was)
		if err != nil || !stale || len(got) != n {
			t.Fatalf("%d of %d, stale %v, %v", len(got), n, stale, err)
		}
		for i, r := range got {
			if r.ID != recs[i].ID || r.Version != 2 || r.Flags != 1 || r.Digest != recs[i].Digest || len(r.Links) != 0 {
				t.Errorf("record %d is %+v", i, r)
			}
		}
		if _, stale, err := c.staleRecords("Observation", b); stale || err != nil {
			t.Errorf("one of today: stale %v, %v", stale, err)
		}
		for cut := range was {
			if _, _, err := c.staleRecords("Observation", was[:cut]); !fault.Is(err, fault.Tampered) {
				t.Fatalf("%d bytes of it: %v", cut, err)
			}
		}
	}
}

// asFirstForm encodes records as the first version did.
func asFirstForm(recs []Record) []byte {
	b := append([]byte(oldMagic), 0, 0, 0, 0, 0, 0, 0, 7, 2)
	sets, of := [][]uint64{}, []int{}
	for _, r := range recs {
		i := slices.IndexFunc(sets, func(s []uint64) bool { return slices.Equal(s, r.Tokens) })
		if i < 0 {
			i, sets = len(sets), append(sets, r.Tokens)
		}
		of = append(of, i)
	}
	be := func(n int) []byte { return []byte{byte(n >> 24), byte(n >> 16), byte(n >> 8), byte(n)} }
	b = append(b, bytes.Join([][]byte{be(len(recs)), be(len(sets)), be(len(sets))}, nil)...)
	for i := range sets {
		b = append(b, be(i+1)...)
	}
	for _, s := range sets {
		b = append(b, tokenBytes(s)...)
	}
	for i, r := range recs {
		now := r.encode(nil, [2]uint32{uint32(of[i]), 0})
		b = append(append(b, now[:len(now)-linksFrom]...), now[len(now)-32:]...)
	}
	return b
}
