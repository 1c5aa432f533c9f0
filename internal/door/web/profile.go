package web

import (
	"net/http"
	"strings"

	"postern.example/postern/internal/door/web/view"
	"postern.example/postern/internal/room/records"
)

// profile is GET /profile: who the clinic believes the reader is.
func (d *Door) profile(v *Visit) error {
	c, err := v.chart("page/profile", "Patient")
	if err != nil {
		return err
	}
	p, err := demographics(c)
	if err != nil {
		return err
	}
	m := &view.Profile{Base: v.Base(view.PlaceProfile), Name: fullName(p), Birth: v.day(p.Born), Sex: p.Gender, RecordNumber: p.RecordNumber().Reveal()}
	for i, n := range p.Names {
		if i > 0 {
			m.OtherNames = append(m.OtherNames, n.Full.Reveal())
		}
	}
	m.Phones, m.Emails = reaches(p.Contacts, "phone"), reaches(p.Contacts, "email")
	for _, a := range p.Addresses {
		var lines []string
		for _, l := range a.Lines {
			lines = append(lines, l.Reveal())
		}
		m.Addresses = append(m.Addresses, lines)
	}
	for _, l := range p.Languages {
		m.Languages = append(m.Languages, v.tongue(l))
	}
	for _, n := range p.Near {
		near := view.Near{Name: n.Name.Reveal(), Phones: reaches(n.Contacts, "phone")}
		if len(n.Relation) > 0 {
			near.Relation, near.Lang = n.Relation[0].Text.Reveal(), v.foreign(p.Common)
		}
		m.Near = append(m.Near, near)
	}
	for _, l := range p.Doctors {
		if name := l.Display.Reveal(); name != "" {
			m.Doctors = append(m.Doctors, name)
		}
	}
	return v.Render(http.StatusOK, m)
}

func reaches(all []records.Contact, system string) []view.Reach {
	var out []view.Reach
	for _, c := range all {
		if c.System == system {
			out = append(out, view.Reach{Value: c.Value.Reveal(), Use: c.Use})
		}
	}
	return out
}

// tongue is what the page calls a language: our word for its code, else the chart's
// own name.
func (v *Visit) tongue(l records.Coded) string {
	words := v.door.c.Catalog.Language(v.language())
	code, _, _ := strings.Cut(strings.ToLower(l.Code.Reveal()), "-")
	if id := "tongue." + code; words.Has(id) {
		name, _ := words.Text(id) // it is there, and has no placeholder: a test looks
		return name
	}
	return l.Text.Reveal()
}

// sharing is GET /sharing. It says the same to everybody, signed in or not.
func (d *Door) sharing(v *Visit) error {
	return v.Render(http.StatusOK, &view.Sharing{Base: v.Base("")})
}
