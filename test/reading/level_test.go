package reading

import (
	"fmt"
	"os"
	"regexp"
	"slices"
	"strings"
	"testing"

	"postern.example/postern/internal/door/web/catalog"
	"postern.example/postern/test/covers"
)

// The promised level.
const (
	gradeMost = 6.0  // English, of each message and page
	easeLeast = 70.0 // Spanish
	lineGrade = 9.0  // one line of the word catalogue; their average must meet the level above
	lineEase  = 55.0
	longFrom  = 8 // words: shorter messages are labels
)

var placeholder = regexp.MustCompile(`\{[a-z-]+\}`)

// running is a message as it is read: a placeholder is one short word.
func running(text string) string { return placeholder.ReplaceAllString(text, "it") }

// level measures in the language of tag, and says what is wrong.
func level(l Language, grade, ease float64, texts ...string) (ok bool, told string) {
	s := l.Measure(texts...)
	told = fmt.Sprintf("grade %.1f (at most %.0f)", s.Grade(), grade)
	ok = s.Grade() <= grade
	if l.Tag == "es" {
		told, ok = fmt.Sprintf("ease %.1f (at least %.0f)", s.Ease(), ease), s.Ease() >= ease
	}
	return ok, fmt.Sprintf("%s, %d words in %d sentences, %d syllables; longest: %q", told, s.Words, s.Sentences, s.Syllables, s.Longest)
}

// Every message of eight words or more is as easy to read as promised.
func TestMessagesAreEasyToRead(t *testing.T) {
	covers.Covers(t, "B-20")
	c := load(t)
	for _, l := range []Language{English(), Spanish()} {
		for _, id := range c.IDs() {
			l := readers(t, l, id)
			for _, text := range c.Language(l.Tag).Forms(id) {
				if text = running(text); len(Words(text)) < longFrom {
					continue
				}
				if ok, told := level(l, gradeMost, easeLeast, text); !ok {
					t.Errorf("%s.json %s: %s", l.Tag, id, told)
				}
			}
		}
	}
}

// Each line of the word catalogue can be read, and all lines of a kind together are as
// easy as the pages.
func TestWordLinesAreEasyToRead(t *testing.T) {
	c := load(t)
	for _, l := range []Language{English(), Spanish()} {
		for _, k := range catalog.Kinds() {
			var all []string
			for _, e := range c.Entries(k) {
				p := e.English
				if l.Tag == "es" {
					p = e.Spanish
				}
				if p.Line == "" {
					continue
				}
				all = append(all, p.Line)
				if ok, told := level(l, lineGrade, lineEase, p.Line); !ok {
					t.Errorf("words/%s.json %s, %s: %s", k, l.Tag, p.Name, told)
				}
			}
			if len(all) == 0 {
				continue
			}
			ok, told := level(l, gradeMost, easeLeast, all...)
			if t.Logf("words/%s.json %s, %d lines: %s", k, l.Tag, len(all), told); !ok {
				t.Errorf("words/%s.json %s: all lines together: %s", k, l.Tag, told)
			}
		}
	}
}

func load(t *testing.T) *catalog.Catalog {
	t.Helper()
	c, err := catalog.Load()
	if err != nil {
		t.Fatal(err)
	}
	return c
}

// forStaff lists the beginnings of the ids of what only staff read: those who run the
// clinic's accounts, its log and its imports. Their texts may use the words of their
// work, listed in words/technical.*.txt, which count as two syllables at most.
func forStaff() []string {
	return []string{"act.", "admin.", "approve.", "chart.", "clinic.", "confirm.", "fact.", "import.", "officer.", "own-act.", "own-suspension.", "suspension.", "waiting.",
		"flash.account-", "flash.link-", "flash.result-from-", "flash.suspension-", "problem.already-", "problem.last-administrator", "problem.link-", "problem.reason-", "problem.suspension-",
		"error.act-waits", "error.export-", "error.not-ready", "error.search-patient"}
}

// readers is the language as the readers of message id know it.
func readers(t *testing.T, l Language, id string) Language {
	if slices.ContainsFunc(forStaff(), func(p string) bool { return strings.HasPrefix(id, p) }) {
		l.Known = vocabulary(t, "technical."+l.Tag)
	}
	return l
}

// vocabulary reads a list of words: one a line, sorted, none twice.
func vocabulary(t *testing.T, name string) map[string]bool {
	t.Helper()
	raw, err := os.ReadFile("words/" + name + ".txt")
	if err != nil {
		t.Fatal(err)
	}
	words := map[string]bool{}
	before := ""
	for line := range strings.Lines(string(raw)) {
		w := strings.TrimSuffix(line, "\n")
		if w <= before || w != strings.TrimSpace(w) {
			t.Errorf("words/%s.txt: %q is not behind %q: sort -u with LC_ALL=C", name, w, before)
		}
		words[w], before = true, w
	}
	return words
}
