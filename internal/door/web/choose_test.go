package web_test

import (
	"encoding/base64"
	"net/http"
	"strings"
	"testing"
	"time"

	"postern.example/postern/internal/room/identity/identitytest"
	"postern.example/postern/internal/word/person"
	"postern.example/postern/test/covers"
)

// What a form asks a page for is answered with a page that Back and Reload can fetch.
// Its address says nothing, opens for one session and one page, and for half an hour.
func TestFormsLeadToPages(t *testing.T) {
	covers.Covers(t, "CH-11")
	h := lite(t)
	b, chart := h.patient(t, "mother")
	to := b.sendForm("/results", "category", "vital-signs").Header().Get("Location")
	if _, sealed, ok := strings.Cut(to, "/results?q="); !ok || strings.Contains(to, "vital") {
		t.Fatalf("the form leads to %q", to)
	} else if raw, err := base64.RawURLEncoding.DecodeString(sealed); err != nil || strings.Contains(string(raw), "vital") {
		t.Errorf("the address is not sealed: %q, %v", raw, err)
	}
	for range 2 { // and again, as Back does
		want(t, "the page", b.get(to), http.StatusOK, `value="vital-signs" aria-pressed="true"`)
	}
	over := func(what string, b *browser, path, back string) {
		t.Helper()
		w := b.get(path)
		if want(t, what, w, http.StatusSeeOther); w.Header().Get("Location") != back {
			t.Errorf("%s leads to %q", what, w.Header().Get("Location"))
		}
	}
	last := to[len(to)-2:]
	over("a changed address", b, strings.TrimSuffix(to, last)+"AA", "/results")
	over("another page's", b, "/clinic/"+chart.String()+"/chart?q="+strings.TrimPrefix(to, "/results?q="), "/clinic/"+chart.String())
	other := h.stranger()
	other.device = b.device
	other.signIn(t)
	over("another session's", other, to, "/results")
	want(t, "and it is said", other.get("/results"), http.StatusOK, "too long ago")
	h.Clock.Add(14 * time.Minute) // the session lives by its use
	want(t, "used", b.get(to), http.StatusOK)
	h.Clock.Add(14 * time.Minute)
	want(t, "used", b.get(to), http.StatusOK)
	h.Clock.Add(3 * time.Minute)
	over("after half an hour", b, to, "/results")
}

// A chart opens for a purpose that was stated in this session: an address from
// elsewhere leads to the question, and nothing is opened.
func TestChartsOpenOnlyForAStatedPurpose(t *testing.T) {
	h := lite(t)
	_, chart := h.patient(t, "mother")
	_, elder := h.patient(t, "elder")
	doctor, second := h.account(t, "Dr. Lillian Chen", nobody, person.RoleClinician), h.account(t, "Dr. Ann Lee", nobody, person.RoleClinician)
	for _, d := range []*browser{doctor, second} {
		h.assign(t, d, chart)
		h.assign(t, d, elder)
	}
	to := doctor.sendForm("/clinic/"+chart.String(), "purpose", "TREAT").Header().Get("Location")
	want(t, "the chart", doctor.get(to), http.StatusOK, "Maya Tran")
	from := h.Log.Size()
	for what, try := range map[string]func() string{
		"without a purpose": func() string { doctor.get("/clinic/" + chart.String() + "/chart"); return doctor.last.Body.String() },
		"of another person": func() string { second.get(to); return second.last.Body.String() },
		"for another patient": func() string {
			doctor.get(strings.Replace(to, chart.String(), elder.String(), 1))
			return doctor.last.Body.String()
		},
	} {
		if body := try(); body != "" {
			t.Errorf("%s: %s", what, body)
		}
	}
	if n := len(h.entries(t, from)); n != 0 {
		t.Errorf("%d entries", n)
	}
}

// The security page marks the passkey that this session signed in with.
func TestThePasskeyOfTheSessionIsMarked(t *testing.T) {
	h := lite(t)
	b, _ := h.patient(t, "mother")
	marked := func(name string) {
		t.Helper()
		page := b.get("/security").Body.String()
		if n := strings.Count(page, `<span class="tag">Used now</span>`); n != 1 || !strings.Contains(page, "<bdi>"+name+`</bdi> <span class="tag">Used now</span>`) {
			t.Errorf("%d marks, none at %s", n, name)
		}
	}
	marked("phone") // the link's
	b.device = &identitytest.Authenticator{Origin: origin}
	want(t, "a second", b.ceremony(t, "/security/passkeys", true, map[string]any{"name": "tablet"}), http.StatusOK)
	marked("phone")
	b.signIn(t) // with the newest
	marked("tablet")
}
