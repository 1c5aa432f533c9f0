package view

import (
	"strconv"
	"strings"
)

// Compare is GET /compare: two dates of a panel, or of all results, side by side. POST
// /compare with the fields `panel`, `first` and `second` leads to it, so that no URL
// says what somebody looked at.
type Compare struct {
	Base
	Panels        []PanelChoice // those with two dates or more
	Panel         string        // the chosen one's id; empty for all results
	Days          []Day         // that can be chosen, newest first
	First, Second Day           // the earlier one first; unknown when there are not two
	Rows          []CompareRow
}

func (*Compare) page() string { return "compare" }

// PanelChoice is a panel that can be compared.
type PanelChoice struct{ ID, Name, NameLang, Kind string }

// CompareRow is one test on both dates.
type CompareRow struct {
	ID             string // of the newer result: /results/{ID}
	Name, NameLang string
	Part           string // of a result with several values; empty else
	Unit           string
	Usual          Usual
	First, Second  Reading // without Value where nothing was measured on that date
	Change         Change
}

// ChangeKind says what became of a value.
type ChangeKind uint8

// The kinds.
const (
	ChangeSame ChangeKind = iota
	ChangeHigher
	ChangeLower
	ChangeWords // one of the two is no plain number
	ChangeApart // the units cannot be turned into each other
	ChangeNew   // measured on the second date alone
	ChangeGone  // on the first alone
)

// Change is the step from the first value to the second.
type Change struct {
	Kind          ChangeKind
	By            string // as a decimal, in Unit
	Unit          string
	About         bool // one of the two was converted
	Before, After Standing
	Goal          bool
}

var changeIDs = [...]string{"change.same", "change.higher", "change.lower", "change.words", "change.apart", "change.new", "change.gone"}

// change writes a change: "Higher by 12 mg/dL, still in the usual range".
func (w *writer) change(c Change) (string, error) {
	id, args := changeIDs[c.Kind], []any{}
	if c.Kind == ChangeHigher || c.Kind == ChangeLower {
		by := c.By
		if c.Unit != "" {
			by += " " + c.Unit
		}
		if c.About {
			id += "-about"
		}
		args = append(args, "by", by)
	}
	text, err := w.text(id, args...)
	if err != nil || !c.After.Known() || c.Kind == ChangeNew || c.Kind == ChangeGone {
		return text, err
	}
	where := "now."
	if c.Before == c.After {
		where = "still."
	}
	if c.Goal {
		where = "goal-" + where
	}
	last, err := w.text(where + strings.TrimPrefix(c.After.ID(), "standing."))
	if err != nil {
		return "", err
	}
	return w.text("list.comma", "before", text, "last", last)
}

// Machine is the date as a form sends it.
func (d Day) Machine() string {
	pad := func(n, size int) string {
		s := strconv.Itoa(n)
		for len(s) < size {
			s = "0" + s
		}
		return s
	}
	return pad(d.Year, 4) + "-" + pad(int(d.Month), 2) + "-" + pad(d.Day, 2)
}

// Compare orders days: negative when d is earlier than other.
func (d Day) Compare(other Day) int {
	if d.Year != other.Year {
		return d.Year - other.Year
	}
	if d.Month != other.Month {
		return int(d.Month) - int(other.Month)
	}
	return d.Day - other.Day
}
