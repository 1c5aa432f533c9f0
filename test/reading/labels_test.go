package reading

import (
	"flag"
	"os"
	"slices"
	"strings"
	"testing"

	"postern.example/postern/internal/door/web/catalog"
)

var update = flag.Bool("update", false, "write words/labels.*.txt anew: read the difference, each new word is a decision")

// Messages of fewer than eight words are too short to be measured: buttons, headings,
// names of fields. Their words come from a list, and a new word on it is a decision.
func TestLabelsUseListedWords(t *testing.T) {
	c := load(t)
	for _, tag := range catalog.Languages() {
		used := map[string]string{} // by word, an id that uses it
		for _, id := range c.IDs() {
			for _, text := range c.Language(tag).Forms(id) {
				words := Words(placeholder.ReplaceAllString(text, " "))
				if len(words) >= longFrom {
					continue
				}
				for _, w := range words {
					used[w] = id
				}
			}
		}
		if *update {
			write(t, "labels."+tag, used)
		}
		listed := vocabulary(t, "labels."+tag)
		for w, id := range used {
			if !listed[w] {
				t.Errorf("%s.json %s: %q is not in test/reading/words/labels.%s.txt: use a listed word, or list it when no easier one says it", tag, id, w, tag)
			}
		}
		for w := range listed {
			if used[w] == "" {
				t.Errorf("words/labels.%s.txt: no label uses %q any more: take it out", tag, w)
			}
		}
	}
}

func write(t *testing.T, name string, used map[string]string) {
	t.Helper()
	var words []string
	for w := range used {
		words = append(words, w)
	}
	slices.Sort(words)
	if err := os.WriteFile("words/"+name+".txt", []byte(strings.Join(words, "\n")+"\n"), 0o600); err != nil {
		t.Fatal(err)
	}
}

// The technical words are words that staff texts use.
func TestTechnicalWordsAreUsed(t *testing.T) {
	c := load(t)
	for _, l := range []Language{English(), Spanish()} {
		used := map[string]bool{}
		for _, id := range c.IDs() {
			if readers(t, l, id).Known != nil {
				for _, text := range c.Language(l.Tag).Forms(id) {
					for _, w := range Words(text) {
						used[w] = true
					}
				}
			}
		}
		for w := range vocabulary(t, "technical."+l.Tag) {
			if !used[w] || l.Syllables(w) < 3 {
				t.Errorf("words/technical.%s.txt: %q is used by no text for staff, or is short: take it out", l.Tag, w)
			}
		}
	}
}
