package web_test

import (
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"testing"

	"postern.example/postern/internal/door/web"
	"postern.example/postern/internal/room/deid"
	"postern.example/postern/internal/trust/access"
	"postern.example/postern/internal/trust/audit"
	"postern.example/postern/internal/word/person"
	"postern.example/postern/internal/word/route"
	"postern.example/postern/test/covers"
)

// charts are the routes that show a chart, or who looked at one.
func charts(t *testing.T) []route.Route {
	t.Helper()
	var out []route.Route
	for _, r := range web.Routes() {
		a := access.Action(r.Action)
		if r.Method == http.MethodGet && (a == access.ReadChart || a == access.ReadAccessLog) {
			out = append(out, r)
		}
	}
	if len(out) < 9 {
		t.Fatalf("%d pages show a chart", len(out))
	}
	return out
}

// twinOf adds which twin is asked for to an address.
func twinOf(path, as string) string {
	if strings.Contains(path, "?") {
		return path + "&as=" + as
	}
	return path + "?as=" + as
}

// Every page that shows a chart has its twins, and each says whose record it is. A twin
// is the page's own request: one decision, one entry, which says in what form the page
// went out. A text is a file to keep, whose name says nothing of anybody.
func TestEveryChartPageHasTwins(t *testing.T) {
	covers.Covers(t, "CH-13", "CH-6")
	h := lite(t)
	maya, chart := h.patient(t, "mother")
	chen := h.account(t, "Dr. Lillian Chen", nobody, person.RoleClinician)
	h.assign(t, chen, chart)
	p, _ := deid.Find(deid.Family(h.Clock.Now()), "mother")
	had := 0
	born := p.BirthDate.Format("January 2, 2006")
	for _, r := range charts(t) {
		b, path := maya, h.target(t, r, maya, chen, chart)
		if touching()[r.Method+" "+r.Pattern].by == "doctor" {
			b = chen
			path = b.sendForm("/clinic/"+chart.String(), "purpose", "TREAT").Header().Get("Location")
		}
		page := b.get(path)
		if page.Code == http.StatusNotFound && strings.Contains(r.Pattern, "{id}") {
			continue // Maya has none of this kind
		}
		had++
		want(t, r.Pattern, page, http.StatusOK, `as=print`, `as=large`, `as=text`)
		for _, as := range []string{"print", "large", "text"} {
			from := h.Log.Size()
			w := b.get(twinOf(path, as))
			must := []string{p.DisplayName, "(503) 555-0100"}
			if access.Action(r.Action) == access.ReadChart {
				must = append(must, born)
			}
			want(t, r.Pattern+" "+as, w, http.StatusOK, must...)
			es := h.entries(t, from)
			if len(es) != 1 || es[0].Action != r.Action || es[0].Outcome != audit.Success || es[0].Patient != chart || es[0].Caller.Client != "web-"+as {
				t.Errorf("%s %s: entries %+v", r.Pattern, as, es)
			}
			checkTwinHeaders(t, r.Pattern, as, w)
		}
	}
	if had < 11 {
		t.Errorf("%d pages with twins", had)
	}
}

func checkTwinHeaders(t *testing.T, name, as string, w *httptest.ResponseRecorder) {
	t.Helper()
	head := w.Header()
	csp := head.Get("Content-Security-Policy")
	if head.Get("Cache-Control") != "no-store" || !strings.Contains(csp, "default-src 'none'") || !strings.Contains(csp, "frame-ancestors 'none'") {
		t.Errorf("%s %s: %v", name, as, head)
	}
	if as != "text" {
		if head.Get("Content-Type") != "text/html; charset=utf-8" || head.Get("Content-Disposition") != "" {
			t.Errorf("%s %s: %v", name, as, head)
		}
		return
	}
	file, found := strings.CutPrefix(head.Get("Content-Disposition"), `attachment; filename="postern-`)
	if head.Get("Content-Type") != "text/plain; charset=utf-8" || !strings.HasSuffix(csp, "sandbox") || !found || strings.ContainsAny(file, "/0123456789") {
		t.Errorf("%s %s: %v", name, as, head)
	}
	if strings.Contains(w.Body.String(), "</") {
		t.Errorf("%s: markup in the text", name)
	}
}

// A twin opens nothing that its page would not: what is foreign is like what is not
// there, without a session one signs in, and staff state a purpose.
func TestATwinNeedsTheDecisionOfItsPage(t *testing.T) {
	covers.Covers(t, "CH-13", "SD-3")
	h := lite(t)
	maya, chart := h.patient(t, "mother")
	walter, _ := h.patient(t, "elder")
	foreign := resultLink.FindStringSubmatch(walter.get("/results").Body.String())[1]
	chen := h.account(t, "Dr. Lillian Chen", nobody, person.RoleClinician)
	opened := chen.sendForm("/clinic/"+chart.String(), "purpose", "TREAT").Header().Get("Location")
	for _, as := range []string{"print", "large", "text"} {
		from := h.Log.Size()
		absent := shape(maya, twinOf("/results/buonwgpz7nesu7gb4anlv6kgza", as))
		if got := shape(maya, twinOf(foreign, as)); got != absent || maya.last.Code != http.StatusNotFound || maya.last.Header().Get("Content-Disposition") != "" {
			t.Errorf("%s: foreign and absent differ:\n%s\n%s", as, got, absent)
		}
		// The log counts what is refused again and again; the first of its kind is an entry.
		es := h.entries(t, from)
		if as == "print" && (len(es) != 2 || es[0].Outcome != audit.Refused || es[1].Outcome != audit.Refused) {
			t.Errorf("%s: the refusals in the log: %+v", as, es)
		}
		goes(t, "a stranger", h.stranger().get("/results?as="+as), "/sign-in")
		// Lillian Chen is not assigned: her stated purpose opens nothing in any form.
		want(t, "a doctor from outside", chen.get(twinOf(opened, as)), http.StatusNotFound)
		goes(t, "a doctor without a purpose", chen.get(twinOf(foreign, as)), "/clinic")
		goes(t, "a doctor without a purpose", chen.get("/clinic/"+chart.String()+"/chart?as="+as), "/clinic/"+chart.String())
	}
	// What has no twins answers as ever, and what is no twin is the page.
	for _, path := range []string{"/security?as=text", "/results?as=csv", "/results?as="} {
		if w := maya.get(path); w.Code != http.StatusOK || w.Header().Get("Content-Type") != "text/html; charset=utf-8" || !strings.Contains(w.Body.String(), `<a class="skip"`) {
			t.Errorf("%s is not the page", path)
		}
	}
}

// Lucía reads Spanish: the language switch keeps the large letters and the choice in
// the list, and the text file is in Spanish.
func TestTwinsSpeakTheReadersLanguage(t *testing.T) {
	h := lite(t)
	lucia, _ := h.patient(t, "daughter")
	to := lucia.sendForm("/results", "category", "vital-signs").Header().Get("Location")
	w := lucia.get(to + "&as=large")
	want(t, "large", w, http.StatusOK, `class="large"`, `name="next_query" value="as=large&amp;q=`)
	q, err := url.ParseQuery(strings.TrimPrefix(to, "/results?"))
	must(t, err)
	q.Set("as", "large")
	kept := "/results?" + q.Encode()
	goes(t, "Spanish", lucia.sendForm("/language", "lang", "es", "next", "results", "next_query", q.Encode()), kept)
	want(t, "large in Spanish", lucia.get(kept), http.StatusOK, `<html lang="es" class="large">`, "Aquí se muestra: Signos vitales")
	want(t, "text", lucia.get(to+"&as=text"), http.StatusOK, "Expediente de: Lucía Salazar", "Aquí se muestra: Signos vitales", "Ayuda de una persona: (503) 555-0100")
	// Nobody is sent to a download by the language switch.
	goes(t, "no download", lucia.sendForm("/language", "lang", "en", "next", "results", "next_query", "as=text"), "/results")
}

// A copy that somebody took stands in Who looked as one.
func TestATextIsToldAsACopy(t *testing.T) {
	h := lite(t)
	maya, chart := h.patient(t, "mother")
	chen := h.account(t, "Dr. Lillian Chen", nobody, person.RoleClinician)
	h.assign(t, chen, chart)
	want(t, "text", chen.get(twinOf(chen.sendForm("/clinic/"+chart.String(), "purpose", "TREAT").Header().Get("Location"), "text")), http.StatusOK)
	want(t, "Who looked", maya.get("/access-log?show=others"), http.StatusOK, "Dr. Lillian Chen, your doctor, took a copy")
}
