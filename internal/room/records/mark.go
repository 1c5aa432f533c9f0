package records

import (
	"strings"

	"postern.example/postern/internal/room/records/rawjson"
)

// Mark is how the laboratory itself rates a value, in the codes of HL7's
// ObservationInterpretation, of which it is the gravest that the result carries.
type Mark string

// The marks that pages tell apart. Every other code ("positive") rates nothing.
const (
	Unmarked     Mark = ""
	Normal       Mark = "N"
	Abnormal     Mark = "A" // outside, without a direction
	Low          Mark = "L"
	High         Mark = "H"
	Critical     Mark = "AA" // without a direction
	CriticalLow  Mark = "LL"
	CriticalHigh Mark = "HH"
)

// marked reads every coding of every interpretation. A laboratory writes its own code
// before HL7's, and "high" beside "critical": the gravest counts. Where no coding is of
// HL7's lists, codes that look like theirs are read as theirs: laboratories name their own
// list and use the common letters, and a warning too many is the smaller error.
func marked(interpretation rawjson.Value) Mark {
	known, other := Unmarked, Unmarked
	for one := range interpretation.Items() {
		other = graver(other, worded(one.Get("text").Text()))
		for c := range at(one, "coding") {
			m := rated(c.Get("code").Text())
			if m == Unmarked {
				other = graver(other, worded(c.Get("code").Text()))
				other = graver(other, worded(c.Get("display").Text()))
			}
			if interpretations(c.Get("system").Text()) {
				known = graver(known, m)
			} else {
				other = graver(other, m)
			}
		}
	}
	// Words and local codes may add that it is critical, and nothing less, to what HL7's say.
	if known == Unmarked || grave(other) > 3 {
		return graver(known, other)
	}
	return known
}

// interpretations reports a system with HL7's codes. One that names none is taken for it.
func interpretations(system string) bool {
	switch system {
	case "", "http://terminology.hl7.org/CodeSystem/v3-ObservationInterpretation", "http://hl7.org/fhir/v3/ObservationInterpretation",
		"http://terminology.hl7.org/CodeSystem/v2-0078", "http://hl7.org/fhir/v2/0078", "urn:oid:2.16.840.1.113883.5.83":
		return true
	default:
		return false
	}
}

// rated is the mark of one code.
func rated(code string) Mark {
	switch strings.ToUpper(code) {
	case "LL", "LU", "L<":
		return CriticalLow
	case "HH", "HU", "H>":
		return CriticalHigh
	case "AA":
		return Critical
	case "L", "LX", "<":
		return Low
	case "H", "HX", ">":
		return High
	case "A":
		return Abnormal
	case "N":
		return Normal
	default:
		return Unmarked
	}
}

// worded reads the one word that must not be missed.
func worded(s string) Mark {
	switch s = strings.ToLower(strings.TrimSpace(s)); s {
	case "critical", "crit", "panic", "critical abnormal", "critically abnormal":
		return Critical
	case "critical low", "critically low", "low critical", "panic low":
		return CriticalLow
	case "critical high", "critically high", "high critical", "panic high":
		return CriticalHigh
	default:
		return Unmarked
	}
}

// grave is the rank of a mark.
func grave(m Mark) int {
	switch m {
	case Unmarked:
		return 0
	case Normal:
		return 1
	case Abnormal:
		return 2
	case Low, High:
		return 3
	case Critical:
		return 4
	default:
		return 5
	}
}

// graver is the graver of two marks; of two that point in different directions it is
// the one of their rank that points in none.
func graver(a, b Mark) Mark {
	switch x, y := grave(a), grave(b); {
	case x > y || a == b:
		return a
	case x < y:
		return b
	case x == grave(High):
		return Abnormal
	default:
		return Critical
	}
}
