package web_test

import (
	"bytes"
	"encoding/json"
	"net/http"
	"os"
	"slices"
	"strings"
	"testing"

	"postern.example/postern/internal/door/web/catalog"
	"postern.example/postern/internal/room/deid"
	"postern.example/postern/internal/word/person"
	"postern.example/postern/test/synthea"
)

// concept is a FHIR CodeableConcept, as far as a name is looked for.
type concept struct {
	Coding []struct{ System, Code, Display string }
}

// codedThings calls use with every coded thing in a bundle that a patient's page may
// show: its kind, system, code and display.
func codedThings(t *testing.T, bundle []byte, use func(k catalog.Kind, system, code, display string)) {
	t.Helper()
	var b struct {
		Entry []struct{ Resource json.RawMessage }
	}
	must(t, json.Unmarshal(bundle, &b))
	say := func(k catalog.Kind, cs ...concept) {
		for _, c := range cs {
			if len(c.Coding) > 0 && c.Coding[0].System != "http://hl7.org/fhir/us/core/CodeSystem/careplan-category" { // a mark for programs
				use(k, c.Coding[0].System, c.Coding[0].Code, c.Coding[0].Display)
			}
		}
	}
	for _, e := range b.Entry {
		var r struct {
			ResourceType                                 string
			Code, VaccineCode, MedicationCodeableConcept concept
			ValueCodeableConcept                         concept
			ReasonCode, Category, Type                   []concept
			Component                                    []struct{ Code concept }
			Reaction                                     []struct{ Manifestation []concept }
			Contained                                    []struct{ Code, Form concept }
			Series                                       []struct{ BodySite, Modality json.RawMessage }
			Activity                                     []struct{ Detail struct{ Code concept } }
		}
		if json.Unmarshal(e.Resource, &r) != nil {
			continue // a type whose fields of these names are something else
		}
		switch r.ResourceType {
		case "Observation":
			say(catalog.Test, r.Code)
			say(catalog.Answer, r.ValueCodeableConcept)
			for _, c := range r.Component {
				say(catalog.Test, c.Code)
			}
		case "DiagnosticReport":
			say(catalog.Test, r.Code)
		case "Condition":
			say(catalog.Condition, r.Code)
		case "MedicationRequest":
			say(catalog.Medicine, r.MedicationCodeableConcept)
			say(catalog.Condition, r.ReasonCode...)
			for _, c := range r.Contained {
				say(catalog.Medicine, c.Code)
				say(catalog.Answer, c.Form)
			}
		case "Medication":
			say(catalog.Medicine, r.Code)
		case "Immunization":
			say(catalog.Vaccine, r.VaccineCode)
		case "Procedure":
			say(catalog.Procedure, r.Code)
			say(catalog.Condition, r.ReasonCode...)
		case "Encounter":
			say(catalog.Visit, r.Type...)
			say(catalog.Condition, r.ReasonCode...)
		case "CarePlan":
			say(catalog.Care, r.Category...)
			for _, a := range r.Activity {
				say(catalog.Care, a.Detail.Code)
			}
		case "AllergyIntolerance":
			if len(r.Code.Coding) > 0 && r.Code.Coding[0].Code != "716186003" { // "no known allergy" is a sentence of the page
				say(catalog.Allergy, r.Code)
			}
			for _, x := range r.Reaction {
				say(catalog.Reaction, x.Manifestation...)
			}
		}
	}
}

// Everything that the families of the demo have has words in both languages.
func TestWordsAreComplete(t *testing.T) {
	look, found := wordsFor(t)
	for _, p := range deid.Family(lite(t).Clock.Now()) {
		if p.HasChart {
			var b bytes.Buffer
			must(t, p.WriteBundle(&b))
			codedThings(t, b.Bytes(), look)
		}
	}
	if *found < 500 {
		t.Errorf("only %d things of the demo were looked at", *found)
	}
}

// All that stands in the charts of others has words too.
func TestWordsOfOtherCharts(t *testing.T) {
	look, _ := wordsFor(t)
	for _, f := range synthea.Files(t) {
		b, err := os.ReadFile(f)
		must(t, err)
		codedThings(t, b, look)
	}
}

// wordsFor fails the test, once for each code, when the catalogue has nothing for it; it
// counts what it was asked.
func wordsFor(t *testing.T) (look func(k catalog.Kind, system, code, display string), found *int) {
	t.Helper()
	c, err := catalog.Load()
	must(t, err)
	words := c.Language("en") // Load compares the languages
	found = new(int)
	told := map[string]bool{}
	lines := []catalog.Kind{catalog.Test, catalog.Medicine, catalog.Condition, catalog.Procedure, catalog.Vaccine}
	return func(k catalog.Kind, system, code, display string) {
		*found++
		w, ok := words.Word(k, system, code, display)
		if key := string(k) + system + code; (!ok || w.Line == "" && slices.Contains(lines, k)) && !told[key] {
			told[key] = true
			t.Errorf("words/%s.json: nothing, or no line, for %s|%s (%s)", k, system, code, display)
		}
	}, found
}

// A patient reads our name with the chart's own below it; what has none keeps its
// own, marked with its language; staff read the chart's.
func TestThingsHavePlainNames(t *testing.T) {
	h := lite(t)
	chart := h.load(t, []byte(`{"resourceType":"Bundle","type":"collection","entry":[
		{"resource":{"resourceType":"Patient","id":"p","name":[{"text":"Rosa Field"}]}},
		{"resource":{"resourceType":"MedicationRequest","id":"m","language":"en","status":"active","intent":"order","subject":{"reference":"Patient/p"},
			"medicationCodeableConcept":{"text":"metformin 500 MG Oral Tablet","coding":[{"system":"http://www.nlm.nih.gov/research/umls/rxnorm","code":"861007"}]},
			"dosageInstruction":[{"text":"Twice a day"}],"reasonCode":[{"text":"Diabetes","coding":[{"system":"http://snomed.info/sct","code":"44054006"}]}]}},
		{"resource":{"resourceType":"MedicationRequest","id":"w","language":"en","status":"active","intent":"order","subject":{"reference":"Patient/p"},
			"medicationCodeableConcept":{"text":"Furosemide 40 mg tablet, extra","coding":[{"system":"http://www.nlm.nih.gov/research/umls/rxnorm","code":"313988"}]}}},
		{"resource":{"resourceType":"Condition","id":"c","language":"en","subject":{"reference":"Patient/p"},
			"code":{"text":"Odd thing","coding":[{"system":"http://snomed.info/sct","code":"1"}]}}},
		{"resource":{"resourceType":"AllergyIntolerance","id":"a","language":"en","patient":{"reference":"Patient/p"},
			"code":{"text":"Latex","coding":[{"system":"http://snomed.info/sct","code":"300916003"}]},
			"reaction":[{"manifestation":[{"text":"Hives","coding":[{"system":"http://snomed.info/sct","code":"126485001"}]},{"text":"Odd itch"}]}]}},
		{"resource":{"resourceType":"Immunization","id":"i","language":"en","status":"completed","patient":{"reference":"Patient/p"},"occurrenceDateTime":"2025-10-01",
			"vaccineCode":{"text":"Influenza, injectable","coding":[{"system":"http://hl7.org/fhir/sid/cvx","code":"140"}]}}}]}`))
	rosa := h.account(t, "Rosa Field", chart, person.RolePatient)
	want(t, "English", rosa.get("/medications"), http.StatusOK, "<bdi>Metformin 500 mg tablet</bdi>", "Written in your record as: <bdi>metformin 500 MG Oral Tablet</bdi>", "For: <bdi>Type 2 diabetes</bdi>")
	// A name that is as plain and says more stands alone: which of two tablets it is.
	if page := rosa.last.Body.String(); !strings.Contains(page, "<bdi>Furosemide 40 mg tablet, extra</bdi></h3>") || strings.Contains(page, "as: <bdi>Furosemide") {
		t.Errorf("two tablets: %s", mainOf([]byte(page)))
	}
	rosa.cookies["postern-lang"] = "es"
	want(t, "medicines", rosa.get("/medications"), http.StatusOK, "<bdi>Metformina, tableta de 500 mg</bdi>", `<bdi lang="en">metformin 500 MG Oral Tablet</bdi>`, "<bdi>Furosemida, tableta de 40 mg</bdi>", `<bdi lang="en">Furosemide 40 mg tablet, extra</bdi>`,
		`<bdi lang="en">Twice a day</bdi>`, "Para: <bdi>Diabetes tipo 2</bdi>")
	want(t, "problems", rosa.get("/conditions"), http.StatusOK, `<bdi lang="en">Odd thing</bdi>`)
	want(t, "allergies", rosa.get("/allergies"), http.StatusOK, "<bdi>Látex</bdi>", "<bdi>Ronchas</bdi>", `<bdi lang="en">Odd itch</bdi>`)
	want(t, "vaccines", rosa.get("/immunizations"), http.StatusOK, "<bdi>Gripe (influenza)</bdi>", `<bdi lang="en">Influenza, injectable</bdi>`)
	doctor := h.account(t, "Dr. Lillian Chen", nobody, person.RoleClinician)
	h.assign(t, doctor, chart)
	want(t, "chart", doctor.post("/clinic/"+chart.String(), "purpose", "TREAT"), http.StatusOK, "metformin 500 MG Oral Tablet")
	if strings.Contains(doctor.last.Body.String(), "Metformin 500 mg tablet") {
		t.Error("the doctor reads the plain name")
	}
}

// Home tells "asked, and there is none" from a list that nobody filled in.
func TestHomeSaysNothingNotedOrNone(t *testing.T) {
	h := lite(t)
	const one = `{"resourceType":"Bundle","type":"collection","entry":[{"resource":{"resourceType":"Patient","id":"p","name":[{"text":"Rosa Field"}]}}`
	asked := h.account(t, "Rosa Field", h.load(t, []byte(one+`,{"resource":{"resourceType":"AllergyIntolerance","id":"a","patient":{"reference":"Patient/p"},
		"code":{"coding":[{"system":"http://snomed.info/sct","code":"716186003"}]}}}]}`)), person.RolePatient)
	want(t, "asked", asked.get("/"), http.StatusOK, ">No known allergies</span>", ">None that you take now</span>")
	empty := h.account(t, "Rosa Field", h.load(t, []byte(strings.ReplaceAll(one, `"p"`, `"q"`)+"]}")), person.RolePatient)
	want(t, "empty", empty.get("/"), http.StatusOK, ">Nothing noted</span>")
	if strings.Contains(empty.last.Body.String(), "No known") {
		t.Error("an empty list is said to be none")
	}
}
