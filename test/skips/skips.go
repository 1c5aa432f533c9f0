// Package skips compares the tests that did not run with docs/skips.md.
//
// It guarantees that no test is skipped without a reason and a date in that
// file, and that no line stays there for a test that runs again. It never
// excuses a failure.
package skips

import (
	"fmt"
	"os"
	"regexp"
	"strings"
	"time"

	"postern.example/postern/test/report"
)

// Entry is one line of the table in docs/skips.md.
type Entry struct {
	Package string
	Test    string // a test function, its subtests go with it; "*" for every test that names Unset as its reason
	Unset   string // environment variable; the entry holds only while it is unset
	Reason  string
	Date    string
}

var line = regexp.MustCompile("^\\| *`([^` ]+) (Test[^` ]*|\\*)` *\\|([^|]*)\\|([^|]*)\\|([^|]*)\\|$")

// Read parses the table: `package Test` | needs | reason | date.
func Read(file string) ([]Entry, error) {
	b, err := os.ReadFile(file)
	if err != nil {
		return nil, fmt.Errorf("read list of skips: %w", err)
	}
	var out []Entry
	for n, l := range strings.Split(string(b), "\n") {
		if !strings.HasPrefix(l, "| `") {
			continue
		}
		m := line.FindStringSubmatch(l)
		if m == nil {
			return nil, fmt.Errorf("%s:%d: not in the form | `package Test` | needs | reason | date |", file, n+1)
		}
		e := Entry{Package: m[1], Test: m[2], Unset: strings.Trim(m[3], " `"), Reason: strings.TrimSpace(m[4]), Date: strings.TrimSpace(m[5])}
		if _, err := time.Parse(time.DateOnly, e.Date); err != nil || e.Reason == "" {
			return nil, fmt.Errorf("%s:%d: needs a reason and a date like 2026-11-22", file, n+1)
		}
		if e.Test == "*" && e.Unset == "" {
			return nil, fmt.Errorf("%s:%d: only a line with a variable may stand for several tests", file, n+1)
		}
		out = append(out, e)
	}
	return out, nil
}

func (e Entry) covers(t *report.Test) bool {
	if e.Package != t.Package {
		return false
	}
	return e.Test == t.Top() || e.Test == "*" && strings.Contains(t.Reason(), e.Unset)
}

// Verdict is what Check found.
type Verdict struct {
	Unlisted []*report.Test // skipped without an entry that holds: an error
	Excused  []*report.Test // skipped as listed
	Stale    []Entry        // listed, but the test ran or does not exist: an error
}

// Check compares a run with the entries. whole says that every package ran, so
// that an entry without its test is stale.
func Check(rep *report.Report, entries []Entry, getenv func(string) string, whole bool) Verdict {
	var v Verdict
	used := map[int]bool{}
	for _, t := range rep.Leaves() {
		if t.Outcome != report.Skipped {
			continue
		}
		excused := false
		for i, e := range entries {
			if e.covers(t) {
				used[i] = true
				excused = excused || e.Unset == "" || getenv(e.Unset) == ""
			}
		}
		if excused {
			v.Excused = append(v.Excused, t)
		} else {
			v.Unlisted = append(v.Unlisted, t)
		}
	}
	for i, e := range entries {
		holds := e.Unset == "" || getenv(e.Unset) == ""
		if whole && holds && !used[i] {
			v.Stale = append(v.Stale, e)
		}
	}
	return v
}
