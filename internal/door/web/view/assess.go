package view

import (
	"math"
	"slices"
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
	StandingMarked // the laboratory marked it, without saying or fitting a direction
	StandingLittleLow
	StandingLittleHigh
	StandingLow
	StandingHigh
	StandingCritical // the laboratory itself marked it as critical, without saying a direction
	StandingVeryLow  // the laboratory itself marked it as critical
	StandingVeryHigh // likewise
)

var standingIDs = [...]string{"standing.none", "standing.in", "standing.marked", "standing.little-low", "standing.little-high",
	"standing.low", "standing.high", "standing.critical", "standing.very-low", "standing.very-high"}

// ID is the message id.
func (s Standing) ID() string {
	if int(s) < len(standingIDs) {
		return standingIDs[s]
	}
	return standingIDs[StandingNone]
}

// Says is the message id, in the words for a goal where the range is one.
func (s Standing) Says(goal bool) string {
	if !goal || !s.Known() {
		return s.ID()
	}
	return "goal." + strings.TrimPrefix(s.ID(), "standing.")
}

// Class is the CSS class of the words; colour only repeats what they say.
func (s Standing) Class() string {
	switch s {
	case StandingIn:
		return "word-good"
	case StandingCritical, StandingVeryLow, StandingVeryHigh:
		return "word-alert"
	case StandingNone:
		return "soft"
	default:
		return "word-watch"
	}
}

// Known reports whether there is something to say.
func (s Standing) Known() bool { return s != StandingNone }

// Critical reports whether the laboratory itself marked the value as critical.
func (s Standing) Critical() bool { return s >= StandingCritical }

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
	DriftMixed
)

// ID is the message id; the message takes "month".
func (d Drift) ID() string {
	switch d {
	case DriftSteady:
		return "drift.steady"
	case DriftRising:
		return "drift.rising"
	case DriftFalling:
		return "drift.falling"
	case DriftMixed:
		return "drift.mixed"
	default:
		return ""
	}
}

// Usual is a usual range as the laboratory gave it. A nil bound is open.
type Usual struct {
	Low, High         *float64
	LowText, HighText string // the bounds as written: "3.50"
	Words             string // the range in the laboratory's words, used when it gave no bounds
	Goal              bool   // what the care team wants for this person: no page calls it usual
	PlainLow          bool   // a small distance below matters: no page calls it "a little"
	PlainHigh         bool   // likewise above
}

// Known reports whether there are bounds.
func (u Usual) Known() bool { return u.Low != nil || u.High != nil }

// Reading is one value of a series.
type Reading struct {
	At       time.Time
	On       Day      // when nobody wrote down at what time: then At is for order and drawing
	Value    string   // as written: "1.10", "negative"
	Number   *float64 // nil when the value is no number
	Standing Standing
	Goal     bool // the standing is towards a goal

	Unit  string // of Value, when it is another than the series'; empty else
	About string // what Value is about in the unit of the series, rounded; empty when it was written in it
	Apart bool   // Value's unit cannot be turned into the series': it is shown and not drawn
}

// Drawn is the value as it stands beside its mark: in the unit of the series.
func (r Reading) Drawn() string {
	if r.About != "" {
		return r.About
	}
	return r.Value
}

// Says is the message id of the standing.
func (r Reading) Says() string { return r.Standing.Says(r.Goal) }

// Assess places a number on a range. flag is the laboratory's own mark (records.Mark: N, A,
// L, H, AA, LL, HH; empty for none); it wins where it says more than the numbers can.
func Assess(number *float64, u Usual, flag string) Standing {
	switch flag {
	case "HH":
		return StandingVeryHigh
	case "LL":
		return StandingVeryLow
	case "AA":
		switch byRange(number, u, "") {
		case StandingLittleHigh, StandingHigh:
			return StandingVeryHigh
		case StandingLittleLow, StandingLow:
			return StandingVeryLow
		}
		return StandingCritical
	}
	s := byRange(number, u, flag)
	// The laboratory knows of age, sex and method what a range does not say: what it
	// marked is never called usual.
	if s == StandingIn && marked(flag) {
		return StandingMarked
	}
	return s
}

// AssessBeyond places what a laboratory gave as more or less than a number (sign is "<",
// "<=", ">" or ">="), as far as that is certain: "> 600" of "70 to 99" is high, "> 60" of
// "60 or more" is usual, and "< 80" of "70 to 99" may be either.
func AssessBeyond(sign string, number float64, u Usual, flag string) Standing {
	if s := Assess(nil, u, flag); s.Known() {
		return s
	}
	switch up := strings.HasPrefix(sign, ">"); {
	case up && u.High != nil && (number > *u.High || number == *u.High && sign == ">"):
		return StandingHigh
	case up && u.High == nil && u.Low != nil && number >= *u.Low:
		return StandingIn
	case !up && u.Low != nil && (number < *u.Low || number == *u.Low && sign == "<"):
		return StandingLow
	case !up && u.Low == nil && u.High != nil && number <= *u.High:
		return StandingIn
	}
	return StandingNone
}

// marked reports a flag that says "not as usual".
func marked(flag string) bool {
	return slices.Contains([]string{"H", "L", "A"}, flag)
}

func byRange(number *float64, u Usual, flag string) Standing {
	if number == nil || !u.Known() {
		return byFlag(flag)
	}
	switch v := *number; {
	case u.Low != nil && v < *u.Low:
		if !u.PlainLow && *u.Low-v <= u.little(*u.Low) {
			return StandingLittleLow
		}
		return StandingLow
	case u.High != nil && v > *u.High:
		if !u.PlainHigh && v-*u.High <= u.little(*u.High) {
			return StandingLittleHigh
		}
		return StandingHigh
	}
	return StandingIn
}

func byFlag(flag string) Standing {
	switch flag {
	case "N":
		return StandingIn
	case "H":
		return StandingHigh
	case "L":
		return StandingLow
	case "A":
		return StandingMarked
	default:
		return StandingNone
	}
}

// little is how far outside still counts as "a little": a quarter of the width of the
// range, and never more than a quarter of the bound, or nearly nothing of what begins at 0.4
// would be a little below it. Of which tests no page says so at all is not decided here.
func (u Usual) little(bound float64) float64 {
	out := math.Abs(bound)
	if u.Low != nil && u.High != nil {
		out = min(out, *u.High-*u.Low)
	}
	return out / 4
}

// Trend says where a series is going and since when. It looks at the newest
// values, twelve at most, and takes the longest run that a straight line
// describes well (r squared of 0.6 or more) and that moved by 8 % or more; the
// newest value must not contradict it. Readings may come in any order.
func Trend(rs []Reading) (Drift, time.Time) {
	pts := numbers(rs)
	if len(pts) < 3 {
		return DriftNone, time.Time{}
	}
	pts = pts[max(0, len(pts)-12):]
	// Three values of many are no direction yet.
	for from := range len(pts) - min(len(pts), 4) + 1 {
		run := pts[from:]
		f := fit(run)
		if f.r2 < 0.6 || math.Abs(f.change) < 0.08*math.Abs(f.mean) {
			continue
		}
		turn := *run[len(run)-1].Number - *run[len(run)-3].Number
		if turn*f.change < 0 && math.Abs(turn) > 0.03*math.Abs(f.mean) {
			continue
		}
		if f.change > 0 {
			return DriftRising, turned(run, 1).At
		}
		return DriftFalling, turned(run, -1).At
	}
	tail := pts[max(0, len(pts)-6):]
	if f := fit(tail); f.spread <= 0.15*math.Abs(f.mean) {
		return DriftSteady, tail[0].At
	}
	return DriftMixed, tail[0].At
}

// turned is where a run began: the lowest reading of its first half when it rises
// (sign 1), the highest when it falls (-1).
func turned(run []Reading, sign float64) Reading {
	start := run[0]
	for _, r := range run[:(len(run)+1)/2] {
		if sign**r.Number < sign**start.Number {
			start = r
		}
	}
	return start
}

// numbers returns the readings that are numbers, oldest first.
func numbers(rs []Reading) []Reading {
	var pts []Reading
	for _, r := range rs {
		if r.Number != nil {
			pts = append(pts, r)
		}
	}
	sortReadings(pts)
	return pts
}

// line is a least-squares line through values over time.
type line struct{ mean, spread, change, r2 float64 }

func fit(pts []Reading) line {
	n := float64(len(pts))
	start := pts[0].At
	var sx, sy, sxx, sxy, syy float64
	low, high := *pts[0].Number, *pts[0].Number
	for _, p := range pts {
		x, y := p.At.Sub(start).Hours(), *p.Number
		sx, sy, sxx, sxy, syy = sx+x, sy+y, sxx+x*x, sxy+x*y, syy+y*y
		low, high = math.Min(low, y), math.Max(high, y)
	}
	l := line{mean: sy / n, spread: high - low}
	vx, vy, cov := sxx-sx*sx/n, syy-sy*sy/n, sxy-sx*sy/n
	if vx <= 0 || vy <= 0 {
		return l
	}
	l.r2 = cov * cov / (vx * vy)
	l.change = cov / vx * pts[len(pts)-1].At.Sub(start).Hours()
	return l
}
