package web

import (
	"cmp"
	"net/http"
	"slices"
	"strings"

	"postern.example/postern/internal/door/web/view"
	"postern.example/postern/internal/room/records"
	"postern.example/postern/internal/word/person"
)

// conditionsPage is GET /conditions.
func (d *Door) conditionsPage(v *Visit) error {
	c, err := v.chart("page/conditions", "Condition")
	if err != nil {
		return err
	}
	m := &view.Conditions{Base: v.Base(view.PlaceConditions)}
	if m.Current, m.Past, err = v.conditions(c); err != nil {
		return err
	}
	return v.Render(http.StatusOK, m)
}

// wrong reports a statement that its source took back or refuted.
func wrong(verification string) bool {
	return verification == "entered-in-error" || verification == "refuted"
}

// unsure reports a statement that nobody has confirmed so far.
func unsure(verification string) bool {
	return verification == "unconfirmed" || verification == "provisional" || verification == "differential"
}

// over reports whether a clinical status says that something has ended.
func over(status string) bool {
	return status == "inactive" || status == "remission" || status == "resolved"
}

// problem is a line of the health problems, with the visit that it names; empty for none.
type problem struct {
	view.Condition
	visit string
}

// problems are the health problems with all that a page marks at them.
func (v *Visit) problems(c records.Chart) (out []problem, err error) {
	err = each(c.Resources("Condition"), records.ViewCondition, func(x records.Condition) {
		if wrong(x.Verification) {
			return
		}
		since := x.Onset
		if since.IsZero() {
			since = x.Recorded
		}
		n := v.called(kindCondition, x.Common, x.Name, x.Name.Text.Reveal())
		p := view.Condition{Name: n.name, NameLang: n.lang, About: n.about, Written: n.written, Lang: n.foreign, Since: v.day(since), Ended: v.day(x.Abated), Note: joined(x.Notes)}
		p.Unsure = unsure(x.Verification)
		p.Over = over(x.Clinical) || x.Clinical == "" && p.Ended.Known()
		out = append(out, problem{p, x.Encounter.ID.String()})
	})
	return out, err
}

// conditions lists health problems, the newest first.
func (v *Visit) conditions(c records.Chart) (current, past []view.Condition, err error) {
	list, err := v.problems(c)
	for _, p := range list {
		if p.Over {
			past = append(past, p.Condition)
		} else {
			current = append(current, p.Condition)
		}
	}
	return current, past, err
}

// medicationsPage is GET /medications.
func (d *Door) medicationsPage(v *Visit) error {
	c, err := v.chart("page/medications", "MedicationRequest")
	if err != nil {
		return err
	}
	names, err := v.medicineNames(c)
	if err != nil {
		return err
	}
	m := &view.Medications{Base: v.Base(view.PlaceMedications)}
	if err = v.medications(m, c, names); err != nil {
		return err
	}
	return v.Render(http.StatusOK, m)
}

// How many products are looked up at all, and how much of them is read; a prescription of
// another one has what its reference displays.
const (
	productsMost  = 400
	productsBytes = 32 << 20
)

// medicineNames looks up the products that prescriptions only refer to. They are
// shared resources of the clinic, so this is a decision of its own; most charts
// name their medicines and need none.
func (v *Visit) medicineNames(c records.Chart) (map[string]records.Coded, error) {
	names := map[string]records.Coded{}
	var ids []person.ResourceID
	err := each(c.Resources("MedicationRequest"), records.ViewMedicationRequest, func(x records.MedicationRequest) {
		if id := x.Medicine.ID; len(ids) < productsMost && x.Name.IsZero() && x.Medicine.Type == "Medication" && !slices.Contains(ids, id) {
			ids = append(ids, id)
		}
	})
	if err != nil || len(ids) == 0 {
		return names, err
	}
	var unread error
	size := 0
	err = v.door.c.Records.Shared(v.Context(), v.caller, "Medication", ids, func(r records.Resource) bool {
		var x records.Medication
		if size += r.Doc.Len(); size > productsBytes {
			return false
		}
		if x, unread = records.ViewMedication(r.Doc); unread == nil {
			names[x.ID.String()] = x.Name
		}
		return unread == nil
	})
	return names, cmp.Or(err, unread)
}

// medications fills in the lists of medicines. names are those of products, by id.
func (v *Visit) medications(m *view.Medications, c records.Chart, names map[string]records.Coded) error {
	err := each(c.Resources("MedicationRequest"), records.ViewMedicationRequest, func(x records.MedicationRequest) {
		what := x.Name
		if what.IsZero() {
			what = names[x.Medicine.ID.String()]
		}
		if x.Status != "entered-in-error" && x.Status != "draft" {
			m.Add(v.medication(x, what), x.Status, string(x.Sense))
		}
	})
	m.Compare()
	return err
}

func (v *Visit) medication(x records.MedicationRequest, what records.Coded) view.Medication {
	n := v.called(kindMedicine, x.Common, what, cmp.Or(what.Text.Reveal(), x.Medicine.Display.Reveal()))
	if n.name == "" {
		n.name, _ = v.door.c.Catalog.Language(v.language()).Text("medications.nameless") // it is there, and has no placeholder
		n.lang = ""
	}
	out := view.Medication{Name: n.name, NameLang: n.lang, About: n.about, Written: n.written, Lang: n.foreign, Since: v.day(x.Authored), By: x.Requester.Display.Reveal(), Visit: x.Encounter.ID.String()}
	out.How = howToTake(x.Dosages)
	out.NeededOnly = len(x.Dosages) > 0 && !slices.ContainsFunc(x.Dosages, func(d records.Dosage) bool { return !d.AsNeeded })
	if len(x.Reasons) > 0 {
		if out.For = v.wordsFor(kindCondition, x.Reasons[0]); out.For == "" {
			out.For, out.ForLang = x.Reasons[0].Text.Reveal(), n.foreign
		}
	}
	if x.Status != "active" {
		out.Why, out.WhyLang = x.Why.Text.Reveal(), n.foreign
	}
	return out
}

// howToTake is all that is written on how to take a medicine: a prescription may have a
// line for the morning and one for the evening, and what is written for the patient
// ("with food") may leave out how much.
func howToTake(list []records.Dosage) string {
	var lines []string
	add := func(line string) {
		line = strings.TrimSpace(line)
		if line == "" || slices.ContainsFunc(lines, func(s string) bool { return strings.Contains(s, line) }) {
			return
		}
		lines = append(lines, line)
	}
	for _, d := range list {
		text, own := d.Text.Reveal(), d.Patient.Reveal()
		if !strings.Contains(own, text) {
			add(text)
		}
		add(own)
	}
	for i, line := range lines[:max(0, len(lines)-1)] {
		if !strings.ContainsAny(line[len(line)-1:], ".!?;:") {
			lines[i] = line + "."
		}
	}
	return strings.Join(lines, " ")
}

// allergiesPage is GET /allergies.
func (d *Door) allergiesPage(v *Visit) error {
	c, err := v.chart("page/allergies", "AllergyIntolerance")
	if err != nil {
		return err
	}
	m := &view.Allergies{Base: v.Base(view.PlaceAllergies)}
	if m.List, m.NoneKnown, err = v.allergies(c); err != nil {
		return err
	}
	return v.Render(http.StatusOK, m)
}

// noneKnown reports that an entry says that there is no allergy, and nothing that an
// allergy has: when in doubt it is one.
func noneKnown(x records.AllergyIntolerance) bool {
	said := false
	for _, c := range x.Name.Codings() {
		switch {
		case c.System.Reveal() == "http://snomed.info/sct" && c.Code.Reveal() == noKnownAllergy:
			said = true
		case records.CommonCodes(c.System.Reveal()):
			return false
		}
	}
	return said && x.Criticality != "high" && len(x.Reactions) == 0
}

// noKnownAllergy is the SNOMED CT concept for "asked, and there is none".
const noKnownAllergy = "716186003"

// allergies lists what is still true, high risk first; none says that somebody
// asked and the answer was none.
func (v *Visit) allergies(c records.Chart) (list []view.Allergy, none bool, err error) {
	err = each(c.Resources("AllergyIntolerance"), records.ViewAllergyIntolerance, func(x records.AllergyIntolerance) {
		if wrong(x.Verification) || over(x.Clinical) {
			return
		}
		if noneKnown(x) {
			none = true
			return
		}
		since := x.Onset
		if since.IsZero() {
			since = x.Recorded
		}
		n := v.called(kindAllergy, x.Common, x.Name, x.Name.Text.Reveal())
		out := view.Allergy{Name: n.name, NameLang: n.lang, About: n.about, Written: n.written, Lang: n.foreign, High: x.Criticality == "high", Since: v.day(since)}
		for _, r := range x.Reactions {
			out.Severity = worse(out.Severity, r.Severity)
			for _, m := range r.Manifestations {
				reaction := view.Reaction{Name: v.wordsFor(kindReaction, m)}
				if reaction.Name == "" {
					reaction = view.Reaction{Name: m.Text.Reveal(), NameLang: n.foreign}
				}
				out.Reactions = append(out.Reactions, reaction)
			}
		}
		list = append(list, out)
	})
	slices.SortStableFunc(list, func(a, b view.Allergy) int { return order(b.High) - order(a.High) })
	return list, none && len(list) == 0, err
}

func order(b bool) int {
	if b {
		return 1
	}
	return 0
}

// worse is the graver of two reaction severities.
func worse(a, b string) string {
	steps := []string{"", "mild", "moderate", "severe"}
	if slices.Index(steps, b) > slices.Index(steps, a) {
		return b
	}
	return a
}

// immunizationsPage is GET /immunizations.
func (d *Door) immunizationsPage(v *Visit) error {
	c, err := v.chart("page/immunizations", "Immunization")
	if err != nil {
		return err
	}
	m := &view.Immunizations{Base: v.Base(view.PlaceImmunizations)}
	if m.Vaccines, err = v.vaccines(c); err != nil {
		return err
	}
	return v.Render(http.StatusOK, m)
}

// vaccines gathers doses by vaccine, newest first. Only what was given counts.
func (v *Visit) vaccines(c records.Chart) (out []view.Vaccine, err error) {
	at := map[string]int{}
	err = each(c.Resources("Immunization"), records.ViewImmunization, func(x records.Immunization) {
		if x.Status != "completed" {
			return
		}
		key := codeKey(x.Vaccine)
		i, known := at[key]
		if !known {
			i = len(out)
			at[key] = i
			n := v.called(kindVaccine, x.Common, x.Vaccine, x.Vaccine.Text.Reveal())
			out = append(out, view.Vaccine{Name: n.name, NameLang: n.lang, About: n.about, Written: n.written, Lang: n.foreign})
		}
		out[i].Doses = append(out[i].Doses, view.Dose{On: v.day(x.Given), Lot: x.Lot.Reveal(), Weak: x.Sense == records.Weak})
	})
	return out, err
}
