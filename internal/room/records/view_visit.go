package records

import (
	"strings"

	"postern.example/postern/internal/room/records/narrative"
	"postern.example/postern/internal/room/records/rawjson"
	"postern.example/postern/internal/word/phi"
)

// Encounter is a visit or stay as a page shows it.
type Encounter struct {
	Common
	Status    string
	Class     string // of v3-ActCode: AMB, EMER, IMP, VR, HH, ...; empty when the source does not say
	Kinds     []Coded
	Reasons   []Coded
	ReasonFor []Link
	Start     Date
	End       Date
	People    []Link
	Places    []Link // rooms and buildings
	Provider  Link   // the organization
	Note      narrative.Doc
}

// ViewEncounter reads a stored Encounter, and its text as far as r allows.
func ViewEncounter(doc phi.Doc, r *TextBudget) (Encounter, error) {
	v, common, err := open(doc, "Encounter")
	if err != nil {
		return Encounter{}, err
	}
	common.Encounter = Link{Type: "Encounter", ID: common.ID}
	e := Encounter{
		Common: common, Status: plainCode(v.Get("status").Text()), Class: strings.ToUpper(plainCode(strings.ToLower(v.Get("class").Get("code").Text()))),
		Kinds: codedList(v, "type"), Reasons: codedList(v, "reasonCode"), ReasonFor: links(v, "reasonReference"),
		Start: date(v, "period"), End: date(v, "period.end"),
		People: links(v, "participant.individual"), Places: links(v, "location.location"), Provider: reference(v.Get("serviceProvider")),
	}
	// What a system made of the coded fields would say everything twice.
	if s := v.Get("text").Get("status").Text(); s == "additional" || s == "extensions" {
		e.Note, _ = r.narrative(divOf(v))
	}
	return e, nil
}

// divOf is the text of a resource, as it is stored.
func divOf(v rawjson.Value) string { return v.Get("text").Get("div").Text() }

// Procedure is something that was done, as a page shows it.
type Procedure struct {
	Common
	Name      Coded
	Status    string
	Performed Date
	Reasons   []Coded
	Notes     []phi.Text
}

// ViewProcedure reads a stored Procedure.
func ViewProcedure(doc phi.Doc) (Procedure, error) {
	v, common, err := open(doc, "Procedure")
	if err != nil {
		return Procedure{}, err
	}
	return Procedure{Common: common, Name: coded(v.Get("code")), Status: plainCode(v.Get("status").Text()),
		Performed: date(v, "performedDateTime|performedPeriod"), Reasons: codedList(v, "reasonCode"), Notes: notes(v)}, nil
}

// Paper is an attached file or text.
type Paper struct {
	Title    phi.Text
	Language string        // BCP 47; empty when nobody said
	Media    string        // its media type, in lower case and without parameters; empty when it looks like none
	Note     narrative.Doc // its text, where it is one that can be read here
	Here     bool          // its bytes are in the chart
	Later    bool          // they are a text that was not read: too much for this page
}

// VisitNote is a DocumentReference as the page of a visit shows it: what was written, to be read.
type VisitNote struct {
	Common
	Name    Coded
	Status  string
	On      Date
	Authors []Link
	Papers  []Paper
}

// ViewVisitNote reads a stored DocumentReference, and its texts as far as r allows.
func ViewVisitNote(doc phi.Doc, r *TextBudget) (VisitNote, error) {
	v, common, err := open(doc, "DocumentReference")
	if err != nil {
		return VisitNote{}, err
	}
	d := VisitNote{Common: common, Name: coded(v.Get("type")), Status: plainCode(v.Get("status").Text()),
		On: date(v, "date|context.period"), Authors: links(v, "author"), Papers: papers(v, "content.attachment", r)}
	readable := false
	for _, p := range d.Papers {
		readable = readable || !p.Note.IsZero() || p.Later
	}
	if !readable {
		if n, later := r.narrative(divOf(v)); later || !n.IsZero() {
			d.Papers = append(d.Papers, Paper{Language: common.Language, Note: n, Later: later})
		}
	}
	return d, nil
}

// paperMost is how many attachments of one resource a page reads.
const paperMost = 20

func papers(v rawjson.Value, path string, r *TextBudget) []Paper {
	var out []Paper
	for a := range at(v, path) {
		if len(out) == paperMost {
			break
		}
		out = append(out, paper(a, r))
	}
	return out
}

// paper reads an attachment. Plain text and HTML are read, and nothing else.
func paper(a rawjson.Value, r *TextBudget) Paper {
	media, _, _ := strings.Cut(strings.ToLower(a.Get("contentType").Text()), ";")
	p := Paper{Title: show(a.Get("title").Text()), Language: languageTag(a.Get("language").Text()), Media: mediaType(strings.TrimSpace(media))}
	data := a.Get("data").Text()
	p.Here = data != ""
	var read func(string, func(string) string) narrative.Doc
	switch p.Media {
	case "text/plain":
		read = narrative.Plain
	case "text/html", "application/xhtml+xml":
		read = narrative.Parse
	default:
		return p
	}
	if !p.Here {
		return p
	}
	if p.Later = !r.take(min(len(data), paperBytes)); p.Later {
		return p
	}
	if text, _, ok := decoded(data, paperBytes); ok {
		p.Note = read(string(text), Visible)
	}
	return p
}

// mediaType keeps what looks like one.
func mediaType(s string) string {
	if len(s) > 80 || strings.Count(s, "/") != 1 || strings.ContainsFunc(s, func(r rune) bool {
		return !(r >= 'a' && r <= 'z') && !(r >= '0' && r <= '9') && !strings.ContainsRune("/.+-", r)
	}) {
		return ""
	}
	return s
}
