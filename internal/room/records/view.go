package records

import (
	"fmt"
	"io"
	"log/slog"
	"slices"
	"strconv"
	"strings"
	"time"

	"postern.example/postern/internal/room/records/rawjson"
	"postern.example/postern/internal/word/fault"
	"postern.example/postern/internal/word/person"
	"postern.example/postern/internal/word/phi"
)

// The views are what pages show: a few fields of a resource, every text passed
// through Visible and held in phi.Text. A field that the resource lacks, or has
// in another form than FHIR says, is empty; a view never fails on content.

// Common is what every view has.
type Common struct {
	ID       person.ResourceID
	Sense    Sense  // how it is to be read as a whole
	Flags    Flags  // FlagModified means: show a warning and offer the whole record
	Language string // BCP 47, of the texts; empty when the source does not say

	Stored    time.Time // when this version came into the chart
	Changed   bool      // an earlier version was there before
	Encounter Link      // the visit that it belongs to
}

// open parses a stored resource of the wanted type.
func open(doc phi.Doc, typ string) (rawjson.Value, Common, error) {
	v, err := rawjson.Parse(doc.Reveal(), rawjson.Limits{})
	if err != nil {
		return rawjson.Value{}, Common{}, fault.Wrap(fault.Tampered, "view resource", err)
	}
	v = v.Indexed()
	id, err := parseResourceID(v.Get("id").Text())
	if got := v.Get("resourceType").Text(); err != nil || got != typ {
		return rawjson.Value{}, Common{}, fault.New(fault.Tampered, "view resource: not the stored form of the wanted type")
	}
	c := Common{ID: id, Sense: senseOf(typ, v), Flags: claims(v), Language: languageTag(v.Get("language").Text())}
	meta := v.Get("meta") // Present wrote it
	c.Stored, _ = time.Parse(time.RFC3339, meta.Get("lastUpdated").Text())
	c.Changed = meta.Get("versionId").Text() != "1"
	if c.Encounter = reference(v.Get("encounter")); c.Encounter.Type == "" {
		c.Encounter = reference(first(v, "context.encounter"))
	}
	return v, c, nil
}

// languageTag keeps what looks like a BCP 47 tag, so that it may stand in an
// attribute.
func languageTag(s string) string {
	if len(s) > 35 || strings.ContainsFunc(s, func(r rune) bool {
		return !(r >= 'a' && r <= 'z') && !(r >= 'A' && r <= 'Z') && !(r >= '0' && r <= '9') && r != '-'
	}) {
		return ""
	}
	return s
}

func show(s string) phi.Text {
	if s == "" {
		return phi.Text{}
	}
	return phi.NewText(Visible(s))
}

// Coded is a coded concept.
type Coded struct {
	Text   phi.Text // what the source calls it: text, else a display, else the code
	System phi.Text // of the coding that is known best
	Code   phi.Text
	Others []Coding // the rest, in their order
}

// Coding is one code of a concept.
type Coding struct{ System, Code phi.Text }

// In returns the concept's code of a code system, empty without one.
func (c Coded) In(system string) string {
	for _, one := range c.Codings() {
		if one.System.Reveal() == system {
			return one.Code.Reveal()
		}
	}
	return ""
}

// Codings are all codes of the concept, the best known first.
func (c Coded) Codings() []Coding { return append([]Coding{{c.System, c.Code}}, c.Others...) }

// Has reports whether one of the concept's codes is this one, of whatever system.
func (c Coded) Has(code string) bool {
	return slices.ContainsFunc(c.Codings(), func(o Coding) bool { return o.Code.Reveal() == code })
}

// CommonCodes reports whether a code system is one that everybody knows.
func CommonCodes(system string) bool { return knownSystem(system) < 5 }

// codingsMost is how many codings of one concept are read.
const codingsMost = 20

// knownSystem is the rank of a code system: those that everybody knows before a
// clinic's own. It does not depend on the order in which a source wrote the codings, so
// one test is one series.
func knownSystem(system string) int {
	switch system {
	case "http://loinc.org":
		return 1
	case "http://www.nlm.nih.gov/research/umls/rxnorm", "http://hl7.org/fhir/sid/cvx":
		return 2
	case "http://snomed.info/sct":
		return 3
	case "http://hl7.org/fhir/sid/icd-10-cm", "http://hl7.org/fhir/sid/icd-10", "http://dicom.nema.org/resources/ontology/DCM":
		return 4
	}
	if ownCodes(system) {
		return 5
	}
	return 6
}

// best puts the coding whose system is known best first.
func (c *Coded) best(v rawjson.Value) {
	var all []Coding
	for one := range at(v, "coding") {
		if s := one.Get("code").Text(); s != "" && len(all) < codingsMost {
			all = append(all, Coding{show(one.Get("system").Text()), show(s)})
		}
	}
	if len(all) == 0 {
		return
	}
	i := 0
	for j, one := range all {
		if knownSystem(one.System.Reveal()) < knownSystem(all[i].System.Reveal()) {
			i = j
		}
	}
	c.System, c.Code = all[i].System, all[i].Code
	if len(all) > 1 {
		c.Others = slices.Delete(all, i, i+1)
	}
}

// IsZero reports whether there is nothing to show.
func (c Coded) IsZero() bool { return c.Text.IsZero() }

// coded reads a CodeableConcept, Coding or plain code.
func coded(v rawjson.Value) Coded {
	switch v.Type() {
	case rawjson.String:
		return Coded{Text: show(v.Text()), Code: show(v.Text())}
	case rawjson.Object:
	default:
		return Coded{}
	}
	one := first(v, "coding")
	if one.Type() == rawjson.Absent {
		one = v
	}
	c := Coded{System: show(one.Get("system").Text()), Code: show(one.Get("code").Text())}
	c.best(v)
	name := v.Get("text").Text()
	for _, path := range []string{"coding.display", "display", "coding.code", "code"} {
		if name == "" {
			name = text(v, path)
		}
	}
	c.Text = show(name)
	return c
}

func codedList(v rawjson.Value, path string) []Coded {
	var out []Coded
	for x := range at(v, path) {
		if c := coded(x); !c.IsZero() {
			out = append(out, c)
		}
	}
	return out
}

// codedItems is codedList of a list that is there already.
func codedItems(list rawjson.Value) []Coded {
	var out []Coded
	for x := range list.Items() {
		if c := coded(x); !c.IsZero() {
			out = append(out, c)
		}
	}
	return out
}

// plainCode is a code from a short closed list, such as a status. Anything that
// does not look like one is dropped, so that the result may stand in a class
// name or a switch.
func plainCode(s string) string {
	if len(s) > 40 || strings.ContainsFunc(s, func(r rune) bool { return !(r >= 'a' && r <= 'z') && r != '-' }) {
		return ""
	}
	return s
}

// conceptCode is the plainCode of a concept: of its first coding from one of HL7's own
// lists, else of its first. A system may write its own code before the one that all know.
func conceptCode(v rawjson.Value) string {
	for c := range at(v, "coding") {
		if ownCodes(c.Get("system").Text()) && c.Get("code").Text() != "" {
			return plainCode(c.Get("code").Text())
		}
	}
	return plainCode(text(v, "coding.code"))
}

// verification is the verificationStatus of a Condition or an AllergyIntolerance. Only the
// element's own lists count where one of them is there. What a source took back in one
// coding and states in another is stated, and not confirmed.
func verification(v rawjson.Value) string {
	var taken, stated string
	for c := range at(v, "coding") {
		switch code := plainCode(strings.ToLower(c.Get("code").Text())); {
		case !verificationCodes(c.Get("system").Text()) || code == "":
		case code == "entered-in-error" || code == "refuted":
			taken = max(code, taken)
		default:
			stated = code
		}
	}
	switch {
	case taken != "" && stated != "":
		return "unconfirmed"
	case taken+stated != "":
		return taken + stated
	case text(v, "coding.code") != "":
		return strings.ToLower(conceptCode(v))
	}
	if said := strings.ToLower(strings.TrimSpace(v.Get("text").Text())); said == "entered-in-error" || said == "refuted" {
		return said
	}
	return ""
}

func verificationCodes(system string) bool {
	return ownCodes(system) && (strings.HasSuffix(system, "ver-status") || strings.Contains(system, "verification"))
}

// Quantity is a number with its unit, in the form in which it was written.
type Quantity struct {
	Comparator string   // "<", "<=", ">=" or ">", usually empty
	Value      phi.Text // "1.10" stays "1.10"
	Unit       phi.Text
	System     phi.Text
	Code       phi.Text // the UCUM code, when System says so
}

// IsZero reports whether there is no number.
func (q Quantity) IsZero() bool { return q.Value.IsZero() }

// Number is the value for drawing and comparing, never for showing.
func (q Quantity) Number() (float64, bool) {
	f, err := strconv.ParseFloat(q.Value.Reveal(), 64)
	return f, err == nil
}

func quantity(v rawjson.Value) Quantity {
	q := Quantity{Value: show(v.Get("value").Number()), Unit: show(v.Get("unit").Text()),
		System: show(v.Get("system").Text()), Code: show(v.Get("code").Text())}
	if q.Unit.IsZero() {
		q.Unit = q.Code
	}
	switch c := v.Get("comparator").Text(); c {
	case "<", "<=", ">=", ">":
		q.Comparator = c
	}
	return q
}

// Date is a point or span in time of a resource. It does not print.
type Date struct {
	_ [0]func()
	p *dateValue
}

type dateValue struct {
	written   string
	low, high time.Time
	precision Precision
	odd       bool
}

// IsZero reports whether there is no date.
func (d Date) IsZero() bool { return d.p == nil }

// Reveal returns the start of the span that the date covers and how exactly it
// is known. Walled like phi.Text.Reveal.
func (d Date) Reveal() (time.Time, Precision) {
	if d.p == nil {
		return time.Time{}, 0
	}
	return d.p.low, d.p.precision
}

// Written is the date as the source wrote it.
func (d Date) Written() phi.Text {
	if d.p == nil {
		return phi.Text{}
	}
	return show(d.p.written)
}

// Odd reports a date that cannot be right (FlagOddDate).
func (d Date) Odd() bool { return d.p != nil && d.p.odd }

func (d Date) String() string               { return "[redacted]" }
func (d Date) GoString() string             { return "[redacted]" }
func (d Date) Format(f fmt.State, _ rune)   { _, _ = io.WriteString(f, "[redacted]") }
func (d Date) LogValue() slog.Value         { return slog.StringValue("[redacted]") }
func (d Date) MarshalJSON() ([]byte, error) { return []byte(`"[redacted]"`), nil }
func (d Date) MarshalText() ([]byte, error) { return []byte("[redacted]"), nil }

// date reads the first date at path; of a Period its start, else its end.
func date(v rawjson.Value, path string) Date {
	for x := range at(v, path) {
		if d := dateOf(x); !d.IsZero() {
			return d
		}
	}
	return Date{}
}

func dateOf(x rawjson.Value) Date {
	if x.Type() == rawjson.Object {
		x = x.Get("start")
	}
	s, prec, err := parseDate(x.Text(), false)
	if err != nil {
		return Date{}
	}
	return Date{p: &dateValue{x.Text(), time.UnixMilli(s.low).UTC(), time.UnixMilli(s.high).UTC(), prec, absurd(s)}}
}

// reference is what a page may show of a reference: its display and, for a
// resource of Postern's own, type and identifier. It is never a link to
// anywhere else.
func reference(v rawjson.Value) Link {
	l := Link{Display: show(v.Get("display").Text())}
	if lit := parseRef(v.Get("reference").Text()); lit.form == relativeRef {
		if id, err := parseResourceID(lit.id); err == nil {
			l.Type, l.ID = lit.typ, id
		}
	}
	return l
}

// Link names another resource of the same chart or a shared one.
type Link struct {
	Type    string // empty when it leads nowhere in Postern
	ID      person.ResourceID
	Display phi.Text
}

func links(v rawjson.Value, path string) []Link {
	var out []Link
	for x := range at(v, path) {
		if l := reference(x); l.Type != "" || !l.Display.IsZero() {
			out = append(out, l)
		}
	}
	return out
}

// linkItems is links of a list that is there already.
func linkItems(list rawjson.Value) []Link {
	var out []Link
	for x := range list.Items() {
		if l := reference(x); l.Type != "" || !l.Display.IsZero() {
			out = append(out, l)
		}
	}
	return out
}

func notes(v rawjson.Value) []phi.Text {
	var out []phi.Text
	for x := range at(v, "note.text") {
		if t := show(x.Text()); !t.IsZero() {
			out = append(out, t)
		}
	}
	return out
}
