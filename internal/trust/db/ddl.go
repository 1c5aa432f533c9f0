package db

import (
	"fmt"
	"slices"
	"strings"
)

// statements returns the DDL of a migration for one engine, in order.
func statements(kind Engine, m Migration) []string {
	var out []string
	for _, t := range m.Tables {
		out = append(out, createTable(kind, t))
		out = append(out, indexes(t.Name, "unique", t.Unique)...)
		out = append(out, indexes(t.Name, "index", t.Index)...)
		if t.AppendOnly && kind == SQLite {
			out = append(out, guards(t.Name)...)
		}
	}
	for _, a := range m.Add {
		for _, c := range a.Columns {
			out = append(out, "ALTER TABLE "+quote(a.Table)+" ADD COLUMN "+columnDDL(kind, c))
		}
		out = append(out, indexes(a.Table, "index", a.Index)...)
	}
	return out
}

func createTable(kind Engine, t Table) string {
	var b strings.Builder
	b.WriteString("CREATE TABLE " + quote(t.Name) + " (")
	for _, c := range t.Columns {
		b.WriteString(columnDDL(kind, c) + ", ")
	}
	b.WriteString("PRIMARY KEY (" + quoteAll(t.Key) + "))")
	if kind == SQLite {
		b.WriteString(" STRICT")
		if len(t.Key) > 1 && !wide(t) {
			b.WriteString(", WITHOUT ROWID")
		}
	}
	return b.String()
}

// wide reports whether the rows of t can be long. Such a table keeps its rowid on
// SQLite: in a WITHOUT ROWID table every row beyond a quarter of a page spills,
// and each comparison on the way down the tree then reads (and decrypts) the
// spilled page anew; a point read of 2 KB measured ten times as dear.
// Rows of one chart that are stored together still lie together.
func wide(t Table) bool {
	return slices.ContainsFunc(t.Columns, func(c Column) bool { return c.Class == Sealed })
}

func columnDDL(kind Engine, c Column) string {
	types := map[ColumnType]string{Bytes: "BYTEA", Integer: "BIGINT", Text: "TEXT"}
	if kind == SQLite {
		types = map[ColumnType]string{Bytes: "BLOB", Integer: "INTEGER", Text: "TEXT"}
	}
	ddl := quote(c.Name) + " " + types[c.Type]
	if !c.Nullable {
		ddl += " NOT NULL"
	}
	return ddl
}

// indexes names an index after its table and columns, cut by a digest when the
// engines' limit demands it.
func indexes(table, kind string, lists [][]string) []string {
	word := "INDEX"
	if kind == "unique" {
		word = "UNIQUE INDEX"
	}
	var out []string
	for _, names := range lists {
		name := indexName(table, kind, names)
		out = append(out, fmt.Sprintf("CREATE %s %s ON %s (%s)", word, quote(name), quote(table), quoteAll(names)))
	}
	return out
}

// guards are the triggers that make a table append-only on SQLite, where the
// serving process owns the file. They stop defects; a thief of the process can
// drop them, which the log's own tree then shows.
func guards(table string) []string {
	guard := func(verb string) string {
		return fmt.Sprintf("CREATE TRIGGER %s BEFORE %s ON %s BEGIN SELECT RAISE(ABORT, '%s is append-only'); END",
			quote(table+"_no_"+strings.ToLower(verb)), verb, quote(table), table)
	}
	return []string{guard("UPDATE"), guard("DELETE")}
}

func quote(name string) string { return `"` + name + `"` }

func quoteAll(names []string) string {
	quoted := make([]string, len(names))
	for i, n := range names {
		quoted[i] = quote(n)
	}
	return strings.Join(quoted, ", ")
}
