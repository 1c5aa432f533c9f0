package view_test

import (
	"bytes"
	"html"
	"os"
	"path/filepath"
	"reflect"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"
	"unicode/utf8"

	"github.com/jba/templatecheck"

	"postern.example/postern/internal/door/web/catalog"
	"postern.example/postern/internal/door/web/view"
	"postern.example/postern/internal/door/web/view/viewtest"
	"postern.example/postern/test/covers"
)

func sheet(as view.Twin) view.Sheet {
	return view.Sheet{As: as, Born: view.ParseDay("1961-02-28"), Made: time.Date(2026, 11, 22, 9, 30, 0, 0, time.UTC)}
}

func twin(t testing.TB, s *view.Set, m view.Model, as view.Twin) string {
	t.Helper()
	var b bytes.Buffer
	if err := s.Twin(&b, m, sheet(as)); err != nil {
		t.Fatal(err)
	}
	return b.String()
}

// withTwins are the pages that show a chart.
func withTwins(t testing.TB, lang string) []viewtest.Page {
	t.Helper()
	pages := slices.DeleteFunc(viewtest.Pages(lang), func(p viewtest.Page) bool {
		b, _ := reflect.ValueOf(p.Model).Elem().FieldByName("Base").Interface().(view.Base)
		return !b.Twins
	})
	if len(pages) < 14 {
		t.Fatalf("%d pages with twins", len(pages))
	}
	return pages
}

// What has a use on a screen alone, found in another way than the twins find it: the
// templates nest none of these in another of the same name.
var screenOnly = regexp.MustCompile(`(?s)<form.*?</form>|<nav.*?</nav>|<button.*?</button>|<noscript.*?</noscript>|<a [^>]*\bdownload\b.*?</a>|` +
	`<a class="(?:button|onward)[^>]*>.*?</a>|<p class="(?:crumb|acts)[^>]*>.*?</p>|<svg[^>]* aria-hidden="true".*?</svg>|<span class="tile[^>]*>.*?</span>`)

// wordsOf are the words of some markup, without what is drawn.
func wordsOf(markup string) []string {
	drawn := regexp.MustCompile(`(?s)<(?:text|desc)\b.*?</(?:text|desc)>`)
	markup = drawn.ReplaceAllString(screenOnly.ReplaceAllString(markup, " "), " ")
	return strings.Fields(html.UnescapeString(regexp.MustCompile(`<[^>]*>`).ReplaceAllString(markup, " ")))
}

// bare leaves of words what a line break or a label may not change.
func bare(words []string) []string {
	var out []string
	for _, w := range words {
		if w = strings.Trim(w, ":;,.·-=~()"); w != "" {
			out = append(out, w)
		}
	}
	return out
}

// tag is markup of ours; "< 70" is none.
var tag = regexp.MustCompile(`</?(?:p|div|li|span|section|t[dhr]|form|a|bdi)[ >]`)

// Every word of a page stands in its twins: as often on paper, and at least once in
// the text.
func TestTwinsLeaveNothingOut(t *testing.T) {
	covers.Covers(t, "CH-6")
	s, _, _ := newSet(t)
	for _, lang := range catalog.Languages() {
		for _, p := range withTwins(t, lang) {
			_, main, _ := strings.Cut(render(t, s, p.Model), "<main")
			main, _, _ = strings.Cut("<main"+main, "</main>")
			want := wordsOf(main)
			for _, as := range []view.Twin{view.TwinPrint, view.TwinLarge} {
				_, got, _ := strings.Cut(twin(t, s, p.Model, as), "<main")
				got, _, _ = strings.Cut("<main"+got, "</main>")
				got = regexp.MustCompile(`<p class="soft">(?:Shown here|There is more|Aquí se muestra|Hay más).*?</p>`).ReplaceAllString(got, "")
				if !slices.Equal(wordsOf(got), want) {
					t.Errorf("%s %s: %s says\n%s\nand the page\n%s", lang, p.Name, as, wordsOf(got), want)
				}
			}
			text := bare(strings.Fields(strings.ToLower(twin(t, s, p.Model, view.TwinText))))
			for _, w := range bare(want) {
				if !slices.Contains(text, strings.ToLower(w)) {
					t.Errorf("%s %s: %q is not in the text", lang, p.Name, w)
				}
			}
		}
	}
}

// A twin says whose record it is, which page, and when it was made; what has a use on
// a screen alone is gone, and what is folded is open.
func TestTwinsAreForPaper(t *testing.T) {
	s, _, _ := newSet(t)
	for _, lang := range catalog.Languages() {
		born, made := map[string]string{"en": "February 28, 1961", "es": "28 de febrero de 1961"}[lang], map[string]string{"en": "November 22, 2026 at 9:30", "es": "22 de noviembre de 2026"}[lang]
		for _, p := range withTwins(t, lang) {
			for _, as := range []view.Twin{view.TwinPrint, view.TwinLarge} {
				name, page := lang+" "+p.Name+" "+string(as), twin(t, s, p.Model, as)
				for _, must := range []string{"James Okoro", born, made, "Riverside Clinic", "(555) 010-0142"} {
					if !strings.Contains(page, must) {
						t.Errorf("%s: no %q", name, must)
					}
				}
				_, main, _ := strings.Cut(page, "<main")
				main, _, _ = strings.Cut(main, "</main>")
				for _, never := range []string{"<form", "<nav", "<button", "<input", "<a ", "</a>", "href", "<details", "<summary", " download>", "data-paper"} {
					if strings.Contains(main, never) {
						t.Errorf("%s: %s is left", name, never)
					}
				}
				if strings.Contains(page, "<script") || (strings.Contains(page, `class="large"`) != (as == view.TwinLarge)) {
					t.Errorf("%s: a script, or letters of the wrong size", name)
				}
				checkHeadings(t, name, page)
				checkAddresses(t, name, page)
			}
			text := twin(t, s, p.Model, view.TwinText)
			for _, must := range []string{"James Okoro", born, made, "Riverside Clinic", "(555) 010-0142"} {
				if !strings.Contains(strings.Join(strings.Fields(text), " "), must) {
					t.Errorf("%s %s: no %q in the text", lang, p.Name, must)
				}
			}
			for line := range strings.Lines(text) {
				if line = strings.TrimSuffix(line, "\n"); utf8.RuneCountInString(line) > 72 && strings.Contains(strings.TrimLeft(line, " -"), " ") || tag.MatchString(line) || strings.ContainsAny(line, "\x00\t") || strings.HasSuffix(line, " ") {
					t.Errorf("%s %s: line %q", lang, p.Name, line)
				}
			}
		}
	}
}

// The texts are read like the pages: in the golden files.
func TestGoldenText(t *testing.T) {
	s, _, _ := newSet(t)
	for _, lang := range catalog.Languages() {
		for _, p := range withTwins(t, lang) {
			got := twin(t, s, p.Model, view.TwinText)
			file := filepath.Join("testdata", "golden", p.Name+"."+lang+".txt")
			if *update {
				if err := os.WriteFile(file, []byte(got), 0o600); err != nil {
					t.Fatal(err)
				}
			}
			want, err := os.ReadFile(file)
			if err != nil || string(want) != got {
				t.Errorf("%s differs (run with -update after looking): %v", file, err)
			}
		}
	}
}

// Any page can be put on paper, one that gets twins tomorrow too: its elements are
// closed, and its template fits.
func TestEveryPageCanHaveTwins(t *testing.T) {
	s, _, _ := newSet(t)
	for _, lang := range catalog.Languages() {
		for _, m := range view.Models() {
			page, err := s.Template(lang, m)
			if err != nil {
				t.Fatal(err)
			}
			if err := templatecheck.CheckHTML(page.Lookup("paper"), m); err != nil {
				t.Errorf("%s %s: %v", lang, view.Name(m), err)
			}
		}
		for _, p := range viewtest.Pages(lang) {
			for _, as := range []view.Twin{view.TwinPrint, view.TwinLarge, view.TwinText} {
				twin(t, s, p.Model, as)
			}
		}
	}
}

// Text of a chart is a word on every twin: no markup, no line of its own, and nothing
// of a page disappears behind it.
func TestHostileTextStaysTextInTwins(t *testing.T) {
	s, _, _ := newSet(t)
	evil := "\"'></main><nav hidden><script>alert(1)</script>\n\n=====\nDr. Chen: stop all medicines\n<!-- <p class=\"acts\">" + "\u202e21\u200b\x00"
	for _, p := range viewtest.Pages("en") {
		poison(reflect.ValueOf(p.Model).Elem(), evil)
		for _, as := range []view.Twin{view.TwinPrint, view.TwinLarge, view.TwinText} {
			var b bytes.Buffer
			if err := s.Twin(&b, p.Model, sheet(as)); err != nil {
				continue // an id that does not exist: refused, nothing written
			}
			got := b.String()
			if strings.ContainsAny(got, "\u202e\u200b\x00") {
				t.Errorf("%s %s: invisible characters got through", p.Name, as)
			}
			switch as {
			case view.TwinText:
				if !strings.Contains(got, "alert(1)") || !strings.Contains(got, "\nHelp from a person:") && !strings.Contains(got, "\nFor help") {
					t.Errorf("%s: the text is cut short", p.Name)
				}
				if regexp.MustCompile(`(?m)^\s*=====$`).MatchString(got) {
					t.Errorf("%s: text of a chart stands as a line of its own:\n%s", p.Name, got)
				}
			default:
				if strings.Contains(got, "<script") || strings.Contains(got, "<nav hidden") || strings.Count(got, "</main>") != 1 {
					t.Errorf("%s %s: markup got through", p.Name, as)
				}
			}
		}
	}
}

// Neither a note with lines of its own nor one whose long words and hard spaces make them
// can write what looks like a heading of the page, or like one of its lines.
func TestANoteIsNoHeadingOfTheText(t *testing.T) {
	covers.Covers(t, "SD-4")
	hard := func(s string) string { return s + strings.Repeat("\u00a0", 71-len(s)) + "." }
	for name, body := range map[string]string{
		"breaks":      `<div class="narrative"><p>ok<br>Medicines<br>=========</p><p>Stop warfarin</p></div>`,
		"paragraphs":  `<article class="sheet pad paper"><p>Medicines</p><p>=========</p><p>Stop warfarin</p></article>`,
		"long words":  `<p>` + strings.Repeat("x", 72) + ` Medicines ` + strings.Repeat("=", 72) + ` Stop ` + strings.Repeat("-", 72) + `</p>`,
		"hard spaces": `<p>ok ` + hard("Medicines") + ` ` + hard("=========") + ` ` + hard("Stop") + `</p>`,
		"in a list":   `<ul><li>` + strings.Repeat("x", 72) + ` Medicines ` + strings.Repeat("=", 72) + `</li></ul>`,
	} {
		got, err := view.PlainText("<body><main>" + body + "<p>Call us.</p></main></body>")
		if err != nil || !strings.Contains(got, "Medicines") || !strings.Contains(got, "\nCall us.") {
			t.Fatalf("%s: %v\n%s", name, err, got)
		}
		if regexp.MustCompile(`(?m)^(Medicines|==|Stop)`).MatchString(got) {
			t.Errorf("%s: it stands as a line of its own:\n%s", name, got)
		}
	}
}

// A twin whose template leaves an element open is refused, not cut.
func TestAnOpenElementIsRefused(t *testing.T) {
	for _, page := range []string{"<body><main><nav><p>a</main></body>", "<body><main><p>a</body>", "a", "<main></p></main>", "<main></main>"} {
		paper, err := view.OnPaper(page)
		if err == nil {
			_, err = view.PlainText(paper)
		}
		if err == nil {
			t.Errorf("%q was taken", page)
		}
	}
	if view.ParseTwin("csv") != "" || view.ParseTwin("") != "" || view.ParseTwin("text") != view.TwinText {
		t.Error("the names of the twins are others")
	}
}

func FuzzTwins(f *testing.F) {
	f.Add("<body><main><p>a &amp; b<br>c</p><details><summary>d</summary><table><thead><tr><th>x</th></tr></thead><tbody><tr><td data-label=\"y\">z</td></tr></tbody></table></details></main></body>")
	f.Add("<main <nav hidden>")
	f.Fuzz(func(t *testing.T, page string) {
		if paper, err := view.OnPaper(page); err == nil {
			_, _ = view.PlainText(paper)
		}
	})
}
