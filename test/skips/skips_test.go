package skips

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"postern.example/postern/test/report"
)

const table = "# Skips\n\n| test | needs | reason | date |\n|---|---|---|---|\n" +
	"| `internal/a TestData` | `POSTERN_TEST_DATA` | reads the bundles | 2026-11-22 |\n" +
	"| `internal/a TestGone` | | waits for a later issue | 2026-11-22 |\n"

func write(t *testing.T, text string) string {
	file := filepath.Join(t.TempDir(), "skips.md")
	if err := os.WriteFile(file, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	return file
}

func TestCheck(t *testing.T) {
	entries, err := Read(write(t, table))
	if err != nil || len(entries) != 2 || entries[0].Unset != "POSTERN_TEST_DATA" {
		t.Fatalf("entries %+v, %v", entries, err)
	}
	rep := &report.Report{Tests: []*report.Test{
		{Package: "internal/a", Name: "TestData/one", Outcome: report.Skipped},
		{Package: "internal/a", Name: "TestGone", Outcome: report.Passed},
		{Package: "internal/a", Name: "TestSilent", Outcome: report.Skipped},
	}}
	unset := func(string) string { return "" }
	v := Check(rep, entries, unset, true)
	if len(v.Excused) != 1 || len(v.Unlisted) != 1 || v.Unlisted[0].Name != "TestSilent" || len(v.Stale) != 1 || v.Stale[0].Test != "TestGone" {
		t.Errorf("without data: %+v", v)
	}
	v = Check(rep, entries, func(string) string { return "/data" }, true)
	if len(v.Excused) != 0 || len(v.Unlisted) != 2 {
		t.Errorf("with data, a test that still skips is not excused: %+v", v)
	}
	if v = Check(rep, entries, unset, false); len(v.Stale) != 0 {
		t.Errorf("a run of some packages finds nothing stale: %+v", v)
	}
}

// A line may stand for every test of a package that wants the variable, and for
// no other test.
func TestLineForAPackage(t *testing.T) {
	entries, err := Read(write(t, "| `internal/a *` | `POSTERN_TEST_DATA` | reads the bundles | 2026-11-22 |\n"))
	if err != nil {
		t.Fatal(err)
	}
	rep := &report.Report{Tests: []*report.Test{
		{Package: "internal/a", Name: "TestData", Outcome: report.Skipped, Output: []string{"    a_test.go:9: POSTERN_TEST_DATA is unset\n"}},
		{Package: "internal/a", Name: "TestOther", Outcome: report.Skipped, Output: []string{"    a_test.go:9: no mood\n"}},
	}}
	if v := Check(rep, entries, func(string) string { return "" }, true); len(v.Excused) != 1 || len(v.Unlisted) != 1 || len(v.Stale) != 0 {
		t.Errorf("%+v", v)
	}
}

func TestReadRefusesBadLines(t *testing.T) {
	for _, bad := range []string{
		"| `internal/a TestData` | | no date | |\n",
		"| `internal/a TestData` | | | 2026-11-22 |\n",
		"| `TestData` | | no package | 2026-11-22 |\n",
		"| `internal/a *` | | for ever | 2026-11-22 |\n",
	} {
		if _, err := Read(write(t, bad)); err == nil || !strings.Contains(err.Error(), ":1:") {
			t.Errorf("%q: %v", bad, err)
		}
	}
	if _, err := Read(filepath.Join(t.TempDir(), "none")); err == nil {
		t.Error("a missing list is no empty list")
	}
}
