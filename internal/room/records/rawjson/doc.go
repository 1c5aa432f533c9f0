// Package rawjson reads JSON strictly and keeps every byte of it. It owns the
// grammar of what Postern accepts from a file or a peer: RFC 8259 in UTF-8, with
// unique member names, bounded nesting, bounded numbers and no hidden control
// characters. It knows nothing of FHIR beyond the shape of a member name.
//
// It guarantees that a Value came out of a complete check, so walking it cannot
// fail; that a number and a string keep the form in which they were written
// (1.10 stays 1.10); that every failure names byte offset, line and column; and
// that Reader needs memory for the one value it hands out, whatever the size of
// the file.
//
// It never builds a tree, never converts a number to a float, never puts a byte
// of the input into an error, and does no I/O beyond the io.Reader it is given.
package rawjson

import "fmt"

// Reason says why an input is refused.
type Reason string

// The reasons.
const (
	Syntax    Reason = "syntax"    // not JSON
	Truncated Reason = "truncated" // the input ends inside a value
	Trailing  Reason = "trailing"  // something follows the value
	Duplicate Reason = "duplicate" // a member name stands twice in one object
	Depth     Reason = "depth"     // nested deeper than the limit
	Encoding  Reason = "encoding"  // not UTF-8, a byte order mark, or half a surrogate pair
	Control   Reason = "control"   // a control character other than tab, CR and LF in a string
	Number    Reason = "number"    // a number longer or with a larger exponent than the limit
	Name      Reason = "name"      // a member name with other characters than letters, digits and _
	TooLarge  Reason = "too-large" // over a size limit
	Kind      Reason = "kind"      // another kind of value than the caller expects here
)

// Pos is a place in the input. Line and Col count from 1, Col in characters.
type Pos struct {
	Offset    int64
	Line, Col int
}

// Start is the first byte of an input.
func Start() Pos { return Pos{Line: 1, Col: 1} }

// After returns the place after b, when b starts at p.
func (p Pos) After(b []byte) Pos {
	for _, c := range b {
		p.step(c)
	}
	return p
}

func (p *Pos) step(c byte) {
	p.Offset++
	switch {
	case c == '\n':
		p.Line, p.Col = p.Line+1, 1
	case c&0xC0 != 0x80: // continuation bytes belong to the character before
		p.Col++
	}
}

// Error is a refusal with its place. It holds no byte of the input.
type Error struct {
	Reason Reason
	At     Pos
}

func (e *Error) Error() string {
	return fmt.Sprintf("read json at line %d column %d (byte %d): %s", e.At.Line, e.At.Col, e.At.Offset, e.Reason)
}

// Limits bounds what is accepted. A zero field means its default.
type Limits struct {
	Depth    int // most containers inside each other; default 64
	Digits   int // longest number in bytes; default 64
	Exponent int // largest exponent either way; default 300, so that no reader's float overflows
}

func (l Limits) withDefaults() Limits {
	if l.Depth == 0 {
		l.Depth = 64
	}
	if l.Digits == 0 {
		l.Digits = 64
	}
	if l.Exponent == 0 {
		l.Exponent = 300
	}
	return l
}
