package app_test

import (
	"testing"

	"postern.example/postern/internal/door/web/catalog"
	"postern.example/postern/internal/room/records"
)

// Every reason for which a file is refused is a message in both languages.
func TestEveryRefusalOfAnImportHasAMessage(t *testing.T) {
	c, err := catalog.Load() // compares the languages
	must(t, err)
	for _, m := range records.ImportMessages() {
		for _, lang := range []string{"en", "es"} {
			if text, err := c.Language(lang).Text(m.ID); err != nil || text == "" {
				t.Errorf("%s in %s: %v", m.ID, lang, err)
			}
		}
	}
}
