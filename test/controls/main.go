// Command controls prints, for each row of the control catalogue, the tests
// that name it and how they ended in the last run of `make test`.
//
// It reads test/controls/rows.txt, the sources (so that it answers before any
// run) and the kept results (so that rows named by a helper count too). It
// runs no test, and never counts a row for a test that failed or was skipped.
package main

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"sort"
	"strings"

	"postern.example/postern/test/covers"
	"postern.example/postern/test/report"
)

// row is one line of rows.txt.
type row struct{ id, title string }

// shown maps a row to its tests ("package TestName") and each test to its result.
type shown map[string]map[string]string

func main() {
	if err := run(os.Getenv("STRICT") == "1"); err != nil {
		fmt.Fprintln(os.Stderr, "controls:", err)
		os.Exit(1)
	}
}

func run(strict bool) error {
	root, module, err := report.Root()
	if err != nil {
		return err
	}
	rows, err := readRows(filepath.Join(root, "test", "controls", "rows.txt"))
	if err != nil {
		return err
	}
	found := shown{}
	if err := scan(root, found); err != nil {
		return err
	}
	rep, err := report.Load(root, module)
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		return err
	}
	if rep != nil {
		results(rep, found)
	} else {
		fmt.Println("no results kept yet: run make test")
	}
	missing, failed := print(rows, found)
	if len(failed) > 0 {
		return fmt.Errorf("rows whose tests did not pass: %s", strings.Join(failed, " "))
	}
	if len(missing) > 0 {
		text := "rows without a test: " + strings.Join(missing, " ")
		if strict {
			return errors.New(text)
		}
		fmt.Println(text)
	}
	return nil
}

func readRows(file string) ([]row, error) {
	b, err := os.ReadFile(file)
	if err != nil {
		return nil, fmt.Errorf("read rows: %w", err)
	}
	var out []row
	for l := range strings.Lines(string(b)) {
		if l = strings.TrimSpace(l); l != "" && !strings.HasPrefix(l, "#") {
			id, title, _ := strings.Cut(l, "\t")
			out = append(out, row{id, title})
		}
	}
	return out, nil
}

// scan finds calls of covers.Covers in the sources, by the test function that
// they stand in, and comments "Covers HC-7a, B-29: ..." above one.
func scan(root string, found shown) error {
	function := regexp.MustCompile(`^func ((?:Test|Fuzz)\w+)\(`)
	comment := regexp.MustCompile(`^// Covers ([A-Z]{1,2}-[0-9].*)`)
	id := regexp.MustCompile(`\b[A-Z]{1,2}-[0-9]{1,3}[a-z]?\b`)
	call := regexp.MustCompile(`covers\.Covers\(\w+((?:, *"[^"]+")+)\)`)
	return filepath.WalkDir(root, func(p string, d fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		if d.IsDir() && p != root && (strings.HasPrefix(d.Name(), ".") || d.Name() == "node_modules") {
			return filepath.SkipDir
		}
		if d.IsDir() || !strings.HasSuffix(p, "_test.go") {
			return nil
		}
		b, err := os.ReadFile(p)
		if err != nil {
			return err
		}
		dir, _ := filepath.Rel(root, filepath.Dir(p))
		in, above := "", []string(nil)
		for l := range strings.Lines(string(b)) {
			if m := comment.FindStringSubmatch(l); m != nil {
				above = append(above, id.FindAllString(m[1], -1)...)
			}
			if m := function.FindStringSubmatch(l); m != nil {
				in = m[1]
				for _, row := range above {
					found.add(row, filepath.ToSlash(dir)+" "+in, "not run")
				}
				above = nil
			}
			for _, m := range call.FindAllStringSubmatch(l, -1) {
				for _, row := range id.FindAllString(m[1], -1) {
					if in != "" && dir != filepath.Join("test", "covers") {
						found.add(row, filepath.ToSlash(dir)+" "+in, "not run")
					}
				}
			}
		}
		return nil
	})
}

func (s shown) add(row, test, result string) {
	if s[row] == nil {
		s[row] = map[string]string{}
	}
	s[row][test] = result
}

// results puts the last run's outcomes in, and adds the rows it logged.
func results(rep *report.Report, found shown) {
	outcome := map[string]report.Outcome{}
	for _, t := range rep.Tests {
		if t.Name != "" && t.Name == t.Top() {
			outcome[t.Package+" "+t.Name] = t.Outcome
		}
	}
	for id, tests := range rep.Covers(covers.Prefix) {
		for _, t := range tests {
			if t.Package != "test/covers" && t.Name != "" {
				found.add(id, t.Package+" "+t.Top(), "not run")
			}
		}
	}
	for _, tests := range found {
		for t := range tests {
			if o := outcome[t]; o != "" {
				tests[t] = string(o)
			}
		}
	}
}

// print writes the table and returns the rows without test and those whose
// tests did not pass.
func print(rows []row, found shown) (missing, failed []string) {
	for _, r := range rows {
		fmt.Printf("%-7s %s\n", r.id, r.title)
		tests := found[r.id]
		if len(tests) == 0 {
			fmt.Println("          no test")
			missing = append(missing, r.id)
		}
		if printTests(tests) {
			failed = append(failed, r.id)
		}
	}
	var more []string
	for id := range found {
		if !slices.ContainsFunc(rows, func(r row) bool { return r.id == id }) {
			more = append(more, id)
		}
	}
	sort.Strings(more)
	for _, id := range more {
		fmt.Printf("%-7s (not asked for by this release)\n", id)
		if printTests(found[id]) {
			failed = append(failed, id)
		}
	}
	return missing, failed
}

// printTests prints the tests of one row and reports whether one of them failed
// or was skipped.
func printTests(tests map[string]string) bool {
	var names []string
	for n := range tests {
		names = append(names, n)
	}
	sort.Strings(names)
	bad := false
	for _, n := range names {
		fmt.Printf("          %-8s %s\n", tests[n], n)
		bad = bad || tests[n] == "fail" || tests[n] == "skip"
	}
	return bad
}
