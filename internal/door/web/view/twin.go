package view

import (
	"bytes"
	"fmt"
	"html"
	"io"
	"strings"
	"time"
)

// Twin is another form of a page: the same template, filled with the same model, in
// a frame for paper, in large letters, or as plain text. It is made of the finished
// page, so it cannot leave out what the page says, and a new page has it too.
type Twin string

// The twins. The zero Twin is the page itself.
const (
	TwinPrint Twin = "print"
	TwinLarge Twin = "large"
	TwinText  Twin = "text"
)

// ParseTwin reads the name of a twin; what is none is the page itself.
func ParseTwin(s string) Twin {
	switch t := Twin(s); t {
	case TwinPrint, TwinLarge, TwinText:
		return t
	default:
		return ""
	}
}

// Sheet is what a twin says at its head beside what the page knows.
type Sheet struct {
	As   Twin
	Born Day       // of the patient; unknown when the page opened nothing that says it
	Made time.Time // in the clinic's time zone
}

// Large reports whether the letters are large.
func (s Sheet) Large() bool { return s.As == TwinLarge }

// Twin writes the twin of m whole or not at all, as Render does the page: HTML, or
// for TwinText plain text in UTF-8.
func (s *Set) Twin(w io.Writer, m Model, sheet Sheet) error {
	b := m.base()
	b.Lang, b.Sheet = s.catalog.Language(b.Lang).Tag(), sheet
	t, err := s.template(b.Lang, m)
	if err != nil {
		return fmt.Errorf("render twin: %w", err)
	}
	var out bytes.Buffer
	if err := t.ExecuteTemplate(&out, "paper", m); err != nil {
		return fmt.Errorf("render twin of %s: %w", m.page(), withoutValues(err))
	}
	page, err := onPaper(string(visible(out.Bytes())))
	if err == nil && sheet.As == TwinText {
		page, err = plainText(page)
	}
	if err != nil {
		return fmt.Errorf("render twin of %s: %w", m.page(), err)
	}
	if _, err := io.WriteString(w, page); err != nil {
		return fmt.Errorf("write twin of %s: %w", m.page(), err)
	}
	return nil
}

// onPaper takes from the main part of a page what has a use on a screen alone, and
// opens what is folded. Everything else stays as it was written.
func onPaper(page string) (string, error) {
	before, rest, ok := strings.Cut(page, "<main")
	main, after, closed := strings.Cut(rest, "</main>")
	if !ok || !closed {
		return "", errUnbalanced
	}
	var out strings.Builder
	out.WriteString(before)
	var gone []string // open elements that are left out
	for p := range pieces("<main" + main) {
		switch {
		case len(gone) > 0:
			keepChoice(&out, p)
			gone = within(gone, p)
		case p.name == "a" && !p.onScreen():
			// Its words stay: an address on paper leads nowhere, and a PDF would carry it.
		case p.name != "" && !p.end && p.onScreen():
			if words, ok := p.attr("data-paper"); ok {
				out.WriteString(`<p class="soft">` + html.EscapeString(words) + `</p>`)
			}
			gone = within(gone, p)
		case p.name == "details":
			out.WriteString(p.as("div", ""))
		case p.name == "summary":
			out.WriteString(p.as("p", ` class="fold"`))
		default:
			out.WriteString(p.raw)
		}
	}
	if len(gone) > 0 {
		return "", errUnbalanced
	}
	return out.String() + "</main>" + after, nil
}

// as is the tag of another element in the place of p.
func (p piece) as(name, attributes string) string {
	if p.end {
		return "</" + name + ">"
	}
	return "<" + name + attributes + ">"
}

// within is the open elements after p.
func within(open []string, p piece) []string {
	switch {
	case p.name == "" || p.void:
		return open
	case p.end:
		return open[:len(open)-1]
	default:
		return append(open, p.name)
	}
}

// keepChoice says what was chosen in a row of choices that is left out: without it
// the twin of a part would look like the whole.
func keepChoice(out *strings.Builder, p piece) {
	on, _ := p.attr("aria-pressed")
	if here, ok := p.attr("aria-current"); ok {
		on = here
	}
	if words, ok := p.attr("data-paper"); ok && on == "true" {
		out.WriteString(`<p class="soft">` + html.EscapeString(words) + `</p>`)
	}
}

// onScreen reports whether an element has a use on a screen alone: what one presses,
// types into or goes on with.
func (p piece) onScreen() bool {
	switch p.name {
	case "form", "nav", "button", "input", "select", "textarea", "script", "noscript":
		return true
	}
	if _, ok := p.attr("hidden"); ok {
		return true
	}
	if _, ok := p.attr("download"); ok {
		return true
	}
	return p.is("acts", "crumb", "onward", "button")
}
