package keys_test

import (
	"context"
	"crypto/rand"
	"errors"
	"io"
	"os"
	"path/filepath"
	"testing"
	"testing/iotest"

	"postern.example/postern/internal/trust/db"
	"postern.example/postern/internal/trust/db/dbtest"
	"postern.example/postern/internal/trust/keys"
	"postern.example/postern/internal/word/person"
)

// nobody is an owner of seventeen zero bytes.
var nobody person.Owner

// The cache is bounded and loses nothing: a key that was dropped is read again.
func TestMoreSubjectsThanTheCacheHolds(t *testing.T) {
	each(t, func(t *testing.T, d *db.DB) {
		k := ring(t, d, root(t, keys.Test)) // it holds two
		sealed := map[person.Owner][]byte{}
		for range 4 {
			p := patient(t)
			sealed[p] = seal(t, made(t, d, k, p), "x")
		}
		for range 2 {
			for p, bytes := range sealed {
				key, err := k.Subject(t.Context(), p, keys.UseChart)
				if err != nil {
					t.Fatal(err)
				}
				if b, err := key.Open(bytes, nil); err != nil || string(b) != "x" {
					t.Fatalf("subject %v: %v", p, err)
				}
			}
		}
	})
}

func TestAnEphemeralKeyIsNew(t *testing.T) {
	r := root(t, keys.Test)
	a, err := r.Ephemeral(rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	b, err := r.Ephemeral(rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := b.Open(seal(t, a, "x"), nil); !errors.Is(err, keys.ErrOpen) {
		t.Fatalf("one opens what the other sealed: %v", err)
	}
	if _, err := r.Ephemeral(iotest.ErrReader(io.ErrUnexpectedEOF)); !errors.Is(err, io.ErrUnexpectedEOF) {
		t.Fatalf("without randomness: %v", err)
	}
}

func TestARootFileNeedsItsFolder(t *testing.T) {
	_, err := keys.CreateRoot(filepath.Join(t.TempDir(), "none", "root.key"), keys.Test, keys.Protector{How: keys.Plain}, rand.Reader)
	if !errors.Is(err, os.ErrNotExist) {
		t.Fatalf("got %v", err)
	}
}

// Tables of other types, as from another program: an error and never a key.
func TestForeignTablesAreErrors(t *testing.T) {
	subject := `DROP TABLE key_subject; CREATE TABLE key_subject (owner, purpose, id, epoch, wrapped);`
	for name, c := range map[string]struct {
		sql string
		try func(ctx context.Context, d *db.DB, k *keys.Ring, r *keys.Root) error
	}{
		"epochs": {`DROP TABLE key_kek; CREATE TABLE key_kek (epoch, wrapped); INSERT INTO key_kek VALUES ('x', 'y')`,
			func(ctx context.Context, d *db.DB, _ *keys.Ring, r *keys.Root) error {
				_, err := keys.Open(ctx, keys.Config{DB: d, Root: r, Random: rand.Reader})
				return err
			}},
		"subjects": {subject + `INSERT INTO key_subject VALUES (zeroblob(17), 1, 'x', 'y', 'z')`,
			func(ctx context.Context, _ *db.DB, k *keys.Ring, _ *keys.Root) error {
				_, err := k.Subject(ctx, nobody, keys.UseChart)
				return err
			}},
		"subjects in rotation": {subject + `INSERT INTO key_subject VALUES (zeroblob(17), 1, 'x', 0, 'z')`,
			func(ctx context.Context, _ *db.DB, k *keys.Ring, _ *keys.Root) error { return k.Rotate(ctx) }},
		"an owner of another length": {subject + `INSERT INTO key_subject VALUES (zeroblob(3), 1, 1, 0, x'00')`,
			func(ctx context.Context, _ *db.DB, k *keys.Ring, _ *keys.Root) error { return k.Rotate(ctx) }},
		"rows that cannot be written": {`CREATE TRIGGER full BEFORE UPDATE ON key_subject BEGIN SELECT RAISE(ABORT, 'disk'); END`,
			func(ctx context.Context, _ *db.DB, k *keys.Ring, _ *keys.Root) error { return k.Rotate(ctx) }},
	} {
		t.Run(name, func(t *testing.T) {
			d := dbtest.New(t, db.SQLite, keys.Migrations(), dbtest.NoSync)
			r := root(t, keys.Test)
			k := ring(t, d, r)
			made(t, d, k, patient(t))
			dbtest.Raw(d).Script(t, c.sql)
			if err := c.try(t.Context(), d, k, r); err == nil {
				t.Fatal("no error")
			}
		})
	}
}

// A database that was never migrated, and a request that is over.
func TestWithoutTablesOrTimeNothingOpens(t *testing.T) {
	r := root(t, keys.Test)
	empty := dbtest.New(t, db.SQLite, nil, dbtest.NoSync, dbtest.Empty)
	if _, err := keys.Open(t.Context(), keys.Config{DB: empty, Root: r, Random: rand.Reader}); err == nil {
		t.Fatal("opened without tables")
	}
	d := dbtest.New(t, db.SQLite, keys.Migrations(), dbtest.NoSync)
	ring(t, d, r)
	dbtest.Raw(d).Script(t, `DROP TABLE key_subject`)
	k := ring(t, dbtest.Serving(t, d), r)
	if _, err := k.Subject(t.Context(), nobody, keys.UseChart); err == nil || errors.Is(err, keys.ErrKey) {
		t.Fatalf("without the table: %v", err)
	}
}
