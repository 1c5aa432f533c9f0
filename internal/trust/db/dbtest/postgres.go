package dbtest

import (
	"context"
	"crypto/rand"
	"encoding/hex"
	"errors"
	"fmt"
	"testing"

	"postern.example/postern/internal/trust/db"
)

// admin runs fn with a superuser's connection to one database of the cluster.
func (c *Cluster) admin(ctx context.Context, database string, fn func(*rawPostgres) error) error {
	conn, err := openRawPostgres(ctx, c.url(superuser, database), "")
	if err != nil {
		return err
	}
	return errors.Join(fn(conn), conn.close())
}

// makeRoles creates the roles of the tests. Several test binaries may do so at
// once, hence the lock; the product itself uses no advisory lock.
const makeRoles = `SELECT pg_advisory_lock(7075);
DO $$ BEGIN
	IF NOT EXISTS (SELECT FROM pg_roles WHERE rolname = '` + ownerRole + `') THEN CREATE ROLE ` + ownerRole + ` LOGIN; END IF;
	IF NOT EXISTS (SELECT FROM pg_roles WHERE rolname = '` + servingRole + `') THEN CREATE ROLE ` + servingRole + ` LOGIN; END IF;
	IF NOT EXISTS (SELECT FROM pg_roles WHERE rolname = '` + passwordRole + `') THEN
		CREATE ROLE ` + passwordRole + ` LOGIN PASSWORD '` + rolePassword + `'; END IF;
END $$`

// template makes sure that a migrated template database exists.
func (c *Cluster) template(ctx context.Context, name string, migrations []db.Migration) error {
	return c.admin(ctx, "postgres", func(conn *rawPostgres) error {
		// The lock is the session's and ends with it.
		if err := conn.script(ctx, makeRoles); err != nil {
			return fmt.Errorf("make roles: %w", err)
		}
		found, _, err := conn.run(ctx, "SELECT 1 FROM pg_database WHERE datname = ? AND datistemplate", []any{name})
		if err != nil || len(found) > 0 {
			return err
		}
		// One that is no template is the rest of a run that was killed.
		for _, q := range []string{
			"DROP DATABASE IF EXISTS " + name + " WITH (FORCE)",
			"CREATE DATABASE " + name + " OWNER " + ownerRole + " TEMPLATE template0",
		} {
			if err := conn.script(ctx, q); err != nil {
				return fmt.Errorf("make template: %w", err)
			}
		}
		if err := c.migrate(ctx, name, migrations); err != nil {
			return fmt.Errorf("migrate template: %w", err)
		}
		return conn.script(ctx, "ALTER DATABASE "+name+" IS_TEMPLATE true")
	})
}

func (c *Cluster) migrate(ctx context.Context, database string, migrations []db.Migration) error {
	d, err := db.Open(ctx, c.config(ownerRole, database))
	if err != nil {
		return err
	}
	return errors.Join(d.Migrate(ctx, migrations), d.Close())
}

// config is how a test opens a database. Whether the cluster syncs is the
// runner's choice, so it is not refused.
func (c *Cluster) config(role, database string) db.Config {
	return db.Config{Postgres: c.url(role, database), ServingRole: servingRole, NoSyncForTests: true}
}

func postgresConfigs(t testing.TB, migrations []db.Migration, o options) Configs {
	t.Helper()
	ctx := context.Background()
	c, err := kit.server(ctx)
	if err != nil {
		t.Fatalf("no PostgreSQL for this test: %v", err)
	}
	if o.empty {
		migrations = nil
	}
	template := templateName(migrations)
	if o.empty {
		template = "template0"
	}
	if err := kit.ensure(ctx, c, template, migrations); err != nil {
		t.Fatalf("prepare PostgreSQL template: %v", err)
	}
	var random [8]byte
	_, _ = rand.Read(random[:]) // never fails
	name := "postern_test_" + hex.EncodeToString(random[:])
	err = c.admin(ctx, "postgres", func(conn *rawPostgres) error {
		return conn.script(ctx, "CREATE DATABASE "+name+" OWNER "+ownerRole+" TEMPLATE "+template)
	})
	if err == nil && !o.empty {
		// The rights on a database do not come along with a template.
		err = c.migrate(ctx, name, migrations)
	}
	if err != nil {
		t.Fatalf("make PostgreSQL database: %v", err)
	}
	t.Cleanup(func() { c.drop(t, name) })
	return Configs{Serving: c.config(servingRole, name), Owner: c.config(ownerRole, name), raw: c.config(superuser, name)}
}

func (c *Cluster) drop(t testing.TB, name string) {
	ctx := context.Background()
	err := c.admin(ctx, "postgres", func(conn *rawPostgres) error {
		return conn.script(ctx, "DROP DATABASE "+name+" WITH (FORCE)")
	})
	if err != nil {
		t.Errorf("drop PostgreSQL database: %v", err)
	}
}

// ensure makes roles and template once for each test binary.
func (r *registry) ensure(ctx context.Context, c *Cluster, name string, migrations []db.Migration) error {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.templates[name] {
		return nil
	}
	var err error
	if name == "template0" {
		err = c.admin(ctx, "postgres", func(conn *rawPostgres) error { return conn.script(ctx, makeRoles) })
	} else {
		err = c.template(ctx, name, migrations)
	}
	if err != nil {
		return err
	}
	if r.templates == nil {
		r.templates = map[string]bool{}
	}
	r.templates[name] = true
	return nil
}

// PasswordRole is a login role of the cluster that must give a password.
func PasswordRole() (name, password string) { return passwordRole, rolePassword }
