package web

import (
	"cmp"
	"slices"
	"strings"
	"time"

	"postern.example/postern/internal/door/web/catalog"
	"postern.example/postern/internal/door/web/view"
	"postern.example/postern/internal/room/records"
	"postern.example/postern/internal/room/records/ucum"
	"postern.example/postern/internal/word/fault"
	"postern.example/postern/internal/word/phi"
)

// measured is one reading of an observation, or of one of its components, ready
// for a page.
type measured struct {
	key      string // same key: same series
	name     string
	value    string
	unit     string
	words    bool // the value is words, not a number
	number   *float64
	sign     string       // "<" and its kin, before the value
	decimal  string       // the value alone, as it was written
	measure  ucum.Measure // what the number is a number of
	usual    view.Usual
	standing view.Standing
}

// observation is one result with its parts: one for a single value, two for a
// blood pressure.
type observation struct {
	id       string
	key      string
	name     string
	lang     string // of the name, when it is not the page's
	written  string // the chart's own name, when ours stands for it
	about    string // one line on what the test shows
	category string
	at       time.Time // on the clinic's clock
	stored   time.Time // when it came into the chart
	visit    string    // id of the visit that it belongs to; may be empty
	on       view.Day
	allDay   bool // nobody wrote down at what time
	status   string
	note     string
	lab      string
	parts    []measured
}

// observations reads the Observations of a chart. What was entered in error, or
// never came about, is no result and stays out.
func (v *Visit) observations(list []records.Resource) ([]observation, error) {
	read, err := records.ViewObservations(list)
	if err != nil {
		return nil, err
	}
	out := make([]observation, 0, len(list))
	for _, o := range read {
		if o.Status != "entered-in-error" && o.Status != "cancelled" {
			out = append(out, v.observation(o))
		}
	}
	slices.SortStableFunc(out, func(a, b observation) int { return b.at.Compare(a.at) })
	return out, nil
}

func (v *Visit) observation(o records.Observation) observation {
	written := o.Name.Text.Reveal()
	x := observation{id: o.ID.String(), key: testKey(o.Name), stored: o.Stored, visit: o.Encounter.ID.String(), name: v.named(o.Common, written), status: o.Status, lang: v.foreign(o.Common),
		at: v.moment(o.Effective), on: v.day(o.Effective), note: joined(o.Notes)}
	if plain, about := v.plainTest(o.Name); plain != "" {
		x.name, x.lang, x.about = v.named(o.Common, plain), "", about
		if plain != written {
			x.written = written
		}
	}
	_, precision := o.Effective.Reveal()
	x.allDay = precision < records.Second
	x.category = categoryOf(o.Categories)
	for _, p := range o.Performers {
		if p.Type == "Organization" && x.lab == "" {
			x.lab = p.Display.Reveal()
		}
	}
	if !o.Quantity.IsZero() || !o.Value.IsZero() || len(o.Components) == 0 {
		x.parts = append(x.parts, v.measured(o.Reading, ""))
	}
	for _, c := range o.Components {
		plain, _ := v.plainTest(c.Name)
		x.parts = append(x.parts, v.measured(c, cmp.Or(plain, c.Name.Text.Reveal())))
	}
	for i := range x.parts {
		x.parts[i].unit = v.unitWords(x.parts[i].unit)
	}
	return x
}

// unitWords is a unit in the reader's language, where it is words and no sign: "beats/min".
func (v *Visit) unitWords(unit string) string {
	l := v.door.c.Catalog.Language(v.language())
	if id := "count." + unit; unit != "" && l.Has(id) {
		if words, err := l.Text(id); err == nil {
			return words
		}
	}
	return unit
}

// testKey tells kinds of results apart for a trend: where a laboratory has one code
// for the mass of a substance and another for its amount, both are one test.
func testKey(c records.Coded) string {
	if t := testOf(c); t.Key != "" {
		return "test\x00" + t.Key
	}
	return codeKey(c)
}

// loinc is the code system of laboratory tests and vital signs.
const loinc = "http://loinc.org"

func testOf(c records.Coded) ucum.Test {
	t, _ := ucum.TestOf(c.In(loinc))
	return t
}

// codeKey tells kinds of results apart: by code, and by name where there is none.
func codeKey(c records.Coded) string {
	if c.Code.IsZero() {
		return "text\x00" + c.Text.Reveal()
	}
	return c.System.Reveal() + "\x00" + c.Code.Reveal()
}

// measure reads one value.
func measure(r records.Reading, name string) measured {
	m := measured{name: name, key: testKey(r.Name), unit: r.Quantity.Unit.Reveal()}
	m.measure = ucum.Measure{Unit: ucum.Of(r.Quantity.System.Reveal(), r.Quantity.Code.Reveal(), m.unit), Test: testOf(r.Name)}
	switch {
	case !r.Quantity.IsZero():
		m.sign, m.decimal = r.Quantity.Comparator, r.Quantity.Value.Reveal()
		m.value = strings.TrimSpace(r.Quantity.Comparator + " " + r.Quantity.Value.Reveal())
		// "less than 5" is no point on a line.
		if n, ok := r.Quantity.Number(); ok && r.Quantity.Comparator == "" {
			m.number = &n
		}
	case !r.Value.IsZero():
		m.value, m.words = r.Value.Reveal(), true
	default:
		m.value, m.words = cmp.Or(r.Absent.Text.Reveal(), "–"), true
	}
	m.usual = usual(r)
	m.usual.PlainLow, m.usual.PlainHigh = noLittle(r.Name)
	flag := string(r.Mark)
	m.standing = view.Assess(m.number, m.usual, flag)
	if n, ok := r.Quantity.Number(); ok && m.sign != "" && m.number == nil {
		m.standing = view.AssessBeyond(m.sign, n, m.usual, flag)
	}
	return m
}

func unitKey(q records.Quantity) string {
	if !q.Code.IsZero() {
		return q.Code.Reveal()
	}
	return q.Unit.Reveal()
}

// usual is the reference range, when there is one alone and it speaks of the
// value's unit. Several (by age, by sex) are for the laboratory to choose from.
func usual(r records.Reading) view.Usual {
	if len(r.Ranges) != 1 {
		return view.Usual{}
	}
	rg := r.Ranges[0]
	u := view.Usual{Words: rg.Text.Reveal(), Goal: rg.Goal}
	if n, ok := bound(rg.Low, r.Quantity); ok {
		u.Low, u.LowText = &n, rg.Low.Value.Reveal()
	}
	if n, ok := bound(rg.High, r.Quantity); ok {
		u.High, u.HighText = &n, rg.High.Value.Reveal()
	}
	return u
}

func bound(b, value records.Quantity) (float64, bool) {
	n, ok := b.Number()
	return n, ok && !b.IsZero() && (b.Unit.IsZero() || unitKey(b) == unitKey(value))
}

// series is every result of one kind, newest first.
type series []observation

// newest is the result that stands for the series.
func (s series) newest() observation { return s[0] }

// group gathers results by kind. Kinds come by the day of their newest result,
// newest first; within a day what is outside its usual range comes first, then
// the laboratory before the rest, then by name.
func group(list []observation) []series {
	var out []series
	at := map[string]int{}
	for _, o := range list {
		i, known := at[o.key]
		if !known {
			i = len(out)
			at[o.key] = i
			out = append(out, nil)
		}
		out[i] = append(out[i], o)
	}
	slices.SortStableFunc(out, func(a, b series) int {
		x, y := a.newest(), b.newest()
		return cmp.Or(y.day().Compare(x.day()), order(y.outside())-order(x.outside()),
			order(y.category == "laboratory")-order(x.category == "laboratory"), compareNames(x.name, y.name))
	})
	return out
}

// day is the day of the result, on the clinic's calendar.
func (o observation) day() time.Time {
	return time.Date(o.on.Year, o.on.Month, o.on.Day, 0, 0, 0, 0, time.UTC)
}

// outside reports whether a part is outside its usual range.
func (o observation) outside() bool {
	return slices.ContainsFunc(o.parts, func(p measured) bool { return p.standing.Outside() })
}

// trendMost is how many readings the trends of one page show: a file can hold a million
// of one kind, and a page draws each several times.
const trendMost = 4000

// readings are the newest most values of part in the series, for its trend.
func (s series) readings(part measured, most int) []view.Reading {
	var out []view.Reading
	for _, o := range s {
		for _, p := range o.parts {
			if len(out) >= most {
				return out
			}
			if p.key == part.key {
				r := p.in(part, o.at)
				if o.allDay {
					r.On = o.on
				}
				out = append(out, r)
			}
		}
	}
	return out
}

// all are the series of the parts of o, newest readings first. Parts of one kind have
// one trend, at the first of them.
func (s series) all(o observation) []view.Series {
	out, left, drawn := make([]view.Series, len(o.parts)), trendMost, map[string]bool{}
	for i, p := range o.parts {
		most := left
		if drawn[p.key] {
			most = 0
		}
		out[i], drawn[p.key] = s.of(o, i, most), true
		left -= len(out[i].Readings)
	}
	return out
}

// of is the series of one part of o, of its newest most readings.
func (s series) of(o observation, i, most int) view.Series {
	p := o.parts[i]
	name := o.name
	if p.name != "" {
		name = p.name
	}
	return view.Series{ID: o.id + "-" + string(rune('a'+i%26)), Name: name, Unit: p.unit, Usual: p.usual, Readings: s.readings(p, most)}
}

// before is the reading of the same part that came before o's; its value is empty
// when there is none.
func (s series) before(o observation, part measured) view.Reading {
	for _, older := range s { // newest first
		for _, p := range older.parts {
			if older.at.Before(o.at) && p.key == part.key {
				return p.in(part, older.at)
			}
		}
	}
	return view.Reading{}
}

// standing is that of the part that is farthest from usual, of all parts, also of those
// that a list has no place for. One number without a range, and no list says that all is usual.
func (o observation) standing() view.Standing {
	worst, silent := view.StandingNone, false
	for _, p := range o.parts {
		worst = max(worst, p.standing)
		silent = silent || p.number != nil && !p.standing.Known()
	}
	if worst == view.StandingIn && silent {
		return view.StandingNone
	}
	return worst
}

// row is the series in a list, with its newest value.
func (v *Visit) row(s series) view.Row {
	o := s.newest()
	r := view.Row{ID: o.id, Name: o.name, NameLang: o.lang, On: o.on}
	if len(o.parts) == 0 {
		return r
	}
	r.Several = len(o.parts) > 1
	r.Series, r.Unit, r.Words = s.of(o, 0, trendMost), o.parts[0].unit, o.parts[0].words
	var values []string
	for i, p := range o.parts {
		if p.unit != r.Unit || i > 3 { // a panel: its page has the rest
			values = append(values, "…")
			break
		}
		values = append(values, p.value)
	}
	r.Standing = o.standing()
	r.Value = strings.Join(values, "/")
	return r
}

// named is the name of a resource as a page shows it. A modifier extension may
// turn the meaning around ("not allergic to"), so its presence is part of the name.
func (v *Visit) named(c records.Common, name string) string {
	if c.Flags&records.FlagModified == 0 {
		return name
	}
	// The message has this one placeholder; the catalogues were checked when they were loaded.
	text, err := v.door.c.Catalog.Language(v.language()).Text("list.modified", "name", name)
	if err != nil {
		return name + " (!)"
	}
	return text
}

// foreign is the language of a resource's texts when the page is in another: a
// screen reader must pronounce them so, and the reader may ask. A chart that does not
// name its language is taken for one in the language of last resort; elsewhere its
// language is not determined ("und").
func (v *Visit) foreign(c records.Common) string {
	if c.Language == "" && v.language() != catalog.Languages()[0] {
		return "und"
	}
	own, _, _ := strings.Cut(c.Language, "-")
	if strings.EqualFold(own, v.language()) {
		return ""
	}
	return c.Language
}

// day is the date as it is known; a moment is the day that it was at the clinic.
func (v *Visit) day(d records.Date) view.Day {
	t, precision := d.Reveal()
	switch {
	case d.IsZero() || d.Odd():
		return view.Day{}
	case precision < records.Second:
		return view.ParseDay(d.Written().Reveal())
	}
	return view.DayOf(t.In(v.door.c.Location))
}

// moment is a date as a point on the clinic's clock, for order and drawing.
func (v *Visit) moment(d records.Date) time.Time {
	t, precision := d.Reveal()
	switch {
	case d.IsZero() || d.Odd():
		return time.Time{}
	case precision < records.Second:
		return time.Date(t.Year(), t.Month(), t.Day(), 0, 0, 0, 0, v.door.c.Location)
	}
	return t.In(v.door.c.Location)
}

func joined(list []phi.Text) string {
	var words []string
	for _, t := range list {
		words = append(words, t.Reveal())
	}
	return strings.Join(words, " ")
}

// each reads the resources of a type with its view function.
func each[T any](list []records.Resource, read func(phi.Doc) (T, error), use func(T)) error {
	for _, r := range list {
		x, err := read(r.Doc)
		if err != nil {
			return fault.Wrap(fault.Of(err), "read "+r.Type, err)
		}
		use(x)
	}
	return nil
}
