package view

import (
	"postern.example/postern/internal/word/person"
)

// Result is one test result (GET /results/{id}).
type Result struct {
	Base
	Name        string
	NameLang    string // language of Name when it is not the page's
	MedicalName string // as the laboratory names it; shown once, small; may equal Name
	About       string // one line on what the test shows; empty when nothing was written
	On          Day
	Lab         string // where it was measured; empty when not known
	OrderedBy   string
	Status      string // FHIR ObservationStatus code: words are "status.<code>"
	Parts       []Part // one for a single value; two for a blood pressure
	Chart       string // for staff: the patient whose chart the way back opens, for Purpose; empty for the patient
	Purpose     person.Purpose
	Critical    bool   // the laboratory marked a value, lately, as one that somebody has to act on
	Note        string // the laboratory's or doctor's comment as plain text
}

func (*Result) page() string { return "result" }

// Part is one measured value of a result, with its series.
type Part struct {
	Name     string // empty when the result has one part
	Value    string
	Unit     string
	Words    bool // the value is words, not a number
	Standing Standing
	Usual    Usual
	Series   Series
	Before   Reading // the one before this; its Value is empty when there is none

	Elsewhere Reading // the value in the unit of other laboratories; its Value is empty when there is none
}

// Says is the message id of the standing.
func (p Part) Says() string { return p.Standing.Says(p.Usual.Goal) }
