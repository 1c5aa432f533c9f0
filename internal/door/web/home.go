package web

import (
	"net/http"
	"slices"
	"time"

	"postern.example/postern/internal/door/web/view"
	"postern.example/postern/internal/room/records"
)

// How many results the first page lists, and how many names of other new things.
const (
	homeRows  = 3
	homeNew   = 6
	homeNamed = 3
)

// home is GET /. Staff land on the page of their work.
func (d *Door) home(v *Visit) error {
	switch menuOf(v.caller.Role()) {
	case view.MenuClinic:
		return v.Redirect("/clinic")
	case view.MenuAdmin:
		return v.Redirect("/admin")
	case view.MenuOfficer:
		return v.Redirect("/officer")
	case view.MenuNone:
		return v.Redirect("/security")
	}
	c, err := v.chart("page/home", "Observation", "Condition", "MedicationRequest", "AllergyIntolerance", "Immunization",
		"Encounter", "DiagnosticReport", "ImagingStudy", "DocumentReference", "Appointment")
	if err != nil {
		return err
	}
	m := &view.Home{Before: v.lastVisit()}
	list, err := v.observations(c.Resources("Observation"))
	if err != nil {
		return err
	}
	kinds := group(list)
	v.newest(m, kinds)
	if m.Counts, err = v.counts(c); err != nil {
		return err
	}
	m.Counts.Results = len(kinds)
	coming, _, err := v.appointments(c)
	if err != nil {
		return err
	}
	m.Next, m.Counts.Appointments = v.next(coming), len(coming)
	if err := v.otherNews(m, c); err != nil {
		return err
	}
	m.Base = v.Base(view.PlaceHome)
	return v.Render(http.StatusOK, m)
}

// newest fills in the results: what is new, or where nothing is, the newest.
func (v *Visit) newest(m *view.Home, kinds []series) {
	var fresh, others []view.Row
	n := 0
	for _, s := range kinds {
		r := v.rowSince(s)
		if r.New {
			n++
		}
		switch {
		case r.New && len(fresh) < homeNew:
			fresh = append(fresh, r)
		case !r.New && len(others) < homeRows:
			others = append(others, r)
		}
	}
	if m.Newest = fresh; n == 0 {
		m.Newest = others
	}
	if n > 0 {
		m.News = append(m.News, view.News{Kind: "results", N: n, Href: "/results"})
	}
}

// otherNews fills in what else came into the chart since the last visit.
func (v *Visit) otherNews(m *view.Home, c records.Chart) error {
	if !m.Before.Known() {
		return nil
	}
	visits, err := v.visits(c)
	if err != nil {
		return err
	}
	v.tell(m, "visits", "/visits", len(visits), func(i int) (time.Time, view.NewsLink) {
		x := visits[i]
		return x.stored, view.NewsLink{Name: x.Name, NameLang: x.NameLang, Kind: x.Kind, Href: "/visits/" + x.ID, On: x.On}
	})
	notes, err := v.documents(c)
	if err != nil {
		return err
	}
	v.tell(m, "notes", "/visits", len(notes), func(i int) (time.Time, view.NewsLink) {
		x := notes[i]
		href := "/visits"
		if x.visit != "" {
			href = "/visits/" + x.visit
		}
		return x.stored, view.NewsLink{Name: x.Title, NameLang: x.TitleLang, Href: href, On: x.On}
	})
	pictures, err := v.imagings(c)
	if err != nil {
		return err
	}
	v.tell(m, "imaging", "/imaging", len(pictures), func(i int) (time.Time, view.NewsLink) {
		x := pictures[i]
		return x.stored, view.NewsLink{Name: x.Name, NameLang: x.NameLang, Href: x.Href, On: x.On}
	})
	return v.newEntries(m, c)
}

// newEntries tells of new lines of the lists, which have no page each.
func (v *Visit) newEntries(m *view.Home, c records.Chart) error {
	count := func(typ, kind, href string, read func(records.Resource) (records.Common, bool, error)) error {
		n := 0
		for _, r := range c.Resources(typ) {
			x, counts, err := read(r)
			if err != nil {
				return err
			}
			n += order(counts && v.since(x.Stored))
		}
		if n > 0 {
			m.News = append(m.News, view.News{Kind: kind, N: n, Href: href})
		}
		return nil
	}
	if err := count("Condition", "conditions", "/conditions", func(r records.Resource) (records.Common, bool, error) {
		x, err := records.ViewCondition(r.Doc)
		return x.Common, !wrong(x.Verification), err
	}); err != nil {
		return err
	}
	if err := count("MedicationRequest", "medications", "/medications", func(r records.Resource) (records.Common, bool, error) {
		x, err := records.ViewMedicationRequest(r.Doc)
		return x.Common, x.Status != "entered-in-error" && x.Status != "draft", err
	}); err != nil {
		return err
	}
	if err := count("AllergyIntolerance", "allergies", "/allergies", func(r records.Resource) (records.Common, bool, error) {
		x, err := records.ViewAllergyIntolerance(r.Doc)
		return x.Common, !wrong(x.Verification), err
	}); err != nil {
		return err
	}
	return count("Immunization", "immunizations", "/immunizations", func(r records.Resource) (records.Common, bool, error) {
		x, err := records.ViewImmunization(r.Doc)
		return x.Common, x.Status == "completed", err
	})
}

// tell adds one kind of news: how many are new, and the names of the first few.
func (v *Visit) tell(m *view.Home, kind, href string, n int, at func(int) (time.Time, view.NewsLink)) {
	news := view.News{Kind: kind, Href: href}
	for i := range n {
		stored, link := at(i)
		if !v.since(stored) {
			continue
		}
		if news.N++; len(news.Links) < homeNamed {
			news.Links = append(news.Links, link)
		}
	}
	if news.N > 0 {
		m.News = append(m.News, news)
	}
}

func (v *Visit) counts(c records.Chart) (n view.Counts, err error) {
	medications := &view.Medications{}
	if err := v.medications(medications, c, nil); err != nil {
		return n, err
	}
	conditions, _, err := v.conditions(c)
	if err != nil {
		return n, err
	}
	allergies, none, err := v.allergies(c)
	if err != nil {
		return n, err
	}
	vaccines, err := v.vaccines(c)
	if err != nil {
		return n, err
	}
	visits, err := v.visits(c)
	if err != nil {
		return n, err
	}
	pictures, err := v.imagings(c)
	taken := slices.DeleteFunc(medications.Current, view.Medication.NotNow)
	return view.Counts{Medications: len(taken), Conditions: len(conditions), Allergies: len(allergies), Immunizations: len(vaccines),
		NoAllergies: none, Visits: len(visits), Imaging: len(pictures)}, err
}
