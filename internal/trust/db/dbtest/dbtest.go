// Package dbtest runs a test on both database engines, and lends the attacker's
// hand for drills.
//
// It owns the PostgreSQL cluster of a test run: the one that POSTERN_TEST_POSTGRES_DIR
// names, else one that it starts when the first test needs it, as an
// unprivileged user, on a socket, and that ends with the test binary (at once
// when TestMain calls Main). Each test gets a database of its own, copied from a
// migrated template. It guarantees that a missing PostgreSQL fails the test
// and names the command that installs it; it never skips.
//
// It is imported by tests and by pgcluster alone, never by the product.
package dbtest

import (
	"context"
	"crypto/rand"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"sync"
	"testing"

	"postern.example/postern/internal/trust/db"
)

// Option changes how a test database is made.
type Option func(*options)

type options struct {
	plain, empty, noSync bool
	config               func(*db.Config)
}

// Plain leaves SQLite's file unencrypted, for sentinel searches that must see
// what sealing alone protects. It changes nothing on PostgreSQL.
func Plain(o *options) { o.plain = true }

// Empty leaves out the migrations: the test runs them.
func Empty(o *options) { o.empty = true }

// NoSync is for speed, in tests that prove nothing about durability.
func NoSync(o *options) { o.noSync = true }

// With changes the Config by which the serving database is opened.
func With(f func(*db.Config)) Option { return func(o *options) { o.config = f } }

// Each runs fn as the subtests "sqlite" and "postgres", each with a migrated
// database of its own, opened as the serving role.
func Each(t *testing.T, migrations []db.Migration, fn func(t *testing.T, d *db.DB), opts ...Option) {
	t.Helper()
	for _, engine := range []db.Engine{db.SQLite, db.Postgres} {
		t.Run(engine.String(), func(t *testing.T) { fn(t, New(t, engine, migrations, opts...)) })
	}
}

// New makes one migrated database that closes with the test.
func New(t testing.TB, engine db.Engine, migrations []db.Migration, opts ...Option) *db.DB {
	t.Helper()
	configs := NewConfigs(t, engine, migrations, opts...)
	d := open(t, configs.Serving)
	if engine == db.SQLite && !gather(opts).empty {
		if err := d.Migrate(t.Context(), migrations); err != nil {
			t.Fatalf("migrate: %v", err)
		}
	}
	kit.add(d, &entry{t: t, configs: configs, raw: configs.raw})
	return d
}

// Configs are the ways to open one test database.
type Configs struct {
	Serving db.Config // as the server does
	Owner   db.Config // as the migrating command does; the same as Serving on SQLite
	raw     db.Config // as the superuser does
}

// NewConfigs makes a database and returns how to open it, for tests that open
// it by themselves. On SQLite the file does not exist yet and migrations are
// not applied; on PostgreSQL they are, unless Empty is given.
func NewConfigs(t testing.TB, engine db.Engine, migrations []db.Migration, opts ...Option) Configs {
	t.Helper()
	o := gather(opts)
	var c Configs
	if engine == db.SQLite {
		c = sqliteConfigs(t, o)
	} else {
		c = postgresConfigs(t, migrations, o)
	}
	if o.config != nil {
		o.config(&c.Serving)
	}
	return c
}

func gather(opts []Option) options {
	var o options
	for _, f := range opts {
		f(&o)
	}
	return o
}

func sqliteConfigs(t testing.TB, o options) Configs {
	c := db.Config{Path: filepath.Join(t.TempDir(), "postern.db"), UnencryptedForTests: o.plain, NoSyncForTests: o.noSync}
	if !o.plain {
		c.Key = make([]byte, 64)
		_, _ = rand.Read(c.Key) // never fails
	}
	return Configs{c, c, c}
}

func open(t testing.TB, c db.Config) *db.DB {
	t.Helper()
	d, err := db.Open(t.Context(), c)
	if err != nil {
		t.Fatalf("open database: %v", err)
	}
	t.Cleanup(func() {
		if err := d.Close(); err != nil && !errors.Is(err, db.ErrClosed) {
			t.Errorf("close database: %v", err)
		}
	})
	return d
}

// Owner opens the database of d as the owning role. On SQLite that is a second
// handle on the same file.
func Owner(t testing.TB, d *db.DB) *db.DB {
	t.Helper()
	e := kit.find(d)
	return derive(t, e, e.configs.Owner)
}

// Serving opens the database of d once more as the serving role: a second node
// on PostgreSQL, a second handle on SQLite. Use it to reopen after d.Close.
func Serving(t testing.TB, d *db.DB) *db.DB {
	t.Helper()
	e := kit.find(d)
	return derive(t, e, e.configs.Serving)
}

// ConfigsOf returns how the database of d is opened.
func ConfigsOf(d *db.DB) Configs { return kit.find(d).configs }

func derive(t testing.TB, e *entry, c db.Config) *db.DB {
	t.Helper()
	d := open(t, c)
	kit.add(d, &entry{t: t, configs: e.configs, raw: e.raw})
	return d
}

// Files lists the files on disk in which the database of d stands, for
// sentinel searches: file, log and shared memory of SQLite; everything under
// PostgreSQL's data directory, after a checkpoint. The cluster's files hold
// other tests' databases as well.
func Files(t testing.TB, d *db.DB) []string {
	t.Helper()
	e := kit.find(d)
	root := filepath.Dir(e.raw.Path)
	if d.Engine() == db.Postgres {
		raw := RawConfig(t, e.raw)
		raw.Script(t, "CHECKPOINT")
		root = raw.Query(t, "SELECT current_setting('data_directory')")[0][0].(string)
	}
	var out []string
	err := filepath.WalkDir(root, func(path string, f fs.DirEntry, err error) error {
		switch {
		case errors.Is(err, fs.ErrNotExist):
			return nil // PostgreSQL removes files while we look
		case err != nil:
			return err
		case f.Type().IsRegular():
			out = append(out, path)
		}
		return nil
	})
	if err != nil {
		t.Fatalf("list database files: %v", err)
	}
	return out
}

// Main runs the tests of a package and stops the cluster that they started.
// Use it as: func TestMain(m *testing.M) { dbtest.Main(m) }
func Main(m *testing.M) {
	code := m.Run()
	if err := kit.stop(); err != nil {
		fmt.Fprintln(os.Stderr, err)
		code = max(code, 1)
	}
	os.Exit(code)
}

// kit is the state of one test binary: its cluster, and how each database was
// opened. A test kit may have what the product may not, a package variable,
// because Go gives the tests of a binary no other common owner.
var kit registry

type registry struct {
	mu        sync.Mutex
	opened    map[*db.DB]*entry
	cluster   *Cluster
	startErr  error
	templates map[string]bool
}

type entry struct {
	t       testing.TB
	configs Configs
	raw     db.Config
}

func (r *registry) add(d *db.DB, e *entry) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.opened == nil {
		r.opened = map[*db.DB]*entry{}
	}
	r.opened[d] = e
	e.t.Cleanup(func() {
		r.mu.Lock()
		defer r.mu.Unlock()
		delete(r.opened, d)
	})
}

func (r *registry) find(d *db.DB) *entry {
	r.mu.Lock()
	defer r.mu.Unlock()
	e := r.opened[d]
	if e == nil {
		panic("dbtest: this database was not opened by dbtest")
	}
	return e
}

func (r *registry) stop() error {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.cluster == nil || r.cluster.cmd == nil {
		return nil
	}
	return r.cluster.Stop()
}

// server returns the cluster of this test run, starting one when there is none.
func (r *registry) server(ctx context.Context) (*Cluster, error) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.cluster != nil || r.startErr != nil {
		return r.cluster, r.startErr
	}
	if dir := os.Getenv(DirEnv); dir != "" {
		r.cluster = &Cluster{Dir: dir, Port: defaultPort}
		if p := os.Getenv(PortEnv); p != "" {
			r.cluster.Port = p
		}
		return r.cluster, nil
	}
	r.cluster, r.startErr = StartCluster(ctx, ClusterConfig{})
	return r.cluster, r.startErr
}

// templateName identifies migrations, DDL and grants by what they declare.
func templateName(migrations []db.Migration) string {
	h := sha256.New()
	for _, m := range migrations {
		d := m.Digest()
		h.Write(d[:])
		fmt.Fprint(h, m.State)
	}
	return "postern_template_" + hex.EncodeToString(h.Sum(nil)[:12])
}
