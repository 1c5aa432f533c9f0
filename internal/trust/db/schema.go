package db

import (
	"crypto/sha256"
	"encoding/binary"
	"errors"
	"fmt"
	"regexp"
	"slices"
)

// Class says what a column holds. It decides whether the column is readable in
// a stolen database, and it stands in the schema's digest.
type Class uint8

// The classes. Values are part of migration digests: never renumber.
const (
	RandomID    Class = 1  // a random 128-bit identifier
	Version     Class = 2  // a version counter
	KeyID       Class = 3  // which key sealed the row
	SmallKind   Class = 4  // a number from a short list
	PaddedSize  Class = 5  // a size rounded up to a bucket
	Sequence    Class = 6  // the sequence number of a log entry
	StorageHour Class = 7  // when the row was stored, to the hour
	Sealed      Class = 8  // ciphertext
	BlindToken  Class = 9  // a keyed hash, for look-up
	Digest      Class = 10 // a hash or MAC
	WrappedKey  Class = 11 // a key encrypted under another
)

// Clear reports whether a thief of the database can read such a column.
func (c Class) Clear() bool {
	switch c {
	case Sealed, BlindToken, Digest, WrappedKey:
		return false
	default:
		return true
	}
}

var classNames = [...]string{RandomID: "random id", Version: "version", KeyID: "key id", SmallKind: "small kind",
	PaddedSize: "padded size", Sequence: "sequence", StorageHour: "storage hour", Sealed: "sealed",
	BlindToken: "blind token", Digest: "digest", WrappedKey: "wrapped key"}

// String is the class in the data catalogue.
func (c Class) String() string {
	if int(c) < len(classNames) && classNames[c] != "" {
		return classNames[c]
	}
	return "unknown"
}

// ColumnType is the storage type: Bytes (BLOB, BYTEA), Integer (64 bits) or Text.
type ColumnType uint8

// The types. Values are part of migration digests: never renumber.
const (
	Bytes   ColumnType = 1
	Integer ColumnType = 2
	Text    ColumnType = 3
)

// String is the type in messages and in ActualColumn.
func (t ColumnType) String() string {
	switch t {
	case Bytes:
		return "bytes"
	case Integer:
		return "integer"
	case Text:
		return "text"
	default:
		return "unknown"
	}
}

// Column declares one column, with why it exists and how long it is kept.
type Column struct {
	Name      string
	Type      ColumnType
	Class     Class
	Purpose   string // one line for the data catalogue
	Retention string // how long and what ends it
	Nullable  bool
}

// Table declares one table. Without a Sealed column, a table whose Key has
// several columns is clustered by it on SQLite.
type Table struct {
	Name       string
	Purpose    string
	Columns    []Column
	Key        []string   // primary key
	Unique     [][]string // further unique indexes
	Index      [][]string // further indexes
	AppendOnly bool       // rows are never changed or deleted by the serving process
}

// Addition declares columns that a later migration adds to a table. They must
// be Nullable, because older rows do not have them.
type Addition struct {
	Table   string
	Columns []Column
	Index   [][]string
}

// MigrationState is how far a migration has come in one database. Code must run
// in each: not applied (an older schema while nodes are replaced), applied with
// the feature off, and on.
type MigrationState uint8

// The states. Stored: never renumber.
const (
	NotApplied MigrationState = 0
	Applied    MigrationState = 1
	FeatureOn  MigrationState = 2
)

// Migration is one step of the one timeline. Number is unique; each room has
// its ten (CONTRIBUTING.md). Name is one or two words.
type Migration struct {
	Number int
	Room   string
	Name   string
	Tables []Table
	Add    []Addition
	// State is where Migrate leaves it: Applied for a feature that SwitchOn
	// enables later (no command does so yet). The zero value means FeatureOn.
	State MigrationState
}

// migrationTable is the table that Migrate itself keeps.
var migrationTable = Table{
	Name: "schema_migration", Purpose: "which migrations this database has", Key: []string{"number"},
	Columns: []Column{
		{Name: "number", Type: Integer, Class: SmallKind, Purpose: "number of the migration", Retention: "life of the database"},
		{Name: "name", Type: Text, Class: SmallKind, Purpose: "room and name, for people", Retention: "life of the database"},
		{Name: "digest", Type: Bytes, Class: Digest, Purpose: "hash of the declaration", Retention: "life of the database"},
		{Name: "state", Type: Integer, Class: SmallKind, Purpose: "applied or on", Retention: "life of the database"},
	},
}

// identifier is what a table or column may be called: short enough for
// generated index names within PostgreSQL's 63 bytes.
var identifier = regexp.MustCompile(`^[a-z][a-z0-9_]{0,39}$`)

// roleName is what a PostgreSQL role may be called.
var roleName = regexp.MustCompile(`^[a-z][a-z0-9_]{0,62}$`)

// CheckMigrations reports every mistake in a timeline: numbers used twice,
// columns without class, purpose or retention, keys over unknown columns.
func CheckMigrations(ms []Migration) error {
	var errs []error
	numbers, tables := map[int]bool{}, map[string][]Column{migrationTable.Name: nil}
	for _, m := range sorted(ms) {
		at := fmt.Sprintf("migration %d", m.Number)
		if m.Number <= 0 || numbers[m.Number] {
			errs = append(errs, fmt.Errorf("%s: numbers are positive and unique", at))
		}
		if m.Room == "" || m.Name == "" || m.State > FeatureOn {
			errs = append(errs, fmt.Errorf("%s: room, name and a known state are needed", at))
		}
		numbers[m.Number] = true
		for _, t := range m.Tables {
			if _, taken := tables[t.Name]; taken {
				errs = append(errs, fmt.Errorf("%s: table %s is declared twice", at, t.Name))
			}
			tables[t.Name] = t.Columns
			errs = append(errs, checkTable(at, t)...)
		}
		for _, a := range m.Add {
			errs = append(errs, checkAddition(at, a, tables)...)
			tables[a.Table] = slices.Concat(tables[a.Table], a.Columns)
		}
	}
	return errors.Join(errs...)
}

func checkTable(at string, t Table) []error {
	at += ": table " + t.Name
	var errs []error
	if !identifier.MatchString(t.Name) || t.Purpose == "" || len(t.Key) == 0 {
		errs = append(errs, fmt.Errorf("%s: a lower-case name, a purpose and a key are needed", at))
	}
	errs = append(errs, checkColumns(at, t.Columns)...)
	for _, c := range t.Columns {
		if c.Nullable && slices.Contains(t.Key, c.Name) {
			errs = append(errs, fmt.Errorf("%s: key column %s is nullable", at, c.Name))
		}
	}
	for _, names := range slices.Concat([][]string{t.Key}, t.Unique, t.Index) {
		errs = append(errs, checkNames(at, names, t.Columns)...)
	}
	return errs
}

func checkAddition(at string, a Addition, tables map[string][]Column) []error {
	at += ": addition to " + a.Table
	columns, known := tables[a.Table]
	if !known || len(columns) == 0 {
		return []error{fmt.Errorf("%s: no such table yet", at)}
	}
	errs := checkColumns(at, a.Columns)
	for _, c := range a.Columns {
		if !c.Nullable {
			errs = append(errs, fmt.Errorf("%s: column %s must be nullable", at, c.Name))
		}
		if slices.ContainsFunc(columns, func(o Column) bool { return o.Name == c.Name }) {
			errs = append(errs, fmt.Errorf("%s: column %s exists", at, c.Name))
		}
	}
	for _, names := range a.Index {
		errs = append(errs, checkNames(at, names, slices.Concat(columns, a.Columns))...)
	}
	return errs
}

func checkColumns(at string, columns []Column) []error {
	var errs []error
	seen := map[string]bool{}
	for _, c := range columns {
		switch {
		case !identifier.MatchString(c.Name) || seen[c.Name]:
			errs = append(errs, fmt.Errorf("%s: column %q needs a lower-case name of its own", at, c.Name))
		case c.Type.String() == "unknown" || c.Class.String() == "unknown":
			errs = append(errs, fmt.Errorf("%s: column %s needs a type and a class", at, c.Name))
		case c.Purpose == "" || c.Retention == "":
			errs = append(errs, fmt.Errorf("%s: column %s needs a purpose and a retention", at, c.Name))
		}
		seen[c.Name] = true
	}
	return errs
}

func checkNames(at string, names []string, columns []Column) []error {
	var errs []error
	if len(names) == 0 {
		errs = append(errs, fmt.Errorf("%s: an index without columns", at))
	}
	for _, n := range names {
		if !slices.ContainsFunc(columns, func(c Column) bool { return c.Name == n }) {
			errs = append(errs, fmt.Errorf("%s: index over unknown column %q", at, n))
		}
	}
	return errs
}

func sorted(ms []Migration) []Migration {
	out := slices.Clone(ms)
	slices.SortStableFunc(out, func(a, b Migration) int { return a.Number - b.Number })
	return out
}

// Digest identifies what the migration does to a schema, classes included. It
// leaves out Purpose, Retention and State, which may be reworded later.
func (m Migration) Digest() [32]byte {
	h := sha256.New()
	str := func(s string) {
		_ = binary.Write(h, binary.BigEndian, uint32(len(s))) // a hash never fails
		h.Write([]byte(s))
	}
	list := func(ss []string) {
		_ = binary.Write(h, binary.BigEndian, uint32(len(ss)))
		for _, s := range ss {
			str(s)
		}
	}
	lists := func(lss [][]string) {
		_ = binary.Write(h, binary.BigEndian, uint32(len(lss)))
		for _, ls := range lss {
			list(ls)
		}
	}
	columns := func(cs []Column) {
		_ = binary.Write(h, binary.BigEndian, uint32(len(cs)))
		for _, c := range cs {
			str(c.Name)
			h.Write([]byte{byte(c.Type), byte(c.Class), flag(c.Nullable)})
		}
	}
	str("postern migration 1")
	_ = binary.Write(h, binary.BigEndian, uint32(m.Number))
	list([]string{m.Room, m.Name})
	_ = binary.Write(h, binary.BigEndian, []uint32{uint32(len(m.Tables)), uint32(len(m.Add))})
	for _, t := range m.Tables {
		str(t.Name)
		columns(t.Columns)
		list(t.Key)
		lists(t.Unique)
		lists(t.Index)
		h.Write([]byte{flag(t.AppendOnly)})
	}
	for _, a := range m.Add {
		str(a.Table)
		columns(a.Columns)
		lists(a.Index)
	}
	return [32]byte(h.Sum(nil))
}

func flag(b bool) byte {
	if b {
		return 1
	}
	return 0
}

// DeclaredColumn is one column of a timeline with the table it stands in.
type DeclaredColumn struct {
	Table string
	Column
}

// DeclaredColumns lists every column that a database with these migrations has,
// the migration table's included, sorted by table and name.
func DeclaredColumns(ms []Migration) []DeclaredColumn {
	var out []DeclaredColumn
	add := func(table string, cs []Column) {
		for _, c := range cs {
			out = append(out, DeclaredColumn{table, c})
		}
	}
	add(migrationTable.Name, migrationTable.Columns)
	for _, m := range ms {
		for _, t := range m.Tables {
			add(t.Name, t.Columns)
		}
		for _, a := range m.Add {
			add(a.Table, a.Columns)
		}
	}
	slices.SortFunc(out, func(a, b DeclaredColumn) int {
		if a.Table != b.Table {
			return compare(a.Table, b.Table)
		}
		return compare(a.Name, b.Name)
	})
	return out
}

// ClearColumns lists the columns that a thief of the database can read.
func ClearColumns(ms []Migration) []DeclaredColumn {
	return slices.DeleteFunc(DeclaredColumns(ms), func(c DeclaredColumn) bool { return !c.Class.Clear() })
}

func compare(a, b string) int {
	switch {
	case a < b:
		return -1
	case a > b:
		return 1
	default:
		return 0
	}
}
