package web

import (
	"slices"
	"testing"

	"postern.example/postern/internal/door/web/catalog"
)

// Every disease that a vaccine can have stands in the order of the card, and has words;
// so does every vaccine that the card knows.
func TestEveryDiseaseHasWords(t *testing.T) {
	c, err := catalog.Load()
	if err != nil {
		t.Fatal(err)
	}
	seen := map[string]bool{}
	for a := '0'; a <= '9'; a++ {
		for b := '0'; b <= '9'; b++ {
			for _, before := range []string{"", "1", "2", "3", "4", "5"} {
				code := before + string([]rune{a, b})
				for _, id := range diseases(code) {
					seen[id] = true
				}
				if _, found := c.Language("en").Word(catalog.Vaccine, cvx, code, ""); !found && diseases(code) != nil {
					t.Errorf("the card knows vaccine %s, and the catalogue has no words for it", code)
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
