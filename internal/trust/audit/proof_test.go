package audit_test

import (
	"bytes"
	"context"
	"encoding/base64"
	"errors"
	"os"
	"path/filepath"
	"reflect"
	"strconv"
	"strings"
	"testing"

	"golang.org/x/mod/sumdb/tlog"

	"postern.example/postern/internal/trust/audit"
	"postern.example/postern/internal/trust/audit/audittest"
	"postern.example/postern/internal/word/fault"
)

// Covers ED-12c: a patient keeps a proof of an entry, which discloses this entry alone
// and is checked offline with nothing but the log's key.
func TestProof(t *testing.T) {
	cfg := audittest.Config()
	l := audittest.Start(t, cfg)
	for i := range 70 {
		mustAppend(t, l, read(i))
	}
	secret := fullEntry()
	r := mustAppend(t, l, secret)
	mustAppend(t, l, read(99))
	for _, seq := range []int64{0, 63, 64, r.Seq, r.Seq + 1} {
		p, err := l.RiskyProof(t.Context(), seq)
		if err != nil {
			t.Fatal(err)
		}
		e, rep, err := audit.VerifyProof(p, cfg.VKey)
		if err != nil || !rep.OK || rep.Anchored || rep.Size != r.Seq+2 {
			t.Fatalf("%+v %v", rep, err)
		}
		want, _ := l.RiskyEntry(t.Context(), seq)
		if !reflect.DeepEqual(e, want) {
			t.Fatalf("proved %+v, want %+v", e, want)
		}
		path, head, err := l.Inclusion(t.Context(), seq)
		if err != nil || !bytes.Contains(p, []byte("index "+strconv.FormatInt(seq, 10)+"\n"+path[0].String()+"\n")) || head.Size != rep.Size {
			t.Fatal(head, err)
		}
		if !bytes.HasPrefix(p, []byte("c2sp.org/tlog-proof@v1\nextra ")) {
			t.Fatalf("not a C2SP proof:\n%s", p)
		}
	}
	for _, seq := range []int64{-1, r.Seq + 2} {
		if _, err := l.RiskyProof(t.Context(), seq); !fault.Is(err, fault.NotFound) {
			t.Fatal(err)
		}
		if _, _, err := l.Inclusion(t.Context(), seq); !fault.Is(err, fault.NotFound) {
			t.Fatal(err)
		}
	}
}

// A proof holds for this entry, this position and this key, and for nothing else.
func TestProofRefusals(t *testing.T) {
	cfg := audittest.Config()
	l := audittest.Start(t, cfg)
	mustAppend(t, l, read(0), fullEntry(), read(2))
	proof, err := l.RiskyProof(t.Context(), 1)
	if err != nil {
		t.Fatal(err)
	}
	s := string(proof)
	extra := func(old, new string) string {
		t.Helper()
		lines := strings.SplitN(s, "\n", 3)
		raw := must(base64.StdEncoding.DecodeString(strings.TrimPrefix(lines[1], "extra ")))
		edited := strings.Replace(string(raw), old, new, 1)
		if edited == string(raw) {
			t.Fatalf("%q is not in the proof", old)
		}
		return lines[0] + "\nextra " + base64.StdEncoding.EncodeToString([]byte(edited)) + "\n" + lines[2]
	}
	for name, c := range map[string]struct {
		proof  string
		parses bool
	}{
		"empty":           {"", false},
		"header":          {"x" + s, false},
		"no checkpoint":   {strings.SplitN(s, "\n\n", 2)[0], false},
		"no extra":        {strings.Replace(s, "extra ", "", 1), false},
		"bad extra":       {strings.Replace(s, "extra ", "extra !", 1), false},
		"no index":        {strings.Replace(s, "index ", "", 1), false},
		"bad index":       {strings.Replace(s, "index 1", "index x", 1), false},
		"negative index":  {strings.Replace(s, "index 1", "index -1", 1), false},
		"bad path":        {strings.Replace(s, "index 1\n", "index 1\nAAAA\n", 1), false},
		"long":            {s + strings.Repeat("x", 200_000), false},
		"short salt":      {extra(`"salt":"`, `"salt":"AA==","x":"`), false},
		"unknown field":   {extra(`"salt":`, `"evil":1,"salt":`), false},
		"bad entry":       {extra(`"event":"read"`, `"event":7`), false},
		"other index":     {strings.Replace(s, "index 1", "index 2", 1), true},
		"other entry":     {extra(`"reason":"visit"`, `"reason":"other"`), true},
		"other time":      {extra(`2026`, `2025`), true},
		"other root":      {strings.Replace(s, "\n3\n", "\n4\n", 1), true},
		"longer path":     {strings.Replace(s, "index 1\n", "index 1\nAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA=\n", 1), true},
		"too large entry": {extra(`"reason":"visit"`, `"reason":"`+strings.Repeat("x", 20_000)+`"`), true},
	} {
		_, r, err := audit.VerifyProof([]byte(c.proof), cfg.VKey)
		if c.parses && (err != nil || r.OK || r.Reason == "") || !c.parses && !fault.Is(err, fault.Invalid) {
			t.Errorf("%s: %+v %v", name, r, err)
		}
	}
	_, other := audittest.NewSigner(audittest.Name, "another key")
	if _, r, err := audit.VerifyProof(proof, other); err != nil || r.OK {
		t.Errorf("another key: %+v %v", r, err)
	}
	if _, _, err := audit.VerifyProof(proof, "x"); !errors.Is(err, audit.ErrVKey) {
		t.Error(err)
	}
}

// A checkpoint from elsewhere anchors a proof when it signs the same tree, and shows
// two faces of a log when it does not.
func TestProofAnchors(t *testing.T) {
	cfg := audittest.Config()
	l := audittest.Start(t, cfg)
	mustAppend(t, l, read(0), read(1))
	proof, err := l.RiskyProof(t.Context(), 0)
	if err != nil {
		t.Fatal(err)
	}
	same, _ := cfg.Outside.Load(t.Context())
	mustAppend(t, l, read(2))
	later, err := l.Checkpoint(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	face, _ := closed(t, 2).Outside.Load(t.Context())
	if _, r, err := audit.VerifyProof(proof, cfg.VKey, same); err != nil || !r.OK || !r.Anchored {
		t.Fatalf("%+v %v", r, err)
	}
	if _, r, err := audit.VerifyProof(proof, cfg.VKey, later); err != nil || !r.OK || r.Anchored {
		t.Fatalf("another size: %+v %v", r, err)
	}
	if _, r, err := audit.VerifyProof(proof, cfg.VKey, face); err != nil || r.OK || !strings.Contains(r.Reason, "tree") {
		t.Fatalf("another face: %+v %v", r, err)
	}
	if _, r, err := audit.VerifyProof(proof, cfg.VKey, []byte("x")); err != nil || r.OK {
		t.Fatalf("not a note: %+v %v", r, err)
	}
}

func FuzzVerifyProof(f *testing.F) {
	cfg := audittest.Config()
	cfg.Clock = audittest.NewClock().Now // each worker makes the same entries
	if err := audit.Create(context.Background(), cfg); err != nil {
		f.Fatal(err)
	}
	l := must(audit.Open(context.Background(), cfg))
	must(l.Append(context.Background(), read(0)))
	must(l.Append(context.Background(), read(1)))
	good := must(l.RiskyProof(context.Background(), 0))
	want := must(l.RiskyEntry(context.Background(), 0))
	f.Cleanup(func() { _ = l.Close(context.Background()) })
	f.Add(good)
	f.Add([]byte("c2sp.org/tlog-proof@v1\nextra \nindex 0\n\nx\n"))
	f.Fuzz(func(t *testing.T, b []byte) {
		e, r, err := audit.VerifyProof(b, cfg.VKey)
		if err == nil && r.OK && !reflect.DeepEqual(e, want) && e.Seq != 1 {
			t.Fatalf("a forged proof holds: %q", b)
		}
	})
}

// An export verifies with the key alone, opens no payload, and has the C2SP layout.
func TestExport(t *testing.T) {
	f := newFileLog(t)
	s := must(audit.OpenFileReader(t.Context(), audit.FileConfig{Dir: f.dir}))
	defer s.Close()
	dir := filepath.Join(t.TempDir(), "export")
	h, err := audit.Export(t.Context(), s, f.cfg.VKey, dir)
	if err != nil || h.Size != drillSize {
		t.Fatal(h, err)
	}
	for _, name := range []string{"checkpoint", "log.vkey", "tile/0/000", "tile/0/001.p/44", "tile/1/000.p/1",
		"tile/entries/000", "tile/entries/001.p/44", "payload/000", "payload/001.p/44"} {
		if _, err := os.Stat(filepath.Join(dir, name)); err != nil {
			t.Error(err)
		}
	}
	tile := must(os.ReadFile(filepath.Join(dir, "tile/0/000")))
	bundle := must(os.ReadFile(filepath.Join(dir, "tile/entries/000")))
	if len(tile) != 8192 || tlog.RecordHash(bundle[2:67]) != tlog.Hash(tile[:32]) {
		t.Error("tile and bundle do not belong together")
	}
	r, err := audit.VerifyExport(t.Context(), dir, f.cfg.VKey, f.outside)
	if err != nil || !r.OK || !r.Anchored || r.Size != drillSize {
		t.Fatalf("%+v %v", r, err)
	}
	if _, err := audit.Export(t.Context(), s, f.cfg.VKey, dir); !fault.Is(err, fault.Conflict) {
		t.Fatal("export over an export:", err)
	}
	checkExportDrills(t, f, dir)
}

func checkExportDrills(t *testing.T, f fileLog, dir string) {
	t.Helper()
	for _, name := range []string{"checkpoint", "tile/0/000", "tile/0/001.p/44", "tile/1/000.p/1", "tile/entries/000",
		"tile/entries/001.p/44", "payload/000", "payload/001.p/44"} {
		path := filepath.Join(dir, name)
		whole := must(os.ReadFile(path))
		for what, bad := range map[string][]byte{
			"flip":  flipped(whole, len(whole)/2),
			"first": flipped(whole, 0),
			"cut":   whole[:len(whole)-1],
			"more":  append(bytes.Clone(whole), 0),
			"empty": {},
			"gone":  nil,
		} {
			if err := os.Remove(path); err != nil {
				t.Fatal(err)
			}
			if bad != nil {
				if err := os.WriteFile(path, bad, 0o600); err != nil {
					t.Fatal(err)
				}
			}
			r, err := audit.VerifyExport(t.Context(), dir, f.cfg.VKey, f.outside)
			if name == "checkpoint" && what == "gone" {
				if err == nil {
					t.Error("a folder without checkpoint was verified")
				}
			} else if err != nil || r.OK {
				t.Errorf("%s %s: %+v %v", what, name, r, err)
			}
			if err := os.WriteFile(path, whole, 0o600); err != nil {
				t.Fatal(err)
			}
		}
	}
	if r := must(audit.VerifyExport(t.Context(), dir, f.cfg.VKey, f.outside)); !r.OK {
		t.Fatalf("the drill did not put everything back: %+v", r)
	}
	_, other := audittest.NewSigner(audittest.Name, "another key")
	if r := must(audit.VerifyExport(t.Context(), dir, other)); r.OK {
		t.Error("verified with another key")
	}
	if _, err := audit.VerifyExport(t.Context(), dir, "x"); !errors.Is(err, audit.ErrVKey) {
		t.Error(err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if _, err := audit.VerifyExport(ctx, dir, f.cfg.VKey); !errors.Is(err, context.Canceled) {
		t.Error(err)
	}
}

func flipped(b []byte, at int) []byte {
	b = bytes.Clone(b)
	b[at] ^= 1
	return b
}

func TestExportRefusals(t *testing.T) {
	cfg := closed(t, 3)
	mem := cfg.Store
	dir := func() string { return filepath.Join(t.TempDir(), "x") }
	if _, err := audit.Export(t.Context(), mem, "x", dir()); !errors.Is(err, audit.ErrVKey) {
		t.Error(err)
	}
	if _, err := audit.Export(t.Context(), &audittest.Memory{}, cfg.VKey, dir()); !errors.Is(err, audit.ErrNoCheckpoint) {
		t.Error(err)
	}
	_, other := audittest.NewSigner(audittest.Name, "another key")
	if _, err := audit.Export(t.Context(), mem, other, dir()); !errors.Is(err, audit.ErrNoteKey) {
		t.Error(err)
	}
	file := filepath.Join(t.TempDir(), "file")
	if err := os.WriteFile(file, nil, 0o600); err != nil {
		t.Fatal(err)
	}
	if _, err := audit.Export(t.Context(), mem, cfg.VKey, file); err == nil {
		t.Error("export into a file")
	}
	for k := 1; k < 10; k++ { // every storage call in turn
		faulty := &audittest.Faulty{Store: mem, At: k, Err: errors.New("broken")}
		_, err := audit.Export(t.Context(), faulty, cfg.VKey, dir())
		if faulty.Failed() != (err != nil) {
			t.Errorf("call %d: %v", k, err)
		}
		faulty = &audittest.Faulty{Store: mem, At: k, Err: errors.New("broken")}
		r, err := audit.Verify(t.Context(), audit.VerifyConfig{Store: faulty, VKey: cfg.VKey, Workers: 1})
		if faulty.Failed() != (err != nil) || err == nil && !r.OK {
			t.Errorf("verify, call %d: %+v %v", k, r, err)
		}
	}
}

// The tree that verification recomputes is tlog's, at every size around a block.
func TestVerifySizes(t *testing.T) {
	cfg := audittest.Config()
	l := audittest.Start(t, cfg)
	var last *audit.Pending
	for _, n := range []int{1, 2, 3, 4095, 4096, 4097, 8192, 12288, 16385} {
		for i := int(l.Size()); i < n; i++ {
			last = l.Start(read(i))
		}
		if _, err := last.Wait(t.Context()); err != nil {
			t.Fatal(err)
		}
		want := must(tlog.TreeHash(int64(n), tlog.HashReaderFunc(func(idx []int64) ([]tlog.Hash, error) {
			return cfg.Store.Hashes(t.Context(), idx)
		})))
		note := must(l.Checkpoint(t.Context()))
		r := must(audit.Verify(t.Context(), audit.VerifyConfig{Store: cfg.Store, VKey: cfg.VKey, Outside: [][]byte{note}}))
		if !r.OK || tlog.Hash(r.Root) != want || l.Head().Root != want {
			t.Fatalf("size %d: %+v", n, r)
		}
	}
	scrub := must(audit.NewScrub(cfg.Store, cfg.VKey))
	steps := 0
	for {
		round, err := scrub.Step(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		steps++
		if round {
			break
		}
		if scrub.Position() != int64(steps)*4096 {
			t.Fatal(scrub.Position())
		}
	}
	if steps != 5 {
		t.Fatalf("%d steps", steps)
	}
}

func TestScrubFindsDamage(t *testing.T) {
	if _, err := audit.NewScrub(&audittest.Memory{}, "x"); !errors.Is(err, audit.ErrVKey) {
		t.Fatal(err)
	}
	cfg := closed(t, 5)
	mem := cfg.Store.(*audittest.Memory)
	s := must(audit.NewScrub(mem, cfg.VKey))
	if round, err := s.Step(t.Context()); !round || err != nil {
		t.Fatal(err)
	}
	for k := 1; k < 6; k++ {
		faulty := &audittest.Faulty{Store: mem, At: k, Err: errors.New("broken")}
		s := must(audit.NewScrub(faulty, cfg.VKey))
		if _, err := s.Step(t.Context()); faulty.Failed() != (err != nil) {
			t.Errorf("call %d: %v", k, err)
		}
	}
	_ = mem.SetCheckpoint(t.Context(), audit.Head{}, []byte("x"))
	if _, err := s.Step(t.Context()); !errors.Is(err, audit.ErrNote) {
		t.Fatal(err)
	}
	_ = mem.SetCheckpoint(t.Context(), audit.Head{}, nil)
	if round, err := s.Step(t.Context()); !round || err != nil {
		t.Fatal(err)
	}
	mem.Edit(func(rs []audit.Record) []audit.Record { rs[3].Sealed = []byte("x"); return rs })
	if _, err := s.Step(t.Context()); !errors.Is(err, audit.ErrDamaged) {
		t.Fatal(err)
	}
	var bad *audit.BadRecord
	r := must(audit.Verify(t.Context(), audit.VerifyConfig{Store: mem, VKey: cfg.VKey}))
	if r.OK || r.FirstBad == nil || *r.FirstBad != 3 {
		t.Fatalf("%+v", r)
	}
	if err := error(&audit.BadRecord{Seq: 3, Where: "x"}); !errors.As(err, &bad) || !strings.Contains(err.Error(), "3") {
		t.Fatal(err)
	}
	if _, err := audit.Verify(t.Context(), audit.VerifyConfig{Store: mem, VKey: "x"}); !errors.Is(err, audit.ErrVKey) {
		t.Fatal(err)
	}
}
