package web_test

import (
	"net/http"
	"regexp"
	"strings"
	"testing"

	"postern.example/postern/internal/word/person"
)

// What is on hold, not known or not confirmed is never told as a fact: neither to the
// patient nor to who treats her.
func TestListsSayWhatIsNotCertain(t *testing.T) {
	h := lite(t)
	medicine := func(id, status, name, more string) string {
		return `,{"resource":{"resourceType":"MedicationRequest","id":"` + id + `","language":"en","status":"` + status + `","intent":"order","subject":{"reference":"Patient/p"},
			"medicationCodeableConcept":{"text":"` + name + `"}` + more + `}}`
	}
	chart := h.load(t, []byte(`{"resourceType":"Bundle","type":"collection","entry":[
		{"resource":{"resourceType":"Patient","id":"p","name":[{"text":"Rosa Field"}]}},
		{"resource":{"resourceType":"Condition","id":"c","language":"en","subject":{"reference":"Patient/p"},"code":{"text":"Odd thing"},
			"verificationStatus":{"coding":[{"system":"http://terminology.hl7.org/CodeSystem/condition-ver-status","code":"provisional"}]}}},
		{"resource":{"resourceType":"Condition","id":"d","language":"en","subject":{"reference":"Patient/p"},"code":{"text":"Sure thing"},
			"verificationStatus":{"coding":[{"system":"http://terminology.hl7.org/CodeSystem/condition-ver-status","code":"confirmed"}]}}}`+
		medicine("h", "on-hold", "Blood thinner", "")+medicine("u", "unknown", "Old drops", "")+
		medicine("a", "active", "Water tablet", `,"dosageInstruction":[{"text":"2 in the morning","patientInstruction":"with food"},{"text":"1 at noon"}]`)+
		medicine("b", "active", "Water tablet", `,"dosageInstruction":[{"text":"1 more","asNeededBoolean":true}]`)+`]}`))
	rosa := h.account(t, "Rosa Field", chart, person.RolePatient)
	page := rosa.get("/medications").Body.String()
	for what, text := range map[string]string{
		"on hold": "Blood thinner</bdi></h3>\n<p><b class=\"word-watch\">Paused.", "unknown": "Old drops</bdi></h3>\n<p><b class=\"word-watch\">Your record does not say",
		"the whole dose": "2 in the morning. with food. 1 at noon", "only when needed": `Water tablet</bdi> <span class="tag">Only when needed</span>`, "twice": "More than once",
	} {
		if !strings.Contains(page, text) {
			t.Errorf("medicines: %s: no %q in %s", what, text, mainOf([]byte(page)))
		}
	}
	if n := strings.Count(page, "More than once"); n != 2 {
		t.Errorf("%d medicines stand more than once", n)
	}
	want(t, "home", rosa.get("/"), http.StatusOK, ">2 medicines that you take now</span>")
	page = rosa.get("/conditions").Body.String()
	if n := strings.Count(page, "Not confirmed yet"); n != 1 || !strings.Contains(page, `Odd thing</bdi> <span class="tag">Not confirmed yet`) {
		t.Errorf("problems: %d not certain: %s", n, mainOf([]byte(page)))
	}
	doctor := h.account(t, "Dr. Lillian Chen", nobody, person.RoleClinician)
	h.assign(t, doctor, chart)
	want(t, "chart", doctor.post("/clinic/"+chart.String(), "purpose", "TREAT"), http.StatusOK, "· paused", "· not known: ask the patient", "· as needed", "· not confirmed", "2 in the morning. with food. 1 at noon")
}

// A year ago Rosa was given five medicines at one visit, and told of three problems. The
// visit's page says what became of them since, as the lists do: one is paused, one is over,
// one she has twice, and nobody has confirmed her gout.
func TestAVisitSaysWhatBecameOfItsMedicines(t *testing.T) {
	h := lite(t)
	var entries strings.Builder
	add := func(kind, id, more string) {
		entries.WriteString(`,{"resource":{"resourceType":"` + kind + `","id":"` + id + `","language":"en","subject":{"reference":"Patient/p"},` + more + `}}`)
	}
	medicine := func(id, visit, status, name string) {
		add("MedicationRequest", id, `"status":"`+status+`","intent":"order","encounter":{"reference":"Encounter/`+visit+`"},"medicationCodeableConcept":{"text":"`+name+`"}`)
	}
	problem := func(id, verified, clinical, name string) {
		add("Condition", id, `"encounter":{"reference":"Encounter/v"},"code":{"text":"`+name+`"},"verificationStatus":{"coding":[{"system":"http://terminology.hl7.org/CodeSystem/condition-ver-status","code":"`+verified+`"}]},
			"clinicalStatus":{"coding":[{"system":"http://terminology.hl7.org/CodeSystem/condition-clinical","code":"`+clinical+`"}]}`)
	}
	for _, v := range []string{"v", "w"} {
		add("Encounter", v, `"status":"finished","class":{"code":"AMB"},"type":[{"text":"Check `+v+`"}],"period":{"start":"2025-05-0`+map[string]string{"v": "3", "w": "4"}[v]+`"}`)
	}
	medicine("m1", "v", "on-hold", "Blood thinner")
	medicine("m2", "v", "unknown", "Old drops")
	medicine("m3", "v", "stopped", "Cough syrup")
	medicine("m4", "v", "active", "Water tablet")
	medicine("m5", "v", "entered-in-error", "Wrong tablet")
	medicine("m6", "w", "active", "Water tablet")
	medicine("m7", "w", "on-hold", "Other visit's cream")
	problem("c1", "provisional", "active", "Gout")
	problem("c2", "confirmed", "resolved", "Chill")
	problem("c3", "confirmed", "active", "Sore knee")
	problem("c4", "refuted", "active", "Never so")
	chart := h.load(t, []byte(`{"resourceType":"Bundle","type":"collection","entry":[{"resource":{"resourceType":"Patient","id":"p","name":[{"text":"Rosa Field"}]}}`+entries.String()+`]}`))
	rosa := h.account(t, "Rosa Field", chart, person.RolePatient)
	link := regexp.MustCompile(`href="(/visits/[^"]+)"[^>]*>\s*<bdi>Check v`).FindStringSubmatch(rosa.get("/visits").Body.String())
	if link == nil {
		t.Fatalf("no visit:\n%s", mainOf(rosa.last.Body.Bytes()))
	}
	page := rosa.get(link[1]).Body.String()
	for _, text := range []string{"Blood thinner</bdi></h3>\n<p><b class=\"word-watch\">Paused.", "Old drops</bdi></h3>\n<p><b class=\"word-watch\">Your record does not say",
		"Cough syrup</bdi></h3>\n<p><b>This prescription is over.", "Water tablet</bdi></h3>\n<p><b class=\"word-watch\">More than once",
		`Gout</bdi> <span class="tag">Not confirmed yet`, "Your care team does not know yet if you have this.", "Chill</bdi></h3>\n<p><b>This is over.", "Sore knee</bdi></h3>\n</li>"} {
		if !strings.Contains(page, text) {
			t.Errorf("no %q in %s", text, mainOf([]byte(page)))
		}
	}
	for _, text := range []string{"Wrong tablet", "cream", "Never so"} {
		if strings.Contains(page, text) {
			t.Errorf("%s stands on the page", text)
		}
	}
	// The same marks in the same words as the lists.
	for path, names := range map[string][]string{"/medications": {"Blood thinner", "Old drops", "Water tablet"}, "/conditions": {"Gout"}} {
		list := rosa.get(path).Body.String()
		for _, name := range names {
			mark := regexp.MustCompile(`(?s)` + name + `</bdi>.*?</p>`)
			if a, b := mark.FindString(page), mark.FindString(list); a != b || a == "" {
				t.Errorf("%s: the visit says %q, the list %q", name, a, b)
			}
		}
	}
}

// A list calls a result usual only when every number of it is: the part that is high may
// stand behind those that have a place, and a part without a range says nothing.
func TestNoListCallsAPanelUsualThatIsNot(t *testing.T) {
	h := lite(t)
	part := func(value, high string) string {
		rng := ""
		if high != "" {
			rng = `,"referenceRange":[{"high":{"value":` + high + `,"unit":"U"}}]`
		}
		return `{"code":{"text":"Part ` + value + `"},"valueQuantity":{"value":` + value + `,"unit":"U"}` + rng + `}`
	}
	panel := func(id, parts string) string {
		return `,{"resource":{"resourceType":"Observation","id":"` + id + `","language":"en","status":"final","subject":{"reference":"Patient/p"},"effectiveDateTime":"2026-01-02",
			"code":{"text":"Panel ` + id + `"},"component":[` + parts + `]}}`
	}
	chart := h.load(t, []byte(`{"resourceType":"Bundle","type":"collection","entry":[{"resource":{"resourceType":"Patient","id":"p","name":[{"text":"Rosa Field"}]}}`+
		panel("sixth", part("1", "9")+","+part("2", "9")+","+part("3", "9")+","+part("4", "9")+","+part("5", "9")+","+part("90", "9"))+
		panel("silent", part("1", "9")+","+part("190", ""))+
		`,{"resource":{"resourceType":"Goal","id":"g","language":"en","lifecycleStatus":"active","subject":{"reference":"Patient/p"},"description":{"text":"Less"},
			"target":[{"measure":{"text":"Sugar"},"detailRange":{"high":{"value":7.0,"unit":"%"}}},{"measure":{"text":"Fat"},"detailQuantity":{"value":100,"comparator":"<","unit":"mg/dL"}}]}}]}`))
	rosa := h.account(t, "Rosa Field", chart, person.RolePatient)
	page := rosa.get("/results").Body.String()
	if strings.Contains(page, `"word-good">In the usual range`) || !strings.Contains(page, "Above the usual range") || !strings.Contains(page, "No usual range given") {
		t.Errorf("results: %s", mainOf([]byte(page)))
	}
	want(t, "goal", rosa.get("/plan"), http.StatusOK, "<bdi>Sugar</bdi> <b><bdi>up to 7.0</bdi></b> <bdi>%</bdi>", "<bdi>Fat</bdi> <b><bdi>below 100</bdi></b> <bdi>mg/dL</bdi>")
}

// What folds away on the one-screen chart as "all in the usual range" is: a culture with
// no range stays in sight.
func TestOnlyWhatIsUsualFoldsAway(t *testing.T) {
	h := lite(t)
	entries := ""
	add := func(id, value string) {
		entries += `,{"resource":{"resourceType":"Observation","id":"` + id + `","language":"en","status":"final","subject":{"reference":"Patient/p"},"effectiveDateTime":"` + h.Clock.Now().Format("2006-01-02") + `",
			"category":[{"coding":[{"system":"http://terminology.hl7.org/CodeSystem/observation-category","code":"laboratory"}]}],"code":{"text":"Test ` + id + `"},` + value + `}}`
	}
	for _, id := range []string{"a", "b", "c", "d", "e", "f", "g", "h"} {
		add(id, `"valueQuantity":{"value":4,"unit":"U"},"referenceRange":[{"high":{"value":9,"unit":"U"}}]`)
	}
	add("culture", `"valueString":"MRSA grew"`)
	chart := h.load(t, []byte(`{"resourceType":"Bundle","type":"collection","entry":[{"resource":{"resourceType":"Patient","id":"p","name":[{"text":"Rosa Field"}]}}`+entries+`]}`))
	doctor := h.account(t, "Dr. Lillian Chen", nobody, person.RoleClinician)
	h.assign(t, doctor, chart)
	page := doctor.post("/clinic/"+chart.String(), "purpose", "TREAT").Body.String()
	seen, folded, found := strings.Cut(page, `<details class="rows-more">`)
	if !found || !strings.Contains(seen, "MRSA grew") || strings.Contains(folded, "MRSA grew") || !strings.Contains(folded, "all in the usual range") {
		t.Errorf("the culture is folded away: %s", mainOf([]byte(page)))
	}
}

// A new value that the laboratory marked as critical comes with what to do; an old one,
// one that was taken back, and the doctor's page do without.
func TestACriticalValueSaysWhatToDo(t *testing.T) {
	h := lite(t)
	entries := ""
	add := func(id, status, day string) {
		entries += `,{"resource":{"resourceType":"Observation","id":"` + id + `","language":"en","status":"` + status + `","subject":{"reference":"Patient/p"},"effectiveDateTime":"` + day + `",
			"category":[{"coding":[{"system":"http://terminology.hl7.org/CodeSystem/observation-category","code":"laboratory"}]}],
			"code":{"text":"Test ` + id + `"},"valueQuantity":{"value":6.9,"unit":"U"},"interpretation":[{"coding":[{"code":"HH"}]}]}}`
	}
	today := h.Clock.Now().Format("2006-01-02")
	add("new", "final", today)
	add("old", "final", "2025-01-02")
	chart := h.load(t, []byte(`{"resourceType":"Bundle","type":"collection","entry":[{"resource":{"resourceType":"Patient","id":"p","name":[{"text":"Rosa Field"}]}}`+entries+`]}`))
	rosa := h.account(t, "Rosa Field", chart, person.RolePatient)
	const call = "call the clinic today"
	open := func(name string) string {
		list := rosa.get("/results").Body.String()
		before, _, ok := strings.Cut(list, "<bdi>"+name+"</bdi>")
		if !ok {
			t.Fatalf("no %s in the list", name)
		}
		at := strings.LastIndex(before, `/results/`)
		id, _, _ := strings.Cut(before[at:], `"`)
		return rosa.get(id).Body.String()
	}
	if page := open("Test new"); !strings.Contains(page, call) || !strings.Contains(page, "Far above the usual range") {
		t.Errorf("new: %s", mainOf([]byte(page)))
	}
	if page := open("Test old"); strings.Contains(page, call) {
		t.Errorf("old: %s", mainOf([]byte(page)))
	}
}
