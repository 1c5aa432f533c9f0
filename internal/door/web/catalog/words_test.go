package catalog

import (
	"encoding/json"
	"flag"
	"fmt"
	"os"
	"strings"
	"testing"
)

var update = flag.Bool("update", false, "write words/*.json in the one form")

// As many as promised, every one with both languages, checked twice.
func TestWordsAreAsManyAsPromised(t *testing.T) {
	c := load(t)
	for k, least := range map[Kind]int{Test: 300, Medicine: 200, Condition: 200, Procedure: 60, Vaccine: 20, Allergy: 16, Reaction: 4, Care: 35, Visit: 20, Answer: 15} {
		if n := len(c.Entries(k)); n < least {
			t.Errorf("words/%s.json has %d entries, promised are %d", k, n, least)
		}
		for _, e := range c.Entries(k) {
			if e.Checked < 2 {
				t.Errorf("words/%s.json: %s was checked %d times: compare its codes and both languages once more", k, e.English.Name, e.Checked)
			}
			switch k {
			case Test, Medicine, Condition, Procedure, Vaccine:
				if e.English.Line == "" {
					t.Errorf("words/%s.json: %s has no line", k, e.English.Name)
				}
			}
		}
	}
}

// A mistyped code would give one thing the words of another. LOINC and SNOMED CT
// codes carry a check digit; a few codes of the test data are not what their system
// says, and are listed.
func TestCodesHaveTheirCheckDigit(t *testing.T) {
	wrong := map[string]bool{"sct|34552-0": true} // a LOINC code that Synthea gives out as SNOMED CT
	c := load(t)
	for _, k := range Kinds() {
		for _, e := range c.Entries(k) {
			for _, key := range e.Codes {
				system, code, _ := strings.Cut(key, "|")
				ok := true
				switch system {
				case "loinc":
					ok = loincDigit(code)
				case "sct":
					ok = verhoeff(code)
				}
				if ok == wrong[key] {
					t.Errorf("words/%s.json: %s of %s: check digit %v", k, key, e.English.Name, ok)
				}
			}
		}
	}
	if loincDigit("4548-3") || verhoeff("44054007") {
		t.Error("a mistyped code is not noticed")
	}
}

// loincDigit checks the digit behind the hyphen (Luhn).
func loincDigit(code string) bool {
	number, digit, found := strings.Cut(code, "-")
	if !found || len(digit) != 1 {
		return false
	}
	sum := 0
	for i := range len(number) {
		d := int(number[len(number)-1-i] - '0')
		if i%2 == 0 {
			d *= 2
			d = d/10 + d%10
		}
		sum += d
	}
	return (10-sum%10)%10 == int(digit[0]-'0')
}

// verhoeff checks the last digit of a SNOMED CT identifier.
func verhoeff(code string) bool {
	times := []string{"0123456789", "1234067895", "2340178956", "3401289567", "4012395678", "5987604321", "6598710432", "7659821043", "8765932104", "9876543210"}
	turn := []string{"0123456789", "1576283094", "5803796142", "8916043527", "9453126870", "4286573901", "2793806415", "7046913258"}
	c := 0
	for i := range len(code) {
		d := code[len(code)-1-i]
		if d < '0' || d > '9' {
			return false
		}
		c = int(times[c][turn[i%8][d-'0']-'0'] - '0')
	}
	return c == 0
}

// The files are for people: one form, so that a difference shows words and nothing
// else, and no key can stand twice in one entry.
func TestWordFilesAreWrittenOneWay(t *testing.T) {
	c := load(t)
	for _, k := range Kinds() {
		path := "words/" + string(k) + ".json"
		have, err := os.ReadFile(path)
		if err != nil {
			t.Fatal(err)
		}
		want := written(t, c.Entries(k))
		if string(have) == want {
			continue
		}
		if *update {
			if err := os.WriteFile(path, []byte(want), 0o600); err != nil {
				t.Fatal(err)
			}
			continue
		}
		t.Errorf("%s is not in the one form: run this test with -update", path)
	}
}

func written(t *testing.T, entries []Entry) string {
	t.Helper()
	quote := func(v any) string {
		b, err := json.Marshal(v)
		if err != nil {
			t.Fatal(err)
		}
		return string(b)
	}
	list := func(items []string) string {
		var all []string
		for _, s := range items {
			all = append(all, quote(s))
		}
		return "[" + strings.Join(all, ", ") + "]"
	}
	plain := func(p Plain) string {
		if p.Line == "" {
			return `{"name": ` + quote(p.Name) + `}`
		}
		return `{"name": ` + quote(p.Name) + `, "line": ` + quote(p.Line) + `}`
	}
	var all []string
	for _, e := range entries {
		s := "  {\n    \"codes\": " + list(e.Codes) + ",\n"
		if len(e.Matches) > 0 {
			s += "    \"matches\": " + list(e.Matches) + ",\n"
		}
		s += "    \"en\": " + plain(e.English) + ",\n    \"es\": " + plain(e.Spanish) + ",\n"
		all = append(all, s+fmt.Sprintf("    \"checked\": %d, \"reviewed\": %v\n  }", e.Checked, e.Reviewed))
	}
	return "[\n" + strings.Join(all, ",\n") + "\n]\n"
}

// What breaks the rules of a file is found when it is loaded.
func TestWordsRefuseWhatIsWrong(t *testing.T) {
	const good = `[{"codes": ["sct|1"], "en": {"name": "A", "line": "B"}, "es": {"name": "C", "line": "D"}, "checked": 2, "reviewed": false}]`
	try := func(raw string, k Kind) error {
		entries, err := decodeEntries([]byte(raw))
		if err != nil {
			return err
		}
		w := &words{byCode: map[string]*Entry{}, byMatch: map[string]*Entry{}, names: newMedicineNames()}
		for i := range entries {
			if err := w.add(k, &entries[i]); err != nil {
				return err
			}
		}
		return nil
	}
	if err := try(good, Condition); err != nil {
		t.Fatal(err)
	}
	for name, change := range map[string][2]string{
		"field":         {`"checked"`, `"chekced"`},
		"language":      {`"es": {"name": "C", "line": "D"}, `, ``},
		"name":          {`"C"`, `""`},
		"line":          {`, "line": "D"`, ``},
		"code":          {`sct|1`, `sct|`},
		"system":        {`sct|1`, `snomed|1`},
		"no code":       {`"sct|1"`, ``},
		"twice":         {`"sct|1"`, `"sct|1", "sct|1"`},
		"match":         {`"en"`, `"matches": ["a"], "en"`},
		"markup":        {`"B"`, `"<b>B</b>"`},
		"space":         {`"B"`, `"B "`},
		"long":          {`"B"`, `"` + strings.Repeat("b", lineMost+1) + `"`},
		"behind":        {`}]`, `}] x`},
		"type of state": {`false`, `"no"`},
	} {
		if raw := strings.Replace(good, change[0], change[1], 1); raw == good || try(raw, Condition) == nil {
			t.Errorf("%s: nothing found", name)
		}
	}
	if try(strings.Replace(good, `"en"`, `"matches": ["aspirin 81 mg"], "en"`, 1), Medicine) == nil {
		t.Error("a match that can match nothing is taken")
	}
}

// Whoever gives an entry a code or a name that another one has is told which that is: in
// hundreds of entries nobody looks for it.
func TestWhatStandsTwiceNamesTheFirst(t *testing.T) {
	w := &words{byCode: map[string]*Entry{}, byMatch: map[string]*Entry{}, names: newMedicineNames()}
	entry := func(name, code, match string) *Entry {
		p := Plain{Name: name, Line: "Lowers blood pressure."}
		return &Entry{Codes: []string{"rxnorm|" + code}, Matches: []string{match}, English: p, Spanish: p, Checked: 2}
	}
	if err := w.add(Medicine, entry("Lisinopril", "1", "lisinopril")); err != nil {
		t.Fatal(err)
	}
	for what, e := range map[string]*Entry{"code rxnorm|1": entry("Losartan", "1", "losartan"), `match "lisinopril"`: entry("Losartan", "2", "lisinopril")} {
		if err := w.add(Medicine, e); err == nil || err.Error() != what+` stands twice: first in the entry "Lisinopril"` {
			t.Errorf("%s: %v", what, err)
		}
	}
}

// A medicine without a code of ours is found by what its name says is in it; how much
// and in which form stays. What cannot be read for certain has no words.
func TestMedicinesAreReadByName(t *testing.T) {
	c := load(t)
	for _, m := range []struct{ code, written, en, es string }{
		{"0", "atorvastatin 80 MG Oral Tablet", "Atorvastatin 80 mg tablet", "Atorvastatina, tableta de 80 mg"},
		{"0", "24 HR metFORMIN hydrochloride 750 MG Extended Release Oral Tablet", "Metformin 750 mg long-acting tablet", "Metformina, tableta de larga duración de 750 mg"},
		{"0", "Atorvastatin 20 MG Oral Tablet [Lipitor]", "Atorvastatin 20 mg tablet", "Atorvastatina, tableta de 20 mg"},
		{"0", "Losartan", "Losartan", "Losartán"},
		{"0", "losartan potassium tablet", "Losartan", "Losartán"},
		{"0", "hydrochlorothiazide 12.5 MG / lisinopril 10 MG Oral Tablet", "Lisinopril with hydrochlorothiazide", "Lisinopril con hidroclorotiazida"},
		{"0", "Lisinopril 10 MG / Hydrochlorothiazide 12.5 MG Oral Tablet", "Lisinopril with hydrochlorothiazide", "Lisinopril con hidroclorotiazida"},
		{"0", "120 ACTUAT Fluticasone propionate 0.044 MG/ACTUAT Metered Dose Inhaler", "Fluticasone", "Fluticasona"},
		{"0", "metFORMIN 1,000 MG Oral Tablet", "Metformin 1,000 mg tablet", "Metformina, tableta de 1,000 mg"},
		{"1367439", "NuvaRing 0.12/0.015 MG per 24HR 21 Day Vaginal Ring", "Birth control ring (NuvaRing)", "Anillo anticonceptivo (NuvaRing)"},
		{"861007", "something else", "Metformin", "Metformina"},
		{"0", "atorvastatin 20 MG / amlodipine 5 MG Oral Tablet", "", ""}, // each is known, both together are not
		{"0", "hydroxyzine pamoate 25 MG Oral Capsule", "Hydroxyzine 25 mg capsule", "Hidroxizina, cápsula de 25 mg"},
		{"0", "hydralazin", "", ""}, // nearly is not
		{"0", "potassium citrate 10 MEQ", "", ""},
		{"0", "500 MG", "", ""}, {"0", "", "", ""}, {"0", " / ", "", ""},
	} {
		for tag, want := range map[string]string{"en": m.en, "es": m.es} {
			w, found := c.Language(tag).Word(Medicine, "http://www.nlm.nih.gov/research/umls/rxnorm", m.code, m.written)
			if w.Name != want || found != (want != "") {
				t.Errorf("%s %q: %q %v, want %q", tag, m.written, w.Name, found, want)
			}
		}
	}
	// Only a code of its own system counts.
	if _, found := c.Language("en").Word(Test, "http://example.org/own", "4548-4", "Hemoglobin A1c"); found {
		t.Error("a code of another system was taken for LOINC's")
	}
}

func BenchmarkLoad(b *testing.B) {
	for b.Loop() {
		if _, err := Load(); err != nil {
			b.Fatal(err)
		}
	}
}

func FuzzIngredient(f *testing.F) {
	for _, s := range []string{"24 HR x 5 MG", "[", " / ", "a [b", "0.3 ML Epinephrine 1 MG/ML"} {
		f.Add(s)
	}
	r := newMedicineNames()
	f.Fuzz(func(_ *testing.T, s string) {
		r.ingredient(s)
		r.strengthOf(s)
		r.formOf(s)
	})
}
