package main

import (
	"os"
	"path/filepath"
	"testing"
)

func TestTheCommandSeesTheClusterAndItsCodeIsPassedOn(t *testing.T) {
	seen := filepath.Join(t.TempDir(), "seen")
	script := `test -S "$POSTERN_TEST_POSTGRES_DIR/.s.PGSQL.$POSTERN_TEST_POSTGRES_PORT" && echo "$POSTERN_TEST_POSTGRES_DIR" > ` + seen + `; exit 7`
	if code := run([]string{"-nosync", "--", "sh", "-c", script}); code != 7 {
		t.Errorf("exit code %d", code)
	}
	dir, err := os.ReadFile(seen)
	if err != nil {
		t.Fatal("the command did not find the socket")
	}
	if _, err := os.Stat(string(dir[:len(dir)-1])); !os.IsNotExist(err) {
		t.Errorf("the cluster's directory stayed: %v", err)
	}
	for want, args := range map[int][]string{2: {}, 127: {"--", "/nowhere/at/all"}, 0: {"--", "true"}} {
		if code := run(args); code != want {
			t.Errorf("%v: exit code %d, want %d", args, code, want)
		}
	}
	if code := run([]string{"-unknown"}); code != 2 {
		t.Errorf("unknown flag: exit code %d", code)
	}
	if code := run([]string{"-dir", "/dev/null/x", "--", "true"}); code != 1 {
		t.Errorf("bad directory: exit code %d", code)
	}
}
