// Command lint judges the source: gofmt, go vet and staticcheck, or with -gosec
// gosec. It fixes nothing, and never hides a finding: gosec's
// exceptions stand in tools/gosec.txt, each with its reason, and one that
// excuses nothing any more is an error too.
package main

import (
	"bytes"
	"encoding/json"
	"flag"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"

	"postern.example/postern/test/report"
)

func main() {
	sec := flag.Bool("gosec", false, "run gosec instead")
	flag.Parse()
	root, module, err := report.Root()
	if err == nil {
		if *sec {
			err = gosec(root, module)
		} else {
			err = style(root, module)
		}
	}
	if err != nil {
		fmt.Fprintln(os.Stderr, "lint:", err)
		os.Exit(1)
	}
}

// style runs all three, so that one run shows everything.
func style(root, module string) error {
	files, err := goFiles(root)
	if err != nil {
		return err
	}
	var failed []string
	out, err := exec.Command("gofmt", append([]string{"-l"}, files...)...).CombinedOutput()
	if err != nil || len(out) > 0 {
		fmt.Printf("gofmt:\n%s", out)
		failed = append(failed, "gofmt")
	}
	for name, args := range map[string][]string{
		"go vet":      {"go", "vet", "./..."},
		"staticcheck": {filepath.Join(root, ".cache", "bin", "staticcheck"), "./..."},
	} {
		cmd := exec.Command(args[0], args[1:]...)
		cmd.Dir = root
		if out, err := cmd.CombinedOutput(); err != nil {
			fmt.Printf("%s:\n%s", name, out)
			failed = append(failed, name)
		}
	}
	if len(failed) > 0 {
		return fmt.Errorf("%s found something in %s", strings.Join(failed, " and "), module)
	}
	fmt.Printf("lint: %d files, nothing found\n", len(files))
	return nil
}

func goFiles(root string) ([]string, error) {
	var files []string
	err := filepath.WalkDir(root, func(p string, d os.DirEntry, err error) error {
		if err != nil {
			return err
		}
		if d.IsDir() && p != root && (strings.HasPrefix(d.Name(), ".") || d.Name() == "node_modules") {
			return filepath.SkipDir
		}
		if !d.IsDir() && strings.HasSuffix(p, ".go") {
			files = append(files, p)
		}
		return nil
	})
	return files, err
}

// finding is what gosec reports.
type finding struct {
	Rule    string `json:"rule_id"`
	Details string `json:"details"`
	File    string `json:"file"`
	Line    string `json:"line"`
	Code    string `json:"code"`
}

// exception is one line of tools/gosec.txt: rule, path, part of the code, reason.
type exception struct {
	rule, path, code string
	line, used       int
}

// gosec runs gosec on the product (not on tests and their programs) and
// subtracts the exceptions.
func gosec(root, module string) error {
	exceptions, err := readExceptions(filepath.Join(root, "tools", "gosec.txt"))
	if err != nil {
		return err
	}
	cmd := exec.Command(filepath.Join(root, ".cache", "bin", "gosec"), "-quiet", "-fmt=json", "-exclude-dir=test", "-exclude-dir=tools", "./internal/...", "./cmd/...")
	cmd.Dir = root
	var out, stderr bytes.Buffer
	cmd.Stdout, cmd.Stderr = &out, &stderr
	runErr := cmd.Run() // exits 1 when it finds something
	var found struct {
		Issues []finding
		Errors map[string][]struct{ Error string } `json:"Golang errors"`
		Stats  struct{ Files int }
	}
	if out.Len() > 0 || runErr != nil {
		if err := json.Unmarshal(out.Bytes(), &found); err != nil {
			return fmt.Errorf("read gosec's report: %w (gosec: %v)\n%s%s", err, runErr, out.Bytes(), stderr.Bytes())
		}
	}
	bad := 0
	for file, errs := range found.Errors {
		fmt.Printf("gosec could not read %s: %s\n", file, errs[0].Error)
		bad++
	}
	for _, f := range found.Issues {
		rel := strings.TrimPrefix(f.File, root+"/")
		if !excused(exceptions, f, rel) {
			fmt.Printf("%s:%s: %s %s\n%s\n", rel, f.Line, f.Rule, f.Details, f.Code)
			bad++
		}
	}
	for _, e := range exceptions {
		if e.used == 0 {
			fmt.Printf("tools/gosec.txt:%d: excuses nothing: remove it\n", e.line)
			bad++
		}
	}
	if bad > 0 {
		return fmt.Errorf("gosec: %d findings in %s", bad, module)
	}
	fmt.Printf("gosec: nothing found, %d exceptions with reasons\n", len(exceptions))
	return nil
}

func excused(exceptions []exception, f finding, rel string) bool {
	for i := range exceptions {
		e := &exceptions[i]
		if e.rule == f.Rule && strings.HasPrefix(rel, e.path) && strings.Contains(f.Code, e.code) {
			e.used++
			return true
		}
	}
	return false
}

func readExceptions(file string) ([]exception, error) {
	b, err := os.ReadFile(file)
	if err != nil {
		return nil, fmt.Errorf("read exceptions: %w", err)
	}
	var out []exception
	for n, l := range strings.Split(string(b), "\n") {
		if l == "" || strings.HasPrefix(l, "#") {
			continue
		}
		cells := strings.Split(l, " | ")
		if len(cells) != 4 || strings.TrimSpace(cells[3]) == "" {
			return nil, fmt.Errorf("%s:%d: not in the form RULE | PATH | CODE | REASON", file, n+1)
		}
		out = append(out, exception{rule: cells[0], path: cells[1], code: cells[2], line: n + 1})
	}
	return out, nil
}
