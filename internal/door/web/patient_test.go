package web_test

import (
	"net/http"
	"regexp"
	"strings"
	"testing"

	"postern.example/postern/internal/trust/audit"
	"postern.example/postern/internal/trust/db"
	"postern.example/postern/internal/trust/db/dbtest"
	"postern.example/postern/internal/word/person"
	"postern.example/postern/test/covers"
)

// staffLink is the way to a result from a chart: it carries whose chart was opened, and why.
var staffLink = regexp.MustCompile(`href="(/results/[a-z2-7]{26}\?q=[\w-]+)"`)

var resultLink = regexp.MustCompile(`href="(/results/[a-z2-7]{26})"`)

// The whole way of a patient, on both engines.
func TestAPatientSignsInReadsAndLeaves(t *testing.T) {
	covers.Covers(t, "B-33", "AC-8b", "CH-11")
	dbtest.Each(t, migrations(), func(t *testing.T, d *db.DB) {
		h := open(t, d, nil)
		b, _ := h.patient(t, "mother")
		before := b.cookies["__Host-postern"]
		w := b.signIn(t)
		want(t, "sign in", w, http.StatusOK, `{"go":"/"}`)
		if after := b.cookies["__Host-postern"]; after == "" || after == before {
			t.Error("the session's secret was not renewed at sign-in")
		}
		want(t, "home", b.get("/"), http.StatusOK, "Hello, Maya", `href="/results"`, "since you last looked here on")
		list := b.get("/results")
		want(t, "results", list, http.StatusOK, "<svg", "Laboratory")
		link := resultLink.FindStringSubmatch(list.Body.String())
		if link == nil {
			t.Fatal("no result to follow")
		}
		want(t, "result", b.get(link[1]), http.StatusOK, "Over time", "Value (")
		for path, text := range map[string]string{"/conditions": "Migraine", "/medications": "Tran", "/allergies": "", "/immunizations": "", "/security": "phone", "/access-log": "You opened"} {
			want(t, path, b.get(path), http.StatusOK, "Maya Tran", text)
		}
		b.leave(t)
	})
}

// leave signs out and looks back.
func (b *browser) leave(t *testing.T) {
	t.Helper()
	old := b.cookies["__Host-postern"]
	w := b.post("/sign-out")
	goes(t, "sign out", w, "/sign-in")
	if got := w.Header().Get("Clear-Site-Data"); got != `"cache", "cookies", "storage"` {
		t.Errorf("Clear-Site-Data is %s", got)
	}
	goes(t, "back after sign-out", b.get("/results"), "/sign-in")
	b.cookies["__Host-postern"] = old
	w = b.get("/results")
	goes(t, "the old cookie", w, "/sign-in")
	if strings.Contains(w.Body.String(), "Maya") || w.Header().Get("Cache-Control") != "no-store" {
		t.Errorf("after sign-out: %v %s", w.Header(), w.Body)
	}
}

// Who looked names the doctor, and a proof is one that the verifier accepts.
func TestThePatientSeesWhoLookedAndKeepsTheProof(t *testing.T) {
	h := lite(t)
	b, chart := h.patient(t, "mother")
	doctor := h.account(t, "Dr. Lillian Chen", nobody, "clinician")
	h.assign(t, doctor, chart)
	doctor.get("/clinic")
	want(t, "doctor", doctor.post("/clinic/"+chart.String(), "purpose", "TREAT"), http.StatusOK, "Maya")

	page := b.get("/access-log")
	want(t, "who looked", page, http.StatusOK, "Dr. Lillian Chen, your doctor, opened your record on November 22", ", to treat you.", "opened a list of patients that names you")
	seq := regexp.MustCompile(`/access-log/(\d+)/proof`).FindStringSubmatch(page.Body.String())
	w := b.get("/access-log/" + seq[1] + "/proof")
	want(t, "proof", w, http.StatusOK)
	if got := w.Header().Get("Content-Disposition"); !strings.HasPrefix(got, "attachment; ") {
		t.Errorf("disposition %q", got)
	}
	e, report, err := audit.VerifyProof(w.Body.Bytes(), h.vkey)
	if err != nil || !report.OK || e.Patient != chart {
		t.Errorf("proof: %+v, %v", report, err)
	}
	for _, bad := range []string{"999999", "0", "01", "-1", "x"} {
		want(t, "proof of "+bad, b.get("/access-log/"+bad+"/proof"), http.StatusNotFound)
	}
	b.get("/")
	b.get("/results")
	want(t, "own visits are folded, with their proofs", b.get("/access-log"), http.StatusOK, "You used your record", "<details><summary>", "Dr. Lillian Chen", "--key log.vkey")
	others := b.get("/access-log?show=others")
	want(t, "others alone", others, http.StatusOK, "Dr. Lillian Chen", `href="/access-log?show=others" aria-current="true"`)
	if strings.Contains(others.Body.String(), `class="own"`) {
		t.Error("the own visits stand among those of others")
	}
	want(t, "bad cursor", b.get("/access-log?before=x"), http.StatusBadRequest)
	want(t, "older", b.get("/access-log?before="+seq[1]), http.StatusOK, `href="/access-log"`)
}

// Language: the form works for strangers and for people, and the account keeps it.
func TestLanguageIsChosenAndKept(t *testing.T) {
	h := lite(t)
	b, _ := h.patient(t, "mother")
	s := h.stranger()
	goes(t, "stranger", s.post("/language", "lang", "es", "next", "sign-in"), "/sign-in")
	want(t, "stranger's page", s.get("/sign-in"), http.StatusOK, `<html lang="es">`, "Las páginas")
	goes(t, "person", b.post("/language", "lang", "es", "next", "results"), "/results")
	want(t, "person's page", b.get("/results"), http.StatusOK, `<html lang="es">`)
	delete(b.cookies, "postern-lang")
	b.get("/")
	want(t, "kept by the account", b.last, http.StatusOK, "Hola, Maya")
	chart := h.load(t, []byte(`{"resourceType":"Bundle","type":"collection","entry":[
		{"resource":{"resourceType":"Patient","id":"p","name":[{"text":"Rosa Field"}]}},
		{"resource":{"resourceType":"Observation","id":"o","language":"en-US","status":"final","code":{"text":"Iron"},"subject":{"reference":"Patient/p"},"valueInteger":7}}]}`))
	rosa := h.account(t, "Rosa Field", chart, person.RolePatient)
	rosa.cookies["postern-lang"] = "es"
	want(t, "names in another language", rosa.get("/results"), http.StatusOK, `<bdi lang="en-US">Iron</bdi>`)
	rosa.cookies["postern-lang"] = "en"
	want(t, "names in the page's", rosa.get("/results"), http.StatusOK, `<bdi>Iron</bdi>`)
	want(t, "no such language", b.post("/language", "lang", "xx"), http.StatusBadRequest)
	goes(t, "never a URL", b.post("/language", "lang", "en", "next", "//evil.example", "next_id", "x"), "/")
	goes(t, "with an id", b.post("/language", "lang", "en", "next", "result", "next_id", "abc"), "/results/abc")
	goes(t, "with a bad id", b.post("/language", "lang", "en", "next", "result", "next_id", "../x"), "/")
}

// A choice of results is a POST, so no URL says what somebody looked for.
func TestResultsAreChosenByCategory(t *testing.T) {
	h := lite(t)
	b, _ := h.patient(t, "mother")
	b.get("/results")
	want(t, "vital signs", b.post("/results", "category", "vital-signs"), http.StatusOK, `value="vital-signs" aria-pressed="true"`, "Blood pressure")
	if strings.Contains(b.last.Body.String(), "Hemoglobin") {
		t.Error("a laboratory value among the vital signs")
	}
	want(t, "past the end", b.post("/results", "older", "100000"), http.StatusOK, "No results yet")
	want(t, "bad cursor", b.post("/results", "older", "-1"), http.StatusBadRequest)
}

// Whoever is sent to the sign-in page learns why, in the language that they were
// reading, and comes back to the page that they wanted.
func TestTheSignInPageSaysWhyOneIsThere(t *testing.T) {
	h := lite(t)
	b, _ := h.patient(t, "mother")
	goes(t, "language", b.post("/language", "lang", "es", "next", "results"), "/results")
	old := b.cookies["__Host-postern"]
	w := b.post("/sign-out")
	delete(b.cookies, "postern-lang") // as the browser does, being told to clear everything
	out := b.get(w.Header().Get("Location"))
	want(t, "signed out", out, http.StatusOK, `<html lang="es">`, "Cerró su sesión")
	if strings.Contains(out.Body.String(), "Maya") {
		t.Error("the page after sign-out names the patient")
	}
	b.cookies["__Host-postern"] = old
	w = b.get("/results")
	goes(t, "session over", w, "/sign-in")
	b.cookies["postern-lang"] = "en"
	want(t, "says so and leads back", b.get(w.Header().Get("Location")), http.StatusOK, "Your session has ended", `data-field="next" value="results"`)
	w = h.stranger().get("/results/abc")
	if got := w.Header().Get("Location"); got != "/sign-in?next=result&next_id=abc" {
		t.Errorf("a stranger is sent to %s", got)
	}
	page := h.stranger().get("/sign-in?why=link-made&lang=xx&next=//evil.example").Body.String()
	if strings.Contains(page, `<p class="note" role="status">`) || strings.Contains(page, "evil") {
		t.Errorf("the sign-in page repeats what a URL says:\n%s", page)
	}
}
