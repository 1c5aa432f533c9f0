package web_test

import (
	"net/http"
	"strings"
	"testing"

	"postern.example/postern/internal/word/person"
)

// A range that the care team set for one person is called a goal, and not usual.
func TestAGoalIsNotCalledUsual(t *testing.T) {
	h := lite(t)
	chart := h.load(t, []byte(`{"resourceType":"Bundle","type":"collection","entry":[
		{"resource":{"resourceType":"Patient","id":"p","name":[{"text":"Rosa Field"}]}},
		{"resource":{"resourceType":"Observation","id":"o","language":"en","status":"final","subject":{"reference":"Patient/p"},
			"code":{"text":"Hemoglobin A1c","coding":[{"system":"http://loinc.org","code":"4548-4"}]},"effectiveDateTime":"2026-11-20","valueQuantity":{"value":7.4,"unit":"%"},
			"interpretation":[{"coding":[{"code":"H"}]}],
			"referenceRange":[{"high":{"value":7.0,"unit":"%"},"type":{"coding":[{"system":"http://terminology.hl7.org/CodeSystem/referencerange-meaning","code":"treatment"}]}}]}}]}`))
	rosa := h.account(t, "Rosa Field", chart, person.RolePatient)
	list := rosa.get("/results")
	want(t, "list", list, http.StatusOK, "A little above the goal")
	want(t, "page", rosa.get(resultLink.FindStringSubmatch(list.Body.String())[1]), http.StatusOK, "A little above the goal", "Goal of the care team: up to 7.0 %.")
	if strings.Contains(rosa.last.Body.String(), "12:00") {
		t.Error("a result of which only the day is known is shown at midnight")
	}
	if strings.Contains(rosa.last.Body.String(), "Usual range:") {
		t.Error("the goal is called usual")
	}
}

// A patient reads the plain name in the page's language, with the laboratory's
// own name on the result's page; staff read the laboratory's.
func TestTestsHavePlainNames(t *testing.T) {
	h := lite(t)
	chart := h.load(t, []byte(`{"resourceType":"Bundle","type":"collection","entry":[
		{"resource":{"resourceType":"Patient","id":"p","name":[{"text":"Rosa Field"}]}},
		{"resource":{"resourceType":"Observation","id":"o","language":"en","status":"final","subject":{"reference":"Patient/p"},
			"code":{"text":"Hemoglobin A1c","coding":[{"system":"http://loinc.org","code":"4548-4"}]},"effectiveDateTime":"2026-11-20","valueQuantity":{"value":7.1,"unit":"%"}}},
		{"resource":{"resourceType":"Observation","id":"o2","language":"en","status":"final","subject":{"reference":"Patient/p"},
			"code":{"text":"Hemoglobin A1c","coding":[{"system":"http://loinc.org","code":"4548-4"}]},"effectiveDateTime":"2026-05-20","valueQuantity":{"value":6.8,"unit":"%"}}},
		{"resource":{"resourceType":"Observation","id":"q","status":"final","subject":{"reference":"Patient/p"},
			"code":{"text":"Hemoglobin A1c","coding":[{"system":"http://example.org/own","code":"4548-4"}]},"effectiveDateTime":"2019-11-20","valueQuantity":{"value":1,"unit":"x"}}}]}`))
	rosa := h.account(t, "Rosa Field", chart, person.RolePatient)
	rosa.cookies["postern-lang"] = "es"
	list := rosa.get("/results")
	want(t, "Spanish list", list, http.StatusOK, "<bdi>Azúcar promedio en la sangre (A1c)</bdi>", `<bdi lang="und">Hemoglobin A1c</bdi>`)
	link := resultLink.FindStringSubmatch(list.Body.String())[1]
	want(t, "Spanish page", rosa.get(link), http.StatusOK, "unos tres meses", "<bdi>Hemoglobin A1c</bdi>", "La vez anterior, el 20 de mayo de 2026, fue 6.8 %.")
	doctor := h.account(t, "Dr. Lillian Chen", nobody, person.RoleClinician)
	h.assign(t, doctor, chart)
	want(t, "chart", doctor.post("/clinic/"+chart.String(), "purpose", "TREAT"), http.StatusOK, "Hemoglobin A1c")
	if strings.Contains(doctor.last.Body.String(), "Average blood sugar") {
		t.Error("the doctor reads the plain name")
	}
}
