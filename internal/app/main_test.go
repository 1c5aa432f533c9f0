package app_test

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"postern.example/postern/internal/app"
	"postern.example/postern/internal/trust/db/dbtest"
)

func TestMain(m *testing.M) {
	if dir := os.Getenv(childDir); dir != "" {
		fmt.Fprintln(os.Stderr, "child:", serveChild(dir))
		os.Exit(3)
	}
	if dir := os.Getenv(reindexDir); dir != "" {
		fmt.Fprintln(os.Stderr, "child:", reindexChild(dir))
		os.Exit(3)
	}
	dbtest.Main(m)
}

func must(t testing.TB, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

// refused fails unless err is an error that says every one of the texts.
func refused(t testing.TB, what string, err error, says ...string) {
	t.Helper()
	if err == nil {
		t.Fatalf("%s: not refused", what)
	}
	for _, s := range says {
		if !strings.Contains(err.Error(), s) {
			t.Errorf("%s: %q does not say %q", what, err, s)
		}
	}
}

// edit changes the configuration in dir.
func edit(t testing.TB, dir, old, new string) {
	t.Helper()
	path := filepath.Join(dir, app.ConfigFile)
	b, err := os.ReadFile(path)
	must(t, err)
	if !strings.Contains(string(b), old) {
		t.Fatalf("the configuration does not hold %q:\n%s", old, b)
	}
	must(t, os.WriteFile(path, []byte(strings.Replace(string(b), old, new, 1)), 0o600))
}
