// Package phi holds protected health information in values that do not print.
//
// Text and Doc keep their content behind a pointer and answer every formatting,
// logging and encoding interface with "[redacted]", so that neither a log line,
// an error, a %#v of a surrounding struct nor an accidental json.Marshal can
// carry it. The only way out is Reveal, whose callers the walls test lists.
//
// The package never encrypts, stores or compares; it does no I/O.
package phi

import (
	"fmt"
	"io"
	"log/slog"
)

const redacted = "[redacted]"

// Text is a short piece of PHI: a name, a code, a date. The zero Text is empty.
//
// The pointer matters: fmt prints the fields of a struct by reflection, without
// asking their methods, when it reaches them through an unexported field. It
// then finds an address, not the content.
type Text struct {
	_ [0]func() // not comparable: == on PHI is a mistake
	p *string
}

// NewText wraps s.
func NewText(s string) Text { return Text{p: &s} }

// Reveal returns the content. Walled: see the package comment.
func (t Text) Reveal() string {
	if t.p == nil {
		return ""
	}
	return *t.p
}

// IsZero reports whether there is no content.
func (t Text) IsZero() bool { return t.p == nil || *t.p == "" }

// Doc is a document of PHI, as bytes: a FHIR resource, an index, a note. The zero
// Doc is empty.
//
// The pointer is double because fmt follows one pointer to a slice when a verb
// does not fit (%d of a struct that holds a Doc in an unexported field).
type Doc struct {
	_ [0]func()
	p **[]byte
}

// NewDoc wraps b, which the caller must not change afterwards.
func NewDoc(b []byte) Doc {
	p := &b
	return Doc{p: &p}
}

// LendDoc wraps b until end is called: from then on the Doc and its copies are
// empty, and the owner of b may use it for something else.
func LendDoc(b []byte) (d Doc, end func()) {
	d = NewDoc(b)
	return d, func() { **d.p = nil }
}

// Reveal returns the content, which the caller must not change. Walled.
func (d Doc) Reveal() []byte {
	if d.p == nil {
		return nil
	}
	return **d.p
}

// Len is the size in bytes.
func (d Doc) Len() int { return len(d.Reveal()) }

func (t Text) String() string               { return redacted }
func (t Text) GoString() string             { return redacted }
func (t Text) Format(f fmt.State, _ rune)   { _, _ = io.WriteString(f, redacted) }
func (t Text) LogValue() slog.Value         { return slog.StringValue(redacted) }
func (t Text) MarshalJSON() ([]byte, error) { return []byte(`"` + redacted + `"`), nil }
func (t Text) MarshalText() ([]byte, error) { return []byte(redacted), nil }

func (d Doc) String() string               { return redacted }
func (d Doc) GoString() string             { return redacted }
func (d Doc) Format(f fmt.State, _ rune)   { _, _ = io.WriteString(f, redacted) }
func (d Doc) LogValue() slog.Value         { return slog.StringValue(redacted) }
func (d Doc) MarshalJSON() ([]byte, error) { return []byte(`"` + redacted + `"`), nil }
func (d Doc) MarshalText() ([]byte, error) { return []byte(redacted), nil }

// Label is a sensitivity label of a row, a code of HL7 v3 Confidentiality or
// ActCode. Labels live in a row's sealed header; no decision asks for them
// (docs/decisions/0023-decisions-do-not-ask-for-labels.md).
type Label string

// The confidentiality labels.
const (
	LabelNormal     Label = "N"
	LabelRestricted Label = "R"
)
