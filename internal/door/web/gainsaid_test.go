package web_test

import (
	"encoding/base64"
	"fmt"
	"net/http"
	"strings"
	"testing"

	"postern.example/postern/internal/word/person"
)

// entriesOf is a bundle of Rosa and what her chart has.
func entriesOf(list ...string) []byte {
	return []byte(`{"resourceType":"Bundle","type":"collection","entry":[{"resource":{"resourceType":"Patient","id":"x","name":[{"family":"Field","given":["Rosa"]}],"birthDate":"1980-01-01"}},{"resource":` + strings.Join(list, `},{"resource":`) + `}]}`)
}

// Rosa's penicillin allergy stays one whatever code a source writes beside its own. Only an entry
// that says nothing else says that she has none.
func TestAnAllergyIsNotTakenForNone(t *testing.T) {
	allergy := func(id, code, more string) string {
		return `{"resourceType":"AllergyIntolerance","id":"` + id + `","patient":{"reference":"Patient/x"},"code":{"text":"Penicillin ` + id + `","coding":[` + code + `]}` + more + `}`
	}
	const none = `{"system":"http://snomed.info/sct","code":"716186003"}`
	h := lite(t)
	rosa := h.account(t, "Rosa Field", h.load(t, entriesOf(
		allergy("one", `{"system":"http://snomed.info/sct","code":"91936005"},{"system":"urn:river","code":"716186003"}`, ``),
		allergy("two", none+`,{"system":"http://snomed.info/sct","code":"91936005"}`, ``),
		allergy("three", none, `,"criticality":"high"`),
		allergy("four", none, `,"reaction":[{"manifestation":[{"text":"Hives"}]}]`),
		allergy("five", `{"system":"urn:river","code":"716186003"}`, ``),
		allergy("six", none+`,{"system":"urn:river","code":"NKA"}`, ``),
	)), person.RolePatient)
	page := rosa.get("/allergies").Body.String()
	for _, id := range []string{"one", "two", "three", "four", "five", "six"} {
		if shown := strings.Contains(page, "Penicillin "+id); shown == (id == "six") {
			t.Errorf("%s: on the list: %v", id, shown)
		}
	}
}

// What a source took back in the words of the element is taken back; what it both states and
// takes back stands there, not confirmed; and what another list says is neither.
func TestWhatWasTakenBackIsNoProblem(t *testing.T) {
	condition := func(id, status string) string {
		return `{"resourceType":"Condition","id":"` + id + `","code":{"text":"Finding ` + id + `"},"subject":{"reference":"Patient/x"},"clinicalStatus":{"coding":[{"system":"http://terminology.hl7.org/CodeSystem/condition-clinical","code":"active"}]},"verificationStatus":` + status + `}`
	}
	own := func(code string) string {
		return `{"system":"http://terminology.hl7.org/CodeSystem/condition-ver-status","code":"` + code + `"}`
	}
	const absent, act = `{"system":"http://terminology.hl7.org/CodeSystem/data-absent-reason","code":"refuted"}`, `{"system":"http://terminology.hl7.org/CodeSystem/v3-ActStatus","code":"completed"}`
	h := lite(t)
	for _, c := range []struct {
		id, status    string
		shown, unsure bool
	}{
		{"plain", `{"coding":[` + own("refuted") + `]}`, false, false},
		{"behind", `{"coding":[` + act + `,` + own("entered-in-error") + `]}`, false, false},
		{"large", `{"coding":[` + own("Refuted") + `]}`, false, false},
		{"said", `{"text":"refuted"}`, false, false},
		{"both", `{"coding":[` + own("confirmed") + `,` + own("refuted") + `]}`, true, true},
		{"absent", `{"coding":[` + absent + `,` + own("confirmed") + `]}`, true, false},
		{"sure", `{"coding":[` + own("confirmed") + `]}`, true, false},
	} {
		rosa := h.account(t, "Rosa Field", h.load(t, renamed(entriesOf(condition(c.id, c.status)), c.id)), person.RolePatient)
		page := rosa.get("/conditions").Body.String()
		if shown := strings.Contains(page, "Finding "+c.id); shown != c.shown {
			t.Errorf("%s: on the list: %v", c.id, shown)
		}
		if unsure := strings.Contains(page, "Not confirmed"); c.shown && unsure != c.unsure {
			t.Errorf("%s: not confirmed: %v", c.id, unsure)
		}
	}
}

// renamed makes another patient of the bundle's.
func renamed(bundle []byte, id string) []byte {
	return []byte(strings.NewReplacer(`"id":"x"`, `"id":"x-`+id+`"`, "Patient/x", "Patient/x-"+id).Replace(string(bundle)))
}

// A letter that comes in two forms is on its page in both, each once.
func TestBothFormsOfALetterAreRead(t *testing.T) {
	form := func(media, text string) string {
		return `{"attachment":{"contentType":"` + media + `","data":"` + base64.StdEncoding.EncodeToString([]byte(text)) + `"}}`
	}
	markup, plain := form("text/html", "<p>STOP taking warfarin.</p>"), form("text/plain", "Thank you for coming.")
	h := lite(t)
	for id, content := range map[string]string{"markup": markup + `,` + plain, "plain": plain + `,` + markup} {
		rosa := h.account(t, "Rosa Field", h.load(t, renamed(entriesOf(`{"resourceType":"DocumentReference","id":"d-`+id+`","status":"current","type":{"text":"Letter"},"subject":{"reference":"Patient/x"},"content":[`+content+`]}`), id)), person.RolePatient)
		rosa.get("/documents")
		page := rosa.get(ownLinks(rosa, "/documents/")[0]).Body.String()
		for _, text := range []string{"STOP taking warfarin.", "Thank you for coming."} {
			if n := strings.Count(page, text); n != 1 {
				t.Errorf("%s first: %q stands there %d times", id, text, n)
			}
		}
	}
}

// However large the clinic's own entries of medicines are, no medicine of Rosa's is without a name.
func TestEveryMedicineHasAName(t *testing.T) {
	h := lite(t)
	var list []string
	for i := range 20 {
		list = append(list, fmt.Sprintf(`{"resourceType":"Medication","id":"m%d","code":{"text":"Medicine number %d."},"text":{"status":"generated","div":"<div xmlns=\"http://www.w3.org/1999/xhtml\">%s</div>"}}`, i, i, strings.Repeat("x", 900_000)),
			fmt.Sprintf(`{"resourceType":"MedicationRequest","id":"r%d","status":"active","intent":"order","subject":{"reference":"Patient/x"},"medicationReference":{"reference":"Medication/m%d"}}`, i, i))
	}
	list = append(list, `{"resourceType":"MedicationRequest","id":"r","status":"active","intent":"order","subject":{"reference":"Patient/x"},"medicationReference":{"reference":"https://elsewhere.example/Medication/1"}}`)
	rosa := h.account(t, "Rosa Field", h.load(t, entriesOf(list...)), person.RolePatient)
	want(t, "medicines", rosa.get("/medications"), http.StatusOK, "A medicine without a name here")
	for i := range 20 {
		if name := fmt.Sprintf("Medicine number %d.", i); !strings.Contains(rosa.last.Body.String(), name) {
			t.Errorf("%s has no name", name)
		}
	}
}
