package records

import (
	"fmt"
	"strings"

	"postern.example/postern/internal/room/records/rawjson"
	"postern.example/postern/internal/word/phi"
)

// A definition also says how a generic page shows its type: what the type is
// called, and which elements are worth a line, with the words before them. Pages
// of a new type need nothing else.

// Words are words of a definition in the languages of the pages.
type Words struct{ EN, ES string }

// In returns the words in that language, English for one that there is none of.
func (w Words) In(language string) string {
	if language == "es" {
		return w.ES
	}
	return w.EN
}

func (w Words) complete() bool { return w.EN != "" && w.ES != "" }

// Title is what people call a thing of a type, and several of them.
type Title struct{ One, Many Words }

// ShowKind is how an element is shown.
type ShowKind uint8

// The kinds of lines.
const (
	ShowText      ShowKind = iota + 1 // a string
	ShowCoded                         // a concept, a coding, a code or a string; of a reference what it displays
	ShowDate                          // a date or a moment
	ShowPeriod                        // from and to
	ShowQuantity                      // a number with its unit
	ShowMoney                         // an amount with its currency
	ShowReference                     // another resource, or somebody by name
	ShowStatus                        // a code of a short list, which pages have words for
	ShowName                          // a person's name
	ShowContact                       // a telephone number, a mail address
	ShowYesNo                         // true or false
	ShowAnswers                       // the questions and answers of a form
)

// Field is one line of a generic page. The first field of a type is its
// headline; of alternatives ("a|b") the first one that is there is shown.
type Field struct {
	Path  string
	Kind  ShowKind
	Words Words
}

// checkShow returns what a generic page would lack.
func (d Definition) checkShow() error {
	if !d.Title.One.complete() || !d.Title.Many.complete() {
		return fmt.Errorf("no title in both languages")
	}
	if len(d.Show) == 0 {
		return fmt.Errorf("nothing to show")
	}
	for _, f := range d.Show {
		switch {
		case f.Kind < ShowText || f.Kind > ShowAnswers:
			return fmt.Errorf("shown element %q has no kind", f.Path)
		case !f.Words.complete():
			return fmt.Errorf("shown element %q has no words in both languages", f.Path)
		case !goodPath(f.Path):
			return fmt.Errorf("path %q is malformed", f.Path)
		}
	}
	return nil
}

// Line is one labelled line of a resource.
type Line struct {
	Words  Words
	Kind   ShowKind
	Values []Value
}

// Value is one value of a line. Which members are set follows from the kind.
type Value struct {
	Text     phi.Text // text, name, contact, currency of money, the answer of a form
	Question phi.Text // of a form's answer
	Coded    Coded    // coded
	Code     string   // status, yes ("true") or no ("false")
	From, To Date     // date (From alone) and period
	Quantity Quantity // quantity and money
	Link     Link     // reference
}

// Shown is a resource as a generic page shows it.
type Shown struct {
	Common
	When  Date   // by which its list is ordered
	Lines []Line // those that have a value, in the order of the definition
}

// valuesMost is how many values one line shows, and how deep a form may nest.
const (
	valuesMost  = 40
	answersDeep = 6
)

// Shows reads a stored resource of the type as its definition says. Every text
// has passed Visible; what has another form than FHIR says is left out.
func (d Definition) Shows(doc phi.Doc) (Shown, error) {
	v, common, err := open(doc, d.Type)
	if err != nil {
		return Shown{}, err
	}
	out := Shown{Common: common}
	if d.Order != "" {
		out.When = date(v, d.Order)
	}
	for _, f := range d.Show {
		if line := f.line(v); len(line.Values) > 0 {
			out.Lines = append(out.Lines, line)
		}
	}
	return out, nil
}

// Headline is the first value of the first field, if the resource has it.
func (d Definition) Headline(s Shown) (Value, bool) {
	if len(s.Lines) == 0 || s.Lines[0].Words != d.Show[0].Words {
		return Value{}, false
	}
	return s.Lines[0].Values[0], true
}

func (f Field) line(v rawjson.Value) Line {
	out := Line{Words: f.Words, Kind: f.Kind}
	for path := range strings.SplitSeq(f.Path, "|") {
		for x := range at(v, path) {
			if len(out.Values) < valuesMost {
				out.Values = f.Kind.read(out.Values, x)
			}
		}
		if len(out.Values) > 0 {
			break
		}
	}
	return out
}

// read appends what x says, nothing when it says nothing.
func (k ShowKind) read(out []Value, x rawjson.Value) []Value {
	var one Value
	there := false
	switch k {
	case ShowText:
		one.Text = show(x.Text())
		there = !one.Text.IsZero()
	case ShowCoded:
		one.Coded = coded(x)
		if one.Coded.IsZero() {
			one.Coded.Text = reference(x).Display
		}
		there = !one.Coded.IsZero()
	case ShowDate:
		one.From = dateOf(x)
		there = !one.From.IsZero()
	case ShowPeriod:
		one.From, one.To = dateOf(x.Get("start")), dateOf(x.Get("end"))
		there = !one.From.IsZero() || !one.To.IsZero()
	case ShowQuantity, ShowMoney:
		one.Quantity, one.Text = quantity(x), show(x.Get("currency").Text())
		there = !one.Quantity.IsZero()
	case ShowReference:
		one.Link = reference(x)
		there = one.Link.Type != "" || !one.Link.Display.IsZero()
	case ShowStatus:
		if one.Code = plainCode(x.Text()); x.Type() == rawjson.Object {
			one.Code, one.Text = conceptCode(x), coded(x).Text
		}
		there = one.Code != "" || !one.Text.IsZero()
	case ShowName, ShowContact:
		one.Text, there = k.person(x)
	case ShowYesNo:
		one.Code, there = yesNo(x)
	case ShowAnswers:
		return answers(out, x, answersDeep)
	}
	if !there {
		return out
	}
	return append(out, one)
}

func (k ShowKind) person(x rawjson.Value) (phi.Text, bool) {
	var t phi.Text
	if k == ShowContact {
		t = show(x.Get("value").Text())
	} else {
		t = nameOf(x).Full
	}
	return t, !t.IsZero()
}

func yesNo(x rawjson.Value) (string, bool) {
	switch {
	case x.Type() != rawjson.Bool:
		return "", false
	case x.IsTrue():
		return "true", true
	default:
		return "false", true
	}
}

// answers lists the questions of a form with what was answered, groups flattened.
func answers(out []Value, x rawjson.Value, deep int) []Value {
	if deep == 0 || len(out) >= valuesMost {
		return out
	}
	question := show(x.Get("text").Text())
	for a := range at(x, "answer") {
		one := Value{Question: question}
		for name, m := range a.Members() {
			if !strings.HasPrefix(name, "value") {
				continue
			}
			one.Text, one.Code = show(m.Text()), ""
			if c, ok := yesNo(m); ok {
				one.Code = c
			}
			switch m.Type() {
			case rawjson.Num:
				one.Text = show(m.Number())
			case rawjson.Object:
				one.Text = coded(m).Text
				if q := quantity(m); !q.IsZero() {
					one.Text = show(strings.TrimSpace(q.Value.Reveal() + " " + q.Unit.Reveal()))
				}
			}
			if !one.Text.IsZero() || one.Code != "" {
				out = append(out, one)
				break
			}
		}
		for inner := range at(a, "item") {
			out = answers(out, inner, deep-1)
		}
	}
	for inner := range at(x, "item") {
		out = answers(out, inner, deep-1)
	}
	return out
}
