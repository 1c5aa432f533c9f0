package db_test

import (
	"go/ast"
	"go/importer"
	"go/parser"
	"go/token"
	"go/types"
	"path"
	"path/filepath"
	"strings"
	"testing"
)

const packagePath = "postern.example/postern/internal/trust/db"

// signatures imports what the signatures of package db mention, and stands in
// for everything else with an empty package: bodies are not checked.
type signatures struct {
	std types.Importer
	db  *types.Package
}

func (s signatures) Import(p string) (*types.Package, error) {
	switch p {
	case "context", "io", "time":
		return s.std.Import(p)
	case packagePath:
		return s.db, nil
	default:
		empty := types.NewPackage(p, path.Base(p))
		empty.MarkComplete()
		return empty, nil
	}
}

// declarations type-checks the package's own files, without their bodies.
func declarations(t *testing.T, fset *token.FileSet, std types.Importer) *types.Package {
	t.Helper()
	names, err := filepath.Glob("*.go")
	must(t, err)
	var files []*ast.File
	for _, name := range names {
		if strings.HasSuffix(name, "_test.go") {
			continue
		}
		f, err := parser.ParseFile(fset, name, nil, 0)
		must(t, err)
		files = append(files, f)
	}
	conf := types.Config{Importer: signatures{std: std}, IgnoreFuncBodies: true, Error: func(error) {}}
	pkg, _ := conf.Check(packagePath, fset, files, nil) // it misses what the empty packages lack
	return pkg
}

// TestOnlyConstantSQLCompiles type-checks small programs against the package's
// own source: text that the program computes must not become SQL.
func TestOnlyConstantSQLCompiles(t *testing.T) {
	fset := token.NewFileSet()
	std := importer.ForCompiler(fset, "source", nil)
	all := signatures{std: std, db: declarations(t, fset, std)}
	for body, ok := range map[string]bool{
		`d.QueryRow(ctx, "SELECT 1")`:                     true,
		`d.QueryRow(ctx, "SELECT " + "1")`:                true,
		`const q = "SELECT 1"; d.QueryRow(ctx, q)`:        true,
		`_, _ = d.Query(ctx, "SELECT 1")`:                 true,
		`_, _ = tx.Exec(ctx, "SELECT 1", input)`:          true,
		`d.QueryRow(ctx, input)`:                          false,
		`d.QueryRow(ctx, "SELECT " + input)`:              false,
		`const q string = "SELECT 1"; d.QueryRow(ctx, q)`: false,
		`q := "SELECT 1"; tx.QueryRow(ctx, q)`:            false,
		`_, _ = d.Query(ctx, input)`:                      false,
		`_, _ = tx.Exec(ctx, input)`:                      false,
		`_, _ = tx.Query(ctx, input)`:                     false,
		`tx.QueryRow(ctx, input)`:                         false,
		`d.QueryRow(ctx, db.constSQL(input))`:             false,
	} {
		program := "package p\nimport (\"context\"; \"" + packagePath + "\")\n" +
			"func f(ctx context.Context, d *db.DB, tx *db.Tx, input string) { " + body + " }\nvar _ = f"
		file, err := parser.ParseFile(fset, "p.go", program, 0)
		must(t, err)
		conf := types.Config{Importer: all}
		_, err = conf.Check("p", fset, []*ast.File{file}, nil)
		if (err == nil) != ok {
			t.Errorf("%s: %v", body, err)
		}
		if err != nil && !strings.Contains(err.Error(), "constSQL") {
			t.Errorf("%s fails for another reason: %v", body, err)
		}
	}
}

// TestEveryExportedQueryTakesConstantSQL fails when a method with a string
// parameter called q, sql or query appears.
func TestEveryExportedQueryTakesConstantSQL(t *testing.T) {
	fset := token.NewFileSet()
	pkg := declarations(t, fset, importer.ForCompiler(fset, "source", nil))
	takers := 0
	for _, name := range pkg.Scope().Names() {
		named, ok := pkg.Scope().Lookup(name).Type().(*types.Named)
		if !ok || !token.IsExported(name) {
			continue
		}
		for m := range named.Methods() {
			for p := range m.Signature().Params().Variables() {
				switch {
				case types.TypeString(p.Type(), nil) == packagePath+".constSQL":
					takers++
				case m.Exported() && (p.Name() == "q" || p.Name() == "sql" || p.Name() == "query"):
					t.Errorf("%s.%s takes %s %v", name, m.Name(), p.Name(), p.Type())
				}
			}
		}
	}
	if takers != 5 { // DB: Query, QueryRow; Tx: Exec, Query, QueryRow
		t.Errorf("%d methods take constant SQL", takers)
	}
}
