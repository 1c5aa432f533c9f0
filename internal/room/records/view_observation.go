package records

import (
	"math/big"

	"postern.example/postern/internal/room/records/rawjson"
	"postern.example/postern/internal/word/phi"
)

// Standing says where a value stands, in a form that a page turns into words,
// never into a colour alone.
type Standing uint8

// The standings.
const (
	Unrated      Standing = iota // nobody says, and there is no range to compare with
	Normal                       //
	Low                          //
	High                         //
	CriticalLow                  //
	CriticalHigh                 //
	Abnormal                     // outside, without a direction
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
	Name           Coded
	Quantity       Quantity // of a measured value
	Value          phi.Text // of any other kind of value, ready to show
	Absent         Coded    // why there is no value
	Ranges         []Range
	Interpretation []Coded
	Standing       Standing
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
	interpretation := v.Get("interpretation")
	r := Reading{Name: m.concept(v.Get("code")), Quantity: quantity(v.Get("valueQuantity")), Value: otherValue(v),
		Absent: m.concept(v.Get("dataAbsentReason")), Interpretation: m.concepts(interpretation),
		Ranges: m.usual(v.Get("referenceRange")), Standing: interpreted(interpretation)}
	if r.Standing == Unrated && r.Quantity.Comparator == "" && len(r.Ranges) == 1 {
		r.Standing = compared(r.Quantity, r.Ranges[0])
	}
	return r
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

// interpreted reads the laboratory's own interpretation
// (http://terminology.hl7.org/CodeSystem/v3-ObservationInterpretation).
func interpreted(interpretation rawjson.Value) Standing {
	for one := range interpretation.Items() {
		if s := rated(one); s != Unrated {
			return s
		}
	}
	return Unrated
}

// rated is the standing of one interpretation.
func rated(one rawjson.Value) Standing {
	for c := range at(one, "coding.code") {
		switch c.Text() {
		case "LL", "L<":
			return CriticalLow
		case "HH", "H>":
			return CriticalHigh
		case "L", "LU", "LX", "<":
			return Low
		case "H", "HU", "HX", ">":
			return High
		case "N":
			return Normal
		case "A", "AA":
			return Abnormal
		}
	}
	return Unrated
}

// compared holds a value against a range in exact decimal arithmetic, when both
// speak of the same unit.
func compared(q Quantity, r Range) Standing {
	value, ok := decimal(q)
	if !ok || r.Low.IsZero() && r.High.IsZero() {
		return Unrated
	}
	if low, ok := decimal(r.Low); ok {
		if !sameUnit(q, r.Low) {
			return Unrated
		}
		if value.Cmp(low) < 0 {
			return Low
		}
	}
	if high, ok := decimal(r.High); ok {
		if !sameUnit(q, r.High) {
			return Unrated
		}
		if value.Cmp(high) > 0 {
			return High
		}
	}
	return Normal
}

func decimal(q Quantity) (*big.Rat, bool) {
	if q.IsZero() {
		return nil, false
	}
	return new(big.Rat).SetString(q.Value.Reveal())
}

// sameUnit is careful: two units that are not written alike are not compared.
func sameUnit(a, b Quantity) bool {
	if !a.Code.IsZero() && !b.Code.IsZero() {
		return a.Code.Reveal() == b.Code.Reveal()
	}
	return a.Unit.Reveal() == b.Unit.Reveal()
}
