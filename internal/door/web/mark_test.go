package web_test

import (
	"net/http"
	"strings"
	"testing"

	"postern.example/postern/internal/word/person"
)

// River Lab writes its own code before HL7's, says "high" before "critically high", and
// marks a culture as critical without a direction. Rosa reads of each what to do.
func TestACriticalMarkIsFoundWhereverItStands(t *testing.T) {
	const v3 = `"system":"http://terminology.hl7.org/CodeSystem/v3-ObservationInterpretation"`
	h := lite(t)
	result := func(id, value, marks string) string {
		return entry("Observation", id, `"status":"final","effectiveDateTime":"`+h.Clock.Now().Format("2006-01-02")+`","category":[{"coding":[{"code":"laboratory"}]}],"code":{"text":"Test `+id+`"},`+value+`,"interpretation":[`+marks+`]`)
	}
	rosa := h.account(t, "Rosa Field", h.load(t, bundle(
		result("own", `"valueQuantity":{"value":6.9,"unit":"U"}`, `{"coding":[{"system":"urn:river-lab","code":"F1"},{`+v3+`,"code":"HH"}]}`),
		result("second", `"valueQuantity":{"value":1.9,"unit":"U"}`, `{"coding":[{`+v3+`,"code":"L"}]},{"coding":[{`+v3+`,"code":"LL"}]}`),
		result("culture", `"valueString":"MRSA grew"`, `{"coding":[{`+v3+`,"code":"POS"}]},{"coding":[{`+v3+`,"code":"AA"}]}`),
		result("plain", `"valueQuantity":{"value":5,"unit":"U"}`, `{"coding":[{`+v3+`,"code":"H"}]}`))), person.RolePatient)
	said := map[string]string{"Test own": "Far above the usual range", "Test second": "Far below the usual range", "Test culture": "Marked as critical by the laboratory", "Test plain": "Above the usual range"}
	rosa.get("/results")
	for _, one := range ownLinks(rosa, "/results/") {
		page := rosa.get(one).Body.String()
		for name, words := range said {
			if strings.Contains(page, "<bdi>"+name+"</bdi></h1>") {
				delete(said, name)
				want(t, name, rosa.last, http.StatusOK, words)
				if strings.Contains(page, "call the clinic today") != (name != "Test plain") {
					t.Errorf("%s: what to do: %s", name, mainOf([]byte(page)))
				}
			}
		}
	}
	if len(said) > 0 {
		t.Errorf("not opened: %v", said)
	}
}
