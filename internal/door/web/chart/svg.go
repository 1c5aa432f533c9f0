package chart

import (
	"html"
	"html/template"
	"math"
	"slices"
	"strconv"
	"strings"
	"time"
	"unicode/utf8"
)

// svg writes one drawing. Its methods are the only source of markup: texts pass
// text(), numbers pass num().
type svg struct{ b strings.Builder }

func sortByTime(pts []Point) {
	slices.SortStableFunc(pts, func(a, b Point) int { return a.At.Compare(b.At) })
}

func num(v float64) string {
	return strconv.FormatFloat(math.Round(v*10)/10, 'f', -1, 64)
}

func newSVG(s size, t Trend) *svg {
	d := &svg{}
	title := html.EscapeString(t.ID) + "-" + s.name
	d.raw(`<svg class="chart chart-`, s.name, `" viewBox="0 0 `, num(s.width), ` `, num(s.height),
		`" role="img" aria-labelledby="`, title, `" focusable="false"><title id="`, title, `">`,
		html.EscapeString(t.Spoken), `</title>`)
	return d
}

func (d *svg) raw(parts ...string) {
	for _, p := range parts {
		d.b.WriteString(p)
	}
}

// done is the one conversion to template.HTML of the web door.
func (d *svg) done() template.HTML {
	d.raw(`</svg>`)
	return template.HTML(d.b.String()) //nolint:gosec // every text above went through html.EscapeString
}

// text draws s at x, y; the class carries size, weight and anchor.
func (d *svg) text(class string, x, y float64, s string) {
	d.raw(`<text class="`, class, `" x="`, num(x), `" y="`, num(y), `">`, html.EscapeString(s), `</text>`)
}

func (d *svg) segment(class string, x1, y1, x2, y2 float64) {
	d.raw(`<path class="`, class, `" d="M`, num(x1), ` `, num(y1), `L`, num(x2), ` `, num(y2), `"/>`)
}

func (d *svg) rect(class string, x, y, w, h, r float64) {
	d.raw(`<rect class="`, class, `" x="`, num(x), `" y="`, num(y), `" width="`, num(w), `" height="`, num(h), `" rx="`, num(r), `"/>`)
}

// band draws the usual range; an open side runs to the edge of the plot and has
// no line there, so that it does not look like a bound.
func (d *svg) band(p plot, usual Range) {
	if usual.Low == nil && usual.High == nil {
		return
	}
	top, bottom := p.top, p.bottom
	if usual.High != nil {
		top = p.y(*usual.High)
	}
	if usual.Low != nil {
		bottom = p.y(*usual.Low)
	}
	if bottom <= top {
		return
	}
	d.rect("c-band", p.left, top, p.right-p.left, bottom-top, 0)
}

// edges draws the bounds of the usual range, over the lines of the axis.
func (d *svg) edges(p plot, usual Range) {
	for _, bound := range []*float64{usual.High, usual.Low} {
		if bound != nil {
			d.segment("c-edge", p.left, p.y(*bound), p.right, p.y(*bound))
		}
	}
}

// gauge shows one value on a horizontal track with the usual range on it.
func (d *svg) gauge(p plot, pt Point, usual Range) {
	x := func(v float64) float64 {
		return p.left + (p.right-p.left)*math.Max(0, math.Min(1, (v-p.low)/(p.high-p.low)))
	}
	middle := (p.top + p.bottom) / 2
	d.rect("c-track", p.left, middle-2, p.right-p.left, 4, 2)
	if usual.Low != nil || usual.High != nil {
		from, to := p.left, p.right
		if usual.Low != nil {
			from = x(*usual.Low)
		}
		if usual.High != nil {
			to = x(*usual.High)
		}
		if to > from {
			d.rect("c-gauge", from, middle-5, to-from, 10, 3)
		}
	}
	class := "c-needle"
	if pt.Outside {
		class += " c-outside"
	}
	d.rect(class, x(pt.Value)-2, middle-12, 4, 24, 2)
}

func (d *svg) valueAxis(p plot) {
	for i := range 3 * p.ticks { // never more, whatever the rounding does
		v := p.low + float64(i)*p.step
		if v > p.high+p.step/2 {
			return
		}
		y := p.y(v)
		d.segment("c-grid", p.left, y, p.right, y)
		d.text("c-text c-end", p.left-8, y+5, tick(v, p.step))
	}
}

// dateAxis writes the first and the last date and as many between as fit.
func (d *svg) dateAxis(p plot, pts []Point, write func(time.Time) string) {
	if write == nil {
		return
	}
	y := p.bottom + 26
	first, last := write(pts[0].At), write(pts[len(pts)-1].At)
	if first == last {
		d.text("c-text c-middle", (p.left+p.right)/2, y, first)
		return
	}
	d.text("c-text", p.left, y, first)
	d.text("c-text c-end", p.right, y, last)
	from, to := p.left+breadth(first)+20, p.right-breadth(last)-20
	for i := 1; i < p.dates-1; i++ {
		share := float64(i) / float64(p.dates-1)
		at := p.first.Add(time.Duration(float64(p.last.Sub(p.first)) * share))
		s := write(at)
		x, half := p.x(at), breadth(s)/2
		if s == first || s == last || x-half < from || x+half > to {
			continue
		}
		d.text("c-text c-middle", x, y, s)
		from = x + half + 20
	}
}

// breadth estimates the width of s in 16-unit type, generously.
func breadth(s string) float64 { return float64(utf8.RuneCountInString(s)) * 9.4 }

func (d *svg) line(p plot, pts []Point) {
	if len(pts) < 2 {
		return
	}
	d.raw(`<path class="c-line" d="`)
	for i, pt := range pts {
		letter := "L"
		if i == 0 {
			letter = "M"
		}
		d.raw(letter, num(p.x(pt.At)), " ", num(p.y(pt.Value)))
	}
	d.raw(`"/>`)
}

// mark is a circle inside the usual range and a diamond outside it.
func (d *svg) mark(p plot, pt Point, last bool) {
	x, y, r := p.x(pt.At), p.y(pt.Value), 4.5
	class := "c-dot"
	if last {
		class, r = "c-dot c-last", 5.5
	}
	if !pt.Outside {
		d.raw(`<circle class="`, class, `" cx="`, num(x), `" cy="`, num(y), `" r="`, num(r), `"/>`)
		return
	}
	r *= 1.35
	d.raw(`<path class="`, class, ` c-outside" d="M`, num(x), ` `, num(y-r), `L`, num(x+r), ` `, num(y),
		`L`, num(x), ` `, num(y+r), `L`, num(x-r), ` `, num(y), `Z"/>`)
}

// lastValue writes the newest value beside its mark, on the side where the line
// does not run.
func (d *svg) lastValue(p plot, pts []Point) {
	pt := pts[len(pts)-1]
	x, y := p.x(pt.At), p.y(pt.Value)
	above := len(pts) < 2 || pts[len(pts)-2].Value <= pt.Value
	if y-p.top < 6 {
		above = false
	}
	if p.bottom-y < 30 {
		above = true
	}
	dy := 28.0
	if above {
		dy = -14
	}
	class := "c-value c-end"
	if len(pts) == 1 {
		class = "c-value c-middle"
	} else {
		x = math.Min(x+10, p.right)
	}
	d.text(class, x, y+dy, pt.Written)
}

func (d *svg) legend(s size, words string) {
	y := s.bottom + 58
	d.rect("c-band", s.left, y-13, 26, 15, 0)
	d.segment("c-edge", s.left, y-13, s.left+26, y-13)
	d.segment("c-edge", s.left, y+2, s.left+26, y+2)
	d.text("c-text", s.left+36, y, words)
}
