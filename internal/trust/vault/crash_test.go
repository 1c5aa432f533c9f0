package vault_test

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"sync"
	"testing"

	"postern.example/postern/internal/trust/access"
	"postern.example/postern/internal/trust/audit"
	"postern.example/postern/internal/trust/db"
	"postern.example/postern/internal/trust/db/dbtest"
	"postern.example/postern/internal/trust/vault"
	"postern.example/postern/internal/trust/vault/vaulttest"
	"postern.example/postern/internal/word/fault"
	"postern.example/postern/internal/word/person"
)

// wire is a log whose answers can get lost, as when a process ends or a disk fails.
type wire struct {
	vault.Log
	lose        bool  // entries become durable, and the answer does not come
	mute        bool  // nobody hears that a commit happened: the process ended
	refuse      bool  // no entry is taken
	refuseAfter int   // refuse begins after so many entries
	failRead    error // reading an anchor fails
	foreign     bool  // its newest anchor is somebody else's
	empty       bool  // it says that it holds no anchor
}

func (w *wire) Start(e audit.Entry) *audit.Pending {
	if w.refuse {
		return w.Log.Start(audit.Entry{}) // an entry without event is refused
	}
	if w.refuseAfter > 0 {
		w.refuseAfter--
		w.refuse = w.refuseAfter == 0
	}
	p := w.Log.Start(e)
	if w.lose {
		_, _ = p.Wait(context.Background())
		return w.Log.Start(audit.Entry{})
	}
	return p
}

func (w *wire) Settle(seq int64) {
	if !w.mute {
		w.Log.Settle(seq)
	}
}

func (w *wire) LatestAnchor() (int64, audit.Anchor, bool, error) {
	if w.empty {
		return -1, audit.Anchor{}, true, nil
	}
	seq, a, settled, err := w.Log.LatestAnchor()
	if w.foreign {
		seq, a.Count = seq+1, a.Count+1
	}
	return seq, a, settled, errors.Join(err, w.failRead)
}

// tap opens the vault of k anew over a wire to the same log.
func (k *kit) tap(t testing.TB, w *wire) *kit {
	t.Helper()
	next, err := k.tryTap(t, w)
	if err != nil {
		t.Fatal(err)
	}
	return next
}

func (k *kit) tryTap(t testing.TB, w *wire) (*kit, error) {
	w.Log = k.Log
	v, err := vault.New(t.Context(), vault.Config{DB: k.DB, Ring: k.Ring, Root: k.Root, Log: w, Alarm: k.Alarms.Raise})
	inner := *k.Kit
	inner.Vault = v
	return &kit{Kit: &inner, gate: k.gate, people: k.people}, err
}

// entries returns the log's entries of one event.
func (k *kit) entries(t testing.TB, event audit.Event) (out []audit.Entry) {
	t.Helper()
	if err := k.Log.RiskyRead(t.Context(), 0, k.Log.Size(), func(e audit.Entry) error {
		if e.Event == event {
			out = append(out, e)
		}
		return nil
	}); err != nil {
		t.Fatal(err)
	}
	return out
}

func wantVersion(t testing.TB, k *kit, p person.PatientID, want int64) {
	t.Helper()
	if h, err := head(t, k, p); err != nil || h.Version != want {
		t.Fatalf("head version %d, %v; want %d", h.Version, err, want)
	}
	if a := k.Alarms.Take(); len(a) > 0 {
		t.Fatalf("alarms: %v", a)
	}
}

// The database refuses the COMMIT (a constraint that is checked last) when the
// anchor is in the log already: the log must say that the old root holds.
func TestACommitThatFailsAfterItsAnchor(t *testing.T) {
	each(t, func(t *testing.T, d *db.DB) {
		k := open(t, d)
		mother := k.patient(t)
		raw := dbtest.Raw(d)
		raw.Script(t, `CREATE TABLE nobody (id INTEGER PRIMARY KEY);
			CREATE TABLE late (id INTEGER REFERENCES nobody (id) DEFERRABLE INITIALLY DEFERRED)`)
		if d.Engine() == db.Postgres {
			raw.Script(t, `GRANT ALL ON late, nobody TO PUBLIC`)
		}
		g := k.grant(t, vaulttest.Importer(), access.ImportChart, person.Patient(mother))
		err := k.Vault.Change(t.Context(), g, func(tx *vault.ChangeTx) error {
			if _, err := tx.Exec(t.Context(), `INSERT INTO late (id) VALUES (7)`); err != nil {
				return err
			}
			return tx.SetHead(t.Context(), chartHead(mother), digestOf("lost"))
		})
		if !fault.Is(err, fault.Unavailable) {
			t.Fatalf("got %v, want unavailable", err)
		}
		out := k.entries(t, audit.EventOutcome)
		if len(out) != 1 || out[0].Outcome != audit.Failed || out[0].Anchor == nil || !strings.Contains(out[0].Reason, "did not commit") {
			t.Fatalf("outcome entries: %+v", out)
		}
		wantVersion(t, k, mother, 1)
		set(t, k, mother, "kept")
		wantVersion(t, k.restart(t), mother, 2)
	})
}

// The commit happened and its answer was lost: the change stands.
func TestACommitWhoseAnswerWasLostStands(t *testing.T) {
	each(t, func(t *testing.T, d *db.DB) {
		k := open(t, d)
		mother := k.patient(t)
		before := vault.Now(k.Vault)
		set(t, k, mother, "second")
		if err := vault.LoseAnswer(t.Context(), k.Vault, before, db.ErrCommitUnknown); err != nil {
			t.Fatalf("the change that happened was reported as failed: %v", err)
		}
		wantVersion(t, k, mother, 2)
		set(t, k, mother, "third")
		wantVersion(t, k.restart(t), mother, 3)
	})
}

// Between a COMMIT and the return of Change a reader sees the new rows while the
// vault still trusts the root before. That is no tampering.
func TestReadersSeeEitherSideOfACommit(t *testing.T) {
	each(t, func(t *testing.T, d *db.DB) {
		k := open(t, d)
		mother, child := k.patient(t), k.patient(t)
		before := vault.Now(k.Vault)
		set(t, k, mother, "second")
		vault.Committing(k.Vault, before)
		wantVersion(t, k, mother, 2)
		wantVersion(t, k, child, 1)
		dbtest.Raw(d).Exec(t, `UPDATE vault_head SET version = version + 1`)
		if _, err := head(t, k, mother); !fault.Is(err, fault.Tampered) {
			t.Fatalf("a head of neither side: %v", err)
		}
	})
}

func TestReadersDoNotMistakeChangesForTampering(t *testing.T) {
	each(t, func(t *testing.T, d *db.DB) {
		k := open(t, d)
		v, err := vault.New(t.Context(), vault.Config{DB: d, Ring: k.Ring, Root: k.Root, Log: k.Log, Alarm: k.Alarms.Raise, Cache: 1})
		if err != nil {
			t.Fatal(err)
		}
		k.Vault = v
		patients := []person.PatientID{k.patient(t), k.patient(t), k.patient(t)}
		var readers sync.WaitGroup
		done := make(chan struct{})
		for range 3 {
			readers.Go(func() {
				for n := 0; ; n++ {
					select {
					case <-done:
						return
					default:
					}
					if _, err := head(t, k, patients[n%3]); err != nil {
						t.Errorf("read while changing: %v", err)
						return
					}
				}
			})
		}
		for n := range 60 {
			set(t, k, patients[n%3], fmt.Sprint(n))
		}
		close(done)
		readers.Wait()
		if a := k.Alarms.Take(); len(a) > 0 {
			t.Fatalf("false alarms: %v", a)
		}
		if n := vault.Remembered(v); n > 1 {
			t.Fatalf("%d heads in memory, the bound is 1", n)
		}
	})
}

// The process ends between anchors and their commits, several times over: the
// next start takes the root that is there, and writes down that it did.
func TestAStartAfterACrashBetweenAnchorAndCommit(t *testing.T) {
	each(t, func(t *testing.T, d *db.DB) {
		w := &wire{}
		k := open(t, d).tap(t, w)
		for _, p := range []string{"in an empty installation", "with a patient"} {
			w.lose = true
			owner := person.Patient(newPatient(t))
			g := k.grant(t, vaulttest.Importer(), access.ImportChart, owner)
			for range 2 {
				err := k.Vault.Change(t.Context(), g, func(tx *vault.ChangeTx) error {
					if err := tx.NewOwner(t.Context(), owner); err != nil {
						return err
					}
					return tx.SetHead(t.Context(), vault.HeadRef{Owner: owner, Kind: vault.HeadChart}, digestOf(p))
				})
				if err == nil {
					t.Fatalf("%s: a change without an answer from the log", p)
				}
			}
			w.lose = false
			k = k.tap(t, w)
			out := k.entries(t, audit.EventRecovery)
			if len(out) == 0 || out[len(out)-1].Anchor == nil {
				t.Fatalf("%s: no recovery entry", p)
			}
			size := k.Log.Size()
			k = k.tap(t, w)
			if k.Log.Size() != size {
				t.Fatalf("%s: the second start recovered again", p)
			}
			wantVersion(t, k, k.patient(t), 1)
		}
	})
}

// The process ends after a commit and before any entry says so. The next start
// finds the commit, and from then on the root before it is refused.
func TestACommitFoundAtStartIsSettled(t *testing.T) {
	each(t, func(t *testing.T, d *db.DB) {
		w := &wire{}
		k := open(t, d).tap(t, w)
		mother := k.patient(t)
		copyTables(t, d)
		w.mute = true
		set(t, k, mother, "second")
		w.mute = false
		if _, _, settled, _ := k.Log.LatestAnchor(); settled {
			t.Fatal("the log has heard of the commit")
		}
		wantVersion(t, k.tap(t, w), mother, 2)
		restoreTables(t, d)
		if _, err := k.tryTap(t, w); !errors.Is(err, vault.ErrStale) {
			t.Fatalf("rolled back after the restart: %v, want ErrStale", err)
		}
		if a := k.Alarms.Take(); len(a) != 1 {
			t.Fatalf("alarms: %v", a)
		}
	})
}

// Without that restart nobody can tell a rollback by one change from a crash: it
// is accepted once, and the log says so (docs/decisions/0006).
func TestOneUnsettledChangeMayBeMissingAtStart(t *testing.T) {
	each(t, func(t *testing.T, d *db.DB) {
		w := &wire{}
		k := open(t, d).tap(t, w)
		mother := k.patient(t)
		copyTables(t, d)
		w.mute = true
		set(t, k, mother, "second")
		w.mute = false
		restoreTables(t, d)
		wantVersion(t, k.tap(t, w), mother, 1)
		if len(k.entries(t, audit.EventRecovery)) != 1 {
			t.Fatal("no recovery entry")
		}
	})
}

var headTables = []string{"vault_head", "vault_node", "vault_root"}

func copyTables(t testing.TB, d *db.DB) {
	for _, table := range headTables {
		dbtest.Raw(d).Exec(t, fmt.Sprintf(`CREATE TABLE copy_%s AS SELECT * FROM %s`, table, table))
	}
}

func restoreTables(t testing.TB, d *db.DB, tables ...string) {
	raw := dbtest.Raw(d)
	if tables == nil {
		tables = headTables
	}
	for _, table := range tables {
		raw.Exec(t, `DELETE FROM `+table)
		raw.Exec(t, fmt.Sprintf(`INSERT INTO %s SELECT * FROM copy_%s`, table, table))
	}
}

func TestStartRefusals(t *testing.T) {
	for name, c := range map[string]struct {
		sql  string
		wire wire
		want error
		args []any
	}{
		"two changes back":              {sql: `UPDATE vault_root SET slots = 1`, want: vault.ErrStale},
		"a root of another length":      {sql: `UPDATE vault_root SET root = ?`, args: []any{[]byte("short")}, want: vault.ErrStale},
		"a database without its log":    {sql: `DELETE FROM vault_node`, wire: wire{empty: true}, want: vault.ErrStale},
		"a log that cannot be read":     {sql: `DELETE FROM vault_node`, wire: wire{failRead: errors.New("unplugged")}},
		"no table of roots":             {sql: `DROP TABLE vault_root`},
		"an emptied table of roots":     {sql: `DELETE FROM vault_root`, want: vault.ErrStale},
		"a root that nobody has signed": {sql: `UPDATE vault_root SET root = ?`, args: []any{make([]byte, 32)}, want: vault.ErrStale},
	} {
		t.Run(name, func(t *testing.T) {
			d := dbtest.New(t, db.SQLite, vaulttest.Migrations(), dbtest.NoSync)
			k := open(t, d)
			k.patient(t)
			k.patient(t)
			dbtest.Raw(d).Exec(t, c.sql, c.args...)
			_, err := k.tryTap(t, &c.wire)
			if err == nil || c.want != nil && !errors.Is(err, c.want) {
				t.Fatalf("got %v, want %v", err, c.want)
			}
			if alarmed := len(k.Alarms.Take()) == 1; alarmed != (c.want != nil) {
				t.Fatalf("alarmed %v for %v", alarmed, err)
			}
		})
	}
}

// After a crash a start accepts the root before, and nothing else; it needs the
// log for it.
func TestAStartAfterACrashNeedsRootAndLog(t *testing.T) {
	k := open(t, dbtest.New(t, db.SQLite, vaulttest.Migrations(), dbtest.NoSync))
	w := &wire{}
	k = k.tap(t, w)
	mother := k.patient(t)
	w.lose = true
	if err := trySet(t.Context(), k, mother, "x"); err == nil {
		t.Fatal("a change without an answer")
	}
	raw := dbtest.Raw(k.DB)
	raw.Exec(t, `UPDATE vault_root SET slots = slots + 1`)
	if _, err := k.tryTap(t, &wire{}); !errors.Is(err, vault.ErrStale) {
		t.Fatalf("a root of neither side of the crash: %v, want ErrStale", err)
	}
	raw.Exec(t, `UPDATE vault_root SET slots = slots - 1`)
	for name, w := range map[string]vault.Log{
		"the anchor before": &deaf{Log: k.Log},
		"the recovery":      &wire{Log: k.Log, refuse: true},
	} {
		_, err := vault.New(t.Context(), vault.Config{DB: k.DB, Ring: k.Ring, Root: k.Root, Log: w, Alarm: k.Alarms.Raise})
		if err == nil {
			t.Errorf("%s: started", name)
		}
	}
}

// deaf is a log of which single anchors cannot be read.
type deaf struct{ vault.Log }

func (deaf) Anchor(context.Context, int64) (*audit.Anchor, error) {
	return nil, errors.New("unreadable")
}
