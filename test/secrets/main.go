// Command secrets looks for keys, tokens and passwords in the tree: known
// forms, and strings too random to be words.
//
// Its exceptions stand in test/secrets/allow.txt, each with a reason, and one
// that excuses nothing is an error. It guarantees nothing about history: it
// reads the files as they are. It never prints a whole secret.
package main

import (
	"bytes"
	"fmt"
	"math"
	"os"
	"path/filepath"
	"regexp"
	"strings"

	"postern.example/postern/test/report"
)

// form is a known form of a secret.
type form struct {
	name    string
	pattern *regexp.Regexp
}

var forms = []form{
	{"private key", regexp.MustCompile(`-----BEGIN [A-Z ]*PRIVATE KEY-----\n?[A-Za-z0-9+/=]{16}`)},
	{"age secret key", regexp.MustCompile(`AGE-SECRET-KEY-(PQ-)?1[0-9A-Z]{20,}`)},
	{"signer's key (C2SP note)", regexp.MustCompile(`PRIVATE\+KEY\+[^+\s]+\+[0-9a-f]{8}\+[A-Za-z0-9+/=]{40,}`)},
	{"cloud access key", regexp.MustCompile(`\b(AKIA|ASIA)[0-9A-Z]{16}\b`)},
	{"forge token", regexp.MustCompile(`\b(gh[pousr]_[A-Za-z0-9]{36}|github_pat_[A-Za-z0-9_]{50,}|glpat-[A-Za-z0-9_-]{20})\b`)},
	{"chat or payment token", regexp.MustCompile(`\b(xox[abprs]-[A-Za-z0-9-]{10,}|[sr]k_live_[A-Za-z0-9]{20,})\b`)},
	{"npm token", regexp.MustCompile(`\bnpm_[A-Za-z0-9]{36}\b|_authToken\s*=\s*\S{8,}`)},
	{"API key", regexp.MustCompile(`\b(AIza[0-9A-Za-z_-]{35}|sk-[A-Za-z0-9_-]{32,})\b`)},
	{"web token", regexp.MustCompile(`\beyJ[A-Za-z0-9_-]{10,}\.eyJ[A-Za-z0-9_-]{10,}\.[A-Za-z0-9_-]{10,}`)},
	{"password in a URL", regexp.MustCompile(`\b[a-z][a-z0-9+.-]*://[^\s/:@"'<>{}%$]+:[^\s/@"'<>{}%$]{3,}@`)},
	{"password in an assignment", regexp.MustCompile(`(?i)\b(password|passwd|passphrase|secret|api_?key)\b["']?\s*(:=|=|:)\s*["'][^"'\s$%{}<>]{8,}["']`)},
}

// random finds long words of base64 or hex; entropy judges them.
var random = regexp.MustCompile(`[A-Za-z0-9+/_-]{40,}={0,2}`)

// bits of entropy per character above which a word of 40 is not a name: random
// base64 of 40 reaches 4.7, random hex 3.7, identifiers and paths stay below 4.3.
const bits, hexBits = 4.5, 3.6

// finding is one hit.
type finding struct {
	path string
	line int
	what string
	text string
}

// allowed is one line of allow.txt: path | part of the text | reason.
type allowed struct {
	path, text string
	line, used int
}

func main() {
	if err := scan(); err != nil {
		fmt.Fprintln(os.Stderr, "secrets:", err)
		os.Exit(1)
	}
}

func scan() error {
	root, _, err := report.Root()
	if err != nil {
		return err
	}
	allow, err := readAllowed(filepath.Join(root, "test", "secrets", "allow.txt"))
	if err != nil {
		return err
	}
	files, bad := 0, 0
	err = filepath.WalkDir(root, func(p string, d os.DirEntry, err error) error {
		if err != nil {
			return err
		}
		rel, _ := filepath.Rel(root, p)
		if d.IsDir() && (rel == ".git" || rel == ".cache" || rel == "bin" || d.Name() == "node_modules") {
			return filepath.SkipDir
		}
		if !d.Type().IsRegular() {
			return nil
		}
		b, err := os.ReadFile(p)
		if err != nil {
			return err
		}
		files++
		for _, f := range look(filepath.ToSlash(rel), b) {
			if !excused(allow, f) {
				fmt.Printf("%s:%d: %s: %s...\n", f.path, f.line, f.what, f.text[:min(12, len(f.text))])
				bad++
			}
		}
		return nil
	})
	if err != nil {
		return fmt.Errorf("walk tree: %w", err)
	}
	for _, a := range allow {
		if a.used == 0 {
			fmt.Printf("test/secrets/allow.txt:%d: excuses nothing: remove it\n", a.line)
			bad++
		}
	}
	if bad > 0 {
		return fmt.Errorf("%d findings", bad)
	}
	fmt.Printf("secrets: %d files, nothing found, %d exceptions with reasons\n", files, len(allow))
	return nil
}

// look returns what a file holds.
func look(path string, b []byte) []finding {
	if bytes.IndexByte(b[:min(len(b), 8000)], 0) >= 0 {
		return nil // an image or another binary
	}
	var out []finding
	add := func(what string, span []int) {
		out = append(out, finding{path, 1 + bytes.Count(b[:span[0]], []byte("\n")), what, string(b[span[0]:span[1]])})
	}
	for _, f := range forms {
		for _, span := range f.pattern.FindAllIndex(b, -1) {
			add(f.name, span)
		}
	}
	if base := filepath.Base(path); base == "go.sum" || base == "package-lock.json" {
		return out // checksums, and nothing else that is random
	}
	for _, span := range random.FindAllIndex(b, -1) {
		if tooRandom(string(b[span[0]:span[1]])) {
			add("random string", span)
		}
	}
	return out
}

func tooRandom(s string) bool {
	s = strings.TrimRight(s, "=")
	e := entropy(s)
	if strings.Trim(strings.ToLower(s), "0123456789abcdef") == "" {
		return e > hexBits
	}
	return e > bits && strings.ContainsAny(s, "0123456789") && strings.ToLower(s) != s
}

// entropy is Shannon's, in bits per character.
func entropy(s string) float64 {
	n := map[rune]float64{}
	for _, c := range s {
		n[c]++
	}
	var e float64
	for _, k := range n {
		p := k / float64(len(s))
		e -= p * math.Log2(p)
	}
	return e
}

func excused(allow []allowed, f finding) bool {
	for i := range allow {
		a := &allow[i]
		if (a.path == f.path || strings.HasSuffix(a.path, "/") && strings.HasPrefix(f.path, a.path)) && strings.Contains(f.text, a.text) {
			a.used++
			return true
		}
	}
	return false
}

func readAllowed(file string) ([]allowed, error) {
	b, err := os.ReadFile(file)
	if err != nil {
		return nil, fmt.Errorf("read exceptions: %w", err)
	}
	var out []allowed
	for n, l := range strings.Split(string(b), "\n") {
		if l == "" || strings.HasPrefix(l, "#") {
			continue
		}
		cells := strings.Split(l, " | ")
		if len(cells) != 3 || strings.TrimSpace(cells[2]) == "" {
			return nil, fmt.Errorf("%s:%d: not in the form PATH | TEXT | REASON", file, n+1)
		}
		out = append(out, allowed{path: cells[0], text: cells[1], line: n + 1})
	}
	return out, nil
}
