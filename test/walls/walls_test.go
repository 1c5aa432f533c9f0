package walls

import (
	"fmt"
	"go/ast"
	"go/token"
	"maps"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"sync"
	"testing"
)

const root = "../.."

// loaded is the repository, parsed once for all tests.
var loaded = sync.OnceValues(func() ([]*file, error) { return load(root) })

func tree(t *testing.T) []*file {
	t.Helper()
	files, err := loaded()
	if err != nil {
		t.Fatal(err)
	}
	if len(files) < 10 {
		t.Fatalf("only %d files found: wrong folder?", len(files))
	}
	return files
}

func product(f *file) bool { return f.room != "" }

// The table of ARCHITECTURE.md and the imports agree in both directions.
func TestTableOfRooms(t *testing.T) {
	name := filepath.Join(root, "ARCHITECTURE.md")
	b, err := os.ReadFile(name)
	if err != nil {
		t.Fatal(err)
	}
	rooms, err := table(string(b))
	if err != nil {
		t.Fatal(err)
	}
	files := tree(t)
	real, exists := realImports(files), map[string]bool{}
	for _, f := range files {
		if f.room != "" && !f.test {
			exists[f.room] = true
		}
	}
	if os.Getenv("POSTERN_WALLS") == "write" {
		if err := os.WriteFile(name, []byte(write(string(b), rooms, real, exists)), 0o644); err != nil {
			t.Fatal(err)
		}
		return
	}
	listed := map[string]bool{}
	for _, r := range rooms {
		if listed[r.name] {
			t.Errorf("room %s stands in the table twice", r.name)
		}
		listed[r.name] = true
		checkRow(t, r, real[r.name], exists[r.name])
	}
	for r := range exists {
		if !listed[r] {
			t.Errorf("room %s has code but no row in ARCHITECTURE.md", r)
		}
	}
}

func checkRow(t *testing.T, r room, real []string, exists bool) {
	kind, _, _ := strings.Cut(r.name, "/")
	if rings[kind].number != r.ring {
		t.Errorf("%s: ring %d in the table, %d by its folder", r.name, r.ring, rings[kind].number)
	}
	later := strings.HasSuffix(r.owns, notYet)
	if strings.TrimSpace(strings.TrimSuffix(r.owns, notYet)) == "" {
		t.Errorf("%s: owns nothing", r.name)
	}
	if !exists {
		if !later {
			t.Errorf("%s: has no code; mark it %s or take it out", r.name, notYet)
		}
		return
	}
	if later {
		// A room that has just landed: `make walls WRITE=1` completes its row.
		t.Logf("%s: has code, the table still says %s", r.name, notYet)
		return
	}
	for _, i := range real {
		if !slices.Contains(r.imports, i) {
			t.Errorf("%s imports %s, which its row does not list", r.name, i)
		}
	}
	for _, i := range r.imports {
		if !slices.Contains(real, i) {
			t.Errorf("%s does not import %s, which its row lists", r.name, i)
		}
	}
}

// Imports go inwards only, whatever the table says.
func TestImportsGoInwards(t *testing.T) {
	for _, f := range tree(t) {
		for _, p := range f.imports() {
			dir, own := strings.CutPrefix(p, module+"/")
			if !own {
				continue
			}
			if why := crossing(f, dir); why != "" {
				t.Errorf("%s imports %s: %s", f.path, dir, why)
			}
		}
	}
}

// forTests are the packages of test/ that tests of the product import: they import
// nothing of it.
var forTests = []string{"test/covers", "test/synthea"}

// crossing says why f may not import the folder dir of this module.
func crossing(f *file, dir string) string {
	to := roomOf(dir)
	switch {
	case f.room == "":
		return "" // programs and tests of the whole look everywhere
	case isKit(dir) && !f.test && !f.kit:
		return "a test kit is for tests"
	case slices.Contains(forTests, dir) && (f.test || f.kit):
		return ""
	case to == "":
		return "the product does not import its tests"
	case to == f.room || f.room == "app" || isKit(dir):
		return ""
	case (f.test || f.kit) && (f.room == "cmd/postern" || to == "room/deid"): // its families are everybody's test data
		return ""
	}
	from, target := ringOf(f.room), ringOf(to)
	if why, bad := forbidden[[2]string{f.room, to}]; bad && !f.test && !f.kit {
		return why
	}
	if from == "trust" && target == "trust" {
		if slices.Index(trustOrder, to) < 0 || slices.Index(trustOrder, to) >= slices.Index(trustOrder, f.room) {
			return "the order in ring 1 is " + strings.Join(trustOrder, " < ")
		}
		return ""
	}
	if !slices.Contains(rings[from].may, target) {
		return from + " may import " + strings.Join(rings[from].may, ", ")
	}
	return ""
}

func ringOf(room string) string { ring, _, _ := strings.Cut(room, "/"); return ring }

// Ring 0 is the standard library and itself.
func TestVocabularyHasNoDependency(t *testing.T) {
	io := regexp.MustCompile(`^(os|net|net/.*|syscall|database/.*|crypto/.*|math/rand.*)$`)
	for _, f := range tree(t) {
		if ringOf(f.room) != "word" || f.test {
			continue
		}
		for _, p := range f.imports() {
			first, _, _ := strings.Cut(p, "/")
			if strings.Contains(first, ".") || io.MatchString(p) {
				t.Errorf("%s imports %s", f.path, p)
			}
		}
	}
}

// internal holds the five folders and nothing else.
func TestInternalHoldsFiveFolders(t *testing.T) {
	entries, err := os.ReadDir(filepath.Join(root, "internal"))
	if err != nil {
		t.Fatal(err)
	}
	for _, e := range entries {
		if !e.IsDir() || !slices.Contains([]string{"word", "trust", "room", "door", "app"}, e.Name()) {
			t.Errorf("internal/%s: nothing else lives there", e.Name())
		}
	}
	for _, f := range tree(t) {
		if strings.HasPrefix(f.dir, "internal/") && f.room != "app" && strings.Count(f.room, "/") != 1 {
			t.Errorf("%s lies in a ring, not in a room", f.path)
		}
	}
}

// The lists of rules.go hold.
func TestRules(t *testing.T) {
	files := tree(t)
	for _, r := range rules {
		t.Run(r.name, func(t *testing.T) {
			for _, f := range files {
				if !product(f) && f.dir != "." || r.allows(f) {
					continue
				}
				for _, hit := range r.hits(f) {
					t.Errorf("%s: %s", hit, r.why)
				}
			}
		})
	}
}

// A call by its bare name would pass the lists, which look for package and name.
func TestNobodyImportsByDot(t *testing.T) {
	for _, f := range tree(t) {
		for _, spec := range f.ast.Imports {
			if spec.Name != nil && spec.Name.Name == "." && product(f) {
				t.Errorf("%s imports %s by dot", f.at(spec), spec.Path.Value)
			}
		}
	}
}

// Every place of a list is used: one that nobody needs any more is an open door.
func TestRulesListNobodyInVain(t *testing.T) {
	files := tree(t)
	for _, r := range rules {
		for _, p := range r.where {
			alone := r
			alone.where = []place{p}
			used := func(f *file) bool {
				return product(f) && (r.tests || !f.test && !f.kit) && alone.allows(f) && len(r.hits(f)) > 0
			}
			if !slices.ContainsFunc(files, used) {
				t.Errorf("%s: nothing in %s (%s) does it", r.name, p.path, p.reason)
			}
		}
	}
}

// hits returns where f does what the rule forbids.
func (r rule) hits(f *file) []string {
	var out []string
	if r.imports != nil {
		for _, spec := range f.ast.Imports {
			if p := strings.Trim(spec.Path.Value, `"`); r.imports.MatchString(p) {
				out = append(out, f.at(spec)+" imports "+p)
			}
		}
		return out
	}
	imports, converted := f.imports(), map[ast.Expr]bool{}
	ast.Inspect(f.ast, func(n ast.Node) bool {
		if call, ok := n.(*ast.CallExpr); ok {
			converted[call.Fun] = true
		}
		sel, ok := n.(*ast.SelectorExpr)
		if !ok {
			return true
		}
		pkg := ""
		// An identifier without object is a package name (or another file's variable).
		if id, isID := sel.X.(*ast.Ident); isID && id.Obj == nil {
			pkg = imports[id.Name]
		}
		if r.calls(pkg, sel.Sel.Name, pkg == "") && (converted[sel] || !r.types) {
			out = append(out, f.at(sel)+" uses "+sel.Sel.Name)
		}
		return true
	})
	return out
}

// Nothing happens before main, and no package keeps state of its own.
func TestNoInitAndNoMutableGlobals(t *testing.T) {
	byDir := map[string][]*file{}
	for _, f := range tree(t) {
		if product(f) && !f.test && !f.kit { // a kit may keep the cluster of its test run
			byDir[f.dir] = append(byDir[f.dir], f)
		}
	}
	for dir, files := range byDir {
		written := writes(files)
		for _, f := range files {
			for _, d := range f.ast.Decls {
				if fn, ok := d.(*ast.FuncDecl); ok && fn.Recv == nil && fn.Name.Name == "init" {
					t.Errorf("%s: init()", f.at(fn))
				}
				if g, ok := d.(*ast.GenDecl); ok && g.Tok == token.VAR {
					checkVars(t, dir, f, g, written)
				}
			}
		}
	}
}

func checkVars(t *testing.T, dir string, f *file, g *ast.GenDecl, written map[string]string) {
	for _, s := range g.Specs {
		spec := s.(*ast.ValueSpec)
		embedded := spec.Doc != nil && strings.Contains(spec.Doc.Text()+commentText(spec.Doc), "go:embed") ||
			g.Doc != nil && strings.Contains(commentText(g.Doc), "go:embed")
		for i, name := range spec.Names {
			if name.Name == "_" || mutable[dir+" "+name.Name] != "" || embedded {
				continue
			}
			if where, ok := written[name.Name]; ok {
				t.Errorf("%s: package variable %s is written at %s", f.at(name), name.Name, where)
				continue
			}
			var value ast.Expr
			if i < len(spec.Values) {
				value = spec.Values[i]
			}
			if why := stateful(spec.Type, value); why != "" {
				t.Errorf("%s: package variable %s %s", f.at(name), name.Name, why)
			}
		}
	}
}

func commentText(g *ast.CommentGroup) string {
	var b strings.Builder
	for _, c := range g.List {
		b.WriteString(c.Text)
	}
	return b.String()
}

// stateful says why a variable of this type or value holds state. Literals of
// slices, maps and structs that nobody writes to are tables, which Go has no
// constants for.
func stateful(typ, value ast.Expr) string {
	if value == nil {
		return "has no value: it must be written somewhere"
	}
	text := fmt.Sprint(exprName(typ))
	for _, bad := range []string{"sync.", "atomic."} {
		if strings.HasPrefix(text, bad) {
			return "is of type " + text
		}
	}
	switch v := value.(type) {
	case *ast.UnaryExpr:
		if v.Op == token.AND {
			return "is a pointer"
		}
	case *ast.CallExpr:
		if id, ok := v.Fun.(*ast.Ident); ok && (id.Name == "make" || id.Name == "new") {
			return "is made empty, to be filled"
		}
	case *ast.CompositeLit:
		if name := exprName(v.Type); strings.HasPrefix(name, "sync.") || strings.HasPrefix(name, "atomic.") {
			return "is of type " + name
		}
	}
	return ""
}

func exprName(e ast.Expr) string {
	switch v := e.(type) {
	case *ast.Ident:
		return v.Name
	case *ast.SelectorExpr:
		return exprName(v.X) + "." + v.Sel.Name
	case *ast.StarExpr:
		return "*" + exprName(v.X)
	case *ast.IndexExpr:
		return exprName(v.X)
	}
	return ""
}

// writes finds assignments to package variables: name -> place. Best effort, by
// name: a local variable of the same name is told apart by its declaration.
func writes(files []*file) map[string]string {
	vars := map[string]bool{}
	for _, f := range files {
		for _, d := range f.ast.Decls {
			if g, ok := d.(*ast.GenDecl); ok && g.Tok == token.VAR {
				for _, s := range g.Specs {
					for _, n := range s.(*ast.ValueSpec).Names {
						vars[n.Name] = true
					}
				}
			}
		}
	}
	out := map[string]string{}
	for _, f := range files {
		note := func(e ast.Expr) {
			if id := target(e); id != nil && vars[id.Name] && (id.Obj == nil || id.Obj == f.ast.Scope.Lookup(id.Name)) {
				out[id.Name] = f.at(id)
			}
		}
		ast.Inspect(f.ast, func(n ast.Node) bool {
			switch v := n.(type) {
			case *ast.AssignStmt:
				if v.Tok != token.DEFINE {
					for _, l := range v.Lhs {
						note(l)
					}
				}
			case *ast.IncDecStmt:
				note(v.X)
			case *ast.UnaryExpr:
				if v.Op == token.AND {
					if _, composite := v.X.(*ast.CompositeLit); !composite {
						note(v.X)
					}
				}
			case *ast.CallExpr:
				if id, ok := v.Fun.(*ast.Ident); ok && (id.Name == "delete" || id.Name == "clear") && len(v.Args) > 0 {
					note(v.Args[0])
				}
			}
			return true
		})
	}
	return out
}

// target is the variable at the root of x, x[i], x.f and *x.
func target(e ast.Expr) *ast.Ident {
	for {
		switch v := e.(type) {
		case *ast.Ident:
			return v
		case *ast.IndexExpr:
			e = v.X
		case *ast.SelectorExpr:
			e = v.X
		case *ast.StarExpr:
			e = v.X
		case *ast.ParenExpr:
			e = v.X
		default:
			return nil
		}
	}
}

// Every package says what it owns, what it guarantees and what it never does.
func TestPackagesHaveAContract(t *testing.T) {
	comment := map[string]string{}
	never := regexp.MustCompile(`(?i)\b(never|no|not|nothing|nobody|none|only|cannot)\b`)
	for _, f := range tree(t) {
		if !f.test && f.dir != "." {
			comment[f.dir] += ""
			if f.ast.Doc != nil {
				comment[f.dir] += f.ast.Doc.Text()
			}
		}
	}
	for dir, text := range comment {
		switch {
		case !strings.HasPrefix(text, "Package ") && !strings.HasPrefix(text, "Command "):
			t.Errorf("%s has no package comment", dir)
		case len(text) < 150 || !never.MatchString(text):
			t.Errorf("%s: the package comment is no contract: what it owns, guarantees, never does", dir)
		}
	}
}

// What the trusted base exports, it explains.
func TestTrustedBaseIsDocumented(t *testing.T) {
	for _, f := range tree(t) {
		if ring := ringOf(f.room); f.test || ring != "word" && ring != "trust" {
			continue
		}
		for _, d := range f.ast.Decls {
			switch d := d.(type) {
			case *ast.FuncDecl:
				if d.Name.IsExported() && exportedReceiver(d) && d.Doc == nil && !(d.Recv != nil && wellKnown[d.Name.Name]) {
					t.Errorf("%s: %s has no comment", f.at(d), d.Name.Name)
				}
			case *ast.GenDecl:
				undocumented(t, f, d)
			}
		}
	}
}

func exportedReceiver(d *ast.FuncDecl) bool {
	return d.Recv == nil || ast.IsExported(strings.TrimPrefix(exprName(d.Recv.List[0].Type), "*"))
}

func undocumented(t *testing.T, f *file, d *ast.GenDecl) {
	for _, s := range d.Specs {
		switch s := s.(type) {
		case *ast.TypeSpec:
			if s.Name.IsExported() && s.Doc == nil && d.Doc == nil {
				t.Errorf("%s: %s has no comment", f.at(s), s.Name.Name)
			}
		case *ast.ValueSpec:
			for _, n := range s.Names {
				if n.IsExported() && s.Doc == nil && s.Comment == nil && d.Doc == nil {
					t.Errorf("%s: %s has no comment", f.at(s), n.Name)
				}
			}
		}
	}
}

// Nobody can hold a file of a thousand lines in the head.
func TestSizes(t *testing.T) {
	for _, f := range tree(t) {
		if strings.Contains(f.text, "\n// Code generated ") {
			continue
		}
		if f.lines > maxFile {
			t.Errorf("%s has %d lines, more than %d", f.path, f.lines, maxFile)
		}
		for _, d := range f.ast.Decls {
			fn, ok := d.(*ast.FuncDecl)
			if !ok || fn.Body == nil || f.test {
				continue
			}
			n := f.fset.Position(fn.End()).Line - f.fset.Position(fn.Pos()).Line
			if n > maxFunction && longFunctions[f.dir+" "+fn.Name.Name] == "" {
				t.Errorf("%s: %s has %d lines, more than %d", f.at(fn), fn.Name.Name, n, maxFunction)
			}
		}
	}
}

// Tests never sleep, a TODO has an owner, and a linter is switched off with a reason.
func TestHabits(t *testing.T) {
	todo := regexp.MustCompile(`\b(TODO|FIXME|XXX)\b`)
	off := regexp.MustCompile(`#nosec|nolint|lint:(ignore|file-ignore)`)
	reason := regexp.MustCompile(`#nosec [G0-9, ]+-- \w+|nolint:\S+ // \w+|lint:(file-)?ignore \S+ \w+`)
	owned := regexp.MustCompile(`\bTODO\((#[0-9]+|[a-z][a-z-]+)\)`)
	for _, f := range tree(t) {
		if f.dir == "test/walls" {
			continue
		}
		for _, g := range f.ast.Comments {
			for _, c := range g.List {
				if todo.MatchString(c.Text) && !owned.MatchString(c.Text) {
					t.Errorf("%s: a TODO without an owner", f.at(c))
				}
				if off.MatchString(c.Text) && !reason.MatchString(c.Text) {
					t.Errorf("%s: a linter switched off without a reason", f.at(c))
				}
			}
		}
		// Inside a synctest bubble a sleep takes no time and is no wait.
		if !f.test || slices.Contains(slices.Collect(maps.Values(f.imports())), "testing/synctest") {
			continue
		}
		sleep := rule{calls: function("time", "Sleep")}
		for _, hit := range sleep.hits(f) {
			t.Errorf("%s: tests wait for events, they do not sleep", hit)
		}
	}
}

// Every exception in the lists has a reason.
func TestPlacesHaveReasons(t *testing.T) {
	for _, r := range rules {
		if r.why == "" || (r.calls == nil) == (r.imports == nil) {
			t.Errorf("%s: says no reason, or forbids not exactly one thing", r.name)
		}
		for _, p := range r.where {
			if p.reason == "" {
				t.Errorf("%s: %s has no reason", r.name, p.path)
			}
		}
	}
}
