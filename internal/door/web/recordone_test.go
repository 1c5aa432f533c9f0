package web_test

import (
	"net/http"
	"strings"
	"testing"

	"postern.example/postern/internal/word/person"
)

// A problem carries a remark that may turn its meaning around: its own page says so too,
// and the page of one without says nothing.
func TestARemarkStandsOnTheRecordsOwnPage(t *testing.T) {
	const remark = "This entry carries a remark that we cannot show here."
	h := lite(t)
	rosa := h.account(t, "Rosa Field", h.load(t, bundle(entry("Condition", "c", `"code":{"text":"Asthma"},"modifierExtension":[{"url":"http://clinic.example/not","valueBoolean":true}]`),
		entry("Procedure", "s", `"status":"completed","code":{"text":"Stitches"}`))), person.RolePatient)
	for kind, marked := range map[string]bool{"/record/condition": true, "/record/procedure": false} {
		rosa.get(kind)
		rosa.get(ownLinks(rosa, kind+"/")[0])
		if strings.Contains(rosa.last.Body.String(), remark) != marked {
			t.Error(kind)
		}
	}
}

// Rosa's appointment names her and her doctor. The page says whom she will meet, not
// that it is a patient, and offers no way from her to herself.
func TestAnAppointmentIsNotWithOneself(t *testing.T) {
	h := lite(t)
	rosa := h.account(t, "Rosa Field", h.load(t, bundle(`{"resource":{"resourceType":"Appointment","id":"a","status":"booked","description":"Check of the lungs","start":"2027-01-11T09:00:00-06:00","end":"2027-01-11T09:30:00-06:00",
		"participant":[{"actor":{"reference":"Patient/p"},"status":"accepted"},{"actor":{"display":"Dr. Lillian Chen"},"status":"accepted"}]}}`)), person.RolePatient)
	rosa.get("/record/appointment")
	page := rosa.get(ownLinks(rosa, "/record/appointment/")[0])
	want(t, "appointment", page, http.StatusOK, "Check of the lungs", "With", "Dr. Lillian Chen")
	lacks(t, rosa, "appointment", "/record/patient", ">Patient<")
}

// Rosa broke her arm in Madrid. What that clinic asks for is in euros, and no page makes
// dollars of it; what the clinic at home asks for is in dollars.
func TestMoneyKeepsItsCurrency(t *testing.T) {
	claim := func(id, total string) string {
		return `{"resource":{"resourceType":"Claim","id":"` + id + `","status":"active","type":{"text":"professional"},"use":"claim","patient":{"reference":"Patient/p"},"created":"2026-03-02","provider":{"display":"A clinic"},
			"priority":{"text":"normal"},"insurance":[{"sequence":1,"focal":true,"coverage":{"display":"Acme Health"}}],"total":` + total + `}}`
	}
	h := lite(t)
	rosa := h.account(t, "Rosa Field", h.load(t, bundle(claim("madrid", `{"value":120.50,"currency":"EUR"}`), claim("home", `{"value":80.00,"currency":"USD"}`), claim("old", `{"value":35.00}`))), person.RolePatient)
	want(t, "bills", rosa.get("/bills"), http.StatusOK, "120.50 EUR", "$80.00", "$35.00")
	lacks(t, rosa, "bills", "$120")
	rosa.get("/record/claim")
	inEuros := 0
	for _, one := range ownLinks(rosa, "/record/claim/") {
		inEuros += strings.Count(rosa.get(one).Body.String(), "120.50 EUR")
		lacks(t, rosa, one, "$120")
	}
	if inEuros != 1 {
		t.Errorf("%d claims on their own pages are in euros", inEuros)
	}
}

// Rosa keeps a letter as a file, and Who looked tells that from a look at it.
func TestAFileOfALetterIsToldAsACopy(t *testing.T) {
	h := lite(t)
	rosa := h.account(t, "Rosa Field", h.load(t, documented("application/pdf", "%PDF-1.7")), person.RolePatient)
	rosa.get("/documents")
	one := ownLinks(rosa, "/documents/")[0]
	want(t, "a look", rosa.get(one), http.StatusOK)
	want(t, "before", rosa.get("/access-log"), http.StatusOK)
	lacks(t, rosa, "before", "You took a copy")
	want(t, "the file", rosa.get(one+"/file"), http.StatusOK)
	want(t, "after", rosa.get("/access-log"), http.StatusOK, "You took a copy of")
}
