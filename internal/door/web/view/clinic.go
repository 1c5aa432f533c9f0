package view

import "postern.example/postern/internal/word/person"

// Clinic is GET /clinic: the patients assigned to a clinician or nurse.
type Clinic struct {
	Base
	Patients []ClinicPatient
}

func (*Clinic) page() string { return "clinic" }

// ClinicPatient is one line of my patients.
type ClinicPatient struct {
	ID           string // GET /clinic/{ID}
	Name         string
	Pattern      int
	Born         Day
	Age          int // whole years on the clinic's calendar; negative when not known
	RecordNumber string
}

// Chart is GET and POST /clinic/{patient}: the one-screen chart. Until a purpose
// is chosen Opened is false, nothing of the chart is in the model, and the page
// asks (form field `purpose`).
type Chart struct {
	Base
	PatientID    string
	Purposes     []person.Purpose // that the policy offers this role, the likeliest first
	Purpose      person.Purpose   // the one stated
	Opened       bool
	Born         Day
	Age          int
	Sex          string // FHIR administrative gender code: words are "sex.<code>"
	RecordNumber string
	Allergies    []Allergy
	NoAllergies  bool // asked, none known
	Medications  []Medication
	Conditions   []Condition
	Vitals       []Row
	Results      []Row
	Vaccines     []Vaccine
}

func (*Chart) page() string { return "chart" }
