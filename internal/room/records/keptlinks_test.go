package records

import (
	"testing"

	"postern.example/postern/internal/trust/db"
	"postern.example/postern/internal/trust/db/dbtest"
	"postern.example/postern/internal/trust/vault/vaulttest"
	"postern.example/postern/internal/word/person"
	"postern.example/postern/test/covers"
)

// countedLinks are links that count how many were made.
type countedLinks struct {
	memoryLinks
	made int
}

func (l *countedLinks) SealQuery(c person.Caller, path, text string) (string, error) {
	l.made++
	return l.memoryLinks.SealQuery(c, path, text)
}

// turning is Maya's chart and the nurse who treats her; links counts the links of the store.
// On the embedded database: on PostgreSQL, which others may write, no answer is kept.
func turning(t *testing.T) (k *clinicKit, links *countedLinks, maya, nurse person.Caller, text string) {
	t.Helper()
	k = openStore(t, dbtest.New(t, db.SQLite, vaulttest.Migrations(Migrations()...), dbtest.NoSync))
	mother := k.persona(t, "mother")
	maya, nurse = k.people.Add(t, mother, k.Clock.Now(), person.RolePatient), k.nurse(t, mother)
	links = &countedLinks{memoryLinks: memoryLinks{kept: map[string]string{}}}
	config := k.store.c
	config.Links = links
	var err error
	if k.store, err = NewStore(config); err != nil {
		t.Fatal(err)
	}
	return k, links, maya, nurse, "patient=" + person.PatientResource(mother).String() + "&_count=3"
}

// keptNow asks until the answer comes from memory: no link is made for it.
func keptNow(t *testing.T, k *clinicKit, links *countedLinks, c person.Caller, text string) page {
	t.Helper()
	for range 4 {
		made := links.made
		p, err := k.ask(t, c, "Observation", text)
		if err != nil || p.link("next") == "" {
			t.Fatalf("%v, %v", p.Link, err)
		}
		if links.made == made {
			return p
		}
	}
	t.Fatal("no answer was kept")
	return page{}
}

// Maya's answer lies ready when her nurse asks the very same: the nurse's has links that
// open for the nurse, and Maya's open for Maya.
func TestAKeptAnswerHasTheCallersOwnLinks(t *testing.T) {
	covers.Covers(t, "SD-3")
	k, links, maya, nurse, text := turning(t)
	keptNow(t, k, links, maya, text)
	for _, c := range []person.Caller{nurse, maya} {
		p, err := k.ask(t, c, "Observation", text)
		if err != nil {
			t.Fatal(err)
		}
		if _, err := k.follow(t, c, p.link("next")); err != nil {
			t.Errorf("%s cannot turn the page: %v", c.Role(), err)
		}
	}
}

// Maya leaves her app open: what is given out again after a while has new links, for the
// first ones do not open for ever.
func TestAKeptAnswersLinksAreRenewed(t *testing.T) {
	covers.Covers(t, "SD-3")
	k, links, maya, _, text := turning(t)
	keptNow(t, k, links, maya, text)
	k.Clock.Add(linksHold)
	made := links.made
	if _, err := k.ask(t, maya, "Observation", text); err != nil || links.made == made {
		t.Errorf("after %v the links are the old ones, %v", linksHold, err)
	}
}
