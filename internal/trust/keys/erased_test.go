package keys_test

import (
	"crypto/rand"
	"errors"
	"testing"

	"postern.example/postern/internal/trust/db"
	"postern.example/postern/internal/trust/db/dbtest"
	"postern.example/postern/internal/trust/keys"
	"postern.example/postern/internal/word/person"
)

// destroy erases o's chart keys.
func destroy(t *testing.T, d *db.DB, k *keys.Ring, o person.Owner) {
	t.Helper()
	if err := d.Write(t.Context(), func(tx *db.Tx) error { return k.Destroy(t.Context(), tx, o, keys.UseChart) }); err != nil {
		t.Fatal(err)
	}
	k.Forget(o, keys.UseChart)
}

// A key that somebody deleted is not one that was erased, and word of an erasure is
// good for the one subject and use that it was written for.
func TestADeletedKeyIsNotAnErasedOne(t *testing.T) {
	for name, c := range map[string]struct {
		do   func(t *testing.T, raw *dbtest.RawDB, mother, child person.Owner)
		ask  string
		use  keys.Use
		want error
	}{
		"the key deleted": {func(t *testing.T, raw *dbtest.RawDB, m, _ person.Owner) {
			raw.Exec(t, `DELETE FROM key_subject WHERE owner = ?`, m.Bytes())
		}, "mother", keys.UseChart, keys.ErrKey},
		"and another's erasure copied": {func(t *testing.T, raw *dbtest.RawDB, m, c person.Owner) {
			raw.Exec(t, `DELETE FROM key_subject WHERE owner = ?`, m.Bytes())
			raw.Exec(t, `UPDATE key_erased SET owner = ? WHERE owner = ?`, m.Bytes(), c.Bytes())
		}, "mother", keys.UseChart, keys.ErrOpen},
		"the erasure moved to another use": {func(t *testing.T, raw *dbtest.RawDB, m, c person.Owner) {
			raw.Exec(t, `UPDATE key_erased SET purpose = 3 WHERE owner = ?`, c.Bytes())
		}, "child", keys.UseAccount, keys.ErrOpen},
		"an erased key put back": {func(t *testing.T, raw *dbtest.RawDB, _, c person.Owner) {
			raw.Exec(t, `INSERT INTO key_subject SELECT * FROM kept_subject WHERE owner = ?`, c.Bytes())
		}, "child", keys.UseChart, keys.ErrBack},
		"word of the erasure deleted": {func(t *testing.T, raw *dbtest.RawDB, _, c person.Owner) {
			raw.Exec(t, `DELETE FROM key_erased WHERE owner = ?`, c.Bytes())
		}, "child", keys.UseChart, keys.ErrKey},
	} {
		t.Run(name, func(t *testing.T) {
			each(t, func(t *testing.T, d *db.DB) {
				r := root(t, keys.Test)
				k, raw := ring(t, d, r), dbtest.Raw(d)
				mother, child := patient(t), patient(t)
				made(t, d, k, mother)
				made(t, d, k, child)
				raw.Exec(t, `CREATE TABLE kept_subject AS SELECT * FROM key_subject`)
				destroy(t, d, k, child)
				destroy(t, d, k, child) // twice is once
				if _, err := k.Subject(t.Context(), child, keys.UseChart); !errors.Is(err, keys.ErrErased) {
					t.Fatalf("erased: %v", err)
				}
				c.do(t, raw, mother, child)
				who := map[string]person.Owner{"mother": mother, "child": child}[c.ask]
				if _, err := ring(t, d, r).Subject(t.Context(), who, c.use); !errors.Is(err, c.want) {
					t.Errorf("%v, want %v", err, c.want)
				}
			})
		})
	}
}

// Key-encryption keys are never deleted: one that is missing stops the start, and
// the newest stops what it wraps.
func TestAMissingEpochIsTampering(t *testing.T) {
	each(t, func(t *testing.T, d *db.DB) {
		r, raw := root(t, keys.Test), dbtest.Raw(d)
		k := ring(t, d, r)
		mother := patient(t)
		if err := k.Rotate(t.Context()); err != nil {
			t.Fatal(err)
		}
		made(t, d, k, mother)
		raw.Exec(t, `CREATE TABLE kept_kek AS SELECT * FROM key_kek`)
		opened := func() error {
			_, err := keys.Open(t.Context(), keys.Config{DB: d, Root: r, Random: rand.Reader})
			return err
		}
		raw.Exec(t, `DELETE FROM key_kek WHERE epoch = 1`)
		if err := opened(); !errors.Is(err, keys.ErrKey) {
			t.Errorf("the first is missing: %v", err)
		}
		raw.Exec(t, `DELETE FROM key_kek`)
		if err := opened(); !errors.Is(err, keys.ErrKey) {
			t.Errorf("all are missing: %v", err)
		}
		raw.Exec(t, `INSERT INTO key_kek SELECT * FROM kept_kek WHERE epoch = 1`)
		if _, err := ring(t, d, r).Subject(t.Context(), mother, keys.UseChart); !errors.Is(err, keys.ErrKey) {
			t.Errorf("the newest is missing: %v", err)
		}
	})
}
