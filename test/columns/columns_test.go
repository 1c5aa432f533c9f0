// Package columns_test holds the list of what a thief of the database can read:
// docs/clear-columns.md, the declarations, the schemas of both engines and a dump
// of PostgreSQL name the same columns.
package columns_test

import (
	"flag"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	"postern.example/postern/internal/app"
	"postern.example/postern/internal/trust/db"
	"postern.example/postern/internal/trust/db/dbtest"
	"postern.example/postern/test/covers"
)

var update = flag.Bool("update", false, "write the list anew")

const head = `# Columns that are not sealed

Whoever steals the database reads these columns and nothing else: random
identifiers, versions, key ids, small kind numbers, padded sizes, sequence
numbers, and storage times to the hour. Every other column is sealed, wrapped, a
keyed token or a digest. A test compares this list with the declarations, with
the schemas of both engines and with a dump of PostgreSQL; ` + "`make golden`" + ` writes it anew,
and each new line wants a reason that survives review.

| table | column | class | what it says | kept |
|---|---|---|---|---|
`

func list() string {
	var b strings.Builder
	b.WriteString(head)
	for _, c := range db.ClearColumns(app.Migrations()) {
		fmt.Fprintf(&b, "| %s | %s | %s | %s | %s |\n", c.Table, c.Name, c.Class, c.Purpose, c.Retention)
	}
	return b.String()
}

func TestClearColumnsAreTheListInTheDocs(t *testing.T) {
	covers.Covers(t, "ED-4")
	file := filepath.Join("..", "..", "docs", "clear-columns.md")
	got := list()
	if *update {
		if err := os.WriteFile(file, []byte(got), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	want, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	if got != string(want) {
		t.Errorf("the columns that can be read are not those of docs/clear-columns.md:\n%s", got)
	}
}

// Clear columns hold numbers, or bytes of a random identifier: free text in a
// column that a thief can read is only the name of a migration.
func TestClearColumnsHoldNoText(t *testing.T) {
	for _, c := range db.ClearColumns(app.Migrations()) {
		text := c.Type == db.Text && c.Table != "schema_migration"
		if text || c.Type == db.Bytes && c.Class != db.RandomID {
			t.Errorf("%s.%s is readable and of type %v, class %s", c.Table, c.Name, c.Type, c.Class)
		}
	}
}

// Each room has ten numbers of the timeline, so that two branches do not take the same.
func TestEachRoomHasItsNumbers(t *testing.T) {
	owner := map[int]string{}
	for _, m := range app.Migrations() {
		if o := owner[m.Number/10]; o != "" && o != m.Room {
			t.Errorf("migration %d of %s stands among those of %s", m.Number, m.Room, o)
		}
		owner[m.Number/10] = m.Room
	}
}

func declared() []string {
	var out []string
	for _, c := range db.DeclaredColumns(app.Migrations()) {
		out = append(out, c.Table+"."+c.Name)
	}
	slices.Sort(out)
	return out
}

func compare(t *testing.T, what string, got []string) {
	t.Helper()
	slices.Sort(got)
	want := declared()
	for _, c := range got {
		if !slices.Contains(want, c) {
			t.Errorf("%s has the column %s, which nobody declared", what, c)
		}
	}
	for _, c := range want {
		if !slices.Contains(got, c) {
			t.Errorf("%s lacks the column %s", what, c)
		}
	}
	if len(got) != len(want) {
		t.Errorf("%s has %d columns, declared are %d", what, len(got), len(want))
	}
}

// schemas are queries for every column of every table and view there is, beside
// the engine's own.
func schemas() map[db.Engine]string {
	return map[db.Engine]string{
		db.SQLite: `SELECT m.name, c.name FROM sqlite_master m JOIN pragma_table_info(m.name) c
			WHERE m.type IN ('table', 'view') AND m.name NOT LIKE 'sqlite_%'`,
		db.Postgres: `SELECT c.relname::text, a.attname::text FROM pg_attribute a JOIN pg_class c ON c.oid = a.attrelid
			JOIN pg_namespace n ON n.oid = c.relnamespace
			WHERE c.relkind IN ('r', 'p', 'v', 'm', 'f') AND a.attnum > 0 AND NOT a.attisdropped
			AND n.nspname NOT IN ('pg_catalog', 'information_schema') AND n.nspname NOT LIKE 'pg_toast%'`,
	}
}

func TestTheSchemasHaveTheDeclaredColumns(t *testing.T) {
	dbtest.Each(t, app.Migrations(), func(t *testing.T, d *db.DB) {
		var got []string
		for _, r := range dbtest.Raw(d).Query(t, schemas()[d.Engine()]) {
			got = append(got, fmt.Sprintf("%s.%s", r[0], r[1]))
		}
		compare(t, d.Engine().String(), got)
	}, dbtest.NoSync)
}

var (
	created = regexp.MustCompile(`(?ms)^CREATE TABLE (\S+) \((.*?)^\);`)
	column  = regexp.MustCompile(`(?m)^    "?([a-z_]+)"? (bytea|bigint|integer|smallint|text)\b`)
)

// What pg_dump writes is what a thief of a backup has.
func TestADumpHasTheDeclaredColumns(t *testing.T) {
	d := dbtest.New(t, db.Postgres, app.Migrations(), dbtest.NoSync)
	out, err := exec.CommandContext(t.Context(), pgDump(t), "--schema-only", dbtest.ConfigsOf(d).Owner.Postgres).CombinedOutput()
	if err != nil {
		t.Fatalf("pg_dump: %v\n%s", err, out)
	}
	var got []string
	for _, m := range created.FindAllSubmatch(out, -1) {
		table := strings.Trim(string(m[1][strings.LastIndexByte(string(m[1]), '.')+1:]), `"`)
		lines := 0
		for _, l := range strings.Split(strings.TrimSpace(string(m[2])), "\n") {
			if !strings.HasPrefix(strings.TrimSpace(l), "CONSTRAINT") {
				lines++
			}
		}
		cs := column.FindAllSubmatch(m[2], -1)
		if len(cs) != lines {
			t.Errorf("table %s of the dump has %d lines, of which %d were understood:\n%s", table, lines, len(cs), m[2])
		}
		for _, c := range cs {
			got = append(got, table+"."+string(c[1]))
		}
	}
	if strings.Contains(string(out), "CREATE VIEW") || strings.Contains(string(out), "CREATE MATERIALIZED") {
		t.Error("the dump holds views")
	}
	compare(t, "the dump", got)
}

// pgDump finds the program of the newest installed version.
func pgDump(t *testing.T) string {
	t.Helper()
	if found, _ := filepath.Glob("/usr/lib/postgresql/*/bin/pg_dump"); len(found) > 0 {
		return slices.Max(found)
	}
	p, err := exec.LookPath("pg_dump")
	if err != nil {
		t.Fatalf("pg_dump is not installed; run: %s", dbtest.Install)
	}
	return p
}
