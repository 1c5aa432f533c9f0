package view

import "slices"

// Conditions is GET /conditions.
type Conditions struct {
	Base
	Current, Past []Condition
}

func (*Conditions) page() string { return "conditions" }

// Foreign reports whether a text of the list is in another language than the page.
func (c *Conditions) Foreign() bool {
	foreign := func(x Condition) bool { return x.NameLang != "" || x.Lang != "" && x.Note != "" }
	return slices.ContainsFunc(c.Current, foreign) || slices.ContainsFunc(c.Past, foreign)
}

// Condition is one health problem.
type Condition struct {
	Name, NameLang string
	About          string // one line: what it is; empty without words of ours
	Written, Lang  string // the chart's own name, when ours stands for it; language of the chart's words, when it is not the page's
	Since, Ended   Day
	Over           bool   // it is in the past, even where nobody wrote down when it ended
	Unsure         bool   // nobody has confirmed it so far
	By             string // who wrote it down; may be empty
	Note           string
}

// Medications is GET /medications.
type Medications struct {
	Base
	Current, Past []Medication
	Forbidden     []Medication // orders never to take it
	Proposed      []Medication // nobody prescribed it
}

func (*Medications) page() string { return "medications" }

// Foreign reports whether a text of the list is in another language than the page.
func (m *Medications) Foreign() bool {
	return slices.ContainsFunc(slices.Concat(m.Current, m.Past, m.Forbidden, m.Proposed), Medication.foreign)
}

// Medication is one medicine.
type Medication struct {
	Name, NameLang string
	About          string // one line: what it is; empty without words of ours
	Written, Lang  string // the chart's own name, when ours stands for it; language of the chart's words, when it is not the page's
	How            string // how to take it, as it was written
	For, ForLang   string // the reason; may be empty
	Since, Ended   Day
	Over           bool   // it is not taken any more, even where nobody wrote down since when
	NeededOnly     bool   // it is taken only when needed
	Doubt          string // "on-hold", "unknown", "proposal" or "plan": whether it is taken now; empty when it is
	Never          bool   // it must not be taken
	Clash          bool   // another line of the list says not to take it
	Why, WhyLang   string // why it was stopped or paused; may be empty
	Twice          bool   // another line of the list has the same name
	By             string
	Visit          string // id of the visit where it was written; empty for none
}

// SameName reports whether the page calls both medicines the same.
func (m Medication) SameName(other Medication) bool { return m.Name == other.Name }

func (m Medication) foreign() bool { return m.NameLang != "" || m.Lang != "" && m.How != "" }

// Allergies is GET /allergies.
type Allergies struct {
	Base
	List      []Allergy
	NoneKnown bool // somebody asked and the answer was none: not the same as an empty list
}

func (*Allergies) page() string { return "allergies" }

// Foreign reports whether a text of the list is in another language than the page.
func (a *Allergies) Foreign() bool {
	return slices.ContainsFunc(a.List, func(x Allergy) bool { return x.NameLang != "" })
}

// Allergy is one allergy or intolerance.
type Allergy struct {
	Name, NameLang string
	About          string // one line: what it is; empty without words of ours
	Written, Lang  string // the chart's own name, when ours stands for it; language of the chart's words, when it is not the page's
	Reactions      []Reaction
	Severity       string // FHIR reaction severity: mild, moderate, severe; empty when not known
	High           bool   // criticality high: said in words
	Since          Day
}

// Reaction is what an allergy causes.
type Reaction struct{ Name, NameLang string }

// Immunizations is GET /immunizations.
type Immunizations struct {
	Base
	Vaccines []Vaccine
}

func (*Immunizations) page() string { return "immunizations" }

// Foreign reports whether a text of the list is in another language than the page.
func (i *Immunizations) Foreign() bool {
	return slices.ContainsFunc(i.Vaccines, func(x Vaccine) bool { return x.NameLang != "" })
}

// Vaccine is one vaccine with its doses, newest first.
type Vaccine struct {
	Name, NameLang string
	About          string // one line: what it is; empty without words of ours
	Written, Lang  string // the chart's own name, when ours stands for it; language of the chart's words, when it is not the page's
	Doses          []Dose
}

// Dose is one shot.
type Dose struct {
	Weak  bool // it may not count
	On    Day
	Where string
	Lot   string
}
