package view

import (
	"slices"
	"time"

	"postern.example/postern/internal/room/records/narrative"
)

// Visits is GET /visits: the visits to the clinic, newest first. POST /visits with the
// field `older` leads to older ones.
type Visits struct {
	Base
	Years []VisitYear
	Loose []Note // notes and letters that name no visit
	More  bool   // there are more of these
	Older string
}

func (*Visits) page() string { return "visits" }

// Foreign reports whether a text of the page is in another language.
func (v *Visits) Foreign() bool {
	return slices.ContainsFunc(v.Years, func(y VisitYear) bool {
		return slices.ContainsFunc(y.Visits, func(l VisitLine) bool { return l.NameLang != "" })
	}) || slices.ContainsFunc(v.Loose, Note.foreign)
}

// VisitYear is the visits of one year; 0 when it is not known.
type VisitYear struct {
	Year   int
	Visits []VisitLine
}

// VisitLine is one visit in a list.
type VisitLine struct {
	ID             string // GET /visits/{ID}
	Name, NameLang string // why: the reason, or what kind of visit it was; may be empty
	Kind           string // where Name is empty, the key of the words for it: "visit.<kind>"
	Class          string // key of the words for the kind of place: "visit.<class>"
	Who            []string
	Where          string
	On             Day
	Notes          int
	New            bool
}

// Visit is GET /visits/{id}.
type Visit struct {
	Base
	VisitLine
	At         time.Time // when it began; zero when only the day is known
	Papers     []Note
	More       bool // notes that have no place on the page
	Conditions []Condition
	Procedures []Named
	Results    []Row
	Hidden     int // tests that have no place on the page
	Vaccines   []Named
	Imaging    []ImagingLine

	Medications []Medication // written at this visit, with what became of them
	Forbidden   []Medication // written at this visit, never to be taken
}

func (*Visit) page() string { return "visit" }

// Empty reports whether nothing of the chart names this visit.
func (v *Visit) Empty() bool {
	return len(v.Papers)+len(v.Conditions)+len(v.Procedures)+len(v.Medications)+len(v.Forbidden)+len(v.Results)+len(v.Vaccines)+len(v.Imaging) == 0
}

// Foreign reports whether a text of the page is in another language.
func (v *Visit) Foreign() bool {
	named := func(n Named) bool { return n.NameLang != "" || n.Lang != "" && n.Words != "" }
	return v.NameLang != "" || slices.ContainsFunc(v.Papers, Note.foreign) || slices.ContainsFunc(v.Conditions, func(x Condition) bool { return x.NameLang != "" }) ||
		slices.ContainsFunc(v.Procedures, named) || slices.ContainsFunc(slices.Concat(v.Medications, v.Forbidden), Medication.foreign) || slices.ContainsFunc(v.Vaccines, named) ||
		slices.ContainsFunc(v.Imaging, func(l ImagingLine) bool { return l.NameLang != "" })
}

// Named is a coded thing with its plain name.
type Named struct {
	Name, NameLang string
	About          string // one line: what it is; empty without words of ours
	Written, Lang  string // the chart's own name, when ours stands for it; language of the chart's words, when it is not the page's
	Words          string // what the chart says of it; may be empty
	Mark           string // id of a message on how to read it; empty for none
}

// Note is a note or letter.
type Note struct {
	Title, TitleLang string
	Lang             string // of the text, when it is not the page's
	Text             []narrative.Block
	Cut              bool   // the end is missing
	Left             bool   // pictures are missing
	Later            bool   // it was too much for this page
	Href             string // its own page, when it has one
	File             string
	By               []string
	On               Day
	New              bool
}

func (n Note) foreign() bool { return n.Lang != "" }

// Imagings is GET /imaging.
type Imagings struct {
	Base
	Years []ImagingYear
}

func (*Imagings) page() string { return "imagings" }

// Foreign reports whether a text of the page is in another language.
func (i *Imagings) Foreign() bool {
	return slices.ContainsFunc(i.Years, func(y ImagingYear) bool {
		return slices.ContainsFunc(y.List, func(l ImagingLine) bool { return l.NameLang != "" })
	})
}

// ImagingYear is the images of one year; 0 when it is not known.
type ImagingYear struct {
	Year int
	List []ImagingLine
}

// ImagingLine is one set of images, or the report on it, in a list.
type ImagingLine struct {
	Href           string
	Name, NameLang string
	How            string // key of the words for how they were made: "modality.<how>"; empty when not known
	Site, SiteLang string
	On             Day
	Report         bool // somebody wrote down what they show
	New            bool
}

// Imaging is GET /imaging/{id} and GET /imaging/studies/{id}.
type Imaging struct {
	Base
	ImagingLine
	Status     string
	Lab        string
	By         string // who asked for them
	Conclusion string
	TextLang   string // of the conclusion, when it is not the page's
	StudyLang  string // of the words of the images, likewise
	For        []Named
	Papers     []Note
	Series     []ImageSeries
	Comment    string
	Visit      string // the visit that it belongs to; may be empty
}

func (*Imaging) page() string { return "imaging" }

// Foreign reports whether a text of the page is in another language.
func (i *Imaging) Foreign() bool {
	return i.NameLang != "" || i.TextLang != "" && i.Conclusion != "" || slices.ContainsFunc(i.Papers, Note.foreign)
}

// ImageSeries is one set of images of a study.
type ImageSeries struct {
	Words, Site string
	Images      string // how many
}
