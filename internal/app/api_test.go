package app_test

import (
	"crypto/rand"
	"encoding/json"
	"maps"
	"slices"
	"strings"
	"testing"

	"postern.example/postern/internal/app/apptest"
	"postern.example/postern/internal/trust/audit"
	"postern.example/postern/internal/word/person"
	"postern.example/postern/test/covers"
)

// Covers CH-13, HC-7b: a foreign identifier and one that does not exist have the
// same status, body and headers, by API and by page, and each has one entry.
func TestForeignIsLikeMissing(t *testing.T) {
	covers.Covers(t, "CH-13", "HC-7b")
	in := apptest.Start(t, apptest.Options{Fill: true})
	mother, teen := in.Token(t, "mother"), in.Token(t, "teen")
	var found struct {
		Entry []struct{ Resource struct{ ID string } }
	}
	must(t, json.Unmarshal(in.API(t, teen, "/Observation").Body, &found))
	foreign := found.Entry[0].Resource.ID
	missing := strings.Repeat("a", len(foreign)-1) + "q"
	same := func(what string, a, b apptest.Answer) {
		t.Helper()
		id := a.Header.Get("X-Request-Id")
		bodyA := strings.ReplaceAll(string(a.Body), id, "ID")
		bodyB := strings.ReplaceAll(string(b.Body), b.Header.Get("X-Request-Id"), "ID")
		for _, h := range []string{"X-Request-Id", "Date"} {
			a.Header.Del(h)
			b.Header.Del(h)
		}
		if a.Status != 404 || b.Status != 404 || bodyA != bodyB || !maps.EqualFunc(a.Header, b.Header, func(x, y []string) bool { return strings.Join(x, "\n") == strings.Join(y, "\n") }) {
			t.Errorf("%s: %d %s %v\nand %d %s %v", what, a.Status, bodyA, a.Header, b.Status, bodyB, b.Header)
		}
	}
	from := in.Log.Size()
	same("API", in.API(t, mother, "/Observation/"+foreign), in.API(t, mother, "/Observation/"+missing))
	same("other type", in.API(t, mother, "/Condition/"+foreign), in.API(t, mother, "/Condition/"+missing))
	refusals := 0
	for _, e := range entries(t, in.App, from) {
		if e.Outcome == audit.Refused {
			refusals++
		}
	}
	if refusals == 0 {
		t.Error("no refusal is in the log")
	}
	b := in.Enter(t, "mother")
	a, c := b.Get(t, "/results/"+foreign), b.Get(t, "/results/"+missing)
	if a.Status != 404 || c.Status != 404 || len(a.Body) != len(c.Body) {
		t.Errorf("pages: %d with %d bytes, %d with %d bytes", a.Status, len(a.Body), c.Status, len(c.Body))
	}
}

// One token that asks for ever new identifiers is slowed down: the log does not
// grow with its guesses, and a foreign identifier stays like a missing one.
func TestGuessingIsSlowedDown(t *testing.T) {
	covers.Covers(t, "HC-7b", "CH-13")
	in := apptest.Start(t, apptest.Options{Fill: true})
	mother, teen := in.Token(t, "mother"), in.Token(t, "teen")
	var found struct {
		Entry []struct{ Resource struct{ ID string } }
	}
	must(t, json.Unmarshal(in.API(t, teen, "/Observation").Body, &found))
	foreign := found.Entry[0].Resource.ID
	guesses := map[int]string{}
	missing := func(n int) string {
		if guesses[n] == "" {
			id, err := person.NewResourceID(rand.Reader)
			must(t, err)
			guesses[n] = id.String()
		}
		return guesses[n]
	}
	from := in.Log.Size()
	for n := range 3 * audit.RefusalSpread {
		want := 404
		if n >= audit.RefusalSpread {
			want = 429
		}
		if got := in.API(t, mother, "/Observation/"+missing(n)); got.Status != want {
			t.Fatalf("guess %d: %d, want %d", n, got.Status, want)
		}
	}
	if n := in.Log.Size() - from; n > audit.RefusalSpread+2 {
		t.Errorf("%d guesses made %d entries", 3*audit.RefusalSpread, n)
	}
	// What was guessed before is still answered as before, from the count.
	if got := in.API(t, mother, "/Observation/"+missing(0)); got.Status != 404 {
		t.Errorf("an earlier guess: %d", got.Status)
	}
	slowed := func(what string, a, b apptest.Answer) {
		t.Helper()
		if a.Status != 429 || b.Status != 429 || a.Header.Get("Retry-After") != "60" || !slices.Equal(slices.Sorted(maps.Keys(a.Header)), slices.Sorted(maps.Keys(b.Header))) {
			t.Errorf("%s: %d %v and %d %v", what, a.Status, a.Header, b.Status, b.Header)
		}
		for h := range a.Header {
			if h != "X-Request-Id" && h != "Date" && h != "Content-Security-Policy" && a.Header.Get(h) != b.Header.Get(h) {
				t.Errorf("%s: %s is %q and %q", what, h, a.Header.Get(h), b.Header.Get(h))
			}
		}
		if len(a.Body) != len(b.Body) {
			t.Errorf("%s: %s\nand %s", what, a.Body, b.Body)
		}
	}
	slowed("API", in.API(t, mother, "/Observation/"+foreign), in.API(t, mother, "/Observation/"+missing(9999)))
	b := in.Enter(t, "mother") // another session has no share of its own
	slowed("page", b.Get(t, "/results/"+foreign), b.Get(t, "/results/"+missing(9999)))
	if got := b.Get(t, "/results"); got.Status != 200 {
		t.Errorf("the own results: %d", got.Status)
	}
	if got := in.API(t, teen, "/Observation/"+missing(1)); got.Status != 404 {
		t.Errorf("somebody else: %d", got.Status)
	}
}
