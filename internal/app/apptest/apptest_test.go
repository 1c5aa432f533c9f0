package apptest_test

import (
	"net/http"
	"testing"

	"postern.example/postern/internal/app/apptest"
	"postern.example/postern/internal/trust/db/dbtest"
)

func TestMain(m *testing.M) { dbtest.Main(m) }

// The kit serves the families on every kind of database that it offers.
func TestStartServesTheFamilies(t *testing.T) {
	for name, o := range map[string]apptest.Options{"shipped": {Fill: true}, "plain": {Fill: true, Plain: true}, "postgres": {Fill: true, Postgres: true}} {
		t.Run(name, func(t *testing.T) {
			in := apptest.Start(t, o)
			b := in.Enter(t, "mother")
			if got := b.Get(t, "/results"); got.Status != http.StatusOK {
				t.Errorf("results: %d", got.Status)
			}
			if got := in.API(t, in.Token(t, "mother"), "/Observation"); got.Status != http.StatusOK {
				t.Errorf("observations: %d %s", got.Status, got.Body)
			}
			in.Restart(t)
			if got := b.Get(t, "/"); got.Status != http.StatusOK {
				t.Errorf("after a restart: %d", got.Status)
			}
		})
	}
}
