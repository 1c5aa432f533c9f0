// Package chart draws trends of measured values as inline SVG.
//
// It is the only package of the web door that converts to template.HTML (one
// place, counted by a test), so it guarantees that every text it is given is
// escaped and that every number is written by strconv: nothing else reaches the
// markup. A chart has role "img" and one spoken sentence; text is never drawn
// under 14 px at the width that the chart gets, which is why a trend is drawn
// twice, for a narrow and for a wide column, and the style sheet shows one.
// Nothing is told by colour alone: a value outside its usual range has another
// shape, and the range is a shape with words.
//
// It decides nothing about health: what is usual, what the words are and how
// dates are written comes from its caller. It never emits a style attribute, a
// script or a link.
package chart

import (
	"html/template"
	"math"
	"strconv"
	"time"
)

// Point is one measured value.
type Point struct {
	At      time.Time
	Value   float64
	Written string // the value as the laboratory wrote it: "1.10"
	Outside bool   // outside its usual range
}

// Range is the usual range. A nil bound is open: "below 7.0" has no Low.
type Range struct{ Low, High *float64 }

// Trend is what to draw.
type Trend struct {
	ID     string                 // unique in the page; base of the ids inside the drawings
	Points []Point                // in any order; values that are not finite are left out
	Usual  Range                  // the usual range, both nil when there is none
	Spoken string                 // the whole chart in one sentence
	Legend string                 // words for the band: "usual range: 3.5 to 5.1"
	Date   func(time.Time) string // writes a date on the axis; short
}

// size is the geometry of one variant. Text is fixed in user units; the style
// sheet shows a variant only at widths where that comes to 14 px or more.
type size struct {
	name          string
	width, height float64
	left, right   float64 // plot edges
	top, bottom   float64
	ticks, dates  int
	marks         int // most values that still get a mark each
}

// Wide is the drawing for columns of at least 660 px.
func Wide(t Trend) template.HTML {
	return t.draw(size{name: "wide", width: 720, height: 286, left: 56, right: 704, top: 26, bottom: 212, ticks: 5, dates: 4, marks: 36})
}

// Narrow is the drawing for the phone. Its 288 units are shown at 262 px or
// more, so its 16-unit text never falls under 14 px.
func Narrow(t Trend) template.HTML {
	return t.draw(size{name: "narrow", width: 288, height: 268, left: 46, right: 278, top: 26, bottom: 196, ticks: 4, dates: 2, marks: 18})
}

// Spark is the small trend of a list row: no text but its sentence. With fewer
// than two values it shows where the value stands on the range instead.
func Spark(t Trend) template.HTML {
	pts := t.finite()
	s := size{name: "spark", width: 132, height: 40, left: 6, right: 124, top: 8, bottom: 32}
	b := newSVG(s, t)
	t.Usual = t.Usual.drawable()
	if len(pts) > 0 {
		p := newPlot(s, pts, t.Usual)
		if len(pts) == 1 {
			b.gauge(p.aroundBound(t.Usual), pts[0], t.Usual)
		} else {
			b.band(p, t.Usual)
			b.edges(p, t.Usual)
			b.line(p, pts)
			b.mark(p, pts[len(pts)-1], true)
		}
	}
	return b.done()
}

func (t Trend) draw(s size) template.HTML {
	pts := t.finite()
	t.Usual = t.Usual.drawable()
	b := newSVG(s, t)
	if len(pts) == 0 {
		return b.done()
	}
	p := newPlot(s, pts, t.Usual)
	b.band(p, t.Usual)
	b.valueAxis(p)
	b.edges(p, t.Usual)
	b.dateAxis(p, pts, t.Date)
	b.line(p, pts)
	for i, pt := range pts {
		last := i == len(pts)-1
		// A crowd of marks hides the line; then the band alone says what is outside.
		if last || len(pts) <= s.marks {
			b.mark(p, pt, last)
		}
	}
	b.lastValue(p, pts)
	if t.Legend != "" && (t.Usual.Low != nil || t.Usual.High != nil) {
		b.legend(s, t.Legend)
	}
	return b.done()
}

// finite returns the drawable points, oldest first.
func (t Trend) finite() []Point {
	var pts []Point
	for _, p := range t.Points {
		if drawable(p.Value) {
			pts = append(pts, p)
		}
	}
	sortByTime(pts)
	return pts
}

// drawable leaves out what is no measurement: beyond 1e15 the steps of an axis
// would vanish in the rounding of a float64.
func drawable(v float64) bool { return math.Abs(v) < 1e15 }

// drawable drops the bounds that cannot be drawn.
func (r Range) drawable() Range {
	if r.Low != nil && !drawable(*r.Low) {
		r.Low = nil
	}
	if r.High != nil && !drawable(*r.High) {
		r.High = nil
	}
	return r
}

// plot maps values and times to user units.
type plot struct {
	size
	low, high   float64 // value domain
	step        float64 // distance of the ticks
	first, last time.Time
}

func newPlot(s size, pts []Point, usual Range) plot {
	low, high := pts[0].Value, pts[0].Value
	for _, p := range pts {
		low, high = math.Min(low, p.Value), math.Max(high, p.Value)
	}
	for _, bound := range []*float64{usual.Low, usual.High} {
		if bound != nil {
			low, high = math.Min(low, *bound), math.Max(high, *bound)
		}
	}
	if high-low <= math.Abs(high)*1e-6 || high-low < 1e-9 { // a flat series gets air around it
		pad := math.Max(math.Abs(low)*0.1, 0.5)
		low, high = low-pad, high+pad
	}
	pad := (high - low) * 0.12
	// An open side of the range shows as a band too, not as a line at the edge.
	if usual.Low == nil && usual.High != nil && low == *usual.High {
		low -= pad * 2
	}
	if usual.High == nil && usual.Low != nil && high == *usual.Low {
		high += pad * 2
	}
	if low >= 0 { // measured amounts do not go below zero, so the axis does not
		low = math.Max(0, low-pad)
	} else {
		low -= pad
	}
	high += pad
	p := plot{size: s, low: low, high: high, first: pts[0].At, last: pts[len(pts)-1].At}
	if s.ticks > 0 {
		p.step = niceStep((high - low) / float64(s.ticks))
		p.low = math.Floor(low/p.step) * p.step
		p.high = math.Ceil(high/p.step) * p.step
	}
	return p
}

// aroundBound widens the domain of a gauge whose range has one bound: what is allowed
// begins at nothing or goes on beyond the bound, and 192 of "up to 199" stands close to
// the end of the band, not where the lowest value would.
func (p plot) aroundBound(usual Range) plot {
	switch {
	case usual.Low == nil && usual.High != nil && *usual.High > 0 && p.low >= 0:
		p.low, p.high = 0, math.Max(p.high, *usual.High*1.1)
	case usual.High == nil && usual.Low != nil && *usual.Low > 0:
		p.low, p.high = math.Min(p.low, *usual.Low*0.5), math.Max(p.high, *usual.Low*1.5)
	}
	return p
}

func (p plot) x(at time.Time) float64 {
	span := p.last.Sub(p.first)
	inner := p.right - p.left - 20
	if span <= 0 {
		return p.left + 10 + inner/2
	}
	return p.left + 10 + inner*float64(at.Sub(p.first))/float64(span)
}

func (p plot) y(v float64) float64 {
	share := (v - p.low) / (p.high - p.low)
	return p.bottom - (p.bottom-p.top)*math.Max(0, math.Min(1, share))
}

// niceStep rounds up to 1, 2, 2.5 or 5 times a power of ten.
func niceStep(raw float64) float64 {
	power := math.Pow(10, math.Floor(math.Log10(raw)))
	for _, m := range []float64{1, 2, 2.5, 5} {
		if m*power >= raw {
			return m * power
		}
	}
	return 10 * power
}

// tick writes a value of the axis with as many decimals as its step has.
func tick(v, step float64) string {
	decimals := 0
	for s := step; decimals < 6 && math.Abs(s-math.Round(s)) > 1e-9; decimals++ {
		s *= 10
	}
	if v == 0 {
		v = 0 // no "-0"
	}
	return strconv.FormatFloat(v, 'f', decimals, 64)
}
