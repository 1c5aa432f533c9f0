package vault_test

import (
	"context"
	"errors"
	"slices"
	"testing"
	"testing/synctest"
	"time"

	"postern.example/postern/internal/trust/access"
	"postern.example/postern/internal/trust/db"
	"postern.example/postern/internal/trust/db/dbtest"
	"postern.example/postern/internal/trust/vault"
	"postern.example/postern/internal/trust/vault/vaulttest"
	"postern.example/postern/internal/word/fault"
	"postern.example/postern/internal/word/person"
)

// lookAt is a look that finds what set wrote with text, in so many rows.
func lookAt(p person.PatientID, text string, rows int) vault.Look {
	return vault.Look{Ref: chartHead(p), Rows: rows, Digest: digestOf(text)}
}

func TestASetIsLookedAtUntilItFits(t *testing.T) {
	k := open(t, dbtest.New(t, db.SQLite, vaulttest.Migrations(), dbtest.NoSync))
	mother := k.patient(t)
	set(t, k, mother, "rows")
	broken := errors.New("the query failed")
	for name, c := range map[string]struct {
		looks []vault.Look // the last one again and again
		fails error
		found bool
		want  fault.Kind
		stays bool
	}{
		"fits":                  {looks: []vault.Look{lookAt(mother, "rows", 3)}, found: true},
		"fits after a change":   {looks: []vault.Look{lookAt(mother, "older", 2), lookAt(mother, "rows", 3)}, found: true},
		"nobody":                {looks: []vault.Look{{}}},
		"neither rows nor head": {looks: []vault.Look{lookAt(newPatient(t), "", 0)}},
		"rows without a head":   {looks: []vault.Look{lookAt(newPatient(t), "", 1)}, want: fault.Tampered, stays: true},
		"a head without rows":   {looks: []vault.Look{lookAt(mother, "", 0)}, want: fault.Tampered, stays: true},
		"other rows":            {looks: []vault.Look{lookAt(mother, "older", 3)}, want: fault.Tampered, stays: true},
		"a query that fails":    {looks: []vault.Look{lookAt(mother, "rows", 3)}, fails: broken},
	} {
		var pauses []time.Duration
		k.Pause = func(_ context.Context, d time.Duration) error { pauses = append(pauses, d); return nil }
		n := 0
		found, err := k.Vault.LoadSet(t.Context(), "the rows do not fit", func() (vault.Look, error) {
			l := c.looks[min(n, len(c.looks)-1)]
			n++
			return l, c.fails
		})
		if found != c.found || c.want != 0 && !fault.Is(err, c.want) || c.want == 0 && !errors.Is(err, c.fails) {
			t.Errorf("%s: %v, %v", name, found, err)
		}
		alarms := k.Alarms.Take()
		if !c.stays {
			if len(pauses) != len(c.looks)-1 || len(alarms) != 0 {
				t.Errorf("%s: paused %v, alarms %v", name, pauses, alarms)
			}
			continue
		}
		ms := time.Millisecond
		if want := []time.Duration{ms, 2 * ms, 4 * ms, 8 * ms, 16 * ms, 32 * ms, 64 * ms, 128 * ms}; !slices.Equal(pauses, want) {
			t.Errorf("%s: paused %v", name, pauses)
		}
		if len(alarms) != 1 || alarms[0].What != "the rows do not fit" || alarms[0].Owner != c.looks[0].Ref.Owner {
			t.Errorf("%s: alarms %v", name, alarms)
		}
	}
}

// A request that ends meanwhile, and a head that cannot be read, are no alarm.
func TestALookThatCannotBeFinished(t *testing.T) {
	k := open(t, dbtest.New(t, db.SQLite, vaulttest.Migrations(), dbtest.NoSync))
	mother := k.patient(t)
	look := func() (vault.Look, error) { return lookAt(mother, "other", 1), nil }
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if _, err := k.Vault.LoadSet(ctx, "", look); !fault.Is(err, fault.Unavailable) || !errors.Is(err, context.Canceled) {
		t.Errorf("the request ends: %v", err)
	}
	k = k.restart(t)
	dbtest.Raw(k.DB).Exec(t, `DROP TABLE vault_head`)
	if _, err := k.Vault.LoadSet(t.Context(), "", look); err == nil || fault.Is(err, fault.Tampered) {
		t.Errorf("no heads: %v", err)
	}
	if a := k.Alarms.Take(); len(a) != 0 {
		t.Errorf("alarms: %v", a)
	}
}

// Inside a change nothing moves: the first look counts.
func TestASetInsideAChange(t *testing.T) {
	each(t, func(t *testing.T, d *db.DB) {
		k := open(t, d)
		mother, stranger := k.patient(t), newPatient(t)
		set(t, k, mother, "rows")
		check := func(l vault.Look) error {
			g := k.grant(t, vaulttest.Importer(), access.ImportChart, l.Ref.Owner)
			return k.Vault.Change(t.Context(), g, func(tx *vault.ChangeTx) error { return tx.CheckSet(t.Context(), "it does not fit", l) })
		}
		if err := check(lookAt(mother, "rows", 1)); err != nil {
			t.Errorf("fits: %v", err)
		}
		if err := check(lookAt(stranger, "", 0)); !fault.Is(err, fault.NotFound) {
			t.Errorf("nobody: %v", err)
		}
		if a := k.Alarms.Take(); len(a) != 0 {
			t.Errorf("alarms: %v", a)
		}
		for _, l := range []vault.Look{lookAt(mother, "older", 1), lookAt(mother, "", 0), lookAt(stranger, "", 1)} {
			err := check(l)
			if a := k.Alarms.Take(); !fault.Is(err, fault.Tampered) || len(a) != 1 || a[0].What != "it does not fit" {
				t.Errorf("%+v: %v, alarms %v", l, err, a)
			}
		}
		dbtest.Raw(d).Exec(t, `UPDATE vault_head SET version = 7`)
		if err := check(lookAt(mother, "rows", 1)); !fault.Is(err, fault.Tampered) {
			t.Errorf("another head: %v", err)
		}
	})
}

func TestWaitEndsWithItsRequest(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		start := time.Now()
		if err := vault.Wait(t.Context(), time.Hour); err != nil || time.Since(start) != time.Hour {
			t.Errorf("after %s: %v", time.Since(start), err)
		}
		ctx, cancel := context.WithCancel(t.Context())
		cancel()
		if err := vault.Wait(ctx, time.Hour); !errors.Is(err, context.Canceled) {
			t.Errorf("a request that had ended: %v", err)
		}
	})
}
