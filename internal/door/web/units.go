package web

import (
	"strings"
	"time"

	"postern.example/postern/internal/door/web/view"
	"postern.example/postern/internal/room/records"
	"postern.example/postern/internal/room/records/ucum"
	"postern.example/postern/internal/word/phi"
)

// in is the value as a point of the trend of part, in part's unit. A value that was
// written in another one stands as it was written, and beside it what it is about in
// part's. One that cannot be converted is shown and is no point: a line through both
// would be a lie (a length in cm beside one in mm is ten times too long).
func (m measured) in(part measured, at time.Time) view.Reading {
	r := view.Reading{At: at, Value: m.value, Standing: m.standing, Goal: m.usual.Goal}
	if m.words || m.sameUnit(part) {
		r.Number = m.number
		return r
	}
	r.Unit = m.unit
	c, ok := ucum.Convert(m.decimal, m.measure, part.measure)
	if !ok {
		r.Apart = true
		return r
	}
	if m.number != nil {
		n := c.Float()
		r.Number = &n
	}
	if !c.Same {
		r.About = strings.TrimSpace(m.sign + " " + c.Text)
	}
	return r
}

// sameUnit reports whether both values were written in one unit.
func (m measured) sameUnit(other measured) bool {
	if !m.measure.Unit.IsZero() && m.measure.Unit.Code() == other.measure.Unit.Code() {
		return m.measure.Test == other.measure.Test || m.measure.Test.Key == ""
	}
	return m.measure.Unit.IsZero() && other.measure.Unit.IsZero() && m.unit == other.unit
}

// elsewhere is the value in the unit that other laboratories report this test in,
// empty when there is none.
func (m measured) elsewhere() view.Reading {
	code := m.measure.Test.Other(m.measure.Unit)
	if code == "" || m.decimal == "" {
		return view.Reading{}
	}
	into, err := ucum.Parse(code)
	if err != nil {
		return view.Reading{} // the table is wrong, which a test finds
	}
	c, ok := ucum.Convert(m.decimal, m.measure, ucum.Measure{Unit: into, Test: m.measure.Test})
	if !ok {
		return view.Reading{}
	}
	return view.Reading{Value: strings.TrimSpace(m.sign + " " + c.Text), Unit: ucum.Say(code)}
}

// plainTest is plain; a test that has a code for each of two units has one name.
func (v *Visit) plainTest(c records.Coded) (name, about string) {
	name, about = v.plain(c)
	if t := testOf(c); name == "" && t.Code != "" && t.Code != c.Code.Reveal() {
		c.Code = phi.NewText(t.Code)
		return v.plain(c)
	}
	return name, about
}
