// Command run runs the tests: one PostgreSQL cluster for the whole run, every
// result kept in .cache/test, skipped tests compared with docs/skips.md, and a
// closing line "N passed, N failed, N skipped".
//
// It exits 0 only when every test passed or is listed as skipped. It never
// retries a test.
package main

import (
	"flag"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"sort"
	"strings"
	"time"

	"postern.example/postern/test/report"
	"postern.example/postern/test/skips"
)

// data is the folder of third-party bundles that some tests read.
const data = "POSTERN_TEST_DATA"

type options struct {
	race, cover bool
	run         string
	timeout     time.Duration
	packages    []string
	root        string
	module      string
}

func main() {
	var o options
	flag.BoolVar(&o.race, "race", false, "under the race detector")
	flag.BoolVar(&o.cover, "cover", false, "write .cache/test/cover.out")
	flag.StringVar(&o.run, "run", "", "only tests that match")
	flag.DurationVar(&o.timeout, "timeout", 30*time.Minute, "for each package")
	flag.Parse()
	o.packages = flag.Args()
	if len(o.packages) == 0 {
		o.packages = []string{"./..."}
	}
	ok, err := o.all()
	if err != nil {
		fmt.Fprintln(os.Stderr, "run:", err)
		os.Exit(1)
	}
	if !ok {
		os.Exit(1)
	}
}

func (o *options) all() (bool, error) {
	var err error
	if o.root, o.module, err = report.Root(); err != nil {
		return false, err
	}
	entries, err := skips.Read(filepath.Join(o.root, "docs", "skips.md"))
	if err != nil {
		return false, err
	}
	rep, err := o.test()
	if err != nil {
		return false, err
	}
	failed := printFailures(rep)
	v := skips.Check(rep, entries, os.Getenv, o.whole())
	bad := printSkips(v)
	passed, skipped := 0, 0
	for _, t := range rep.Leaves() {
		switch t.Outcome {
		case report.Passed:
			passed++
		case report.Skipped:
			skipped++
		}
	}
	if passed+failed+skipped == 0 {
		return false, fmt.Errorf("no test ran")
	}
	line := fmt.Sprintf("%d passed, %d failed, %d skipped\n", passed, failed, skipped)
	fmt.Print("\n", line)
	if !o.race && o.run == "" {
		if err := os.WriteFile(filepath.Join(o.root, ".cache", "test", "summary"), []byte(line), 0o644); err != nil {
			return false, fmt.Errorf("keep summary: %w", err)
		}
	}
	return failed == 0 && !bad, nil
}

// whole reports whether this run could show that an entry of docs/skips.md is stale.
func (o *options) whole() bool {
	return o.run == "" && !o.race && len(o.packages) == 1 && o.packages[0] == "./..."
}

// test runs go test under the PostgreSQL runner and reads its events.
func (o *options) test() (*report.Report, error) {
	args := []string{"test", "-json", "-count=1", "-timeout=" + o.timeout.String()}
	dir := filepath.Join(o.root, ".cache", "test")
	if err := os.MkdirAll(dir, 0o755); err != nil {
		return nil, fmt.Errorf("make folder of results: %w", err)
	}
	kept := filepath.Join(o.root, report.Last)
	if o.race {
		args = append(args, "-race")
		kept = filepath.Join(dir, "race.jsonl")
	}
	if o.cover {
		args = append(args, "-coverpkg=./internal/...", "-coverprofile="+filepath.Join(dir, "cover.out"))
	}
	if o.run != "" {
		args = append(args, "-run="+o.run)
		kept = filepath.Join(dir, "part.jsonl")
	}
	log, err := os.Create(kept)
	if err != nil {
		return nil, fmt.Errorf("keep results: %w", err)
	}
	defer log.Close()
	cluster, err := o.cluster()
	if err != nil {
		return nil, err
	}
	cmd := exec.Command(cluster, append(append([]string{"--", "go"}, args...), o.packages...)...)
	cmd.Dir = o.root
	cmd.Stderr = os.Stderr
	out, err := cmd.StdoutPipe()
	if err != nil {
		return nil, fmt.Errorf("run tests: %w", err)
	}
	if err := cmd.Start(); err != nil {
		return nil, fmt.Errorf("run tests: %w", err)
	}
	rep, err := report.Read(io.TeeReader(out, log), o.module, printPackage)
	if err != nil {
		return nil, err
	}
	// The exit code says no more than the events do, except that go itself failed.
	if err := cmd.Wait(); err != nil && len(rep.Failures()) == 0 {
		return nil, fmt.Errorf("go test: %w\n%s", err, strings.Join(rep.Build["go"], ""))
	}
	return rep, nil
}

// cluster builds the program that runs a command with a PostgreSQL server.
func (o *options) cluster() (string, error) {
	bin := filepath.Join(o.root, ".cache", "bin", "pgcluster")
	build := exec.Command("go", "build", "-o", bin, "./internal/trust/db/dbtest/pgcluster")
	build.Dir, build.Stderr = o.root, os.Stderr
	if err := build.Run(); err != nil {
		return "", fmt.Errorf("build pgcluster: %w", err)
	}
	return bin, nil
}

func printPackage(pkg, outcome string, seconds float64) {
	if outcome != "skip" {
		fmt.Printf("%-4s %6.1fs %s\n", outcome, seconds, pkg)
	}
}

// printFailures prints the output of what failed and returns how many.
func printFailures(rep *report.Report) int {
	var broken []string
	for path := range rep.Build {
		broken = append(broken, path)
	}
	sort.Strings(broken)
	for _, path := range broken {
		fmt.Printf("\n=== build %s\n%s", path, strings.Join(rep.Build[path], ""))
	}
	failures := rep.Failures()
	n := 0
	for _, t := range failures {
		fmt.Printf("\n=== %s %s\n%s", t.Package, t.Name, strings.Join(t.Output, ""))
		// A test fails with its subtest; only the innermost counts.
		inner := func(f *report.Test) bool { return f.Package == t.Package && strings.HasPrefix(f.Name, t.Name+"/") }
		if t.Name == "" || !slices.ContainsFunc(failures, inner) {
			n++
		}
	}
	return n
}

// printSkips prints what did not run and reports whether that is an error.
func printSkips(v skips.Verdict) bool {
	missing := os.Getenv(data) == ""
	if len(v.Excused) > 0 {
		fmt.Printf("\nDid not run, as docs/skips.md says:\n")
		for _, t := range v.Excused {
			fmt.Printf("  %s %s: %s\n", t.Package, t.Name, t.Reason())
		}
		if missing {
			fmt.Printf("  (%s is unset: set it to a folder with the test bundles to run the tests that need them)\n", data)
		}
	}
	for _, t := range v.Unlisted {
		fmt.Printf("\nERROR: %s %s did not run and docs/skips.md does not list it: %s\n", t.Package, t.Name, t.Reason())
	}
	for _, e := range v.Stale {
		fmt.Printf("\nERROR: docs/skips.md lists %s %s, which was not skipped: remove the line\n", e.Package, e.Test)
	}
	return len(v.Unlisted)+len(v.Stale) > 0
}
