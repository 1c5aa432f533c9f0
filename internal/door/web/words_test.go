package web_test

import (
	"net/http"
	"strings"
	"testing"

	"postern.example/postern/internal/word/person"
	"postern.example/postern/test/covers"
)

// rosasWords is a chart with a known medicine under an unknown code, a problem without
// words, one that is turned around by a remark, and one whose language nobody noted.
const rosasWords = `{"resourceType":"Bundle","type":"collection","entry":[
	{"resource":{"resourceType":"Patient","id":"p","name":[{"text":"Rosa Field"}]}},
	{"resource":{"resourceType":"MedicationRequest","id":"m","language":"en","status":"active","intent":"order","subject":{"reference":"Patient/p"},
		"medicationCodeableConcept":{"text":"Losartan potassium 25 MG Oral Tablet","coding":[{"system":"http://www.nlm.nih.gov/research/umls/rxnorm","code":"979485"}]}}},
	{"resource":{"resourceType":"Condition","id":"odd","language":"en","subject":{"reference":"Patient/p"},
		"code":{"text":"Odd thing","coding":[{"system":"http://snomed.info/sct","code":"1"}]}}},
	{"resource":{"resourceType":"Condition","id":"bare","subject":{"reference":"Patient/p"},
		"code":{"text":"Bare thing","coding":[{"system":"http://snomed.info/sct","code":"2"}]}}},
	{"resource":{"resourceType":"Condition","id":"not","language":"en","subject":{"reference":"Patient/p"},
		"modifierExtension":[{"url":"https://example.org/not","valueBoolean":true}],
		"code":{"text":"Gout","coding":[{"system":"http://snomed.info/sct","code":"90560007"}]}}},
	{"resource":{"resourceType":"Condition","id":"sugar","language":"en","subject":{"reference":"Patient/p"},
		"code":{"text":"Diabetes mellitus type 2","coding":[{"system":"http://snomed.info/sct","code":"44054006"}]}}}]}`

// Rosa reads what her medicine and her problems are, in her language; the page says
// once that no clinician reviewed those words. What has none of ours is marked with its
// language and says whom to ask. A remark that may turn a problem around takes its line away.
func TestPlainWordsSayWhatTheyAre(t *testing.T) {
	covers.Covers(t, "B-19", "B-20")
	h := lite(t)
	chart := h.load(t, []byte(rosasWords))
	rosa := h.account(t, "Rosa Field", chart, person.RolePatient)
	want(t, "medicines", rosa.get("/medications"), http.StatusOK, "<bdi>Losartan 25 mg tablet</bdi>", "<p>Lowers blood pressure and helps the kidneys.</p>", "not reviewed by a clinician")
	problems := rosa.get("/conditions")
	want(t, "problems", problems, http.StatusOK, "<p>Blood sugar stays too high", "<bdi>Odd thing</bdi>")
	page := problems.Body.String()
	if n := strings.Count(page, "not reviewed by a clinician"); n != 1 {
		t.Errorf("the page says %d times that its words were not reviewed", n)
	}
	if strings.Contains(page, "Sharp crystals") {
		t.Error("a line explains what the remark may deny")
	}
	if strings.Contains(page, "ask us") {
		t.Error("an English text on an English page is said not to be translated")
	}

	rosa.cookies["postern-lang"] = "es"
	want(t, "Spanish", rosa.get("/conditions"), http.StatusOK, "Diabetes tipo 2", "El azúcar en la sangre se mantiene alta", `<bdi lang="en">Odd thing</bdi> <small class="ask">(en inglés: pregúntenos)</small>`,
		`<bdi lang="und">Bare thing</bdi> <small class="ask">`, "Pregúntenos qué dicen: <a href=\"tel:", "Todavía no los ha revisado ningún médico")
	want(t, "no words, no note", rosa.get("/security"), http.StatusOK)
	if strings.Contains(rosa.last.Body.String(), "Todavía no los ha revisado ningún médico") {
		t.Error("a page without such words says that they were not reviewed")
	}
	doctor := h.account(t, "Dr. Lillian Chen", nobody, person.RoleClinician)
	h.assign(t, doctor, chart)
	want(t, "chart", doctor.post("/clinic/"+chart.String(), "purpose", "TREAT"), http.StatusOK, "Losartan potassium 25 MG")
	if strings.Contains(doctor.last.Body.String(), "reviewed by a clinician") {
		t.Error("the doctor's page speaks of words that it does not show")
	}
}

// rosasVisit is what a program writes: codes with names for coders, no titles.
const rosasVisit = `{"resourceType":"Bundle","type":"collection","entry":[
	{"resource":{"resourceType":"Patient","id":"p","name":[{"text":"Rosa Field"}]}},
	{"resource":{"resourceType":"Encounter","id":"e","language":"en","status":"finished","class":{"code":"AMB"},"subject":{"reference":"Patient/p"},"period":{"start":"2026-03-02T09:00:00Z"},
		"type":[{"text":"Encounter for problem","coding":[{"system":"http://snomed.info/sct","code":"185347001"}]}]}},
	{"resource":{"resourceType":"Procedure","id":"look","language":"en","status":"completed","subject":{"reference":"Patient/p"},"encounter":{"reference":"Encounter/e"},
		"performedDateTime":"2026-03-02","code":{"text":"Colonoscopy (procedure)","coding":[{"system":"http://snomed.info/sct","code":"73761001"}]}}},
	{"resource":{"resourceType":"CarePlan","id":"plan","language":"en","status":"active","intent":"order","subject":{"reference":"Patient/p"},
		"category":[{"coding":[{"system":"http://hl7.org/fhir/us/core/CodeSystem/careplan-category","code":"assess-plan"}]},
			{"text":"Diabetes self management plan","coding":[{"system":"http://snomed.info/sct","code":"698360004"}]}],
		"activity":[{"detail":{"status":"in-progress","code":{"text":"Diabetic diet","coding":[{"system":"http://snomed.info/sct","code":"160670007"}]}}},
			{"detail":{"status":"in-progress","scheduledString":"each Monday","code":{"text":"Odd step","coding":[{"system":"http://snomed.info/sct","code":"1"}]}}}]}},
	{"resource":{"resourceType":"CarePlan","id":"bare","language":"en","status":"active","intent":"order","subject":{"reference":"Patient/p"},
		"category":[{"coding":[{"system":"http://hl7.org/fhir/us/core/CodeSystem/careplan-category","code":"assess-plan"}]}]}}]}`

// What was done at a visit and what a plan asks for have words too, on their pages and on
// the pages of every type: Rosa reads them in Spanish, with the chart's own name below.
func TestPlainWordsOfVisitsAndPlans(t *testing.T) {
	covers.Covers(t, "B-19")
	h := lite(t)
	rosa := h.account(t, "Rosa Field", h.load(t, []byte(rosasVisit)), person.RolePatient)
	spanish(t, rosa)
	want(t, "visits", rosa.get("/visits"), http.StatusOK, "<bdi>Visita por un problema</bdi>")
	want(t, "visit", rosa.get(ownLinks(rosa, "/visits/")[0]), http.StatusOK, "<bdi>Colonoscopia</bdi>", "intestino grueso", `En su expediente dice: <bdi lang="en">Colonoscopy (procedure)</bdi>`)
	want(t, "plan", rosa.get("/plan"), http.StatusOK, "<bdi>Plan para manejar la diabetes</bdi>", "<bdi>Dieta para la diabetes</bdi>", `<bdi lang="en">Diabetic diet</bdi>`,
		`<bdi lang="en">Odd step</bdi> <small class="ask">(en inglés: pregúntenos)</small>`, `<bdi lang="en">each Monday</bdi> <small class="ask">(en inglés: pregúntenos)</small>`, "<h3>Plan de cuidado</h3>")
	if strings.Contains(rosa.last.Body.String(), "assess-plan") {
		t.Error("a code for programs stands on the page of the plan")
	}
	want(t, "everything else", rosa.get("/record/procedure"), http.StatusOK, "Colonoscopia")
}
