package view_test

import (
	"html"
	"reflect"
	"regexp"
	"slices"
	"strings"
	"testing"
	"unicode"
	"unicode/utf8"

	"postern.example/postern/internal/door/web/assets"
	"postern.example/postern/internal/door/web/catalog"
	"postern.example/postern/internal/door/web/view"
	"postern.example/postern/internal/door/web/view/viewtest"
)

// Brackets stand around every message of the test language.
const (
	opens  = "⟦"
	closes = "⟧"
)

// pseudo is the test language: every message in brackets, its vowels with accents.
func pseudo(text string) string {
	var b strings.Builder
	inside := false // of a placeholder, which stays
	accents := map[rune]rune{'a': 'á', 'e': 'é', 'i': 'í', 'o': 'ó', 'u': 'ú'}
	for _, r := range text {
		switch {
		case r == '{':
			inside = true
		case r == '}':
			inside = false
		case !inside && accents[r] != 0:
			r = accents[r]
		}
		b.WriteRune(r)
	}
	return opens + b.String() + closes
}

// No word on a page stands in a template or in code: what is in no brackets of the test
// language came from the model, which the fixtures filled with names and values.
func TestNoWordsStandOutsideTheCatalogue(t *testing.T) {
	c, err := catalog.Load()
	if err != nil {
		t.Fatal(err)
	}
	a, err := assets.New()
	if err != nil {
		t.Fatal(err)
	}
	s, err := view.New(view.Config{Catalog: c.Rewritten(pseudo), Assets: a})
	if err != nil {
		t.Fatal(err)
	}
	for _, lang := range catalog.Languages() {
		for _, p := range viewtest.Pages(lang) {
			page := render(t, s, p.Model)
			if strings.Count(page, opens) < 5 {
				t.Fatalf("%s is not in the test language", p.Name)
			}
			for _, word := range stray(page, append(valuesOf(p.Model), typed()...)) {
				t.Errorf("%s.%s: %q stands on the page and in no catalogue: give it a message id", p.Name, lang, word)
			}
		}
	}
}

// typed lists what people type as it stands, in every language: commands.
func typed() []string {
	return []string{"postern import", "postern audit verify --proof postern-20481.tlog-proof --key log.vkey"}
}

// The test sees what it is for.
func TestStrayWordsAreSeen(t *testing.T) {
	page := `<html><title>⟦Títlé⟧ · Riverside</title><script>var x = "words";</script><p>⟦Héllo ⟦ón⟧ Rosa⟧, <b>stray</b> 7.1 %</p>` +
		`<img alt="A chart"><input placeholder="⟦Námé⟧"><button aria-label="Close">⟦X⟧</button><p title="Rosa">Rosa</p><p>Ros</p><input type="submit" value="Send"></html>`
	got := stray(page, []string{"Rosa", "Riverside"})
	if want := []string{"A chart", "Close", "Ros", "Send", "stray"}; !slices.Equal(got, want) {
		t.Errorf("%q, want %q", got, want)
	}
}

var (
	noText    = regexp.MustCompile(`(?s)<(script|style)\b.*?</(?:script|style)>|<!.*?>`)
	tags      = regexp.MustCompile(`(?s)<[^>]*>`)
	spoken    = regexp.MustCompile(`(?s)\s(?:title|aria-label|aria-description|aria-roledescription|aria-valuetext|alt|placeholder|label)="([^"]*)"`)
	pressed   = regexp.MustCompile(`(?s)<input[^>]*type="(?:submit|button|reset)"[^>]*>`)
	itsValue  = regexp.MustCompile(`\svalue="([^"]*)"`)
	bracketed = regexp.MustCompile(`⟦[^⟦⟧]*⟧`)
)

// stray lists the texts of a page that people see or hear and that are neither in
// brackets nor among known.
func stray(page string, known []string) []string {
	page = noText.ReplaceAllString(page, "")
	var texts []string
	for _, tag := range tags.FindAllString(page, -1) {
		for _, m := range spoken.FindAllStringSubmatch(tag, -1) {
			texts = append(texts, m[1])
		}
		if pressed.MatchString(tag) {
			for _, m := range itsValue.FindAllStringSubmatch(tag, -1) {
				texts = append(texts, m[1])
			}
		}
	}
	// Brackets may hold tags, where a message is a whole element's name: texts first.
	texts = append(texts, tags.Split(page, -1)...)
	seen := map[string]bool{}
	for _, text := range texts {
		text = html.UnescapeString(text)
		for bracketed.MatchString(text) {
			text = bracketed.ReplaceAllString(text, "\x00")
		}
		for part := range strings.SplitSeq(text, "\x00") {
			part = strings.TrimFunc(part, func(r rune) bool { return !unicode.IsLetter(r) && !unicode.IsDigit(r) })
			if strings.ContainsFunc(part, unicode.IsLetter) && !slices.ContainsFunc(known, func(k string) bool { return holds(k, part) }) {
				seen[part] = true
			}
		}
	}
	var out []string
	for text := range seen {
		out = append(out, text)
	}
	slices.Sort(out)
	return out
}

// holds reports whether part stands in value, as whole words.
func holds(value, part string) bool {
	letter := func(r rune) bool { return unicode.IsLetter(r) || unicode.IsDigit(r) }
	for rest := value; ; {
		before, after, found := strings.Cut(rest, part)
		if !found {
			return false
		}
		left, _ := utf8.DecodeLastRuneInString(before)
		right, _ := utf8.DecodeRuneInString(after)
		if !letter(left) && !letter(right) {
			return true
		}
		rest = after
	}
}

// valuesOf lists the strings that a model holds.
func valuesOf(m any) []string {
	var out []string
	seen := map[uintptr]bool{}
	var walk func(v reflect.Value)
	walk = func(v reflect.Value) {
		switch v.Kind() {
		case reflect.String:
			first, _ := utf8.DecodeRuneInString(v.String())
			out = append(out, v.String(), strings.ToUpper(string(first))) // the initial, on a tile
		case reflect.Pointer:
			if !v.IsNil() && !seen[v.Pointer()] {
				seen[v.Pointer()] = true
				walk(v.Elem())
			}
		case reflect.Interface:
			walk(v.Elem())
		case reflect.Struct:
			for i := range v.NumField() {
				walk(v.Field(i))
			}
		case reflect.Slice, reflect.Array:
			for i := range v.Len() {
				walk(v.Index(i))
			}
		case reflect.Map:
			for _, k := range v.MapKeys() {
				walk(k)
				walk(v.MapIndex(k))
			}
		}
	}
	walk(reflect.ValueOf(m))
	return out
}
