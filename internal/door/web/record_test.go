package web_test

import (
	"bytes"
	"encoding/base64"
	"fmt"
	"net/http"
	"net/url"
	"regexp"
	"slices"
	"strings"
	"testing"

	"postern.example/postern/internal/door/web/catalog"
	"postern.example/postern/internal/room/records"
	"postern.example/postern/internal/trust/audit"
	"postern.example/postern/internal/trust/db"
	"postern.example/postern/internal/trust/db/dbtest"
	"postern.example/postern/test/covers"
)

// spanish is b with the pages in Spanish.
func spanish(t *testing.T, b *browser) {
	t.Helper()
	b.get("/")
	want(t, "language", b.post("/language", "lang", "es"), http.StatusSeeOther)
}

// ownLinks are the addresses on the last page that begin with prefix.
func ownLinks(b *browser, prefix string) []string {
	var out []string
	for _, m := range regexp.MustCompile(`href="(`+prefix+`[^"#]*)"`).FindAllStringSubmatch(b.last.Body.String(), -1) {
		if link := strings.ReplaceAll(m[1], "&amp;", "&"); !slices.Contains(out, link) {
			out = append(out, link)
		}
	}
	return out
}

// James opens All my records and finds every kind of thing in his chart; each list and
// each thing opens, and no page holds a code that nobody has words for.
func TestJamesReadsAllHisRecords(t *testing.T) {
	h := lite(t)
	james, _ := h.patient(t, "chronic")
	for _, lang := range []string{"en", "es"} {
		if lang == "es" {
			spanish(t, james)
		}
		want(t, "record", james.get("/record"), http.StatusOK)
		kinds := ownLinks(james, "/")
		for _, place := range []string{"/results", "/conditions", "/medications", "/allergies", "/immunizations", "/plan", "/documents", "/appointments", "/bills", "/visits", "/imaging",
			"/record/device", "/record/specimen", "/record/related-person", "/record/service-request", "/record/questionnaire-response", "/record/provenance"} {
			if !slices.Contains(kinds, place) {
				t.Errorf("%s: All my records does not lead to %s", lang, place)
			}
		}
		for _, kind := range kinds {
			if !strings.HasPrefix(kind, "/record/") || kind == "/record/file" {
				continue
			}
			want(t, kind, james.get(kind), http.StatusOK)
			things := ownLinks(james, kind+"/")
			if len(things) == 0 {
				t.Errorf("%s lists nothing", kind)
				continue
			}
			want(t, things[0], james.get(things[0]), http.StatusOK, "<dl")
		}
	}
}

// What a page shows of the plan, the schedule, the money and the papers, in words.
func TestPagesOfPlanScheduleMoneyAndPapers(t *testing.T) {
	h := lite(t)
	james, _ := h.patient(t, "chronic")
	for path, words := range map[string][]string{
		"/plan":         {"Average blood sugar (A1c) of 7.0 or below", "Getting better", "7.0", "Not reached yet", "Pilar Ortega, RD", "Diabetes teacher", "Goals you have reached", "Stop smoking", "Every evening"},
		"/appointments": {"Coming up", "Today", "Bring your sugar diary.", "Dr. Lillian Chen", "Missed", "The teacher was ill"},
		"/bills":        {"The clinic asked for", "$283.00", "Your insurance paid", "$139.90", "You may owe", "$25.00", "your share", "Waiting for your insurance", "Alder Valley Health Plan", "AV-4410-2207"},
		"/documents":    {"Visit note: diabetes, three months", "How to use your meter", "Sugar diary, four weeks"},
	} {
		want(t, path, james.get(path), http.StatusOK, words...)
	}
	lucia, _ := h.patient(t, "daughter")
	spanish(t, lucia)
	for path, words := range map[string][]string{
		"/plan":         {"Una tarde libre a la semana", "Aún no lograda", "Trabajadora social", "Qué hacer"},
		"/appointments": {"Charla con la trabajadora social", "Próximas", "Anteriores"},
		"/bills":        {"Quizás deba usted", "$30.00", "La mamografía de control no le cuesta nada."},
		"/documents":    {"Nota de la visita: revisión anual"},
	} {
		want(t, path, lucia.get(path), http.StatusOK, words...)
		if strings.Contains(lucia.last.Body.String(), "Some texts on this page") || strings.Contains(lucia.last.Body.String(), "en otro idioma") {
			t.Errorf("%s: Lucía's page says that it is in another language", path)
		}
	}
}

// Theo's chart holds a plan and no bill: the page says what will stand there.
func TestAnEmptyPageSaysWhatWillStandThere(t *testing.T) {
	h := lite(t)
	rosa := h.account(t, "Rosa Field", h.load(t, []byte(`{"resourceType":"Bundle","type":"collection","entry":[{"resource":{"resourceType":"Patient","id":"p","name":[{"text":"Rosa Field"}]}}]}`)), "patient")
	for path, words := range map[string]string{"/plan": "No plan yet.", "/appointments": "No visit is planned.", "/bills": "No bills yet.", "/documents": "No documents yet.", "/record/device": "Nothing here yet."} {
		want(t, path, rosa.get(path), http.StatusOK, words)
	}
}

// documented is a chart with one document of that media type.
func documented(media, data string) []byte {
	return fmt.Appendf(nil, `{"resourceType":"Bundle","type":"collection","entry":[{"resource":{"resourceType":"Patient","id":"p","name":[{"text":"Rosa Field"}]}},
		{"resource":{"resourceType":"DocumentReference","id":"d","status":"current","type":{"text":"Letter"},"subject":{"reference":"Patient/p"},
		"content":[{"attachment":{"contentType":%q,"title":"Rosa Field <b>letter</b>.html","data":%q}}]}}]}`, media, base64.StdEncoding.EncodeToString([]byte(data)))
}

// A letter that was written as markup can be read in the page, by what is harmless of it.
func TestALetterInMarkupIsRead(t *testing.T) {
	covers.Covers(t, "SD-4")
	h := lite(t)
	rosa := h.account(t, "Rosa Field", h.load(t, documented("text/html", `<h2>Your foot</h2><p>Dry it <b>well</b>.</p><script>alert(1)</script><a href="https://evil.example">here</a><img src=x onerror=alert(1)>`)), "patient")
	rosa.get("/documents")
	one := ownLinks(rosa, "/documents/")[0]
	for _, address := range []string{one, one + "?as=print", one + "?as=text"} {
		page := rosa.get(address)
		want(t, address, page, http.StatusOK, "Your foot", "Dry it", "well")
		for _, bad := range []string{"alert(1)", "evil.example", "<img", "We cannot show this kind of file"} {
			if strings.Contains(page.Body.String(), bad) {
				t.Errorf("%s holds %q", address, bad)
			}
		}
	}
}

// A document never runs: text is shown as text, a file leaves as an attachment in a
// sandbox under a name without PHI, and a type that a browser would run does not leave.
func TestADocumentNeverRuns(t *testing.T) {
	covers.Covers(t, "SD-4")
	const hostile = `<script>alert(1)</script> <img src=x onerror=alert(1)>`
	for _, c := range []struct {
		media, name string
		status      int
	}{
		{"text/plain", "document.txt", 200}, {"text/plain; charset=utf-8", "document.txt", 200}, {"text/csv", "document.csv", 200}, {"application/pdf", "document.pdf", 200},
		{"image/png", "document.png", 200}, {"text/html", "", 404}, {"TEXT/HTML", "", 404}, {"image/svg+xml", "", 404}, {"application/xhtml+xml", "", 404},
		{"application/javascript", "", 404}, {"application/octet-stream", "", 404}, {"text/plain, text/html", "", 404}, {"", "", 404},
	} {
		t.Run(c.media, func(t *testing.T) {
			h := lite(t)
			if c.media == "" {
				c.media = "x/y"
			}
			rosa := h.account(t, "Rosa Field", h.load(t, documented(c.media, hostile)), "patient")
			rosa.get("/documents")
			one := ownLinks(rosa, "/documents/")[0]
			page := rosa.get(one).Body.String()
			if strings.Contains(page, "<script>alert") || strings.Contains(page, "<img") || strings.Contains(page, "<b>letter") {
				t.Fatalf("the page holds markup of the document:\n%s", page)
			}
			if strings.HasPrefix(c.media, "text/plain;") != strings.Contains(page, "&lt;script&gt;") && c.media != "text/plain" {
				t.Error("the text is shown, or is not, against its type")
			}
			w := rosa.get(one + "/file")
			if w.Code != c.status {
				t.Fatalf("%d, want %d", w.Code, c.status)
			}
			if c.status != 200 {
				if strings.Contains(w.Body.String(), "alert(1)") {
					t.Error("the refusal holds the file")
				}
				return
			}
			head := w.Header()
			if head.Get("Content-Disposition") != `attachment; filename="`+c.name+`"` || !strings.Contains(head.Get("Content-Security-Policy"), "sandbox") || w.Body.String() != hostile {
				t.Errorf("headers %v", head)
			}
			if media, _, _ := strings.Cut(c.media, ";"); !strings.HasPrefix(head.Get("Content-Type"), media) {
				t.Errorf("leaves as %s", head.Get("Content-Type"))
			}
		})
	}
}

// A thing of another chart is like one that is not there, and is in the log before the answer.
func TestForeignRecordsAreLikeAbsent(t *testing.T) {
	covers.Covers(t, "CH-13", "SD-3")
	h := lite(t)
	maya, mayas := h.patient(t, "mother")
	elder, elders := h.patient(t, "elder")
	for prefix, typ := range map[string]string{"/record/care-plan/": "CarePlan", "/documents/": "DocumentReference"} {
		own, foreign := h.anyID(t, maya, mayas, typ), h.anyID(t, elder, elders, typ)
		want(t, "own", maya.get(prefix+own), http.StatusOK)
		from := h.Log.Size()
		maya.get(prefix + foreign)
		if es := h.entries(t, from); len(es) != 1 || es[0].Outcome != audit.Refused {
			t.Errorf("%s: the refusal in the log: %+v", prefix, es)
		}
		absent := shape(maya, prefix+"buonwgpz7nesu7gb4anlv6kgza")
		for _, path := range []string{prefix + foreign, prefix + "x", prefix + "%00", prefix + h.anyID(t, maya, mayas, "Goal")} {
			if shape(maya, path) != absent {
				t.Errorf("%s differs from an absent one", path)
			}
		}
	}
	for _, path := range []string{"/record/nothing", "/record/CarePlan", "/record/practitioner", "/record/medication", "/record/care-plan/" + "a/b", "/record/"} {
		if w := maya.get(path); w.Code != http.StatusNotFound {
			t.Errorf("%s: %d", path, w.Code)
		}
	}
}

// A long list comes a page at a time; what comes next stands sealed in the address, and
// in nobody else's. The language switch comes back to the same thing.
func TestALongListIsPaged(t *testing.T) {
	h := lite(t)
	james, chart := h.patient(t, "chronic")
	seen := map[string]bool{}
	next := "/record/observation"
	for range 40 {
		want(t, next, james.get(next), http.StatusOK)
		for _, one := range ownLinks(james, "/record/observation/") {
			if seen[one] {
				t.Fatalf("%s twice", one)
			}
			seen[one] = true
		}
		older := ownLinks(james, `/record/observation\?q=`)
		if len(older) == 0 {
			break
		}
		next = older[0]
	}
	if n := len(seen); n < 500 {
		t.Errorf("%d results over all pages", n)
	}
	lucia, _ := h.patient(t, "daughter")
	if w := lucia.get(next); w.Code != http.StatusSeeOther {
		t.Errorf("another session opens the address: %d", w.Code)
	}
	one := "/record/observation/" + h.anyID(t, james, chart, "Observation")
	james.get(one)
	w := james.post("/language", "lang", "es", "next", "record-one", "next_id", strings.TrimPrefix(one, "/record/"))
	if got := w.Header().Get("Location"); got != one {
		t.Errorf("the language switch leads to %s", got)
	}
	for _, id := range []string{"observation", "observation/", "../x", "observation/x/y", "Observation/x", "https://evil.example/x"} {
		w := james.post("/language", "lang", "es", "next", "record-one", "next_id", id)
		if got := w.Header().Get("Location"); got != "/" && got != "/record/observation/x" {
			t.Errorf("next_id %s leads to %s", id, got)
		}
	}
}

// Adding a type is one file and one example: a definition that no other code knows, of a
// type that FHIR will never have, gets its list, its page and its place in All my records,
// in both languages.
func TestANewTypeIsOneDefinition(t *testing.T) {
	flag := records.Definition{
		Type: "HouseFlag", Compartment: records.Compartment{Paths: []string{"subject"}}, Order: "period",
		Status: records.Codes{Path: "status", System: "https://clinic.example/house-flag-status", Codes: []string{"active", "inactive", "entered-in-error"}},
		Shape:  []records.Element{{Path: "subject", Kind: records.KindReference, Required: true}},
		Title:  records.Title{One: records.Words{EN: "Warning", ES: "Aviso"}, Many: records.Words{EN: "Warnings", ES: "Avisos"}},
		Show: []records.Field{{Path: "code", Kind: records.ShowCoded, Words: records.Words{EN: "Warning", ES: "Aviso"}}, {Path: "status", Kind: records.ShowStatus, Words: records.Words{EN: "Status", ES: "Estado"}},
			{Path: "author", Kind: records.ShowReference, Words: records.Words{EN: "Set by", ES: "Lo puso"}}},
		Example: `{"resourceType":"HouseFlag","id":"rosa-flag","status":"active","code":{"text":"Needs an <interpreter>"},"subject":{"reference":"Patient/rosa"},"author":{"display":"Dr. Ama Osei"},"period":{"start":"2026-03-02"}}`,
	}
	defs := append(records.Definitions(), flag)
	slices.SortFunc(defs, func(a, b records.Definition) int { return strings.Compare(a.Type, b.Type) })
	h := openWith(t, dbtest.New(t, db.SQLite, migrations(), dbtest.NoSync), defs, nil)
	chart := h.load(t, []byte(`{"resourceType":"Bundle","type":"collection","entry":[{"resource":{"resourceType":"Patient","id":"rosa","name":[{"text":"Rosa Field"}]}},{"resource":`+flag.Example+`}]}`))
	rosa := h.account(t, "Rosa Field", chart, "patient")
	for _, w := range []struct{ many, one, status, by, lang string }{{"Warnings", "Warning", "Active", "Set by", "en"}, {"Avisos", "Aviso", "Vigente", "Lo puso", "es"}} {
		if w.lang == "es" {
			spanish(t, rosa)
		}
		want(t, "all", rosa.get("/record"), http.StatusOK, w.many, `href="/record/house-flag"`)
		want(t, "list", rosa.get("/record/house-flag"), http.StatusOK, "<h1>"+w.many+"</h1>", "Needs an &lt;interpreter&gt;", w.status)
		want(t, "one", rosa.get(ownLinks(rosa, "/record/house-flag/")[0]), http.StatusOK, w.one, "Needs an &lt;interpreter&gt;", w.status, w.by, "Dr. Ama Osei")
	}
	want(t, "file", rosa.get("/record/file"), http.StatusOK, `"resourceType":"HouseFlag"`, `Needs an <interpreter>`)
}

// Every code of a required status list, and of the lists that definitions show as a
// status, has words in both languages.
func TestStatusCodesHaveWords(t *testing.T) {
	words, err := catalog.Load() // it compares the languages
	must(t, err)
	for _, d := range records.Definitions() {
		codes := slices.Clone(d.Status.Codes)
		for _, e := range d.Shape {
			for _, f := range d.Show {
				if f.Kind == records.ShowStatus && f.Path == e.Path {
					codes = append(codes, e.Codes...)
				}
			}
		}
		for _, code := range codes {
			if !words.Language("en").Has("code." + code) {
				t.Errorf("%s: no words for %s", d.Type, code)
			}
		}
	}
}

// Nothing of a chart stands in an address of these pages, beside identifiers and what is sealed.
func TestAddressesHoldNoPHI(t *testing.T) {
	h := lite(t)
	james, _ := h.patient(t, "chronic")
	for _, path := range []string{"/record", "/record/observation", "/plan", "/documents", "/bills"} {
		for _, link := range ownLinks(func() *browser { james.get(path); return james }(), "/") {
			u, err := url.Parse(link)
			must(t, err)
			if bytes.ContainsAny([]byte(u.Path), " <>%") || len(u.RawQuery) > 0 && !strings.HasPrefix(u.RawQuery, "q=") {
				t.Errorf("%s holds %s", path, link)
			}
		}
	}
}
