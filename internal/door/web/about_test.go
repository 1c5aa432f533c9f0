package web_test

import (
	"net/http"
	"strings"
	"testing"

	"postern.example/postern/internal/word/person"
	"postern.example/postern/test/covers"
)

// Ernesto Salazar, whose daughter Lucía cares for him, sees what the clinic has noted
// about him, whom it would call, and whom to tell when it is wrong. Nothing can be
// changed there, and it is his own page alone.
func TestThePatientSeesWhatIsNotedAboutThem(t *testing.T) {
	covers.Covers(t, "CN-2")
	h := lite(t)
	ernesto, _ := h.patient(t, "elder")
	w := ernesto.get("/profile")
	page := w.Body.String()
	want(t, "about Ernesto", w, http.StatusOK, "Ernesto Salazar", "August 9, 1935", "RC-100417", "503-555-0141", "ernesto.salazar@mail.example",
		"7 Orchard Court", "Spanish", "Lucía Salazar", "503-555-0142", "Dr. Lillian Chen", "Something wrong here?", "(503) 555-0100")
	if strings.Contains(mainText(page), "<form") || strings.Contains(mainText(page), "<input") {
		t.Error("something can be changed on the page")
	}
	goes(t, "in Spanish", ernesto.sendForm("/language", "lang", "es", "next", "profile"), "/profile")
	want(t, "in Spanish", ernesto.get("/profile"), http.StatusOK, "Español", "Daughter and caregiver")
	chen := h.account(t, "Dr. Lillian Chen", nobody, person.RoleClinician)
	if w := chen.get("/profile"); w.Code == http.StatusOK {
		t.Error("a clinician has a patient's page")
	}
}

// The card lists what Lena had by what it protects from, the oldest shot first, with
// whose card it is.
func TestTheImmunizationCard(t *testing.T) {
	h := lite(t)
	lena, _ := h.patient(t, "teen")
	want(t, "the way there", lena.get("/immunizations"), http.StatusOK, `href="/immunizations/card"`)
	w := lena.get("/immunizations/card")
	page := mainText(w.Body.String())
	want(t, "the card", w, http.StatusOK, "Lena Tran", "June 2, 2011", "Measles", "Mumps", "Rubella", "Whooping cough (pertussis)", "Riverside Clinic")
	first, second := strings.Index(page, "June 3, 2011"), strings.Index(page, "July 5, 2011")
	if first < 0 || second < first || strings.Index(page, "Hepatitis B") > strings.Index(page, "Measles") {
		t.Errorf("the order of the card:\n%s", page)
	}
	want(t, "on paper", lena.get("/immunizations/card?as=print"), http.StatusOK, "Signature and stamp of the clinic:")
}

// Lucía looks for her father's record. The menu leads to a page that says, in her
// language, that it cannot be shared yet and what to do; it needs no session.
func TestADaughterIsToldThatSharingWaits(t *testing.T) {
	h := lite(t)
	lucia, _ := h.patient(t, "daughter")
	from := h.Log.Size()
	goes(t, "in Spanish", lucia.sendForm("/language", "lang", "es", "next", "home"), "/")
	home := lucia.get("/").Body.String()
	menu := between(t, home, `<nav class="menu"`, "</nav>")
	if !strings.Contains(menu, `<a href="/sharing">Alguien a quien cuida</a>`) {
		t.Errorf("the menu of home does not lead there:\n%s", menu)
	}
	want(t, "sharing", lucia.get("/sharing"), http.StatusOK, "Todavía no se puede compartir", "Llame a la clínica", "(503) 555-0100", "no comparta una llave de acceso")
	want(t, "sharing, for a stranger", h.stranger().get("/sharing"), http.StatusOK, "You cannot share a record", "(503) 555-0100")
	for _, e := range h.entries(t, from) {
		if strings.Contains(strings.Join(e.Objects, " "), "sharing") {
			t.Errorf("an entry %+v", e)
		}
	}
}

// The security page says in plain words what is there and what will appear: devices,
// sessions, who looked, apps, shares, consents.
func TestTheSecurityPageSaysWhatWillAppear(t *testing.T) {
	covers.Covers(t, "CN-2")
	h := lite(t)
	maya, _ := h.patient(t, "mother")
	want(t, "security", maya.get("/security"), http.StatusOK, "Passkeys", "Firefox on Linux", `href="/access-log?show=others"`, "No app can read your record.",
		"You share your record with nobody.", `href="/sharing"`, "No consent is kept here.", "Lost your phone?", "(503) 555-0100")
	chen := h.account(t, "Dr. Lillian Chen", nobody, person.RoleClinician)
	if page := chen.get("/security").Body.String(); strings.Contains(page, "No app can read your record.") || strings.Contains(page, "/access-log") {
		t.Error("a clinician is told of a record")
	}
}
