package records

import (
	"crypto/sha256"
	"fmt"
	"slices"
	"strings"
	"testing"

	"pgregory.net/rapid"

	"postern.example/postern/internal/trust/db"
	"postern.example/postern/internal/trust/db/dbtest"
	"postern.example/postern/internal/trust/vault"
	"postern.example/postern/internal/trust/vault/vaulttest"
	"postern.example/postern/internal/word/fault"
	"postern.example/postern/internal/word/person"
	"postern.example/postern/internal/word/phi"
	"postern.example/postern/test/covers"
)

// scans is Rosa's chart with documents, of which the n-th has sizes[n] letters of data.
func scans(sizes ...int) []byte {
	rs := []string{rosa}
	for i, n := range sizes {
		rs = append(rs, fmt.Sprintf(`{"resourceType":"DocumentReference","id":"d-%d","status":"current","content":[{"attachment":{"contentType":"application/pdf","data":"%s"}}],"subject":{"reference":"Patient/rosa"},"date":"2026-01-02T00:00:%02dZ"}`,
			i, strings.Repeat("QUJD", n/4), i%60))
	}
	return []byte(bundleOf(rs...))
}

func scanStore(t *testing.T) *clinicKit {
	t.Helper()
	return openStore(t, dbtest.New(t, db.SQLite, vaulttest.Migrations(Migrations()...), dbtest.NoSync))
}

// Rosa's scanned documents are 30 MB. A program that asks for all of them at once is
// given as many as an answer holds, and a link to the rest.
func TestAnAnswerIsBoundedInBytes(t *testing.T) {
	covers.Covers(t, "SD-3", "SD-6")
	k := scanStore(t)
	sizes := slices.Repeat([]int{800_000}, 38)
	c := k.people.Add(t, k.load(t, scans(sizes...)).Patient, k.Clock.Now(), person.RolePatient)
	text, n := "_count=1000", 0
	for pages := 0; text != ""; pages++ {
		next := ""
		err := k.store.Searchset(t.Context(), c, "DocumentReference", text, testBase, func(d phi.Doc) error {
			if d.Len() > answerMost+1<<20 {
				t.Errorf("page %d has %d bytes", pages, d.Len())
			}
			return nil
		})
		p, err2 := k.ask(t, c, "DocumentReference", text)
		if err != nil || err2 != nil || p.Total != len(sizes) || pages > len(sizes) {
			t.Fatalf("page %d: total %d, %v, %v", pages, p.Total, err, err2)
		}
		if n += len(p.Entry); p.link("next") != "" {
			_, next, _ = strings.Cut(p.link("next"), "?")
		}
		text = next
	}
	if n != len(sizes) {
		t.Errorf("the pages hold %d of %d", n, len(sizes))
	}
	// What would come along has no next page, so too much of it is refused in words.
	_, err := k.ask(t, c, "Patient", "_revinclude=DocumentReference:patient")
	if !fault.Is(err, fault.TooCostly) || fault.Of(err).Status() != 413 || fault.Of(err).Issue() != "too-costly" {
		t.Errorf("30 MB come along: %v", err)
	}
}

// However large the resources are and however little an answer holds, the pages lead over
// all of them once, in order, there and back, and each is full or says where it goes on.
func TestFullPagesLoseNothing(t *testing.T) {
	covers.Covers(t, "SD-3")
	k := scanStore(t)
	sizes := []int{20, 9000, 40, 500, 3000, 12000, 60, 80, 2500, 1200, 6000, 100}
	c := k.people.Add(t, k.load(t, scans(sizes...)).Patient, k.Clock.Now(), person.RolePatient)
	k.store.cache = newCache(0) // another bound gives another answer
	rapid.Check(t, func(rt *rapid.T) {
		k.store.answerMost = answerMost
		text := rapid.SampledFrom([]string{"", "_sort=date&", "_sort=-_lastUpdated&"}).Draw(rt, "order")
		whole, err := k.ask(t, c, "DocumentReference", text+"_count=1000")
		if err != nil || len(whole.Entry) != len(sizes) {
			rt.Fatalf("%d of %d, %v", len(whole.Entry), len(sizes), err)
		}
		k.store.answerMost = rapid.IntRange(0, 30_000).Draw(rt, "most")
		count := rapid.IntRange(1, len(sizes)+1).Draw(rt, "count")
		there, last := walk(rt, t, k, c, fmt.Sprintf("%s_count=%d", text, count), "next")
		if !slices.Equal(there, whole.modes("match")) {
			rt.Errorf("there: %d of %d", len(there), len(sizes))
		}
		if last.link("previous") == "" {
			return
		}
		back, begin := walk(rt, t, k, c, "", "previous", last)
		if !slices.Equal(back, whole.modes("match")) || begin.link("previous") != "" {
			rt.Errorf("back: %d of %d", len(back), len(sizes))
		}
	})
}

// walk follows a link until there is none, from a question or a page, and lists what it
// saw in the order of the search.
func walk(rt *rapid.T, t *testing.T, k *clinicKit, c person.Caller, text, relation string, from ...page) (seen []string, p page) {
	var err error
	if len(from) > 0 {
		p = from[0]
	} else if p, err = k.ask(t, c, "DocumentReference", text); err != nil {
		rt.Fatal(err)
	}
	for pages := 0; ; pages++ {
		if len(p.Entry) == 0 || pages > 50 {
			rt.Fatalf("page %d has %d entries", pages, len(p.Entry))
		}
		if relation == "next" {
			seen = append(seen, p.modes("match")...)
		} else {
			seen = append(p.modes("match"), seen...)
		}
		if p.link(relation) == "" {
			return seen, p
		}
		if p, err = k.follow(t, c, p.link(relation)); err != nil {
			rt.Fatal(err)
		}
	}
}

// A history of large versions goes on with the next page too.
func TestAHistoryIsBoundedInBytes(t *testing.T) {
	covers.Covers(t, "SD-6")
	k := scanStore(t)
	var rosa person.PatientID
	for _, n := range []int{100, 9000, 200, 12000, 300, 400, 5000, 600, 700} {
		rosa = k.load(t, scans(n)).Patient
	}
	c := k.people.Add(t, rosa, k.Clock.Now(), person.RolePatient)
	found, err := k.store.Search(t.Context(), c, "DocumentReference", "")
	if err != nil {
		t.Fatal(err)
	}
	path := "DocumentReference/" + found.Resources[0].ID.String() + "/_history"
	ask := func(text string) (p page) {
		t.Helper()
		p, err := k.historyOf(t, c, path, text)
		if err != nil {
			t.Fatal(err)
		}
		return p
	}
	for _, most := range []int{0, 1000, 10_000, 15_000, 1 << 20} {
		for _, count := range []int{1, 3, 100} {
			k.store.answerMost = most
			there, back := "", ""
			p := ask(fmt.Sprintf("_count=%d", count))
			for ; ; p = ask(p.link("next")) {
				there += p.versions()
				if p.Total != 9 || len(p.Entry) == 0 || len(there) > 20 {
					t.Fatalf("%d bytes, %d at once: %s, then %d", most, count, there, len(p.Entry))
				}
				if p.link("next") == "" {
					break
				}
			}
			for ; ; p = ask(p.link("previous")) {
				if back = p.versions() + back; p.link("previous") == "" || len(back) > 20 {
					break
				}
			}
			if there != "987654321" || back != there {
				t.Errorf("%d bytes, %d at once: there %s, back %s", most, count, there, back)
			}
		}
	}
}

func (p page) versions() (out string) {
	for _, e := range p.Entry {
		out += e.Resource.Meta.VersionID
	}
	return out
}

// An answer that is too large to be kept is not sealed either.
func TestALargeAnswerIsNotKept(t *testing.T) {
	k := scanStore(t)
	c := k.people.Add(t, k.load(t, scans(20_000)).Patient, k.Clock.Now(), person.RolePatient)
	kept := func() bool {
		t.Helper()
		a, err := k.store.decideSearch(t.Context(), c, "DocumentReference", "_count=5")
		if err != nil {
			t.Fatal(err)
		}
		if _, err := k.ask(t, c, "DocumentReference", "_count=5"); err != nil {
			t.Fatal(err)
		}
		sum := sha256.Sum256([]byte(k.store.question(a, testBase, "_count=5")))
		_, _, ok := k.store.answers.Get(answerKey{owner: a.owner, typ: "DocumentReference", id: [16]byte(sum[:16]), field: vault.FieldList})
		return ok
	}
	all := k.store.cache
	k.store.cache = newCache(64 << 10)
	if kept() {
		t.Error("an answer over a quarter of the cache was sealed")
	}
	if k.store.cache = all; !kept() {
		t.Error("a small one was not kept")
	}
}

// Rosa's teams name twenty people whose entries are large, and more than a file takes along. Each of
// the twenty comes, under one entry for fifty; of the many no more than the bound are asked for.
func TestAFileTakesAlongWhomItNames(t *testing.T) {
	for _, c := range []struct{ people, letters, want int }{{20, 900_000, 20}, {namedMost + 300, 1, namedMost}} {
		k := scanStore(t)
		var members []string
		rs := []string{rosa}
		for i := range c.people {
			rs = append(rs, fmt.Sprintf(`{"resourceType":"Practitioner","id":"p-%d","name":[{"family":"Doc%d","text":"%s"}]}`, i, i, strings.Repeat("x", c.letters)))
			members = append(members, fmt.Sprintf(`{"member":{"reference":"Practitioner/p-%d"}}`, i))
		}
		rs = append(rs, `{"resourceType":"CareTeam","id":"t","status":"active","subject":{"reference":"Patient/rosa"},"participant":[`+strings.Join(members, ",")+`]}`)
		p := k.load(t, []byte(bundleOf(rs...))).Patient
		caller := k.people.Add(t, p, k.Clock.Now(), person.RolePatient)
		chart, err := k.store.View(t.Context(), caller, p, "page/record", "CareTeam")
		if err != nil {
			t.Fatal(err)
		}
		from := k.Log.Size()
		list, err := k.store.Named(t.Context(), caller, chart.Resources("CareTeam"))
		if err != nil {
			t.Fatal(err)
		}
		if entries := int(k.Log.Size() - from); len(list) != c.want || entries > (c.want+sharedAtOnce-1)/sharedAtOnce {
			t.Errorf("%d people are named: %d came along, with %d entries", c.people, len(list), entries)
		}
	}
}
