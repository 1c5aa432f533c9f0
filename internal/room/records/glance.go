package records

import (
	"context"
	"slices"

	"postern.example/postern/internal/trust/access"
	"postern.example/postern/internal/word/fault"
	"postern.example/postern/internal/word/person"
	"postern.example/postern/internal/word/phi"
)

// GlanceField is one thing that a list of patients, or a look-up, may say of each.
type GlanceField string

// The fields of a list. None is clinical but the reason of a visit.
const (
	FieldName   GlanceField = "name"
	FieldBorn   GlanceField = "birth date"
	FieldNumber GlanceField = "record number"
	FieldVisits GlanceField = "appointments"
)

// glanceFields is the table of which fields a role reads of a patient before the chart is
// opened for a purpose. A role that does not stand here reads none: there is no rule yet for
// the front desk and for billing, and administrators and officers see no patient.
func glanceFields(r person.Role) []GlanceField {
	switch r {
	case person.RoleClinician, person.RoleNurse:
		return []GlanceField{FieldName, FieldBorn, FieldNumber, FieldVisits}
	default:
		return nil
	}
}

// Glance is what a list says of one patient: the fields of the reader's role, and nothing
// else of the chart.
type Glance struct {
	Patient  person.PatientID
	Name     phi.Text
	Born     Date
	Died     Date // may be zero for the dead
	Deceased bool
	Number   phi.Text
	Visits   []Appointment
}

// Glance opens what the list of patients shows of one of them. what names the page in the log.
func (s *Store) Glance(ctx context.Context, c person.Caller, patient person.PatientID, what string) (Glance, error) {
	types := glanceTypes()
	chart, err := s.viewChecked(ctx, access.Ask{Caller: c, Action: access.ReadChart, Owner: person.Patient(patient), Object: what, Kinds: kinds(types...)}, types)
	if err != nil {
		return Glance{}, err
	}
	return glanceAt(chart, glanceFields(c.Role()))
}

func glanceTypes() []string { return []string{"Patient", "Appointment"} }

// glanceAt reads the fields of a chart.
func glanceAt(c Chart, fields []GlanceField) (Glance, error) {
	g := Glance{Patient: c.Patient}
	for _, r := range c.Resources("Patient") {
		p, err := ViewPatient(r.Doc)
		if err != nil {
			return Glance{}, err
		}
		if slices.Contains(fields, FieldName) && len(p.Names) > 0 {
			g.Name = p.Names[0].Full
		}
		if slices.Contains(fields, FieldBorn) {
			g.Born, g.Died, g.Deceased = p.Born, p.Died, p.Deceased
		}
		if slices.Contains(fields, FieldNumber) {
			g.Number = p.RecordNumber()
		}
	}
	for _, r := range c.Resources("Appointment") {
		a, err := ViewAppointment(r.Doc)
		if err != nil {
			return Glance{}, fault.Wrap(fault.Of(err), "read Appointment", err)
		}
		if slices.Contains(fields, FieldVisits) {
			g.Visits = append(g.Visits, a)
		}
	}
	return g, nil
}

// RecordNumber is the clinic's own number of a patient: the one marked so, else the first
// when it does not say what it is.
func (p Patient) RecordNumber() phi.Text {
	for _, n := range p.Numbers {
		if n.Kind == "MR" {
			return n.Value
		}
	}
	if len(p.Numbers) > 0 && p.Numbers[0].Kind == "" {
		return p.Numbers[0].Value
	}
	return phi.Text{}
}
