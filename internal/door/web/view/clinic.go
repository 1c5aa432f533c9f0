package view

import (
	"time"

	"postern.example/postern/internal/word/person"
)

// Clinic is GET /clinic: the patients assigned to a clinician or nurse.
type Clinic struct {
	Base
	Patients []ClinicPatient
	Purpose  person.Purpose // the only one that the policy offers this role: the list opens a chart for it at once; empty when there is a choice
}

func (*Clinic) page() string { return "clinic" }

// ClinicPatient is one line of my patients.
type ClinicPatient struct {
	ID           string // GET /clinic/{ID}
	Name         string
	Pattern      int
	Born         Day
	Age          Age
	RecordNumber string
}

// Age is how old somebody is on the clinic's calendar. Under two years months are said.
type Age struct{ Years, Months int }

// AgeUnknown is the age of somebody whose birthday is not known.
func AgeUnknown() Age { return Age{Years: -1} }

// AgeOn is the age on the day now of who was born on born.
func AgeOn(born Day, now time.Time) Age {
	if born.Day == 0 {
		return AgeUnknown()
	}
	months := (now.Year()-born.Year)*12 + int(now.Month()) - int(born.Month)
	if now.Day() < born.Day {
		months--
	}
	if months < 0 {
		return AgeUnknown()
	}
	return Age{months / 12, months}
}

// Chart is GET /clinic/{patient} and, behind its form, GET /clinic/{patient}/chart:
// the one-screen chart. Until a purpose
// is chosen Opened is false, nothing of the chart is in the model, and the page
// asks (form field `purpose`).
type Chart struct {
	Base
	PatientID    string
	Purposes     []person.Purpose // that the policy offers this role, the likeliest first
	Purpose      person.Purpose   // the one stated
	Opened       bool
	Born         Day
	Age          Age
	Sex          string // FHIR administrative gender code: words are "sex.<code>"
	RecordNumber string
	Allergies    []Allergy
	NoAllergies  bool // asked, none known
	Medications  []Medication
	Conditions   []Condition
	Vitals       []Row
	Results      []Row
	Hidden       int // kinds of results and vital signs that have no place on the screen
	Vaccines     []Vaccine
}

func (*Chart) page() string { return "chart" }
