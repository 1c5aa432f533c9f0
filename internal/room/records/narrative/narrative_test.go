package narrative_test

import (
	"fmt"
	"strings"
	"testing"
	"unicode/utf8"

	"postern.example/postern/internal/room/records/narrative"
)

func same(s string) string { return s }

// write shows a tree in a shape that a test reads: *strong*, _em_, | for a break.
func write(blocks []narrative.Block) string {
	var b strings.Builder
	for _, x := range blocks {
		switch x.Kind {
		case narrative.List:
			fmt.Fprintf(&b, "[list %v:", x.Ordered)
			for _, item := range x.Items {
				b.WriteString("(" + write(item) + ")")
			}
			b.WriteString("]")
		case narrative.Table:
			b.WriteString("[table")
			if len(x.Spans) > 0 {
				b.WriteString(" " + spans(x.Spans))
			}
			for _, row := range x.Rows {
				b.WriteString(" /")
				for _, c := range row {
					if c.Head {
						b.WriteString("!")
					}
					b.WriteString(spans(c.Spans) + ";")
				}
			}
			b.WriteString("]")
		case narrative.Heading:
			b.WriteString("[h " + spans(x.Spans) + "]")
		default:
			b.WriteString("[p " + spans(x.Spans) + "]")
		}
	}
	return b.String()
}

func spans(list []narrative.Span) string {
	var b strings.Builder
	for _, s := range list {
		switch {
		case s.Break:
			b.WriteString("|")
		case s.Strong:
			b.WriteString("*" + s.Text + "*")
		case s.Em:
			b.WriteString("_" + s.Text + "_")
		default:
			b.WriteString(s.Text)
		}
	}
	return b.String()
}

func TestNotes(t *testing.T) {
	for _, c := range []struct{ markup, want string }{
		{`<div xmlns="http://www.w3.org/1999/xhtml"><p>James is <b>well</b>.</p><p>Come  back
			in May.</p></div>`, "[p James is *well*.][p Come back in May.]"},
		{"plain words", "[p plain words]"},
		{"<h2>Plan</h2><ul><li>Walk</li><li>Eat <em>less</em> salt<ul><li>no chips</li></ul></li></ul>", "[h Plan][list false:([p Walk])([p Eat _less_ salt][list false:([p no chips])])]"},
		{"<ol><li>one<li>two</ol>after", "[list true:([p one])([p two])][p after]"},
		{"<table><caption>Values</caption><thead><tr><th>Test</th><th>Value</th></tr></thead><tbody><tr><td>A1c</td><td>7.4<br/>%</td></tr></tbody></table>",
			"[table Values /!Test;!Value; /A1c;7.4|%;]"},
		{"<table><tr><td>a<td>b<tr><td><p>c</p><p>d</p></table>e", "[table /a;b; /c|d;][p e]"},
		{"sugar < 70 or > 300 &amp; ketones &lt;b&gt;", "[p sugar < 70 or > 300 & ketones <b>]"},
		{`<a href="javascript:alert(1)" title=">">call us</a> today`, "[p call us today]"},
		{`<p style="display:none">hidden by a style</p>`, "[p hidden by a style]"},
		{"<script>alert('<p>1</p>')</script><style>p{}</style><p>kept</p>", "[p kept]"},
		{"<svg><svg><text>x</text></svg><p>y</p></svg>z", "[p z]"},
		{"a<!-- <p>b</p> -->c<![CDATA[ <d> ]]>e", "[p ac <d> e]"},
		{"<p>unclosed <b>bold", "[p unclosed *bold*]"},
		{"</p></ul></table></li>stray", "[p stray]"},
		{"<li>no list<td>no table", "[p no list][p no table]"},
		{"<dl><dt>Weight</dt><dd>93 kg</dd></dl>", "[p *Weight*][p 93 kg]"},
		{"<pre>one\n  two</pre>", "[p one|  two]"},
		{"<p>cut <img src=x onerror=alert(1) here", "[p cut]"},
		{"<ul>words<li>item</li></ul><table>loose</table>", "[list false:([p words])([p item])][table /loose;]"},
		{"<p> <br/> </p>", ""},
	} {
		if got := write(narrative.Parse(c.markup, same).Reveal()); got != c.want {
			t.Errorf("%s\n got %s\nwant %s", c.markup, got, c.want)
		}
	}
	if got := write(narrative.Plain("Dear James,\r\nyour sugar is <fine>.\n\n&amp; come back.", same).Reveal()); got != "[p Dear James,|your sugar is <fine>.][p &amp; come back.]" {
		t.Errorf("plain: %s", got)
	}
}

func TestNotesAreBounded(t *testing.T) {
	for name, markup := range map[string]string{
		"long":     strings.Repeat("<p>word</p>", 200_000),
		"text":     strings.Repeat("word ", 100_000),
		"deep":     strings.Repeat("<ul><li>", 50_000) + "x",
		"tables":   strings.Repeat("<table><tr><td>", 50_000) + "x",
		"open":     strings.Repeat("<script>", 20_000),
		"cells":    "<table><tr>" + strings.Repeat("<td>", 250_000),
		"rows":     "<table>" + strings.Repeat("<tr><th>", 100_000),
		"brackets": strings.Repeat("<", 200_000),
	} {
		d := narrative.Parse(markup, same)
		if n := len(write(d.Reveal())); n > 200_000 {
			t.Errorf("%s: %d characters", name, n)
		}
		if (name == "long" || name == "text" || name == "cells" || name == "rows") && !d.Cut() {
			t.Errorf("%s: nobody says that it was cut off", name)
		}
	}
	if d := narrative.Plain(strings.Repeat("word\n\n", 300_000), same); !d.Cut() {
		t.Error("a long plain note: nobody says that it was cut off")
	}
}

// A note does not print, and says when a picture is missing.
func TestNoteIsHealthData(t *testing.T) {
	d := narrative.Parse(`<p>secret</p><img src="x"/>`, same)
	if s := fmt.Sprintf("%v %s %#v", d, d, d); strings.Contains(s, "secret") || !d.Left() || d.IsZero() {
		t.Errorf("%s %v", s, d.Left())
	}
	if b, _ := d.MarshalJSON(); string(b) != `"[redacted]"` {
		t.Errorf("%s", b)
	}
	if b, _ := d.MarshalText(); string(b) != "[redacted]" || d.LogValue().String() != "[redacted]" {
		t.Errorf("%s", b)
	}
	var none narrative.Doc
	if !none.IsZero() || none.Cut() || none.Left() || none.Reveal() != nil {
		t.Error("no note reads as one")
	}
}

func FuzzParse(f *testing.F) {
	for _, s := range []string{"<p>a</p>", "<table><tr><td>a<ul><li>b</table>", "<script>", "&#x202e;", "<!--", "<a b='", "<li><td><caption>", "\xff<p\xfe>"} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, markup string) {
		for _, d := range []narrative.Doc{narrative.Parse(markup, same), narrative.Plain(markup, same)} {
			check(t, d.Reveal(), 0)
		}
	})
}

func check(t *testing.T, blocks []narrative.Block, depth int) {
	if depth > 12 {
		t.Fatal("too deep")
	}
	for _, b := range blocks {
		runs := b.Spans
		for _, row := range b.Rows {
			for _, c := range row {
				runs = append(runs, c.Spans...)
			}
		}
		for _, s := range runs {
			if !utf8.ValidString(s.Text) || s.Break && s.Text != "" {
				t.Fatalf("span %q", s.Text)
			}
		}
		for _, item := range b.Items {
			check(t, item, depth+1)
		}
	}
}
