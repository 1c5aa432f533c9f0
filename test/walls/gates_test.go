package walls

import (
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"postern.example/postern/test/covers"
)

// read returns a file of the repository.
func read(t *testing.T, name string) string {
	t.Helper()
	b, err := os.ReadFile(filepath.Join("..", "..", filepath.FromSlash(name)))
	if err != nil {
		t.Fatal(err)
	}
	return string(b)
}

// Every room of the table has its section in the threat model: a room that
// nobody has thought about as an attacker does not land.
func TestThreatModelKnowsEveryRoom(t *testing.T) {
	covers.Covers(t, "SD-2a")
	model := read(t, "docs/threat-model.md")
	seen := map[string]bool{}
	for _, f := range tree(t) {
		if f.room == "" || seen[f.room] {
			continue
		}
		seen[f.room] = true
		if !strings.Contains(model, f.room) {
			t.Errorf("docs/threat-model.md says nothing about %s", f.room)
		}
	}
	if len(seen) < 10 {
		t.Fatalf("only %d rooms found", len(seen))
	}
}

// The run that every change must pass has each scan, and every package that
// parses foreign bytes has a fuzz target.
func TestEveryChangeIsScanned(t *testing.T) {
	covers.Covers(t, "AM-5a")
	ci, tasks := read(t, ".ci/run"), read(t, "Makefile")
	for _, step := range []string{"lint", "gosec", "vulnerabilities", "secrets", "fuzz", "race", "sabotage", "reproduce"} {
		if !regexp.MustCompile(`(?m)^step ".*` + step + `|^step .* ` + step + `\b`).MatchString(ci) {
			t.Errorf(".ci/run has no step for %s", step)
		}
	}
	if !strings.Contains(tasks, "govulncheck") || !strings.Contains(read(t, "test/lint/main.go"), "staticcheck") {
		t.Error("the scanners are not called")
	}
	fuzzed := map[string]bool{}
	for _, f := range tree(t) {
		if f.test && strings.Contains(f.text, "\nfunc Fuzz") {
			fuzzed[f.dir] = true
		}
	}
	for _, dir := range []string{"internal/word/person", "internal/trust/keys", "internal/trust/audit", "internal/trust/vault",
		"internal/trust/db", "internal/room/identity", "internal/room/session", "internal/room/records",
		"internal/room/records/rawjson", "internal/door/web"} {
		if !fuzzed[dir] {
			t.Errorf("%s parses foreign bytes and has no fuzz target", dir)
		}
	}
}

// Every row that this release claims is named by at least one test.
func TestEveryClaimedRowHasATest(t *testing.T) {
	covers.Covers(t, "SD-2c")
	var all strings.Builder
	for _, f := range tree(t) {
		if f.test {
			all.WriteString(f.text)
		}
	}
	text := all.String()
	for line := range strings.Lines(read(t, "test/controls/rows.txt")) {
		id, _, ok := strings.Cut(line, "\t")
		if !ok || strings.HasPrefix(line, "#") {
			continue
		}
		if !strings.Contains(text, `"`+id+`"`) && !regexp.MustCompile(`(?m)^// Covers .*\b`+regexp.QuoteMeta(id)+`\b`).MatchString(text) {
			t.Errorf("row %s is claimed and no test names it", id)
		}
	}
}
