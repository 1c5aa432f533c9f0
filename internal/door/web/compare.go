package web

import (
	"net/http"
	"slices"
	"strings"

	"postern.example/postern/internal/door/web/view"
	"postern.example/postern/internal/room/records/ucum"
)

// Most dates that the form of the comparison offers, and most tests of its table.
const (
	compareDays = 200
	compareRows = 200
)

// compareChoose is POST /compare: two dates, which no URL may name.
func (d *Door) compareChoose(v *Visit) error { return v.choose("/compare") }

// compare is GET /compare: two dates of a panel, or of all results, side by side.
func (d *Door) compare(v *Visit) error {
	if _, over := v.chosen(); over {
		return v.done("query-over", "/compare")
	}
	c, err := v.chart("page/compare", "Observation", "DiagnosticReport")
	if err != nil {
		return err
	}
	list, err := v.observations(c.Resources("Observation"))
	if err != nil {
		return err
	}
	panels, err := v.panels(c, group(list))
	if err != nil {
		return err
	}
	m := &view.Compare{Base: v.Base(view.PlaceResults)}
	all := panel{}
	for _, p := range panels {
		all.kinds = append(all.kinds, p.kinds...)
		if len(p.days()) > 1 {
			m.Panels = append(m.Panels, view.PanelChoice{ID: p.id, Name: p.name, NameLang: p.lang, Kind: p.kind})
		}
	}
	chosen := all
	if i := slices.IndexFunc(panels, func(p panel) bool { return p.id == v.Field("panel") }); i >= 0 {
		chosen, m.Panel = panels[i], panels[i].id
	}
	m.Days = chosen.days()
	m.Days = m.Days[:min(len(m.Days), compareDays)]
	if len(m.Days) > 1 {
		m.First, m.Second = twoDays(m.Days, v.Field("first"), v.Field("second"))
		m.Rows = v.compared(chosen.kinds, m.First, m.Second)
	}
	return v.Render(http.StatusOK, m)
}

// twoDays are the days that were asked for, the earlier one first. Without two of the
// list they are the newest two.
func twoDays(days []view.Day, first, second string) (a, b view.Day) {
	a, b = view.ParseDay(first), view.ParseDay(second)
	if !slices.Contains(days, b) {
		b = days[0]
	}
	if !slices.Contains(days, a) || a == b {
		i := slices.Index(days, b) + 1 // the one before b
		if i == len(days) {
			i = 0
		}
		a = days[i]
	}
	if b.Compare(a) < 0 {
		a, b = b, a
	}
	return a, b
}

// compared is the table: every test that was measured on either day.
func (v *Visit) compared(kinds []series, a, b view.Day) []view.CompareRow {
	var out []view.CompareRow
	for _, s := range kinds {
		x, had := s.onDay(a)
		y, has := s.onDay(b)
		if !had && !has || len(out) >= compareRows {
			continue
		}
		o := y
		if !has {
			o = x
		}
		for i, p := range o.parts {
			row := view.CompareRow{ID: o.id, Name: o.name, NameLang: o.lang, Unit: p.unit, Usual: p.usual}
			if p.name != "" {
				row.Part = p.name
			}
			var before, after *measured
			if had {
				before = partLike(x, p, i)
			}
			if has {
				after = partLike(y, p, i)
			}
			if before == nil && after == nil {
				continue
			}
			row.First, row.Second, row.Change = compareTwo(p, before, after, x, y)
			out = append(out, row)
		}
	}
	return out
}

// onDay is the newest result of the series on a day.
func (s series) onDay(d view.Day) (observation, bool) {
	for _, o := range s { // newest first
		if o.on == d {
			return o, true
		}
	}
	return observation{}, false
}

// partLike is the part of o that measures what p, the i-th of another, does.
func partLike(o observation, p measured, i int) *measured {
	if i < len(o.parts) && o.parts[i].key == p.key {
		return &o.parts[i]
	}
	if j := slices.IndexFunc(o.parts, func(q measured) bool { return q.key == p.key }); j >= 0 {
		return &o.parts[j]
	}
	return nil
}

// compareTwo puts both values into the unit of p, and says what changed.
func compareTwo(p measured, before, after *measured, x, y observation) (a, b view.Reading, c view.Change) {
	if before != nil {
		a = before.in(p, x.at)
	}
	if after != nil {
		b = after.in(p, y.at)
	}
	switch {
	case before == nil:
		c.Kind = view.ChangeNew
	case after == nil:
		c.Kind = view.ChangeGone
	case before.words || after.words || before.sign != "" || after.sign != "":
		c.Kind = view.ChangeWords
		if a.Value == b.Value && a.Unit == b.Unit {
			c.Kind = view.ChangeSame
		}
	case a.Apart || b.Apart:
		c.Kind = view.ChangeApart
	default:
		c = difference(*before, *after, p)
	}
	if before != nil && after != nil {
		c.Before, c.After, c.Goal = a.Standing, b.Standing, b.Goal
	}
	return a, b, c
}

// difference is how far two numbers are apart, in p's unit: as written where both
// were written in it, and else rounded and about.
func difference(before, after, p measured) view.Change {
	c := view.Change{Kind: view.ChangeSame, Unit: p.unit}
	written := func(m measured) (string, bool) {
		if m.sameUnit(p) {
			return m.decimal, true
		}
		out, ok := ucum.Convert(m.decimal, m.measure, p.measure)
		c.About = c.About || !out.Same
		return out.Text, ok
	}
	a, okA := written(before)
	b, okB := written(after)
	by, sign, ok := ucum.Difference(a, b)
	switch {
	case !okA || !okB || !ok:
		c.Kind = view.ChangeApart
	case sign > 0:
		c.Kind = view.ChangeHigher
	case sign < 0:
		c.Kind = view.ChangeLower
	}
	if c.By = by; c.About && strings.Trim(by, "0.") == "" {
		c.Kind = view.ChangeSame
	}
	return c
}
