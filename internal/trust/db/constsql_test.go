package db_test

import (
	"go/ast"
	"go/importer"
	"go/parser"
	"go/token"
	"go/types"
	"strings"
	"testing"
)

// TestOnlyConstantSQLCompiles type-checks small programs against the package's
// own source: text that the program computes must not become SQL.
func TestOnlyConstantSQLCompiles(t *testing.T) {
	fset := token.NewFileSet()
	source := importer.ForCompiler(fset, "source", nil)
	for body, ok := range map[string]bool{
		`d.QueryRow(ctx, "SELECT 1")`:                     true,
		`d.QueryRow(ctx, "SELECT " + "1")`:                true,
		`const q = "SELECT 1"; d.QueryRow(ctx, q)`:        true,
		`_, _ = d.Query(ctx, "SELECT 1")`:                 true,
		`_, _ = tx.Exec(ctx, "SELECT 1")`:                 true,
		`d.QueryRow(ctx, input)`:                          false,
		`d.QueryRow(ctx, "SELECT " + input)`:              false,
		`const q string = "SELECT 1"; d.QueryRow(ctx, q)`: false,
		`_, _ = d.Query(ctx, input)`:                      false,
		`_, _ = tx.Exec(ctx, input)`:                      false,
		`_, _ = tx.Query(ctx, input)`:                     false,
		`tx.QueryRow(ctx, input)`:                         false,
		`d.QueryRow(ctx, db.constSQL(input))`:             false,
		`q := "SELECT 1"; tx.QueryRow(ctx, q)`:            false,
	} {
		program := "package p\nimport (\"context\"; \"postern.example/postern/internal/trust/db\")\n" +
			"func f(ctx context.Context, d *db.DB, tx *db.Tx, input string) { " + body + " }\nvar _ = f"
		file, err := parser.ParseFile(fset, "p.go", program, 0)
		must(t, err)
		conf := types.Config{Importer: source}
		_, err = conf.Check("postern.example/postern/internal/trust/p", fset, []*ast.File{file}, nil)
		if (err == nil) != ok {
			t.Errorf("%s: %v", body, err)
		}
		if err != nil && !strings.Contains(err.Error(), "constSQL") {
			t.Errorf("%s fails for another reason: %v", body, err)
		}
	}
}
