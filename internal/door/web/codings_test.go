package web_test

import (
	"net/http"
	"slices"
	"strings"
	"testing"

	"postern.example/postern/internal/word/person"
)

// River Lab writes its own code before LOINC's in one year and after it in the next, and
// changes its unit. Rosa reads the plain name, and one series with both values in it.
func TestALocalCodeHidesNoCommonOne(t *testing.T) {
	const local, loinc = `{"system":"urn:river-lab","code":"GLU-S","display":"GLU-S"}`, `{"system":"http://loinc.org","code":"2345-7"}`
	const rare = `{"system":"http://loinc.org","code":"99999-1","display":"Rare thing"}`
	glucose := func(id, day, value, unit, codings string) string {
		return entry("Observation", id, `"status":"final","category":[{"text":"Lab work"},{"coding":[{"system":"urn:river-lab","code":"LAB"},{"system":"http://terminology.hl7.org/CodeSystem/observation-category","code":"laboratory"}]}],"effectiveDateTime":"`+day+
			`","code":{"coding":[`+codings+`]},"valueQuantity":{"value":`+value+`,"unit":"`+unit+`","system":"http://unitsofmeasure.org","code":"`+unit+`"}`)
	}
	h := lite(t)
	chart := h.load(t, bundle(glucose("a", "2025-03-02", "99", "mg/dL", local+","+loinc), glucose("b", "2026-03-02", "5.5", "mmol/L", loinc+","+local),
		glucose("c", "2025-03-02", "7", "U", local+","+rare), glucose("d", "2026-03-02", "8", "U", rare+","+local),
		`{"resource":{"resourceType":"Immunization","id":"i","language":"en","status":"completed","patient":{"reference":"Patient/p"},"vaccineCode":{"text":"MMR II","coding":[{"system":"urn:river-lab","code":"77"},{"system":"http://hl7.org/fhir/sid/cvx","code":"03"}]},"occurrenceDateTime":"1990-05-01"}}`,
		`{"resource":{"resourceType":"AllergyIntolerance","id":"n","language":"en","clinicalStatus":{"coding":[{"system":"urn:river-lab","code":"A"},{"system":"http://terminology.hl7.org/CodeSystem/allergyintolerance-clinical","code":"active"}]},"patient":{"reference":"Patient/p"},"code":{"text":"none","coding":[{"system":"urn:river-lab","code":"NKA"},{"system":"http://snomed.info/sct","code":"716186003"}]}}}`))
	rosa := h.account(t, "Rosa Field", chart, person.RolePatient)
	list := rosa.get("/results").Body.String()
	links := slices.DeleteFunc(ownLinks(rosa, "/results/"), func(to string) bool { return to == "/results/file" })
	if len(links) != 2 || !strings.Contains(list, "Blood sugar") {
		t.Errorf("%d kinds of results: %s", len(links), mainOf([]byte(list)))
	}
	page := rosa.get(links[0]).Body.String() + rosa.get(links[1]).Body.String()
	holds(t, "the series", string(mainOf([]byte(page))), []string{"99", "5.5", "mg/dL", "mmol/L"}, []string{"not comparable"})
	want(t, "card", rosa.get("/immunizations/card"), http.StatusOK, "Measles", "Mumps")
	page = rosa.get("/allergies").Body.String()
	if strings.Contains(page, "<bdi>none</bdi>") {
		t.Errorf("no allergies is an allergy: %s", mainOf([]byte(page)))
	}
	doctor := h.account(t, "Dr. Lillian Chen", nobody, person.RoleClinician)
	h.assign(t, doctor, chart)
	want(t, "chart", doctor.post("/clinic/"+chart.String(), "purpose", "TREAT"), http.StatusOK, "No known allergies (asked).")
}
