package narrative

import (
	"fmt"
	"io"
	"log/slog"
)

// Doc is a note. It is health data and does not print.
type Doc struct {
	_ [0]func()
	p *tree
}

type tree struct {
	blocks []Block
	cut    bool
	left   bool
}

// Kind says what a block is.
type Kind uint8

// The kinds.
const (
	Paragraph Kind = iota
	Heading
	List
	Table
)

// Block is one part of a note.
type Block struct {
	Kind    Kind
	Spans   []Span    // of a paragraph or heading; of a table its caption
	Ordered bool      // a list with numbers
	Items   [][]Block // of a list
	Rows    [][]Cell  // of a table
}

// Cell is one cell of a table.
type Cell struct {
	Head  bool
	Spans []Span
}

// Span is a run of text, or a line break.
type Span struct {
	Text       string
	Strong, Em bool
	Break      bool
}

// IsZero reports whether there is nothing to read.
func (d Doc) IsZero() bool { return d.p == nil || len(d.p.blocks) == 0 }

// Cut reports that the note was too long and its end is missing.
func (d Doc) Cut() bool { return d.p != nil && d.p.cut }

// Left reports that something which is no text was left out, such as a picture.
func (d Doc) Left() bool { return d.p != nil && d.p.left }

// Reveal returns the note. Walled like phi.Text.Reveal.
func (d Doc) Reveal() []Block {
	if d.p == nil {
		return nil
	}
	return d.p.blocks
}

func (d Doc) String() string               { return "[redacted]" }
func (d Doc) GoString() string             { return "[redacted]" }
func (d Doc) Format(f fmt.State, _ rune)   { _, _ = io.WriteString(f, "[redacted]") }
func (d Doc) LogValue() slog.Value         { return slog.StringValue("[redacted]") }
func (d Doc) MarshalJSON() ([]byte, error) { return []byte(`"[redacted]"`), nil }
func (d Doc) MarshalText() ([]byte, error) { return []byte("[redacted]"), nil }

// IsHeading and its kin are for templates.
func (b Block) IsHeading() bool { return b.Kind == Heading }

// IsList reports a list.
func (b Block) IsList() bool { return b.Kind == List }

// IsTable reports a table.
func (b Block) IsTable() bool { return b.Kind == Table }
