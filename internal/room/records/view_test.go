package records

import (
	"encoding/json"
	"fmt"
	"log/slog"
	"strings"
	"testing"

	"postern.example/postern/internal/word/fault"
	"postern.example/postern/internal/word/phi"
)

// storedDoc makes the stored form of a resource with members.
func storedDoc(typ, members string) phi.Doc {
	return phi.NewDoc([]byte(head(typ, numberedID(7)) + `}` + members + `}`))
}

func TestObservationValues(t *testing.T) {
	for members, want := range map[string]string{
		`,"valueQuantity":{"value":1.10,"unit":"mmol/L"}`:                "1.10 mmol/L",
		`,"valueQuantity":{"comparator":"<","value":0.5,"code":"ng/mL"}`: "<0.5 ng/mL",
		`,"valueQuantity":{"comparator":"javascript","value":5}`:         "5",
		`,"valueString":"negative"`:                                      "negative",
		`,"valueInteger":7`:                                              "7",
		`,"valueBoolean":true`:                                           "true",
		`,"valueTime":"10:30:00"`:                                        "10:30:00",
		`,"valueDateTime":"2026-01-02"`:                                  "2026-01-02",
		`,"valueCodeableConcept":{"coding":[{"system":"s","code":"x"},{"display":"Never smoker"}]}`: "Never smoker",
		`,"valueCodeableConcept":{"coding":[{"code":"x"}]}`:                                         "x",
		`,"valueRange":{"low":{"value":1,"unit":"mg"},"high":{"value":2.0,"unit":"mg"}}`:            "1 mg – 2.0 mg",
		`,"valueRatio":{"numerator":{"value":1},"denominator":{"value":128}}`:                       "1 / 128",
		`,"valuePeriod":{"start":"2026-01-01","end":"2026-01-02"}`:                                  "2026-01-01 – 2026-01-02",
		``:                     "",
		`,"valueString":12`:    "",
		`,"valueQuantity":"x"`: "",
	} {
		o, err := ViewObservation(storedDoc("Observation", members))
		if err != nil {
			t.Fatal(err)
		}
		got := o.Value.Reveal()
		if !o.Quantity.IsZero() {
			got = strings.TrimSpace(o.Quantity.Comparator + o.Quantity.Value.Reveal() + " " + o.Quantity.Unit.Reveal())
		}
		if got != want {
			t.Errorf("%s shows %q, want %q", members, got, want)
		}
	}
}

// The mark of a result is the gravest of all that its laboratory wrote, wherever it stands.
func TestTheGravestMarkCounts(t *testing.T) {
	const v3 = `"system":"http://terminology.hl7.org/CodeSystem/v3-ObservationInterpretation",`
	const own = `"system":"urn:river-lab",`
	concept := func(codings ...string) string { return `{"coding":[{` + strings.Join(codings, `},{`) + `}]}` }
	code := func(system, c string) string { return system + `"code":"` + c + `"` }
	for list, want := range map[string]Mark{
		concept(code("", "HH")): CriticalHigh, concept(code("", "LL")): CriticalLow, concept(code("", "hh")): CriticalHigh,
		concept(code("", "H")): High, concept(code("", "L")): Low, concept(code("", "A")): Abnormal, concept(code("", "AA")): Critical, concept(code("", "N")): Normal,
		concept(code("", "HU")): CriticalHigh, concept(code("", "LU")): CriticalLow, concept(code("", "HX")): High, concept(code("", "LX")): Low,
		concept(code("", "H>")): CriticalHigh, concept(code("", "L<")): CriticalLow, concept(code("", "<")): Low, concept(code("", ">")): High,
		concept(code("", "?")): Unmarked, concept(code(v3, "POS")): Unmarked, ``: Unmarked,
		concept(code(own, "F1"), code(v3, "HH")):                                              CriticalHigh, // its own code first
		concept(code(own, "N"), code(v3, "L")):                                                Low,
		concept(code(own, "L"), code(v3, "N")):                                                Normal, // L for lipemic, say
		concept(code(own, "HH")):                                                              CriticalHigh,
		concept(code(v3, "H")) + `,` + concept(code(v3, "HH")):                                CriticalHigh,
		concept(code(v3, "HH")) + `,` + concept(code(v3, "H")):                                CriticalHigh,
		concept(code(v3, "POS")) + `,` + concept(code(v3, "AA")):                              Critical,
		concept(code(v3, "N")) + `,` + concept(code(v3, "AA")):                                Critical,
		concept(code(v3, "H"), code(v3, "L")):                                                 Abnormal,
		concept(code(v3, "HH"), code(v3, "LL")):                                               Critical,
		concept(code(own, "crit"), code(v3, "H")):                                             Critical,
		concept(code(own, "c2") + `,"display":"Critically low"`):                              CriticalLow,
		concept(code(own, "c2")+`,"display":"Critical high "`) + `,` + concept(code(v3, "H")): CriticalHigh,
		`{"text":"CRITICAL"}`:                                                                 Critical,
		`{"text":"not critical"}`:                                                             Unmarked,
	} {
		o, err := ViewObservation(storedDoc("Observation", `,"interpretation":[`+list+`],"component":[{"code":{"text":"part"},"interpretation":[`+list+`]}]`))
		if err != nil {
			t.Fatal(err)
		}
		if o.Mark != want || o.Components[0].Mark != want {
			t.Errorf("%s is %q and %q, want %q", list, o.Mark, o.Components[0].Mark, want)
		}
	}
}

func TestViewsReadWhatIsThere(t *testing.T) {
	c, err := ViewCondition(storedDoc("Condition", `,"code":{"text":"Asthma"},"clinicalStatus":{"coding":[{"code":"active"}]},"verificationStatus":{"coding":[{"code":"<b>"}]},"onsetPeriod":{"start":"2009-04"},"abatementDateTime":"2010","severity":{"text":"mild"},"note":[{"text":"since\u202e school"}],"category":[{"text":"problem"}],"recordedDate":"2009-05-01"`))
	if err != nil || c.Name.Text.Reveal() != "Asthma" || c.Clinical != "active" || c.Verification != "" || c.Notes[0].Reveal() != "since⟦U+202E⟧ school" || c.Severity.IsZero() || len(c.Categories) != 1 {
		t.Errorf("condition %v", err)
	}
	if at, p := c.Onset.Reveal(); p != Month || at.Year() != 2009 || c.Onset.Written().Reveal() != "2009-04" || c.Onset.Odd() {
		t.Errorf("onset %v %v", at, p)
	}
	m, err := ViewMedicationRequest(storedDoc("MedicationRequest", `,"status":"active","intent":"order","medicationReference":{"reference":"Medication/`+numberedID(9).String()+`","display":"Amoxicillin"},"dosageInstruction":[{"text":"One twice a day","patientInstruction":"with food","asNeededBoolean":true,"timing":{"repeat":{"frequency":2,"period":1.0,"periodUnit":"d"}},"doseAndRate":[{"doseQuantity":{"value":1,"unit":"capsule"}}],"additionalInstruction":[{"text":"x"}]}],"reasonReference":[{"reference":"https://x.example/Condition/1"}],"requester":{"display":"Dr. Osei"}`))
	if err != nil || m.Medicine.Type != "Medication" || m.Medicine.ID != numberedID(9) || len(m.ReasonFor) != 0 || m.Requester.Type != "" {
		t.Errorf("prescription %+v, %v", m.Medicine, err)
	}
	if d := m.Dosages[0]; !d.AsNeeded || d.Unit != "d" || d.Frequency.Reveal() != "2" || d.Period.Reveal() != "1.0" || d.Dose.Unit.Reveal() != "capsule" || len(d.Extra) != 1 {
		t.Error("dosage is incomplete")
	}
	a, err := ViewAllergyIntolerance(storedDoc("AllergyIntolerance", `,"code":{"text":"Peanut"},"type":"allergy","category":["food"],"criticality":"high","reaction":[{"manifestation":[{"text":"Hives"}],"severity":"mild","description":"itchy"}]`))
	if err != nil || a.Kind != "allergy" || a.Categories[0] != "food" || a.Reactions[0].Manifestations[0].Text.Reveal() != "Hives" || a.Reactions[0].Severity != "mild" {
		t.Errorf("allergy %v", err)
	}
	i, err := ViewImmunization(storedDoc("Immunization", `,"status":"not-done","statusReason":{"text":"refused"},"vaccineCode":{"text":"Flu"},"occurrenceDateTime":"2025-10-11","lotNumber":"A1","protocolApplied":[{"doseNumberPositiveInt":2}]`))
	if err != nil || i.Status != "not-done" || i.Dose.Reveal() != "2" || i.Lot.Reveal() != "A1" || i.Reason.IsZero() {
		t.Errorf("immunization %v", err)
	}
	p, err := ViewPatient(storedDoc("Patient", `,"name":[{"use":"old","family":"Moss"},{"use":"official","prefix":["Ms."],"given":["Rosa","Ana"],"family":"Field"},{"text":""}],"gender":"female","birthDate":"1984","deceasedBoolean":false,"telecom":[{"system":"phone","value":"555-0100"},{}],"address":[{"line":["1 Hill Rd"],"city":"Springdale","state":"TX","postalCode":"70001","country":"US"},{"text":"by the river"},{}]`))
	if err != nil || len(p.Names) != 2 || p.Names[0].Full.Reveal() != "Ms. Rosa Ana Field" || len(p.Names[0].Given) != 2 || p.Deceased || len(p.Contacts) != 1 || len(p.Addresses) != 2 || p.Addresses[0].Lines[1].Reveal() != "Springdale TX 70001" {
		t.Errorf("patient %v", err)
	}
}

func TestViewsRefuseAnotherType(t *testing.T) {
	doc := storedDoc("Claim", "")
	_, e1 := ViewObservation(doc)
	_, e2 := ViewCondition(doc)
	_, e3 := ViewMedicationRequest(doc)
	_, e4 := ViewAllergyIntolerance(doc)
	_, e5 := ViewImmunization(doc)
	_, e9 := ViewPatient(doc)
	_, e11 := ViewPatient(phi.NewDoc([]byte(`{"resourceType":"Patient"}`)))
	_, e12 := ViewPatient(phi.Doc{})
	for i, err := range []error{e1, e2, e3, e4, e5, e9, e11, e12} {
		if !fault.Is(err, fault.Tampered) {
			t.Errorf("view %d of another type: %v", i+1, err)
		}
	}
}

func TestViewsDoNotPrint(t *testing.T) {
	o, err := ViewObservation(storedDoc("Observation", `,"code":{"text":"Glucose"},"valueQuantity":{"value":188.25,"unit":"mg/dL"},"effectiveDateTime":"2019-07-13","component":[{"code":{"text":"Secret"}}]`))
	if err != nil {
		t.Fatal(err)
	}
	js, err := json.Marshal(o)
	if err != nil {
		t.Fatal(err)
	}
	date, err := o.Effective.MarshalText()
	if err != nil {
		t.Fatal(err)
	}
	all := fmt.Sprintf("%v %+v %#v %s %q %d", o, o, o, o.Effective, o.Effective, o.Effective) + string(js) + string(date) +
		o.Effective.String() + o.Effective.GoString() + slog.AnyValue(o.Effective).Resolve().String()
	for _, secret := range []string{"Glucose", "188", "2019", "Secret", "mg/dL"} {
		if strings.Contains(all, secret) {
			t.Errorf("a printed view holds %q", secret)
		}
	}
	if at, p := (Date{}).Reveal(); !at.IsZero() || p != 0 || !(Date{}).Written().IsZero() || (Date{}).Odd() {
		t.Error("no date is not empty")
	}
}
