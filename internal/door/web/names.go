package web

import (
	"strings"

	"postern.example/postern/internal/room/records"
	"postern.example/postern/internal/word/person"
)

// Kinds of coded things that have plain names: the first part of their message ids.
const (
	kindMedicine  = "medicine"
	kindCondition = "condition"
	kindAllergy   = "allergy"
	kindReaction  = "reaction"
	kindVaccine   = "vaccine"
)

// systemKey is the second part: the code system, empty for one without names.
func systemKey(system string) string {
	switch system {
	case "http://www.nlm.nih.gov/research/umls/rxnorm":
		return "rxnorm"
	case "http://snomed.info/sct":
		return "sct"
	case "http://hl7.org/fhir/sid/cvx":
		return "cvx"
	default:
		return ""
	}
}

// called is what a patient's page calls a coded thing of the chart.
type called struct {
	name, lang string // lang when the name is not in the page's language
	written    string // the chart's own name, when ours stands for it
	foreign    string // language of the chart's own words, when it is not the page's
}

// called finds the plain name of a thing ("medicine.rxnorm.<code>" in the
// catalogues). Without one the chart's own name stands, marked with its language.
// Staff read the chart's own names.
func (v *Visit) called(kind string, c records.Common, of records.Coded, written string) called {
	out := called{name: v.named(c, written), lang: v.foreign(c), foreign: v.foreign(c)}
	plain := v.wordsFor(kind, of)
	if plain == "" || kind == kindMedicine && c.Language != "" && out.lang == "" && saysMore(written, plain) {
		return out
	}
	if !strings.EqualFold(plain, written) {
		out.written = written
	}
	out.name, out.lang = v.named(c, plain), ""
	return out
}

// saysMore reports whether the chart's own name of a medicine is as plain as ours
// and says more: a strength, or which of two tablets it is. Ours above it would hide
// just that, and say the rest twice.
func saysMore(written, plain string) bool {
	written, plain = strings.ToLower(written), strings.ToLower(plain)
	return written != plain && strings.HasPrefix(written, plain)
}

// wordsFor is the plain name alone, empty without one.
func (v *Visit) wordsFor(kind string, of records.Coded) string {
	system := systemKey(of.System.Reveal())
	if v.caller.Role() != person.RolePatient || system == "" {
		return ""
	}
	words := v.door.c.Catalog.Language(v.language())
	id := kind + "." + system + "." + of.Code.Reveal()
	if !words.Has(id) {
		return ""
	}
	name, _ := words.Text(id) // it is there, and has no placeholder: a test looks
	return name
}
