package app_test

import (
	"encoding/json"
	"maps"
	"strings"
	"testing"

	"postern.example/postern/internal/app/apptest"
	"postern.example/postern/internal/trust/audit"
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
