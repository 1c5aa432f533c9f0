package web

import (
	"net/http"
	"net/url"
	"slices"

	"postern.example/postern/internal/door/web/view"
	"postern.example/postern/internal/room/records"
	"postern.example/postern/internal/trust/access"
	"postern.example/postern/internal/word/fault"
	"postern.example/postern/internal/word/person"
)

// myPatients asks the gate whether the caller treats patients, and for whom.
func (v *Visit) myPatients() ([]person.PatientID, error) {
	g, err := v.decide(access.Ask{Caller: v.caller, Action: access.ListMyPatients, Owner: person.Account(v.caller.Account())})
	if err != nil {
		return nil, err
	}
	return v.door.c.Identity.Patients(v.Context(), g)
}

// clinic is GET /clinic: my patients. Each name is a look at that patient's
// chart, with an entry that the patient sees.
func (d *Door) clinic(v *Visit) error {
	patients, err := v.myPatients()
	if err != nil {
		return err
	}
	m := &view.Clinic{Base: v.Base(view.PlaceClinic)}
	if all := purposes(); len(all) == 1 {
		m.Purpose = all[0]
	}
	for _, id := range patients {
		line := view.ClinicPatient{ID: id.String(), Name: id.String(), Pattern: view.PatternOf(id.String()), Age: view.AgeUnknown()}
		c, err := d.c.Records.View(v.Context(), v.caller, id, "page/clinic", "Patient")
		switch {
		case fault.Is(err, fault.Tampered), fault.Is(err, fault.NotFound):
			// One damaged chart must not hide the other patients; its own page says what is wrong.
		case err != nil:
			return err
		default:
			if err := v.describe(c, &line); err != nil {
				return err
			}
		}
		m.Patients = append(m.Patients, line)
	}
	slices.SortStableFunc(m.Patients, func(a, b view.ClinicPatient) int { return compareNames(a.Name, b.Name) })
	return v.Render(http.StatusOK, m)
}

func (v *Visit) describe(c records.Chart, line *view.ClinicPatient) error {
	p, err := demographics(c)
	if err != nil {
		return err
	}
	if name := fullName(p); name != "" {
		line.Name = name
	}
	line.Born, line.RecordNumber = v.day(p.Born), recordNumber(p)
	line.Age = view.AgeOn(line.Born, v.now())
	return nil
}

// demographics reads the chart's Patient.
func demographics(c records.Chart) (records.Patient, error) {
	list := c.Resources("Patient")
	if len(list) == 0 {
		return records.Patient{}, nil
	}
	return records.ViewPatient(list[0].Doc)
}

func fullName(p records.Patient) string {
	if len(p.Names) == 0 {
		return ""
	}
	return p.Names[0].Full.Reveal()
}

// recordNumber is the clinic's own number: the one marked so, else the first.
func recordNumber(p records.Patient) string {
	for _, n := range p.Numbers {
		if n.Kind == "MR" {
			return n.Value.Reveal()
		}
	}
	if len(p.Numbers) > 0 && p.Numbers[0].Kind == "" {
		return p.Numbers[0].Value.Reveal()
	}
	return ""
}

// patientOf is the person bar of somebody else's chart.
func (v *Visit) patientOf(c records.Chart) (*view.Person, error) {
	p, err := demographics(c)
	return &view.Person{Name: fullName(p), Relation: view.RelationPatient, Pattern: view.PatternOf(c.Patient.String())}, err
}

// purposes are those for which the policy opens a chart to clinicians and nurses.
func purposes() []person.Purpose { return []person.Purpose{person.PurposeTreatment} }

// chartPurpose is GET /clinic/{patient}: it asks why, and opens nothing. It says
// the same for every patient, known or not: the answer is in the POST.
func (d *Door) chartPurpose(v *Visit) error {
	if _, err := v.myPatients(); err != nil {
		return err
	}
	id, err := person.ParsePatientID(v.Path("patient"))
	if err != nil {
		return fault.New(fault.NotFound, "open chart")
	}
	m := &view.Chart{Base: v.Base(view.PlaceClinic), PatientID: id.String(), Purposes: purposes()}
	return v.Render(http.StatusOK, m)
}

// chartChoose is POST /clinic/{patient}: the stated purpose leads to the chart.
func (d *Door) chartChoose(v *Visit) error {
	if _, ok := person.ParsePurpose(v.Field("purpose")); !ok {
		return v.sorry("problem.purpose", d.path("chart", v.Path("patient")))
	}
	id := v.Path("patient")
	if !opaque(id) {
		id = "x" // nobody's: decided and answered like a foreign one, and not repeated in an address
	}
	return v.choose("/clinic/" + id + "/chart")
}

// chartOpen is GET /clinic/{patient}/chart: the one-screen chart, for the purpose
// that was stated in this session, and lately. Without one it leads to the question.
func (d *Door) chartOpen(v *Visit) error {
	if any, over := v.chosen(); !any {
		back := d.path("chart", v.Path("patient"))
		if over {
			return v.done("query-over", back)
		}
		return v.Redirect(back)
	}
	id, err := person.ParsePatientID(v.Path("patient"))
	if err != nil {
		id = person.PatientID{} // nobody's
	}
	purpose, ok := person.ParsePurpose(v.Field("purpose"))
	if !ok {
		return v.sorry("problem.purpose", d.path("chart", v.Path("patient")))
	}
	c, err := d.c.Records.View(v.Context(), v.caller.For(purpose), id, "page/chart", "Patient", "AllergyIntolerance",
		"MedicationRequest", "Condition", "Observation", "Immunization")
	if err != nil {
		return err
	}
	if err := v.whose(c); err != nil {
		return err
	}
	m := &view.Chart{Base: v.Base(view.PlaceClinic), PatientID: id.String(), Purposes: purposes(), Purpose: purpose, Opened: true}
	if err := v.fill(m, c); err != nil {
		return err
	}
	return v.Render(http.StatusOK, m)
}

// chartRows is how many rows of each kind fit on the one screen.
const chartRows = 24

func (v *Visit) fill(m *view.Chart, c records.Chart) error {
	p, err := demographics(c)
	if err != nil {
		return err
	}
	if m.Person, err = v.patientOf(c); err != nil {
		return err
	}
	m.Born, m.Sex, m.RecordNumber = v.day(p.Born), p.Gender, recordNumber(p)
	m.Age = view.AgeOn(m.Born, v.now())
	if m.Allergies, m.NoAllergies, err = v.allergies(c); err != nil {
		return err
	}
	names, err := v.medicineNames(c)
	if err != nil {
		return err
	}
	if m.Medications, _, err = v.medications(c, names); err != nil {
		return err
	}
	if m.Conditions, _, err = v.conditions(c); err != nil {
		return err
	}
	if m.Vaccines, err = v.vaccines(c); err != nil {
		return err
	}
	list, err := v.observations(c.Resources("Observation"))
	if err != nil {
		return err
	}
	for _, s := range group(list) {
		rows := &m.Results
		switch s.newest().category {
		case "vital-signs":
			rows = &m.Vitals
		case "laboratory", "":
		default:
			continue
		}
		if len(*rows) == chartRows {
			m.Hidden++
			continue
		}
		row := v.row(s)
		if row.Query, err = v.seal("/results/"+row.ID, url.Values{"patient": {m.PatientID}, "purpose": {string(m.Purpose)}}); err != nil {
			return err
		}
		*rows = append(*rows, row)
	}
	return nil
}
