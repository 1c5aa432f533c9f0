package web

import (
	"strings"

	"postern.example/postern/internal/door/web/catalog"
	"postern.example/postern/internal/room/records"
)

// Kinds of coded things that have plain words.
const (
	kindTest      = catalog.Test
	kindMedicine  = catalog.Medicine
	kindCondition = catalog.Condition
	kindAllergy   = catalog.Allergy
	kindReaction  = catalog.Reaction
	kindVaccine   = catalog.Vaccine
	kindProcedure = catalog.Procedure
	kindCare      = catalog.Care
	kindVisit     = catalog.Visit
)

// called is what a patient's page calls a coded thing of the chart.
type called struct {
	name, lang string // lang when the name is not in the page's language
	about      string // one line: what it is; empty without words of ours
	written    string // the chart's own name, when ours stands for it
	foreign    string // language of the chart's own words, when it is not the page's
}

// called finds the words for a thing. Without any the chart's own name stands, marked
// with its language. Staff read the chart's own names.
func (v *Visit) called(k catalog.Kind, c records.Common, of records.Coded, written string) called {
	out := called{name: v.named(c, written), lang: v.foreign(c), foreign: v.foreign(c)}
	w, found := v.word(k, of, written)
	if !found {
		return out
	}
	if c.Flags&records.FlagModified == 0 { // a line on what it is could be the contrary of what is meant
		out.about = w.Line
	}
	if k == kindMedicine && c.Language != "" && out.lang == "" && saysMore(written, w.Name) {
		return out
	}
	if !strings.EqualFold(w.Name, written) {
		out.written = written
	}
	out.name, out.lang = v.named(c, w.Name), ""
	return out
}

// calledFirst is called with the words of the first kind that has some: a step of a
// plan is care, or else a procedure.
func (v *Visit) calledFirst(c records.Common, of records.Coded, kinds ...catalog.Kind) called {
	written := of.Text.Reveal()
	for _, k := range kinds {
		if _, found := v.word(k, of, written); found {
			return v.called(k, c, of, written)
		}
	}
	return called{name: v.named(c, written), lang: v.foreign(c), foreign: v.foreign(c)}
}

// saysMore reports whether the chart's own name of a medicine is as plain as ours
// and says more: a strength, or which of two tablets it is. Ours above it would hide
// just that, and say the rest twice.
func saysMore(written, plain string) bool {
	written, plain = strings.ToLower(written), strings.ToLower(plain)
	return written != plain && strings.HasPrefix(written, plain)
}

// wordsFor is the plain name alone, empty without one.
func (v *Visit) wordsFor(k catalog.Kind, of records.Coded) string {
	w, _ := v.word(k, of, of.Text.Reveal())
	return w.Name
}
