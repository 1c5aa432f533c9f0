package records

import (
	"fmt"
	"strings"
	"unicode"

	"postern.example/postern/internal/room/records/rawjson"
)

// hiddenRune reports whether r is invisible or changes the order in which text
// is shown, so that 12 could be read as 21.
func hiddenRune(r rune) bool {
	switch {
	case r >= 0x20 && r < 0x7F:
		return false // nearly all of them, so asked first
	case r < 0x20 && r != '\t' && r != '\n' && r != '\r', r >= 0x7F && r <= 0x9F:
		return true // controls
	case r == 0x061C, r == 0x200E, r == 0x200F, r >= 0x202A && r <= 0x202E, r >= 0x2066 && r <= 0x2069:
		return true // bidirectional marks, embeddings, overrides and isolates
	case r >= 0x200B && r <= 0x200D, r >= 0x2060 && r <= 0x2065, r >= 0x206A && r <= 0x206F, r == 0xFEFF, r == 0x180E, r == 0x00AD, r == 0x034F:
		return true // zero width
	case r == 0x2028, r == 0x2029, r >= 0xFFF9 && r <= 0xFFFB:
		return true // separators that break lines, annotations
	case r == 0x115F, r == 0x1160, r == 0x3164, r == 0xFFA0, r == 0x2800:
		return true // fillers that show as nothing
	case r >= 0xE0000 && r <= 0xE0FFF:
		return true // tags and supplementary selectors
	case r >= 0xFE00 && r <= 0xFE0F, r >= 0x17B4 && r <= 0x17B5, r >= 0x180B && r <= 0x180F, r >= 0x1D173 && r <= 0x1D17A:
		return true // selectors and musical formatting
	default:
		return unicode.Is(unicode.Cf, r)
	}
}

// Visible returns s with every hidden character replaced by a visible mark such
// as ⟦U+202E⟧. Everything that a page shows of a resource goes through it. Two
// that cannot deceive are let pass: a joiner between two letters of a script that
// needs it (Persian, Hindi) stays, and the zero-width space after a slash, which
// LOINC's own names carry ("Mass/volume"), is left out.
func Visible(s string) string {
	if strings.IndexFunc(s, hiddenRune) < 0 {
		return s
	}
	var b strings.Builder
	runes := []rune(s)
	for i, r := range runes {
		switch {
		case !hiddenRune(r) || joins(runes, i):
			b.WriteRune(r)
		case breaks(runes, i):
		default:
			fmt.Fprintf(&b, "⟦U+%04X⟧", r)
		}
	}
	return b.String()
}

// deceptive reports whether Visible marks anything in s.
func deceptive(s string) bool {
	if strings.IndexFunc(s, hiddenRune) < 0 {
		return false
	}
	runes := []rune(s)
	for i, r := range runes {
		if hiddenRune(r) && !joins(runes, i) && !breaks(runes, i) {
			return true
		}
	}
	return false
}

// breaks reports whether a zero-width space at i only allows a new line after a
// slash.
func breaks(runes []rune, i int) bool {
	return runes[i] == 0x200B && i > 0 && runes[i-1] == '/'
}

// joins reports whether the zero-width joiner or non-joiner at i stands between
// letters whose spelling needs it.
func joins(runes []rune, i int) bool {
	if runes[i] != 0x200C && runes[i] != 0x200D || i == 0 || i == len(runes)-1 {
		return false
	}
	return needsJoiner(runes[i-1]) && needsJoiner(runes[i+1])
}

func needsJoiner(r rune) bool {
	return unicode.In(r, unicode.Arabic, unicode.Devanagari, unicode.Bengali, unicode.Gurmukhi, unicode.Gujarati,
		unicode.Oriya, unicode.Tamil, unicode.Telugu, unicode.Kannada, unicode.Malayalam, unicode.Sinhala) && (unicode.IsLetter(r) || unicode.IsMark(r))
}

// freeText reports whether an element of this name holds prose or a name, which
// may hold hidden characters: they are kept and shown by Visible. In every other
// string they are refused, because a code, a value, a unit or an id with an
// invisible part is not what it looks like.
func freeText(name string) bool {
	switch name {
	case "text", "div", "display", "description", "title", "comment", "name", "alias", "conclusion", "note",
		"family", "given", "prefix", "suffix", "line", "city", "district", "state", "country",
		"patientInstruction", "valueMarkdown":
		return true
	}
	return false
}

// hiddenIn looks for hidden characters in all strings below v. It reports the
// offset of the first one in a place where they are refused, or -1, and whether
// there are any in free text.
func hiddenIn(v rawjson.Value, name string) (refused int, kept bool) {
	switch v.Type() {
	case rawjson.String:
		if plain(v.Raw()) || strings.IndexFunc(v.Text(), hiddenRune) < 0 {
			return -1, false
		}
		if freeText(name) {
			return -1, deceptive(v.Text())
		}
		return v.Offset(), false
	case rawjson.Object:
		for n, m := range v.Members() {
			at, k := hiddenIn(m, n)
			if at >= 0 {
				return at, false
			}
			kept = kept || k
		}
	case rawjson.Array:
		for item := range v.Items() {
			at, k := hiddenIn(item, name)
			if at >= 0 {
				return at, false
			}
			kept = kept || k
		}
	}
	return -1, kept
}

// plain reports whether a written string holds neither an escape nor a byte
// beyond ASCII, and so nothing hidden.
func plain(raw []byte) bool {
	for _, c := range raw {
		if c >= 0x80 || c == '\\' {
			return false
		}
	}
	return true
}
