// Package browser walks through Postern with Chromium, as the people of the demo
// do: reading, passkeys, sign-out, the clinic's side, both languages.
//
// It owns one browser and one installation for each journey; package chrome watches
// that every request goes to the one origin and that the console stays empty.
package browser

import (
	"testing"

	"postern.example/postern/internal/trust/db/dbtest"
)

func TestMain(m *testing.M) { dbtest.Main(m) }

func must(t testing.TB, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}
