package view

import (
	"math"
	"strings"
	"time"
)

// Standing says where a value stands on its usual range, in the steps that
// pages have words for.
type Standing uint8

// The standings. Zero says nothing: no range was given or the value is no number.
const (
	StandingNone Standing = iota
	StandingIn
	StandingLittleLow
	StandingLittleHigh
	StandingLow
	StandingHigh
	StandingVeryLow  // the laboratory itself marked it as critical
	StandingVeryHigh // likewise
)

var standingIDs = [...]string{"standing.none", "standing.in", "standing.little-low", "standing.little-high",
	"standing.low", "standing.high", "standing.very-low", "standing.very-high"}

// ID is the message id.
func (s Standing) ID() string {
	if int(s) < len(standingIDs) {
		return standingIDs[s]
	}
	return standingIDs[StandingNone]
}

// Class is the CSS class of the words; colour only repeats what they say.
func (s Standing) Class() string {
	switch s {
	case StandingIn:
		return "word-good"
	case StandingVeryLow, StandingVeryHigh:
		return "word-alert"
	case StandingNone:
		return "soft"
	default:
		return "word-watch"
	}
}

// Outside reports whether the value is outside its usual range.
func (s Standing) Outside() bool { return s > StandingIn }

// Drift says where a series is going.
type Drift uint8

// The drifts. Zero says nothing: too few values.
const (
	DriftNone Drift = iota
	DriftSteady
	DriftRising
	DriftFalling
)

// ID is the message id; the message takes "month" unless the drift is steady.
func (d Drift) ID() string {
	switch d {
	case DriftSteady:
		return "drift.steady"
	case DriftRising:
		return "drift.rising"
	case DriftFalling:
		return "drift.falling"
	default:
		return ""
	}
}

// Usual is a usual range as the laboratory gave it. A nil bound is open.
type Usual struct {
	Low, High         *float64
	LowText, HighText string // the bounds as written: "3.50"
	Words             string // the range in the laboratory's words, used when it gave no bounds
}

// Known reports whether there are bounds.
func (u Usual) Known() bool { return u.Low != nil || u.High != nil }

// Reading is one value of a series.
type Reading struct {
	At       time.Time
	Value    string   // as written: "1.10", "negative"
	Number   *float64 // nil when the value is no number
	Standing Standing
}

// Assess places a number on a range. flag is the laboratory's own
// interpretation code (HL7 v3 ObservationInterpretation: N, L, LL, H, HH, ...;
// empty for none); it wins where it says more than the numbers can.
func Assess(number *float64, u Usual, flag string) Standing {
	switch strings.ToUpper(flag) {
	case "HH", "HU":
		return StandingVeryHigh
	case "LL", "LU":
		return StandingVeryLow
	}
	if number == nil || !u.Known() {
		return byFlag(flag)
	}
	switch v := *number; {
	case u.Low != nil && v < *u.Low:
		if *u.Low-v <= u.little(*u.Low) {
			return StandingLittleLow
		}
		return StandingLow
	case u.High != nil && v > *u.High:
		if v-*u.High <= u.little(*u.High) {
			return StandingLittleHigh
		}
		return StandingHigh
	}
	return StandingIn
}

func byFlag(flag string) Standing {
	switch strings.ToUpper(flag) {
	case "N":
		return StandingIn
	case "H":
		return StandingHigh
	case "L":
		return StandingLow
	default:
		return StandingNone
	}
}

// little is how far outside still counts as "a little": a quarter of the width
// of the range, or of the bound where the range is open.
func (u Usual) little(bound float64) float64 {
	if u.Low != nil && u.High != nil {
		return (*u.High - *u.Low) / 4
	}
	return math.Abs(bound) / 4
}

// Trend says where a series is going and since when: the last run of values
// that moved in one direction, if it covers three values or more and 5 % of the
// newest one. Readings may come in any order.
func Trend(rs []Reading) (Drift, time.Time) {
	var pts []Reading
	for _, r := range rs {
		if r.Number != nil {
			pts = append(pts, r)
		}
	}
	sortReadings(pts)
	if len(pts) < 3 {
		return DriftNone, time.Time{}
	}
	last := len(pts) - 1
	i, sign := last, 0
	for i > 0 {
		step := sgn(*pts[i].Number - *pts[i-1].Number)
		if step != 0 && sign != 0 && step != sign {
			break
		}
		if step != 0 {
			sign = step
		}
		i--
	}
	moved := math.Abs(*pts[last].Number - *pts[i].Number)
	if last-i < 2 || moved < math.Abs(*pts[last].Number)*0.05 {
		return DriftSteady, pts[i].At
	}
	if sign > 0 {
		return DriftRising, pts[i].At
	}
	return DriftFalling, pts[i].At
}

func sgn(v float64) int {
	switch {
	case v > 0:
		return 1
	case v < 0:
		return -1
	}
	return 0
}
