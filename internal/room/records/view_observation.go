package records

import (
	"postern.example/postern/internal/room/records/rawjson"
	"postern.example/postern/internal/word/phi"
)

// Range is a reference range. Text is what the laboratory wrote, if it did. Goal says
// that it is what the care team wants for this person, and not what is usual.
type Range struct {
	Low, High Quantity
	Text      phi.Text
	Goal      bool
}

// IsZero reports whether there is nothing to show.
func (r Range) IsZero() bool { return r.Low.IsZero() && r.High.IsZero() && r.Text.IsZero() }

// Observation is a result as a page shows it.
type Observation struct {
	Common
	Reading
	Status     string
	Categories []Coded
	Effective  Date
	Issued     Date
	Components []Reading
	Notes      []phi.Text
	Performers []Link
}

// Reading is one value with its name and range.
type Reading struct {
	// A value that says yes or no ("true", "false"), or when; a page words it. Value has
	// each as it was written.
	Yes      string
	From, To Date
	Span     bool // from and to, and not a moment

	Name     Coded
	Quantity Quantity // of a measured value
	Value    phi.Text // of any other kind of value, ready to show
	Absent   Coded    // why there is no value
	Ranges   []Range
	Mark     Mark // how the laboratory marked it
}

// ViewObservation reads a stored Observation.
func ViewObservation(doc phi.Doc) (Observation, error) { return viewObservation(nil, doc) }

// ViewObservations reads many stored Observations, in their order; of those that
// say the same it takes the words apart once.
func ViewObservations(list []Resource) ([]Observation, error) {
	m, out := newMemo(), make([]Observation, 0, len(list))
	for _, r := range list {
		o, err := viewObservation(m, r.Doc)
		if err != nil {
			return nil, err
		}
		out = append(out, o)
	}
	return out, nil
}

func viewObservation(m *memo, doc phi.Doc) (Observation, error) {
	v, common, err := open(doc, "Observation")
	if err != nil {
		return Observation{}, err
	}
	o := Observation{
		Common:     common,
		Reading:    reading(m, v),
		Status:     plainCode(v.Get("status").Text()),
		Categories: m.concepts(v.Get("category")),
		Effective:  date(v, "effectiveDateTime|effectivePeriod|effectiveInstant|issued"),
		Issued:     date(v, "issued"),
		Notes:      notes(v),
		Performers: m.who(v.Get("performer")),
	}
	for c := range v.Get("component").Items() {
		o.Components = append(o.Components, reading(m, c))
	}
	return o, nil
}

func reading(m *memo, v rawjson.Value) Reading {
	out := Reading{Name: m.concept(v.Get("code")), Quantity: quantity(v.Get("valueQuantity")), Value: otherValue(v),
		Absent: m.concept(v.Get("dataAbsentReason")), Ranges: m.usual(v.Get("referenceRange")), Mark: m.mark(v.Get("interpretation"))}
	out.Yes, _ = yesNo(v.Get("valueBoolean"))
	if p := v.Get("valuePeriod"); p.Type() == rawjson.Object {
		out.Span, out.From, out.To = true, dateOf(p.Get("start")), dateOf(p.Get("end"))
	} else {
		out.From = dateOf(v.Get("valueDateTime"))
	}
	return out
}

// rangeItems reads reference ranges.
func rangeItems(list rawjson.Value) []Range {
	var out []Range
	for x := range list.Items() {
		rg := Range{Low: quantity(x.Get("low")), High: quantity(x.Get("high")), Text: show(x.Get("text").Text())}
		for c := range at(x, "type.coding.code") {
			rg.Goal = rg.Goal || c.Text() == "treatment"
		}
		if !rg.IsZero() {
			out = append(out, rg)
		}
	}
	return out
}

// otherValue shows a value[x] that is no Quantity.
func otherValue(v rawjson.Value) phi.Text {
	if c := coded(v.Get("valueCodeableConcept")); !c.IsZero() {
		return c.Text
	}
	for _, name := range []string{"valueString", "valueTime", "valueDateTime"} {
		if s := v.Get(name).Text(); s != "" {
			return show(s)
		}
	}
	if n := v.Get("valueInteger").Number(); n != "" {
		return show(n)
	}
	if b := v.Get("valueBoolean"); b.Type() == rawjson.Bool {
		return show(string(b.Raw()))
	}
	if r := v.Get("valueRange"); r.Type() == rawjson.Object {
		return show(amount(r.Get("low")) + " – " + amount(r.Get("high")))
	}
	if r := v.Get("valueRatio"); r.Type() == rawjson.Object {
		return show(amount(r.Get("numerator")) + " / " + amount(r.Get("denominator")))
	}
	if p := v.Get("valuePeriod"); p.Type() == rawjson.Object {
		return show(p.Get("start").Text() + " – " + p.Get("end").Text())
	}
	return phi.Text{}
}

func amount(v rawjson.Value) string {
	s := v.Get("value").Number()
	if u := v.Get("unit").Text(); u != "" && s != "" {
		s += " " + u
	}
	return s
}
