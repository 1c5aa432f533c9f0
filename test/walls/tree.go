// Package walls holds the tests of Postern's architecture: which package may
// import and call what. It owns the parser of the table in ARCHITECTURE.md and
// the lists in rules.go.
//
// It guarantees that the picture and the code agree in both directions. It
// reads source text alone: it never compiles, so that it also judges a tree in
// which one room is broken today.
package walls

import (
	"fmt"
	"go/ast"
	"go/parser"
	"go/token"
	"io/fs"
	"os"
	"path"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
)

const module = "postern.example/postern"

// file is one Go file of the tree.
type file struct {
	path  string // below the root, with slashes
	dir   string
	room  string // the room it belongs to, "" outside internal and cmd
	test  bool   // a _test.go file
	kit   bool   // in a test kit: a folder that only tests import
	lines int
	text  string
	ast   *ast.File
	fset  *token.FileSet
}

// imports maps the local name of each import to its path.
func (f *file) imports() map[string]string {
	out := map[string]string{}
	for _, spec := range f.ast.Imports {
		p, err := strconv.Unquote(spec.Path.Value)
		if err != nil {
			continue
		}
		name := path.Base(p)
		if regexp.MustCompile(`^v[0-9]+$`).MatchString(name) {
			name = path.Base(path.Dir(p))
		}
		if spec.Name != nil {
			name = spec.Name.Name
		}
		out[name] = p
	}
	return out
}

// at says where a node stands.
func (f *file) at(n ast.Node) string {
	return fmt.Sprintf("%s:%d", f.path, f.fset.Position(n.Pos()).Line)
}

// roomOf names the room of a folder: the first two parts below internal, or
// app, or the folder of a command.
func roomOf(dir string) string {
	parts := strings.Split(dir, "/")
	switch {
	case parts[0] == "cmd" && len(parts) > 1:
		return "cmd/" + parts[1]
	case parts[0] != "internal" || len(parts) < 2:
		return ""
	case parts[1] == "app":
		return "app"
	case len(parts) == 2:
		return parts[1]
	default:
		return parts[1] + "/" + parts[2]
	}
}

// isKit reports whether a folder is a test kit or lies in one: named after what
// it tests ("db/dbtest", "app/apptest").
func isKit(dir string) bool {
	for strings.HasPrefix(dir, "internal/") {
		up := path.Dir(dir)
		if path.Base(dir) == path.Base(up)+"test" {
			return true
		}
		dir = up
	}
	return false
}

// load parses every Go file under root.
func load(root string) ([]*file, error) {
	var out []*file
	err := filepath.WalkDir(root, func(p string, d fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		rel, _ := filepath.Rel(root, p)
		if d.IsDir() && rel != "." && (strings.HasPrefix(d.Name(), ".") || d.Name() == "node_modules" || d.Name() == "testdata") {
			return filepath.SkipDir
		}
		if d.IsDir() || !strings.HasSuffix(p, ".go") {
			return nil
		}
		f, err := parse(root, filepath.ToSlash(rel))
		if err != nil {
			return err
		}
		out = append(out, f)
		return nil
	})
	if err != nil {
		return nil, fmt.Errorf("load tree: %w", err)
	}
	return out, nil
}

func parse(root, rel string) (*file, error) {
	b, err := os.ReadFile(filepath.Join(root, filepath.FromSlash(rel)))
	if err != nil {
		return nil, err
	}
	fset := token.NewFileSet()
	tree, err := parser.ParseFile(fset, rel, b, parser.ParseComments)
	if err != nil {
		return nil, err
	}
	dir := path.Dir(rel)
	return &file{path: rel, dir: dir, room: roomOf(dir), test: strings.HasSuffix(rel, "_test.go"), kit: isKit(dir),
		lines: strings.Count(string(b), "\n"), text: string(b), ast: tree, fset: fset}, nil
}

// room is one row of the table.
type room struct {
	name    string
	ring    int
	imports []string
	owns    string
}

// notYet marks a room without code.
const notYet = "(not yet)"

const (
	begin = "<!-- walls:begin -->"
	end   = "<!-- walls:end -->"
)

// table parses the rows between the marks of ARCHITECTURE.md.
func table(text string) ([]room, error) {
	_, rest, ok := strings.Cut(text, begin)
	body, _, ok2 := strings.Cut(rest, end)
	if !ok || !ok2 {
		return nil, fmt.Errorf("ARCHITECTURE.md: no table between %s and %s", begin, end)
	}
	var out []room
	for _, l := range strings.Split(strings.TrimSpace(body), "\n")[2:] {
		cells := strings.Split(strings.Trim(l, "|"), "|")
		if len(cells) != 4 {
			return nil, fmt.Errorf("ARCHITECTURE.md: row with %d cells: %s", len(cells), l)
		}
		ring, err := strconv.Atoi(strings.TrimSpace(cells[1]))
		if err != nil {
			return nil, fmt.Errorf("ARCHITECTURE.md: ring of %s: %w", cells[0], err)
		}
		out = append(out, room{name: strings.Trim(cells[0], " `"), ring: ring,
			imports: regexp.MustCompile("[a-z/]+").FindAllString(cells[2], -1), owns: strings.TrimSpace(cells[3])})
	}
	return out, nil
}

// write puts the real imports into the table and drops the mark of a room that
// has code. It never adds a room: a new room is a decision.
func write(text string, rooms []room, real map[string][]string, exists map[string]bool) string {
	before, rest, _ := strings.Cut(text, begin)
	_, after, _ := strings.Cut(rest, end)
	var b strings.Builder
	b.WriteString(before + begin + "\n| room | ring | imports | owns |\n|---|---|---|---|\n")
	for _, r := range rooms {
		owns := r.owns
		if exists[r.name] {
			owns = strings.TrimSpace(strings.TrimSuffix(owns, notYet))
		}
		cell := ""
		for _, i := range real[r.name] {
			cell += " `" + i + "`"
		}
		fmt.Fprintf(&b, "| `%s` | %d |%s | %s |\n", r.name, r.ring, cell, owns)
	}
	return b.String() + end + after
}

// realImports lists, for each room, the other rooms that its production files import.
func realImports(files []*file) map[string][]string {
	out := map[string][]string{}
	for _, f := range files {
		if f.room == "" || f.test || f.kit {
			continue
		}
		for _, p := range f.imports() {
			to := roomOf(strings.TrimPrefix(p, module+"/"))
			if strings.HasPrefix(p, module+"/") && to != "" && to != f.room && !slices.Contains(out[f.room], to) {
				out[f.room] = append(out[f.room], to)
			}
		}
	}
	for r := range out {
		slices.SortFunc(out[r], func(a, b string) int { return strings.Compare(rank(a)+a, rank(b)+b) })
	}
	return out
}

// rank orders rooms from the inside out.
func rank(r string) string {
	ring, _, _ := strings.Cut(r, "/")
	return strconv.Itoa(slices.Index([]string{"word", "trust", "room", "door", "app", "cmd"}, ring)) +
		strconv.Itoa(max(0, slices.Index(trustOrder, r)))
}
