// Package report reads what `go test -json` prints and keeps it for the
// programs that ask afterwards: which tests ran, failed, were skipped and why,
// and which rows of the control catalogue they showed.
//
// It guarantees that a package that did not build or crashed counts as failed,
// never as absent. It never runs a test itself.
package report

import (
	"bufio"
	"encoding/json"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"slices"
	"strings"
)

// Outcome is how a test ended.
type Outcome string

// The outcomes. A test without a final event was running when its package died.
const (
	Passed  Outcome = "pass"
	Failed  Outcome = "fail"
	Skipped Outcome = "skip"
)

// Test is one test or subtest that ran.
type Test struct {
	Package string // import path below the module: "internal/trust/db"
	Name    string // "TestRetry/sqlite"; empty for what the package printed itself
	Outcome Outcome
	Output  []string
}

// Top is the name of the test function.
func (t Test) Top() string { name, _, _ := strings.Cut(t.Name, "/"); return name }

// Reason is the line that a skipped test gave.
func (t Test) Reason() string {
	for _, line := range t.Output {
		line = strings.TrimSpace(line)
		if line != "" && !strings.HasPrefix(line, "=== ") && !strings.HasPrefix(line, "--- ") {
			if _, after, ok := strings.Cut(line, ".go:"); ok {
				_, line, _ = strings.Cut(after, ": ")
			}
			return line
		}
	}
	return "no reason given"
}

// Report is one run.
type Report struct {
	Tests    []*Test           // in order of appearance
	Packages map[string]string // package -> pass, fail or skip (no test files)
	Build    map[string][]string
}

// event is one line of test2json (see `go doc test2json`), plus the build
// events of cmd/go.
type event struct {
	Action      string
	Package     string
	ImportPath  string
	Test        string
	Output      string
	Elapsed     float64
	FailedBuild string
}

// Read parses a run. While it reads it calls done, if not nil, for each package
// that ended, with its outcome and seconds.
func Read(r io.Reader, module string, done func(pkg, outcome string, seconds float64)) (*Report, error) {
	rep := &Report{Packages: map[string]string{}, Build: map[string][]string{}}
	open := map[string]*Test{}
	in := bufio.NewReader(r)
	for {
		line, err := in.ReadBytes('\n')
		if len(line) > 0 {
			var e event
			if json.Unmarshal(line, &e) != nil || e.Action == "" {
				// Not an event: cmd/go itself complains (a pattern that matches nothing).
				e = event{Action: "build-output", ImportPath: "go", Output: string(line)}
			}
			e.Package = strings.TrimPrefix(strings.TrimPrefix(e.Package, module), "/")
			rep.take(e, open, done)
		}
		if err == io.EOF {
			rep.close()
			return rep, nil
		}
		if err != nil {
			return nil, fmt.Errorf("read test output: %w", err)
		}
	}
}

// take adds one event.
func (rep *Report) take(e event, open map[string]*Test, done func(string, string, float64)) {
	if strings.HasPrefix(e.Action, "build-") {
		rep.Build[e.ImportPath] = append(rep.Build[e.ImportPath], e.Output)
		return
	}
	key := e.Package + " " + e.Test
	t := open[key]
	if t == nil {
		t = &Test{Package: e.Package, Name: e.Test}
		open[key] = t
		rep.Tests = append(rep.Tests, t)
	}
	switch e.Action {
	case "output":
		t.Output = append(t.Output, e.Output)
	case "pass", "fail", "skip":
		t.Outcome = Outcome(e.Action)
		if e.Test == "" {
			rep.Packages[e.Package] = e.Action
			if done != nil {
				done(e.Package, e.Action, e.Elapsed)
			}
		}
	}
}

// close gives every test that never ended the outcome of a crash.
func (rep *Report) close() {
	for _, t := range rep.Tests {
		if t.Outcome == "" {
			t.Outcome = Failed
			if t.Name == "" && rep.Packages[t.Package] == "" {
				rep.Packages[t.Package] = string(Failed)
			}
		}
	}
}

// Leaves returns the tests without subtests: each is one check.
func (rep *Report) Leaves() []*Test {
	parent := map[string]bool{}
	for _, t := range rep.Tests {
		for i, c := range t.Name {
			if c == '/' {
				parent[t.Package+" "+t.Name[:i]] = true
			}
		}
	}
	var out []*Test
	for _, t := range rep.Tests {
		if t.Name != "" && !parent[t.Package+" "+t.Name] {
			out = append(out, t)
		}
	}
	return out
}

// Failures returns what failed, innermost first, packages that failed without
// a failing test included.
func (rep *Report) Failures() []*Test {
	var out []*Test
	named := map[string]bool{}
	for _, t := range slices.Backward(rep.Tests) {
		if t.Outcome == Failed && t.Name != "" {
			out = append(out, t)
			named[t.Package] = true
		}
	}
	for _, t := range rep.Tests {
		if t.Outcome == Failed && t.Name == "" && !named[t.Package] {
			out = append(out, t)
		}
	}
	return out
}

// Covers returns, for each row of the catalogue, the tests that name it.
func (rep *Report) Covers(prefix string) map[string][]*Test {
	rows := map[string][]*Test{}
	for _, t := range rep.Tests {
		for _, line := range t.Output {
			_, list, ok := strings.Cut(line, prefix)
			if !ok {
				continue
			}
			for _, row := range strings.Fields(list) {
				if !slices.Contains(rows[row], t) {
					rows[row] = append(rows[row], t)
				}
			}
		}
	}
	return rows
}

// Root finds the repository's root and the module's path from the working
// directory upwards.
func Root() (dir, module string, err error) {
	dir, err = os.Getwd()
	if err != nil {
		return "", "", fmt.Errorf("find root: %w", err)
	}
	for {
		b, err := os.ReadFile(filepath.Join(dir, "go.mod"))
		if err == nil {
			for line := range strings.Lines(string(b)) {
				if path, ok := strings.CutPrefix(line, "module "); ok {
					return dir, strings.TrimSpace(path), nil
				}
			}
		}
		up := filepath.Dir(dir)
		if up == dir {
			return "", "", fmt.Errorf("find root: no go.mod above the working directory")
		}
		dir = up
	}
}

// Last is where a run is kept, under the root.
const Last = ".cache/test/last.jsonl"

// Load reads the kept run.
func Load(root, module string) (*Report, error) {
	f, err := os.Open(filepath.Join(root, Last))
	if err != nil {
		return nil, fmt.Errorf("open last run: %w", err)
	}
	defer f.Close()
	return Read(f, module, nil)
}
