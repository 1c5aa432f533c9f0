package web

import (
	"time"

	"postern.example/postern/internal/door/web/view"
	"postern.example/postern/internal/room/records"
)

// measured is measure with a value in the reader's words, where it says yes or no, when
// something was, or by a code why there is none.
func (v *Visit) measured(r records.Reading, name string) measured {
	m := measure(r, name)
	if words := v.valueWords(r); words != "" && m.words {
		m.value = words
	}
	return m
}

// valueWords words such a value, empty for any other. What has no words stands as it was written.
func (v *Visit) valueWords(r records.Reading) string {
	from, to := v.day(r.From), v.day(r.To)
	switch {
	case r.Yes != "":
		return v.codeWords(r.Yes)
	case r.Value.IsZero() && hl7(r.Absent.System.Reveal()):
		return v.codeWords(r.Absent.Code.Reveal())
	case r.From.IsZero() && r.To.IsZero(), !r.From.IsZero() && !from.Known(), !r.To.IsZero() && !to.Known():
		return ""
	}
	at := v.moment(r.From)
	if _, precision := r.From.Reveal(); precision < records.Second {
		at = time.Time{} // nobody wrote down at what time
	}
	words, err := view.When(v.door.c.Catalog.Language(v.language()), view.Span{From: from, To: to, At: at, Is: r.Span})
	if err != nil {
		return "" // the messages have no other placeholders: they were checked when they were loaded
	}
	return words
}

// categoryOf is the category of a result that pages know, wherever it stands, else the first.
func categoryOf(list []records.Coded) string {
	for _, known := range []string{"laboratory", "vital-signs"} {
		for _, c := range list {
			if c.Has(known) {
				return known
			}
		}
	}
	if len(list) == 0 {
		return ""
	}
	return list[0].Code.Reveal()
}
