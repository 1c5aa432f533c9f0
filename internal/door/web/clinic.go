package web

import (
	"cmp"
	"net/http"
	"slices"
	"time"

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

// clinic is GET /clinic: my patients, those of today first. Each name is a look at that
// patient's chart, with an entry that the patient sees.
func (d *Door) clinic(v *Visit) error {
	patients, err := v.myPatients()
	if err != nil {
		return err
	}
	m := &view.Clinic{Base: v.Base(view.PlaceClinic), Day: view.DayOf(v.now())}
	for _, id := range patients {
		g, err := d.c.Records.Glance(v.Context(), v.caller, id, "page/clinic")
		switch {
		case fault.Is(err, fault.Tampered), fault.Is(err, fault.NotFound):
			// One damaged chart must not hide the other patients; its own page says what is wrong.
			g = records.Glance{Patient: id}
		case err != nil:
			return err
		}
		if line := v.line(g); line.Visit != nil {
			m.Today = append(m.Today, line)
		} else {
			m.Patients = append(m.Patients, line)
		}
	}
	slices.SortStableFunc(m.Patients, func(a, b view.ClinicPatient) int { return compareNames(a.Name, b.Name) })
	slices.SortStableFunc(m.Today, func(a, b view.ClinicPatient) int {
		return cmp.Or(a.Visit.At.Compare(b.Visit.At), compareNames(a.Name, b.Name))
	})
	return v.Render(http.StatusOK, m)
}

// line is one patient of a list.
func (v *Visit) line(g records.Glance) view.ClinicPatient {
	id := g.Patient.String()
	line := view.ClinicPatient{ID: id, Name: cmp.Or(g.Name.Reveal(), id), Pattern: view.PatternOf(id), Born: v.day(g.Born),
		RecordNumber: g.Number.Reveal(), Visit: v.today(g.Visits)}
	line.Age, line.Death = v.aged(line.Born, g.Deceased), v.death(g.Deceased, g.Died)
	if all := purposes(); line.Visit != nil && len(all) == 1 {
		line.Purpose = all[0] // the schedule says why; without a visit the person does
	}
	return line
}

// death is what staff have to know before they call, write or ring: nil for the living.
func (v *Visit) death(known bool, on records.Date) *view.Death {
	if !known {
		return nil
	}
	return &view.Death{On: v.day(on)}
}

// aged is the age of today, of the living.
func (v *Visit) aged(born view.Day, died bool) view.Age {
	if died {
		return view.AgeUnknown()
	}
	return view.AgeOn(born, v.now())
}

// today is the visit of this day at the clinic: the next one, and when all have begun the last.
func (v *Visit) today(list []records.Appointment) *view.Booked {
	now := v.now()
	var out *view.Booked
	for _, a := range list {
		at := v.moment(a.Start)
		if !a.Expected() || at.IsZero() || view.DayOf(at) != view.DayOf(now) {
			continue
		}
		x := &view.Booked{At: at, Reason: a.Why().Text.Reveal(), ReasonLang: v.foreign(a.Common), Status: a.Status}
		// Half an hour late is still the next one.
		ahead := func(t time.Time) bool { return t.After(now.Add(-30 * time.Minute)) }
		switch {
		case out == nil, ahead(at) && (!ahead(out.At) || at.Before(out.At)), !ahead(out.At) && at.After(out.At):
			out = x
		}
	}
	return out
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
	c, err := d.c.Records.ViewListed(v.Context(), v.caller.For(purpose), id, "page/chart", "Patient", "AllergyIntolerance",
		"MedicationRequest", "Condition", "Observation", "Immunization", "Appointment")
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

func (v *Visit) fill(m *view.Chart, c records.Chart) error {
	p, err := demographics(c)
	if err != nil {
		return err
	}
	if m.Person, err = v.patientOf(c); err != nil {
		return err
	}
	m.Born, m.Sex, m.RecordNumber = v.day(p.Born), p.Gender, p.RecordNumber().Reveal()
	m.Age = v.aged(m.Born, p.Deceased)
	m.Death = v.death(p.Deceased, p.Died)
	if m.Allergies, m.NoAllergies, err = v.allergies(c); err != nil {
		return err
	}
	names, err := v.medicineNames(c)
	if err != nil {
		return err
	}
	list := &view.Medications{}
	if err = v.medications(list, c, names); err != nil {
		return err
	}
	m.Medications, m.Forbidden = slices.Concat(list.Current, list.Proposed), list.Forbidden
	if m.Conditions, _, err = v.conditions(c); err != nil {
		return err
	}
	if m.Vaccines, err = v.vaccines(c); err != nil {
		return err
	}
	if err := v.booked(m, c); err != nil {
		return err
	}
	return v.measures(m, c)
}

// booked fills in today's visit.
func (v *Visit) booked(m *view.Chart, c records.Chart) error {
	var list []records.Appointment
	err := each(c.Resources("Appointment"), records.ViewAppointment, func(a records.Appointment) { list = append(list, a) })
	m.Visit = v.today(list)
	return err
}
