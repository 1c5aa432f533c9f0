package records

import (
	"encoding/base64"
	"strings"
	"unicode"
	"unicode/utf8"

	"postern.example/postern/internal/room/records/narrative"
	"postern.example/postern/internal/word/phi"
)

// TextBudget is how much text one page reads of attachments and narratives, as they are stored.
// A chart can hold any amount of it, and whoever sends charts says how much: what a page
// costs must not hang on that. A nil TextBudget reads nothing, which is what lists need. It is
// used by one request.
type TextBudget struct{ left int }

// NewTextBudget allows n bytes.
func NewTextBudget(n int) *TextBudget { return &TextBudget{left: n} }

// Unread makes of a view one that reads no texts: for lists, which show titles.
func Unread[T any](view func(phi.Doc, *TextBudget) (T, error)) func(phi.Doc) (T, error) {
	return func(doc phi.Doc) (T, error) { return view(doc, nil) }
}

// take counts n bytes, unless that is more than is left.
func (r *TextBudget) take(n int) bool {
	if r == nil || n > r.left {
		return false
	}
	r.left -= n
	return true
}

// paperBytes is how much of one attachment is read: a little more than a narrative takes, which
// then says that it is cut.
const paperBytes = (narrative.MaxInput/3 + 2) * 4

// narrative reads a markup; later says that it was too much for this page.
func (r *TextBudget) narrative(div string) (note narrative.Doc, later bool) {
	if div == "" {
		return narrative.Doc{}, false
	}
	if !r.take(min(len(div), narrative.MaxInput)) {
		return narrative.Doc{}, true
	}
	return narrative.Parse(div, Visible), false
}

// decoded is the beginning of an attachment, of up to most characters of base64 (FHIR
// allows space between them); cut says that there is more.
func decoded(data string, most int) (b []byte, cut, ok bool) {
	most &^= 3
	var text strings.Builder
	text.Grow(min(len(data), most))
	for _, r := range data {
		if unicode.IsSpace(r) {
			continue
		}
		if text.Len() >= most {
			cut = true
			break
		}
		text.WriteRune(r)
	}
	b, err := base64.StdEncoding.DecodeString(text.String())
	return b, cut, err == nil
}

// wholeRunes drops the beginning of a character at the end of a text that was cut.
func wholeRunes(b []byte) []byte {
	for n := len(b) - 1; n >= 0 && n >= len(b)-utf8.UTFMax; n-- {
		if utf8.RuneStart(b[n]) {
			if !utf8.FullRune(b[n:]) {
				return b[:n]
			}
			break
		}
	}
	return b
}
