package web_test

import (
	"net/http"
	"strings"
	"testing"

	"postern.example/postern/internal/word/person"
)

// forbidden is a chart of somebody who must not take penicillin, was only offered warfarin
// and a cream, tells of a herb that she takes, and takes a water tablet.
func forbidden() []byte {
	medicine := func(id, status, intent, name, more string) string {
		return entry("MedicationRequest", id, `"status":"`+status+`","intent":"`+intent+`","encounter":{"reference":"Encounter/v"},"authoredOn":"2026-03-02","medicationCodeableConcept":{"text":"`+name+`"}`+more)
	}
	return bundle(visitOf2("v", "2026-03-02", "AMB"),
		medicine("no", "active", "order", "Penicillin", `,"doNotPerform":true,"reasonCode":[{"text":"her throat swelled"}]`),
		medicine("ended", "stopped", "order", "Aspirin", `,"doNotPerform":true`),
		medicine("maybe", "active", "proposal", "Warfarin", ""), medicine("either", "active", "option", "Steroid cream", ""),
		medicine("old", "completed", "proposal", "Codeine", ""),
		medicine("told", "active", "plan", "Ginkgo", `,"reportedBoolean":true`),
		medicine("yes", "active", "order", "Water tablet", `,"doNotPerform":false`),
		medicine("clash", "active", "order", "Penicillin", ""),
		entry("ServiceRequest", "blood", `"status":"active","intent":"order","code":{"text":"Blood transfusion"},"doNotPerform":true`),
		entry("ServiceRequest", "scan", `"status":"active","intent":"order","code":{"text":"Chest film"}`),
		entry("CarePlan", "plan", `"status":"active","intent":"order","title":"Care of the kidneys","activity":[{"detail":{"status":"in-progress","description":"Contrast dye","doNotPerform":true}},{"detail":{"status":"in-progress","description":"Drink water"}}]`),
		entry("CarePlan", "idea", `"status":"active","intent":"proposal","title":"A new knee"`))
}

// section is what stands under the heading with the id.
func section(page, id string) string {
	_, after, _ := strings.Cut(page, `<h2 id="`+id+`">`)
	out, _, _ := strings.Cut(after, "</section>")
	return out
}

// holds fails unless text holds each of has and none of lacks.
func holds(t *testing.T, what, text string, has, lacks []string) {
	t.Helper()
	for _, s := range has {
		if !strings.Contains(text, s) {
			t.Errorf("%s: no %q in %s", what, s, text)
		}
	}
	for _, s := range lacks {
		if strings.Contains(text, s) {
			t.Errorf("%s: %q in %s", what, s, text)
		}
	}
}

// Rosa's throat swelled from penicillin and her doctor wrote an order never to give it
// again. No page tells her, or who treats her, that she takes it.
func TestAProhibitionIsNoMedicine(t *testing.T) {
	h := lite(t)
	chart := h.load(t, forbidden())
	rosa := h.account(t, "Rosa Field", chart, person.RolePatient)
	page := rosa.get("/medications").Body.String()
	holds(t, "do not take", section(page, "forbidden"), []string{"Do not take", "Penicillin", "Why:", "her throat swelled"}, []string{"Warfarin", "Water tablet", "Aspirin"})
	holds(t, "now", section(page, "now"), []string{"Water tablet", "Ginkgo", "Written as a plan", "Penicillin", "Your record also says not to take this"}, []string{"Warfarin", "cream", "swelled"})
	holds(t, "proposed", section(page, "proposed"), []string{"Warfarin", "Steroid cream"}, []string{"Penicillin", "Codeine"})
	holds(t, "before", section(page, "past"), []string{"Aspirin", "You were told not to take this"}, []string{"Codeine"})
	want(t, "home", rosa.get("/"), http.StatusOK, ">3 medicines that you take now</span>") // the water tablet, the herb, and what clashes

	rosa.get("/visits")
	page = rosa.get(ownLinks(rosa, "/visits/")[0]).Body.String()
	holds(t, "visit: do not take", section(page, "forbidden"), []string{"Penicillin", "Aspirin"}, []string{"Water tablet", "Warfarin"})
	holds(t, "visit: medicines", section(page, "medicines"), []string{"Water tablet", "Warfarin", "Proposed, not prescribed"}, []string{"Aspirin"})

	holds(t, "as text", rosa.get("/medications?as=text").Body.String(), []string{"Do not take\n-----------", "Proposed, not prescribed"}, nil)

	doctor := h.account(t, "Dr. Lillian Chen", nobody, person.RoleClinician)
	h.assign(t, doctor, chart)
	page = doctor.post("/clinic/"+chart.String(), "purpose", "TREAT").Body.String()
	holds(t, "chart: do not give", section(page, "forbidden"), []string{"Do not give", "Penicillin"}, []string{"Water tablet"})
	holds(t, "chart: now", section(page, "medications"), []string{"Water tablet", "Ginkgo</bdi></b> <b class=\"word-watch\">· plan or patient", "Warfarin</bdi></b> <b class=\"word-watch\">· proposed only"}, []string{"Aspirin"})
}

// The pages that know no type by name say it too: what must not be done, and what nobody
// ordered.
func TestEveryPageSaysWhatMustNotBeDone(t *testing.T) {
	h := lite(t)
	rosa := h.account(t, "Rosa Field", h.load(t, forbidden()), person.RolePatient)
	list := rosa.get("/record/service-request").Body.String()
	holds(t, "list", list, []string{"Must not be done"}, nil)
	if strings.Count(list, "Must not be done") != 1 {
		t.Error("the list warns of more than one")
	}
	warned := 0
	for _, one := range ownLinks(rosa, "/record/service-request/") {
		page := rosa.get(one).Body.String()
		if strings.Contains(page, "says what must not be done") {
			warned++
			holds(t, "order", page, []string{"Blood transfusion"}, []string{"Chest film"})
		}
	}
	if warned != 1 {
		t.Errorf("%d orders warn", warned)
	}
	page := rosa.get("/plan").Body.String()
	holds(t, "plan", page, []string{`Contrast dye</bdi> <b class="word-alert">Do not do this</b>`, `A new knee</bdi> <span class="tag">Only proposed</span>`}, []string{`Drink water</bdi> <b`, `kidneys</bdi> <span`})

	want(t, "to Spanish", rosa.post("/language", "lang", "es", "next", "medications"), http.StatusSeeOther)
	page = rosa.get("/medications").Body.String()
	holds(t, "in Spanish", section(page, "forbidden"), []string{"No debe tomar", "Penicillin"}, nil)
}

// Kofi's first flu shot came from a warm fridge: it may not count, and no page that lists
// shots says that it does.
func TestAWeakDoseMayNotCount(t *testing.T) {
	h := lite(t)
	shot := func(id, day, more string) string {
		return `{"resource":{"resourceType":"Immunization","id":"` + id + `","language":"en","status":"completed","patient":{"reference":"Patient/p"},"encounter":{"reference":"Encounter/v"},"vaccineCode":{"text":"Flu shot"},"occurrenceDateTime":"` + day + `"` + more + `}}`
	}
	kofi := h.account(t, "Rosa Field", h.load(t, bundle(visitOf2("v", "2026-03-02", "AMB"), shot("warm", "2025-10-11", `,"isSubpotent":true`), shot("cold", "2026-10-11", ""))), person.RolePatient)
	const words = "This dose may not count: ask us."
	kofi.get("/visits")
	for _, at := range []string{"/immunizations", "/immunizations/card", ownLinks(kofi, "/visits/")[0]} {
		if n := strings.Count(kofi.get(at).Body.String(), words); n != 1 {
			t.Errorf("%s: %d doses may not count: %s", at, n, mainOf(kofi.last.Body.Bytes()))
		}
	}
	if n := strings.Count(kofi.get("/record/immunization").Body.String(), words); n != 1 {
		t.Errorf("the list of all: %d", n)
	}
}

// What its source took back, or found not to be so, is said on its own page, which any
// reference may lead to.
func TestAMistakeSaysThatItIsOne(t *testing.T) {
	h := lite(t)
	const mistake, refuted = "written by mistake and does not count", "found that this is not so"
	rosa := h.account(t, "Rosa Field", h.load(t, bundle(
		entry("Procedure", "a", `"status":"entered-in-error","code":{"text":"Stitches"}`),
		entry("Condition", "b", `"code":{"text":"Cancer"},"verificationStatus":{"coding":[{"code":"refuted"}]}`),
		entry("Device", "c", `"status":"entered-in-error","deviceName":[{"name":"Pacemaker","type":"user-friendly-name"}],"patient":{"reference":"Patient/p"}`),
		entry("Goal", "d", `"lifecycleStatus":"active","description":{"text":"Walk"}`))), person.RolePatient)
	for kind, words := range map[string]string{"procedure": mistake, "condition": refuted, "device": mistake, "goal": ""} {
		rosa.get("/record/" + kind)
		page := rosa.get(ownLinks(rosa, "/record/"+kind+"/")[0]).Body.String()
		for _, w := range []string{mistake, refuted} {
			if strings.Contains(page, w) != (w == words) {
				t.Errorf("%s: %q: %s", kind, w, mainOf([]byte(page)))
			}
		}
	}
}
