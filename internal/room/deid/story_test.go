package deid

import (
	"encoding/json"
	"math"
	"slices"
	"strings"
	"testing"
)

// series is the values of one test in a persona's chart, oldest first.
type series map[string][]reading

type reading struct {
	day, text string
	value     float64
}

func readChart(t *testing.T, id string) ([]tree, series) {
	t.Helper()
	p, ok := Find(Family(day()), id)
	if !ok {
		t.Fatalf("no %s", id)
	}
	resources, out := checkBundle(t, write(t, p), day(), p.PatientURL), series{}
	for _, r := range resources {
		if q, ok := r["valueQuantity"].(tree); ok {
			v, _ := number(t, q)
			loinc := r["code"].(tree)["coding"].([]any)[0].(tree)["code"].(string)
			out[loinc] = append(out[loinc], reading{r["effectiveDateTime"].(string)[:10], q["value"].(json.Number).String(), v})
		}
	}
	for _, s := range out {
		slices.SortStableFunc(s, func(a, b reading) int { return strings.Compare(a.day, b.day) })
	}
	return resources, out
}

func (s series) last(loinc string) reading { return s[loinc][len(s[loinc])-1] }

// James's chart must tell what the demo says about it.
func TestChronicStory(t *testing.T) {
	resources, s := readChart(t, "chronic")
	a1c := s["4548-4"]
	if len(a1c) < 40 || a1c[0].text != "9.4" || s.last("4548-4").text != "7.4" {
		t.Errorf("A1c %d values from %s to %s", len(a1c), a1c[0].text, s.last("4548-4").text)
	}
	for i := len(a1c) - 5; i < len(a1c); i++ {
		if a1c[i].value >= a1c[i-1].value {
			t.Errorf("A1c rises to %s on %s", a1c[i].text, a1c[i].day)
		}
	}
	gfr := s["98979-8"]
	for i := len(gfr) - 8; i < len(gfr); i++ {
		if gfr[i].value < 52 || gfr[i].value > 60 {
			t.Errorf("filtration %s on %s is not steady", gfr[i].text, gfr[i].day)
		}
	}
	if gfr[0].value < 88 {
		t.Errorf("filtration began at %s", gfr[0].text)
	}
	if n := s.last("13457-7").value; n <= 99 || n > 130 {
		t.Errorf("newest LDL %v is not a little high", n)
	}
	for _, code := range []string{"4548-4", "1558-6", "2160-0", "98979-8", "2823-3", "2951-2", "13457-7", "2085-9", "2571-8", "2093-3", "718-7", "29463-7", "39156-5"} {
		first := s[code][0].day
		if first > "2016-12-31" {
			t.Errorf("%s begins in %s, not ten years ago", code, first)
		}
	}
	contained, pressures := 0, 0
	for _, r := range resources {
		if _, ok := r["contained"]; ok {
			contained++
		}
		if _, ok := r["component"]; ok {
			pressures++
		}
	}
	if contained != 1 || pressures < 40 {
		t.Errorf("%d contained medicines, %d blood pressures", contained, pressures)
	}
}

// Numbers that follow from each other must agree: clinicians notice at once.
func TestNumbersAgree(t *testing.T) {
	for _, id := range []string{"chronic", "daughter", "elder"} {
		_, s := readChart(t, id)
		for i, l := range s["13457-7"] {
			total, high, trig := s["2093-3"][i].value, s["2085-9"][i].value, s["2571-8"][i].value
			if math.Abs(l.value-(total-high-trig/5)) > 1 {
				t.Errorf("%s on %s: LDL %v of %v, %v, %v", id, l.day, l.value, total, high, trig)
			}
		}
		for i, b := range s["39156-5"] {
			h := s["8302-2"][i]
			w := s["29463-7"][slices.IndexFunc(s["29463-7"], func(r reading) bool { return r.day == h.day })]
			if want := w.value / (h.value / 100) / (h.value / 100); math.Abs(b.value-want) > 0.06 {
				t.Errorf("%s on %s: BMI %v, want %.1f", id, b.day, b.value, want)
			}
		}
	}
}

// A laboratory writes each test with a fixed number of decimals, zeros included.
func TestDecimalsKeepTheirWrittenForm(t *testing.T) {
	zeros := 0
	for _, id := range []string{"mother", "child", "chronic", "elder", "daughter"} {
		_, s := readChart(t, id)
		for code, values := range s {
			places := func(r reading) int { _, frac, _ := strings.Cut(r.text, "."); return len(frac) }
			for _, r := range values {
				if places(r) != places(values[0]) {
					t.Errorf("%s %s: %s beside %s", id, code, r.text, values[0].text)
				}
				if places(r) > 0 && strings.HasSuffix(r.text, "0") {
					zeros++
				}
			}
		}
	}
	if _, s := readChart(t, "daughter"); s.last("3016-3").text != "2.10" {
		t.Errorf("newest TSH of the daughter is written %s", s.last("3016-3").text)
	}
	if zeros < 20 {
		t.Errorf("only %d values end in zero", zeros)
	}
}

// Each chart holds what its pages show.
func TestChartsHoldEveryKind(t *testing.T) {
	want := map[string][]string{
		"mother":   {"Encounter", "Condition", "Observation", "DiagnosticReport", "MedicationRequest", "AllergyIntolerance", "Immunization", "Procedure"},
		"teen":     {"Encounter", "Condition", "Observation", "DiagnosticReport", "MedicationRequest", "AllergyIntolerance", "Immunization", "Procedure"},
		"child":    {"Encounter", "Condition", "Observation", "DiagnosticReport", "MedicationRequest", "AllergyIntolerance", "Immunization"},
		"chronic":  {"Encounter", "Condition", "Observation", "DiagnosticReport", "MedicationRequest", "AllergyIntolerance", "Immunization", "Procedure"},
		"elder":    {"Encounter", "Condition", "Observation", "DiagnosticReport", "MedicationRequest", "Medication", "AllergyIntolerance", "Immunization", "Procedure"},
		"daughter": {"Encounter", "Condition", "Observation", "DiagnosticReport", "MedicationRequest", "AllergyIntolerance", "Immunization", "Procedure"},
	}
	for id, kinds := range want {
		resources, _ := readChart(t, id)
		for _, k := range kinds {
			if !slices.ContainsFunc(resources, func(r tree) bool { return r["resourceType"] == k }) {
				t.Errorf("%s has no %s", id, k)
			}
		}
	}
}
