package view

// Conditions is GET /conditions.
type Conditions struct {
	Base
	Current, Past []Condition
}

func (*Conditions) page() string { return "conditions" }

// Condition is one health problem.
type Condition struct {
	Name, NameLang string
	Since, Ended   Day
	By             string // who wrote it down; may be empty
	Note           string
}

// Medications is GET /medications.
type Medications struct {
	Base
	Current, Past []Medication
}

func (*Medications) page() string { return "medications" }

// Medication is one medicine.
type Medication struct {
	Name, NameLang string
	How            string // how to take it, as it was written
	For            string // the reason; may be empty
	Since, Ended   Day
	By             string
}

// Allergies is GET /allergies.
type Allergies struct {
	Base
	List      []Allergy
	NoneKnown bool // somebody asked and the answer was none: not the same as an empty list
}

func (*Allergies) page() string { return "allergies" }

// Allergy is one allergy or intolerance.
type Allergy struct {
	Name, NameLang string
	Reactions      []string
	Severity       string // FHIR reaction severity: mild, moderate, severe; empty when not known
	High           bool   // criticality high: said in words
	Since          Day
}

// Immunizations is GET /immunizations.
type Immunizations struct {
	Base
	Vaccines []Vaccine
}

func (*Immunizations) page() string { return "immunizations" }

// Vaccine is one vaccine with its doses, newest first.
type Vaccine struct {
	Name, NameLang string
	Doses          []Dose
}

// Dose is one shot.
type Dose struct {
	On    Day
	Where string
	Lot   string
}
