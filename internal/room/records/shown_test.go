package records

import (
	"slices"
	"strings"
	"testing"

	"postern.example/postern/internal/word/phi"
)

// Every definition shows its own example: a headline, and every text of it cleaned.
func TestExamplesShowTheirHeadline(t *testing.T) {
	// They have no name of their own: pages call them by the title of the type.
	without := []string{"Appointment", "CareTeam", "ImagingStudy", "Provenance", "QuestionnaireResponse"}
	for _, d := range Definitions() {
		p, err := planText(t, exampleBundle(d))
		if err != nil {
			t.Fatal(err)
		}
		for _, k := range storeAll(t, p) {
			if k.Type != d.Type {
				continue
			}
			got, err := d.Shows(phi.NewDoc([]byte(k.json)))
			if err != nil {
				t.Errorf("%s: %v", d.Type, err)
				continue
			}
			if _, ok := d.Headline(got); !ok && !slices.Contains(without, d.Type) {
				t.Errorf("%s: the example has no headline", d.Type)
			}
		}
	}
}

// words are the texts of a line, for comparing.
func (l Line) written() string {
	var out []string
	for _, v := range l.Values {
		for _, s := range []string{v.Question.Reveal(), v.Text.Reveal(), v.Coded.Text.Reveal(), v.Code, v.From.Written().Reveal(), v.To.Written().Reveal(),
			v.Quantity.Value.Reveal(), v.Quantity.Unit.Reveal(), v.Link.Type, v.Link.Display.Reveal()} {
			if s != "" {
				out = append(out, s)
			}
		}
	}
	return strings.Join(out, "|")
}

func TestEachKindOfLine(t *testing.T) {
	for _, c := range []struct {
		kind          ShowKind
		path, members string
		want          string
	}{
		{ShowText, "x", `"x":"plain"`, "plain"},
		{ShowText, "x", "\"x\":\"one\u202Etwo\"", "one⟦U+202E⟧two"},
		{ShowText, "x", `"x":7`, ""},
		{ShowText, "x|y", `"y":"second"`, "second"},
		{ShowText, "x|y", `"x":"first","y":"second"`, "first"},
		{ShowCoded, "x", `"x":[{"text":"Asthma"},{"coding":[{"system":"s","code":"7","display":"Seven"}]}]`, "Asthma|Seven"},
		{ShowCoded, "x", `"x":{"reference":"Medication/m","display":"Iron tablet"}`, "Iron tablet"},
		{ShowDate, "x", `"x":"2026-03"`, "2026-03"},
		{ShowDate, "x", `"x":"soon"`, ""},
		{ShowPeriod, "x", `"x":{"start":"2026-03-01","end":"2026-04-01"}`, "2026-03-01|2026-04-01"},
		{ShowPeriod, "x", `"x":{"end":"2026-04-01"}`, "2026-04-01"},
		{ShowQuantity, "x", `"x":{"value":1.10,"unit":"mg"}`, "1.10|mg"},
		{ShowMoney, "x", `"x":{"value":185.00,"currency":"USD"}`, "USD|185.00"},
		{ShowReference, "x", `"x":[{"display":"Dr. Osei"},{"reference":"https://h.example/fhir/Patient/1"}]`, "Dr. Osei"},
		{ShowReference, "x", `"x":{"reference":"Condition/aaaaaaaaaaaaaaaaaaaaaaaaaa"}`, "Condition"},
		{ShowStatus, "x", `"x":"in-progress"`, "in-progress"},
		{ShowStatus, "x", `"x":"<b>"`, ""},
		{ShowStatus, "x", `"x":{"coding":[{"code":"active","display":"Active"}]}`, "Active|active"},
		{ShowName, "x", `"x":[{"given":["June"],"family":"Field"}]`, "June Field"},
		{ShowContact, "x", `"x":{"system":"phone","value":"555-0100"}`, "555-0100"},
		{ShowYesNo, "x", `"x":false`, "false"},
		{ShowYesNo, "x", `"x":"false"`, ""},
		{ShowAnswers, "x", `"x":[{"text":"Cough?","answer":[{"id":"a","valueBoolean":true}]},{"text":"Group","item":[{"text":"Nights","answer":[{"valueInteger":2}]},{"text":"Why","answer":[{"valueCoding":{"display":"Grass"}}]}]}]`,
			"Cough?|true|Nights|2|Why|Grass"},
		{ShowAnswers, "x", `"x":[{"text":"Weight","answer":[{"valueQuantity":{"value":61.2,"unit":"kg"}}]},{"text":"Nothing","answer":[{}]}]`, "Weight|61.2 kg"},
	} {
		d := Definition{Type: "Flag", Show: []Field{{c.path, c.kind, Words{"X", "X"}}}}
		got, err := d.Shows(storedDoc("Flag", ","+c.members))
		if err != nil {
			t.Fatal(err)
		}
		line := Line{}
		if len(got.Lines) > 0 {
			line = got.Lines[0]
		}
		if line.written() != c.want {
			t.Errorf("%s shows %q, want %q", c.members, line.written(), c.want)
		}
		if _, ok := d.Headline(got); ok != (c.want != "") {
			t.Errorf("%s: headline %v", c.members, ok)
		}
	}
}

// Neither a form within a form within a form nor a list without end makes a page grow.
func TestLinesAreBounded(t *testing.T) {
	d := Definition{Type: "Flag", Show: []Field{{"x", ShowAnswers, Words{"X", "X"}}, {"y", ShowText, Words{"Y", "Y"}}}}
	deep := strings.Repeat(`{"item":[`, 9) + `{"text":"q","answer":[{"valueString":"a"}]}` + strings.Repeat(`]}`, 9)
	got, err := d.Shows(storedDoc("Flag", `,"x":[`+deep+`],"y":[`+strings.Repeat(`"a",`, 500)+`"a"]`))
	if err != nil || len(got.Lines) != 1 || len(got.Lines[0].Values) != valuesMost {
		t.Errorf("%d lines, %v", len(got.Lines), err)
	}
}
