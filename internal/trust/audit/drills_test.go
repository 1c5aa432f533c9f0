package audit_test

import (
	"bytes"
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"postern.example/postern/internal/trust/audit"
	"postern.example/postern/internal/trust/audit/audittest"
	"postern.example/postern/internal/trust/db"
	"postern.example/postern/internal/trust/db/dbtest"
	"postern.example/postern/internal/word/fault"
)

// drillSize is more than a tile (256) and no round number.
const drillSize = 300

// fileLog is a closed log of drillSize entries in files, with what a thief of the
// folder has, and a copy of its outside checkpoint.
type fileLog struct {
	cfg     audit.Config
	dir     string
	outside []byte
}

func newFileLog(t *testing.T) fileLog {
	t.Helper()
	cfg, dir := fileConfig(t)
	cfg.Store = audit.NewFileStore(audit.FileConfig{Dir: dir, Reserve: 1 << 14, Segment: 1 << 16})
	fill(t, cfg, drillSize)
	out, err := cfg.Outside.Load(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	return fileLog{cfg, dir, out}
}

// fill creates the log of cfg with n entries and closes it.
func fill(t *testing.T, cfg audit.Config, n int) {
	t.Helper()
	if err := audit.Create(t.Context(), cfg); err != nil {
		t.Fatal(err)
	}
	grow(t, cfg, 0, n)
}

func grow(t *testing.T, cfg audit.Config, from, n int) {
	t.Helper()
	l, err := audit.Open(t.Context(), cfg)
	if err != nil {
		t.Fatal(err)
	}
	for i := 0; i < n; i += 10 {
		var es []audit.Entry
		for j := i; j < min(n, i+10); j++ {
			es = append(es, read(from+j))
		}
		for _, p := range l.StartTogether(es...) {
			must(p.Wait(t.Context()))
		}
	}
	if err := l.Close(t.Context()); err != nil {
		t.Fatal(err)
	}
}

func (f fileLog) verify(t *testing.T, outside ...[]byte) audit.Report {
	t.Helper()
	r, err := audit.VerifyFiles(t.Context(), audit.FileConfig{Dir: f.dir}, audit.VerifyConfig{VKey: f.cfg.VKey, Outside: outside})
	if err != nil {
		t.Fatal(err)
	}
	return r
}

func (f fileLog) path(name string) string { return filepath.Join(f.dir, name) }

func (f fileLog) edit(t *testing.T, name string, edit func([]byte) []byte) {
	t.Helper()
	b, err := os.ReadFile(f.path(name))
	if err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(f.path(name), edit(b), 0o600); err != nil {
		t.Fatal(err)
	}
}

// journal lists the journal's segments.
func (f fileLog) journal(t *testing.T) []string {
	t.Helper()
	es, err := os.ReadDir(f.dir)
	if err != nil {
		t.Fatal(err)
	}
	var names []string
	for _, e := range es {
		if strings.HasPrefix(e.Name(), "journal-") {
			names = append(names, e.Name())
		}
	}
	return names
}

// frames cuts a segment into its records.
func frames(b []byte) (out [][]byte) {
	for len(b) > 0 {
		n := 36 + int(binary.BigEndian.Uint32(b[4:]))
		out, b = append(out, b[:n:n]), b[n:]
	}
	return out
}

func TestIntactLogVerifies(t *testing.T) {
	f := newFileLog(t)
	r := f.verify(t)
	if !r.OK || r.Anchored || r.Size != drillSize || r.FirstBad != nil || r.Reason != "" {
		t.Fatalf("%+v", r)
	}
	r = f.verify(t, f.outside)
	if !r.OK || !r.Anchored {
		t.Fatalf("%+v", r)
	}
	b, err := r.MarshalJSON()
	want := fmt.Sprintf(`{"ok":true,"anchored":true,"size":%d,"root":"%s","first_bad":null,"reason":""}`, drillSize, r.Root)
	if err != nil || string(b) != want {
		t.Fatalf("%s, want %s", b, want)
	}
	if len(f.journal(t)) < 3 {
		t.Fatal("the drill wants several segments")
	}
}

// Covers HC-7a: a flipped byte anywhere in the journal, the stored hashes, the offsets
// or the checkpoint is found.
func TestDrillFlipFiles(t *testing.T) {
	f := newFileLog(t)
	names := append(f.journal(t), "hashes", "offsets", "checkpoint")
	for _, name := range names {
		whole, err := os.ReadFile(f.path(name))
		if err != nil {
			t.Fatal(err)
		}
		step := max(1, len(whole)/97)
		for at := 0; at < len(whole); at += step {
			bad := bytes.Clone(whole)
			bad[at] ^= 0x20
			if err := os.WriteFile(f.path(name), bad, 0o600); err != nil {
				t.Fatal(err)
			}
			if r := f.verify(t); r.OK || r.Reason == "" {
				t.Errorf("%s: flip at byte %d is not found", name, at)
			}
		}
		if err := os.WriteFile(f.path(name), whole, 0o600); err != nil {
			t.Fatal(err)
		}
	}
	if r := f.verify(t, f.outside); !r.OK {
		t.Fatalf("the drill did not put everything back: %+v", r)
	}
}

// The files that may be lost: the log starts without them and repairs them.
func TestDerivedFilesMayBeLost(t *testing.T) {
	for _, name := range []string{"hashes", "offsets", "clean", "checkpoint", "reserve", "lock"} {
		f := newFileLog(t)
		if err := os.Remove(f.path(name)); err != nil {
			t.Fatal(err)
		}
		if r := f.verify(t, f.outside); !r.OK {
			t.Errorf("without %s: %+v", name, r)
		}
		grow(t, f.cfg, drillSize, 10)
		if r := f.verify(t, f.outside); !r.OK || r.Size != drillSize+10 {
			t.Errorf("after repair of %s: %+v", name, r)
		}
	}
}

// Covers HC-7a: drop, swap, insert and truncate by whoever can write the files, with
// a bad conscience about checksums or without.
func TestDrillEditJournal(t *testing.T) {
	for name, edit := range map[string]func([][]byte) [][]byte{
		"drop":     func(fs [][]byte) [][]byte { return append(fs[:5:5], fs[6:]...) },
		"swap":     func(fs [][]byte) [][]byte { fs[5], fs[6] = fs[6], fs[5]; return fs },
		"insert":   func(fs [][]byte) [][]byte { return append(fs[:6:6], fs[5:]...) },
		"truncate": func(fs [][]byte) [][]byte { return fs[:len(fs)-1] },
		"empty":    func([][]byte) [][]byte { return nil },
	} {
		for i, where := range []string{"first segment", "last segment"} {
			t.Run(name+" in the "+where, func(t *testing.T) {
				f := newFileLog(t)
				segs := f.journal(t)
				seg := segs[i*(len(segs)-1)]
				f.edit(t, seg, func(b []byte) []byte { return bytes.Join(edit(frames(b)), nil) })
				if r := f.verify(t, f.outside); r.OK {
					t.Fatal("not found")
				}
				l, err := audit.Open(t.Context(), f.cfg)
				if err == nil && name != "swap" && name != "insert" { // a swap before the clean mark is the scrub's to find
					_ = l.Close(t.Context())
					t.Fatal("the log started")
				}
				if err == nil {
					defer l.Close(context.Background())
					s, err := audit.NewScrub(f.cfg.Store, f.cfg.VKey)
					if err != nil {
						t.Fatal(err)
					}
					if _, err := s.Step(t.Context()); !errors.Is(err, audit.ErrDamaged) {
						t.Fatal("the scrub found nothing:", err)
					}
				}
			})
		}
	}
	t.Run("segment gone", func(t *testing.T) {
		f := newFileLog(t)
		if err := os.Remove(f.path(f.journal(t)[1])); err != nil {
			t.Fatal(err)
		}
		if r := f.verify(t); r.OK {
			t.Fatal("not found")
		}
		if _, err := audit.Open(t.Context(), f.cfg); !errors.Is(err, audit.ErrDamaged) || !fault.Is(err, fault.Tampered) {
			t.Fatal(err)
		}
	})
}

// Covers HC-7a: a file of the journal that is removed under a running log can be read
// and appended to until the process ends. The scrub does not wait for that.
func TestDrillRemoveUnderARunningLog(t *testing.T) {
	f := newFileLog(t)
	l, err := audit.Open(t.Context(), f.cfg)
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close(context.Background()) //nolint:errcheck // its journal is gone
	scrub := must(audit.NewScrub(f.cfg.Store, f.cfg.VKey))
	if _, err := scrub.Step(t.Context()); err != nil {
		t.Fatal(err)
	}
	segs := f.journal(t)
	newest := segs[len(segs)-1]
	if err := os.Remove(f.path(newest)); err != nil {
		t.Fatal(err)
	}
	mustAppend(t, l, read(1))
	if _, err := scrub.Step(t.Context()); !errors.Is(err, audit.ErrDamaged) || !strings.Contains(err.Error(), newest) {
		t.Fatal("the scrub found nothing:", err)
	}
}

// rebuild writes the log again with the server's own sealing and signing keys, and all
// side files, without entry 7. It returns the new log, whose outside checkpoint the
// attacker controls too.
func rebuild(t *testing.T, cfg audit.Config, store audit.Store, n int) audit.Config {
	t.Helper()
	cfg.Store, cfg.Outside = store, &audittest.Outside{}
	if err := audit.Create(t.Context(), cfg); err != nil {
		t.Fatal(err)
	}
	l, err := audit.Open(t.Context(), cfg)
	if err != nil {
		t.Fatal(err)
	}
	for i := range n + 1 {
		if i != 7 {
			mustAppend(t, l, read(i))
		}
	}
	if err := l.Close(t.Context()); err != nil {
		t.Fatal(err)
	}
	return cfg
}

// Covers HC-7a: a tree rebuilt with the server's own key together with all side files
// is caught by a checkpoint from outside and by nothing else; the report says so.
func TestDrillRebuildFiles(t *testing.T) {
	f := newFileLog(t)
	g := fileLog{cfg: f.cfg, dir: t.TempDir()}
	rebuilt := rebuild(t, f.cfg, audit.NewFileStore(audit.FileConfig{Dir: g.dir, Reserve: 1 << 14}), drillSize)
	if r := g.verify(t); !r.OK || r.Anchored {
		t.Fatalf("without a reference: %+v", r)
	}
	if r := g.verify(t, f.outside); r.OK || !r.Anchored {
		t.Fatalf("with an officer's copy: %+v", r)
	}
	rebuilt.Outside = f.cfg.Outside
	if _, err := audit.Open(t.Context(), rebuilt); !errors.Is(err, audit.ErrRoot) || !fault.Is(err, fault.Tampered) {
		t.Fatal("the log started:", err)
	}
}

// Covers HC-7a: an old copy of the folder put back, its own checkpoint included.
func TestDrillOldCopyFiles(t *testing.T) {
	f := newFileLog(t)
	old := t.TempDir()
	if err := os.CopyFS(filepath.Join(old, "log"), os.DirFS(f.dir)); err != nil {
		t.Fatal(err)
	}
	grow(t, f.cfg, drillSize, 20)
	now, err := f.cfg.Outside.Load(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	g := fileLog{cfg: f.cfg, dir: filepath.Join(old, "log")}
	if r := g.verify(t); !r.OK || r.Anchored {
		t.Fatalf("without a reference: %+v", r)
	}
	if r := g.verify(t, now); r.OK || !r.Anchored || !strings.Contains(r.Reason, "smaller") {
		t.Fatalf("with the outside checkpoint: %+v", r)
	}
	cfg := f.cfg
	cfg.Store = audit.NewFileStore(audit.FileConfig{Dir: g.dir})
	if _, err := audit.Open(t.Context(), cfg); !errors.Is(err, audit.ErrSmaller) {
		t.Fatal("the log started:", err)
	}
}

// A torn tail is cut off when it was never acknowledged, and refused when a later
// batch shows that it had been.
func TestTornTail(t *testing.T) {
	f := newFileLog(t)
	segs := f.journal(t)
	last := segs[len(segs)-1]
	fs := frames(must(os.ReadFile(f.path(last))))
	f.edit(t, last, func(b []byte) []byte { return append(b, fs[0][:len(fs[0])/2]...) })
	if r := f.verify(t, f.outside); !r.OK {
		t.Fatalf("a torn tail is not damage: %+v", r)
	}
	grow(t, f.cfg, drillSize, 10)
	if r := f.verify(t, f.outside); !r.OK || r.Size != drillSize+10 {
		t.Fatalf("%+v", r)
	}
	// Behind the clean mark: two batches, the first broken.
	g := newFileLog(t)
	clean := must(os.ReadFile(g.path("clean")))
	grow(t, g.cfg, drillSize, 20)
	segs = g.journal(t)
	if err := os.WriteFile(g.path("clean"), clean, 0o600); err != nil {
		t.Fatal(err)
	}
	for _, name := range []string{"hashes", "offsets"} { // as after a power cut: nothing shows what was durable
		units := map[string]int64{"hashes": 32 * storedHashes(drillSize), "offsets": 8 * drillSize}[name]
		if err := os.Truncate(g.path(name), units); err != nil {
			t.Fatal(err)
		}
	}
	g.edit(t, segs[len(segs)-1], func(b []byte) []byte {
		all := frames(b)
		all[len(all)-15][100] ^= 1
		return bytes.Join(all, nil)
	})
	if r := g.verify(t); r.OK {
		t.Fatal("not found")
	}
	if _, err := audit.Open(t.Context(), g.cfg); !errors.Is(err, audit.ErrDamaged) {
		t.Fatal(err)
	}
}

func storedHashes(n int64) int64 {
	var total int64
	for ; n > 0; n >>= 1 {
		total += n
	}
	return total
}

func must[T any](v T, err error) T {
	if err != nil {
		panic(err)
	}
	return v
}

// dbConfig is a log in the tables of d.
func dbConfig(d *db.DB) audit.Config {
	cfg := audittest.Config()
	cfg.Store = audit.NewDBStore(d)
	return cfg
}

// Covers HC-7a: the same drills on tables, by raw SQL, on both engines.
func TestDrillTables(t *testing.T) {
	dbtest.Each(t, audit.Migrations(), func(t *testing.T, d *db.DB) {
		cfg := dbConfig(d)
		fill(t, cfg, drillSize)
		out, _ := cfg.Outside.Load(t.Context())
		raw := dbtest.Raw(d)
		verify := func() audit.Report {
			t.Helper()
			return must(audit.Verify(t.Context(), audit.VerifyConfig{Store: cfg.Store, VKey: cfg.VKey, Outside: [][]byte{out}}))
		}
		if r := verify(); !r.OK || !r.Anchored || r.Size != drillSize {
			t.Fatalf("%+v", r)
		}
		raw.Script(t, `CREATE TABLE kept AS SELECT * FROM log_entry; CREATE TABLE kept_note AS SELECT * FROM log_checkpoint`)
		restore := func() {
			raw.Script(t, `DELETE FROM log_entry; INSERT INTO log_entry SELECT * FROM kept;
				DELETE FROM log_checkpoint; INSERT INTO log_checkpoint SELECT * FROM kept_note`)
		}
		flip := func(column string) {
			b := raw.Query(t, `SELECT `+column+` FROM log_entry WHERE seq = 100`)[0][0].([]byte)
			b[len(b)/2] ^= 1
			raw.Exec(t, `UPDATE log_entry SET `+column+` = ? WHERE seq = 100`, b)
		}
		for name, drill := range map[string]func(){
			"flip leaf":    func() { flip("leaf") },
			"flip payload": func() { flip("sealed") },
			"flip hashes":  func() { flip("hashes") },
			"cut leaf":     func() { raw.Exec(t, `UPDATE log_entry SET leaf = ? WHERE seq = 100`, []byte{1}) },
			"cut hashes":   func() { raw.Exec(t, `UPDATE log_entry SET hashes = ? WHERE seq = 100`, []byte{}) },
			"drop":         func() { raw.Exec(t, `DELETE FROM log_entry WHERE seq = 100`) },
			"swap": func() {
				raw.Script(t, `UPDATE log_entry SET seq = -1 WHERE seq = 100; UPDATE log_entry SET seq = 100 WHERE seq = 101;
					UPDATE log_entry SET seq = 101 WHERE seq = -1`)
			},
			"insert": func() {
				raw.Script(t, `UPDATE log_entry SET seq = -seq WHERE seq > 100; UPDATE log_entry SET seq = 1 - seq WHERE seq < 0;
					INSERT INTO log_entry SELECT 101, leaf, sealed, hashes FROM log_entry WHERE seq = 100`)
			},
			"truncate": func() { raw.Exec(t, `DELETE FROM log_entry WHERE seq >= 290`) },
			"old copy": func() {
				raw.Exec(t, `DELETE FROM log_entry WHERE seq >= 290`)
				raw.Exec(t, `DELETE FROM log_checkpoint WHERE size > 0`)
			},
			"flip note": func() { raw.Exec(t, `UPDATE log_checkpoint SET note = ?`, []byte("x")) },
		} {
			drill()
			if r := verify(); r.OK {
				t.Errorf("%s is not found", name)
			}
			restore()
		}
		if r := verify(); !r.OK {
			t.Fatalf("the drills did not put everything back: %+v", r)
		}
		// A record forged behind the newest checkpoint is found by the start, which opens it.
		raw.Exec(t, `INSERT INTO log_entry SELECT 300, leaf, sealed, hashes FROM log_entry WHERE seq = 100`)
		if _, err := audit.Open(t.Context(), cfg); !fault.Is(err, fault.Tampered) {
			t.Fatal("the log started:", err)
		}
		raw.Script(t, `DELETE FROM log_entry; DELETE FROM log_checkpoint`)
		rebuild(t, cfg, cfg.Store, drillSize)
		if r := must(audit.Verify(t.Context(), audit.VerifyConfig{Store: cfg.Store, VKey: cfg.VKey})); !r.OK || r.Anchored {
			t.Fatalf("rebuilt, without a reference: %+v", r)
		}
		if r := verify(); r.OK || !r.Anchored {
			t.Fatalf("rebuilt, with an officer's copy: %+v", r)
		}
		if _, err := audit.Open(t.Context(), cfg); !errors.Is(err, audit.ErrRoot) {
			t.Fatal("the log started:", err)
		}
	})
}

// The serving role adds to the log and can do nothing else to it.
func TestServingRoleOnlyAdds(t *testing.T) {
	dbtest.Each(t, audit.Migrations(), func(t *testing.T, d *db.DB) {
		cfg := dbConfig(d)
		fill(t, cfg, 10)
		for name, do := range map[string]func(*db.Tx) (int64, error){
			"update": func(tx *db.Tx) (int64, error) {
				return tx.Exec(t.Context(), `UPDATE log_entry SET seq = 99 WHERE seq = 1`)
			},
			"delete": func(tx *db.Tx) (int64, error) { return tx.Exec(t.Context(), `DELETE FROM log_entry`) },
			"checkpoint": func(tx *db.Tx) (int64, error) {
				return tx.Exec(t.Context(), `DELETE FROM log_checkpoint`)
			},
			"index": func(tx *db.Tx) (int64, error) {
				return tx.Exec(t.Context(), `DELETE FROM log_subject WHERE n = 0 OR n = 1`)
			},
		} {
			err := d.Write(t.Context(), func(tx *db.Tx) error { _, err := do(tx); return err })
			if d.Engine() == db.SQLite && name == "index" {
				continue // no row is there to be refused
			}
			if !errors.Is(err, db.ErrDenied) {
				t.Errorf("%s: %v", name, err)
			}
		}
	})
}

// Two nodes over one table: the second writer meets the conflict.
func TestSecondSequencerOnTables(t *testing.T) {
	dbtest.Each(t, audit.Migrations(), func(t *testing.T, d *db.DB) {
		cfg := dbConfig(d)
		fill(t, cfg, 5)
		a := must(audit.Open(t.Context(), cfg))
		defer a.Close(context.Background())
		cfg.Store = audit.NewDBStore(dbtest.Serving(t, d))
		b := must(audit.Open(t.Context(), cfg))
		defer b.Close(context.Background())
		mustAppend(t, a, read(5))
		if _, err := b.Append(t.Context(), read(6)); !errors.Is(err, audit.ErrForked) {
			t.Fatal(err)
		}
		if err := b.Reopen(t.Context()); err != nil {
			t.Fatal(err)
		}
		mustAppend(t, b, read(6))
	})
}
