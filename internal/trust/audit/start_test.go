package audit_test

import (
	"context"
	"errors"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"golang.org/x/mod/sumdb/note"

	"postern.example/postern/internal/trust/audit"
	"postern.example/postern/internal/trust/audit/audittest"
	"postern.example/postern/internal/word/fault"
)

func sign(t *testing.T, s note.Signer, text string) []byte {
	t.Helper()
	b, err := note.Sign(&note.Note{Text: text}, s)
	if err != nil {
		t.Fatal(err)
	}
	return b
}

// closed makes a closed log with n entries in memory.
func closed(t *testing.T, n int) audit.Config {
	t.Helper()
	cfg := audittest.Config()
	l := audittest.Start(t, cfg)
	for i := range n {
		mustAppend(t, l, read(i))
	}
	if err := l.Close(t.Context()); err != nil {
		t.Fatal(err)
	}
	return cfg
}

// Each way in which log and checkpoint may disagree refuses the start, and has a
// name of its own.
func TestStartRefusals(t *testing.T) {
	other, _ := audittest.NewSigner(audittest.Name, "another key")
	longer := closed(t, 5)
	longNote, _ := longer.Outside.Load(t.Context())
	different, _ := closed(t, 3).Outside.Load(t.Context())
	for _, c := range []struct {
		name string
		edit func(cfg *audit.Config, out *audittest.Outside)
		want error
		kind fault.Kind
	}{
		{"missing", func(_ *audit.Config, out *audittest.Outside) { out.Set(nil) }, audit.ErrOutsideMissing, fault.Unavailable},
		{"empty file", func(_ *audit.Config, out *audittest.Outside) { out.Set([]byte{}) }, audit.ErrNote, fault.Tampered},
		{"not a note", func(_ *audit.Config, out *audittest.Outside) { out.Set([]byte("nothing\n")) }, audit.ErrNote, fault.Tampered},
		{"another key", func(_ *audit.Config, out *audittest.Outside) {
			out.Set(sign(t, other, audittest.Name+"\n0\n47DEQpj8HBSa+/TImW+5JCeuQeRkm5NMpJWZG3hSuFU=\n"))
		}, audit.ErrNoteKey, fault.Tampered},
		{"flipped signature", func(_ *audit.Config, out *audittest.Outside) {
			b, _ := out.Load(t.Context())
			out.Set([]byte(strings.Replace(string(b), audittest.Name+"\n3\n", audittest.Name+"\n2\n", 1)))
		}, audit.ErrNoteKey, fault.Tampered},
		{"another log", func(cfg *audit.Config, out *audittest.Outside) {
			out.Set(sign(t, cfg.Signer, "postern/elsewhere\n0\n47DEQpj8HBSa+/TImW+5JCeuQeRkm5NMpJWZG3hSuFU=\n"))
		}, audit.ErrOrigin, fault.Tampered},
		{"bad size", func(cfg *audit.Config, out *audittest.Outside) {
			out.Set(sign(t, cfg.Signer, audittest.Name+"\n03\n47DEQpj8HBSa+/TImW+5JCeuQeRkm5NMpJWZG3hSuFU=\n"))
		}, audit.ErrNote, fault.Tampered},
		{"bad root", func(cfg *audit.Config, out *audittest.Outside) {
			out.Set(sign(t, cfg.Signer, audittest.Name+"\n3\nAAAA\n"))
		}, audit.ErrNote, fault.Tampered},
		{"short", func(cfg *audit.Config, out *audittest.Outside) {
			out.Set(sign(t, cfg.Signer, audittest.Name+"\n"))
		}, audit.ErrNote, fault.Tampered},
		{"empty tree with a root", func(cfg *audit.Config, out *audittest.Outside) {
			out.Set(sign(t, cfg.Signer, audittest.Name+"\n0\nAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA=\n"))
		}, audit.ErrNote, fault.Tampered},
		{"smaller log", func(_ *audit.Config, out *audittest.Outside) { out.Set(longNote) }, audit.ErrSmaller, fault.Tampered},
		{"different log", func(_ *audit.Config, out *audittest.Outside) { out.Set(different) }, audit.ErrRoot, fault.Tampered},
		{"own checkpoint broken", func(cfg *audit.Config, _ *audittest.Outside) {
			_ = cfg.Store.SetCheckpoint(t.Context(), audit.Head{}, []byte("x"))
		}, audit.ErrNote, fault.Tampered},
		{"own checkpoint longer", func(cfg *audit.Config, _ *audittest.Outside) {
			_ = cfg.Store.SetCheckpoint(t.Context(), audit.Head{}, longNote)
		}, audit.ErrSmaller, fault.Tampered},
		{"newest entry replaced", func(cfg *audit.Config, _ *audittest.Outside) {
			cfg.Store.(*audittest.Memory).Edit(func(rs []audit.Record) []audit.Record { rs[2].Sealed = rs[1].Sealed; return rs })
		}, nil, fault.Tampered},
		{"newest entry unreadable", func(cfg *audit.Config, _ *audittest.Outside) {
			cfg.Sealer = audittest.NewSealer("another key")
		}, nil, fault.Tampered},
		{"unparsable vkey", func(cfg *audit.Config, _ *audittest.Outside) { cfg.VKey = "x" }, audit.ErrVKey, fault.Invalid},
		{"vkey of another key", func(cfg *audit.Config, _ *audittest.Outside) {
			_, cfg.VKey = audittest.NewSigner(audittest.Name, "another key")
		}, audit.ErrVKey, fault.Tampered},
	} {
		t.Run(c.name, func(t *testing.T) {
			cfg := closed(t, 3)
			c.edit(&cfg, cfg.Outside.(*audittest.Outside))
			l, err := audit.Open(t.Context(), cfg)
			if err == nil {
				_ = l.Close(t.Context())
				t.Fatal("the log started")
			}
			if c.want != nil && !errors.Is(err, c.want) || fault.Of(err) != c.kind {
				t.Fatalf("%v (%v), want %v (%v)", err, fault.Of(err), c.want, c.kind)
			}
		})
	}
}

// An outside checkpoint that lags (a crash between the two writes) is not a reason
// to refuse, nor is a lost own checkpoint.
func TestStartWithOlderOrLostCheckpoint(t *testing.T) {
	cfg := closed(t, 3)
	l, err := audit.Open(t.Context(), cfg)
	if err != nil {
		t.Fatal(err)
	}
	old, _ := cfg.Outside.Load(t.Context())
	mustAppend(t, l, read(3))
	if err := l.Close(t.Context()); err != nil {
		t.Fatal(err)
	}
	cfg.Outside.(*audittest.Outside).Set(old)
	l, err = audit.Open(t.Context(), cfg)
	if err != nil {
		t.Fatal(err)
	}
	if err := l.Close(t.Context()); err != nil {
		t.Fatal(err)
	}
	if now, _ := cfg.Outside.Load(t.Context()); string(now) == string(old) {
		t.Fatal("the outside checkpoint was not brought up")
	}
	if err := cfg.Store.SetCheckpoint(t.Context(), audit.Head{}, nil); err != nil {
		t.Fatal(err)
	}
	l, err = audit.Open(t.Context(), cfg)
	if err != nil {
		t.Fatal(err)
	}
	_ = l.Close(t.Context())
}

func TestCreateRefusesWhatExists(t *testing.T) {
	cfg := closed(t, 1)
	if err := audit.Create(t.Context(), cfg); !fault.Is(err, fault.Conflict) {
		t.Fatalf("create over a log: %v", err)
	}
	cfg.Store = &audittest.Memory{}
	if err := audit.Create(t.Context(), cfg); !fault.Is(err, fault.Conflict) {
		t.Fatalf("create over an outside checkpoint: %v", err)
	}
	cfg.VKey = "x"
	if err := audit.Create(t.Context(), cfg); !errors.Is(err, audit.ErrVKey) {
		t.Fatal(err)
	}
}

// Covers HC-7a: under load a signed checkpoint is outside at least every five
// seconds, and a quiet log signs nothing.
func TestCheckpointEveryFiveSeconds(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		cfg := audittest.Config()
		l := audittest.Start(t, cfg)
		mustAppend(t, l, read(0))
		before, _ := cfg.Outside.Load(t.Context())
		time.Sleep(5 * time.Second)
		synctest.Wait()
		after, _ := cfg.Outside.Load(t.Context())
		if string(before) == string(after) {
			t.Fatal("no checkpoint after five seconds")
		}
		time.Sleep(time.Minute)
		synctest.Wait()
		if quiet, _ := cfg.Outside.Load(t.Context()); string(quiet) != string(after) {
			t.Fatal("a log that does not grow signed again")
		}
		_ = l.Close(context.Background())
	})
}

// An outside medium that is away raises alarms; care goes on; when it is back the
// newest checkpoint goes there. A checkpoint that somebody else wrote stops the log.
func TestOutsideAwayAndMoved(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		cfg := audittest.Config()
		alarms := make(chan error, 100)
		cfg.Alarm = func(err error) { alarms <- err }
		l := audittest.Start(t, cfg)
		out := cfg.Outside.(*audittest.Outside)
		out.Fail(errors.New("unplugged"))
		mustAppend(t, l, read(0))
		time.Sleep(5 * time.Second)
		synctest.Wait()
		if len(alarms) == 0 {
			t.Fatal("no alarm")
		}
		mustAppend(t, l, read(1))
		out.Fail(nil)
		if _, err := l.Checkpoint(t.Context()); err != nil {
			t.Fatal(err)
		}
		good, _ := out.Load(t.Context())
		out.Set([]byte("another server was here"))
		mustAppend(t, l, read(2))
		if _, err := l.Checkpoint(t.Context()); !errors.Is(err, audit.ErrOutsideMoved) || !fault.Is(err, fault.Tampered) {
			t.Fatalf("moved checkpoint: %v", err)
		}
		if _, err := l.Append(t.Context(), read(3)); !fault.Is(err, fault.Unavailable) {
			t.Fatalf("append after a fork was seen: %v", err)
		}
		if _, _, _, err := l.LatestAnchor(); !fault.Is(err, fault.Unavailable) {
			t.Fatalf("anchor of a stopped log: %v", err)
		}
		out.Set(good)
		if err := l.Reopen(t.Context()); err != nil {
			t.Fatal(err)
		}
		mustAppend(t, l, read(3))
		_ = l.Close(context.Background())
	})
}

// brokenSigner signs nothing while broken is set.
type brokenSigner struct {
	note.Signer
	broken bool
}

func (s *brokenSigner) Sign(b []byte) ([]byte, error) {
	if s.broken {
		return nil, errors.New("no key")
	}
	return s.Signer.Sign(b)
}

func TestSignerFails(t *testing.T) {
	cfg := audittest.Config()
	s := &brokenSigner{Signer: cfg.Signer.(note.Signer), broken: true}
	cfg.Signer = s
	if err := audit.Create(t.Context(), cfg); !fault.Is(err, fault.Unavailable) {
		t.Fatal(err)
	}
	s.broken = false
	l := audittest.Start(t, cfg)
	mustAppend(t, l, read(0))
	s.broken = true
	if _, err := l.Checkpoint(t.Context()); !fault.Is(err, fault.Unavailable) {
		t.Fatal(err)
	}
	if _, err := l.RiskyProof(t.Context(), 0); !fault.Is(err, fault.Unavailable) {
		t.Fatal(err)
	}
	s.broken = false
}

func TestOutsideFile(t *testing.T) {
	path := filepath.Join(t.TempDir(), "checkpoint")
	o := audit.NewOutsideFile(path)
	ctx := t.Context()
	if _, err := o.Load(ctx); !errors.Is(err, audit.ErrOutsideMissing) {
		t.Fatal(err)
	}
	if err := o.Swap(ctx, nil, []byte("a")); !errors.Is(err, audit.ErrOutsideMissing) {
		t.Fatal(err)
	}
	if err := o.Create(ctx, []byte("a")); err != nil {
		t.Fatal(err)
	}
	if err := o.Create(ctx, []byte("b")); !errors.Is(err, os.ErrExist) {
		t.Fatal(err)
	}
	if err := o.Swap(ctx, []byte("x"), []byte("b")); !errors.Is(err, audit.ErrOutsideMoved) {
		t.Fatal(err)
	}
	if err := o.Swap(ctx, []byte("a"), []byte("b")); err != nil {
		t.Fatal(err)
	}
	if b, err := o.Load(ctx); err != nil || string(b) != "b" {
		t.Fatal(string(b), err)
	}
	if _, err := audit.NewOutsideFile(filepath.Dir(path)).Load(ctx); err == nil {
		t.Fatal("a folder was read as a checkpoint")
	}
	if err := audit.NewOutsideFile(filepath.Join(path, "x", "y")).Create(ctx, nil); err == nil {
		t.Fatal("created below a file")
	}
}

// A start reads as much of a log that was closed as its logarithm says: twenty thousand
// entries more, and not a kilobyte.
func TestStartDoesNotGrowWithTheLog(t *testing.T) {
	power := audit.NewPowerDisk()
	cfg := audittest.Config()
	cfg.CheckpointEvery = time.Hour
	cfg.Store = audit.NewFileStore(power.Faulty().Config(audit.FileConfig{Reserve: -1,
		Free: func() (int64, error) { return 1 << 40, nil }}))
	if err := audit.Create(t.Context(), cfg); err != nil {
		t.Fatal(err)
	}
	var reads []int64
	for _, n := range []int{100, 20_000, 1} {
		before := power.Read()
		l := must(audit.Open(t.Context(), cfg))
		reads = append(reads, power.Read()-before)
		for done := 0; done < n; done += 500 {
			ps := l.StartTogether(slices.Repeat([]audit.Entry{read(done)}, min(n, 500))...)
			must(ps[len(ps)-1].Wait(t.Context()))
		}
		if err := l.Close(t.Context()); err != nil {
			t.Fatal(err)
		}
	}
	if small, large := reads[1], reads[2]; large > small+1024 {
		t.Errorf("a start reads %d bytes of a log of 100 entries, %d of one of 20,100", small, large)
	}
}

// A busy log is verified with entries that no checkpoint covers: the report says how many.
func TestVerifyCountsWhatIsNotSigned(t *testing.T) {
	cfg := audittest.Config()
	cfg.CheckpointEvery = time.Hour
	l := audittest.Start(t, cfg)
	for i, want := range []int64{1, 0, 2} {
		mustAppend(t, l, read(i))
		if i == 1 {
			must(l.Checkpoint(t.Context()))
		}
		if i == 2 {
			mustAppend(t, l, read(i))
		}
		r := must(audit.Verify(t.Context(), audit.VerifyConfig{Store: cfg.Store, VKey: cfg.VKey}))
		if !r.OK || r.Unsigned != want {
			t.Errorf("step %d: %+v, want %d unsigned", i, r, want)
		}
	}
}
