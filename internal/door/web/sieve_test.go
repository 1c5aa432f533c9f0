package web_test

import (
	"net/http"
	"strings"
	"testing"
	"time"

	"postern.example/postern/internal/word/person"
	"postern.example/postern/test/covers"
)

// James Okoro asks who of his care team looked in the last month. Maya Tran's doctor
// was not let in lately, and half a year ago somebody else looked: each choice shows
// its own lines, says how many, and stands sealed in the address.
func TestWhoLookedIsChosenByTimeAndWho(t *testing.T) {
	covers.Covers(t, "CH-11")
	h := lite(t)
	james, chart := h.patient(t, "chronic")
	chen := h.account(t, "Dr. Lillian Chen", nobody, person.RoleClinician)
	brooks := h.account(t, "Samuel Brooks", nobody, person.RoleNurse)
	h.assign(t, chen, chart)
	h.assign(t, brooks, chart)
	open := func(b *browser) { b.post("/clinic/"+chart.String(), "purpose", "TREAT") }
	open(brooks)
	h.Clock.Add(4 * 31 * 24 * time.Hour)
	for _, b := range []*browser{james, chen} {
		want(t, "signed in again", b.signIn(t), http.StatusOK)
	}
	open(chen)
	iglesias := h.account(t, "Dr. Tomás Iglesias", nobody, person.RoleClinician) // not assigned
	open(iglesias)
	james.get("/conditions")

	list := func(fields ...string) string {
		t.Helper()
		to := james.sendForm("/access-log", fields...).Header().Get("Location")
		if !strings.HasPrefix(to, "/access-log?q=") || strings.Contains(to, "month") || strings.Contains(to, "nurse") {
			t.Fatalf("the choice leads to %q", to)
		}
		w := james.get(to)
		want(t, strings.Join(fields, " "), w, http.StatusOK, "Shown here:")
		page := w.Body.String()
		return between(t, page, `class="chosen"`, `class="note"`)
	}
	for _, c := range []struct {
		fields      string
		has, hasNot []string
	}{
		{"period month kind team", []string{"Last month · Care team", "Dr. Lillian Chen"}, []string{"Samuel Brooks", "You opened"}},
		{"period half kind team", []string{"Last 6 months", "Dr. Lillian Chen", "Samuel Brooks"}, []string{"You opened"}},
		{"role nurse", []string{"Nurse", "Samuel Brooks"}, []string{"Dr. Lillian Chen", "You opened"}},
		{"kind refused", []string{"Was not let in", "Iglesias"}, []string{"Dr. Lillian Chen", "Samuel Brooks"}},
		{"kind self", []string{"Myself", "You opened"}, []string{"Dr. Lillian Chen", "Samuel Brooks"}},
		{"kind apps", []string{"Apps and programs", "A program of the clinic"}, []string{"Dr. Lillian Chen", "You opened"}},
		{"kind office period month", []string{"No line fits."}, []string{"Dr. Lillian Chen", "You opened"}},
	} {
		got := list(strings.Fields(c.fields)...)
		for _, s := range c.has {
			if !strings.Contains(got, s) {
				t.Errorf("%s: no %q in\n%s", c.fields, s, got)
			}
		}
		for _, s := range c.hasNot {
			if strings.Contains(got, s) {
				t.Errorf("%s: %q in\n%s", c.fields, s, got)
			}
		}
	}
	to := james.sendForm("/access-log", "kind", "team").Header().Get("Location")
	want(t, "on paper", james.get(to+"&as=text"), http.StatusOK, "Shown here: All of it · Care team · Any role.")
	for _, bad := range [][]string{{"kind", "nobody"}, {"period", "week"}, {"role", "king"}, {"older", "x"}} {
		if w := james.get(james.sendForm("/access-log", bad...).Header().Get("Location")); w.Code != http.StatusBadRequest {
			t.Errorf("%v: %d", bad, w.Code)
		}
	}
}
