package view

import (
	"slices"
	"time"

	"postern.example/postern/internal/word/person"
)

// Clinic is GET /clinic: the patients assigned to a clinician or nurse, those of today first.
type Clinic struct {
	Base
	LookUp
	Today    []ClinicPatient // with a visit on this day, by its time
	Patients []ClinicPatient // the others, by name
	Day      Day             // today, at the clinic
}

func (*Clinic) page() string { return "clinic" }

// All is how many patients are assigned.
func (c *Clinic) All() int { return len(c.Today) + len(c.Patients) }

// ClinicPatient is one line of my patients: what the role reads of somebody whose chart
// is not open (package records has the table), and no more.
type ClinicPatient struct {
	ID           string // GET /clinic/{ID}
	Name         string
	Pattern      int
	Born         Day
	Age          Age
	Death        *Death // nil for the living
	RecordNumber string
	Visit        *Booked        // today; nil for none
	Purpose      person.Purpose // prefilled for today's visit, and only for that; else the page asks
}

// Death is that the record says that the patient has died.
type Death struct{ On Day } // not known when the record does not say

// Booked is an appointment of today.
type Booked struct {
	At         time.Time
	Reason     string // as the schedule words it; may be empty
	ReasonLang string // of Reason, when it is not the page's
	Status     string // FHIR appointment status: words are "schedule.<code>"
}

// LookUp is the form that finds a patient, with what was typed. It is a POST: what
// somebody looks for stands in no address.
type LookUp struct {
	Known, Family, BornOn string
	Lacks                 []Lack // why it was not looked up; empty when it was, or was not sent yet
}

// Lack is what a look-up lacks, as package records names it: a field that is to be filled
// in anew, or "all" where nothing was typed.
type Lack string

// ID is the message id.
func (l Lack) ID() string {
	if l == "all" {
		return "problem.look-up"
	}
	return "problem.look-up-" + string(l)
}

// Field is the field to go to.
func (l Lack) Field() string {
	if l == "all" {
		return "known"
	}
	return string(l)
}

// Lacking is what is wrong with a field; empty for nothing.
func (l *LookUp) Lacking(field string) string {
	for _, x := range l.Lacks {
		if x.Field() == field {
			return x.ID()
		}
	}
	return ""
}

// LookedUp is what GET /clinic/look-up found, or with Lacks the form as it was sent.
type LookedUp struct {
	Base
	LookUp
	Found []ClinicPatient // empty: nobody whom the reader treats
	More  bool            // of the reader's patients more fit than are shown
}

func (*LookedUp) page() string { return "look-up" }

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
	Death        *Death // nil for the living
	Sex          string // FHIR administrative gender code: words are "sex.<code>"
	RecordNumber string
	Visit        *Booked // today's; nil for none
	Allergies    []Allergy
	NoAllergies  bool // asked, none known
	Medications  []Medication
	Forbidden    []Medication // never to be given
	Conditions   []Condition
	Vitals       []Row
	VitalsMore   Folded // more of them, folded
	Recent       []Row  // results of the last RecentClinicDays, outside their usual range first
	RecentMore   Folded // more of them, none outside its range: folded, so that the vital signs stay on the screen
	Results      []Row  // the older ones
	ResultsMore  Folded // more of them, folded
	Hidden       int    // kinds of results and vital signs that have no place on the screen
	Vaccines     []Vaccine
}

func (*Chart) page() string { return "chart" }

// Folded are rows that stand behind a line that says how many they are.
type Folded []Row

// Usual reports whether all of them are known to be usual, so that the line may say so.
func (f Folded) Usual() bool {
	return !slices.ContainsFunc(f, func(r Row) bool { return r.Standing != StandingIn })
}

// RecentClinicDays is how far back a result counts as new on the one-screen chart. It is a
// fixed time, longer than the patient's: nobody keeps when a clinician looked last.
const RecentClinicDays = 30

// Days is how far back a new result reaches.
func (*Chart) Days() int { return RecentClinicDays }

// tokenLine is one line of a list whose button sends the page's form token.
type tokenLine struct {
	FormToken string
	Line      ClinicPatient
}

// tokened is how a template asks for the form token of whatever page it stands on.
type tokened interface{ token() string }

func (b *Base) token() string { return b.FormToken }

func withToken(page tokened, line ClinicPatient) tokenLine { return tokenLine{page.token(), line} }
