package view

import (
	"slices"
	"time"
)

// Results is the list of test results (GET /results). POST /results with the form
// field `category` leads to it, so that no URL says what somebody looked for.
type Results struct {
	Base
	Categories []string // category codes that the chart has, without "all"; words are "category.<code>"
	Category   string   // the one shown; empty or "all" for all
	Groups     []Group  // by panel, the one with the newest result first
	Before     Day      // of the last visit; unknown when Postern knows of none
	New        int      // tests with a result that came in since then
	Outside    int      // of the new ones, outside their usual range
	Older      string   // opaque cursor for POST /results `older`; empty at the end
}

func (*Results) page() string { return "results" }

// Showing reports whether the chip of this category is the pressed one.
func (r *Results) Showing(category string) bool {
	if r.Category == "" {
		return category == "all"
	}
	return r.Category == category
}

// Group is the tests of one panel, or of one category that no panel gathers.
type Group struct {
	ID             string // for the comparison of two dates
	Name, NameLang string // of a panel
	Kind           string // category of tests without a panel: words are "category.<kind>"
	On             Day    // of the newest result; a row of another day says its own
	Compares       bool   // there are two dates to compare
	Rows           []Row
}

// Row is one series in a list, with its newest value.
type Row struct {
	ID       string // of the newest resource: /results/{ID}
	Query    string // for staff, the q of that address: whose chart was opened, and why; empty for the patient
	Name     string // plain name
	NameLang string // language of the name when it is not the page's; empty else
	Value    string // as written, or words such as "Negative"
	Unit     string // as people write it; empty when there is none
	Words    bool   // the value is words, not a number: it is set smaller
	Standing Standing
	New      bool
	On       Day  // of the newest value
	Several  bool // more than one value stands in Value: the trend of one says nothing of the others
	Series   Series
}

// Says is the message id of the standing.
func (r Row) Says() string { return r.Standing.Says(r.Series.Usual.Goal) }

// Series is what a trend is drawn from.
type Series struct {
	ID       string // unique in the page, letters, digits and dashes
	Name     string
	Unit     string
	Usual    Usual
	Readings []Reading // any order
}

// Drift says where the series is going.
func (s Series) Drift() Drift { d, _ := Trend(s.Readings); return d }

// Since says since when.
func (s Series) Since() time.Time { _, since := Trend(s.Readings); return since }

// Plotted reports whether there is a number to draw.
func (s Series) Plotted() bool {
	for _, r := range s.Readings {
		if r.Number != nil {
			return true
		}
	}
	return false
}

// Many reports whether there is a line to draw: two numbers or more.
func (s Series) Many() bool {
	n := 0
	for _, r := range s.Readings {
		if r.Number != nil {
			n++
		}
	}
	return n > 1
}

// Converted reports whether values of another unit stand in the drawing.
func (s Series) Converted() bool {
	return slices.ContainsFunc(s.Readings, func(r Reading) bool { return r.About != "" && r.Number != nil })
}

// Apart counts the values whose unit fits no other, and which are not drawn.
func (s Series) Apart() int {
	n := 0
	for _, r := range s.Readings {
		if r.Apart {
			n++
		}
	}
	return n
}
