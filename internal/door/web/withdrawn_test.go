package web_test

import (
	"encoding/base64"
	"fmt"
	"net/http"
	"testing"
	"time"

	"postern.example/postern/internal/word/person"
)

// seen is a visit of Rosa's with a reason of its own.
func seen(id, status, why string) string {
	return entry("Encounter", id, fmt.Sprintf(`"status":%q,"class":{"code":"AMB"},"reasonCode":[{"text":%q}],"period":{"start":"2026-11-20T09:00:00Z"}`, status, why))
}

// letter is a text in Rosa's chart. One of a visit names it.
func letter(id, status, title, visit string) string {
	about := ""
	if visit != "" {
		about = fmt.Sprintf(`"context":{"encounter":[{"reference":"Encounter/%s"}]},`, visit)
	}
	return entry("DocumentReference", id, fmt.Sprintf(`"status":%q,"type":{"text":"Letter"},"date":"2026-11-20T10:00:00Z",%s
		"content":[{"attachment":{"contentType":"text/plain","title":%q,"data":%q}}]`, status, about, title, base64.StdEncoding.EncodeToString([]byte("The words of "+title))))
}

func problem(id, verification, name string) string {
	return entry("Condition", id, fmt.Sprintf(`"verificationStatus":{"coding":[{"system":"http://terminology.hl7.org/CodeSystem/condition-ver-status","code":%q}]},"code":{"text":%q}`, verification, name))
}

func prescribed(id, status, name string) string {
	return entry("MedicationRequest", id, fmt.Sprintf(`"status":%q,"intent":"order","medicationCodeableConcept":{"text":%q}`, status, name))
}

// The clinic wrote a visit and a letter into Rosa's chart that belong to somebody else,
// and took them back. Rosa meets them nowhere. A visit that is planned stands among her
// appointments, and one that was called off did not happen: neither is a visit.
func TestRosaMeetsNothingThatWasTakenBack(t *testing.T) {
	h := lite(t)
	chart := h.load(t, bundle(seen("v1", "finished", "Dizzy in the morning"), seen("v2", "entered-in-error", "A cough of somebody else"),
		seen("v3", "planned", "A visit to come"), seen("v4", "cancelled", "A visit called off"),
		letter("d1", "current", "Rest and drink", "v1"), letter("d2", "entered-in-error", "A note of somebody else", "v1"), letter("d3", "superseded", "An older note", "v1"),
		letter("d4", "current", "A letter to keep", ""), letter("d5", "entered-in-error", "A letter of somebody else", "")))
	rosa := h.account(t, "Rosa Field", chart, person.RolePatient)
	want(t, "home", rosa.get("/"), http.StatusOK, "1 visit")
	want(t, "visits", rosa.get("/visits"), http.StatusOK, "Dizzy in the morning", "A letter to keep")
	lacks(t, rosa, "visits", "somebody else", "A visit to come", "A visit called off", "An older note")
	visits := ownLinks(rosa, "/visits/")
	if len(visits) != 1 {
		t.Fatalf("%d visits lead on: %v", len(visits), visits)
	}
	want(t, "the visit", rosa.get(visits[0]), http.StatusOK, "Rest and drink", "The words of Rest and drink")
	lacks(t, rosa, "the visit", "somebody else", "An older note")
	// An older version of a document is still hers, and says what it is.
	want(t, "documents", rosa.get("/documents"), http.StatusOK, "Rest and drink", "A letter to keep", "An older note")
	lacks(t, rosa, "documents", "somebody else")
	if n := len(ownLinks(rosa, "/documents/")); n != 3 {
		t.Errorf("%d documents lead on", n)
	}
}

// While Rosa was away her doctor wrote down a problem and a medicine. What was wrong,
// ruled out or never more than a draft is no news.
func TestRosaIsToldNoNewsThatIsWrong(t *testing.T) {
	h := lite(t)
	rosa := h.account(t, "Rosa Field", h.load(t, bundle(problem("c0", "confirmed", "Asthma"))), person.RolePatient)
	rosa.get("/")
	rosa.leave(t)
	h.Clock.Add(48 * time.Hour)
	h.load(t, bundle(problem("c0", "confirmed", "Asthma"), problem("c1", "confirmed", "Hay fever"), problem("c2", "entered-in-error", "Somebody else's gout"), problem("c3", "refuted", "Pneumonia"),
		prescribed("m1", "active", "Cetirizine"), prescribed("m2", "entered-in-error", "Somebody else's allopurinol"), prescribed("m3", "draft", "Not decided yet")))
	h.Clock.Add(time.Hour)
	rosa.signIn(t)
	want(t, "she comes back", rosa.get("/"), http.StatusOK, "Since you last looked here on November 22, 2026: 1 new entry under health problems and 1 new entry under medicines.")
	lacks(t, rosa, "home", "new entries")
}
