package db

import (
	"context"
	"errors"
	"fmt"
	"slices"
)

// grantAll gives the serving role what it needs on every declared table, takes
// from PUBLIC what older servers give it, and checks the result. It runs at each
// Migrate, since a restored dump may have lost its grants.
func (tx *Tx) grantAll(ctx context.Context, role string, ms []Migration) error {
	for _, q := range []string{
		"DO $$ BEGIN EXECUTE format('REVOKE CREATE ON SCHEMA %I FROM PUBLIC', current_schema()); END $$",
		"DO $$ BEGIN EXECUTE format('REVOKE CREATE, TEMPORARY ON DATABASE %I FROM PUBLIC', current_database()); END $$",
	} {
		if _, err := tx.Exec(ctx, constSQL(q)); err != nil {
			return fmt.Errorf("revoke from public: %w", err)
		}
	}
	if role == "" {
		return nil
	}
	if !roleName.MatchString(role) {
		return errors.New("the serving role needs a plain lower-case name")
	}
	grants := []string{"SELECT ON " + quote(migrationTable.Name)}
	for _, m := range ms {
		for _, t := range m.Tables {
			grants = append(grants, verbs(t)+" ON "+quote(t.Name))
		}
	}
	for _, g := range grants {
		if _, err := tx.Exec(ctx, constSQL("GRANT "+g+" TO "+quote(role))); err != nil {
			return fmt.Errorf("grant to the serving role: %w", err)
		}
	}
	return tx.checkRole(ctx, role, ms)
}

func verbs(t Table) string {
	if t.AppendOnly {
		return "SELECT, INSERT"
	}
	return "SELECT, INSERT, UPDATE, DELETE"
}

// CheckServing verifies that the connected role cannot alter the schema or the
// past: on PostgreSQL it is no superuser, owns nothing, may create nothing and
// holds neither UPDATE, DELETE nor TRUNCATE on AppendOnly tables. A server calls
// it at start. On SQLite, where one process owns the file, it always succeeds.
func (d *DB) CheckServing(ctx context.Context, ms []Migration) error {
	if d.kind != Postgres {
		return nil
	}
	err := d.Read(ctx, func(tx *Tx) error {
		var role string
		if err := tx.QueryRow(ctx, "SELECT current_user::text").Scan(&role); err != nil {
			return err
		}
		return tx.checkRole(ctx, role, ms)
	})
	if err != nil {
		return fmt.Errorf("check serving role: %w", err)
	}
	return nil
}

func (tx *Tx) checkRole(ctx context.Context, role string, ms []Migration) error {
	var strong, creates bool
	err := tx.QueryRow(ctx, `SELECT r.rolsuper OR r.rolcreaterole OR r.rolcreatedb OR r.rolreplication OR r.rolbypassrls
			OR pg_has_role(r.oid, (SELECT datdba FROM pg_database WHERE datname = current_database()), 'MEMBER'),
		has_schema_privilege(r.oid, current_schema()::text, 'CREATE')
			OR has_database_privilege(r.oid, current_database()::text, 'CREATE, TEMPORARY')
		FROM pg_roles r WHERE r.rolname = ?`, role).Scan(&strong, &creates)
	if err != nil {
		return fmt.Errorf("read the serving role: %w", err)
	}
	var errs []error
	if strong {
		errs = append(errs, errors.New("the serving role is a superuser, an owner or may make roles or databases"))
	}
	if creates {
		errs = append(errs, errors.New("the serving role may create tables"))
	}
	forbidden, err := tx.forbiddenRights(ctx, role, ms)
	if err != nil {
		return err
	}
	for _, f := range forbidden {
		errs = append(errs, fmt.Errorf("the serving role may change the past or the schema: %s", f))
	}
	return errors.Join(errs...)
}

// forbiddenRights lists "table" for each table that role owns or on which it
// holds more than verbs allows.
func (tx *Tx) forbiddenRights(ctx context.Context, role string, ms []Migration) ([]string, error) {
	appendOnly := []string{migrationTable.Name}
	for _, m := range ms {
		for _, t := range m.Tables {
			if t.AppendOnly {
				appendOnly = append(appendOnly, t.Name)
			}
		}
	}
	rows, err := tx.Query(ctx, `SELECT c.relname::text, pg_has_role(?, c.relowner, 'MEMBER')
			OR has_table_privilege(?, c.oid, 'TRUNCATE, TRIGGER'),
		has_table_privilege(?, c.oid, 'UPDATE, DELETE') OR has_any_column_privilege(?, c.oid, 'UPDATE')
		FROM pg_class c WHERE c.relnamespace = current_schema()::regnamespace AND c.relkind IN ('r', 'p')
		ORDER BY c.relname`, role, role, role, role)
	if err != nil {
		return nil, err
	}
	defer rows.Close()
	var out []string
	for rows.Next() {
		var table string
		var owns, changes bool
		if err := rows.Scan(&table, &owns, &changes); err != nil {
			return nil, err
		}
		if owns || changes && slices.Contains(appendOnly, table) {
			out = append(out, table)
		}
	}
	return out, rows.Close()
}
