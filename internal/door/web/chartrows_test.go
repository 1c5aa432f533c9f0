package web_test

import (
	"fmt"
	"net/http"
	"strings"
	"testing"
	"time"

	"postern.example/postern/internal/word/person"
	"postern.example/postern/test/covers"
)

// measured is a bundle of a patient with observations; each is "category days-ago value flag".
func (h *house) measured(id, patient string, observations ...string) []byte {
	entries := []string{fmt.Sprintf(`{"resourceType":"Patient","id":%q,"name":[{"family":"Lindqvist","given":["Otto"]}],"birthDate":"1951-04-02"%s}`, id, patient)}
	for i, o := range observations {
		var category, flag string
		var days, value int
		_, _ = fmt.Sscan(o, &category, &days, &value, &flag) // a missing flag stays empty
		if flag != "" {
			flag = fmt.Sprintf(`,"interpretation":[{"coding":[{"system":"http://terminology.hl7.org/CodeSystem/v3-ObservationInterpretation","code":%q}]}]`, flag)
		}
		entries = append(entries, fmt.Sprintf(`{"resourceType":"Observation","id":"o%d","status":"final","category":[{"coding":[{"system":"http://terminology.hl7.org/CodeSystem/observation-category","code":%q}]}],
			"code":{"text":"Assay %03d"},"subject":{"reference":"Patient/%s"},"effectiveDateTime":%q,"valueQuantity":{"value":%d,"unit":"U"},"referenceRange":[{"low":{"value":1},"high":{"value":50}}]%s}`,
			i, category, i, id, h.Clock.Now().AddDate(0, 0, -days).UTC().Format(time.RFC3339), value, flag))
	}
	return []byte(`{"resourceType":"Bundle","type":"collection","entry":[{"resource":` + strings.Join(entries, `},{"resource":`) + `}]}`)
}

// folds begins what has to be unfolded.
const folds = `<details`

// many are n observations in their usual range.
func many(n int, category string, days int) (out []string) {
	for range n {
		out = append(out, fmt.Sprintf("%s %d 20", category, days))
	}
	return out
}

// Otto's doctor sees what is outside its range, however much that is usual came after it:
// a row is cut off only after it was ranked, and what is folded can be unfolded.
func TestTheOneScreenChartNeverHidesWhatIsOutsideItsRange(t *testing.T) {
	covers.Covers(t, "HC-9a")
	for name, c := range map[string]struct {
		observations []string
		outside      string
	}{
		"a troponin of yesterday after thirty usual tests": {append(many(30, "laboratory", 0), "laboratory 1 90 HH"), "Assay 030"},
		"an old potassium":     {append(many(140, "laboratory", 60), "laboratory 400 70"), "Assay 140"},
		"a pulse of long ago":  {append(many(30, "vital-signs", 1), "vital-signs 9 90 H"), "Assay 030"},
		"one among the hidden": {append(many(200, "laboratory", 3), "laboratory 8 90"), "Assay 200"},
	} {
		t.Run(name, func(t *testing.T) {
			h := lite(t)
			doctor := h.account(t, "Dr. Mei Chen", nobody, person.RoleClinician)
			otto := h.load(t, h.measured("otto", "", c.observations...))
			h.assign(t, doctor, otto)
			doctor.get("/clinic")
			want(t, "chart", doctor.post("/clinic/"+otto.String(), "purpose", "TREAT"), http.StatusOK, c.outside)
			page := doctor.last.Body.String()
			before := page[:strings.Index(page, c.outside)]
			if strings.Count(page, folds) == 0 || strings.Count(before, folds) != strings.Count(before, "</details>") {
				t.Errorf("it is folded away, or nothing is:\n%s", mainOf([]byte(page)))
			}
			shown := strings.Count(page, `<a class="test"`)
			if n := len(c.observations); n <= 120 && shown != n {
				t.Errorf("%d of %d rows can be reached", shown, n)
			} else if missing := fmt.Sprintf("%d more kinds of tests are in the chart", n-shown); n > 120 && !strings.Contains(page, missing) {
				t.Errorf("it does not say %q", missing)
			}
			if len(page) > 150_000 {
				t.Errorf("the page has %d bytes", len(page))
			}
		})
	}
}

// Whoever has died is not asked how old they are today: the list, what is found and the chart say so.
func TestADeathIsSaid(t *testing.T) {
	h := lite(t)
	nurse := h.account(t, "Samuel Brooks", nobody, person.RoleNurse)
	for id, died := range map[string]string{"otto": `,"deceasedDateTime":"2026-01-09","identifier":[{"system":"https://c.example/mrn","value":"RC-9"}]`, "ada": `,"deceasedBoolean":true`, "bo": `,"deceasedBoolean":false`} {
		chart := h.load(t, h.measured(id, died))
		h.assign(t, nurse, chart)
		nurse.get("/clinic")
		listed := strings.Contains(nurse.row(t, chart.String()), "has died")
		page := nurse.post("/clinic/"+chart.String(), "purpose", "TREAT").Body.String()
		switch id {
		case "otto":
			if !listed || !strings.Contains(page, "January 9, 2026") || strings.Contains(page, "(75 years)") {
				t.Errorf("%s: listed %v\n%s", id, listed, mainOf([]byte(page)))
			}
			want(t, "look-up", nurse.post("/clinic/look-up", "known", "RC-9"), http.StatusOK, "has died")
		case "ada":
			if !listed || !strings.Contains(page, "the day is not known") {
				t.Errorf("%s: listed %v\n%s", id, listed, mainOf([]byte(page)))
			}
		case "bo":
			if listed || strings.Contains(page, "Died") || !strings.Contains(page, "(75 years)") {
				t.Errorf("%s: listed %v\n%s", id, listed, mainOf([]byte(page)))
			}
		}
	}
}
