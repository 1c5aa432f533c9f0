package web

import (
	"net/http"
	"slices"
	"strconv"

	"postern.example/postern/internal/door/web/view"
	"postern.example/postern/internal/room/records"
	"postern.example/postern/internal/word/fault"
)

// resultsPage is how many kinds of results one page lists.
const resultsPage = 60

// resultsChoose is POST /results: a choice that no URL may name.
func (d *Door) resultsChoose(v *Visit) error { return v.choose("/results") }

// results is GET /results, all or as chosen.
func (d *Door) results(v *Visit) error {
	if _, over := v.chosen(); over {
		return v.done("query-over", "/results")
	}
	category, from := v.Field("category"), 0
	if older := v.Field("older"); older != "" {
		var err error
		if from, err = strconv.Atoi(older); err != nil || from < 0 {
			return fault.New(fault.Invalid, "list results: the cursor is malformed")
		}
	}
	c, err := v.chart("page/results", "Observation", "DiagnosticReport")
	if err != nil {
		return err
	}
	list, err := v.observations(c.Resources("Observation"))
	if err != nil {
		return err
	}
	m := &view.Results{Base: v.Base(view.PlaceResults), Category: category, Before: v.lastVisit()}
	for _, o := range list {
		if o.category != "" && !slices.Contains(m.Categories, o.category) {
			m.Categories = append(m.Categories, o.category)
		}
	}
	slices.Sort(m.Categories)
	if category != "" && category != "all" {
		list = slices.DeleteFunc(list, func(o observation) bool { return o.category != category })
	}
	panels, err := v.panels(c, group(list))
	if err != nil {
		return err
	}
	v.listPanels(m, panels, from)
	return v.Render(http.StatusOK, m)
}

// listPanels fills in one page of panels, counted by their tests.
func (v *Visit) listPanels(m *view.Results, panels []panel, from int) {
	at := 0
	for _, p := range panels {
		g := view.Group{ID: p.id, Name: p.name, NameLang: p.lang, Kind: p.kind, On: p.on(), Compares: len(p.days()) > 1}
		for _, s := range p.kinds {
			r := v.rowSince(s)
			m.New += order(r.New)
			m.Outside += order(r.New && r.Standing.Outside())
			if at++; at <= from || at > from+resultsPage {
				continue
			}
			if r.On == g.On {
				r.On = view.Day{} // the heading says it
			}
			g.Rows = append(g.Rows, r)
		}
		if len(g.Rows) > 0 {
			m.Groups = append(m.Groups, g)
		}
	}
	if at > from+resultsPage {
		m.Older = strconv.Itoa(from + resultsPage)
	}
}

// panel is a group of tests: those that one kind of report gathers, or those of one
// category that no report gathers.
type panel struct {
	id    string // of its newest report, or "kind-" and the category
	name  string
	lang  string
	kind  string // category of tests without a report; empty for a panel
	key   string
	kinds []series
}

// on is the day of the newest result.
func (p panel) on() view.Day {
	newest := p.kinds[0].newest()
	for _, s := range p.kinds {
		if o := s.newest(); o.day().After(newest.day()) {
			newest = o
		}
	}
	return newest.on
}

// days are those on which the panel has results, newest first.
func (p panel) days() []view.Day {
	var out []view.Day
	for _, s := range p.kinds {
		for _, o := range s {
			if o.on.Day != 0 && !slices.Contains(out, o.on) {
				out = append(out, o.on)
			}
		}
	}
	slices.SortFunc(out, func(a, b view.Day) int { return b.Compare(a) })
	return out
}

// panels puts kinds of results, as group orders them, under the reports that gather
// them. A test belongs to the panel of its newest result that lies in one, so each
// stands once; panels come in the order of their newest results.
func (v *Visit) panels(c records.Chart, kinds []series) ([]panel, error) {
	in := map[string]records.Report{} // by result, its newest report
	err := each(c.Resources("DiagnosticReport"), records.Unread(records.ViewReport), func(r records.Report) {
		if r.Status == "entered-in-error" || r.Status == "cancelled" || len(r.Results) < 2 {
			return
		}
		for _, l := range r.Results {
			if id := l.ID.String(); l.Type == "Observation" {
				if _, known := in[id]; !known { // reports come newest first
					in[id] = r
				}
			}
		}
	})
	if err != nil {
		return nil, err
	}
	var out []panel
	at := map[string]int{}
	for _, s := range kinds {
		p := v.panelOf(s, in)
		i, known := at[p.key]
		if !known {
			i = len(out)
			at[p.key] = i
			out = append(out, p)
		}
		out[i].kinds = append(out[i].kinds, s)
	}
	return out, nil
}

func (v *Visit) panelOf(s series, in map[string]records.Report) panel {
	for _, o := range s {
		r, ok := in[o.id]
		if !ok {
			continue
		}
		p := panel{id: r.ID.String(), key: codeKey(r.Name), name: v.named(r.Common, r.Name.Text.Reveal()), lang: v.foreign(r.Common)}
		if plain := v.plainPanel(r.Name); plain != "" {
			p.name, p.lang = plain, ""
		}
		return p
	}
	category := s.newest().category
	if category == "" {
		category = "other"
	}
	return panel{id: "kind-" + category, key: "kind\x00" + category, kind: category}
}

// plainPanel is the plain name of a panel, for a patient; empty without one.
func (v *Visit) plainPanel(c records.Coded) string {
	if menuOf(v.caller.Role()) != view.MenuPatient || c.System.Reveal() != loinc {
		return ""
	}
	id := panelKey(c.Code.Reveal())
	if id == "" {
		return ""
	}
	name, _ := v.door.c.Catalog.Language(v.language()).Text("panel." + id) // a test looks for each
	return name
}

// panelKey is the key of the plain name of a panel, by its LOINC code.
func panelKey(code string) string {
	switch code {
	case "57698-3", "24331-1", "100898-6":
		return "lipids"
	case "51990-0", "24321-2", "24320-4":
		return "basic"
	case "24323-8":
		return "comprehensive"
	case "58410-2", "57021-8", "57782-5", "24317-0":
		return "blood-count"
	case "24325-3":
		return "liver"
	case "24362-6":
		return "kidney"
	case "24356-8", "50564-4", "24357-6":
		return "urine"
	case "24348-5", "34533-0":
		return "thyroid"
	case "85353-1", "34565-2":
		return "vital-signs"
	case "50190-8":
		return "iron"
	default:
		return ""
	}
}
