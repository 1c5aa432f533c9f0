package audit_test

import (
	"context"
	"errors"
	"fmt"
	"path/filepath"
	"reflect"
	"sync"
	"testing"

	"postern.example/postern/internal/trust/audit"
	"postern.example/postern/internal/trust/audit/audittest"
	"postern.example/postern/internal/word/fault"
)

// fileConfig is a log in files below a new folder.
func fileConfig(t testing.TB) (audit.Config, string) {
	dir := t.TempDir()
	cfg := audittest.Config()
	cfg.Store = audit.NewFileStore(audit.FileConfig{Dir: dir, Reserve: 1 << 16})
	cfg.Outside = audit.NewOutsideFile(filepath.Join(t.TempDir(), "checkpoint"))
	return cfg, dir
}

func read(n int) audit.Entry {
	return audit.Entry{Event: audit.EventRead, Outcome: audit.Success, Action: "readChart",
		Objects: []string{fmt.Sprintf("Observation/%d", n)}}
}

func mustAppend(t testing.TB, l *audit.Log, es ...audit.Entry) (last audit.Receipt) {
	t.Helper()
	for _, e := range es {
		var err error
		if last, err = l.Append(t.Context(), e); err != nil {
			t.Fatalf("append: %v", err)
		}
	}
	return last
}

func TestAppendReadReopen(t *testing.T) {
	cfg, _ := fileConfig(t)
	l := audittest.Start(t, cfg)
	for i := range 20 {
		if r := mustAppend(t, l, read(i)); r.Seq != int64(i) {
			t.Fatalf("entry %d got number %d", i, r.Seq)
		}
	}
	if err := l.Close(t.Context()); err != nil {
		t.Fatal(err)
	}
	if _, err := l.Append(t.Context(), read(0)); !fault.Is(err, fault.Unavailable) {
		t.Fatalf("append to a closed log: %v", err)
	}
	l2, err := audit.Open(t.Context(), cfg)
	if err != nil {
		t.Fatal(err)
	}
	defer l2.Close(context.Background())
	n := 0
	err = l2.RiskyRead(t.Context(), 0, 1000, func(e audit.Entry) error {
		if want := read(n).Objects; !reflect.DeepEqual(e.Objects, want) || e.Seq != int64(n) {
			return fmt.Errorf("entry %d is %+v", n, e)
		}
		n++
		return nil
	})
	if err != nil || n != 20 {
		t.Fatalf("read %d entries: %v", n, err)
	}
	if r := mustAppend(t, l2, read(20)); r.Seq != 20 {
		t.Fatalf("numbering did not go on: %d", r.Seq)
	}
	if _, err := l2.RiskyEntry(t.Context(), 21); !fault.Is(err, fault.NotFound) {
		t.Fatalf("entry beyond the end: %v", err)
	}
}

func TestConcurrentAppend(t *testing.T) {
	cfg, _ := fileConfig(t)
	l := audittest.Start(t, cfg)
	var wg sync.WaitGroup
	var mu sync.Mutex
	seen := map[int64]bool{}
	for g := range 16 {
		wg.Go(func() {
			for i := range 50 {
				r, err := l.Append(t.Context(), read(g*100+i))
				if err != nil {
					t.Error(err)
					return
				}
				mu.Lock()
				if seen[r.Seq] {
					t.Errorf("number %d given twice", r.Seq)
				}
				seen[r.Seq] = true
				mu.Unlock()
			}
		})
	}
	wg.Wait()
	if l.Size() != 800 || len(seen) != 800 {
		t.Fatalf("size %d, %d receipts", l.Size(), len(seen))
	}
}

func TestSecondProcessIsHeldOut(t *testing.T) {
	cfg, dir := fileConfig(t)
	audittest.Start(t, cfg)
	cfg.Store = audit.NewFileStore(audit.FileConfig{Dir: dir})
	if _, err := audit.Open(t.Context(), cfg); !errors.Is(err, audit.ErrHeld) {
		t.Fatalf("second opener: %v", err)
	}
}
