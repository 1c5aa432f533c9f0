package view

import (
	"fmt"
	"html/template"
	"slices"
	"strings"
	"time"

	"postern.example/postern/internal/door/web/assets"
	"postern.example/postern/internal/door/web/catalog"
	"postern.example/postern/internal/door/web/chart"
)

// writer holds the functions of the templates, bound to one language.
type writer struct {
	lang   *catalog.Language
	assets *assets.Set
}

func (w *writer) funcs() template.FuncMap {
	return template.FuncMap{
		"t": w.text, "or_other": w.orOther, "either": w.either, "n": w.lang.Number, "asset": w.assets.URL,
		"day": w.day, "since": w.since, "during": w.during, "month": w.monthYear, "moment": w.moment, "full_moment": w.fullMoment, "short": w.short, "on": w.on, "clock": w.clock, "with_token": withToken, "hour": w.hour, "exact": exact, "machine": machine,
		"age": w.age, "usual": w.usual, "drift": w.driftWords, "look": w.look, "tile": tile, "initial": initial,
		"spark": w.spark, "trend_wide": w.trendWide, "trend_narrow": w.trendNarrow, "newest_first": newestFirst, "reading": w.reading, "change": w.change, "news": w.news,
		"joined": w.list, "said": say, "tongue": tongue,
	}
}

func (w *writer) text(id string, args ...any) (string, error) { return w.lang.Text(id, args...) }

// orOther is the message prefix+code, or prefix+"other" when the code has no
// words: codes come from data, and a page must not fail for a new one.
func (w *writer) orOther(prefix string, code any) (string, error) {
	id := prefix + fmt.Sprint(code)
	if !w.lang.Has(id) {
		id = prefix + "other"
	}
	return w.lang.Text(id)
}

// either is the message id, or fallback where there is no such message: an error
// page must not fail because of what it tells.
func (w *writer) either(id, fallback string) (string, error) {
	if !w.lang.Has(id) {
		id = fallback
	}
	return w.lang.Text(id)
}

// age writes an age: "6 years", "14 months", nothing when it is not known.
func (w *writer) age(a Age) (string, error) {
	switch {
	case a.Years < 0:
		return "", nil
	case a.Years < 2:
		return w.text("clinic.months", "n", a.Months)
	default:
		return w.text("clinic.years", "n", a.Years)
	}
}

// usual writes a range: "3.5 to 5.1", "up to 99", "60 or more".
func (w *writer) usual(u Usual) (string, error) {
	switch {
	case u.Low != nil && u.High != nil:
		return w.text("usual.between", "low", u.LowText, "high", u.HighText)
	case u.High != nil:
		return w.text("usual.up-to", "high", u.HighText)
	case u.Low != nil:
		return w.text("usual.from", "low", u.LowText)
	default:
		return u.Words, nil
	}
}

// driftWords says where a series is going, empty when there is nothing to say.
func (w *writer) driftWords(d Drift, since time.Time) (string, error) {
	switch d {
	case DriftNone:
		return "", nil
	}
	month, err := w.monthYear(DayOf(since))
	if err != nil {
		return "", err
	}
	return w.text(d.ID(), "month", month)
}

// news says what is new: "2 new test results and 1 new note".
func (w *writer) news(news []News) (string, error) {
	var items []string
	for _, n := range news {
		text, err := w.text("news."+n.Kind, "n", n.N)
		if err != nil {
			return "", err
		}
		items = append(items, text)
	}
	return w.list(items)
}

// list joins words: "a, b and c".
func (w *writer) list(items []string) (string, error) {
	if len(items) == 0 {
		return "", nil
	}
	out := items[0]
	for i, item := range items[1:] {
		id := "list.comma"
		if i == len(items)-2 {
			id = "list.and"
		}
		var err error
		if out, err = w.text(id, "before", out, "last", item); err != nil {
			return "", err
		}
	}
	return out, nil
}

// trend prepares the drawing of s.
func (w *writer) trend(s Series) (chart.Trend, error) {
	t := chart.Trend{ID: "c-" + s.ID, Usual: chart.Range{Low: s.Usual.Low, High: s.Usual.High}}
	var failed error
	t.Date = func(at time.Time) string {
		words, err := w.axis(at)
		if err != nil {
			failed = err
		}
		return words
	}
	rs := slices.Clone(s.Readings)
	sortReadings(rs)
	for _, r := range rs {
		if r.Number != nil {
			t.Points = append(t.Points, chart.Point{At: r.At, Value: *r.Number, Written: r.Drawn(), Outside: r.Standing.Outside()})
		}
	}
	if s.Usual.Known() {
		words, err := w.usual(s.Usual)
		if err != nil {
			return t, err
		}
		id := "chart.legend"
		if s.Usual.Goal {
			id = "chart.legend-goal"
		}
		if t.Legend, err = w.text(id, "range", words); err != nil {
			return t, err
		}
	}
	var err error
	if t.Spoken, err = w.spoken(s, rs); err != nil {
		return t, err
	}
	return t, failed
}

// spoken is the chart in one sentence.
func (w *writer) spoken(s Series, rs []Reading) (string, error) {
	var first, last Reading
	n := 0
	for _, r := range rs {
		if r.Number == nil {
			continue
		}
		if n++; n == 1 {
			first = r
		}
		last = r
	}
	if n == 0 {
		return w.text("chart.no-numbers", "name", s.Name)
	}
	standing, err := w.text(last.Says())
	if err != nil {
		return "", err
	}
	from, err := w.day(DayOf(first.At))
	if err != nil {
		return "", err
	}
	to, err := w.day(DayOf(last.At))
	if err != nil {
		return "", err
	}
	value, err := w.reading(last, s.Unit)
	if err != nil {
		return "", err
	}
	if n == 1 {
		return w.text("chart.spoken-one", "name", s.Name, "day", to, "value", value, "standing", standing)
	}
	drift, err := w.driftWords(Trend(rs))
	if err != nil {
		return "", err
	}
	if drift != "" {
		if standing, err = w.text("list.comma", "before", standing, "last", drift); err != nil {
			return "", err
		}
	}
	return w.text("chart.spoken", "n", n, "name", s.Name, "from", from, "to", to, "value", value, "standing", standing)
}

// reading writes a value with its unit, and what it is about in the unit of its
// series: "5.1 mmol/L, about 92 mg/dL".
func (w *writer) reading(r Reading, unit string) (string, error) {
	own := r.Unit
	if own == "" {
		own = unit
	}
	value := r.Value
	if own != "" {
		var err error
		if value, err = w.text("unit.value", "value", value, "unit", own); err != nil {
			return "", err
		}
	}
	if r.About == "" {
		return value, nil
	}
	return w.text("unit.about", "value", value, "about", r.About, "unit", unit)
}

func (w *writer) spark(s Series) (template.HTML, error) { return w.drawn(s, chart.Spark) }

func (w *writer) trendWide(s Series) (template.HTML, error) { return w.drawn(s, chart.Wide) }

func (w *writer) trendNarrow(s Series) (template.HTML, error) { return w.drawn(s, chart.Narrow) }

func (w *writer) drawn(s Series, draw func(chart.Trend) template.HTML) (template.HTML, error) {
	t, err := w.trend(s)
	if err != nil {
		return "", err
	}
	return draw(t), nil
}

func sortReadings(rs []Reading) {
	slices.SortStableFunc(rs, func(a, b Reading) int { return a.At.Compare(b.At) })
}

// newestFirst is the order of the table beside a chart.
func newestFirst(rs []Reading) []Reading {
	out := slices.Clone(rs)
	sortReadings(out)
	slices.Reverse(out)
	return out
}

// said is a text of the chart as it was written. Lang is its language when that is
// not the page's: then the page says which it is, and to ask.
type said struct{ Text, Lang string }

func say(text, lang string) said { return said{text, lang} }

// tongue is a language without its country: "en" of "en-US" (BCP 47).
func tongue(lang string) string {
	own, _, _ := strings.Cut(lang, "-")
	return strings.ToLower(own)
}
