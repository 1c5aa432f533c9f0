package matrix

import (
	"bufio"
	"fmt"
	"os"
	"slices"
	"strings"
	"sync"
	"testing"
)

// The answers that a line may expect.
var answers = []string{
	"ok",         // it is done or shown
	"elsewhere",  // a page of the person's own instead; nothing was looked up
	"sign-in",    // who are you? 401, or the way to the sign-in page
	"step-up",    // prove presence again
	"denied",     // 403
	"not-found",  // 404: there is none, or none for this caller
	"invalid",    // 400, or the form's own words of what is wrong
	"method",     // 405
	"media-type", // 415
	"conflict",   // 409
	"NOT-BUILT",  // a door that does not exist yet
}

// notBuilt are the doors that alone may be missing.
var notBuilt = []string{"smart", "share", "message", "visit", "scim", "exchange", "bulk"}

// line is one line of expect.tsv.
type line struct {
	n        int
	personas []string // patterns; * matches anything
	action   string
	whose    []string
	answer   string
	route    string // pattern of "door METHOD /path" or "gate ENVIRONMENT"; empty is every one
	used     bool
}

// expectations are the lines in their order: the last that fits decides.
type expectations struct {
	lines []*line
	mu    sync.Mutex
	known map[[4]string]*line // what was asked before
}

// readExpectations reads expect.tsv.
func readExpectations(t testing.TB) *expectations {
	t.Helper()
	f, err := os.Open("expect.tsv")
	must(t, err)
	defer func() { must(t, f.Close()) }()
	out, groups := &expectations{}, map[string][]string{}
	scan := bufio.NewScanner(f)
	for n := 1; scan.Scan(); n++ {
		text, _, _ := strings.Cut(scan.Text(), "#")
		fields := strings.FieldsFunc(text, func(r rune) bool { return r == '\t' })
		for i := range fields {
			fields[i] = strings.TrimSpace(fields[i])
		}
		fields = slices.DeleteFunc(fields, func(s string) bool { return s == "" })
		if len(fields) == 0 {
			continue
		}
		if name, ok := strings.CutPrefix(fields[0], "group "); ok && len(fields) == 2 {
			groups["@"+name] = expand(groups, fields[1])
			continue
		}
		l, err := parseLine(groups, fields)
		if err != nil {
			t.Fatalf("expect.tsv:%d: %v", n, err)
		}
		l.n = n
		out.lines = append(out.lines, l)
	}
	must(t, scan.Err())
	return out
}

func expand(groups map[string][]string, list string) (out []string) {
	for _, name := range strings.Split(list, ",") {
		if g, ok := groups[name]; ok {
			out = append(out, g...)
			continue
		}
		out = append(out, name)
	}
	return out
}

func parseLine(groups map[string][]string, fields []string) (*line, error) {
	if len(fields) != 4 && len(fields) != 5 {
		return nil, fmt.Errorf("%d columns; want persona, action, whose, answer and perhaps a route", len(fields))
	}
	l := &line{personas: expand(groups, fields[0]), action: fields[1], whose: strings.Split(fields[2], ","), answer: fields[3]}
	if len(fields) == 5 {
		l.route = fields[4]
	}
	if !slices.Contains(answers, l.answer) {
		return nil, fmt.Errorf("no such answer: %s", l.answer)
	}
	for _, w := range l.whose {
		if !slices.Contains([]string{"*", "-", "own", "assigned", "other", "none", "shared"}, w) {
			return nil, fmt.Errorf("no such owner: %s", w)
		}
	}
	if l.answer == "NOT-BUILT" && !slices.Contains(notBuilt, strings.TrimSuffix(l.route, " *")) {
		return nil, fmt.Errorf("the door %q has to exist", l.route)
	}
	return l, nil
}

// glob reports whether s fits the pattern, in which * is any text.
func glob(pattern, s string) bool {
	parts := strings.Split(pattern, "*")
	if len(parts) == 1 {
		return pattern == s
	}
	if !strings.HasPrefix(s, parts[0]) {
		return false
	}
	s = s[len(parts[0]):]
	for _, p := range parts[1 : len(parts)-1] {
		i := strings.Index(s, p)
		if i < 0 {
			return false
		}
		s = s[i+len(p):]
	}
	return strings.HasSuffix(s, parts[len(parts)-1])
}

// names reports whether the file speaks of the action by its name.
func (x *expectations) names(action, route string) bool {
	return slices.ContainsFunc(x.lines, func(l *line) bool {
		return l.action == action && (action != "public" || l.route != "" && l.route != "*" && glob(l.route, route))
	})
}

// want is what the file expects, empty when no line fits.
func (x *expectations) want(persona, action, whose, route string) (string, int) {
	x.mu.Lock()
	defer x.mu.Unlock()
	key := [4]string{persona, action, whose, route}
	l, ok := x.known[key]
	if !ok {
		if x.known == nil {
			x.known = map[[4]string]*line{}
		}
		l = x.find(persona, action, whose, route)
		x.known[key] = l
	}
	if l == nil {
		return "", 0
	}
	l.used = true
	return l.answer, l.n
}

func (x *expectations) find(persona, action, whose, route string) *line {
	for _, l := range slices.Backward(x.lines) {
		if (l.action == "*" || l.action == action) && (l.route == "" || glob(l.route, route)) &&
			(slices.Contains(l.whose, "*") || slices.Contains(l.whose, whose)) &&
			slices.ContainsFunc(l.personas, func(p string) bool { return glob(p, persona) }) {
			return l
		}
	}
	return nil
}

// idle fails for lines that decided nothing: they would only look like a rule.
// Those of the gate and those of HTTP are used by two tests, so each asks for its own.
func (x *expectations) idle(t *testing.T, mine func(*line) bool) {
	t.Helper()
	for _, l := range x.lines {
		if !l.used && l.answer != "NOT-BUILT" && mine(l) {
			t.Errorf("expect.tsv:%d: the line decides nothing", l.n)
		}
	}
}

// An expectation is a person's word. The test reads the file and cannot write it.
func TestExpectationsAreWrittenByHand(t *testing.T) {
	files, err := os.ReadDir(".")
	must(t, err)
	for _, f := range files {
		if !strings.HasSuffix(f.Name(), ".go") {
			continue
		}
		b, err := os.ReadFile(f.Name())
		must(t, err)
		for _, word := range []string{"os.Write" + "File", "os.Cre" + "ate", "os.Open" + "File", "flag.Bo" + "ol"} {
			if strings.Contains(string(b), word) {
				t.Errorf("%s has %s: nothing here writes a file or takes a flag", f.Name(), word)
			}
		}
	}
}

func TestGlob(t *testing.T) {
	for _, c := range []struct {
		pattern, s string
		want       bool
	}{{"*", "", true}, {"*", "x", true}, {"a", "a", true}, {"a", "ab", false}, {"a*", "ab", true}, {"*b", "ab", true}, {"a*c*e", "abcde", true},
		{"a*c*e", "abde", false}, {"*:token", "mother:token", true}, {"*:token", "mother", false}, {"aba*aba", "aba", false}} {
		if glob(c.pattern, c.s) != c.want {
			t.Errorf("%s %s", c.pattern, c.s)
		}
	}
}
