package web

import (
	"cmp"
	"net/http"
	"slices"
	"strconv"
	"strings"
	"time"

	"postern.example/postern/internal/door/web/catalog"
	"postern.example/postern/internal/door/web/view"
	"postern.example/postern/internal/room/records"
	"postern.example/postern/internal/word/fault"
	"postern.example/postern/internal/word/phi"
)

// visitsPage is how many visits one page lists, and how many notes it shows.
const visitsPage = 50

// How much text one page reads, as it is stored: of several notes, and of one that has the
// page for itself. Of one note a page shows 48 KiB at most (package narrative).
const (
	pageBytes    = 192 << 10
	ownPageBytes = 1 << 20 // as long as a resource can be
)

// encounter is a visit to the clinic, ready for a list.
type encounter struct {
	view.VisitLine
	at     time.Time
	stored time.Time
	read   records.Encounter
}

// visits lists the visits of a chart, newest first.
func (v *Visit) visits(c records.Chart) (out []encounter, err error) {
	err = each(c.Resources("Encounter"), records.Unread(records.ViewEncounter), func(x records.Encounter) {
		if x.Status == "entered-in-error" || x.Status == "cancelled" || x.Status == "planned" {
			return
		}
		e := encounter{at: v.moment(x.Start), stored: x.Stored, read: x}
		e.ID, e.On, e.Class, e.New = x.ID.String(), v.day(x.Start), visitClass(x.Class), v.since(x.Stored)
		e.Name, e.NameLang = v.reason(x)
		if e.Name == "" {
			e.Kind = e.Class
		}
		e.Who, e.Where = peopleOf(x.People), x.Provider.Display.Reveal()
		if len(x.Places) > 0 && e.Where == "" {
			e.Where = x.Places[0].Display.Reveal()
		}
		out = append(out, e)
	})
	slices.SortStableFunc(out, func(a, b encounter) int { return b.at.Compare(a.at) })
	return out, err
}

// reason is why somebody came: the reason, else what kind of visit it was.
func (v *Visit) reason(x records.Encounter) (name, lang string) {
	for i, list := range [][]records.Coded{x.Reasons, x.Kinds} {
		for _, c := range list {
			n := v.called([]catalog.Kind{kindCondition, kindVisit}[i], x.Common, c, c.Text.Reveal())
			if n.name != "" {
				return n.name, n.lang
			}
		}
	}
	return "", ""
}

// visitClass is the key of the words for a class of visits.
func visitClass(code string) string {
	switch code {
	case "AMB":
		return "clinic"
	case "EMER":
		return "emergency"
	case "IMP", "ACUTE", "NONAC", "OBSENC", "SS":
		return "hospital"
	case "VR":
		return "remote"
	case "HH":
		return "home"
	default:
		return "other"
	}
}

// peopleOf are the names of those who took part, each once.
func peopleOf(list []records.Link) []string {
	var out []string
	for _, l := range list {
		if name := l.Display.Reveal(); name != "" && !slices.Contains(out, name) && len(out) < 6 {
			out = append(out, name)
		}
	}
	return out
}

// visitsChoose is POST /visits: which part of the list.
func (d *Door) visitsChoose(v *Visit) error { return v.choose("/visits") }

// visitsList is GET /visits.
func (d *Door) visitsList(v *Visit) error {
	if _, over := v.chosen(); over {
		return v.done("query-over", "/visits")
	}
	from := 0
	if older := v.Field("older"); older != "" {
		var err error
		if from, err = strconv.Atoi(older); err != nil || from < 0 {
			return fault.New(fault.Invalid, "list visits: the cursor is malformed")
		}
	}
	c, err := v.chart("page/visits", "Encounter", "DocumentReference")
	if err != nil {
		return err
	}
	list, err := v.visits(c)
	if err != nil {
		return err
	}
	m := &view.Visits{Base: v.Base(view.PlaceVisits)}
	papers, err := v.documents(c)
	if err != nil {
		return err
	}
	notes := map[string]int{}
	var loose []document
	for _, p := range papers {
		notes[p.visit]++
		if p.visit == "" && from == 0 {
			loose = append(loose, p)
		}
	}
	if m.Loose, m.More, err = v.readAll(loose); err != nil {
		return err
	}
	shown := list[min(from, len(list)):]
	if len(shown) > visitsPage {
		shown, m.Older = shown[:visitsPage], strconv.Itoa(from+visitsPage)
	}
	for _, e := range shown {
		e.Notes = notes[e.ID]
		if n := len(m.Years); n == 0 || m.Years[n-1].Year != e.On.Year {
			m.Years = append(m.Years, view.VisitYear{Year: e.On.Year})
		}
		y := &m.Years[len(m.Years)-1]
		y.Visits = append(y.Visits, e.VisitLine)
	}
	return v.Render(http.StatusOK, m)
}

// visitOne is GET /visits/{id}: what belongs to one visit.
func (d *Door) visitOne(v *Visit) error {
	c, r, err := v.around(v.caller, "Encounter", v.Path("id"), "Observation", "Condition", "Procedure",
		"MedicationRequest", "Immunization", "DiagnosticReport", "ImagingStudy", "DocumentReference")
	if err != nil {
		return err
	}
	list, err := v.visits(c)
	if err != nil {
		return err
	}
	i := slices.IndexFunc(list, func(e encounter) bool { return e.ID == r.ID.String() })
	if i < 0 {
		return fault.New(fault.NotFound, "show visit: it was entered in error or did not happen")
	}
	m := &view.Visit{Base: v.Base(view.PlaceVisits), VisitLine: list[i].VisitLine, At: list[i].at}
	if _, p := list[i].read.Start.Reveal(); p < records.Second {
		m.At = time.Time{}
	}
	read, err := records.ViewEncounter(r.Doc, records.NewTextBudget(ownPageBytes))
	if err != nil {
		return err
	}
	if n := read.Note; !n.IsZero() {
		m.Papers = append(m.Papers, view.Note{Text: n.Reveal(), Cut: n.Cut(), Left: n.Left(), Lang: v.foreign(read.Common)})
	}
	if err := v.fillVisit(m, c, r.ID.String()); err != nil {
		return err
	}
	return v.Render(http.StatusOK, m)
}

// fillVisit gathers what names the visit as its own.
func (v *Visit) fillVisit(m *view.Visit, c records.Chart, id string) error {
	papers, err := v.documents(c)
	if err != nil {
		return err
	}
	papers = slices.DeleteFunc(papers, func(p document) bool { return p.visit != id })
	notes, more, err := v.readAll(papers)
	if err != nil {
		return err
	}
	m.Papers, m.More = append(m.Papers, notes...), more
	list, err := v.observations(c.Resources("Observation"))
	if err != nil {
		return err
	}
	list = slices.DeleteFunc(list, func(o observation) bool { return o.visit != id })
	kinds := group(list)
	m.Hidden = max(0, len(kinds)-resultsPage)
	for _, s := range kinds[:min(len(kinds), resultsPage)] {
		row := v.rowSince(s)
		row.On = view.Day{}
		m.Results = append(m.Results, row)
	}
	if m.Conditions, err = v.conditionsOf(c, id); err != nil {
		return err
	}
	if m.Procedures, err = v.procedures(c, id); err != nil {
		return err
	}
	if m.Medications, m.Forbidden, err = v.medicinesOf(c, id); err != nil {
		return err
	}
	if m.Vaccines, err = v.vaccinesOf(c, id); err != nil {
		return err
	}
	pictures, err := v.imagings(c)
	for _, p := range pictures {
		if p.visit == id {
			m.Imaging = append(m.Imaging, p.ImagingLine)
		}
	}
	return err
}

func (v *Visit) conditionsOf(c records.Chart, id string) (out []view.Condition, err error) {
	list, err := v.problems(c)
	for _, p := range list {
		if p.visit == id {
			out = append(out, p.Condition)
		}
	}
	return out, err
}

func (v *Visit) procedures(c records.Chart, id string) (out []view.Named, err error) {
	err = each(c.Resources("Procedure"), records.ViewProcedure, func(x records.Procedure) {
		if x.Encounter.ID.String() == id && x.Status != "entered-in-error" && x.Status != "not-done" {
			out = append(out, v.thing(kindProcedure, x.Common, x.Name))
		}
	})
	return out, err
}

// medicinesOf are the medicines that were written at a visit, with what the list of all says of
// them today, and apart those that must not be taken.
func (v *Visit) medicinesOf(c records.Chart, id string) (given, forbidden []view.Medication, err error) {
	names, err := v.medicineNames(c)
	if err != nil {
		return nil, nil, err
	}
	all := &view.Medications{}
	if err := v.medications(all, c, names); err != nil {
		return nil, nil, err
	}
	for _, x := range slices.Concat(all.Current, all.Proposed, all.Past, all.Forbidden) {
		switch {
		case x.Visit != id:
		case x.Never:
			forbidden = append(forbidden, x)
		default:
			given = append(given, x)
		}
	}
	return given, forbidden, nil
}

func (v *Visit) vaccinesOf(c records.Chart, id string) (out []view.Named, err error) {
	err = each(c.Resources("Immunization"), records.ViewImmunization, func(x records.Immunization) {
		if x.Encounter.ID.String() == id && x.Status == "completed" {
			n := v.thing(kindVaccine, x.Common, x.Vaccine)
			if x.Sense == records.Weak {
				n.Mark = "sense.weak"
			}
			out = append(out, n)
		}
	})
	return out, err
}

// thing is a coded thing with its plain name.
func (v *Visit) thing(kind catalog.Kind, c records.Common, of records.Coded) view.Named {
	n := v.called(kind, c, of, of.Text.Reveal())
	return view.Named{Name: n.name, NameLang: n.lang, About: n.about, Written: n.written, Lang: n.foreign}
}

// document is a note or letter, ready for a page.
type document struct {
	view.Note
	visit  string // its visit; empty when it names none
	stored time.Time
	at     time.Time
	doc    phi.Doc // where its text is
}

// documents lists the notes and letters of a chart, newest first, without their texts.
func (v *Visit) documents(c records.Chart) (out []document, err error) {
	for _, r := range c.Resources("DocumentReference") {
		x, err := records.ViewVisitNote(r.Doc, nil)
		if err != nil {
			return nil, fault.Wrap(fault.Of(err), "read DocumentReference", err)
		}
		if x.Status == "entered-in-error" || x.Status == "superseded" {
			continue
		}
		d := document{visit: x.Encounter.ID.String(), stored: x.Stored, at: v.moment(x.On), doc: r.Doc}
		if x.Encounter.Type != "Encounter" {
			d.visit = ""
		}
		for _, n := range v.notes(x) {
			d.Note = n
			out = append(out, d)
		}
	}
	slices.SortStableFunc(out, func(a, b document) int { return b.at.Compare(a.at) })
	return out, nil
}

// notes are the attachments of a document.
func (v *Visit) notes(x records.VisitNote) (out []view.Note) {
	for _, p := range x.Papers {
		n := v.note(x.Common, p, x.Name.Text)
		n.On, n.By, n.New, n.Href = v.day(x.On), peopleOf(x.Authors), v.since(x.Stored), "/documents/"+x.ID.String()
		out = append(out, n)
	}
	return out
}

// readAll reads the texts of as many notes as one page shows; more says that there are
// others. A text for which the page has no room leads to its own.
func (v *Visit) readAll(list []document) (out []view.Note, more bool, err error) {
	reading := records.NewTextBudget(pageBytes)
	seen := map[string]bool{}
	for _, d := range list {
		if seen[d.Href] { // the attachments of one document come together
			continue
		}
		if seen[d.Href] = true; len(out) >= visitsPage {
			return out, true, nil
		}
		x, err := records.ViewVisitNote(d.doc, reading)
		if err != nil {
			return nil, false, err
		}
		out = append(out, v.notes(x)...)
	}
	return out, false, nil
}

// note is an attachment with its text, where it has one that can be read here.
func (v *Visit) note(c records.Common, p records.Paper, kind phi.Text) view.Note {
	own := c
	if p.Language != "" {
		own.Language = p.Language
	}
	n := view.Note{Title: cmp.Or(p.Title.Reveal(), kind.Reveal()), Lang: v.foreign(own), Text: p.Note.Reveal(), Cut: p.Note.Cut(), Left: p.Note.Left(), Later: p.Later}
	n.TitleLang = n.Lang
	if p.Note.IsZero() && !p.Later && p.Media != "" {
		n.File = strings.ToUpper(p.Media[strings.LastIndexByte(p.Media, '/')+1:])
	}
	return n
}
