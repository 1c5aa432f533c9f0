package chart

import (
	"encoding/xml"
	"errors"
	"io"
	"math"
	"regexp"
	"strconv"
	"strings"
	"testing"
	"time"

	"pgregory.net/rapid"
)

func bound(v float64) *float64 { return &v }

func day(n int) time.Time { return time.Date(2025, 1, 1+n, 9, 0, 0, 0, time.UTC) }

// parse fails unless s is well-formed XML whose elements and attributes are the
// few that this package writes.
func parse(t interface{ Fatalf(string, ...any) }, s string) (texts []string) {
	d := xml.NewDecoder(strings.NewReader(s))
	ok := map[string]bool{"svg": true, "title": true, "text": true, "path": true, "rect": true, "circle": true}
	for {
		tok, err := d.Token()
		if errors.Is(err, io.EOF) {
			return texts
		}
		if err != nil {
			t.Fatalf("not well-formed: %v\n%s", err, s)
		}
		switch tok := tok.(type) {
		case xml.StartElement:
			if !ok[tok.Name.Local] {
				t.Fatalf("element %s", tok.Name.Local)
			}
			for _, a := range tok.Attr {
				if a.Name.Local == "style" || strings.HasPrefix(a.Name.Local, "on") || strings.Contains(a.Value, "NaN") || strings.Contains(a.Value, "Inf") {
					t.Fatalf("attribute %s=%q", a.Name.Local, a.Value)
				}
			}
		case xml.CharData:
			texts = append(texts, string(tok))
		}
	}
}

func TestTextsAreEscaped(t *testing.T) {
	evil := `</title></svg><script>alert(1)</script>"'&`
	tr := Trend{ID: "x\" onload=\"1", Spoken: evil, Legend: evil, Usual: Range{High: bound(7)},
		Points: []Point{{At: day(0), Value: 6, Written: evil}, {At: day(30), Value: 8, Written: evil, Outside: true}},
		Date:   func(time.Time) string { return evil }}
	for _, s := range []string{string(Wide(tr)), string(Narrow(tr)), string(Spark(tr))} {
		parse(t, s)
		if strings.Contains(s, "<script") || strings.Contains(s, `" onload="`) {
			t.Error("text got out of its place")
		}
	}
}

// A value outside its range differs in shape, not in colour alone.
func TestOutsideHasAnotherShape(t *testing.T) {
	in := string(Wide(Trend{ID: "a", Points: []Point{{At: day(0), Value: 6}}}))
	out := string(Wide(Trend{ID: "a", Points: []Point{{At: day(0), Value: 6, Outside: true}}}))
	if !strings.Contains(in, "<circle") || strings.Contains(out, "<circle") {
		t.Error("the shapes are alike")
	}
}

func TestEmptyAndOneValue(t *testing.T) {
	parse(t, string(Wide(Trend{ID: "a", Spoken: "No values."})))
	s := string(Spark(Trend{ID: "a", Usual: Range{Low: bound(1), High: bound(2)}, Points: []Point{{At: day(0), Value: 1.5}}}))
	if !strings.Contains(s, "c-needle") {
		t.Error("one value shows its place on the range")
	}
}

// A value close to the one bound of its range stands close to it on the gauge.
func TestAGaugeWithOneBound(t *testing.T) {
	needle := regexp.MustCompile(`c-needle" x="([0-9.]+)"`)
	for _, k := range []struct {
		name     string
		value    float64
		usual    Range
		from, to float64
	}{
		{"just below the most", 192, Range{High: bound(199)}, 100, 116},
		{"far below the most", 20, Range{High: bound(199)}, 4, 30},
		{"far above the most", 1719, Range{High: bound(450)}, 100, 124},
		{"just above the least", 44, Range{Low: bound(40)}, 65, 85},
		{"just below the least", 58, Range{Low: bound(60)}, 45, 65},
	} {
		s := string(Spark(Trend{ID: "a", Usual: k.usual, Points: []Point{{At: day(0), Value: k.value}}}))
		m := needle.FindStringSubmatch(s)
		if m == nil {
			t.Fatalf("%s: no needle in %s", k.name, s)
		}
		if x, err := strconv.ParseFloat(m[1], 64); err != nil || x < k.from || x > k.to {
			t.Errorf("%s: the needle is at %s, want %v to %v", k.name, m[1], k.from, k.to)
		}
	}
}

func TestTicks(t *testing.T) {
	for _, k := range []struct {
		v, step float64
		want    string
	}{{7, 0.5, "7.0"}, {100, 20, "100"}, {0.25, 0.25, "0.25"}, {math.Copysign(0, -1), 1, "0"}} {
		if got := tick(k.v, k.step); got != k.want {
			t.Errorf("%v step %v: %s, want %s", k.v, k.step, got, k.want)
		}
	}
}

// Whatever the numbers are, the drawing is well-formed and finite.
func TestAnyNumbers(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		var pts []Point
		for range rapid.IntRange(0, 60).Draw(t, "n") {
			pts = append(pts, Point{At: day(rapid.IntRange(0, 4000).Draw(t, "day")), Value: rapid.Float64().Draw(t, "v"),
				Written: rapid.StringMatching(`[0-9.]{0,6}`).Draw(t, "written"), Outside: rapid.Bool().Draw(t, "outside")})
		}
		var usual Range
		if rapid.Bool().Draw(t, "low") {
			usual.Low = bound(rapid.Float64().Draw(t, "lowest"))
		}
		if rapid.Bool().Draw(t, "high") {
			usual.High = bound(rapid.Float64().Draw(t, "highest"))
		}
		tr := Trend{ID: "t", Points: pts, Usual: usual, Legend: "usual", Date: func(at time.Time) string { return at.Format("Jan 2006") }}
		for _, s := range []string{string(Wide(tr)), string(Narrow(tr)), string(Spark(tr))} {
			parse(t, s)
			if len(s) > 40_000 {
				t.Fatalf("%d bytes", len(s))
			}
		}
	})
}
