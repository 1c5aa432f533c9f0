package view

import "time"

// RecentDays is how many days a result is marked as new. It is a fixed time and
// not "since your last visit": nobody keeps the sign-in before this one.
const RecentDays = 14

// Results is the list of test results (GET /results). POST /results with the form
// field `category` leads to it, so that no URL says what somebody looked for.
type Results struct {
	Base
	Categories []string // category codes that the chart has, without "all"; words are "category.<code>"
	Category   string   // the one shown; empty or "all" for all
	Groups     []Group  // newest first
	New        int      // tests with a result of the last RecentDays
	Outside    int      // of the new ones, outside their usual range
	Older      string   // opaque cursor for POST /results `older`; empty at the end
}

func (*Results) page() string { return "results" }

// Days is how far back a new result reaches.
func (r *Results) Days() int { return RecentDays }

// Showing reports whether the chip of this category is the pressed one.
func (r *Results) Showing(category string) bool {
	if r.Category == "" {
		return category == "all"
	}
	return r.Category == category
}

// Group is the results of one day.
type Group struct {
	On   Day
	Rows []Row
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
