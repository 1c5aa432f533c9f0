package web

import (
	"postern.example/postern/internal/door/web/catalog"
	"postern.example/postern/internal/room/records"
	"postern.example/postern/internal/word/person"
)

// word is the words of the catalogue for a coded thing, in the reader's language.
// Staff read the chart's own names: they talk to each other and to the laboratory
// with them. A page that shows words which no clinician reviewed says so (see Render).
func (v *Visit) word(k catalog.Kind, of records.Coded, written string) (catalog.Word, bool) {
	if v.caller.Role() != person.RolePatient {
		return catalog.Word{}, false
	}
	words := v.door.c.Catalog.Language(v.language())
	w, found := words.Word(k, of.System.Reveal(), of.Code.Reveal(), written)
	for i := 0; !found && i < len(of.Others); i++ { // another code of the same thing may have words
		w, found = words.Word(k, of.Others[i].System.Reveal(), of.Others[i].Code.Reveal(), written)
	}
	if found && !w.Reviewed {
		v.unreviewed = true
	}
	return w, found
}

// plain is how a patient's page calls a test, and one line on what it shows.
// Without words of ours both are empty, and the chart's own name stands.
func (v *Visit) plain(c records.Coded) (name, about string) {
	w, _ := v.word(kindTest, c, c.Text.Reveal())
	return w.Name, w.Line
}
