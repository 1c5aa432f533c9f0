package web

import (
	"encoding/json"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"postern.example/postern/internal/door/web/view"
	"postern.example/postern/internal/room/records"
	"postern.example/postern/internal/word/phi"
)

func coded(system, code string) records.Coded {
	return records.Coded{System: phi.NewText(system), Code: phi.NewText(code)}
}

// sides are the tests of which no page may say "a little" on a side, by the words of the
// catalogue: b below, a above. Another test whose name or line speaks of one of these
// substances stands in fine, with the reason.
func sides() (strict, fine map[string]string) {
	strict = map[string]string{
		"Potassium": "ba", "Sodium": "ba", "Calcium": "ba", "Free calcium (ionized)": "ba", "Magnesium": "ba",
		"Acid in artery blood (pH)": "ba", "Acid in vein blood (pH)": "ba", "Clotting number (INR)": "ba", "Clotting time (PT)": "ba", "Clotting time (aPTT)": "ba",
		"Blood sugar (glucose)": "b", "Fasting blood sugar (glucose)": "b", "Blood sugar before a meal": "b",
		"Hemoglobin": "ba", "Blood platelets": "ba", "Neutrophils": "b", "White blood cells": "b",
		"Heart muscle test (troponin I)": "ba", "Heart muscle test (troponin T)": "ba", "Kidney test (creatinine)": "a", "Thyroid test (TSH)": "b",
		"Oxygen in blood": "b", "Oxygen in blood (worked out)": "b", "Oxygen in artery blood (pressure)": "b", "Lactate": "a", "Lithium level": "a", "Digoxin level": "a",
	}
	fine = map[string]string{
		"Blood sugar two hours after a sugar drink": "a test of how sugar falls: low is rare and comes with another one",
		"Blood sugar one hour after a sugar drink":  "likewise",
		"Hemoglobin in each red cell (MCH)":         "the size of cells, not how many there are", "Hemoglobin packed in red cells (MCHC)": "likewise",
		"Hemoglobin F": "a kind of hemoglobin", "Hemoglobin A2": "likewise", "Platelet size (MPV)": "a size", "Range of platelet sizes (PDW)": "likewise",
		"Share of neutrophils": "the count decides", "Share of young neutrophils (bands)": "likewise",
		"Kidney clearing (creatinine clearance)": "collected over a day: filtering says it sooner", "Urea compared with creatinine": "a comparison",
		"Average sugar from the sensor": "an average", "Calcium control hormone (PTH)": "a hormone",
		"Oxygen in vein blood (pressure)": "what is left after use: not a measure of breathing",
	}
	return strict, fine
}

// Every test of the catalogue that measures one of the substances where a small distance
// matters is on the list, on the side where it does; in urine nothing is urgent.
func TestNoLittleIsComplete(t *testing.T) {
	raw, err := os.ReadFile(filepath.Join("catalog", "words", "tests.json"))
	if err != nil {
		t.Fatal(err)
	}
	var file any
	if err := json.Unmarshal(raw, &file); err != nil {
		t.Fatal(err)
	}
	var tests []struct {
		Codes []string
		En    struct{ Name, Line string }
	}
	if m, ok := file.(map[string]any); ok {
		for _, v := range m {
			if list, ok := v.([]any); ok {
				file = list
			}
		}
	}
	again, _ := json.Marshal(file)
	if err := json.Unmarshal(again, &tests); err != nil || len(tests) < 300 {
		t.Fatalf("%d tests: %v", len(tests), err)
	}
	about := regexp.MustCompile(`(?i)potassium|sodium|calcium|magnesium|\(pH\)|INR|\bPT\b|aPTT|blood sugar \(|fasting|sugar (one|two|before)|blood sugar|sensor|h(a)?emoglobin|platelet|neutrophil|white blood|troponin|creatinine|TSH|^oxygen|lactate|lithium|digoxin`)
	strict, fine := sides()
	seen := map[string]bool{}
	for _, x := range tests {
		name := x.En.Name
		want, listed := strict[name]
		_, excused := fine[name]
		if about.MatchString(name) && !listed && !excused && !regexp.MustCompile(`(?i)urine|average|panel|allergy|time in range`).MatchString(name) {
			t.Errorf("%s %q: neither strict nor fine", name, x.Codes)
		}
		seen[name] = true
		for _, code := range x.Codes {
			code, isLoinc := strings.CutPrefix(code, "loinc|")
			if !isLoinc {
				continue
			}
			below, above := noLittle(coded(loinc, code))
			if listed && (below != strings.Contains(want, "b") || above != strings.Contains(want, "a")) {
				t.Errorf("%s (%s): below %v, above %v, want %q", name, code, below, above, want)
			}
			if excused && (below || above) {
				t.Errorf("%s (%s) is on the list, and excused", name, code)
			}
		}
	}
	for name := range strict {
		if !seen[name] {
			t.Errorf("%s is no test of the catalogue", name)
		}
	}
	for name := range fine {
		if !seen[name] {
			t.Errorf("%s is no test of the catalogue", name)
		}
	}
	for _, c := range []records.Coded{{}, coded("", "4548-4"), coded("urn:of-the-laboratory", "4548-4"), {Text: phi.NewText("Potassium")}} {
		if below, above := noLittle(c); !below || !above {
			t.Error("a test that we do not know may be any of them")
		}
	}
}

// Rosa's potassium is 5.3, 0.2 above its range, and her cholesterol 205 of 200. The page
// says of one that it is above the range and of the other that it is a little high. What
// her laboratory calls critical stays critical.
func TestASmallDistanceIsNotAlwaysLittle(t *testing.T) {
	reading := func(code, value, low, high, flag string) view.Standing {
		q := func(s string) records.Quantity { return records.Quantity{Value: phi.NewText(s)} }
		r := records.Reading{Name: coded(loinc, code), Quantity: q(value)}
		var rg records.Range
		if low != "" {
			rg.Low = q(low)
		}
		if high != "" {
			rg.High = q(high)
		}
		r.Ranges = []records.Range{rg}
		r.Mark = records.Mark(flag)
		return measure(r, "").standing
	}
	for _, c := range []struct {
		what, code, value, low, high, flag string
		want                               view.Standing
	}{
		{"potassium", "2823-3", "5.3", "3.5", "5.1", "", view.StandingHigh}, {"potassium", "2823-3", "3.4", "3.5", "5.1", "L", view.StandingLow},
		{"critical potassium", "2823-3", "5.3", "3.5", "5.1", "HH", view.StandingVeryHigh}, {"potassium in its range", "2823-3", "5.1", "3.5", "5.1", "", view.StandingIn},
		{"INR", "6301-6", "3.1", "2", "3", "", view.StandingHigh}, {"hemoglobin", "718-7", "11.9", "12", "16", "", view.StandingLow},
		{"low sugar", "2345-7", "68", "70", "99", "", view.StandingLow}, {"high sugar", "2345-7", "104", "70", "99", "", view.StandingLittleHigh},
		{"troponin", "10839-9", "0.045", "", "0.04", "", view.StandingHigh}, {"creatinine", "2160-0", "1.38", "0.7", "1.3", "", view.StandingHigh},
		{"little creatinine", "2160-0", "0.65", "0.7", "1.3", "", view.StandingLittleLow},
		{"cholesterol", "2093-3", "205", "", "200", "", view.StandingLittleHigh},
	} {
		if got := reading(c.code, c.value, c.low, c.high, c.flag); got != c.want {
			t.Errorf("%s %s of %s to %s: %s, want %s", c.what, c.value, c.low, c.high, got.ID(), c.want.ID())
		}
	}
}
