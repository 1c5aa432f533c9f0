package web_test

import (
	"encoding/base64"
	"html"
	"net/http"
	"net/url"
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

// The language switch leads back to the page as it was: chosen, paged, on the way to
// somewhere. What the page does not declare stays behind.
func TestTheLanguageSwitchKeepsThePage(t *testing.T) {
	h := lite(t)
	b, _ := h.patient(t, "mother")
	sent := func(page string) []string {
		t.Helper()
		_, form, ok := strings.Cut(page, `<form method="post" action="/language">`)
		if form, _, _ = strings.Cut(form, "</form>"); !ok {
			t.Fatal("no language form")
		}
		var out []string
		for _, name := range []string{"lang", "next", "next_id", "next_query"} {
			if _, after, ok := strings.Cut(form, `name="`+name+`" value="`); ok {
				value, _, _ := strings.Cut(after, `"`)
				out = append(out, name, html.UnescapeString(value))
			}
		}
		return out
	}
	to := b.sendForm("/results", "category", "vital-signs").Header().Get("Location")
	goes(t, "a filter", b.sendForm("/language", sent(b.get(to).Body.String())...), to)
	want(t, "in Spanish", b.get(to), http.StatusOK, `<html lang="es">`, `value="vital-signs" aria-pressed="true"`)
	to = "/access-log?show=others"
	goes(t, "others", b.sendForm("/language", sent(b.get(to+"&evil=1").Body.String())...), to)
	s := h.stranger()
	to = "/sign-in?next=result&next_id=abc"
	goes(t, "on the way", s.sendForm("/language", sent(s.get(to).Body.String())...), "/sign-in")
	if got := s.last.Header().Get("Location"); got != to {
		t.Errorf("the sign-in page leads to %s", got)
	}
	for query, want := range map[string]string{"q=1&made=2&q=3": "/results?q=1", "made=2": "/results", "%zz": "/results", "q=" + strings.Repeat("x", 3000): "/results",
		"q=a%0d%0aSet-Cookie": "/results?q=a%0D%0ASet-Cookie"} {
		goes(t, "hostile "+query, b.sendForm("/language", "lang", "en", "next", "results", "next_query", query), want)
	}
}

// A mistake in a form leads back to its page, which says it, and so does a stale
// presence: nobody is asked to send the form again.
func TestMistakesLeadToPages(t *testing.T) {
	h := lite(t)
	b, chart := h.patient(t, "mother")
	key := between(t, b.get("/security").Body.String(), `action="/security/passkeys/`, "/rename")
	goes(t, "no name", b.sendForm("/security/passkeys/"+key+"/rename", "name", " "), "/security")
	want(t, "says it", b.get("/security"), http.StatusOK, "Please type a name")
	goes(t, "the last one", b.sendForm("/security/passkeys/"+key+"/remove"), "/security")
	want(t, "says it", b.get("/security"), http.StatusOK, "This is your only passkey")
	h.Clock.Add(6 * time.Minute)
	goes(t, "stale", b.sendForm("/security/passkeys/"+key+"/remove"), "/step-up?next=security&next_id="+key)
	doctor := h.account(t, "Dr. Lillian Chen", nobody, person.RoleClinician)
	h.assign(t, doctor, chart)
	doctor.get("/clinic")
	goes(t, "no purpose", doctor.sendForm("/clinic/"+chart.String()), "/clinic/"+chart.String())
}

// The outcome of a check of the whole log has an address: Reload does not check
// again, and no form can make the page say how a check ended.
func TestTheCheckOfTheLogLeadsToAPage(t *testing.T) {
	h := lite(t)
	officer := h.account(t, "Dalia Rahman", nobody, person.RoleCompliance)
	officer.get("/officer")
	to := officer.sendForm("/officer/verify").Header().Get("Location")
	if !strings.HasPrefix(to, "/officer?q=") {
		t.Fatalf("the check leads to %q", to)
	}
	from := h.Log.Size()
	for range 2 {
		want(t, "the outcome", officer.get(to), http.StatusOK, "complete and unchanged", "agrees with the checkpoint")
	}
	for _, e := range h.entries(t, from) {
		if e.Action != "readLog" {
			t.Errorf("reload does %s", e.Action)
		}
	}
	want(t, "made up", officer.sendForm("/officer", "checked", `{"OK":true}`), http.StatusBadRequest)
	b, _ := h.patient(t, "mother")
	want(t, "another's", b.get(to), http.StatusSeeOther)
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

// To staff a result opens from its chart, for the purpose that was stated there. From any
// other link nothing is looked up, and nothing tells one result from another.
func TestResultsOpenForStaffFromTheChartAlone(t *testing.T) {
	covers.Covers(t, "CH-11")
	h := lite(t)
	maya, chart := h.patient(t, "mother")
	doctor, second := h.account(t, "Dr. Lillian Chen", nobody, person.RoleClinician), h.account(t, "Dr. Ann Lee", nobody, person.RoleClinician)
	officer := h.account(t, "Dalia Rahman", nobody, person.RoleCompliance)
	for _, d := range []*browser{doctor, second} {
		h.assign(t, d, chart)
	}
	stated := doctor.sendForm("/clinic/"+chart.String(), "purpose", "TREAT").Header().Get("Location")
	links := staffLink.FindAllStringSubmatch(doctor.get(stated).Body.String(), 2)
	link, other := links[0][1], links[1][1]
	path, sealed, _ := strings.Cut(link, "?")
	if raw, err := base64.RawURLEncoding.DecodeString(strings.TrimPrefix(sealed, "q=")); err != nil || strings.Contains(string(raw), "TREAT") || strings.Contains(string(raw), chart.String()) {
		t.Errorf("the address is not sealed: %q, %v", raw, err)
	}
	from := h.Log.Size()
	want(t, "from the chart", doctor.get(link), http.StatusOK, "Maya Tran", `name="purpose" value="TREAT"`)
	if es := h.entries(t, from); len(es) != 1 || es[0].Action != "readChart" || es[0].Patient != chart || es[0].Caller.Purpose != person.PurposeTreatment {
		t.Errorf("entries %+v", es)
	}
	want(t, "the patient's own link", maya.get(path), http.StatusOK)

	from = h.Log.Size()
	elsewhere := func(what string, b *browser, to string) {
		t.Helper()
		if w := b.get(to); w.Code != http.StatusSeeOther || w.Header().Get("Location") != "/clinic" || w.Body.Len() > 0 {
			t.Errorf("%s: %d, to %q", what, w.Code, w.Header().Get("Location"))
		}
	}
	elsewhere("without a purpose", doctor, path)
	elsewhere("absent", doctor, "/results/buonwgpz7nesu7gb4anlv6kgza")
	elsewhere("another result's", doctor, strings.Replace(other, other[strings.Index(other, "?"):], "?"+sealed, 1))
	elsewhere("the chart's", doctor, path+"?"+strings.SplitN(stated, "?", 2)[1])
	elsewhere("another person's", second, link)
	elsewhere("of an office", officer, path)
	if es := h.entries(t, from); len(es) != 0 {
		t.Errorf("entries %+v", es)
	}
	doctor.get(path)
	want(t, "and it is said", doctor.get("/clinic"), http.StatusOK, "Results open from the patient’s chart")
	doctor.post("/language", "lang", "es", "next", "clinic")
	doctor.get("/clinic")
	doctor.get(path)
	want(t, "in Spanish", doctor.get("/clinic"), http.StatusOK, "Los resultados se abren desde el expediente")
	for range 3 { // a session of staff rests ten minutes at most
		h.Clock.Add(9 * time.Minute)
		want(t, "within half an hour", doctor.get(link), http.StatusOK)
	}
	h.Clock.Add(3 * time.Minute)
	elsewhere("after half an hour", doctor, link)
	want(t, "and that is said", doctor.get("/clinic"), http.StatusOK, "demasiado tiempo")
}

// A link that was sealed for one chart opens no result of another.
func TestAResultOpensInItsOwnChart(t *testing.T) {
	h := lite(t)
	maya, chart := h.patient(t, "mother")
	_, elder := h.patient(t, "elder")
	doctor := h.account(t, "Dr. Lillian Chen", nobody, person.RoleClinician)
	h.assign(t, doctor, chart)
	h.assign(t, doctor, elder)
	path := resultLink.FindStringSubmatch(maya.get("/results").Body.String())[1]
	caller, err := h.sessions.Resolve(t.Context(), doctor.cookies["__Host-postern"], person.Request{})
	must(t, err)
	for patient, status := range map[person.PatientID]int{chart: http.StatusOK, elder: http.StatusNotFound} {
		q, err := h.sessions.SealQuery(caller, path, url.Values{"patient": {patient.String()}, "purpose": {"TREAT"}}.Encode())
		must(t, err)
		want(t, patient.String(), doctor.get(path+"?q="+q), status)
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
