package deid

import (
	"errors"
	"fmt"
	"io"
	"time"

	"postern.example/postern/internal/word/person"
)

// Kind says which side of the desk a persona stands on.
type Kind string

// The kinds of persona.
const (
	KindPatient Kind = "patient"
	KindStaff   Kind = "staff"
)

// ErrNoChart is returned by WriteBundle for staff, who are nobody's patients here.
var ErrNoChart = errors.New("deid: this persona has no chart")

// Kin is one relationship: the persona of that ID is this one's Code
// (http://terminology.hl7.org/CodeSystem/v3-RoleCode, such as SON or MTH).
type Kin struct{ ID, Code string }

// Persona is one member of the demo's cast. The ID is a contract: it is the
// account's handle in demo data.
type Persona struct {
	ID          string
	Kind        Kind
	Roles       []person.Role
	DisplayName string
	HasAccount  bool
	HasChart    bool
	Assigned    []string // ids of the personas whose charts a doctor or nurse is assigned to
	AssignedTo  string   // id of that doctor or nurse, empty for none
	Language    string   // BCP 47, what the person reads: "en" or "es"
	Relation    string   // who they are to the others, in a few English words
	Story       string   // two or three English sentences for documentation and the demo page
	Kin         []Kin

	// For patients only.
	BirthDate    time.Time
	Gender       string // FHIR administrative gender
	RecordNumber string // the Patient.identifier of ClinicName
	PatientURL   string // fullUrl of the Patient in this persona's bundle

	// PractitionerURL is the fullUrl of the Practitioner that doctor and nurse
	// are in every bundle; empty for everybody else.
	PractitionerURL string

	today   time.Time
	zone    *time.Location
	subject subject
	tell    func(*chart)
}

// WriteBundle writes the persona's chart as one FHIR R4 transaction Bundle.
func (p Persona) WriteBundle(w io.Writer) error {
	if !p.HasChart {
		return fmt.Errorf("write bundle of %s: %w", p.ID, ErrNoChart)
	}
	b := newBundleWriter(w)
	c := newChart(b, p.subject, p.today)
	c.zone = p.zone
	c.patient()
	writeClinic(b)
	p.tell(c)
	return b.close()
}

// Family is the cast in its fixed order: mother, teen, child, chronic, elder,
// daughter, doctor, nurse, admin, officer. Ages, relationships and assignments
// are the same on any day; dates move with today, birthdays do not. What has a
// time happens by the wall clock of today's location, which is the clinic's.
func Family(today time.Time) []Persona {
	t := midnight(today)
	cast := []Persona{
		mother(t), teen(t), child(t), chronic(t), elder(t), daughter(t),
		{ID: "doctor", Kind: KindStaff, Roles: []person.Role{person.RoleClinician}, DisplayName: "Dr. Lillian Chen",
			HasAccount: true, Assigned: []string{"mother", "chronic", "elder"}, Language: "en",
			Relation: "doctor of Maya, James and Ernesto", PractitionerURL: to(proChen).Reference,
			Story: "Internist at Riverside Clinic. She has cared for James for ten years and for Ernesto since his heart began to fail. She has twelve minutes for each of them."},
		{ID: "nurse", Kind: KindStaff, Roles: []person.Role{person.RoleNurse}, DisplayName: "Samuel Brooks, RN",
			HasAccount: true, Assigned: []string{"teen", "child"}, Language: "en",
			Relation: "nurse of Lena and Theo", PractitionerURL: to(proBrooks).Reference,
			Story: "Nurse for the clinic's children. He gives the vaccines, takes the weights and heights, and knows that Theo likes the green stickers."},
		{ID: "admin", Kind: KindStaff, Roles: []person.Role{person.RoleAdministrator}, DisplayName: "Ingrid Halvorsen",
			HasAccount: true, Language: "en", Relation: "runs the clinic's accounts",
			Story: "Office manager. She hands out enrolment links and assigns clinicians. She can open no chart, and likes it that way."},
		{ID: "officer", Kind: KindStaff, Roles: []person.Role{person.RoleCompliance}, DisplayName: "Dalia Rahman",
			HasAccount: true, Language: "en", Relation: "compliance officer",
			Story: "Compliance officer. She reads who looked at what, checks that the log is whole, and takes its checkpoint home on paper."},
	}
	for i := range cast {
		cast[i].zone = today.Location()
	}
	return cast
}

// Find returns the persona with this id.
func Find(cast []Persona, id string) (Persona, bool) {
	for _, p := range cast {
		if p.ID == id {
			return p, true
		}
	}
	return Persona{}, false
}

// midnight is the start of that day in UTC; the caller has chosen the zone.
func midnight(t time.Time) time.Time {
	y, m, d := t.Date()
	return time.Date(y, m, d, 0, 0, 0, 0, time.UTC)
}

// bornAt is the birthday month/day of somebody who is years old today.
func bornAt(today time.Time, years int, month time.Month, day int) time.Time {
	b := time.Date(today.Year()-years, month, day, 0, 0, 0, 0, time.UTC)
	if age(b, today) < years {
		b = b.AddDate(-1, 0, 0)
	}
	return b
}

// patientPersona fills what follows from the subject.
func patientPersona(p Persona, s subject, today time.Time, tell func(*chart)) Persona {
	s.space = "persona/" + p.ID
	s.email = mailbox(s.given, s.family)
	p.Kind, p.Roles, p.HasChart = KindPatient, []person.Role{person.RolePatient}, true
	p.DisplayName, p.Language, p.BirthDate, p.Gender = s.name(), s.language, s.born, s.gender
	p.RecordNumber, p.PatientURL = s.mrn, s.fullURL()
	p.today, p.subject, p.tell = today, s, tell
	return p
}
