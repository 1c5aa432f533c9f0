// Command sabotage breaks the product on purpose, one committed patch at a
// time, and expects the test that the patch names to go red.
//
// It works on two copies of the tree below .cache/sabotage and never touches
// the tree itself. It guarantees that every test it relies on was green before
// its patch, that a patch that no longer applies is an error, and that every
// promise of the design has a patch. A compile error counts as red only where
// the patch says so.
package main

import (
	"bytes"
	"flag"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"sync"
	"time"

	"postern.example/postern/test/report"
)

// promises are those of the design, section 1: each needs a patch.
const promises = 9

// least is how many patches there are in the end; with STRICT=1 fewer are an error.
const least = 30

// patch is one way to break the product.
type patch struct {
	file    string
	promise []int
	pkg     string // "./internal/word/phi"
	test    string // regular expression for -run
	why     string
	compile bool
}

func main() {
	only := flag.String("only", "", "only patches whose name contains this")
	list := flag.Bool("list", false, "print the patches and stop")
	workers := flag.Int("parallel", 2, "copies of the tree")
	flag.Parse()
	if err := run(*only, *list, *workers); err != nil {
		fmt.Fprintln(os.Stderr, "sabotage:", err)
		os.Exit(1)
	}
}

func run(only string, list bool, workers int) error {
	root, _, err := report.Root()
	if err != nil {
		return err
	}
	all, err := readPatches(filepath.Join(root, "test", "sabotage", "patches"))
	if err != nil {
		return err
	}
	if list {
		for _, p := range all {
			fmt.Printf("%-40s promise %v  %s %s\n    %s\n", filepath.Base(p.file), p.promise, p.pkg, p.test, p.why)
		}
		return nil
	}
	chosen := slices.DeleteFunc(slices.Clone(all), func(p patch) bool { return !strings.Contains(filepath.Base(p.file), only) })
	if len(chosen) == 0 {
		return fmt.Errorf("no patch is named like %q", only)
	}
	failed, err := breakAll(root, chosen, workers)
	if err != nil {
		return err
	}
	fmt.Printf("%d passed, %d failed\n", len(chosen)-failed, failed)
	if failed > 0 {
		return fmt.Errorf("%d patches went unnoticed or did not apply", failed)
	}
	if only == "" {
		return complete(all)
	}
	return nil
}

// complete checks that every promise has a patch. Until all rooms have landed
// gaps are printed; STRICT=1 makes them errors.
func complete(all []patch) error {
	var gaps []string
	for n := 1; n <= promises; n++ {
		if !slices.ContainsFunc(all, func(p patch) bool { return slices.Contains(p.promise, n) }) {
			gaps = append(gaps, fmt.Sprintf("promise %d has no patch", n))
		}
	}
	if len(all) < least {
		gaps = append(gaps, fmt.Sprintf("%d patches of at least %d", len(all), least))
	}
	if len(gaps) == 0 {
		return nil
	}
	text := strings.Join(gaps, ", ")
	if os.Getenv("STRICT") == "1" {
		return fmt.Errorf("%s", text)
	}
	fmt.Println("sabotage: not complete yet:", text)
	return nil
}

// breakAll shares the patches out to copies of the tree and returns how many failed.
func breakAll(root string, patches []patch, workers int) (int, error) {
	var mu sync.Mutex
	failed := 0
	queue := make(chan patch)
	var wg sync.WaitGroup
	for n := range workers {
		dir := filepath.Join(root, ".cache", "sabotage", strconv.Itoa(n))
		if err := copyTree(root, dir); err != nil {
			return 0, err
		}
		wg.Go(func() {
			green := map[string]error{}
			for p := range queue {
				start := time.Now()
				err := p.try(dir, green)
				mu.Lock()
				if err != nil {
					failed++
					fmt.Printf("FAIL %s: %v\n", filepath.Base(p.file), err)
				} else {
					fmt.Printf("red  %5.1fs %s (%s)\n", time.Since(start).Seconds(), filepath.Base(p.file), p.test)
				}
				mu.Unlock()
			}
		})
	}
	for _, p := range patches {
		queue <- p
	}
	close(queue)
	wg.Wait()
	return failed, nil
}

// try applies the patch to the copy, runs its test, and takes the patch out again.
func (p patch) try(dir string, green map[string]error) error {
	key := p.pkg + " " + p.test
	if _, known := green[key]; !known {
		out, err := p.goTest(dir)
		switch {
		case err != nil:
			err = fmt.Errorf("its test is not green without the patch:\n%s", tail(out))
		case !strings.Contains(out, "--- PASS: "):
			err = fmt.Errorf("no test of %s matches %s", p.pkg, p.test)
		}
		green[key] = err
	}
	if green[key] != nil {
		return green[key]
	}
	if out, err := apply(dir, p.file, false); err != nil {
		return fmt.Errorf("does not apply:\n%s", out)
	}
	out, err := p.goTest(dir)
	if undo, undoErr := apply(dir, p.file, true); undoErr != nil {
		return fmt.Errorf("does not come off again:\n%s", undo)
	}
	broken := strings.Contains(out, "[build failed]") || strings.Contains(out, "[setup failed]")
	switch {
	case err == nil:
		return fmt.Errorf("went unnoticed: %s stayed green (%s)", p.test, p.why)
	case broken && !p.compile:
		return fmt.Errorf("does not compile, which proves nothing:\n%s", tail(out))
	case !broken && p.compile:
		return fmt.Errorf("compiles, though it should not")
	case !broken && !strings.Contains(out, "--- FAIL: ") && !strings.Contains(out, "panic: "):
		return fmt.Errorf("no test failed, something else did:\n%s", tail(out))
	}
	return nil
}

// goTest runs the patch's test alone. Results of the unpatched copy come from
// go's cache when nothing changed.
func (p patch) goTest(dir string) (string, error) {
	cmd := exec.Command("go", "test", "-v", "-timeout=10m", "-run="+p.test, p.pkg)
	cmd.Dir = dir
	cmd.Env = append(os.Environ(), "GOFLAGS=-buildvcs=false")
	out, err := cmd.CombinedOutput()
	return string(out), err
}

// apply puts the patch in or takes it out.
func apply(dir, file string, reverse bool) (string, error) {
	args := []string{"apply", "--whitespace=nowarn"}
	if reverse {
		args = append(args, "--reverse")
	}
	cmd := exec.Command("git", append(args, file)...)
	cmd.Dir = dir
	// The copy lies inside the repository: without this git would look at the
	// paths from the repository's root and apply nothing.
	cmd.Env = append(os.Environ(), "GIT_DIR="+filepath.Join(dir, "no-repository"), "GIT_CEILING_DIRECTORIES="+filepath.Dir(dir))
	out, err := cmd.CombinedOutput()
	return string(out), err
}

func tail(out string) string {
	lines := strings.Split(strings.TrimSpace(out), "\n")
	return strings.Join(lines[max(0, len(lines)-25):], "\n")
}

// copyTree makes dir equal to the tree, without what was built. Files that did
// not change keep their times, so that go's cache holds.
func copyTree(root, dir string) error {
	want := map[string]bool{}
	err := filepath.WalkDir(root, func(p string, d os.DirEntry, err error) error {
		if err != nil {
			return err
		}
		rel, _ := filepath.Rel(root, p)
		if d.IsDir() && (rel == ".git" || rel == ".cache" || rel == "bin" || d.Name() == "node_modules") {
			return filepath.SkipDir
		}
		want[rel] = true
		to := filepath.Join(dir, rel)
		if d.IsDir() {
			return os.MkdirAll(to, 0o755)
		}
		if !d.Type().IsRegular() {
			return nil
		}
		b, err := os.ReadFile(p)
		if err != nil {
			return err
		}
		if old, err := os.ReadFile(to); err == nil && bytes.Equal(old, b) {
			return nil
		}
		return os.WriteFile(to, b, 0o644)
	})
	if err != nil {
		return fmt.Errorf("copy tree: %w", err)
	}
	err = filepath.WalkDir(dir, func(p string, d os.DirEntry, err error) error {
		rel, _ := filepath.Rel(dir, p)
		if err == nil && !want[rel] {
			if d.IsDir() {
				if err := os.RemoveAll(p); err != nil {
					return err
				}
				return filepath.SkipDir
			}
			return os.Remove(p)
		}
		return err
	})
	if err != nil {
		return fmt.Errorf("clean copy: %w", err)
	}
	return nil
}

// readPatches reads NN-name.patch files: numbered, each with its header.
func readPatches(dir string) ([]patch, error) {
	files, err := filepath.Glob(filepath.Join(dir, "*.patch"))
	if err != nil {
		return nil, fmt.Errorf("list patches: %w", err)
	}
	named := regexp.MustCompile(`^[0-9]{2,3}-[a-z0-9-]+\.patch$`)
	var out []patch
	for _, f := range files {
		b, err := os.ReadFile(f)
		if err != nil {
			return nil, fmt.Errorf("read patch: %w", err)
		}
		p, err := parse(string(b))
		if err == nil && !named.MatchString(filepath.Base(f)) {
			err = fmt.Errorf("is not named like 07-log-rewritten.patch")
		}
		if err != nil {
			return nil, fmt.Errorf("%s: %w", filepath.Base(f), err)
		}
		p.file = f
		out = append(out, p)
	}
	return out, nil
}

// parse reads the header, the lines before the diff:
//
//	# promise: 3            (one or more numbers of the design's section 1)
//	# test: ./pkg TestName  (a regular expression for -run)
//	# why: what an attacker or a careless change would gain
//	# expect: compile       (only when the compiler itself must refuse)
func parse(text string) (patch, error) {
	var p patch
	for line := range strings.Lines(text) {
		line = strings.TrimSpace(line)
		if strings.HasPrefix(line, "diff ") || strings.HasPrefix(line, "--- ") {
			break
		}
		key, value, _ := strings.Cut(strings.TrimPrefix(line, "# "), ": ")
		switch key {
		case "promise":
			for _, w := range strings.FieldsFunc(value, func(r rune) bool { return r == ',' || r == ' ' }) {
				n, err := strconv.Atoi(w)
				if err != nil || n < 1 || n > promises {
					return p, fmt.Errorf("promise %q is not one of 1 to %d", w, promises)
				}
				p.promise = append(p.promise, n)
			}
		case "test":
			p.pkg, p.test, _ = strings.Cut(value, " ")
		case "why":
			p.why = value
		case "expect":
			p.compile = value == "compile"
		}
	}
	if len(p.promise) == 0 || !strings.HasPrefix(p.pkg, "./") || p.test == "" || p.why == "" {
		return p, fmt.Errorf("needs the header lines promise, test (./package TestName) and why")
	}
	return p, nil
}
