package web_test

import (
	"fmt"
	"net/http"
	"regexp"
	"strings"
	"testing"
	"time"

	"postern.example/postern/internal/word/person"
	"postern.example/postern/test/covers"
)

// bundle is a file of one laboratory or clinic about Rosa Field.
func bundle(entries ...string) []byte {
	return []byte(`{"resourceType":"Bundle","type":"collection","entry":[
		{"resource":{"resourceType":"Patient","id":"p","identifier":[{"system":"urn:lab","value":"r1"}],"name":[{"text":"Rosa Field"}],"birthDate":"1950-02-03"}},` + strings.Join(entries, ",") + `]}`)
}

func entry(typ, id, members string) string {
	return fmt.Sprintf(`{"resource":{"resourceType":%q,"id":%q,"language":"en","subject":{"reference":"Patient/p"},%s}}`, typ, id, members)
}

func sugar(id, day, value, unit, loinc string) string {
	return entry("Observation", id, fmt.Sprintf(`"status":"final","category":[{"coding":[{"code":"laboratory"}]}],"code":{"text":"Glucose","coding":[{"system":"http://loinc.org","code":%q}]},"effectiveDateTime":%q,
		"valueQuantity":{"value":%s,"unit":%q,"system":"http://unitsofmeasure.org","code":%q}`, loinc, day, value, unit, unit))
}

func visitOf2(id, day, class string) string {
	return entry("Encounter", id, fmt.Sprintf(`"status":"finished","class":{"code":%q},"reasonCode":[{"text":"Dizzy in the morning"}],"period":{"start":%q},
		"participant":[{"individual":{"display":"Dr. Lillian Chen"}}],"serviceProvider":{"display":"Riverside Clinic"}`, class, day))
}

// Rosa reads her chart, leaves, and comes back after a laboratory and the clinic wrote
// something: the first page says what is new since she was here, and links to it.
func TestRosaSeesWhatIsNewSinceShewasHere(t *testing.T) {
	covers.Covers(t, "SD-3")
	h := lite(t)
	old := []string{sugar("o1", "2026-05-03", "88", "mg/dL", "2345-7")}
	chart := h.load(t, bundle(old...))
	rosa := h.account(t, "Rosa Field", chart, person.RolePatient)
	want(t, "her first visit", rosa.get("/"), http.StatusOK, "The next time you sign in, this page says what is new.")
	lacks(t, rosa, "first visit", `class="tag"`, "last visit")
	rosa.leave(t)
	h.Clock.Add(48 * time.Hour)
	h.load(t, bundle(append(old, sugar("o2", "2026-11-20", "112", "mg/dL", "2345-7"), visitOf2("v1", "2026-11-20T09:00:00Z", "AMB"),
		entry("DocumentReference", "d1", `"status":"current","type":{"text":"Note"},"date":"2026-11-20T10:00:00Z","context":{"encounter":[{"reference":"Encounter/v1"}]},
			"content":[{"attachment":{"contentType":"text/plain","title":"Note of the visit","data":"RHJpbmsgbW9yZS4="}}]`))...))
	h.Clock.Add(time.Hour)
	rosa.signIn(t)
	home := rosa.get("/")
	want(t, "she comes back", home, http.StatusOK, "Since you last looked here on November 22, 2026: 1 new test result, 1 new visit and 1 new note.", "Note of the visit", `href="/visits/`)
	want(t, "results", rosa.get("/results"), http.StatusOK, "One test has a new result since you last looked here on November 22, 2026.", `class="tag">New`)
	link := regexp.MustCompile(`href="(/visits/[a-z0-9]+)"`).FindStringSubmatch(home.Body.String())
	want(t, "the visit", rosa.get(link[1]), http.StatusOK, "Dizzy in the morning", "Visit at the clinic", "Dr. Lillian Chen", "Riverside Clinic", "Drink more.")
	rosa.leave(t)
	h.Clock.Add(48 * time.Hour)
	rosa.signIn(t)
	want(t, "and again", rosa.get("/"), http.StatusOK, "Nothing new came in since you last looked here on November 24, 2026.")
	lacks(t, rosa, "again", `class="tag"`)
}

func lacks(t *testing.T, b *browser, what string, texts ...string) {
	t.Helper()
	for _, text := range texts {
		if strings.Contains(b.last.Body.String(), text) {
			t.Errorf("%s: %q is on the page", what, text)
		}
	}
}

// Rosa's laboratory changed its unit, and with it the test's code. There is one trend in the
// newer unit, and what was converted says so; a value whose unit fits none is shown and not drawn.
func TestOneTrendAcrossUnits(t *testing.T) {
	h := lite(t)
	chart := h.load(t, bundle(sugar("o1", "2025-05-03", "5.1", "mmol/L", "14749-6"), sugar("o2", "2025-11-20", "98", "mg/dL", "2345-7"),
		sugar("o3", "2026-03-20", "6", "[drp]", "2345-7"), sugar("o4", "2026-05-20", "112", "mg/dL", "2345-7")))
	rosa := h.account(t, "Rosa Field", chart, person.RolePatient)
	list := rosa.get("/results")
	if n := strings.Count(list.Body.String(), `class="result"`); n != 1 {
		t.Errorf("%d tests; one test has one line", n)
	}
	page := rosa.get(resultLink.FindStringSubmatch(list.Body.String())[1])
	want(t, "page", page, http.StatusOK, "5.1 mmol/L", "about 92 mg/dL", "other unit: not in the picture", "1 value is in a unit that cannot be changed to mg/dL",
		"Other labs would write about 6.22 mmol/L.", "3 values from May 3, 2025 to May 20, 2026")
	lacks(t, rosa, "the chart", ">6 mg/dL", ">5.1 mg/dL")
}

// A panel gathers its tests, whatever else measured them; what no report gathers stands
// under its kind. Two dates of a panel stand side by side, and no address names them.
func TestPanelsAndTwoDates(t *testing.T) {
	covers.Covers(t, "CH-11")
	h := lite(t)
	fat := func(id, day, value, unit, loinc, name string) string {
		return strings.Replace(sugar(id, day, value, unit, loinc), "Glucose", name, 1)
	}
	report := func(id, day, results string) string {
		return entry("DiagnosticReport", id, fmt.Sprintf(`"status":"final","code":{"text":"Lipid panel","coding":[{"system":"http://loinc.org","code":"57698-3"}]},"effectiveDateTime":%q,"result":[%s]`, day, results))
	}
	chart := h.load(t, bundle(fat("c1", "2026-05-03", "5.00", "mmol/L", "14647-2", "Cholesterol"), fat("t1", "2026-05-03", "150", "mg/dL", "2571-8", "Triglycerides"),
		report("r1", "2026-05-03", `{"reference":"Observation/c1"},{"reference":"Observation/t1"}`),
		fat("c2", "2026-11-18", "212", "mg/dL", "2093-3", "Cholesterol"), fat("t2", "2026-11-18", "141", "mg/dL", "2571-8", "Triglycerides"),
		report("r2", "2026-11-18", `{"reference":"Observation/c2"},{"reference":"Observation/t2"}`), sugar("g", "2026-11-18", "88", "mg/dL", "2345-7")))
	rosa := h.account(t, "Rosa Field", chart, person.RolePatient)
	list := rosa.get("/results")
	want(t, "results", list, http.StatusOK, "<bdi>Cholesterol and blood fats</bdi>", "<h2>Laboratory</h2>", "Compare two dates")
	panel := between(t, list.Body.String(), `name="panel" value="`, `"`)
	w := rosa.sendForm("/compare", "panel", panel, "first", "2026-05-03", "second", "2026-11-18")
	at := w.Header().Get("Location")
	if w.Code != http.StatusSeeOther || !strings.HasPrefix(at, "/compare?q=") || strings.Contains(at, "2026") {
		t.Fatalf("the choice leads to %d %s", w.Code, at)
	}
	want(t, "both", rosa.get(at), http.StatusOK, "May 3, 2026 and November 18, 2026", "5.00 mmol/L, about 193 mg/dL", "212 mg/dL", "Higher by about 19 mg/dL", "Lower by 9 mg/dL")
	lacks(t, rosa, "the panel", "<bdi>Blood sugar")
	want(t, "all, unasked", rosa.get("/compare"), http.StatusOK, "Measured on the second date only")
	for _, bad := range []string{"9999-99-99", "<script>", "2026"} {
		want(t, bad, rosa.post("/compare", "panel", bad, "first", bad, "second", bad), http.StatusOK, "May 3, 2026 and November 18, 2026")
	}
	want(t, "another session's", h.account(t, "Bo Marsh", h.chart(t, "mother"), person.RolePatient).get(at), http.StatusSeeOther)
}
