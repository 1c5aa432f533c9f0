package view

import (
	"slices"
	"time"
)

// Plan is GET /plan: care team, care plans and goals.
type Plan struct {
	Base
	Teams          []Team
	Plans, Past    []CarePlan
	Goals, Reached []Goal
}

func (*Plan) page() string { return "plan" }

// Foreign reports whether a text of the page is in another language than the page.
func (p *Plan) Foreign() bool {
	for _, t := range p.Teams {
		if t.Lang != "" {
			return true
		}
	}
	for _, list := range [][]Goal{p.Goals, p.Reached} {
		for _, g := range list {
			if g.NameLang != "" || g.Lang != "" && g.Note != "" {
				return true
			}
		}
	}
	for _, list := range [][]CarePlan{p.Plans, p.Past} {
		for _, c := range list {
			if c.NameLang != "" || c.Lang != "" && c.Words+c.Note != "" || slices.ContainsFunc(c.Steps, Step.foreign) {
				return true
			}
		}
	}
	return false
}

// Nothing reports whether the chart holds none of it.
func (p *Plan) Nothing() bool {
	return len(p.Teams)+len(p.Plans)+len(p.Past)+len(p.Goals)+len(p.Reached) == 0
}

// Team is a care team.
type Team struct {
	Name, Lang string
	Members    []Member
}

// Member is somebody of a team.
type Member struct{ Name, Role, RoleLang string }

// CarePlan is one plan. Its texts are in Lang, when that is not the page's language.
type CarePlan struct {
	Name, NameLang string
	Written, Lang  string // the chart's own name, when ours stands for it
	Words          string
	From, To       Day
	By, Note       string
	Over           bool
	Proposed       bool // nobody decided on it
	Steps          []Step
}

// Step is one thing to do.
type Step struct {
	Name, NameLang string
	Written, Lang  string
	Often, Status  string
	Done           bool
	Never          bool // it must not be done
}

func (s Step) foreign() bool { return s.NameLang != "" || s.Lang != "" && s.Often != "" }

// Goal is one goal with how far it is.
type Goal struct {
	Name, NameLang string
	Written, Lang  string
	Path           string
	Progress       string // in words; empty when nobody said
	Good, Watch    bool   // neither where nobody says how it goes
	Since          Day
	Targets        []Target
	Note           string
}

// Target is a number or words to reach, and by when.
type Target struct {
	Name, Value, Unit string // Value is to be met as it stands
	Low, High         string // bounds: each of them may be reached
	Above, Below      string // bounds that do not count themselves
	Text, Lang        string
	Due               Day
}

// Reach takes a number with its comparator: "<" 100 is no 100 to aim at.
func (t *Target) Reach(comparator, value string) {
	switch comparator {
	case "<":
		t.Below = value
	case "<=":
		t.High = value
	case ">":
		t.Above = value
	case ">=":
		t.Low = value
	default:
		t.Value = value
	}
}

// Measured reports whether there is a number.
func (t Target) Measured() bool {
	return t.Value != "" || t.Low != "" || t.High != "" || t.Above != "" || t.Below != ""
}

// Appointments is GET /appointments.
type Appointments struct {
	Base
	Coming, Past []Appointment
}

func (*Appointments) page() string { return "appointments" }

// Foreign reports whether a text of the page is in another language than the page.
func (a *Appointments) Foreign() bool {
	for _, list := range [][]Appointment{a.Coming, a.Past} {
		for _, x := range list {
			if x.NameLang != "" || x.ReasonLang != "" || x.Lang != "" && x.Prepare+x.Why != "" {
				return true
			}
		}
	}
	return false
}

// Appointment is one of them. Its texts are in Lang, when that is not the page's language.
type Appointment struct {
	Name, NameLang      string
	ReasonLang, Lang    string
	Start               time.Time // zero when not known
	Today, Off          bool      // Off: cancelled or missed
	Status, Reason      string
	With                []string
	Where, Prepare, Why string
}

// Dated reports whether the time is known.
func (a Appointment) Dated() bool { return !a.Start.IsZero() }

// Bills is GET /bills: insurance, and bills in plain words.
type Bills struct {
	Base
	Insurance []Insurance
	Open      []Bill // sent to the insurance, without an answer so far
	Decided   []Bill
}

func (*Bills) page() string { return "bills" }

// Foreign reports whether a text of the page is in another language than the page.
func (b *Bills) Foreign() bool {
	for _, list := range [][]Bill{b.Open, b.Decided} {
		for _, x := range list {
			if x.Lang != "" {
				return true
			}
		}
	}
	return false
}

// Insurance is one insurance.
type Insurance struct {
	Payer, Plan, PlanLang, Number string
	From, To                      Day
	Over                          bool
}

// Bill is one bill. Amounts are as they were written; empty when not known.
type Bill struct {
	Services             []string
	Lang                 string
	Visit                Day
	Clinic, Payer        string
	Asked, Allowed, Paid string
	Own                  []Own
	Note, Path           string
}

// Own is an amount that the person pays, and why.
type Own struct{ Amount, For string }

// Documents is GET /documents.
type Documents struct {
	Base
	List []DocumentRow
}

func (*Documents) page() string { return "documents" }

// Foreign reports whether a text of the list is in another language than the page.
func (d *Documents) Foreign() bool {
	for _, x := range d.List {
		if x.NameLang != "" {
			return true
		}
	}
	return false
}

// DocumentRow is one document of a list.
type DocumentRow struct {
	ID, Name, NameLang string
	Kind, By           string
	On                 Day
	Old                bool // a newer one stands for it
	Elsewhere          bool // the file is not here
	Here               bool // its text can be read in the page
	File               bool // it can be fetched
}

// Document is GET /documents/{id}.
type Document struct {
	Base
	Row        DocumentRow
	Paragraphs [][]string // lines of plain text
	Cut        bool       // of Paragraphs the end is in the file alone
	Notes      []Note     // texts that were written as markup
}

func (*Document) page() string { return "document" }
