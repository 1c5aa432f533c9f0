package db_test

import (
	"bytes"
	"context"
	"crypto/rand"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"

	"postern.example/postern/internal/trust/db"
	"postern.example/postern/internal/trust/db/dbtest"
	"postern.example/postern/internal/word/fault"
)

const sentinel = "Rosalind-Okafor-1948"

func fill(t *testing.T, d *db.DB) {
	t.Helper()
	write(t, d, func(ctx context.Context, tx *db.Tx) error {
		for i := range 200 {
			if _, err := tx.Exec(ctx, "INSERT INTO counter (name, n) VALUES (?, ?)", fmt.Sprint(sentinel, i), i); err != nil {
				return err
			}
		}
		return nil
	})
}

func search(t *testing.T, d *db.DB) (files, hits int) {
	t.Helper()
	for _, f := range dbtest.Files(t, d) {
		b, err := os.ReadFile(f)
		if os.IsNotExist(err) {
			continue
		}
		must(t, err)
		files++
		if bytes.Contains(b, []byte(sentinel)) || bytes.Contains(b, []byte("SQLite format")) {
			hits++
		}
	}
	return files, hits
}

func TestTheFileOnDiskIsUnreadable(t *testing.T) {
	d := dbtest.New(t, db.SQLite, timeline())
	fill(t, d)
	files, hits := search(t, d)
	if files < 3 || hits != 0 {
		t.Errorf("%d hits in %d files", hits, files)
	}
	for _, f := range dbtest.Files(t, d) {
		info, err := os.Stat(f)
		must(t, err)
		if info.Mode().Perm() != 0o600 && !strings.HasSuffix(f, "-shm") {
			t.Errorf("%s has mode %v", filepath.Base(f), info.Mode())
		}
	}
	must(t, d.Close())
	if _, hits := search(t, d); hits != 0 {
		t.Error("readable after closing")
	}
}

// TestTheSearchFinds proves that the search above can see.
func TestTheSearchFinds(t *testing.T) {
	for _, engine := range []db.Engine{db.SQLite, db.Postgres} {
		d := dbtest.New(t, engine, timeline(), dbtest.Plain)
		fill(t, d)
		if _, hits := search(t, d); hits == 0 {
			t.Errorf("%v: nothing found in a plain database", engine)
		}
	}
}

func TestAWrongKeyOpensNothing(t *testing.T) {
	d := dbtest.New(t, db.SQLite, timeline())
	fill(t, d)
	c := dbtest.ConfigsOf(d).Serving
	must(t, d.Close())
	wrong := c
	wrong.Key = make([]byte, 64)
	_, _ = rand.Read(wrong.Key)
	_, err := db.Open(t.Context(), wrong)
	wantErr(t, err, db.ErrCorrupt)
	if fault.Of(err) != fault.Tampered {
		t.Errorf("kind %v", fault.Of(err))
	}
	plain := c
	plain.Key, plain.UnencryptedForTests = nil, true
	_, err = db.Open(t.Context(), plain)
	wantErr(t, err, db.ErrCorrupt)
	// The other way round: a plain file is not taken for an encrypted one.
	p := dbtest.New(t, db.SQLite, timeline(), dbtest.Plain)
	c.Path = dbtest.ConfigsOf(p).Serving.Path
	must(t, p.Close())
	_, err = db.Open(t.Context(), c)
	wantErr(t, err, db.ErrCorrupt)
}

func TestFlippedBytesAreNoticed(t *testing.T) {
	d := dbtest.New(t, db.SQLite, timeline())
	fill(t, d)
	path := dbtest.ConfigsOf(d).Serving.Path
	must(t, d.Close())
	b, err := os.ReadFile(path)
	must(t, err)
	for i := 4096; i < len(b); i += 64 { // all pages but the first
		b[i] ^= 0xff
	}
	must(t, os.WriteFile(path, b, 0o600))
	again := dbtest.Serving(t, d)
	err = again.QueryRow(t.Context(), "SELECT SUM(n) FROM counter").Scan(new(int64))
	wantErr(t, err, db.ErrCorrupt)
}

func TestConfigsThatAreRefused(t *testing.T) {
	key := make([]byte, 64)
	_, _ = rand.Read(key)
	twin := append(key[:32:32], key[:32]...)
	path := filepath.Join(t.TempDir(), "x.db")
	for want, c := range map[string]db.Config{
		"exactly one":                {},
		"exactly one of":             {Path: path, Postgres: "postgres://localhost/x", Key: key},
		"must be 64 bytes":           {Path: path},
		"64 bytes":                   {Path: path, Key: key[:32]},
		"halves":                     {Path: path, Key: twin},
		"a key was given":            {Path: path, Key: key, UnencryptedForTests: true},
		"read connections":           {Path: path, Key: key, ReadConns: -1},
		"page cache":                 {Path: path, Key: key, CacheKiB: -1},
		"no such file":               {Path: filepath.Join(path, "nowhere", "x.db"), Key: key},
		"not valid":                  {Postgres: "postgres://x:hunter2@[::bad/x"},
		"must not hold the password": {Postgres: "postgres://x:hunter2@localhost/x"},
		"sslmode=verify-full":        {Postgres: "postgres://x@db.clinic.example/x?sslmode=require"},
		"needs sslmode=verify-full":  {Postgres: "postgres://x@db.clinic.example/x"},
		"cannot connect":             {Postgres: "postgres://x@localhost:1/x?sslmode=disable"},
	} {
		_, err := db.Open(t.Context(), c)
		if err == nil || !strings.Contains(err.Error(), want) || strings.Contains(err.Error(), "hunter2") {
			t.Errorf("no %q in %v", want, err)
		}
	}
	for url, ok := range map[string]bool{
		"postgres://x@db.clinic.example/x?sslmode=verify-full":      true,
		"postgres://x@127.0.0.1/x":                                  true,
		"postgres://x@[::1]/x?sslmode=disable":                      true,
		"postgres://x@/x?host=/run/postgresql":                      true,
		"postgres://x@localhost,db.clinic.example/x?sslmode=prefer": false,
		"postgres://x@10.0.0.7/x?sslmode=verify-ca":                 false,
		"postgres://x@a.example,b.example/x?sslmode=verify-full":    true,
	} {
		if err := db.CheckTransport(url); (err == nil) != ok {
			t.Errorf("%s: %v", url, err)
		}
	}
}

func TestThePasswordComesApart(t *testing.T) {
	d := dbtest.New(t, db.Postgres, timeline(), dbtest.NoSync)
	name, password := dbtest.PasswordRole()
	c := dbtest.ConfigsOf(d).Serving
	c.Postgres = strings.Replace(c.Postgres, "postern_serving", name, 1)
	for _, wrong := range []string{"", "wrong"} {
		c.Password = wrong
		_, err := db.Open(t.Context(), c)
		wantErr(t, err, db.ErrUnavailable)
	}
	c.Password = password
	open, err := db.Open(t.Context(), c)
	must(t, err)
	must(t, open.Close())
}

func TestAServerThatWouldLoseWritesIsRefused(t *testing.T) {
	d := dbtest.New(t, db.Postgres, timeline())
	c := dbtest.ConfigsOf(d).Serving
	c.NoSyncForTests = false
	c.Postgres += "&synchronous_commit=off"
	if _, err := db.Open(t.Context(), c); err == nil || !strings.Contains(err.Error(), "lose acknowledged writes") {
		t.Errorf("%v", err)
	}
}

// TestPoolersWithoutPreparedStatementsWork uses the modes that a connection
// pooler in transaction mode needs; exec answers in the text format.
func TestPoolersWithoutPreparedStatementsWork(t *testing.T) {
	d := dbtest.New(t, db.Postgres, timeline(), dbtest.NoSync)
	c := dbtest.ConfigsOf(d).Serving
	for _, mode := range []string{"exec", "simple_protocol", "cache_describe"} {
		m := c
		m.Postgres += "&default_query_exec_mode=" + mode
		p, err := db.Open(t.Context(), m)
		must(t, err)
		id, body := []byte(mode), []byte{0, 1, 0xff}
		write(t, p, func(ctx context.Context, tx *db.Tx) error {
			_, err := tx.Exec(ctx, insertThing, []byte("o"), id, 7, nil, body, "é'\"?")
			return err
		})
		var kind int
		var token, got []byte
		var note string
		must(t, p.QueryRow(t.Context(), selectThing, []byte("o"), id).Scan(&kind, &token, &got, &note))
		if kind != 7 || token != nil || !bytes.Equal(got, body) || note != "é'\"?" {
			t.Errorf("%s: got %d %x %x %q", mode, kind, token, got, note)
		}
		must(t, p.Close())
	}
}

func TestPreparedStatementsAreBounded(t *testing.T) {
	d := dbtest.New(t, db.SQLite, timeline(), dbtest.NoSync)
	ctx := t.Context()
	for i := range 3 * db.MaxStmts {
		var n int
		must(t, db.QueryText(ctx, d, fmt.Sprintf("SELECT %d", i), &n))
		if n != i {
			t.Fatalf("got %d for %d", n, i)
		}
		must(t, d.QueryRow(ctx, "SELECT 1").Scan(&n)) // in use all the time: stays
	}
	for _, n := range db.ConnStats(d) {
		if n > db.MaxStmts {
			t.Errorf("%d statements are kept", n)
		}
	}
	if err := db.QueryText(ctx, d, "SELECT 1; SELECT 2", new(int)); err == nil {
		t.Error("two statements at once")
	}
	if err := db.QueryText(ctx, d, "-- nothing", new(int)); err == nil {
		t.Error("no statement at all")
	}
}

func TestReadersAreBoundedAndWaitersGiveUp(t *testing.T) {
	dbtest.Each(t, timeline(), func(t *testing.T, d *db.DB) {
		ctx := t.Context()
		var open []*db.Rows
		for {
			short, cancel := context.WithCancel(ctx)
			if len(open) >= 2 { // all readers are lent: a waiter must heed its context
				cancel()
			}
			rows, err := d.Query(short, "SELECT 1 UNION ALL SELECT 2")
			if err != nil {
				cancel()
				wantErr(t, err, context.Canceled)
				break
			}
			defer cancel()
			open = append(open, rows)
		}
		var wg sync.WaitGroup
		if d.Engine() == db.SQLite {
			waiting, cancel := context.WithCancel(ctx)
			wg.Go(func() {
				_, err := d.Query(waiting, "SELECT 1")
				if err == nil {
					t.Error("a third reader of two")
				}
			})
			cancel()
		}
		wg.Wait()
		for _, r := range open {
			must(t, r.Close())
		}
	}, dbtest.NoSync, dbtest.With(func(c *db.Config) { c.ReadConns = 2 }))
}

func TestRebindLeavesQuotesAlone(t *testing.T) {
	for q, want := range map[string]string{
		"SELECT ? + ?":                "SELECT $1 + $2",
		"SELECT '?' , ?":              "SELECT '?' , $1",
		"SELECT 'it''s ?', ?":         "SELECT 'it''s ?', $1",
		`SELECT "?" FROM t WHERE a=?`: `SELECT "?" FROM t WHERE a=$1`,
		"SELECT 1 -- ?\n, ?":          "SELECT 1 -- ?\n, $1",
		"SELECT /* ? */ ?":            "SELECT /* ? */ $1",
		"SELECT 1 -- ?":               "SELECT 1 -- ?",
		"SELECT 'open ?":              "SELECT 'open ?",
		"é ?":                         "é $1",
	} {
		if got := db.Rebind(q); got != want {
			t.Errorf("%q became %q", q, got)
		}
	}
}

func FuzzRebind(f *testing.F) {
	f.Add("SELECT ? WHERE a = '?' -- ?\n AND b = ?")
	f.Add("/* ? */ \"?\" ?")
	f.Fuzz(func(t *testing.T, q string) {
		got := db.Rebind(q)
		if !strings.Contains(q, "?") && got != q {
			t.Errorf("%q became %q", q, got)
		}
		if n := strings.Count(q, "?") - strings.Count(got, "?"); n < 0 || n > 0 && !strings.Contains(got, fmt.Sprintf("$%d", n)) {
			t.Errorf("%q became %q", q, got)
		}
	})
}
