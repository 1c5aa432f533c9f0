// Command fuzz runs every fuzz target of the product for a while, two at a
// time. A target that finds something keeps its input below testdata, where the
// ordinary tests then run it for ever. It never stops at the first failure.
package main

import (
	"flag"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"sync"
	"time"

	"postern.example/postern/test/report"
)

// target is one fuzz function.
type target struct{ dir, name string }

func main() {
	each := flag.Duration("time", 30*time.Second, "for each target")
	only := flag.String("run", "", "only targets whose name matches")
	flag.Parse()
	if err := fuzz(*each, *only); err != nil {
		fmt.Fprintln(os.Stderr, "fuzz:", err)
		os.Exit(1)
	}
}

func fuzz(each time.Duration, only string) error {
	root, _, err := report.Root()
	if err != nil {
		return err
	}
	pattern, err := regexp.Compile(only)
	if err != nil {
		return fmt.Errorf("read -run: %w", err)
	}
	targets, err := find(root, pattern)
	if err != nil {
		return err
	}
	if len(targets) == 0 {
		return fmt.Errorf("no target found")
	}
	fmt.Printf("fuzz: %d targets for %s each\n", len(targets), each)
	var mu sync.Mutex
	var failed []string
	var wg sync.WaitGroup
	queue := make(chan target)
	for range 2 {
		wg.Go(func() {
			for t := range queue {
				out, err := t.run(root, each)
				mu.Lock()
				if err != nil {
					failed = append(failed, t.dir+" "+t.name)
					fmt.Printf("fail %s %s\n%s\n", t.dir, t.name, out)
				} else {
					fmt.Printf("ok   %s %s: %s\n", t.dir, t.name, last(out))
				}
				mu.Unlock()
			}
		})
	}
	for _, t := range targets {
		queue <- t
	}
	close(queue)
	wg.Wait()
	fmt.Printf("%d passed, %d failed\n", len(targets)-len(failed), len(failed))
	if len(failed) > 0 {
		return fmt.Errorf("%s", strings.Join(failed, ", "))
	}
	return nil
}

// find reads the targets from the source, since listing them by go test would
// build every package.
func find(root string, pattern *regexp.Regexp) ([]target, error) {
	decl := regexp.MustCompile(`(?m)^func (Fuzz[A-Za-z0-9_]*)\(\w+ \*testing\.F\)`)
	var out []target
	err := filepath.WalkDir(root, func(p string, d os.DirEntry, err error) error {
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
		for _, m := range decl.FindAllStringSubmatch(string(b), -1) {
			if pattern.MatchString(m[1]) {
				out = append(out, target{dir, m[1]})
			}
		}
		return nil
	})
	if err != nil {
		return nil, fmt.Errorf("find targets: %w", err)
	}
	return out, nil
}

// run fuzzes one target with one worker: two targets run side by side. What Go's own
// coordinator reports at the end of the time (https://go.dev/issue/75804, mended in 1.27)
// says nothing of the target, so that one begins again; three times in a row is a failure.
func (t target) run(root string, each time.Duration) (out string, err error) {
	for range 3 {
		if out, err = t.once(root, each); err == nil || !timeRanOut(t.name, out) {
			break
		}
	}
	return out, err
}

// timeRanOut reports a failure that is the coordinator's deadline and nothing else: its
// message stands alone below the target's name, and no input was kept.
func timeRanOut(name, out string) bool {
	alone := regexp.MustCompile(`(?m)^--- FAIL: ` + regexp.QuoteMeta(name) + ` \([0-9.]+s\)\n    context deadline exceeded\nFAIL\n`)
	return alone.MatchString(out) && !strings.Contains(out, "Failing input written")
}

func (t target) once(root string, each time.Duration) (string, error) {
	cmd := exec.Command("go", "test", "-run=^$", "-fuzz=^"+t.name+"$", "-fuzztime="+each.String(), "-parallel=1",
		"./"+filepath.ToSlash(t.dir))
	cmd.Dir = root
	out, err := cmd.CombinedOutput()
	return string(out), err
}

// last is the last line about progress.
func last(out string) string {
	line := ""
	for l := range strings.Lines(out) {
		if strings.HasPrefix(l, "fuzz: elapsed") {
			line = strings.TrimSpace(strings.TrimPrefix(l, "fuzz: "))
		}
	}
	return line
}
