package view

import (
	"slices"
	"time"
)

// Records is GET /record: the kinds of things that the chart holds.
type Records struct {
	Base
	Main []RecordKind // those with a page of their own
	Rest []RecordKind
}

func (*Records) page() string { return "record" }

// RecordKind is one kind of thing, with how many there are. Without a name it is
// called like the place that it leads to.
type RecordKind struct {
	Name, Path string
	Count      int
}

// RecordList is GET /record/{type}.
type RecordList struct {
	Base
	Title, Path string
	Total       int
	Items       []RecordItem
	Older       string // address of the next page; empty on the last one
	Later       bool   // this is not the first page
}

func (*RecordList) page() string { return "record-list" }

// Foreign reports whether a text of the list is in another language than the page.
func (l *RecordList) Foreign() bool {
	return slices.ContainsFunc(l.Items, func(x RecordItem) bool { return x.NameLang != "" })
}

// RecordItem is one resource of a list.
type RecordItem struct {
	Path, Name, NameLang string
	When                 Day
	Status               RecordValue
	Sense                string // how to read it, words are "sense.<sense>"; empty for as it stands
}

// Record is GET /record/{type}/{id}: one resource, line by line.
type Record struct {
	Base
	Kind, Many, Back string
	Name, NameLang   string
	Remark           bool   // it carries something that changes its meaning and that no page shows
	Sense            string // how to read it, words are "sense-what.<sense>"; empty for as it stands
	Lines            []RecordLine
}

func (*Record) page() string { return "record-one" }

// Foreign reports whether a text is in another language than the page.
func (r *Record) Foreign() bool {
	return r.NameLang != "" || slices.ContainsFunc(r.Lines, func(l RecordLine) bool {
		return slices.ContainsFunc(l.Values, func(v RecordValue) bool { return v.Lang != "" || v.QuestionLang != "" || v.WrittenLang != "" })
	})
}

// RecordLine is a label with its values.
type RecordLine struct {
	Label  string
	Values []RecordValue
}

// RecordValue is one value: a text, a day or a moment, or a span of days.
type RecordValue struct {
	Text, Lang             string
	Href                   string // a page of this record; empty for none
	Written, WrittenLang   string // the chart's own words, when ours stand for them
	Question, QuestionLang string
	Day, To                Day
	At                     time.Time
	Span                   bool
}

// Empty reports whether there is nothing to show.
func (v RecordValue) Empty() bool {
	return v.Text == "" && !v.Day.Known() && !v.To.Known()
}

// Timed reports whether the value is a moment.
func (v RecordValue) Timed() bool { return !v.At.IsZero() }
