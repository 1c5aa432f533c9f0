package keys_test

import (
	"context"
	"crypto/rand"
	"errors"
	"io"
	"path/filepath"
	"testing"
	"testing/iotest"

	"postern.example/postern/internal/trust/db"
	"postern.example/postern/internal/trust/db/dbtest"
	"postern.example/postern/internal/trust/keys"
	"postern.example/postern/internal/word/person"
)

func root(t *testing.T, env string) *keys.Root {
	t.Helper()
	r, err := keys.CreateRoot(filepath.Join(t.TempDir(), "root.key"), env,
		keys.Protector{How: keys.ByPassphrase, Secret: []byte("x"), Work: 1}, rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	return r
}

func ring(t *testing.T, d *db.DB, r *keys.Root) *keys.Ring {
	t.Helper()
	k, err := keys.Open(t.Context(), keys.Config{DB: d, Root: r, Random: rand.Reader, Cache: 2})
	if err != nil {
		t.Fatal(err)
	}
	return k
}

func patient(t *testing.T) person.Owner {
	t.Helper()
	id, err := person.NewPatientID(rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	return person.Patient(id)
}

func made(t *testing.T, d *db.DB, k *keys.Ring, o person.Owner) keys.Key {
	t.Helper()
	var key keys.Key
	if err := d.Write(t.Context(), func(tx *db.Tx) (err error) {
		key, err = k.Create(t.Context(), tx, o, keys.UseChart)
		return err
	}); err != nil {
		t.Fatal(err)
	}
	return key
}

func seal(t *testing.T, k keys.Key, text string) []byte {
	t.Helper()
	b, err := k.Seal([]byte(text), nil)
	if err != nil {
		t.Fatal(err)
	}
	return b
}

func each(t *testing.T, fn func(t *testing.T, d *db.DB)) {
	dbtest.Each(t, keys.Migrations(), fn, dbtest.NoSync)
}

func TestSubjectKeysSurviveRestartRenewalAndRotation(t *testing.T) {
	each(t, func(t *testing.T, d *db.DB) {
		r := root(t, keys.Test)
		k := ring(t, d, r)
		mother := patient(t)
		first := seal(t, made(t, d, k, mother), "first")
		for range 3 { // more subjects than the cache holds
			made(t, d, k, patient(t))
		}
		if err := d.Write(t.Context(), func(tx *db.Tx) error { return k.Renew(t.Context(), tx, mother, keys.UseChart) }); err != nil {
			t.Fatal(err)
		}
		k.Forget(mother, keys.UseChart)
		key, err := k.Subject(t.Context(), mother, keys.UseChart)
		if err != nil || key.ID() != 2 {
			t.Fatalf("renewed key %d, %v", key.ID(), err)
		}
		second := seal(t, key, "second")
		if err := k.Rotate(t.Context()); err != nil {
			t.Fatal(err)
		}
		raw := dbtest.Raw(d)
		if rows := raw.Query(t, `SELECT count(*) FROM key_subject WHERE epoch < 2`); rows[0][0] != int64(0) {
			t.Fatalf("%v subject keys are still wrapped by the old epoch", rows[0][0])
		}
		k = ring(t, d, r)
		for range 2 { // from the database, then from the cache
			key, err = k.Subject(t.Context(), mother, keys.UseChart)
			if err != nil {
				t.Fatal(err)
			}
			for sealed, want := range map[string]string{string(first): "first", string(second): "second"} {
				if b, err := key.Open([]byte(sealed), nil); err != nil || string(b) != want {
					t.Fatalf("%s after rotation: %v", want, err)
				}
			}
		}
	})
}

func TestUsesAndOwnersAreApart(t *testing.T) {
	each(t, func(t *testing.T, d *db.DB) {
		k := ring(t, d, root(t, keys.Test))
		mother := patient(t)
		made(t, d, k, mother)
		if _, err := k.Subject(t.Context(), mother, keys.UseAccount); !errors.Is(err, keys.ErrKey) {
			t.Fatalf("another use: %v", err)
		}
		if _, err := k.Subject(t.Context(), patient(t), keys.UseChart); !errors.Is(err, keys.ErrKey) {
			t.Fatalf("another owner: %v", err)
		}
		child := patient(t)
		made(t, d, k, child)
		// A wrapped key moved to another subject does not unwrap.
		dbtest.Raw(d).Exec(t, `UPDATE key_subject SET wrapped = (SELECT wrapped FROM key_subject WHERE owner = ?) WHERE owner = ?`,
			mother.Bytes(), child.Bytes())
		if _, err := k.Subject(t.Context(), child, keys.UseChart); !errors.Is(err, keys.ErrOpen) {
			t.Fatalf("a moved key: %v", err)
		}
		// Nor does one that was copied to another use of its own subject.
		dbtest.Raw(d).Exec(t, `INSERT INTO key_subject (owner, purpose, id, epoch, wrapped)
			SELECT owner, ?, id, epoch, wrapped FROM key_subject WHERE owner = ?`, int64(keys.UseAudit), mother.Bytes())
		if _, err := k.Subject(t.Context(), mother, keys.UseAudit); !errors.Is(err, keys.ErrOpen) {
			t.Fatalf("a key copied to another use: %v", err)
		}
	})
}

func TestDestroyedKeysAreGone(t *testing.T) {
	each(t, func(t *testing.T, d *db.DB) {
		k := ring(t, d, root(t, keys.Test))
		mother := patient(t)
		made(t, d, k, mother)
		if _, err := k.Subject(t.Context(), mother, keys.UseChart); err != nil {
			t.Fatal(err)
		}
		if err := d.Write(t.Context(), func(tx *db.Tx) error { return k.Destroy(t.Context(), tx, mother, keys.UseChart) }); err != nil {
			t.Fatal(err)
		}
		k.Forget(mother, keys.UseChart)
		if _, err := k.Subject(t.Context(), mother, keys.UseChart); !errors.Is(err, keys.ErrErased) {
			t.Fatalf("after destruction: %v", err)
		}
		if err := d.Write(t.Context(), func(tx *db.Tx) error { return k.Renew(t.Context(), tx, mother, keys.UseChart) }); !errors.Is(err, keys.ErrErased) {
			t.Fatalf("renewal revived a destroyed subject: %v", err)
		}
	})
}

func TestAnotherInstallationsRootOpensNothing(t *testing.T) {
	each(t, func(t *testing.T, d *db.DB) {
		ring(t, d, root(t, keys.Test))
		_, err := keys.Open(t.Context(), keys.Config{DB: d, Root: root(t, keys.Test), Random: rand.Reader})
		if !errors.Is(err, keys.ErrOpen) {
			t.Fatalf("got %v, want ErrOpen", err)
		}
	})
}

// A key-encryption key that was rotated away does not come back under a newer number.
func TestAnOldEpochIsNotTakenForANewOne(t *testing.T) {
	each(t, func(t *testing.T, d *db.DB) {
		r := root(t, keys.Test)
		if err := ring(t, d, r).Rotate(t.Context()); err != nil {
			t.Fatal(err)
		}
		ring(t, d, r)
		dbtest.Raw(d).Exec(t, `UPDATE key_kek SET wrapped = (SELECT wrapped FROM key_kek WHERE epoch = 1) WHERE epoch = 2`)
		_, err := keys.Open(t.Context(), keys.Config{DB: d, Root: r, Random: rand.Reader})
		if !errors.Is(err, keys.ErrOpen) {
			t.Fatalf("got %v, want ErrOpen", err)
		}
	})
}

func TestInstallationIsFixedOnce(t *testing.T) {
	each(t, func(t *testing.T, d *db.DB) {
		r := root(t, keys.Test)
		k := ring(t, d, r)
		if _, err := k.Installation(t.Context()); !errors.Is(err, db.ErrNoRows) {
			t.Fatalf("before: %v", err)
		}
		if err := k.SetInstallation(t.Context(), []byte("here")); err != nil {
			t.Fatal(err)
		}
		if err := k.SetInstallation(t.Context(), []byte("there")); !errors.Is(err, db.ErrConflict) {
			t.Fatalf("twice: %v", err)
		}
		b, err := ring(t, d, r).Installation(t.Context())
		if err != nil || string(b) != "here" {
			t.Fatalf("%q, %v", b, err)
		}
	})
}

func TestWithoutRandomnessNothingIsMade(t *testing.T) {
	each(t, func(t *testing.T, d *db.DB) {
		r := root(t, keys.Test)
		broken := iotest.ErrReader(io.ErrUnexpectedEOF)
		if _, err := keys.Open(t.Context(), keys.Config{DB: d, Root: r, Random: broken}); !errors.Is(err, io.ErrUnexpectedEOF) {
			t.Fatalf("first epoch: %v", err)
		}
		ring(t, d, r)
		k, err := keys.Open(t.Context(), keys.Config{DB: d, Root: r, Random: broken})
		if err != nil {
			t.Fatal(err)
		}
		if err := d.Write(t.Context(), func(tx *db.Tx) error {
			_, err := k.Create(t.Context(), tx, patient(t), keys.UseChart)
			return err
		}); !errors.Is(err, io.ErrUnexpectedEOF) {
			t.Fatalf("subject: %v", err)
		}
		if err := k.Rotate(t.Context()); !errors.Is(err, io.ErrUnexpectedEOF) {
			t.Fatalf("rotation: %v", err)
		}
	})
}

// Whatever breaks in the database comes back as an error and never as a key.
func TestBrokenTablesAreErrors(t *testing.T) {
	for name, c := range map[string]struct {
		sql string
		try func(ctx context.Context, d *db.DB, k *keys.Ring, r *keys.Root, o person.Owner) error
	}{
		"no epochs": {`DROP TABLE key_kek`, func(ctx context.Context, d *db.DB, _ *keys.Ring, r *keys.Root, _ person.Owner) error {
			_, err := keys.Open(ctx, keys.Config{DB: d, Root: r, Random: rand.Reader})
			return err
		}},
		"no epochs to add to": {`DROP TABLE key_kek`, func(ctx context.Context, _ *db.DB, k *keys.Ring, _ *keys.Root, _ person.Owner) error {
			return k.Rotate(ctx)
		}},
		"no subjects": {`DROP TABLE key_subject`, func(ctx context.Context, _ *db.DB, k *keys.Ring, _ *keys.Root, o person.Owner) error {
			_, err := k.Subject(ctx, o, keys.UseChart)
			return err
		}},
		"no subjects to create": {`DROP TABLE key_subject`, func(ctx context.Context, d *db.DB, k *keys.Ring, _ *keys.Root, o person.Owner) error {
			return d.Write(ctx, func(tx *db.Tx) error { _, err := k.Create(ctx, tx, o, keys.UseAccount); return err })
		}},
		"no subjects to destroy": {`DROP TABLE key_subject`, func(ctx context.Context, d *db.DB, k *keys.Ring, _ *keys.Root, o person.Owner) error {
			return d.Write(ctx, func(tx *db.Tx) error { return k.Destroy(ctx, tx, o, keys.UseChart) })
		}},
		"no word to leave": {`DROP TABLE key_erased`, func(ctx context.Context, d *db.DB, k *keys.Ring, _ *keys.Root, o person.Owner) error {
			return d.Write(ctx, func(tx *db.Tx) error { return k.Destroy(ctx, tx, o, keys.UseChart) })
		}},
		"nothing to tell whether it is empty": {`DROP TABLE key_installation`, func(ctx context.Context, d *db.DB, _ *keys.Ring, r *keys.Root, _ person.Owner) error {
			if err := d.Write(ctx, func(tx *db.Tx) error { _, err := tx.Exec(ctx, `DELETE FROM key_kek`); return err }); err != nil {
				t.Fatal(err)
			}
			_, err := keys.Open(ctx, keys.Config{DB: d, Root: r, Random: rand.Reader})
			return err
		}},
		"no subjects to rotate": {`DROP TABLE key_subject`, func(ctx context.Context, _ *db.DB, k *keys.Ring, _ *keys.Root, _ person.Owner) error {
			return k.Rotate(ctx)
		}},
		"no installation": {`DROP TABLE key_installation`, func(ctx context.Context, _ *db.DB, k *keys.Ring, _ *keys.Root, _ person.Owner) error {
			_, err := k.Installation(ctx)
			return err
		}},
		"epoch unknown": {`UPDATE key_subject SET epoch = 9`, func(ctx context.Context, _ *db.DB, k *keys.Ring, _ *keys.Root, o person.Owner) error {
			_, err := k.Subject(ctx, o, keys.UseChart)
			return err
		}},
		"epoch unknown in rotation": {`UPDATE key_subject SET epoch = 0`, func(ctx context.Context, _ *db.DB, k *keys.Ring, _ *keys.Root, _ person.Owner) error {
			return k.Rotate(ctx)
		}},
		"wrapped bytes in rotation": {`UPDATE key_subject SET id = 5`, func(ctx context.Context, _ *db.DB, k *keys.Ring, _ *keys.Root, _ person.Owner) error {
			return k.Rotate(ctx)
		}},
	} {
		t.Run(name, func(t *testing.T) {
			d := dbtest.New(t, db.SQLite, keys.Migrations(), dbtest.NoSync)
			r := root(t, keys.Test)
			k := ring(t, d, r)
			mother := patient(t)
			made(t, d, k, mother)
			dbtest.Raw(d).Exec(t, c.sql)
			if err := c.try(t.Context(), d, k, r, mother); err == nil {
				t.Fatal("no error")
			}
		})
	}
}
