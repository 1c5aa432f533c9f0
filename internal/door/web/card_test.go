package web

import (
	"slices"
	"testing"

	"postern.example/postern/internal/door/web/catalog"
)

// Every disease that a vaccine can have stands in the order of the card, and has words.
func TestEveryDiseaseHasWords(t *testing.T) {
	c, err := catalog.Load()
	if err != nil {
		t.Fatal(err)
	}
	seen := map[string]bool{}
	for a := '0'; a <= '9'; a++ {
		for b := '0'; b <= '9'; b++ {
			for _, code := range []string{string([]rune{a, b}), string([]rune{'1', a, b}), string([]rune{'2', a, b}), string([]rune{'3', a, b})} {
				for _, id := range diseases(code) {
					seen[id] = true
				}
			}
		}
	}
	for id := range seen {
		if !slices.Contains(diseaseOrder(), id) {
			t.Errorf("%s is not in the order of the card", id)
		}
	}
	for _, id := range diseaseOrder() {
		if !seen[id] {
			t.Errorf("no vaccine protects from %s", id)
		}
		for _, lang := range catalog.Languages() {
			if !c.Language(lang).Has("disease." + id) {
				t.Errorf("no words for %s in %s", id, lang)
			}
		}
	}
}
