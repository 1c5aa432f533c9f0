package vault_test

import (
	"context"
	"fmt"
	"strings"
	"testing"

	"postern.example/postern/internal/trust/access"
	"postern.example/postern/internal/trust/db"
	"postern.example/postern/internal/trust/db/dbtest"
	"postern.example/postern/internal/trust/vault"
	"postern.example/postern/internal/trust/vault/vaulttest"
	"postern.example/postern/internal/word/fault"
	"postern.example/postern/internal/word/person"
)

// Nodes put back together with their heads, but under the newer root.
func TestHeadsAndNodesRolledBackUnderTheNewRoot(t *testing.T) {
	each(t, func(t *testing.T, d *db.DB) {
		k := open(t, d)
		mother := k.patient(t)
		copyTables(t, d)
		set(t, k, mother, "second")
		restoreTables(t, d, "vault_head", "vault_node")
		k = k.restart(t)
		if _, err := head(t, k, mother); !fault.Is(err, fault.Tampered) {
			t.Fatalf("got %v, want tampered", err)
		}
	})
}

// When the tree grows a level, the new top names the hash of the old one. A node
// that somebody put there beforehand must not speak for it: else an old state of
// the first sixteen heads could be brought back under a root that the log holds.
func TestANodePutWhereTheTreeWillGrow(t *testing.T) {
	each(t, func(t *testing.T, d *db.DB) {
		k := open(t, d)
		mother := k.patient(t)
		for range 15 {
			k.patient(t)
		}
		raw := dbtest.Raw(d)
		old := raw.Query(t, `SELECT body FROM vault_node WHERE level = 0 AND position = 0`)[0][0].([]byte)
		copyTables(t, d)
		set(t, k, mother, "a finding that the thief wants gone")
		forged := vault.NodeHash(0, 0, old)
		raw.Exec(t, `INSERT INTO vault_node (level, position, body) VALUES (1, 0, ?)`, forged[:])
		k = k.restart(t)
		if err := k.tryPatient(t, newPatient(t)); err == nil {
			raw.Exec(t, `UPDATE vault_node SET body = ? WHERE level = 0 AND position = 0`, old)
			raw.Exec(t, `UPDATE vault_head SET version = 1, digest = (SELECT digest FROM copy_vault_head WHERE slot = 0) WHERE slot = 0`)
			h, err := head(t, k.restart(t), mother)
			t.Fatalf("the tree grew over a foreign node; after a rollback the head is at version %d (%v)", h.Version, err)
		} else if !fault.Is(err, fault.Tampered) {
			t.Fatalf("got %v, want tampered", err)
		}
	})
}

func TestNodesOfTheEdgeAreChecked(t *testing.T) {
	for name, c := range map[string]struct {
		patients int
		sql      string
		size     int
	}{
		"more leaves than slots":    {1, `UPDATE vault_node SET body = ? WHERE level = 0`, 64},
		"half a hash":               {1, `UPDATE vault_node SET body = ? WHERE level = 0`, 33},
		"too many leaves":           {1, `UPDATE vault_node SET body = ? WHERE level = 0`, 17 * 32},
		"another leaf":              {1, `UPDATE vault_node SET body = ? WHERE level = 0`, 32},
		"a leaf for the next node":  {16, `INSERT INTO vault_node (level, position, body) VALUES (0, 1, ?)`, 32},
		"a leaf before the first":   {0, `INSERT INTO vault_node (level, position, body) VALUES (0, 0, ?)`, 32},
		"a node that broke its top": {17, `UPDATE vault_node SET body = ? WHERE level = 1`, 64},
	} {
		t.Run(name, func(t *testing.T) {
			d := dbtest.New(t, db.SQLite, vaulttest.Migrations(), dbtest.NoSync)
			k := open(t, d)
			for range c.patients {
				k.patient(t)
			}
			dbtest.Raw(d).Exec(t, c.sql, make([]byte, c.size))
			k = k.restart(t)
			if err := k.tryPatient(t, newPatient(t)); !fault.Is(err, fault.Tampered) {
				t.Fatalf("got %v, want tampered", err)
			}
			if a := fmt.Sprint(k.Alarms.Take()); !strings.Contains(a, "tree of heads") {
				t.Fatalf("alarms: %q", a)
			}
		})
	}
}

// The slot of the head is one that the tree does not have.
func TestSlotsOutsideOfTheTree(t *testing.T) {
	ctx := t.Context()
	d := dbtest.New(t, db.SQLite, vaulttest.Migrations(), dbtest.NoSync)
	k := open(t, d)
	k.patient(t)
	err := d.Write(ctx, func(tx *db.Tx) error {
		for _, slot := range []int64{-1, 1, 2} {
			if err := vault.VerifyLeaf(ctx, tx, k.Vault, slot, [32]byte{}); err == nil {
				t.Errorf("a leaf in slot %d of a tree of one", slot)
			}
			if err := vault.SetLeaf(ctx, tx, k.Vault, slot, [32]byte{}); (err == nil) != (slot == 1) {
				t.Errorf("set slot %d of a tree of one: %v", slot, err)
			}
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
}

// Whatever fails in the database is unavailable or tampered, never an empty set.
func TestBrokenTablesAreErrors(t *testing.T) {
	abort := func(table string) string {
		return fmt.Sprintf(`CREATE TRIGGER abort_%s BEFORE INSERT ON %s BEGIN SELECT RAISE(ABORT, 'disk'); END`, table, table)
	}
	read := func(t *testing.T, k *kit, p person.PatientID) error { _, err := head(t, k, p); return err }
	change := func(t *testing.T, k *kit, p person.PatientID) error { return trySet(t.Context(), k, p, "x") }
	add := func(t *testing.T, k *kit, _ person.PatientID) error { return k.tryPatient(t, newPatient(t)) }
	for name, c := range map[string]struct {
		sql string
		try func(*testing.T, *kit, person.PatientID) error
		bad bool // tampered rather than out of order
	}{
		"heads gone, read":      {`DROP TABLE vault_head`, read, false},
		"heads gone, change":    {`DROP TABLE vault_head`, change, false},
		"nodes gone, read":      {`DROP TABLE vault_node`, read, false},
		"nodes gone, change":    {`DROP TABLE vault_node`, change, false},
		"nodes gone, add":       {`DROP TABLE vault_node`, add, false},
		"roots gone, change":    {`DROP TABLE vault_root`, change, false},
		"keys gone, add":        {`DROP TABLE key_subject`, add, false},
		"head is not written":   {abort("vault_head"), change, false},
		"node is not written":   {abort("vault_node"), change, false},
		"version is not one":    {`UPDATE vault_head SET version = 0`, read, true},
		"digest is not one":     {`UPDATE vault_head SET digest = x'00'`, change, true},
		"slot is another's":     {`UPDATE vault_head SET slot = 7`, read, true},
		"node is not of hashes": {`UPDATE vault_node SET body = x'00'`, read, true},
	} {
		t.Run(name, func(t *testing.T) {
			d := dbtest.New(t, db.SQLite, vaulttest.Migrations(), dbtest.NoSync)
			k := open(t, d)
			mother := k.patient(t)
			k = k.restart(t)
			dbtest.Raw(d).Exec(t, c.sql)
			if err := c.try(t, k, mother); err == nil || fault.Is(err, fault.Tampered) != c.bad {
				t.Fatalf("got %v", err)
			}
			if alarmed := len(k.Alarms.Take()) > 0; alarmed != c.bad {
				t.Fatalf("alarmed: %v", alarmed)
			}
		})
	}
	t.Run("nodes gone, first", func(t *testing.T) {
		d := dbtest.New(t, db.SQLite, vaulttest.Migrations(), dbtest.NoSync)
		k := open(t, d)
		dbtest.Raw(d).Exec(t, `DROP TABLE vault_node`)
		if err := k.tryPatient(t, newPatient(t)); err == nil {
			t.Fatal("a first patient without a tree")
		}
	})
}

// A reader that finds neither side waits for nobody: its request may end.
func TestARequestEndsWhileItLooks(t *testing.T) {
	k := open(t, dbtest.New(t, db.SQLite, vaulttest.Migrations(), dbtest.NoSync))
	mother := k.patient(t)
	k = k.restart(t)
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if _, err := k.Vault.Head(ctx, chartHead(mother)); err == nil || fault.Is(err, fault.Tampered) {
		t.Fatalf("got %v", err)
	}
}

// A change may touch no head at all; then there is no anchor.
func TestAChangeWithoutHeadsAnchorsNothing(t *testing.T) {
	each(t, func(t *testing.T, d *db.DB) {
		k := open(t, d)
		mother := k.patient(t)
		g := k.grant(t, vaulttest.Importer(), access.ImportChart, person.Patient(mother))
		size := k.Log.Size()
		if err := k.Vault.Change(t.Context(), g, func(*vault.ChangeTx) error { return nil }); err != nil {
			t.Fatal(err)
		}
		if k.Log.Size() != size {
			t.Fatal("an anchor for nothing")
		}
	})
}

// A request that ends before its change committed changes nothing; the log's
// entry of the decision stays.
func TestAChangeEndsWithItsRequest(t *testing.T) {
	each(t, func(t *testing.T, d *db.DB) {
		k := open(t, d)
		mother := k.patient(t)
		ctx, cancel := context.WithCancel(t.Context())
		g, err := k.gate.Decide(ctx, access.Ask{Caller: vaulttest.Importer(), Action: access.ImportChart, Owner: person.Patient(mother)})
		if err != nil {
			t.Fatal(err)
		}
		err = k.Vault.Change(ctx, g, func(tx *vault.ChangeTx) error {
			defer cancel()
			return tx.SetHead(ctx, chartHead(mother), digestOf("x"))
		})
		if err == nil {
			t.Fatal("committed for a request that had ended")
		}
		wantVersion(t, k, mother, 1)
	})
}
