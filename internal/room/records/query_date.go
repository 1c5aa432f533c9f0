package records

import (
	"slices"
	"strings"
)

// dateOp is the prefix of a date value.
type dateOp uint8

const (
	opEqual dateOp = iota
	opNotEqual
	opGreater
	opLess
	opGreaterEqual
	opLessEqual
	opAfter
	opBefore
)

// dateOps lists the prefixes in the order of the constants.
func dateOps() []string { return []string{"eq", "ne", "gt", "lt", "ge", "le", "sa", "eb"} }

// dateTest is one comparison of a date parameter.
type dateTest struct {
	op     dateOp
	want   span
	column int
}

func parseDateTest(s string) (dateTest, error) {
	t := dateTest{op: opEqual}
	if len(s) > 2 && asciiLetter(rune(s[0])) {
		i := slices.Index(dateOps(), s[:2])
		if i < 0 {
			return t, badQuery("unknown date prefix")
		}
		t.op, s = dateOp(i), s[2:]
	}
	var err error
	// A "+" before a time zone that was not escaped arrives as a space.
	if t.want, _, err = parseDate(strings.Replace(s, " ", "+", 1), true); err != nil {
		return t, badQuery("not a date")
	}
	return t, nil
}

// holds compares as FHIR R4 3.1.1.4.7 says, on [low, high) on both sides. A
// resource without the date matches nothing.
func (t *dateTest) holds(d Dates) bool {
	if d == (Dates{}) {
		return false
	}
	within := t.want.low <= d.Low && d.High <= t.want.high
	switch t.op {
	case opEqual:
		return within
	case opNotEqual:
		return !within
	case opGreater:
		return d.High > t.want.high
	case opLess:
		return d.Low < t.want.low
	case opGreaterEqual:
		return within || d.High > t.want.high
	case opLessEqual:
		return within || d.Low < t.want.low
	case opAfter:
		return d.Low >= t.want.high
	default: // opBefore
		return d.High <= t.want.low
	}
}
