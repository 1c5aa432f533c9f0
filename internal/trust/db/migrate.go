package db

import (
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"slices"
	"strings"
)

// appliedMigration is one row of schema_migration.
type appliedMigration struct {
	digest []byte
	state  MigrationState
}

// Migrate brings the schema up to date in one transaction: it applies the
// missing migrations in the order of their numbers. It refuses a database that
// a newer program migrated (ErrSchemaNewer) and one where an applied migration
// was declared otherwise (ErrSchemaChanged).
//
// On PostgreSQL it must run as the owning role. It then gives Config.ServingRole
// SELECT and INSERT on AppendOnly tables and all four verbs on the others, takes
// CREATE and TEMPORARY from everybody, and checks that the serving role holds
// no more than that.
func (d *DB) Migrate(ctx context.Context, ms []Migration) error {
	if err := CheckMigrations(ms); err != nil {
		return fmt.Errorf("migrate database: %w", err)
	}
	for attempt := 1; ; attempt++ {
		err := d.Write(ctx, func(tx *Tx) error { return d.migrate(ctx, tx, sorted(ms)) })
		// Two nodes that migrate at once collide in PostgreSQL's catalogue;
		// the loser then finds the work done.
		if err != nil && attempt < maxAttempts && d.kind == Postgres && isCatalogRace(err) {
			if err := d.wait(ctx, d.backoff(attempt)); err != nil {
				return err
			}
			continue
		}
		if err != nil {
			return fmt.Errorf("migrate database: %w", err)
		}
		return nil
	}
}

// isCatalogRace recognises duplicate_table, duplicate_object, unique_violation
// and "tuple concurrently updated".
func isCatalogRace(err error) bool {
	return slices.Contains([]string{"42P07", "42710", "23505", "XX000"}, Code(err))
}

func (d *DB) migrate(ctx context.Context, tx *Tx, ms []Migration) error {
	if err := tx.createMigrationTable(ctx, d.kind); err != nil {
		return err
	}
	applied, err := tx.applied(ctx)
	if err != nil {
		return err
	}
	if err := compareApplied(applied, ms); err != nil {
		return err
	}
	for _, m := range ms {
		if _, ok := applied[m.Number]; ok {
			continue
		}
		if err := tx.apply(ctx, d.kind, m); err != nil {
			return fmt.Errorf("apply migration %d (%s %s): %w", m.Number, m.Room, m.Name, err)
		}
	}
	if d.kind == Postgres {
		return tx.grantAll(ctx, d.config.ServingRole, ms)
	}
	return nil
}

func (tx *Tx) createMigrationTable(ctx context.Context, kind Engine) error {
	ddl := strings.Replace(createTable(kind, migrationTable), "CREATE TABLE", "CREATE TABLE IF NOT EXISTS", 1)
	if _, err := tx.Exec(ctx, constSQL(ddl)); err != nil {
		return fmt.Errorf("create table schema_migration: %w", err)
	}
	return nil
}

func (tx *Tx) applied(ctx context.Context) (map[int]appliedMigration, error) {
	rows, err := tx.Query(ctx, "SELECT number, digest, state FROM schema_migration")
	if err != nil {
		return nil, err
	}
	defer rows.Close()
	out := map[int]appliedMigration{}
	for rows.Next() {
		var number int
		var state uint8
		var digest []byte
		if err := rows.Scan(&number, &digest, &state); err != nil {
			return nil, err
		}
		out[number] = appliedMigration{digest, MigrationState(state)}
	}
	return out, rows.Close()
}

func compareApplied(applied map[int]appliedMigration, ms []Migration) error {
	known := map[int]bool{}
	for _, m := range ms {
		known[m.Number] = true
		a, ok := applied[m.Number]
		want := m.Digest()
		if ok && !bytes.Equal(a.digest, want[:]) {
			return fmt.Errorf("migration %d (%s %s): %w", m.Number, m.Room, m.Name, ErrSchemaChanged)
		}
	}
	for n := range applied {
		if !known[n] {
			return fmt.Errorf("migration %d: %w", n, ErrSchemaNewer)
		}
	}
	return nil
}

func (tx *Tx) apply(ctx context.Context, kind Engine, m Migration) error {
	for _, ddl := range statements(kind, m) {
		if _, err := tx.Exec(ctx, constSQL(ddl)); err != nil {
			return err
		}
	}
	state := m.State
	if state == NotApplied {
		state = FeatureOn
	}
	digest := m.Digest()
	_, err := tx.Exec(ctx, "INSERT INTO schema_migration (number, name, digest, state) VALUES (?, ?, ?, ?)",
		m.Number, m.Room+" "+m.Name, digest[:], uint8(state))
	return err
}

// SwitchOn marks an applied migration's feature as on. On PostgreSQL it is for
// the owning role.
func (d *DB) SwitchOn(ctx context.Context, number int) error {
	return d.Write(ctx, func(tx *Tx) error {
		n, err := tx.Exec(ctx, "UPDATE schema_migration SET state = ? WHERE number = ?", uint8(FeatureOn), number)
		if err != nil {
			return fmt.Errorf("switch on migration %d: %w", number, err)
		}
		if n == 0 {
			return fmt.Errorf("switch on migration %d: %w", number, ErrNoRows)
		}
		return nil
	})
}

// SchemaState compares the schema with ms and returns the numbers that are
// missing, in order. It fails as Migrate does on a newer or changed schema. A
// server that may not migrate refuses to start unless nothing is missing.
func (d *DB) SchemaState(ctx context.Context, ms []Migration) (missing []int, err error) {
	states, err := d.states(ctx, ms)
	if err != nil {
		return nil, fmt.Errorf("read schema state: %w", err)
	}
	for _, m := range sorted(ms) {
		if states[m.Number] == NotApplied {
			missing = append(missing, m.Number)
		}
	}
	return missing, nil
}

// MigrationStates returns how far each of ms has come in this database.
func (d *DB) MigrationStates(ctx context.Context, ms []Migration) (map[int]MigrationState, error) {
	states, err := d.states(ctx, ms)
	if err != nil {
		return nil, fmt.Errorf("read migration states: %w", err)
	}
	return states, nil
}

func (d *DB) states(ctx context.Context, ms []Migration) (map[int]MigrationState, error) {
	out := map[int]MigrationState{}
	for _, m := range ms {
		out[m.Number] = NotApplied
	}
	err := d.Read(ctx, func(tx *Tx) error {
		columns, err := tx.columns(ctx, d.kind)
		if err != nil {
			return err
		}
		if !slices.ContainsFunc(columns, func(c ActualColumn) bool { return c.Table == migrationTable.Name }) {
			return nil // an empty database
		}
		applied, err := tx.applied(ctx)
		if err != nil {
			return err
		}
		for n, a := range applied {
			out[n] = a.state
		}
		return compareApplied(applied, ms)
	})
	return out, err
}

// ActualColumn is a column as the database's own catalogue has it.
type ActualColumn struct {
	Table, Name string
	Type        string // "bytes", "integer", "text", or the engine's name of another type
	Nullable    bool
}

// Columns reads the real schema back, sorted by table and name, so that a test
// and the self-check can compare it with DeclaredColumns.
func (d *DB) Columns(ctx context.Context) (out []ActualColumn, err error) {
	err = d.Read(ctx, func(tx *Tx) error {
		out, err = tx.columns(ctx, d.kind)
		return err
	})
	if err != nil {
		return nil, fmt.Errorf("read schema: %w", err)
	}
	return out, nil
}

func (tx *Tx) columns(ctx context.Context, kind Engine) ([]ActualColumn, error) {
	var rows *Rows
	var err error
	if kind == SQLite {
		rows, err = tx.Query(ctx, `SELECT m.name, c.name, lower(c.type), CASE WHEN c."notnull" = 0 THEN 1 ELSE 0 END
			FROM sqlite_schema m JOIN pragma_table_info(m.name) c WHERE m.type = 'table'`)
	} else {
		rows, err = tx.Query(ctx, `SELECT c.relname::text, a.attname::text, format_type(a.atttypid, a.atttypmod),
			CASE WHEN a.attnotnull THEN 0 ELSE 1 END
			FROM pg_class c JOIN pg_attribute a ON a.attrelid = c.oid
			WHERE c.relnamespace = current_schema()::regnamespace AND c.relkind IN ('r', 'p')
			AND a.attnum > 0 AND NOT a.attisdropped`)
	}
	if err != nil {
		return nil, err
	}
	defer rows.Close()
	var out []ActualColumn
	for rows.Next() {
		var c ActualColumn
		if err := rows.Scan(&c.Table, &c.Name, &c.Type, &c.Nullable); err != nil {
			return nil, err
		}
		switch c.Type {
		case "blob", "bytea":
			c.Type = Bytes.String()
		case "bigint":
			c.Type = Integer.String()
		}
		out = append(out, c)
	}
	slices.SortFunc(out, func(a, b ActualColumn) int {
		if a.Table != b.Table {
			return compare(a.Table, b.Table)
		}
		return compare(a.Name, b.Name)
	})
	return out, rows.Close()
}

// CompareSchema reports every difference between the declared and the real
// columns. A column that nobody declared has no class, so it is one too.
func CompareSchema(ms []Migration, actual []ActualColumn) error {
	type key struct{ table, column string }
	declared := map[key]Column{}
	for _, c := range DeclaredColumns(ms) {
		declared[key{c.Table, c.Name}] = c.Column
	}
	var errs []error
	for _, a := range actual {
		k := key{a.Table, a.Name}
		c, ok := declared[k]
		switch {
		case !ok:
			errs = append(errs, fmt.Errorf("column %s.%s is not declared", a.Table, a.Name))
		case c.Type.String() != a.Type || c.Nullable != a.Nullable:
			errs = append(errs, fmt.Errorf("column %s.%s differs from its declaration", a.Table, a.Name))
		}
		delete(declared, k)
	}
	for k := range declared {
		errs = append(errs, fmt.Errorf("column %s.%s is missing", k.table, k.column))
	}
	return errors.Join(errs...)
}

// indexName is at most 63 bytes, PostgreSQL's limit.
func indexName(table, kind string, columns []string) string {
	name := table + "_" + strings.Join(columns, "_") + "_" + kind
	if len(name) <= 63 {
		return name
	}
	sum := sha256.Sum256([]byte(name))
	return table + "_" + hex.EncodeToString(sum[:6]) + "_" + kind
}
