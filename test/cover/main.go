// Command cover holds the thresholds of test coverage: every statement of the
// packages that decide about access, keys and the log, and 80 % of each other
// package.
//
// It reads .cache/test/cover.out, which `make cover` writes, and
// docs/coverage.md, which lists the statements that no test reaches, each with
// its reason. It guarantees that a listed statement which is covered again, or
// is gone, is an error: the list never outlives its reasons. It runs no test.
package main

import (
	"bufio"
	"fmt"
	"os"
	"path/filepath"
	"regexp"
	"sort"
	"strconv"
	"strings"

	"postern.example/postern/test/report"
)

// whole are the packages of which every statement is reached.
var whole = map[string]bool{"internal/trust/keys": true, "internal/trust/audit": true, "internal/trust/access": true,
	"internal/trust/vault": true, "internal/room/session": true}

const elsewhere = 80.0

// block is one run of statements of the profile.
type block struct {
	file                   string
	line, col, toLine, toC int
	statements             int
	count                  int
}

// excuse is one line of docs/coverage.md.
type excuse struct {
	file, code string
	line, used int
}

func main() {
	if err := check(); err != nil {
		fmt.Fprintln(os.Stderr, "cover:", err)
		os.Exit(1)
	}
}

func check() error {
	root, module, err := report.Root()
	if err != nil {
		return err
	}
	blocks, err := readProfile(filepath.Join(root, ".cache", "test", "cover.out"), module)
	if err != nil {
		return err
	}
	excuses, err := readExcuses(filepath.Join(root, "docs", "coverage.md"))
	if err != nil {
		return err
	}
	lines := judge(blocks, excuses, func(file string) (string, error) {
		b, err := os.ReadFile(filepath.Join(root, file))
		return string(b), err
	})
	bad := 0
	for _, l := range lines {
		fmt.Println(l.text)
		if l.bad {
			bad++
		}
	}
	if bad > 0 {
		return fmt.Errorf("%d places below the threshold", bad)
	}
	return nil
}

// verdict is one line of the report.
type verdict struct {
	text string
	bad  bool
}

type total struct{ statements, covered, excused int }

// judge compares the blocks with the thresholds and the excuses.
func judge(blocks []block, excuses []excuse, read func(string) (string, error)) []verdict {
	totals, sources, out := map[string]*total{}, map[string]string{}, []verdict{}
	for _, b := range blocks {
		dir := filepath.Dir(b.file)
		if kit(dir) {
			continue
		}
		t := totals[dir]
		if t == nil {
			t = &total{}
			totals[dir] = t
		}
		t.statements += b.statements
		if b.count > 0 {
			t.covered += b.statements
			continue
		}
		if _, ok := sources[b.file]; !ok {
			sources[b.file], _ = read(b.file)
		}
		code := b.code(sources[b.file])
		switch {
		case excused(excuses, b.file, code):
			t.excused += b.statements
		case whole[dir]:
			out = append(out, verdict{fmt.Sprintf("%s:%d: not reached by any test: %s", b.file, b.line, first(code)), true})
		}
	}
	var dirs []string
	for d := range totals {
		dirs = append(dirs, d)
	}
	sort.Strings(dirs)
	for _, d := range dirs {
		t := totals[d]
		want, got := elsewhere, 100*float64(t.covered+t.excused)/float64(t.statements)
		if whole[d] {
			want = 100
		}
		out = append(out, verdict{fmt.Sprintf("%6.1f %% of %5d statements (%d excused, wanted %.0f %%)  %s", got, t.statements, t.excused, want, d), got < want})
	}
	for _, e := range excuses {
		if e.used == 0 {
			out = append(out, verdict{fmt.Sprintf("docs/coverage.md:%d: %s: covered or gone: remove the line", e.line, e.file), true})
		}
	}
	return out
}

// kit reports whether a folder holds test code: a kit or what lies in one.
func kit(dir string) bool {
	for strings.HasPrefix(dir, "internal/") {
		up := filepath.Dir(dir)
		if filepath.Base(dir) == filepath.Base(up)+"test" {
			return true
		}
		dir = up
	}
	return false
}

func excused(excuses []excuse, file, code string) bool {
	for i := range excuses {
		if e := &excuses[i]; e.file == file && strings.Contains(code, e.code) {
			e.used++
			return true
		}
	}
	return false
}

// code is the source text of the block, white space folded.
func (b block) code(source string) string {
	lines := strings.Split(source, "\n")
	if b.line < 1 || b.toLine > len(lines) {
		return ""
	}
	part := append([]string(nil), lines[b.line-1:b.toLine]...)
	last := len(part) - 1
	part[last] = part[last][:min(b.toC-1, len(part[last]))]
	part[0] = part[0][min(b.col-1, len(part[0])):]
	return strings.Join(strings.Fields(strings.Join(part, " ")), " ")
}

func first(code string) string {
	if len(code) > 100 {
		return code[:100] + "..."
	}
	return code
}

// readProfile merges the blocks: each test binary writes its own.
func readProfile(file, module string) ([]block, error) {
	f, err := os.Open(file)
	if err != nil {
		return nil, fmt.Errorf("open profile (make cover writes it): %w", err)
	}
	defer f.Close()
	form := regexp.MustCompile(`^(.+):(\d+)\.(\d+),(\d+)\.(\d+) (\d+) (\d+)$`)
	merged := map[string]*block{}
	in := bufio.NewScanner(f)
	for in.Scan() {
		m := form.FindStringSubmatch(in.Text())
		if m == nil {
			continue // the mode line
		}
		var n [6]int
		for i := range n {
			n[i], _ = strconv.Atoi(m[i+2]) // digits by the pattern
		}
		key := strings.Join(m[1:6], " ")
		if merged[key] == nil {
			merged[key] = &block{file: strings.TrimPrefix(m[1], module+"/"), line: n[0], col: n[1], toLine: n[2], toC: n[3], statements: n[4]}
		}
		merged[key].count += n[5]
	}
	if err := in.Err(); err != nil {
		return nil, fmt.Errorf("read profile: %w", err)
	}
	if len(merged) == 0 {
		return nil, fmt.Errorf("profile %s is empty", file)
	}
	var out []block
	for _, b := range merged {
		out = append(out, *b)
	}
	sort.Slice(out, func(i, j int) bool {
		return out[i].file < out[j].file || out[i].file == out[j].file && out[i].line < out[j].line
	})
	return out, nil
}

var excuseLine = regexp.MustCompile("^\\| `([^`]+)` \\| `([^`]+)` \\| (.+) \\|$")

// readExcuses parses the table: `file` | `code` | reason.
func readExcuses(file string) ([]excuse, error) {
	b, err := os.ReadFile(file)
	if err != nil {
		return nil, fmt.Errorf("read list of excuses: %w", err)
	}
	var out []excuse
	for n, l := range strings.Split(string(b), "\n") {
		if !strings.HasPrefix(l, "| `") {
			continue
		}
		m := excuseLine.FindStringSubmatch(l)
		if m == nil || strings.TrimSpace(m[3]) == "" {
			return nil, fmt.Errorf("%s:%d: not in the form | `file` | `code` | reason |", file, n+1)
		}
		out = append(out, excuse{file: m[1], code: strings.Join(strings.Fields(m[2]), " "), line: n + 1})
	}
	return out, nil
}
