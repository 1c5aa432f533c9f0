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

// visitsPage is how many visits one page lists.
const visitsPage = 50

// encounter is a visit to the clinic, ready for a list.
type encounter struct {
	view.VisitLine
	at     time.Time
	stored time.Time
	read   records.Encounter
}

// visits lists the visits of a chart, newest first.
func (v *Visit) visits(c records.Chart) (out []encounter, err error) {
	err = each(c.Resources("Encounter"), records.ViewEncounter, func(x records.Encounter) {
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
	for _, p := range papers {
		notes[p.visit]++
		if p.visit == "" {
			m.Loose = append(m.Loose, p.Note)
		}
	}
	m.Loose = m.Loose[:min(len(m.Loose), visitsPage)]
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
	if from > 0 {
		m.Loose = nil
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
	if n := list[i].read.Note; !n.IsZero() {
		m.Papers = append(m.Papers, view.Note{Text: n.Reveal(), Cut: n.Cut(), Left: n.Left(), Lang: v.foreign(list[i].read.Common)})
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
	for _, p := range papers {
		if p.visit == id {
			m.Papers = append(m.Papers, p.Note)
		}
	}
	list, err := v.observations(c.Resources("Observation"))
	if err != nil {
		return err
	}
	list = slices.DeleteFunc(list, func(o observation) bool { return o.visit != id })
	kinds := group(list)
	m.Hidden = max(0, len(kinds)-resultsPage)
	for _, s := range kinds[:min(len(kinds), resultsPage)] {
		row := v.row(s)
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

func (v *Visit) conditionsOf(c records.Chart, id string) (out []view.Named, err error) {
	err = each(c.Resources("Condition"), records.ViewCondition, func(x records.Condition) {
		if x.Encounter.ID.String() == id && !wrong(x.Verification) {
			out = append(out, v.thing(kindCondition, x.Common, x.Name))
		}
	})
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

func (v *Visit) medicinesOf(c records.Chart, id string) (given, forbidden []view.Named, err error) {
	names, err := v.medicineNames(c)
	if err != nil {
		return nil, nil, err
	}
	err = each(c.Resources("MedicationRequest"), records.ViewMedicationRequest, func(x records.MedicationRequest) {
		if x.Encounter.ID.String() != id || x.Status == "entered-in-error" || x.Status == "draft" {
			return
		}
		what := x.Name
		if what.IsZero() {
			what = names[x.Medicine.ID.String()]
		}
		if what.IsZero() {
			what.Text = x.Medicine.Display
		}
		n := v.thing(kindMedicine, x.Common, what)
		n.Words = howToTake(x.Dosages)
		switch x.Sense {
		case records.Forbidden:
			forbidden = append(forbidden, n)
			return
		case records.Proposed:
			n.Mark = "doubt.proposal"
		case records.Planned:
			n.Mark = "doubt.plan"
		}
		given = append(given, n)
	})
	return given, forbidden, err
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
}

// documents lists the notes and letters of a chart, newest first.
func (v *Visit) documents(c records.Chart) (out []document, err error) {
	err = each(c.Resources("DocumentReference"), records.ViewVisitNote, func(x records.VisitNote) {
		if x.Status == "entered-in-error" || x.Status == "superseded" {
			return
		}
		for _, p := range x.Papers {
			d := document{visit: x.Encounter.ID.String(), stored: x.Stored, at: v.moment(x.On)}
			if x.Encounter.Type != "Encounter" {
				d.visit = ""
			}
			d.Note = v.note(x.Common, p, x.Name.Text)
			d.On, d.By = v.day(x.On), peopleOf(x.Authors)
			d.New = v.since(x.Stored)
			out = append(out, d)
		}
	})
	slices.SortStableFunc(out, func(a, b document) int { return b.at.Compare(a.at) })
	return out, err
}

// note is an attachment with its text, where it has one that can be read here.
func (v *Visit) note(c records.Common, p records.Paper, kind phi.Text) view.Note {
	own := c
	if p.Language != "" {
		own.Language = p.Language
	}
	n := view.Note{Title: cmp.Or(p.Title.Reveal(), kind.Reveal()), Lang: v.foreign(own), Text: p.Note.Reveal(), Cut: p.Note.Cut(), Left: p.Note.Left()}
	n.TitleLang = n.Lang
	if p.Note.IsZero() && p.Media != "" {
		n.File = strings.ToUpper(p.Media[strings.LastIndexByte(p.Media, '/')+1:])
	}
	return n
}
